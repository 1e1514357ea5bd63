"""How far training is, gathered from what single lines of the log say."""

from dataclasses import dataclass

from daisy.framework import Progress
from daisy.job.observer import Training


@dataclass(frozen=True)
class Limits:
    """How long training is: `epochs`, or `seconds` over all attempts, of which `before` are gone already.

    `enforced`: Daisy itself ends training after the seconds, since the framework can't.
    """

    epochs: int | None = None
    seconds: float | None = None
    before: float = 0.0
    enforced: bool = True


class Gauge:
    """Takes ten thousand lines a second; what they come to is put together when somebody looks."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.epoch: int | None = None
        self.step: int | None = None
        self.accuracy: float | None = None
        self.epochs = limits.epochs
        self._steps: int | None = None
        self._epoch_done = False
        self._measures: dict[str, float] = {}
        self._own_seconds: float | None = None
        self._at_start: tuple[float, float] | None = None  # share, seconds

    def add(self, progress: Progress) -> None:
        """Take what one line says."""
        if progress.epoch is not None and progress.epoch != self.epoch:
            self.epoch, self.step = progress.epoch, None  # a new epoch counts its steps anew
            self._epoch_done = False
        if progress.step is not None:
            self.step = progress.step
            self._epoch_done = False
        self._epoch_done = progress.epoch_done or self._epoch_done
        self.epochs = progress.epochs or self.epochs
        self._steps = progress.steps or self._steps
        if progress.epoch_done and self._steps is not None:
            self.step = self._steps
        self._measures.update(progress.measures)
        self._own_seconds = progress.seconds if progress.seconds is not None else self._own_seconds

    @property
    def updates(self) -> int | None:
        """Since training began, as metrics.jsonl has them."""
        if self.step is None or self._steps is None or self.epoch is None:
            return self.step
        return (self.epoch - 1) * self._steps + self.step

    def training(self, seconds: float) -> Training:
        """How far it is, after so many seconds in training."""
        share = self._share(seconds)
        if self._at_start is None and share is not None:
            self._at_start = (share, seconds)
        share_at_start, seconds_at_start = self._at_start or (0.0, self._limits.before)
        return Training(
            epoch=self.epoch,
            epochs=self.epochs,
            step=self.step,
            steps=self._steps,
            measures=dict(self._measures),
            accuracy=self.accuracy,
            seconds=seconds,
            share=share,
            share_at_start=share_at_start,
            seconds_at_start=seconds_at_start,
        )

    def where(self) -> str:
        """`epoch 2, step 40`, as far as it is known."""
        places = (("epoch", self.epoch), ("step", self.step))
        return ", ".join(f"{name} {count}" for name, count in places if count is not None)

    def _share(self, seconds: float) -> float | None:
        shares = []
        if self._limits.seconds:
            gone = seconds if self._own_seconds is None else self._own_seconds
            shares.append(gone / self._limits.seconds)
        if self.epoch is not None and self.epochs:
            within = 1.0 if self._epoch_done else (self.step or 0) / self._steps if self._steps else 0.0
            shares.append((self.epoch - 1 + within) / self.epochs)
        return min(1.0, max(shares)) if shares else None
