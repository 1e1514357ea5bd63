"""What models of a search have taken, and what pruning has spared: in seconds of a slot."""

from daisy.registry import Row
from daisy.sweep.trials import TrialModelState


def ran(model: TrialModelState, row: Row, before: float, now: float) -> float | None:
    """How long a model has run, with the seconds that the attempts `before` this one have trained; None where nothing tells."""
    if row.state == "running" and row.started is not None:
        return before + max(0.0, now - row.started)
    if "seconds" in model.result:
        return before + float(model.result["seconds"])
    return row.seconds  # of a killed one: metrics.jsonl counts over all attempts
