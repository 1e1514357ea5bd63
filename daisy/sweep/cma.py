"""The sampler CMA-ES, computed anew from the study's trials for each that is asked for.

Optuna's keeps the optimizer in the study as a pickle, which whoever can write to the study could make run anything. This one
tells a new optimizer (of the package cmaes) all that has ended, in that order, a population at a time. It goes by the order of
the values alone, so a pruned trial counts as worse than those that were not, the later pruned the better.
"""

import math
from datetime import datetime
from typing import Any

import numpy
from cmaes import CMA
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from daisy.sweep.finite import number_of, value_at

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
NEVER = datetime.max
SPREAD = 1 / 6  # the first standard deviation, of a range of 1


class Cma(BaseSampler):
    """Chooses the numbers that all trials have; what only some have, and what is no number, is chosen at random."""

    def __init__(self, seed: int | None = None, startup_trials: int = 1, population: int | None = None) -> None:
        self._seed = seed
        self._startup_trials = startup_trials
        self._population = population
        self._random = RandomSampler(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The numbers that all trials that have ended have."""
        found = intersection_search_space(_ended(study), include_pruned=True)
        return {name: each for name, each in found.items() if _is_number(each) and not each.single()}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """A point of the distribution that the trials lead to; none as long as there are too few."""
        trials = _ended(study)
        if not search_space or len(trials) < self._startup_trials:
            return {}
        axes = [Axis(each) for each in search_space.values()]
        optimizer = CMA(
            mean=numpy.full(len(axes), 0.5),
            sigma=SPREAD,
            bounds=numpy.tile([0.0, 1.0], (len(axes), 1)),
            n_max_resampling=10 * len(axes),
            seed=self._seed,
            population_size=self._population,
        )
        size = optimizer.population_size
        for begin in range(0, len(trials) - size + 1, size):
            best_first = sorted(trials[begin : begin + size], key=lambda ended: _badness(study.direction, ended))
            points = [
                [axis.place(ended.params[name]) for name, axis in zip(search_space, axes, strict=True)] for ended in best_first
            ]
            optimizer.tell([(numpy.array(point), float(rank)) for rank, point in enumerate(points)])
        return {name: axis.value(place) for name, axis, place in zip(search_space, axes, optimizer.ask(), strict=True)}

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        """What is left, at random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


class Axis:
    """The values of one parameter as places from 0 to 1; each value of a parameter with steps has a step's room."""

    def __init__(self, distribution: BaseDistribution) -> None:
        assert isinstance(distribution, IntDistribution | FloatDistribution)
        self._of = distribution
        self._half = (distribution.step or 0) / 2
        self._low, self._high = (self._scale(end) for end in (distribution.low - self._half, distribution.high + self._half))

    def place(self, value: float) -> float:
        """Where a value is."""
        return (self._scale(value) - self._low) / (self._high - self._low)

    def value(self, place: float) -> float:
        """The value at a place."""
        scaled = self._low + float(place) * (self._high - self._low)
        within = min(max(math.exp(scaled) if self._of.log else scaled, self._of.low), self._of.high)
        return value_at(self._of, number_of(self._of, within)) if self._of.step else within

    def _scale(self, value: float) -> float:
        return math.log(value) if self._of.log else value


def _is_number(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, IntDistribution | FloatDistribution)


def _ended(study: Study) -> list[FrozenTrial]:
    """Those that say how good they are, in the order in which they ended."""
    trials = [trial for trial in study.get_trials(deepcopy=False, states=ENDED) if trial.value is not None]
    return sorted(trials, key=lambda trial: (trial.datetime_complete or NEVER, trial.number))


def _badness(direction: StudyDirection, trial: FrozenTrial) -> tuple[bool, int, float]:
    assert trial.value is not None
    value = -trial.value if direction == StudyDirection.MAXIMIZE else trial.value
    pruned = trial.state == TrialState.PRUNED
    return pruned, -(trial.last_step or 0) if pruned else 0, value
