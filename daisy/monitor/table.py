"""`daisy list`: all models as a table, newest last."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from daisy.errors import FolderError
from daisy.framework.lines import visible
from daisy.monitor.columns import Cell, Column
from daisy.monitor.words import ago, clock, duration, percent, points
from daisy.registry import DAMAGE, Registry, Row

RUNNING = "bold green"
STYLES = {"running": RUNNING, "failed": "red", "stopped": "yellow", "unknown": "magenta", "pruned": "dim"}
NOTHING = Cell("-", "dim")


@dataclass(frozen=True)
class Filter:
    """Which rows are shown; None shows all."""

    dataset: str | None = None
    framework: str | None = None
    state: str | None = None
    last: int | None = None
    room: int | None = None  # on the screen: what runs, and the newest of the others

    @property
    def only_models(self) -> bool:
        """Whether nothing that waits is one of these: it has no state but waiting, and is not among the newest models."""
        if self.state == "waiting":
            return any((self.dataset, self.framework))
        return self.state is not None or any((self.dataset, self.framework, self.last))

    def choose(self, rows: Sequence[Row]) -> list[tuple[int, Row]]:
        """The rows with their places from the end: -1 is the newest of all."""
        chosen = [
            (place - len(rows), row)
            for place, row in enumerate(rows)
            if (self.dataset is None or row.dataset == self.dataset)
            and (self.framework is None or row.framework == self.framework)
            and (self.state is None or row.state == self.state)
        ]
        chosen = chosen[-self.last :] if self.last else chosen
        if self.room is None or len(chosen) <= self.room:
            return chosen
        running = [entry for entry in chosen if entry[1].state == "running"][-self.room :]
        others = [entry for entry in chosen if entry[1].state != "running"]
        kept = {place for place, _ in (*running, *others[len(others) - (self.room - len(running)) :])}
        return [entry for entry in chosen if entry[0] in kept]


def columns(registry: Registry, wanted: Filter) -> list[Column]:
    """The table's columns; accuracies in percent, differences in percentage points."""
    numbered = wanted.choose(registry.rows)
    rows = [row for _, row in numbered]
    accuracies = [_accuracies(row, registry) for row in rows]
    running = any(row.state == "running" for row in rows)
    on_slurm = any(row.job for row in rows)
    where = [
        Column("job", [Cell(visible(row.job)) if row.job else NOTHING for row in rows], rank=1, right=True),
        Column("node", [Cell(visible(row.host)) if row.host else NOTHING for row in rows], rank=2),
    ]
    return [
        Column("", [Cell(str(place), "dim") for place, _ in numbered], right=True),
        Column("config id", [Cell(row.config_id, RUNNING if row.state == "running" else "") for row in rows], shrinks=True),
        Column("framework", [Cell(row.framework) for row in rows], rank=3 if on_slurm else 1),
        Column("began", [Cell(ago(row.began)) for row in rows], rank=5 if on_slurm else 3),
        Column("at", [Cell(clock(row.began), "dim") for row in rows], rank=6),
        Column("dataset", _datasets(rows, registry), rank=4),
        Column("state", [Cell(row.state, STYLES.get(row.state, "")) for row in rows]),
        Column("progress", [_progress(row) for row in rows], rank=2),
        Column("accuracy", [own for own, _, _ in accuracies], right=True),
        Column("best", [best for _, best, _ in accuracies], rank=5, right=True),
        Column("diff", [difference for _, _, difference in accuracies], rank=1, right=True),
        *([Column("for", [_for(row) for row in rows], rank=1, right=True)] if running else []),
        *(where if on_slurm else []),
    ]


def _for(row: Row) -> Cell:
    """How long a model that runs has been running, in this attempt."""
    return Cell(duration(max(0.0, time.time() - row.started))) if row.state == "running" and row.started else NOTHING


def _datasets(rows: Sequence[Row], registry: Registry) -> list[Cell]:
    """The datasets' names; where one name stands for several contents (options, edited files), a bit of the checksum."""
    contents: dict[str, set[str]] = {}
    for row in registry.rows:
        contents.setdefault(row.dataset, set()).add(row.dataset_checksum)
    several = {name for name, checksums in contents.items() if len(checksums) > 1}
    return [Cell(visible(f"{row.dataset} {row.dataset_checksum[:4]}" if row.dataset in several else row.dataset)) for row in rows]


def _progress(row: Row) -> Cell:
    parts = []
    if row.epoch is not None:
        parts.append(f"epoch {row.epoch}{f'/{row.epochs}' if row.epochs else ''}")
    if row.state == "running" and row.progress is not None:
        parts.append(f"{row.progress:.0%}")
    elif row.seconds is not None:
        parts.append(duration(row.seconds))
    return Cell(" ".join(parts)) if parts else NOTHING


def _accuracies(row: Row, registry: Registry) -> tuple[Cell, Cell, Cell]:
    """The model's accuracy (in brackets what its framework says of itself so far), the best one, the difference."""
    top = registry.best.get((row.dataset_checksum, row.scorer)) if row.scorer is not None else registry.best_of(row)
    if row.accuracy is not None:
        own = Cell(percent(row.accuracy))
    else:
        own = Cell(f"({percent(row.dev_accuracy)})", "dim") if row.dev_accuracy is not None else NOTHING
    if top is None or top.accuracy is None:
        return own, NOTHING, NOTHING
    if top.model_id == row.model_id:
        return Cell(own.text, "bold green"), Cell(percent(top.accuracy)), Cell("best", "bold green")
    difference = NOTHING if row.accuracy is None else Cell(points(row.accuracy - top.accuracy))
    return own, Cell(percent(top.accuracy)), difference


def as_json(registry: Registry, wanted: Filter) -> list[dict[str, Any]]:
    """The rows for other programs: fractions, seconds since 1970, and each model's configuration."""
    told = []
    for _, row in wanted.choose(registry.rows):
        try:
            values = dict(row.values)
        except (FolderError, *DAMAGE):
            continue  # its folder was removed or damaged a moment ago: the next listing tells which
        told.append({**asdict(replace(row, values={})), "values": values, "progress": row.progress})
    return told


def header(registry: Registry, waiting: int, now: float) -> str:
    """`3 running, 14 waiting, 5 ended today, 1 failed`: today is this place's, failed are all that are failed now.

    Those of which it is not known are named where there are some: they may run.
    """
    today = date.fromtimestamp(now)
    running = sum(row.state == "running" for row in registry.rows)
    ended = sum(row.ended is not None and _day(row.ended) == today for row in registry.rows if row.state != "running")
    failed = sum(row.state == "failed" for row in registry.rows)
    unknown = sum(row.state == "unknown" for row in registry.rows)
    told = f"{running} running, {waiting} waiting, {ended} ended today, {failed} failed"
    return f"{told}, {unknown} unknown" if unknown else told


def _day(then: float) -> date | None:
    try:
        return date.fromtimestamp(then)
    except (ValueError, OverflowError, OSError):
        return None  # a time that somebody made up


def footer(registry: Registry) -> str:
    """How many models there are, by state."""
    counts: dict[str, int] = {}
    for row in registry.rows:
        counts[row.state] = counts.get(row.state, 0) + 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"{len(registry.rows)} model{'' if len(registry.rows) == 1 else 's'}{f' ({told})' if told else ''}"
