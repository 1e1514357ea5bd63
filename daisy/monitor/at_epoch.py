"""The trials of a search at the same epoch: some have trained for longer than others, and are not compared with them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from daisy.folder import ModelFolder
from daisy.framework.measure import ACCURACY, DEV_ACCURACY, LOSS, usual_direction
from daisy.monitor.seen import SeenSearch


@dataclass(frozen=True)
class Value:
    """The mean over so many models of a trial."""

    value: float
    count: int


@dataclass(frozen=True)
class AtEpoch:
    """A figure of each trial at one epoch, by the trial's number; those that did not get that far have none."""

    epoch: int
    name: str
    direction: str
    values: dict[int, Value]

    @property
    def sign(self) -> float:
        """What a value is multiplied by so that more of it is better."""
        return 1.0 if self.direction == "maximize" else -1.0


def at_epoch(models_dir: Path, seen: SeenSearch, epoch: int) -> AtEpoch:
    """The figure that the pruner goes by, else the one that most models tell of that epoch, at that epoch."""
    found: dict[int, list[dict[str, float]]] = {}
    for base in seen.bases:
        for trial in base.trials:
            ids = [model.model for model in trial.models if model.model is not None]
            found[trial.number] = [figures for one in ids if (figures := ModelFolder(models_dir / one).figures_at(epoch))]
    name = seen.measure["name"] if seen.measure is not None else _most_told([one for own in found.values() for one in own])
    direction = seen.measure["direction"] if seen.measure is not None else usual_direction(name) or "maximize"
    values = {}
    for number, own in found.items():
        if told := [figures[name] for figures in own if name in figures]:
            values[number] = Value(fmean(told), len(told))
    return AtEpoch(epoch, name, direction, values)


def _most_told(figures: Sequence[dict[str, float]]) -> str:
    """The figure that most models have; of several the one that says most of a model."""
    counts = Counter(name for one in figures for name in one)
    order = (ACCURACY, DEV_ACCURACY, *sorted(counts.keys() - {ACCURACY, DEV_ACCURACY, LOSS}), LOSS)
    return max(order, key=lambda name: counts[name])
