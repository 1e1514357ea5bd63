"""What models of a search have taken, and what pruning has spared: in seconds of a slot."""

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


def spared(trial: SeenTrial) -> list[float]:
    """What was spared of each model of a pruned trial; of the repeats that were never begun all of it."""
    first, (epoch, epochs) = trial.models[0], trial.epochs
    if first.trained is None or not epoch or not epochs or first.seconds is None:
        return []
    rest = first.trained * (epochs / epoch - 1)
    never_begun = sum(model.model is None for model in trial.models[1:])
    return [rest, *[first.seconds + rest] * never_begun]
