"""A judge of a training: told its figures, it says whether to go on. What it is told, and when."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from daisy.framework import Progress
from daisy.framework.measure import ACCURACY, LOSS
from daisy.job.gauge import Gauge

JUDGED = "judged"  # beside a figure in metrics.jsonl: the step as which the judge was told it


class Judge(Protocol):
    """Who says whether a training is to go on, by one figure of metrics.jsonl."""

    @property
    def measure(self) -> str:
        """The figure's name in metrics.jsonl."""

    def report(self, step: int, value: float) -> str | None:
        """The reason why training is to end now; None to go on. What it raises ends the training as failed.

        Each step is told once, whatever is resumed; it is the epoch where one is known, else the number of updates.
        """


@dataclass(frozen=True)
class Figure:
    """A figure for a judge. `counts` is where it is from, as metrics.jsonl has it; `here`: the line that was read tells it."""

    step: int
    measure: str
    value: float
    counts: Mapping[str, int]
    here: bool = True

    def to_json(self) -> dict[str, Any]:
        """Its line in metrics.jsonl."""
        return {**self.counts, self.measure: self.value, JUDGED: self.step}


@dataclass(frozen=True)
class Pruned:
    """Why training was ended before its end: the judge's words, after what it was told."""

    words: str
    step: int
    measure: str
    value: float
    by_epoch: bool = True

    @classmethod
    def of(cls, content: Mapping[str, Any] | None) -> "Pruned | None":
        """From pruned.json; None where that is not there, or damaged."""
        try:
            return cls(**content) if content is not None else None
        except TypeError:
            return None

    @property
    def reason(self) -> str:
        """In a line."""
        return f"pruned at {'epoch' if self.by_epoch else 'update'} {self.step}: {self.words}"

    @property
    def at(self) -> dict[str, Any]:
        """As result.json has it."""
        return {"step": self.step, "measure": self.measure, "value": self.value}


class Hearing:
    """Picks a judge's figures out of what a log tells: a training's own loss only at the end of an epoch, and never NaN.

    `told` are the steps that it was told in earlier attempts.
    """

    def __init__(self, judge: Judge | None, told: Iterable[int] = ()) -> None:
        self._judge, self._told = judge, set(told)
        self._epoch: int | None = None
        self._loss: float | None = None  # the last one of this epoch
        self.verdict: Pruned | None = None

    @property
    def unheard(self) -> str | None:
        """The figure that the judge goes by, where it was told none in any attempt."""
        return self._judge.measure if self._judge is not None and not self._told else None

    def figures(self, progress: Progress, gauge: Gauge) -> list[Figure]:
        """What the judge is to be told after a line; `gauge` knows the line already."""
        if self._judge is None or self.verdict is not None or self._judge.measure == ACCURACY:
            return []
        if self._judge.measure == LOSS:
            found = self._losses(progress, gauge)
        else:
            value = progress.measures.get(self._judge.measure)
            found = [self._figure(gauge.epoch, gauge.updates, value)]
        return [figure for figure in found if figure is not None]

    def accuracy(self, epoch: int, accuracy: float) -> Figure | None:
        """What the judge is to be told when Daisy has scored an epoch."""
        if self._judge is None or self.verdict is not None or self._judge.measure != ACCURACY:
            return None
        return self._figure(epoch, None, accuracy)

    def tell(self, figure: Figure, epochs: int | None) -> None:
        """Tell the judge; its verdict on the last of so many epochs is none: nothing is left to be spared then."""
        assert self._judge is not None
        by_epoch = "epoch" in figure.counts
        words = self._judge.report(figure.step, figure.value)
        if words is not None and not (by_epoch and epochs is not None and figure.step >= epochs):
            self.verdict = Pruned(words, figure.step, figure.measure, figure.value, by_epoch)

    def _losses(self, progress: Progress, gauge: Gauge) -> list[Figure | None]:
        """The loss of the epoch before, where a new one has begun; that of this one, where the line ends it."""
        found: list[Figure | None] = []
        if gauge.epoch != self._epoch:
            found.append(self._figure(self._epoch, None, self._loss, here=False))
            self._epoch, self._loss = gauge.epoch, None
        loss = progress.measures.get(LOSS)
        self._loss = loss if loss is not None else self._loss
        if progress.epoch_done:
            found.append(self._figure(self._epoch, None, self._loss, here=loss is not None))
        return found

    def _figure(self, epoch: int | None, updates: int | None, value: float | None, here: bool = True) -> Figure | None:
        step = epoch if epoch is not None else updates
        if self._judge is None or step is None or value is None or not math.isfinite(value) or step in self._told:
            return None
        self._told.add(step)
        counts = {"epoch": epoch, "step": updates}
        known = {name: count for name, count in counts.items() if count is not None}
        return Figure(step, self._judge.measure, float(value), known, here)
