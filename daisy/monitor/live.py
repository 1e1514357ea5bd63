"""One model that trains, live: one line on a terminal, plain lines elsewhere."""

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from daisy.job import Training
from daisy.monitor.words import duration, percent

REFRESH = 0.25  # seconds
PLAIN_EVERY = 10.0  # seconds between two lines of one epoch where there is no terminal


def line_of(training: Training) -> str:
    """`epoch 3/9  step 120/200  loss 0.4321  dev accuracy 61.2 %  1:10 gone  0:32 left`."""
    parts = []
    if training.epoch is not None:
        parts.append(f"epoch {training.epoch}{f'/{training.epochs}' if training.epochs else ''}")
    if training.step is not None:
        parts.append(f"step {training.step}{f'/{training.steps}' if training.steps else ''}")
    if "loss" in training.measures:
        parts.append(f"loss {training.measures['loss']:.4f}")
    # What the framework says of this epoch; where it says nothing, the best that Daisy has scored so far.
    accuracy = training.measures.get("dev_accuracy", training.accuracy)
    if accuracy is not None:
        parts.append(f"dev accuracy {percent(accuracy)}")
    parts.append(f"{duration(training.seconds)} gone")
    if training.seconds_left is not None:
        parts.append(f"{duration(training.seconds_left)} left")
    return "  ".join(parts)


def nothing_known(training: Training) -> bool:
    """Whether the framework has said nothing yet of how far it is."""
    return training.epoch is None and training.step is None and not training.measures


class LiveLine:
    """An observer for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._last: Training | None = None
        self._shown = 0.0

    def stage(self, text: str) -> None:
        """A line of its own, above the live one."""
        self._console.print(Text(f"  {text}", style="dim"))

    def training(self, training: Training) -> None:
        """Redraw the line, not oftener than people can read."""
        if nothing_known(training):
            return
        self._last = training
        now = time.monotonic()
        if now - self._shown >= REFRESH:
            self._shown = now
            self._draw(training)

    def _draw(self, training: Training) -> None:
        if self._live is None:
            # No thread of rich's own: this process also watches a framework.
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(Text(f"  {line_of(training)}", no_wrap=True, overflow="ellipsis"), refresh=True)

    def over(self) -> None:
        """Leave the line at its last state and go on below it."""
        if self._last is not None:
            self._draw(self._last)
            self._last = None
        if self._live is not None:
            self._live.stop()
            self._live = None


class PlainLines:
    """An observer for a file or a pipe: each epoch's end and, within long ones, a line now and then."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._last = ""
        self._shown = time.monotonic()

    def stage(self, text: str) -> None:
        """A line."""
        self._print(text)

    def training(self, training: Training) -> None:
        """A line when an epoch is over and after a while."""
        if nothing_known(training):
            return
        line = line_of(training)
        if training.epoch != self._epoch and self._last:
            self._print(self._last)
        elif time.monotonic() - self._shown >= PLAIN_EVERY:
            self._print(line)
        self._epoch, self._last = training.epoch, line

    def over(self) -> None:
        """The last epoch's line."""
        if self._last:
            self._print(self._last)
            self._last = ""

    def _print(self, line: str) -> None:
        self._shown = time.monotonic()
        print(line, file=sys.stdout, flush=True)
