"""Successive halving and Hyperband, by nothing but what trials have reported.

Optuna's own keep with each trial which rungs it has come to, as it reports, and tell brackets by Optuna's own numbers: in a study
that is made again of what the folders have, their trials would compare with none of those before.
"""

import binascii
import math
from collections.abc import Iterator, Sequence

from optuna import Study
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from daisy.sweep.trials import TRIAL


class Halving(BasePruner):
    """Of all that have trained so far one of `factor` goes on, the best: after `least` epochs, `factor` times as many, and so on.

    Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA), 2020.
    """

    def __init__(self, least: int, factor: int) -> None:
        self._least = least
        self._factor = factor

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is to end now."""
        return self.prune_among(study.get_trials(deepcopy=False), study, trial)

    def prune_among(self, trials: Sequence[FrozenTrial], study: Study, trial: FrozenTrial) -> bool:
        """The same, where it is compared with some of the study's trials only."""
        if (step := trial.last_step) is None:
            return False
        value, others = trial.intermediate_values[step], [one for one in trials if one.number != trial.number]
        new = [rung for rung in self._rungs(step) if _step_at(trial, rung) == step]
        if new and math.isnan(value):
            return True
        return any(not self._is_among_the_best(value, others, rung, study.direction) for rung in new)

    def _rungs(self, step: int) -> Iterator[int]:
        rung = self._least
        while rung <= step:
            yield rung
            rung *= self._factor

    def _is_among_the_best(self, value: float, others: Sequence[FrozenTrial], rung: int, direction: StudyDirection) -> bool:
        steps = [(one, step) for one in others if (step := _step_at(one, rung)) is not None]
        there = [figure for one, step in steps if not math.isnan(figure := one.intermediate_values[step])]
        more_is_better = direction == StudyDirection.MAXIMIZE
        ranked = sorted([*there, value], reverse=more_is_better)
        last = ranked[max(1, len(ranked) // self._factor) - 1]
        return value >= last if more_is_better else value <= last


class Hyperband(BasePruner):
    """Halving in several brackets, the first rung of each `factor` times that of the one before, as far as `epochs` go.

    A bracket has the more trials the earlier it prunes. Where `epochs` is None they are the most that one has trained so far.
    Li et al., Hyperband, 2018.
    """

    def __init__(self, least: int, epochs: int | None, factor: int) -> None:
        self._least = least
        self._epochs = epochs
        self._factor = factor

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is to end now."""
        trials = study.get_trials(deepcopy=False)
        over = (one.last_step for one in trials if one.state == TrialState.COMPLETE)
        epochs = self._epochs or max((step for step in over if step is not None), default=0)
        shares = self._shares(epochs)
        if not shares:
            return False
        own = _bracket(study, trial, shares)
        beside = [one for one in trials if _bracket(study, one, shares) == own]
        return Halving(self._least * self._factor**own, self._factor).prune_among(beside, study, trial)

    def _shares(self, epochs: int) -> list[int]:
        """How many trials of all go to each bracket."""
        count = 0
        while self._least * self._factor**count <= epochs:
            count += 1
        return [math.ceil(count * self._factor**later / (later + 1)) for later in reversed(range(count))]


def _step_at(trial: FrozenTrial, rung: int) -> int | None:
    """The step with which a trial has come to a rung; None where it has not."""
    return min((step for step in trial.intermediate_values if step >= rung), default=None)


def _bracket(study: Study, trial: FrozenTrial, shares: Sequence[int]) -> int:
    """The bracket of a trial, by its number in the sweep: that stays the same when the study is made again."""
    number = trial.user_attrs.get(TRIAL, trial.number)
    place = binascii.crc32(f"{study.study_name}_{number}".encode()) % sum(shares)
    return next(bracket for bracket in range(len(shares)) if place < sum(shares[: bracket + 1]))
