"""Which one figure of metrics.jsonl a pruner goes by, and whether more of it is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from daisy.errors import ConfigurationError, FrameworkError
from daisy.framework.contract import Adapter

Direction = Literal["maximize", "minimize"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
ACCURACY = "accuracy"  # Daisy's own, of each epoch: with train.validate=each
LOSS = "loss"  # of the training itself
DEV_ACCURACY = "dev_accuracy"
SHRINKS = ("loss", "perplexity", "entropy", "error", "distance")
GROWS = ("accuracy", "bleu", "chrf", "exact_match")


@dataclass(frozen=True)
class Measure:
    """A figure by its name in metrics.jsonl, and where it is to go."""

    name: str
    direction: Direction


def measure_of(adapter: Adapter, validate: str, wanted: str | None) -> Measure:
    """The figure that pruning goes by: the one that is `wanted` (sweep.measure), else the best that is told while it trains.

    `validate` is train.validate. Raises ConfigurationError where there is none.
    """
    name = str(adapter.framework.get("name", type(adapter).__name__))
    told = _told(adapter, name, validate)
    if wanted is not None and wanted not in told:
        raise ConfigurationError(_not_told(adapter, name, wanted, told))
    if not told:
        instead = "train.validate=each or sweep.pruner=none" if adapter.keeps_epochs else "sweep.pruner=none"
        raise ConfigurationError(f"{name} tells no figure while it trains that pruning could go by: set {instead}")
    chosen = wanted if wanted is not None else next(iter(told))
    return Measure(chosen, told[chosen])


def usual_direction(name: str) -> Direction | None:
    """Where a figure of this name is to go, as its name says; None where that says nothing."""
    if any(word in name.lower() for word in SHRINKS):
        return "minimize"
    return "maximize" if any(word in name.lower() for word in GROWS) else None


def _told(adapter: Adapter, name: str, validate: str) -> Mapping[str, Direction]:
    """All that is told while it trains, the best first."""
    told: dict[str, Direction] = {ACCURACY: "maximize"} if validate == "each" and adapter.keeps_epochs else {}
    for measure, direction in adapter.measures.items():
        if direction not in DIRECTIONS:
            raise FrameworkError(f"the adapter of {name} is to {direction} {measure}: say maximize or minimize in its measures")
        usual = usual_direction(measure)
        if usual not in (None, direction):
            wrong = f"the adapter of {name} is to {direction} {measure}, where its name says {usual}"
            raise FrameworkError(f"{wrong}: mend one of them in its measures")
        told.setdefault(measure, direction)
    return told


def _not_told(adapter: Adapter, name: str, wanted: str, told: Mapping[str, Direction]) -> str:
    there = f"set one that it tells ({', '.join(told)})" if told else "set sweep.pruner=none"
    if wanted != ACCURACY:
        return f"sweep.measure={wanted}: {name} never tells it while it trains; {there}"
    if adapter.keeps_epochs:
        return f"sweep.measure={wanted}: Daisy scores each epoch with train.validate=each only; set that, or {there}"
    return f"sweep.measure={wanted}: {name} keeps no checkpoint of each epoch that Daisy could score; {there}"
