"""Runs t2t-datagen, t2t-trainer or t2t-decoder as they are, with what they lack, in tensor2tensor's own Python (3.7).

    run.py datagen|decoder -- FLAGS
    run.py trainer --dataset DIR --steps-per-epoch N [--patience N] [--restore CHECKPOINT] -- FLAGS

tensor2tensor warns of a flag that it does not know and goes on; here it ends. Added to training, at each checkpoint: exact match
on the dev set, a copy of the best one, patience (see daisy_validation.py). Added to decoding: each line comes out, in its place.
"""

import argparse
import logging
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")  # TensorFlow 1.15 tells hundreds of times that TensorFlow 2 is there

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    known, arguments = parsed(sys.argv[1:])
    quiet()
    if known.program == "datagen":
        from tensor2tensor.bin import t2t_datagen as program
    elif known.program == "decoder":
        from tensor2tensor.bin import t2t_decoder as program
    else:
        from tensor2tensor.bin import t2t_trainer as program
    name = "t2t-" + known.program
    take_flags([name, *arguments])
    if known.program != "datagen" and program.FLAGS.worker_gpu:
        one_gpu()
    if known.program == "decoder":
        decode(program, name)
    elif known.program == "trainer":
        train(program, name, known)
    else:
        program.main([name])


def parsed(words):
    """Our flags, and what follows `--` for tensor2tensor."""
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["datagen", "trainer", "decoder"])
    flags.add_argument("--dataset")
    flags.add_argument("--steps-per-epoch", type=int)
    flags.add_argument("--patience", type=int, default=0)
    flags.add_argument("--restore")
    return flags.parse_args(words[:cut]), words[cut + 1 :]


def quiet():
    """Each line once, and none about what is deprecated."""
    import tensorflow

    logger = tensorflow.compat.v1.get_logger()
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addFilter(lambda record: "deprecated" not in str(record.msg))


def take_flags(words):
    """tensor2tensor's flags, all of which it must know."""
    from absl import flags

    try:
        flags.FLAGS(words)
    except flags.Error as error:
        print("error: {}".format(error), file=sys.stderr)
        sys.exit(2)


def one_gpu():
    """TensorFlow takes all GPUs that it sees; where it sees none it would go on, without a word, on the processor."""
    import tensorflow
    from tensorflow.python.client import device_lib

    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    if not any(device.device_type == "GPU" for device in device_lib.list_local_devices()):
        sys.exit("error: TensorFlow {} finds no GPU here".format(tensorflow.__version__))


def train(program, name, known):
    """Train to the last step or until patience is over, validating at each checkpoint."""
    from tensor2tensor.utils import trainer_lib

    import daisy_checkpoints
    import daisy_validation

    flags = program.FLAGS
    step = daisy_checkpoints.take_up(flags.output_dir, known.restore)
    history = daisy_checkpoints.History(flags.output_dir, step)
    flags.random_seed += step // known.steps_per_epoch  # what goes on must not draw again what the first epochs drew

    def run(experiment):
        estimator, hparams = experiment.estimator, experiment._hparams
        validation = daisy_validation.Validation(
            flags.model, hparams, estimator.config.data_parallelism, dev(known.dataset),
            known.steps_per_epoch, known.patience, history,
        )  # fmt: skip
        if not flags.worker_gpu:  # optimising the graph takes more time on a processor than it saves
            estimator._session_config.graph_options.rewrite_options.disable_meta_optimizer = True
        over = step >= experiment.train_steps
        if over and not history.knows(step):
            validation.alone(step)
        elif not over and not validation.patience_is_over():
            spec = experiment._train_spec
            estimator.train(spec.input_fn, hooks=spec.hooks, max_steps=spec.max_steps, saving_listeners=[validation])
        daisy_validation.tell("finished: {}".format("patience" if validation.patience_is_over() else "epochs"))

    trainer_lib.T2TExperiment.train = run
    without_autograph()
    program.main([name])


def without_autograph():
    """Build the network as it is written: TensorFlow 1.15 rewrites its Python first, for half a minute, to no effect."""
    import tensorflow.compat.v1 as tf
    from tensor2tensor.utils import t2t_model

    t2t_model.T2TModel.call = tf.autograph.experimental.do_not_convert(t2t_model.T2TModel.call)


def dev(folder):
    """The dev set's pairs of lines."""
    from daisy_pairs import lines

    return list(zip(lines(folder, "dev-source"), lines(folder, "dev-target")))


def decode(program, name):
    """Decode all lines of a file, whatever white space they have in them."""
    from tensor2tensor.utils import decoding

    flags = program.FLAGS
    with open(flags.decode_from_file, encoding="utf-8", newline="\n") as file:
        text = file.read()
    inputs = text[:-1].split("\n") if text.endswith("\n") else text.split("\n") if text else []
    if not inputs:
        open(flags.decode_to_file, "w").close()
        return
    decoding._get_sorted_inputs = lambda *unused: longest_first(inputs)
    with tempfile.TemporaryDirectory() as folder:
        flags.output_dir = folder  # the decoder makes folders in it, and would read hparams of before from it
        program.main([name])


def longest_first(inputs):
    """The inputs from the longest to the shortest, and where each of them is then."""
    order = sorted(range(len(inputs)), key=lambda index: -len(inputs[index].split(" ")))
    return [inputs[index] for index in order], {index: place for place, index in enumerate(order)}


if __name__ == "__main__":
    main()
