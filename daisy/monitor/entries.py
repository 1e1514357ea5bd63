"""Entries: one thing each in which two sides differ."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NOWHERE = object()
"""The value of what one of the two sides does not have."""

Sides = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """One thing that differs; NOWHERE stands for a value that is not there.

    `kind` is what the values are: share (a fraction), number, seconds, hash, or nothing in particular; `difference` is the
    second less the first, where that means something. `used` says which of the two read the key.
    """

    name: str
    first: Any
    second: Any
    kind: str = ""
    difference: float | None = None
    used: tuple[bool, bool] = (True, True)


def pair(name: str, first: Any, second: Any, kind: str = "", subtracted: bool = False) -> Iterator[Entry]:
    """The entry of two values, if they differ; with their difference where it is asked for and both are numbers."""
    if not same(first, second):
        both = subtracted and is_number(first) and is_number(second)
        yield Entry(name, first, second, kind, second - first if both else None)


def of_key(name: str, sides: Sides, key: str, kind: str = "", subtracted: bool = False) -> Iterator[Entry]:
    """The same of what two mappings have for a key; null is as good as not there."""
    first, second = (NOWHERE if side.get(key) is None else side[key] for side in sides)
    yield from pair(name, first, second, kind, subtracted)


def all_keys(sides: Sides) -> list[str]:
    """The keys of both, in order."""
    return list(dict.fromkeys([*sides[0], *sides[1]]))


def part(node: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A section; an empty one where there is none: models of earlier versions have not all of them."""
    for name in names:
        found = node.get(name)
        node = found if isinstance(found, Mapping) else {}
    return node


def same(first: Any, second: Any) -> bool:
    """Whether two values are one in JSON, as the identity has them: 1 is neither true nor 1.0."""
    if first is NOWHERE or second is NOWHERE:
        return first is second
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def is_number(value: Any) -> bool:
    """Whether it is a number that can be subtracted."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
