"""A study in memory, made from the folders of a search alone: for those who only read. The search's own one is left alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daisy.folder import Warm
from daisy.sweep.definition import Direction
from daisy.sweep.space import Space
from daisy.sweep.trials import Trial

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Goal:
    """A goal of a study: the place of its value among those of a trial, what that is multiplied by, and its direction."""

    place: int
    direction: Direction
    factor: float = 1.0


@dataclass(frozen=True)
class Recaller:
    """Makes studies of the trials of one base. `name` and `text` are what becomes of their names and of texts to choose from."""

    space: Space
    name: Callable[[str], str] = str
    text: Callable[[str], str] = str

    def study(
        self,
        goals: Sequence[Goal],
        trials: Iterable[Trial],
        known: Iterable[Warm] = (),
        reports: Callable[[Trial], Mapping[int, float]] = lambda trial: {},
    ) -> "optuna.Study":
        """The study. Its trials have the numbers of the sweep's, where nothing was `known` before; those between are failed ones.

        Trials of another space are left out: the search was extended since.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(directions=[goal.direction for goal in goals])
        for warm in known:
            study.add_trials(self._trial("COMPLETE", warm.parameters, _chosen(goals, warm.values), {}))
        begin = len(study.get_trials(deepcopy=False))
        for trial in trials:
            state = {"done": "COMPLETE", "pruned": "PRUNED"}.get(trial.state)
            if state is None:
                continue
            values = _chosen(goals, trial.values) if trial.values is not None else None
            made = self._trial(state, trial.file.parameters, values, reports(trial))
            if not begin:
                self._fill(study, trial.number if made else 0)
            study.add_trials(made)
        return study

    def _fill(self, study: "optuna.Study", until: int) -> None:
        from optuna.trial import TrialState, create_trial

        for _ in range(len(study.get_trials(deepcopy=False)), until):
            study.add_trial(create_trial(state=TrialState.FAIL))

    def _trial(
        self, state: str, parameters: Mapping[str, Any], values: Sequence[float] | None, reports: Mapping[int, float]
    ) -> "list[FrozenTrial]":
        """One trial; none where it is not in the space."""
        from optuna.trial import TrialState, create_trial

        point = self.space.point_among(parameters)
        if point is None:
            return []
        if state == "PRUNED" and reports and values is None:
            values = [reports[max(reports)]]
        distributions = self.space.distributions(point)
        return [
            create_trial(
                state=TrialState[state],
                values=list(values) if values is not None else None,
                params={self.name(name): self._value(value) for name, value in parameters.items()},
                distributions={self.name(name): self._distribution(one) for name, one in distributions.items()},
                intermediate_values=dict(reports),
            )
        ]

    def _value(self, value: Any) -> Any:
        return self.text(value) if isinstance(value, str) else value

    def _distribution(self, distribution: "BaseDistribution") -> "BaseDistribution":
        from optuna.distributions import CategoricalDistribution

        if not isinstance(distribution, CategoricalDistribution):
            return distribution
        return CategoricalDistribution([self._value(value) for value in distribution.choices])


def _chosen(goals: Sequence[Goal], values: Sequence[float]) -> list[float]:
    return [values[goal.place] * goal.factor for goal in goals]
