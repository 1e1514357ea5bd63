"""What a job tells whoever watches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Training:
    """How far training is: counts as far as the framework says them, its latest measures, `accuracy` as Daisy scored it.

    `seconds` is the time in training over all attempts; `share` how much of the training is done, from 0 to 1, where it
    is known.
    """

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    accuracy: float | None = None
    seconds: float = 0.0
    share: float | None = None
    share_at_start: float = 0.0
    seconds_at_start: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """The time that is left, were it to go on as in this attempt; None while that can't be known."""
        if self.share is None or self.share <= self.share_at_start:
            return None
        pace = (self.seconds - self.seconds_at_start) / (self.share - self.share_at_start)
        return max(0.0, pace * (1.0 - self.share))


class Observer(Protocol):
    """Told of a job's course while it happens."""

    def stage(self, text: str) -> None:
        """A new stage has begun, or something worth a line has happened."""

    def training(self, training: Training) -> None:
        """Training has gone on. Called often."""

    def over(self) -> None:
        """Training has ended."""


class Unshaken:
    """Tells another observer until it fails: a screen that has gone away does not end a training."""

    def __init__(self, observer: Observer) -> None:
        self._observer: Observer = observer

    def stage(self, text: str) -> None:
        """Passed on."""
        self._pass_on(lambda observer: observer.stage(text))

    def training(self, training: Training) -> None:
        """Passed on."""
        self._pass_on(lambda observer: observer.training(training))

    def over(self) -> None:
        """Passed on."""
        self._pass_on(lambda observer: observer.over())

    def _pass_on(self, word: Callable[[Observer], None]) -> None:
        try:
            word(self._observer)
        except (OSError, ValueError):  # a pipe or terminal that is closed; job.out says everything all the same
            self._observer = Silent()


class Silent:
    """An observer that shows nothing."""

    def stage(self, text: str) -> None:
        """Shows nothing."""

    def training(self, training: Training) -> None:
        """Shows nothing."""

    def over(self) -> None:
        """Shows nothing."""
