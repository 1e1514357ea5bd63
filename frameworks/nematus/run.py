"""Runs Nematus' train.py or translate.py as they are, with what they lack, in Nematus' own Python (3.7).

    run.py train|translate --checkout DIR [--gpu] [--seed N] [--dev-target FILE] [--updates-per-epoch N] [--keep-epochs]
           [--stop-after EPOCHS] -- ARGUMENTS

Added from outside: one processor or one GPU, a seed, the convolutional encoder (see conv_encoder.py), exact match on the dev set
as Nematus' validation script, a limit to the length of translations that follows from the data, checkpoints that can be told
whole, and an end after so many epochs without a better one (see epochs.py).
"""

import argparse
import logging
import os
import random
import runpy
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = "exact_match.sh"


def main():
    flags, arguments = parsed(sys.argv[1:])
    package = os.path.join(os.path.abspath(flags.checkout), "nematus")
    program = os.path.join(package, flags.program + ".py")
    if not os.path.isfile(program):
        sys.exit("ERROR: {} is not there: framework.source must be a checkout of Nematus".format(program))
    sys.path[0] = package  # Nematus' modules import each other by their bare names
    sys.path.append(HERE)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    prepare(flags.gpu)
    import conv_encoder

    conv_encoder.install()
    sys.argv = [program, *arguments]
    if flags.program == "train":
        train(program, flags)
    else:
        source = arguments[arguments.index("--input") + 1]
        sys.argv += ["--translation_maxlen", str(2 * longest_line(source) + 20)]
        runpy.run_path(program, run_name="__main__")


def train(program, flags):
    """Train, and say why it ended."""
    import epochs

    kept = epochs.Epochs(flags.updates_per_epoch, flags.keep_epochs, flags.stop_after)
    kept.install()
    if flags.seed is not None:  # what goes on must not draw again what the first epochs drew
        reloaded = sys.argv[sys.argv.index("--reload") + 1] if "--reload" in sys.argv else None
        number = flags.seed + epochs.finished(reloaded, flags.updates_per_epoch)
        logging.info("Seed {}".format(number))
        seed(number)
    if flags.dev_target:
        longest = longest_line(flags.dev_target) + 1  # what is longer is wrong anyway
        sys.argv += ["--valid_script", exact_match_script(flags.dev_target), "--translation_maxlen", str(longest)]
    ends = Ends()
    logging.getLogger().addFilter(ends)
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        if ended.code != 0:
            raise
        if kept.patience_is_over:  # before it went on: Nematus ends at once, and does not say why
            logging.info(epochs.PATIENCE)
    if not ends.early:
        logging.info("All epochs are done")


def prepare(on_gpu):
    """One processor or one GPU a model: Nematus takes all that it sees. Ends where there is no GPU and there has to be one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0] if on_gpu else ""
    if not on_gpu:
        os.environ["OMP_NUM_THREADS"] = "1"  # NumPy's
    import tensorflow
    from tensorflow.python.client import device_lib

    if not on_gpu:
        tensorflow.compat.v1.ConfigProto = one_thread(tensorflow.compat.v1.ConfigProto)
    elif not any(device.device_type == "GPU" for device in device_lib.list_local_devices()):
        sys.exit("ERROR: TensorFlow {} finds no GPU here".format(tensorflow.__version__))


def one_thread(plain):
    """What makes the configurations of sessions, with one thread."""

    def config(*arguments, **named):
        made = plain(*arguments, **named)
        made.intra_op_parallelism_threads = made.inter_op_parallelism_threads = 1
        return made

    return config


def parsed(words):
    """Our flags, and what follows `--` for Nematus."""
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["train", "translate"])
    flags.add_argument("--checkout", required=True)
    flags.add_argument("--gpu", action="store_true")
    flags.add_argument("--seed", type=int)
    flags.add_argument("--dev-target")
    flags.add_argument("--updates-per-epoch", type=int, default=0)
    flags.add_argument("--keep-epochs", action="store_true")
    flags.add_argument("--stop-after", type=int, default=0)
    return flags.parse_args(words[:cut]), words[cut + 1 :]


def seed(number):
    """Python's generator shuffles, NumPy's and TensorFlow's initialise and drop."""
    import numpy
    import tensorflow

    random.seed(number)
    numpy.random.seed(number)
    tensorflow.compat.v1.set_random_seed(number)


class Ends(logging.Filter):
    """Notices whether Nematus says itself why it ended: at the last epoch it says nothing."""

    early = False

    def filter(self, record):
        """Lets everything pass."""
        if record.getMessage() in ("Early Stop!", "Maximum number of updates reached"):
            self.early = True
        return True


def longest_line(path):
    """How many tokens the longest line of a file has."""
    with open(path, encoding="utf-8", newline="\n") as file:
        return max([len(line.split(" ")) for line in file] + [1])


def exact_match_script(targets):
    """An executable script in the current folder, as --valid_script wants it; its path."""
    path = os.path.abspath(SCRIPT)
    words = [sys.executable, os.path.join(HERE, "exact_match.py"), targets]
    with open(path, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nexec {} "$1"\n'.format(" ".join(map(shlex.quote, words))))
    os.chmod(path, 0o755)
    return path


if __name__ == "__main__":
    main()
