"""The sampler that tries every point of a finite space, each once.

Optuna's own can't be used with trials that are asked for and told one by one: it ends the search from within `tell`, which
raises RuntimeError there, and of a trial whose process died between two of its parameters it makes an end of the space, so
that asking raises ValueError ever after, or points are left out.
"""

from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Any

import numpy
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from daisy.errors import ConfigurationError
from daisy.sweep.finite import count, number_of, value_at

WHOLE = "trial"  # the user attribute of a trial that all its parameters were chosen for
ENDED_WELL = (TrialState.COMPLETE, TrialState.PRUNED)


class Brute(BaseSampler):
    """Chooses among the values that some point not yet tried has; where there is none, among all."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = numpy.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is chosen before it is asked for: a condition may leave it out."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Nothing, as above."""
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        """The value of the next parameter."""
        there = _count(param_name, param_distribution)
        so_far = trial.params.items()
        like_it = [other for other in tried(study) if other.number != trial.number and so_far <= other.params.items()]
        branches = _branches(param_name, like_it)
        known = {*trial.params, param_name}
        free = [number for number in range(there) if _is_open(branches[number], known)]
        return value_at(param_distribution, int(self._random.choice(free or range(there))))


def exhausted(study: Study) -> bool:
    """Whether a study whose sampler tries every point has tried them all; never of other samplers."""
    return isinstance(study.sampler, Brute) and not _is_open(tried(study), set())


def tried(study: Study) -> list[FrozenTrial]:
    """The trials that have all of their parameters, also those that still run or have failed."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state in ENDED_WELL or WHOLE in trial.user_attrs]


def _is_open(trials: Sequence[FrozenTrial], known: Set[str]) -> bool:
    """Whether a point is left that none of the trials, which have the same values of `known`, has tried."""
    if not trials:
        return True
    longer = [trial for trial in trials if trial.params.keys() - known]
    if not longer:
        return False
    newest = longer[-1]
    name = next(name for name in newest.params if name not in known)
    branches = _branches(name, longer)
    there = _count(name, newest.distributions[name])
    return any(_is_open(branches[number], known | {name}) for number in range(there))


def _branches(name: str, trials: Sequence[FrozenTrial]) -> defaultdict[int, list[FrozenTrial]]:
    branches: defaultdict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        if name in trial.params:
            branches[number_of(trial.distributions[name], trial.params[name])].append(trial)
    return branches


def _count(name: str, distribution: BaseDistribution) -> int:
    there = count(distribution)
    if there is None:
        raise ConfigurationError(f"{name} has no end of values, which sampler brute can't try: give it a step, or use tpe")
    return there
