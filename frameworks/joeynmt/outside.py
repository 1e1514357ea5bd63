"""What JoeyNMT lacks, added from outside: its own sources stay as they are.

The best checkpoint and patience by exact match on the dev set; checkpoints that are whole whenever a kill comes, and training
that goes on from them exactly where it was; a constant learning rate; canonical files read as they are.
"""

import json
import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from joeynmt import data, prediction, training, vocabulary
from joeynmt.datasets import PlaintextDataset
from joeynmt.tokenizers import BasicTokenizer
from tqdm import tqdm

EXACT_MATCH = "sequence_accuracy"  # JoeyNMT's name, in percent


class OutOfPatience(Exception):
    """No epoch was better for as long as training.patience says."""


class Trainer(training.TrainManager):
    """JoeyNMT's trainer, with one checkpoint an epoch.

    In model_dir are `latest.ckpt`, from which training goes on, `best.ckpt` (weights), and with training.keep_best_ckpts below 0
    `epoch-N.ckpt` (weights) of each epoch. What the last line of an epoch says is on disk then.
    """

    log_every = 1  # steps
    ended = "epochs"

    def __init__(self, train_args: Any, **rest: Any) -> None:
        self.stalled = 0  # epochs in a row that were not better
        self.generators: dict[str, Any] = {}
        by_exact_match = {"early_stopping_metric": EXACT_MATCH, "minimize_metric": False, "logging_freq": self.log_every}
        super().__init__(train_args=train_args._replace(**by_exact_match), **rest)

    def init_from_checkpoint(self, path: Path, **rest: Any) -> None:
        """Go on behind the epoch that the checkpoint was saved after: JoeyNMT would do that one again."""
        super().init_from_checkpoint(path, **rest)
        state = torch.load(path, map_location="cpu")["daisy"]
        self.stalled, self.generators = state["stalled"], state["generators"]
        self.stats.epochs += 1

    def train_and_validate(self, train_data: Any, valid_data: Any) -> None:
        """Train what is left to train."""
        self._heed_patience()
        if self.stats.epochs > self.args.epochs:
            return
        if self.generators:
            torch.set_rng_state(self.generators["cpu"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state_all(self.generators["cuda"])
        super().train_and_validate(train_data, valid_data)
        if self.stats.is_min_lr:
            type(self).ended = "learning_rate_min"

    def _validate(self, valid_data: Any) -> None:
        super()._validate(valid_data)
        (self.model_dir / f"{self.stats.steps}.hyps").replace(self.model_dir / "dev.hyps")
        self._heed_patience()

    def _heed_patience(self) -> None:
        if 0 < self.args.patience <= self.stalled:
            raise OutOfPatience

    def _save_checkpoint(self, new_best: bool, score: float) -> None:
        """Save the epoch that was just validated; what goes on from it comes last."""
        if math.isnan(score):
            return  # JoeyNMT saves once more when it ends, wherever in an epoch that is
        self.stalled = 0 if new_best else self.stalled + 1
        weights = {"model_state": self.model.state_dict(), "stats_state": self.stats.state_dict()}
        place = {"epoch": self.stats.epochs, "step": self.stats.steps}
        if self.args.keep_best_ckpts < 0:
            save(weights, self.model_dir / f"epoch-{self.stats.epochs}.ckpt", place)
        if new_best:
            save(weights, self.model_dir / "best.ckpt", place)
        on_gpu = self.device.type == "cuda"
        generators = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if on_gpu else []}
        state = {
            **weights,
            "optimizer_state": self.optimizer.state_dict(),
            "scaler_state": self.scaler.state_dict() if self.scaler is not None else None,
            "scheduler_state": self.scheduler.state_dict() if self.scheduler is not None else None,
            "train_iter_state": self.train_iter.batch_sampler.get_state(),
            "daisy": {"stalled": self.stalled, "generators": generators},
        }
        save(state, self.model_dir / "latest.ckpt", place)

    def _add_report(self, valid_scores: dict[str, float], new_best: bool = False) -> None:
        super()._add_report(valid_scores, new_best)
        accuracy, loss = valid_scores[EXACT_MATCH] / 100, valid_scores["loss"]
        place = f"epoch {self.stats.epochs} at step {self.stats.steps}"
        print(f"[daisy] {place}: dev_accuracy {accuracy:.6f}, valid_loss {loss:.6f}, saved", flush=True)


class CanonicalDataset(PlaintextDataset):
    """The files PATH-source and PATH-target as they are.

    JoeyNMT's own reader ends lines at more characters than `\\n` and wants a dot in the names of the files.
    """

    def load_data(self, path: str, **rest: Any) -> dict[str, list[str]]:
        """The lines of both sides."""
        return {side: lines_of(Path(f"{path}-{side}")) for side in (self.src_lang, self.trg_lang)}


def install(log_every: int) -> None:
    """Put ours where JoeyNMT looks for its own."""
    plain_dataset, plain_scheduler, plain_search = data.build_dataset, training.build_scheduler, prediction.search

    def build_dataset(dataset_type: str, **rest: Any) -> Any:
        if dataset_type == "plain":
            return CanonicalDataset(has_trg=True, **rest)
        return plain_dataset(dataset_type=dataset_type, **rest)

    def build_scheduler(cfg: dict[str, Any], **rest: Any) -> tuple[Any, str]:
        """Without `scheduling` a constant rate, as JoeyNMT documents it; it raises instead."""
        return (None, "none") if cfg["scheduling"] is None else plain_scheduler(cfg=cfg, **rest)

    def search(batch: Any, max_output_length: int, **rest: Any) -> Any:
        """JoeyNMT's own limit, 1.5 times the longest source of a batch, cuts what short sources become."""
        if max_output_length < 0:
            max_output_length = 2 * int(batch.src_length.max()) + 20
        return plain_search(batch=batch, max_output_length=max_output_length, **rest)

    data.build_dataset, training.build_scheduler, prediction.search = build_dataset, build_scheduler, search
    prediction.tqdm = lambda **rest: tqdm(**{**rest, "disable": True})  # a progress bar is one endless line in a log
    BasicTokenizer.SPACE_ESCAPE = None  # a line of `▁` alone would be an IndexError; no token is None
    vocabulary.read_list_from_file = lines_of
    training.TrainManager = Trainer
    Trainer.log_every = log_every


def lines_of(file: Path) -> list[str]:
    """The lines of a UTF-8 file; only `\\n` ends one."""
    text = file.read_bytes().decode("utf-8")
    return text.removesuffix("\n").split("\n") if text else []


def save(state: dict[str, Any], path: Path, place: dict[str, int]) -> None:
    """A checkpoint under its name once it is whole on disk; an entry `daisy.json` says of which epoch and step it is."""

    def write(file: BinaryIO) -> None:
        torch.save(state, file)
        with zipfile.ZipFile(file, "a") as archive:  # in the folder that all entries are in: PyTorch wants it so
            archive.writestr(f"{archive.namelist()[0].partition('/')[0]}/daisy.json", json.dumps(place))

    write_whole(path, write)


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """A file under its name once it is whole on disk."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("w+b") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
