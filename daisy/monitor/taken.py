"""What models of a search have taken, and what pruning has spared: in seconds of a slot."""

from collections.abc import Sequence

from daisy.monitor.seen import SeenTrial
from daisy.registry import Row
from daisy.sweep.trials import TrialModelState


def ran(model: TrialModelState, row: Row, before: float, now: float) -> float | None:
    """How long a model has run, with the seconds that the attempts `before` this one have trained; None where nothing tells."""
    if row.state == "running" and row.started is not None:
        return before + max(0.0, now - row.started)
    if "seconds" in model.result:
        return before + float(model.result["seconds"])
    return row.seconds  # of a killed one: metrics.jsonl counts over all attempts


def is_pruned_here(trial: SeenTrial) -> bool:
    """Whether this search has pruned a trial: one whose model another search had pruned costs nothing, and spares nothing."""
    return bool(trial.models) and trial.models[0].state == "pruned" and trial.models[0].is_own


def saved(pruned: Sequence[SeenTrial]) -> float | None:
    """What pruning these trials has saved, of those of which it is known; None where it is of none of them."""
    found = [seconds for trial in pruned for seconds in spared(trial)]
    return sum(found) if found or not pruned else None


def spared(trial: SeenTrial) -> list[float]:
    """What was spared of each model of a pruned trial; of the repeats that were never begun all of it. Empty: nobody knows."""
    first = trial.models[0]
    rest = _rest(first.row, first.trained)
    if rest is None or first.seconds is None:
        return []
    never_begun = sum(model.model is None for model in trial.models[1:])
    return [rest, *[first.seconds + rest] * never_begun]


def _rest(row: Row | None, trained: float | None) -> float | None:
    """How much longer a model would have trained: to its last epoch at its own pace, or to its limit (train.seconds)."""
    if row is None or trained is None:
        return None
    ends = [trained * row.epochs / row.epoch] if row.epoch and row.epochs else []
    ends += [row.seconds_limit] if row.seconds_limit else []
    return max(0.0, min(ends) - trained) if ends else None
