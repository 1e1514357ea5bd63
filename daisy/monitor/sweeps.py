"""`daisy sweeps`: what was launched, and how far it is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError
from daisy.folder import SweepFolder, sweeps
from daisy.monitor.columns import Cell, Column
from daisy.monitor.table import STYLES
from daisy.monitor.words import ago, percent
from daisy.registry import Row

SHOWN = ("running", "done", "failed", "stopped", "unknown", "pruned")


@dataclass(frozen=True)
class SweepRow:
    """One sweep: how many models it has, how many of them are in each state, the best accuracy, why it is held if it is."""

    sweep_id: str
    launcher: str
    created: float
    count: int
    states: dict[str, int]
    best: float | None
    held: str | None


def rows(models_dir: Path, models: Iterable[Row]) -> tuple[list[SweepRow], list[str]]:
    """The sweeps, oldest first, and a sentence for each that can't be read."""
    by_sweep: dict[str, list[Row]] = {}
    for model in models:
        if model.sweep is not None:
            by_sweep.setdefault(model.sweep.rpartition("/")[0], []).append(model)
    found, warnings = [], []
    for sweep in sweeps(models_dir):
        try:
            found.append(_row(sweep, by_sweep.get(sweep.sweep_id, [])))
        except FolderError as error:
            warnings.append(str(error))
    return found, warnings


def _row(sweep: SweepFolder, models: Sequence[Row]) -> SweepRow:
    info = sweep.info()
    places = Counter(place.state for place in sweep.places("waiting", "cancelled"))
    accuracies = [model.accuracy for model in models if model.accuracy is not None]
    return SweepRow(
        sweep_id=sweep.sweep_id,
        launcher=str(info.get("launcher", "local")),
        created=float(info["created"]),
        count=int(info["count"]),
        states={**Counter(model.state for model in models), **places},
        best=max(accuracies, default=None),
        held=sweep.held(),
    )


def columns(found: Sequence[SweepRow]) -> list[Column]:
    """The table's columns: states that no sweep has are left out."""
    states = [state for state in ("waiting", *SHOWN, "cancelled") if any(row.states.get(state) for row in found)]
    return [
        Column("sweep", [Cell(row.sweep_id, "bold" if row.states.get("running") else "") for row in found], shrinks=True),
        Column("launched", [Cell(ago(row.created)) for row in found], rank=2),
        Column("on", [Cell(row.launcher) for row in found], rank=3),
        Column("models", [Cell(str(row.count)) for row in found], right=True),
        *(Column(state, [_count(row.states.get(state, 0), state) for row in found], rank=1, right=True) for state in states),
        Column("best", [Cell(percent(row.best)) if row.best is not None else Cell("-", "dim") for row in found], right=True),
    ]


def _count(count: int, state: str) -> Cell:
    return Cell(str(count), STYLES.get(state, "")) if count else Cell("-", "dim")
