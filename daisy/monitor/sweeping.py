"""A sweep that runs on this host: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from daisy.folder import FINAL, ModelFolder, SweepFolder
from daisy.framework.lines import visible
from daisy.launch.course import Course, Ended, Running
from daisy.monitor.columns import Cell, Column, lines
from daisy.monitor.words import duration, percent

REFRESH = 0.5  # seconds
STYLES = {"done": "green", "failed": "bold red", "stopped": "yellow", "pruned": "dim"}
UNICODE = "utf"


class Names:
    """What the models of a sweep are called on the screen: their config ids."""

    def __init__(self, sweep: SweepFolder) -> None:
        self._sweep = sweep
        self.is_search = sweep.is_search
        self._count = int(sweep.info()["count"])
        self._names = self._read(range(1, self._count + 1))
        self._width = max(map(len, self._names.values()), default=0)

    def __getitem__(self, number: int | None) -> str:
        if number is None:
            return "-"
        if number not in self._names:  # a search's: it has been asked for since
            self._names.update(self._read([number]))
            self._width = max(self._width, len(self._names.get(number, "")))
        return self._names.get(number, "-")

    def _read(self, numbers: Sequence[int]) -> dict[int, str]:
        return {number: str(config["config_id"]) for number, config in self._sweep.some_configs(numbers).items()}

    @property
    def count(self) -> int:
        """How many models there are."""
        return self._count

    @property
    def width(self) -> int:
        """The longest name's, in characters."""
        return self._width


def line_of(model: Ended, names: Names) -> Text:
    """`17  done     cs_finnish_k6  62.1 %  0:42`; of one without an accuracy the reason."""
    number = f"{model.number if model.number is not None else '-':>{len(str(names.count))}}"
    figures = percent(model.accuracy) if model.accuracy is not None else visible(model.reason)
    return Text.assemble(
        f"{number}  ", (f"{model.state:<8}", STYLES.get(model.state, "")), f" {names[model.number]:<{names.width}}  ",
        f"{figures}  ", (duration(model.seconds), "dim"),
    )  # fmt: skip


def total(course: Course, names: Names, left: float | None) -> str:
    """`12 of 40 ended (1 failed, 3 pruned), 2 running, 26 waiting, 3:20 left`; a search may end before it has asked for all."""
    counts = {state: sum(model.state == state for model in course.ended) for state in ("failed", "pruned")}
    some = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    of_all, waiting = ("", "to come") if names.is_search else (f" of {names.count}", "waiting")
    told = f"{len(course.ended)}{of_all} ended" + (f" ({some})" if some else "")
    told += f", {len(course.running)} running, {course.waiting} {waiting}"
    if course.stopping:
        told += ", launching no more"
    return told + (f", {duration(left)} left" if left is not None else "")


def seconds_left(course: Course, slots: int) -> float | None:
    """Until all have ended, were the others to take as long as those that are done or pruned; None while none is."""
    done = [model.seconds for model in course.ended if model.state in FINAL]
    if not done:
        return None
    gone = [time.monotonic() - running.began for running in course.running]
    return left(done, gone, 0 if course.stopping else course.waiting, slots)


def left(done: Sequence[float], gone: Sequence[float], waiting: int, slots: int) -> float:
    """Seconds until all have ended, were they to take as long as those that are done took; `gone` are those that run."""
    mean = sum(done) / len(done)
    places = max(1, min(slots, len(gone) + waiting))
    return (mean * (waiting + len(gone)) - sum(min(mean, seconds) for seconds in gone)) / places


class PlainSweep:
    """For a file or a pipe: a line for each model that has ended."""

    def __init__(self, sweep: SweepFolder, slots: int, console: Console) -> None:
        self._names, self._slots, self._console = Names(sweep), slots, console

    def look(self, course: Course) -> None:
        """Nothing is shown of those that run."""

    def ended(self, model: Ended, course: Course) -> None:
        """A line."""
        self._console.print(line_of(model, self._names), soft_wrap=True)

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(Text(visible(text)), soft_wrap=True)

    def close(self) -> None:
        """Nothing is to be taken away."""


class LiveSweep(PlainSweep):
    """For a terminal: a table of those that run below the lines of those that have ended."""

    def __init__(self, sweep: SweepFolder, slots: int, console: Console) -> None:
        super().__init__(sweep, slots, console)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()
        self._shown = 0.0

    def look(self, course: Course) -> None:
        """Draw the table anew, not oftener than people can read."""
        now = time.monotonic()
        if now - self._shown >= REFRESH:
            self._shown = now
            self._draw(course)

    def ended(self, model: Ended, course: Course) -> None:
        """A line above the table."""
        super().ended(model, course)
        self._draw(course)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def _draw(self, course: Course) -> None:
        rule = "─" if self._console.encoding.startswith(UNICODE) else "-"
        told = Text(total(course, self._names, seconds_left(course, self._slots)), style="bold")
        # A table that is higher than the screen would be torn: the total stays, those that fit are shown.
        room = max(1, self._console.height - 5)
        table = list(lines(self._columns(course.running[:room]), self._console.width, rule=rule)) if course.running else []
        self._live.update(Group(*table, told), refresh=True)

    def _columns(self, running: Sequence[Running]) -> list[Column]:
        said = [_last(model.folder) for model in running]
        now = time.monotonic()
        return [
            Column("", [Cell(str(model.number or "-"), "dim") for model in running], right=True),
            Column("config id", [Cell(self._names[model.number]) for model in running], shrinks=True),
            Column("epoch", [Cell(_text(last.get("epoch"))) for last in said], right=True),
            Column("loss", [Cell(_text(last.get("loss"))) for last in said], rank=2, right=True),
            Column("dev accuracy", [Cell(_share(last.get("accuracy", last.get("dev_accuracy")))) for last in said], right=True),
            Column("running", [Cell(duration(now - model.began), "dim") for model in running], rank=1, right=True),
        ]


def _last(folder: ModelFolder | None) -> dict[str, object]:
    """The latest figures of each kind that metrics.jsonl has."""
    found: dict[str, object] = {}
    for line in folder.last_metrics(10) if folder is not None else ():
        found.update(line)
    return found


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)


def _share(value: object) -> str:
    return percent(float(value)) if isinstance(value, (int, float)) else "-"
