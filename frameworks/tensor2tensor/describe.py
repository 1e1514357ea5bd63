"""Prints tensor2tensor's version, and which hparams a Transformer and its decoder have, as JSON."""

import json
import warnings

warnings.simplefilter("ignore")

OF_PREDICTION = {"beam_size", "alpha", "extra_length"}  # those of the decoder's hparams that a Transformer heeds


def main():
    import pkg_resources
    import tensorflow
    from tensor2tensor.models import transformer  # noqa: F401 - registers its hparams
    from tensor2tensor.utils import decoding, registry

    hparams = registry.hparams("transformer_base").values()
    names = {name for name, value in hparams.items() if not isinstance(value, dict)}  # no text can be parsed as a dict
    names |= OF_PREDICTION & set(decoding.decode_hparams().values())
    version = "{}, TensorFlow {}".format(pkg_resources.get_distribution("tensor2tensor").version, tensorflow.__version__)
    print(json.dumps({"version": version, "options": sorted(names)}))


if __name__ == "__main__":
    main()
