"""A search as it is now: its trials, what is best of them, what they have cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from daisy.folder import Warm
from daisy.registry import Row
from daisy.sweep import Search
from daisy.sweep.definition import Direction
from daisy.sweep.readers import COSTS
from daisy.sweep.trials import Trial


@dataclass(frozen=True)
class SeenModel:
    """One model of a trial as it is now; `is_own`: it was trained for this search.

    It has run for so many `seconds`, over all attempts, and `trained` in so many of them.
    """

    model: str | None
    state: str
    seconds: float | None
    trained: float | None
    goals: Mapping[str, float]
    is_own: bool
    row: Row | None


@dataclass(frozen=True)
class SeenTrial:
    """One trial that was asked for, as it is now."""

    trial: Trial
    state: str
    models: Sequence[SeenModel]
    goals: Sequence[str]

    @property
    def number(self) -> int:
        """Its number in the sweep."""
        return self.trial.number

    @property
    def point(self) -> Mapping[str, Any]:
        """The value of each key that is searched there."""
        return self.trial.file.point

    @property
    def values(self) -> Mapping[str, float]:
        """Its goals' values, once it is done."""
        return dict(zip(self.goals, self.trial.values or (), strict=False))

    @property
    def so_far(self) -> float | None:
        """What the first goal is of its first model, though the trial is not done; what its framework says of that, else.

        None of a cost: what a model has cost until it was ended is not what it costs.
        """
        if not self.models or self.values or self.goals[0] in COSTS:
            return None
        first = self.models[0]
        told = first.row.dev_accuracy if first.row is not None and self.goals[0] == "accuracy" else None
        return first.goals.get(self.goals[0], told)

    @property
    def epochs(self) -> tuple[int | None, int | None]:
        """How far its first model has come, and how far that was to go."""
        row = self.models[0].row if self.models else None
        return (row.epoch, row.epochs) if row is not None else (None, None)

    @property
    def seconds(self) -> float | None:
        """How long its models have run, in sum."""
        known = [model.seconds for model in self.models if model.seconds is not None]
        return sum(known) if known else None

    @property
    def ended(self) -> float | None:
        """When the last of its models ended (seconds since 1970); None while something of it runs or waits."""
        if self.trial.is_open:
            return None
        return max((row.ended for model in self.models if (row := model.row) is not None and row.ended), default=None)


@dataclass(frozen=True)
class Best:
    """A point that nothing is better than; `number` is its trial, None where earlier models have tried it."""

    number: int | None
    point: Mapping[str, Any]
    values: Mapping[str, float]
    models: Sequence[str]


@dataclass(frozen=True)
class SeenBase:
    """One base of a search: `count` trials, of which these were asked for, and so many will be.

    `cancelled` are those that a person took away before they were asked for; `over` says why no more are, `known` are the
    points that it began with.
    """

    number: int
    overrides: Sequence[str]
    goal: Mapping[str, Direction]
    count: int
    trials: Sequence[SeenTrial]
    to_come: int
    cancelled: int
    over: str | None
    known: Sequence[Warm]

    @property
    def states(self) -> Mapping[str, int]:
        """How many of the trials that were asked for are in which state."""
        return Counter(trial.state for trial in self.trials)

    @property
    def repeated(self) -> int:
        """How often the sampler asked for a point that had been tried."""
        return sum(len(trial.trial.file.repeated) for trial in self.trials)

    @cached_property
    def best(self) -> Sequence[Best]:
        """The best point so far; of several goals all that no other one is better than in each (the Pareto front)."""
        tried = [
            Best(trial.number, trial.point, trial.values, [model.model for model in trial.models if model.model is not None])
            for trial in self.trials
            if trial.values
        ]
        goals = list(self.goal)
        tried += [
            Best(None, warm.point, dict(zip(goals, warm.values, strict=True)), warm.models)
            for warm in self.known
            if len(warm.values) == len(goals)  # it may have had other goals then
        ]
        signs = [1.0 if direction == "maximize" else -1.0 for direction in self.goal.values()]
        scores = {id(one): [sign * value for sign, value in zip(signs, one.values.values(), strict=True)] for one in tried}
        tried.sort(key=lambda one: scores[id(one)], reverse=True)  # then whoever is better than one stands before it
        front: list[Best] = []
        for one in tried:
            if not any(_as_good(scores[id(other)], scores[id(one)]) for other in front):
                front.append(one)
        return front


@dataclass(frozen=True)
class SeenSearch:
    """A search as it is now. Seconds are of slots: of ten models at once ten of them pass in a second.

    So many slots are `busy`: with models that run, or with asking for one. `saved` is what pruning has saved, were each pruned
    model to have gone on to its end at its own pace, of so many models (`pruned`); None where nobody knows.
    """

    sweep_id: str
    name: str
    created: float
    search: Search
    repeats: Sequence[Sequence[str]]
    measure: Mapping[str, str] | None
    bases: Sequence[SeenBase]
    running: int
    busy: int
    waiting: int
    at_once: int
    why_waiting: str | None
    held: str | None
    seconds_left: float | None
    seconds: float
    saved: float | None
    pruned: int
    warnings: Sequence[str]


def _as_good(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is in no goal worse than the other."""
    return all(mine >= theirs for mine, theirs in zip(one, other, strict=True))
