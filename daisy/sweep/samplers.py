"""What chooses the trials of a search: one of Optuna's samplers, made anew for each trial."""

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from daisy.errors import ConfigurationError
from daisy.sweep import chosen as reading
from daisy.sweep.chosen import Chosen, Kind, whole
from daisy.sweep.readers import COSTS

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

SEED = {"seed": whole(0)}
STARTUP = {"startup_trials": whole(1)}
POPULATION = {"population": whole(3)}
SAMPLERS: Mapping[str, Kind] = {
    "random": Kind(SEED),
    "tpe": Kind({**SEED, **STARTUP}),
    "nsga2": Kind({**SEED, **POPULATION}),
    "cmaes": Kind({**SEED, **STARTUP, **POPULATION}, packages=("cmaes",), extra="cmaes"),
    "gp": Kind({**SEED, **STARTUP}, packages=("torch", "scipy"), extra="gp"),
    "brute": Kind(SEED),
}


def read_sampler(key: str, value: object, where: str) -> Chosen:
    """The sampler that a key names. Raises ConfigurationError, also where a package that it needs is missing."""
    return reading.read(key, value, where, SAMPLERS)


def check(chosen: Chosen, goals: Collection[str], pruner: Chosen) -> None:
    """Raises ConfigurationError for a sampler or pruner that does not go with these goals."""
    several = len(goals) > 1
    if several and chosen.name == "cmaes":
        raise ConfigurationError(f"sweep.sampler=cmaes goes by one goal, and sweep.goal names {len(goals)}: use tpe, nsga2 or gp")
    if pruner.name == "none":
        return
    if several:
        told = f"sweep.pruner={pruner.name} can't tell which of {len(goals)} goals to go by"
        raise ConfigurationError(f"{told}: leave sweep.pruner out, or name one goal in sweep.goal")
    for cost in COSTS:
        if cost in goals:
            told = f"sweep.pruner={pruner.name} goes by what a model has learned so far, which says nothing of sweep.goal={cost}"
            raise ConfigurationError(f"{told}: leave sweep.pruner out, or let the goal be accuracy or edit_distance")


def check_space(chosen: Chosen, space: Mapping[str, "BaseDistribution"]) -> None:
    """Raises ConfigurationError for a space of parameters that a sampler can do nothing with."""
    from optuna.distributions import CategoricalDistribution

    from daisy.sweep.finite import count

    endless = [name for name, distribution in space.items() if count(distribution) is None]
    if chosen.name == "brute" and endless:
        told = f"sweep.sampler=brute tries all values, and there is no end of those of {', '.join(endless)}"
        raise ConfigurationError(f"{told}: write range(FROM,TO,STEP), or use tpe")
    if chosen.name == "cmaes" and all(isinstance(distribution, CategoricalDistribution) for distribution in space.values()):
        raise ConfigurationError("sweep.sampler=cmaes chooses numbers, and sweep.space has none: use tpe")


def sampler(chosen: Chosen, number: int) -> "BaseSampler":
    """The sampler for the trial with this number. With a seed it chooses the same again, given the same trials before."""
    import optuna

    seed = _seed(chosen, number)
    startup = chosen.options.get("startup_trials")
    population = chosen.options.get("population")
    started = {} if startup is None else {"n_startup_trials": startup}
    with experimental():
        if chosen.name == "tpe":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True, **started)
        if chosen.name == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, **({} if population is None else {"population_size": population}))
        if chosen.name == "gp":
            return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False, **started)
        if chosen.name == "cmaes":
            from daisy.sweep.cma import Cma

            return Cma(seed, startup or 1, population)
        if chosen.name == "brute":
            from daisy.sweep.brute import Brute

            return Brute(seed)
        return optuna.samplers.RandomSampler(seed=seed)


@contextmanager
def experimental() -> Iterator[None]:
    """In the block Optuna does not warn of what it calls experimental."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _seed(chosen: Chosen, number: int) -> int | None:
    """Each trial has a sampler of its own: with the seed alone all would be the same."""
    from numpy.random import SeedSequence

    seed = chosen.options.get("seed")
    return None if seed is None else int(SeedSequence([seed, number]).generate_state(1)[0])
