"""A search for other programs: fractions, seconds, seconds since 1970; no NaN."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from daisy.monitor.at_epoch import AtEpoch
from daisy.monitor.failures import Group
from daisy.monitor.importances import Importances
from daisy.monitor.seen import SeenBase, SeenSearch, SeenTrial
from daisy.sweep.definition import changed
from daisy.sweep.storage import hidden
from daisy.sweep.trials import sign_of


def as_json(
    seen: SeenSearch,
    importances: Mapping[int, Sequence[Importances]],
    failures: Sequence[Group],
    at: AtEpoch | None,
) -> dict[str, Any]:
    """All that is known. `importances` are those of each base."""
    search = seen.search
    told = {
        "sweep": seen.sweep_id,
        "name": seen.name,
        "kind": search.kind,
        "created": seen.created,
        "goal": dict(search.goal),
        "sampler": asdict(search.sampler),
        "pruner": asdict(search.pruner),
        "measure": dict(seen.measure) if seen.measure is not None else None,
        "definition": _plain(changed(replace(search, storage=search.storage and hidden(search.storage)))),
        "repeats": [list(repeat) for repeat in seen.repeats],
        "bases": [_base(base, importances.get(base.number, ()), at) for base in seen.bases],
        "failures": [{**asdict(group), "words": group.words} for group in failures],
        "running": seen.running,
        "busy": seen.busy,
        "waiting": seen.waiting,
        "at_once": seen.at_once,
        "why_waiting": seen.why_waiting,
        "held": seen.held,
        "seconds_left": seen.seconds_left,
        "slot_seconds": seen.seconds,
        "saved_seconds": seen.saved,
        "pruned": seen.pruned,
        "warnings": list(seen.warnings),
    }
    found: dict[str, Any] = _finite(told)
    return found


def _base(base: SeenBase, importances: Sequence[Importances], at: AtEpoch | None) -> dict[str, Any]:
    return {
        "base": list(base.overrides),
        "count": base.count,
        "states": dict(base.states),
        "to_come": base.to_come,
        "cancelled": base.cancelled,
        "over": base.over,
        "known": [asdict(warm) for warm in base.known],
        "repeated": base.repeated,
        "best": [asdict(best) for best in base.best],
        "importances": [asdict(one) for one in importances],
        "trials": [_trial(base, trial, at) for trial in base.trials],
    }


def _trial(base: SeenBase, trial: SeenTrial, at: AtEpoch | None) -> dict[str, Any]:
    file = trial.trial.file
    sign = sign_of(file.measure, base.goal) if file.measure is not None else 1.0
    epoch, epochs = trial.epochs
    told = {
        "number": trial.number,
        "state": trial.state,
        "reason": trial.trial.reason,
        "point": dict(trial.point),
        "values": dict(trial.values),
        "so_far": trial.so_far,
        "epoch": epoch,
        "epochs": epochs,
        "seconds": trial.seconds,
        "asked": file.asked,
        "ended": trial.ended,
        "models": [
            {
                "model": model.model,
                "state": model.state,
                "seconds": model.seconds,
                "figures": dict(model.goals),
                "own": model.is_own,
            }
            for model in trial.models
        ],
        "repeated": len(file.repeated),
        "reports": {str(step): sign * value for step, value in trial.trial.reports.items()},
    }
    if at is not None:
        value = at.values.get(trial.number)
        told["at_epoch"] = {"epoch": at.epoch, "figure": at.name, **(asdict(value) if value is not None else {"value": None})}
    return told


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _finite(value: Any) -> Any:
    """Without numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
