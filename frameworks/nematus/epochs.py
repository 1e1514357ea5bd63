"""What is kept of Nematus' epochs: whole checkpoints, a list of them with their scores; and when training has to end.

progress.json: [{"epoch": 1, "step": 250, "dev_accuracy": 0.1}, ...], the epochs that are done. m-STEP is the checkpoint.
"""

import json
import logging
import os
import re

CHECKPOINT = re.compile(r"(.*)-(\d+)\.progress\.json")
PROGRESS = "progress.json"
COPY = ".best-valid-script."  # behind the model's name: Nematus' copy of the best epoch's checkpoint
PATIENCE = "Early Stop!"  # as Nematus says it


class Epochs(object):
    """Stands in for what Nematus writes and reads of its progress: atomically, the progress file behind the checkpoint.

    With `updates_per_epoch` 0 nothing is told or removed. `patience_is_over` tells that of what training goes on from.
    """

    patience_is_over = False

    def __init__(self, updates_per_epoch, keep_all, stop_after):
        self._updates_per_epoch, self._keep_all, self._stop_after = updates_per_epoch, keep_all, stop_after

    def install(self):
        """Put it in the place of Nematus' own."""
        from training_progress import TrainingProgress

        TrainingProgress.save_to_json = lambda progress, path: self.save(progress, path)
        TrainingProgress.load_from_json = lambda progress, path: self.load(progress, path)

    def save(self, progress, path):
        """Write a progress file. That of an epoch ends its checkpoint: tell it, remove what is not needed, end in time."""
        found = CHECKPOINT.fullmatch(path)
        ends = found is not None and without_a_better(progress.valid_script_scores) >= self._stop_after > 0
        progress.estop = progress.estop or ends  # Nematus looks at it behind each epoch
        write_whole(path, progress.__dict__)
        if found and self._updates_per_epoch:
            self._keep(progress.valid_script_scores, found.group(1), int(found.group(2)))
        if ends:
            logging.info(PATIENCE)

    def load(self, progress, path):
        """Read a progress file. Its epoch is done; Nematus would do it again."""
        with open(path, encoding="utf-8") as file:
            progress.__dict__.update(json.load(file))
        self.patience_is_over = progress.estop
        found = CHECKPOINT.fullmatch(path)
        if found and self._updates_per_epoch:
            self._list(progress.valid_script_scores, found.group(1))  # a kill may have come before it was written
            if progress.uidx % self._updates_per_epoch == 0:
                progress.eidx = progress.uidx // self._updates_per_epoch

    def _keep(self, scores, prefix, step):
        """Tell of the whole checkpoint of an epoch; keep it and the best one."""
        self._list(scores, prefix)
        logging.info("Saved checkpoint of epoch {} at update {}".format(step // self._updates_per_epoch, step))
        best = scores.index(max(scores)) + 1 if scores else 0  # the first of equally good ones
        best_step = best * self._updates_per_epoch
        if os.path.exists("{}-{}.index".format(prefix, best_step)):  # not so where a training of before goes on
            remove(prefix + COPY)  # its files were moved there one by one; the epoch's own checkpoint is the same, and whole
        if not self._keep_all:
            remove_older(prefix, step, best_step)

    def _list(self, scores, prefix):
        """Write progress.json: there was one validation an epoch."""
        listed = [
            {"epoch": epoch, "step": epoch * self._updates_per_epoch, "dev_accuracy": score}
            for epoch, score in enumerate(scores, start=1)
        ]
        write_whole(os.path.join(os.path.dirname(prefix), PROGRESS), listed)


def finished(checkpoint, updates_per_epoch):
    """How many epochs the checkpoint that training goes on from has behind it; 0 for None."""
    if checkpoint is None or not updates_per_epoch:
        return 0
    with open(checkpoint + ".progress.json", encoding="utf-8") as file:
        return json.load(file)["uidx"] // updates_per_epoch


def without_a_better(scores):
    """How many of the last scores are no better than the best one before them."""
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def write_whole(path, content):
    """Write JSON under another name, and rename it."""
    unfinished = path + ".unfinished"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, default=float)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def remove(beginning):
    """Remove the files whose paths begin so."""
    folder, name = os.path.split(beginning)
    for file in os.listdir(folder or "."):
        if file.startswith(name):
            os.remove(os.path.join(folder, file))


def remove_older(prefix, newest, best):
    """Remove the checkpoints before the newest one but the best one: Nematus keeps all of them."""
    folder, name = os.path.split(prefix)
    pattern = re.compile(re.escape(name) + r"-(\d+)\..*")
    for file in os.listdir(folder or "."):
        found = pattern.fullmatch(file)
        if found and int(found.group(1)) < newest and int(found.group(1)) != best:
            os.remove(os.path.join(folder, file))
