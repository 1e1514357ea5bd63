"""`daisy sweeps`: what was launched, and how far it is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.folder import Numbering, SweepFolder, sweeps
from daisy.monitor.columns import Cell, Column
from daisy.monitor.table import STYLES
from daisy.monitor.words import ago, percent
from daisy.registry import Row

SHOWN = ("running", "done", "failed", "stopped", "unknown", "pruned")
MATTER_LESS = ("stopped", "unknown", "pruned", "cancelled")  # where there is no room for all


@dataclass(frozen=True)
class SweepRow:
    """One sweep: how many models it has, and how many in each state; the best accuracy of those done; why it is held if it is.

    Those of a search that is over are the ones that were asked for.
    """

    sweep_id: str
    launcher: str
    created: float
    count: int
    states: dict[str, int]
    best: float | None
    held: str | None


def rows(models_dir: Path, models: Iterable[Row]) -> tuple[list[SweepRow], list[str]]:
    """The sweeps, oldest first, and a sentence for each that can't be read."""
    by_id = {model.model_id: model for model in models}
    by_sweep: dict[str, dict[int, Row]] = {}
    for model in by_id.values():
        if model.sweep is not None:
            sweep_id, _, number = model.sweep.rpartition("/")
            by_sweep.setdefault(sweep_id, {})[int(number)] = model
    found, warnings = [], []
    for sweep in sweeps(models_dir):
        try:
            found.append(_row(sweep, by_sweep.get(sweep.sweep_id, {}), by_id))
        except FolderError as error:
            warnings.append(str(error))
    return found, warnings


def _row(sweep: SweepFolder, models: Mapping[int, Row], by_id: Mapping[str, Row]) -> SweepRow:
    """Each of its models in one state; one that stopped and waits again waits."""
    info = sweep.info()
    own = dict(models)
    states = {number: model.state for number, model in own.items()}
    for place in sweep.places():
        if place.state == "waiting":
            states[place.number] = place.state
            continue
        begun = sweep.begun(place) if place.number not in own else None
        if begun is not None and (model := by_id.get(begun.model or "")) is not None:
            own[place.number] = model  # it was begun in another sweep
            states[place.number] = model.state
        elif begun is not None and begun.model is None and begun.reason is not None:
            states[place.number] = "failed"  # no model could be made of it
        elif place.state == "cancelled":
            states.setdefault(place.number, place.state)
    spared = _spared(sweep, info, states) if sweep.is_search else []
    for number in spared:
        del states[number]
    accuracies = [model.accuracy for model in own.values() if model.state == "done" and model.accuracy is not None]
    return SweepRow(
        sweep_id=sweep.sweep_id,
        launcher=str(info.get("launcher", "local")),
        created=float(info["created"]),
        count=int(info["count"]) - len(spared),
        states=dict(Counter(states.values())),
        best=max(accuracies, default=None),
        held=sweep.held(),
    )


def _spared(sweep: SweepFolder, info: Mapping[str, Any], states: Mapping[int, str]) -> list[int]:
    """The places of a search that nobody has cancelled and that will be no models all the same.

    No more trials are asked for, or another model of the trial has ended it: it was pruned, or has failed.
    """
    numbering, over, asked = Numbering.from_json(info["numbering"]), sweep.over(), frozenset(sweep.trials.numbers())
    found = []
    for number in (number for number, state in states.items() if state == "cancelled"):
        trial = numbering.trial_of(number)
        if trial not in asked:
            is_spared = numbering.base_of(trial) in over
        else:
            is_spared = any(states.get(other) in ("pruned", "failed") for other in numbering.places_of(trial))
        found += [number] if is_spared else []
    return found


def columns(found: Sequence[SweepRow]) -> list[Column]:
    """The table's columns: states that no sweep has are left out."""
    states = [state for state in ("waiting", *SHOWN, "cancelled") if any(row.states.get(state) for row in found)]
    return [
        Column("sweep", [Cell(row.sweep_id, "bold" if row.states.get("running") else "") for row in found], shrinks=True),
        Column("launched", [Cell(ago(row.created)) for row in found], rank=3),
        Column("on", [Cell(row.launcher) for row in found], rank=4),
        Column("models", [Cell(str(row.count)) for row in found], right=True),
        *(_column(state, found) for state in states),
        Column("best", [Cell(percent(row.best)) if row.best is not None else Cell("-", "dim") for row in found], right=True),
    ]


def _column(state: str, found: Sequence[SweepRow]) -> Column:
    counts = [_count(row.states.get(state, 0), state) for row in found]
    return Column(state, counts, rank=2 if state in MATTER_LESS else 1, right=True)


def _count(count: int, state: str) -> Cell:
    return Cell(str(count), STYLES.get(state, "")) if count else Cell("-", "dim")
