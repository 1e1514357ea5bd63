"""Checkpoints of TensorFlow in the model's folder: what training goes on from, and a copy of the best one.

PREFIX-STEP.data-* are whole before PREFIX-STEP.index is written; `checkpoint` names the one that TensorFlow takes up.
"""

import glob
import json
import os
import shutil
import sys

import tensorflow.compat.v1 as tf

NAME = "model.ckpt"
PROGRESS = "progress.json"
BEST = "best"


def prefix(folder, step):
    """Where the checkpoint of a step is."""
    return os.path.join(folder, "{}-{}".format(NAME, step))


def step_of(path):
    """The step in a checkpoint's name."""
    return int(path.rsplit("-", 1)[1])


def take_up(folder, whole):
    """Make `whole`, a checkpoint's prefix or None, the one that training goes on from; clear away what a kill left.

    Its step, 0 for None.
    """
    for left in glob.glob(os.path.join(folder, NAME + "-*_temp_*")):
        shutil.rmtree(left)
    for name in ("checkpoint", "hparams.json"):  # tensor2tensor would mix those hparams into the ones it is given
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    if whole is None:
        return 0
    step = step_of(whole)
    if os.path.dirname(os.path.abspath(whole)) != os.path.abspath(folder):
        copy(whole, folder)
    others = {step_of(path[: -len(".index")]) for path in glob.glob(os.path.join(folder, NAME + "-*.index"))}
    kept = [prefix(folder, other) for other in sorted(others) if other < step] + [prefix(folder, step)]
    tf.train.update_checkpoint_state(folder, kept[-1], kept)  # the older ones too: they are removed in their turn
    return step


def keep_best(folder, step):
    """Copy the checkpoint of a step to best/, then remove the one that was there."""
    best = os.path.join(folder, BEST)
    os.makedirs(best, exist_ok=True)
    copy(prefix(folder, step), best)
    for path in os.listdir(best):
        if not path.startswith("{}-{}.".format(NAME, step)):
            os.remove(os.path.join(best, path))


def copy(whole, folder):
    """Copy a checkpoint's files, each with a rename, the index last: without it nothing is taken for a checkpoint."""
    for path in [*sorted(glob.glob(whole + ".data-*")), whole + ".index"]:
        unfinished = os.path.join(folder, "unfinished")
        shutil.copyfile(path, unfinished)
        os.replace(unfinished, os.path.join(folder, os.path.basename(path)))


class History:
    """The epochs that were validated, in progress.json: [{"epoch": 1, "step": 50, "dev_accuracy": 0.1}, ...]."""

    def __init__(self, folder, until):
        """What is known of the steps up to `until`, where training goes on."""
        self._folder, self._path = folder, os.path.join(folder, PROGRESS)
        self.epochs = [entry for entry in self._read() if entry["step"] <= until]

    def _read(self):
        try:
            with open(self._path, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return []
        except ValueError:
            sys.exit("error: {} is damaged: delete it, and what was best so far is forgotten".format(self._path))

    def knows(self, step):
        """Whether the checkpoint of a step was validated."""
        return any(entry["step"] == step for entry in self.epochs)

    @property
    def best(self):
        """The accuracy of what is in best/; None where nothing is, or it was not validated."""
        kept = {step_of(path[: -len(".index")]) for path in glob.glob(prefix(os.path.join(self._folder, BEST), "*.index"))}
        return max((entry["dev_accuracy"] for entry in self.epochs if entry["step"] in kept), default=None)

    @property
    def stalled(self):
        """How many epochs there were since one was better than all before it."""
        accuracies = [entry["dev_accuracy"] for entry in self.epochs]
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) if accuracies else 0

    def add(self, epoch, step, accuracy):
        """Note an epoch, with a rename."""
        self.epochs.append({"epoch": epoch, "step": step, "dev_accuracy": accuracy})
        with open(self._path + ".unfinished", "w", encoding="utf-8") as file:
            json.dump(self.epochs, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".unfinished", self._path)
