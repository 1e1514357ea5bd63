"""`daisy list`: all models as a table, newest last."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from daisy.framework.lines import visible
from daisy.monitor.words import ago, clock, duration, percent, points
from daisy.registry import Registry, Row

STYLES = {
    "running": "bold green",
    "done": "",
    "failed": "red",
    "stopped": "yellow",
    "unknown": "magenta",
    "pruned": "dim",
}


@dataclass(frozen=True)
class Filter:
    """Which rows are shown; None and empty show all."""

    dataset: str | None = None
    framework: str | None = None
    state: str | None = None
    last: int | None = None

    def choose(self, rows: Sequence[Row]) -> list[tuple[int, Row]]:
        """The rows with their places from the end: -1 is the newest of all."""
        numbered = [(place - len(rows), row) for place, row in enumerate(rows)]
        chosen = [
            (place, row)
            for place, row in numbered
            if (self.dataset is None or row.dataset == self.dataset)
            and (self.framework is None or row.framework == self.framework)
            and (self.state is None or row.state == self.state)
        ]
        return chosen[-self.last :] if self.last else chosen


def table(registry: Registry, wanted: Filter) -> Table:
    """The table; accuracies in percent, differences in percentage points."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, side in (
        ("", "right"), ("config id", "left"), ("framework", "left"), ("began", "left"), ("dataset", "left"),
        ("state", "left"), ("progress", "left"), ("accuracy", "right"), ("best", "right"), ("diff", "right"), ("job", "right"),
    ):  # fmt: skip
        shown.add_column(name, justify=side, overflow="fold", no_wrap=name != "config id")  # type: ignore[arg-type]
    best = registry.best()
    for place, row in wanted.choose(registry.rows):
        top = best.get((row.dataset_checksum, row.scorer))
        top = top or next((found for (checksum, _), found in best.items() if checksum == row.dataset_checksum), None)
        shown.add_row(
            str(place),
            Text(row.config_id),
            Text(row.framework),
            Text(f"{ago(row.began)} ({clock(row.began)})"),
            Text(visible(row.dataset)),
            Text(row.state, style=STYLES.get(row.state, "")),
            Text(_progress(row)),
            *_accuracies(row, top),
            Text(visible(row.job or "-")),
        )
    return shown


def _progress(row: Row) -> str:
    parts = []
    if row.epoch is not None:
        parts.append(f"epoch {row.epoch}{f'/{row.epochs}' if row.epochs else ''}")
    if row.state == "running" and row.progress is not None:
        parts.append(f"{row.progress:.0%}")
    elif row.seconds is not None:
        parts.append(duration(row.seconds))
    return " ".join(parts) or "-"


def _accuracies(row: Row, top: Row | None) -> tuple[Text, Text, Text]:
    """The model's accuracy (in brackets what its framework says of itself so far), the best one, the difference."""
    if row.accuracy is not None:
        own = Text(percent(row.accuracy))
    else:
        own = Text(f"({percent(row.dev_accuracy)})" if row.dev_accuracy is not None else "-", style="dim")
    if top is None or top.accuracy is None:
        return own, Text("-"), Text("-")
    if top.model_id == row.model_id:
        return Text(own.plain, style="bold green"), Text(percent(top.accuracy)), Text("best", style="bold green")
    if row.accuracy is None or row.scorer != top.scorer:
        return own, Text(percent(top.accuracy)), Text("-")
    return own, Text(percent(top.accuracy)), Text(points(row.accuracy - top.accuracy))


def as_json(registry: Registry, wanted: Filter) -> list[dict[str, Any]]:
    """The rows for other programs: fractions, seconds since 1970, and each model's configuration."""
    return [{**asdict(row), "progress": row.progress} for _, row in wanted.choose(registry.rows)]


def header(registry: Registry) -> str:
    """How many models there are, by state."""
    counts: dict[str, int] = {}
    for row in registry.rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"{len(registry.rows)} model{'' if len(registry.rows) == 1 else 's'}{f': {told}' if told else ''}"
