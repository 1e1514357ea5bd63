"""What ends trials early: a pruner, which goes by what a trial reports after each epoch; the first is 1."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daisy.errors import ConfigurationError
from daisy.sweep import chosen as reading
from daisy.sweep.chosen import Chosen, Kind, number, one_of, whole

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

STARTUP = {"startup_trials": whole(0), "warmup_steps": whole(0)}
PERCENTILE = {"percentile": number(0, 100)}
HALVING = {"min_resource": whole(1), "reduction_factor": whole(2)}
PATIENCE = {"patience": whole(0), "min_delta": number(0), "within": one_of("median", "percentile", "none")}
PRUNERS: Mapping[str, Kind] = {
    "none": Kind(),
    "median": Kind(STARTUP),
    "percentile": Kind({**STARTUP, **PERCENTILE}),
    "asha": Kind(HALVING),
    "hyperband": Kind(HALVING),
    "patient": Kind({**PATIENCE, **STARTUP, **PERCENTILE}),
}
KEPT = 25.0  # percent of the trials: the best ones
MIN_RESOURCE = 1  # epochs
GOES_ON = {"asha": 4, "hyperband": 3}  # one of so many trials
EPOCHS_WITHOUT_GAIN = 3


def read_pruner(key: str, value: object, where: str) -> Chosen:
    """The pruner that a key names. Raises ConfigurationError."""
    return reading.read(key, "none" if value is None else value, where, PRUNERS)


def pruner(chosen: Chosen, epochs: int | None) -> "BasePruner":
    """The pruner for trials of so many epochs. Raises ConfigurationError where none could ever be pruned."""
    import optuna

    options = chosen.options
    if chosen.name in ("asha", "hyperband"):
        least = options.get("min_resource", MIN_RESOURCE)
        if epochs is not None and least >= epochs:
            told = f"sweep.pruner.min_resource={least} lets each trial train for that many epochs, and they have {epochs}"
            raise ConfigurationError(f"{told}: make it smaller, or train.epochs larger")
        from daisy.sweep.halving import Halving, Hyperband

        factor = options.get("reduction_factor", GOES_ON[chosen.name])
        return Halving(least, factor) if chosen.name == "asha" else Hyperband(least, epochs, factor)
    if chosen.name == "patient":
        from daisy.sweep.patient import Patient

        within = None if options.get("within") == "none" else _by_rank(options.get("within", "median"), options)
        return Patient(within, options.get("patience", EPOCHS_WITHOUT_GAIN), options.get("min_delta", 0.0))
    return optuna.pruners.NopPruner() if chosen.name == "none" else _by_rank(chosen.name, options)


def _by_rank(name: str, options: Mapping[str, Any]) -> "BasePruner":
    import optuna

    start = {
        "n_startup_trials": options.get("startup_trials", 5),
        "n_warmup_steps": options.get("warmup_steps", 0) + 1,  # the first epoch is 1: of two to warm up the third is looked at
    }
    if name == "percentile":
        return optuna.pruners.PercentilePruner(options.get("percentile", KEPT), **start)
    return optuna.pruners.MedianPruner(**start)
