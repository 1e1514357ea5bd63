"""The space of a search: which keys have which values, where; its points, and what they are to an Optuna study."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from daisy.configuration.offers import Value, same
from daisy.errors import ConfigurationError
from daisy.sweep.parameter import Parameter

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

Point = dict[str, Value]  # a value for each key that is searched there


@dataclass(frozen=True)
class Space:
    """All parameters in the order in which a trial is asked for them: each behind those that its condition goes by.

    A key that several of them have is searched by one of them at a time; their conditions exclude each other.
    """

    asked: tuple[Parameter, ...]

    def keys(self) -> list[str]:
        """Each key that is searched somewhere."""
        return [*dict.fromkeys(parameter.key for parameter in self.asked)]

    def suggest(self, trial: "optuna.trial.BaseTrial") -> Point:
        """The point that the study gives a trial."""
        point: Point = {}
        for parameter in self.asked:
            if parameter.holds(point):
                point[parameter.key] = parameter.suggested(trial)
        return point

    def parameters(self, point: Mapping[str, Value]) -> dict[str, Any]:
        """What a study keeps of a point that fits, by its own names."""
        return {parameter.name: parameter.encoded(point[parameter.key]) for parameter in self._of(point)}

    def distributions(self, point: Mapping[str, Value]) -> "dict[str, BaseDistribution]":
        """The distributions of a point's parameters, as `suggest` asks for them."""
        return {parameter.name: parameter.distribution() for parameter in self._of(point)}

    def point_of(self, parameters: Mapping[str, Any]) -> Point:
        """The point whose parameters these are. Raises ConfigurationError where they are of another space."""
        point: Point = {}
        left = dict(parameters)
        for parameter in self.asked:
            if parameter.holds(point):
                try:
                    point[parameter.key] = parameter.decoded(left.pop(parameter.name))
                except (KeyError, ValueError):
                    raise _of_another_space(parameter.name) from None
        if left:
            raise _of_another_space(next(iter(left)))
        return point

    def point_among(self, parameters: Mapping[str, Any]) -> Point | None:
        """The point whose parameters these are; None where they are of another space."""
        try:
            point = self.point_of(parameters)
        except ConfigurationError:
            return None
        return point if self.fits(point) is None else None

    def drawn(self, point: Mapping[str, Value]) -> Point:
        """A point with as many digits of its numbers as those have that a trial is given."""
        return {parameter.key: parameter.drawn(point[parameter.key]) for parameter in self._of(point)}

    def point_in(self, values: Mapping[str, Value]) -> Point:
        """As much of a point as some values, and choices of groups, are; `fits` says whether it is one."""
        point: Point = {}
        for parameter in self.asked:
            if parameter.holds(point) and parameter.key in values:
                point[parameter.key] = values[parameter.key]
        return point

    def fits(self, point: Mapping[str, Value]) -> str | None:
        """Why a point is none of this space, as a sentence; None: it is one."""
        known: Point = {}
        for parameter in self.asked:
            if not parameter.holds(known):
                continue
            if parameter.key not in point:
                return f"{parameter.key} is not there, of which the space has {parameter.offers()}"
            known[parameter.key] = value = point[parameter.key]
            if not parameter.offer.has(value):
                return f"{parameter.typed(value)} is not in the space, which has {parameter.offers()}"
        others = [key for key in point if key not in known]
        return f"{others[0]} is not searched there" if others else None

    def count(self) -> int | None:
        """How many points there are; None: no end of them."""
        if any(parameter.offer.count() is None for parameter in self.asked):
            return None
        return self._counted(0, {})

    def points(self) -> Iterator[Point]:
        """All points, the last key's values changing fastest. Raises ValueError where there is no end of them."""
        return self._walked(0, {}, lambda parameter: parameter.offer.values())

    def samples(self) -> Iterator[Point]:
        """A point for each combination of choices of groups; several where conditions go by other keys: each part is in one."""
        seen = set()
        for point in self._walked(0, {}, self._telling):
            kind = tuple((each.name, point[each.key] if each.is_group else None) for each in self._of(point))
            if kind not in seen:
                seen.add(kind)
                yield point

    def first(self) -> Point:
        """Some point."""
        return next(self.samples())

    def overrides(self, point: Mapping[str, Value]) -> list[str]:
        """A point that fits, as it is typed for Hydra; choices of groups come first."""
        parameters = sorted(self._of(point), key=lambda parameter: not parameter.is_group)
        return [parameter.typed(point[parameter.key]) for parameter in parameters]

    def _of(self, point: Mapping[str, Value]) -> Iterator[Parameter]:
        """The parameters that a point has, in order."""
        return (parameter for parameter in self.asked if parameter.holds(point))

    @cached_property
    def _deciding(self) -> Mapping[str, list[Value]]:
        """The values that conditions go by, each once, by key."""
        found: dict[str, list[Value]] = {}
        for parameter in self.asked:
            for key, value in parameter.condition.items():
                if not any(same(value, other) for other in found.setdefault(key, [])):
                    found[key].append(value)
        return found

    def _decided_by(self, parameter: Parameter) -> list[Value]:
        return [value for value in self._deciding.get(parameter.key, []) if parameter.offer.has(value)]

    def _telling(self, parameter: Parameter) -> Iterable[Value]:
        """Values that together show all that a parameter decides."""
        if parameter.is_group:
            return parameter.offer.values()
        first = parameter.offer.first()
        return [first, *(value for value in self._decided_by(parameter) if not same(value, first))]

    def _walked(self, number: int, point: Point, values: Callable[[Parameter], Iterable[Value]]) -> Iterator[Point]:
        """Each point that the values make, from a parameter on."""
        if number == len(self.asked):
            yield point
        elif not (parameter := self.asked[number]).holds(point):
            yield from self._walked(number + 1, point, values)
        else:
            for value in values(parameter):
                yield from self._walked(number + 1, {**point, parameter.key: value}, values)

    def _counted(self, number: int, point: Point) -> int:
        """How many points there are from a parameter on. Values that decide nothing are alike, and are not gone through."""
        if number == len(self.asked):
            return 1
        parameter = self.asked[number]
        if not parameter.holds(point):
            return self._counted(number + 1, point)
        decided = self._decided_by(parameter)
        others = (parameter.offer.count() or 0) - len(decided)
        counted = sum(self._counted(number + 1, {**point, parameter.key: value}) for value in decided)
        return counted + (others * self._counted(number + 1, point) if others else 0)


def _of_another_space(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"the study was made with another space: {name} is not in both of them, or not with this value; undo what was changed in "
        "the sweep's file, or give the sweep another name"
    )
