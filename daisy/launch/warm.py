"""Warm start: the done models that lie in the space of a search, as points that it begins with."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from daisy import registry
from daisy.configuration import leaves
from daisy.configuration.compose import Composer
from daisy.configuration.typed import one_line, plain
from daisy.errors import DaisyError, FolderError
from daisy.folder import LeftOut, ModelFolder, SweepFolder, TrialFile, Warm
from daisy.launch.planning import Plan, Planner
from daisy.sweep import Point, Space
from daisy.sweep.trials import figure

MOST_DIFFERENCES = 2  # that are told of one model
ONLY_WHERE = ("env",)  # choices that say where a model runs


@dataclass(frozen=True)
class WarmStart:
    """The points of one or more bases, and the models that are none, each with the reason."""

    points: Sequence[Warm] = ()
    left_out: Sequence[LeftOut] = ()

    def told(self) -> Iterator[str]:
        """What a person is told: how many there are, and why others are left out."""
        models = sum(len(warm.models) for warm in self.points)
        yield f"{len(self.points)} points, of {models} models that are done"
        for why, count in Counter(one.why.partition(": ")[0] for one in self.left_out).most_common(5):
            yield f"{count} left out: {why}"


def known_to(sweep: SweepFolder) -> WarmStart:
    """What a search knows of earlier models. Raises FolderError."""
    return WarmStart(sweep.trials.warm(), sweep.trials.left_out())


def more_for(sweep: SweepFolder, space: Space, found: WarmStart) -> WarmStart:
    """What an extended search knows then: what it knew, and the points that it has neither known nor tried.

    Its own models are found, too. What lies in no point of the space as it is now its study does not have. Raises FolderError.
    """
    before = sweep.trials.warm()
    told: list[Warm | TrialFile] = [*before, *sweep.trials.all()]
    there = {(one.base, _key(one.parameters)) for one in told if space.point_among(one.parameters) is not None}
    new = [one for one in found.points if (one.base, _key(one.parameters)) not in there]
    return WarmStart([*before, *new], found.left_out)


@dataclass(frozen=True)
class _Known:
    """A done model: its values by key, choices of groups among them, and its goals."""

    model: str
    identity: str
    dataset: str  # its checksum
    values: Mapping[str, Any]
    goals: Sequence[float]


@dataclass
class WarmStarter:
    """Finds the points of one search. A model is one where the search would come to the very same model, by identity."""

    composing: Composer
    planner: Planner
    space: Space
    repeats: Sequence[Sequence[str]]
    goals: Sequence[str]
    _planned: dict[str, list[Plan] | str] = field(default_factory=dict)

    def found(self, models_dir: Path, bases: Sequence[Sequence[str]]) -> WarmStart:
        """All points, for each base. `bases` are the overrides beside what is searched, with the named sweep."""
        known, unusable = _done(models_dir, self.goals)
        points, left_out = list[Warm](), [*unusable]
        for number, base in enumerate(bases):
            by_point: dict[str, tuple[Point, dict[str, _Known]]] = {}
            for model in known:
                point = self.space.point_in(model.values)
                if (why := self._not_of_it(model, point, base)) is not None:
                    left_out.append(LeftOut(number, model.model, why))
                    continue
                _, of_point = by_point.setdefault(_key(point), (point, {}))
                of_point[model.identity] = model  # of several that are equal the newest one
            points += [self._warm(number, point, list(models.values())) for point, models in by_point.values()]
        return WarmStart(points, left_out)

    def _warm(self, base: int, point: Point, models: Sequence[_Known]) -> Warm:
        """One point: the mean over its repeats that are done."""
        values = [fmean(column) for column in zip(*(model.goals for model in models), strict=True)]
        return Warm(base, self.space.parameters(point), point, values, sorted(model.model for model in models))

    def _not_of_it(self, model: _Known, point: Point, base: Sequence[str]) -> str | None:
        """Why a model is none that the search would come to; None where it is one."""
        if (why := self.space.fits(point)) is not None:
            return f"not in the space: {why}"
        plans = self._plans(point, base)
        if isinstance(plans, str):
            return f"such a model is refused now: {plans}"
        if model.identity in [planned.identity for planned in plans]:
            return None
        return _difference(model, plans)

    def _plans(self, point: Point, base: Sequence[str]) -> list[Plan] | str:
        """What the search would train at a point; why it would not."""
        key = _key([*base, point])
        if key not in self._planned:
            try:
                texts = [*base, *self.space.overrides(point)]
                self._planned[key] = [self.planner.plan(self.composing.compose([*texts, *repeat])) for repeat in self.repeats]
            except DaisyError as error:
                self._planned[key] = str(error)
        return self._planned[key]


def _done(models_dir: Path, goals: Sequence[str]) -> tuple[list[_Known], list[LeftOut]]:
    """The done models, oldest first, and those that lack a goal's figure or can't be read."""
    known, unusable = list[_Known](), list[LeftOut]()
    for row in registry.read(models_dir).rows if models_dir.is_dir() else ():
        if row.state != "done":
            continue
        folder = ModelFolder(models_dir / row.model_id)
        try:
            config, result = folder.read_config(), folder.read_result()
            values = {**dict(leaves(config["configuration"])), **config["choices"]}
            figures = [figure(result, goal) for goal in goals]
            there = [value for value in figures if value is not None]
            if len(there) < len(goals):
                unusable.append(LeftOut(0, row.model_id, f"no {' or '.join(goals)} is known of it"))
                continue
            known.append(_Known(row.model_id, config["identity"], config["dataset"]["checksum"], values, there))
        except (FolderError, KeyError, TypeError) as error:
            unusable.append(LeftOut(0, row.model_id, f"its folder can't be read: {error}"))
    return known, unusable


def _difference(model: _Known, plans: Sequence[Plan]) -> str:
    """What tells a model from all those that the search would train at its point."""
    told = min((_differences(model, planned) for planned in plans), key=len)
    if told:
        return one_line(f"another {next(iter(told))}: {'; '.join(islice(told.values(), MOST_DIFFERENCES))}")
    if model.dataset != plans[0].content["dataset"]["checksum"]:
        return "other data: the dataset of this name is another one now"
    return "another identity: its adapter reads other options now"


def _differences(model: _Known, planned: Plan) -> dict[str, str]:
    """The keys that have other values, each with both; not those that the framework does not use."""
    values = {**dict(leaves(planned.configuration.values)), **planned.configuration.choices}
    there = {key: (model.values.get(key), values.get(key)) for key in dict.fromkeys([*values, *model.values])}
    unused = frozenset(planned.content["unused"])
    return {
        key: f"{key} is {plain(then)}, here {plain(now)}"
        for key, (then, now) in there.items()
        if then != now and key not in unused and key not in ONLY_WHERE
    }


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
