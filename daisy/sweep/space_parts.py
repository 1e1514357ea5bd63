"""Reading the space of a search: its keys, and the parts of it that hold only `when` other keys have some values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from daisy.configuration.nearest import did_you_mean
from daisy.configuration.offers import Value, same
from daisy.configuration.typed import one_line, plain
from daisy.errors import ConfigurationError
from daisy.sweep.parameter import Parameter
from daisy.sweep.space import Space

if TYPE_CHECKING:
    from daisy.configuration.overrides import Parser

SPACE, WHEN = "sweep.space", "when"
BETWEEN = re.compile(r"[\s,]+(?=[^\s,='\"\[\]]+=)")  # two conditions
Condition = Mapping[str, Value]


@dataclass(frozen=True)
class Part:
    """Keys and their values as they were typed, and the condition under which they hold."""

    condition: Condition
    space: Mapping[str, str]


def read_space(parser: "Parser", space: Mapping[str, str], when: Mapping[str, Mapping[str, Any]], where: str) -> Space:
    """The space that a definition says: the keys of `space`, and of `when` those whose condition holds.

    A part of `when` may have a `when` of its own. `where` is the file, for messages. Raises ConfigurationError.
    """
    try:
        parts = [Part({}, space), *_parts(parser, when, {})]
        offered = [_parameter(parser, key, text, part.condition) for part in parts for key, text in part.space.items()]
        if not offered:
            raise ConfigurationError(f"{SPACE} has no keys: write KEY: VALUES below it")
        for parameter in offered:
            _check_condition(parameter, offered)
        return Space(_named(_apart(_in_order(offered))))
    except ConfigurationError as error:
        error.args = (f"{where}: {error}",)
        raise


def _parts(parser: "Parser", when: Mapping[str, Mapping[str, Any]], outer: Condition) -> Iterator[Part]:
    for text, content in when.items():
        condition = _joined(outer, _condition(parser, text), text)
        if not isinstance(content, Mapping):
            raise ConfigurationError(one_line(f"{WHEN} {text}: {content} must be a section: write KEY: VALUES below it"))
        yield Part(condition, {key: values for key, values in content.items() if key != WHEN})
        yield from _parts(parser, content.get(WHEN, {}), condition)


def _condition(parser: "Parser", text: str) -> Condition:
    """The keys and values of `architecture=conv arch.layers=2`."""
    found: Condition = {}
    for typed in BETWEEN.split(text.strip()):
        if "=" not in typed:
            raise ConfigurationError(one_line(f"{WHEN} {text}: {typed} is no condition: write KEY=VALUE, like architecture=conv"))
        if len(parser.expanded([typed])) > 1:
            raise ConfigurationError(one_line(f"{WHEN} {text}: a condition has one value: write a part for each"))
        read = parser.overrides([typed])
        [override] = (*read.choices, *read.values)
        value: Any = override.value()
        found = _joined(found, {override.key_or_group: value}, text)
    return found


def _joined(one: Condition, other: Condition, text: str) -> Condition:
    if not _agree(one, other):
        raise ConfigurationError(
            one_line(f"{WHEN} {text}: {_told(one)} and {_told(other)} can't both hold: leave one of them out")
        )
    return {**one, **other}


def _parameter(parser: "Parser", key: str, text: str, condition: Condition) -> Parameter:
    return Parameter(key, parser.offer(key, text), key in parser.options, condition, key)


def _check_condition(parameter: Parameter, offered: Sequence[Parameter]) -> None:
    """Each condition is about a key of the space and one of its values."""
    keys = [other.key for other in offered]
    for key, value in parameter.condition.items():
        told = f"{WHEN} {_told({key: value})}"
        if key not in keys:
            near = did_you_mean(key, [*dict.fromkeys(keys)])
            raise ConfigurationError(one_line(f"{told}: {key} is not searched{near}{', '.join(dict.fromkeys(keys))}"))
        offers = [other for other in offered if other.key == key]
        if not any(other.offer.has(value) for other in offers):
            there_are = " or ".join(other.offers() for other in offers)
            raise ConfigurationError(one_line(f"{told}: {key} never has this value: write one of {there_are}"))
        if any(other.offer.count() is None for other in offers):
            raise ConfigurationError(one_line(f"{told}: of all numbers hardly one is this: give {key} values to choose from"))


def _in_order(offered: Sequence[Parameter]) -> list[Parameter]:
    """Groups first, else as they were written; but each behind the keys that its condition goes by."""
    waiting = sorted(offered, key=lambda parameter: not parameter.is_group)
    ordered: list[Parameter] = []
    while waiting:
        keys = {parameter.key for parameter in waiting}
        ready = next((parameter for parameter in waiting if not keys & set(parameter.condition)), None)
        if ready is None:
            raise ConfigurationError(
                f"the conditions of {' and '.join(sorted(keys))} go round in a circle: take one of them out of {WHEN}"
            )
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _apart(ordered: Sequence[Parameter]) -> Sequence[Parameter]:
    """The same, where each can hold and no two of one key can hold at once. Raises ConfigurationError."""
    worlds: list[list[Condition]] = []
    for number, parameter in enumerate(ordered):
        worlds.append(_worlds(parameter, ordered[:number], worlds))
        if not worlds[-1]:
            raise ConfigurationError(
                one_line(
                    f"{WHEN} {_told(parameter.condition)}: that never holds, so {parameter.key} is not searched: take it out"
                )
            )
    for (one, first), (other, second) in combinations(zip(ordered, worlds, strict=True), 2):
        if one.key == other.key and any(_agree(this, that) for this in first for that in second):
            places = " and ".join(f"{WHEN} {_told(of.condition)}" if of.condition else SPACE for of in (one, other))
            raise ConfigurationError(
                one_line(
                    f"{one.key} is in {places}, which can both hold: leave it in one, or let their conditions exclude each other"
                )
            )
    return ordered


def _worlds(parameter: Parameter, before: Sequence[Parameter], their_worlds: Sequence[Sequence[Condition]]) -> list[Condition]:
    """All that must hold where a parameter's condition does, with the conditions of the keys that it goes by: alternatives."""
    found: list[Condition] = [parameter.condition]
    for key, value in parameter.condition.items():
        needed = [
            world
            for other, worlds in zip(before, their_worlds, strict=True)
            if other.key == key and other.offer.has(value)
            for world in worlds
        ]
        found = [{**world, **more} for world in found for more in needed if _agree(world, more)]
    return found


def _named(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """With their names in the study: the key, and where it offers different things in different parts, its condition too."""
    offers: dict[str, set[str]] = {}
    for parameter in parameters:
        offers.setdefault(parameter.key, set()).add(repr(parameter.offer))  # 1 and true differ in it
    return tuple(
        replace(parameter, name=f"{parameter.key} ({_told(parameter.condition)})")
        if len(offers[parameter.key]) > 1
        else parameter
        for parameter in parameters
    )


def _agree(one: Condition, other: Condition) -> bool:
    return all(same(value, other[key]) for key, value in one.items() if key in other)


def _told(condition: Condition) -> str:
    return " ".join(f"{key}={value if isinstance(value, str) else plain(value)}" for key, value in condition.items())
