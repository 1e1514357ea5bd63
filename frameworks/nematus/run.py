"""Runs Nematus' train.py or translate.py as they are, with what they lack, in Nematus' own Python (3.6 or newer).

    run.py train|translate --checkout DIR [--seed N] [--dev-target FILE] [--updates-per-epoch N] [--keep-epochs]
           [--stop-after EPOCHS] -- ARGUMENTS

Added from outside: a seed, the convolutional encoder (see conv_encoder.py), exact match on the dev set as Nematus' validation
script, an end after so many epochs without a better one, a limit to the length of translations that follows from the data, and
checkpoints that can be told whole: the progress file is written last and atomically, and says that it was.
"""

import argparse
import json
import logging
import os
import random
import re
import runpy
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = "exact_match.sh"
CHECKPOINT = re.compile(r"(.*)-(\d+)")


def main():
    flags, arguments = parsed(sys.argv[1:])
    package = os.path.join(os.path.abspath(flags.checkout), "nematus")
    program = os.path.join(package, flags.program + ".py")
    if not os.path.isfile(program):
        sys.exit("ERROR: {} is not there: framework.source must be a checkout of Nematus".format(program))
    sys.path[0] = package  # Nematus' modules import each other by their bare names
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    seed(flags.seed)
    sys.path.append(HERE)
    import conv_encoder

    conv_encoder.install()
    ends = Ends()
    if flags.program == "train":
        logging.getLogger().addFilter(ends)
        keep_progress(flags.updates_per_epoch, flags.keep_epochs, flags.stop_after)
        if flags.dev_target:
            longest = longest_line(flags.dev_target) + 1  # what is longer is wrong anyway
            arguments += ["--valid_script", exact_match_script(flags.dev_target), "--translation_maxlen", str(longest)]
    else:
        source = arguments[arguments.index("--input") + 1]
        arguments += ["--translation_maxlen", str(2 * longest_line(source) + 20)]
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
    if flags.program == "train" and not ends.early:
        logging.info("All epochs are done")


def parsed(words):
    """Our flags, and what follows `--` for Nematus."""
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["train", "translate"])
    flags.add_argument("--checkout", required=True)
    flags.add_argument("--seed", type=int)
    flags.add_argument("--dev-target")
    flags.add_argument("--updates-per-epoch", type=int, default=0)
    flags.add_argument("--keep-epochs", action="store_true")
    flags.add_argument("--stop-after", type=int, default=0)
    return flags.parse_args(words[:cut]), words[cut + 1 :]


def seed(number):
    """Python's generator shuffles, NumPy's and TensorFlow's initialise and drop."""
    if number is None:
        return
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


def keep_progress(updates_per_epoch, keep_epochs, stop_after):
    """Write progress files atomically, tell of whole checkpoints, go on at the epoch that follows them, end when it is time."""
    from training_progress import TrainingProgress

    def save_to_json(progress, path):
        found = CHECKPOINT.fullmatch(path[: -len(".progress.json")])
        ends = found is not None and without_a_better(progress.valid_script_scores) >= stop_after > 0
        progress.estop = progress.estop or ends  # Nematus looks at it behind each epoch
        unfinished = path + ".unfinished"
        with open(unfinished, "w", encoding="utf-8") as file:
            json.dump(progress.__dict__, file, indent=2, default=float)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        if found and updates_per_epoch:
            logging.info(
                "Saved checkpoint of epoch {} at update {}".format(int(found.group(2)) // updates_per_epoch, found.group(2))
            )
            if not keep_epochs:
                remove_older(found.group(1), int(found.group(2)))
        if ends:
            logging.info("Early Stop!")

    def load_from_json(progress, path):
        with open(path, encoding="utf-8") as file:
            progress.__dict__.update(json.load(file))
        if updates_per_epoch and progress.uidx % updates_per_epoch == 0:
            progress.eidx = progress.uidx // updates_per_epoch  # that epoch is done; Nematus would do it again

    TrainingProgress.save_to_json = save_to_json
    TrainingProgress.load_from_json = load_from_json


def without_a_better(scores):
    """How many of the last scores are no better than the best one before them."""
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def remove_older(prefix, newest):
    """Remove the checkpoints before the newest one, which is whole: Nematus keeps all of them."""
    folder, name = os.path.split(prefix)
    pattern = re.compile(re.escape(name) + r"-(\d+)\..*")
    for file in os.listdir(folder or "."):
        found = pattern.fullmatch(file)
        if found and int(found.group(1)) < newest:
            os.remove(os.path.join(folder, file))


if __name__ == "__main__":
    main()
