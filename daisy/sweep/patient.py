"""The pruner that leaves a trial alone as long as it gains.

Of Optuna's own a trial must get worse before it is ended: one that stays at the very same accuracy, as a dead one does, it keeps
to the end, and its `min_delta` is what a trial may lose.
"""

import math

from optuna import Study
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class Patient(BasePruner):
    """Where a trial has gained at most `min_delta` in its last `patience` epochs, another pruner decides; without one it ends."""

    def __init__(self, within: BasePruner | None, patience: int, min_delta: float) -> None:
        self._within = within
        self._patience = patience
        self._min_delta = min_delta

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is to end now."""
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        reported = [sign * value for _, value in sorted(trial.intermediate_values.items())]
        before = reported[: max(0, len(reported) - self._patience)]
        if not before or _best(reported[len(before) :]) > _best(before) + self._min_delta:
            return False
        return self._within is None or self._within.prune(study, trial)


def _best(values: list[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=-math.inf)
