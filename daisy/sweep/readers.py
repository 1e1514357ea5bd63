"""Readers of the values in a sweep's definition. Each raises ConfigurationError naming the key, what is wanted, where it is."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from daisy.configuration.typed import MOST_MODELS, one_line, plain
from daisy.errors import ConfigurationError

Overrides = tuple[str, ...]  # KEY=VALUE each
SEED, WHEN = "seed", "when"
DURATION = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>s|min|h|d)?")
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
BETTER = {"accuracy": "maximize", "edit_distance": "minimize", "seconds": "minimize", "bytes": "minimize"}
"""The figures of a model that may be a goal, and what is better: seconds are those of training, bytes the checkpoint's."""
COSTS = ("seconds", "bytes")  # those that are known at the end alone: nothing that is told while it trains foretells them


def mapping(key: str, value: object, where: str) -> Mapping[str, Any]:
    """A section with keys."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a section with keys: write NAME: VALUE below it"))
    return {str(name): entry for name, entry in value.items()}


def values(key: str, value: object, where: str) -> str:
    """Values as they are typed: `range(2,9)`, `2,4,[2,4]`; a list of YAML's is the values that it has."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, (bool, int, float)):
        return plain(value)
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return ",".join(map(_typed, value))
    raise ConfigurationError(
        one_line(f"{key}={value!r} ({where}) gives no values: write them as 2,4,6, range(FROM,TO) or a list")
    )


def axes(key: str, value: object, where: str) -> Mapping[str, str]:
    """Keys, each with its values."""
    return {name: values(f"{key}.{name}", entry, where) for name, entry in mapping(key, value, where).items()}


def repeat(key: str, value: object, where: str) -> Mapping[str, str]:
    """The keys and their values; a number alone is so many seeds, from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return {SEED: f"range(1,{value + 1})"}
    if not isinstance(value, Mapping):
        raise ConfigurationError(one_line(f"{key}={value} ({where}): write how many seeds, or {{seed: '1,2,3'}}"))
    return axes(key, value, where)


def overrides(key: str, value: object, where: str) -> Overrides:
    """One set of overrides: a text with blanks between them, a list of such, or a mapping of keys to values."""
    if isinstance(value, Mapping):
        return tuple(f"{name}={_typed(entry)}" for name, entry in value.items())
    if isinstance(value, str) and "=" in value:
        return tuple(_split(value))
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return tuple(text for entry in value for text in overrides(key, entry, where))
    raise ConfigurationError(one_line(f"{key}={value!r} ({where}) is no set of overrides: write KEY=VALUE, or a list of them"))


def _typed(value: object) -> str:
    """A value of YAML's as an override has it; a text may be an expression or need no quotes."""
    return value if isinstance(value, str) else plain(value)


def _split(text: str) -> list[str]:
    """At blanks, but not within brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[({":
            depth += 1
        elif char in "])}":
            depth -= 1
        if char.isspace() and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part]


def sets(key: str, value: object, where: str) -> Sequence[Overrides]:
    """A list of sets of overrides."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a list: write a line `- KEY=VALUE ...` for each"))
    return [overrides(f"{key}[{number}]", entry, where) for number, entry in enumerate(value)]


def named_sets(key: str, value: object, where: str) -> Mapping[str, Overrides]:
    """Sets of overrides, each with a name."""
    return {name: overrides(f"{key}.{name}", entry, where) for name, entry in mapping(key, value, where).items()}


def flag(key: str, value: object, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be true or false"))
    return value


def parts(key: str, value: object, where: str) -> Mapping[str, Mapping[str, Any]]:
    """Parts of a space, each under its condition: `architecture=rnn: {arch.layers: "1,2"}`; a part may have parts again."""
    return {name: _part(f"{key}.{name}", entry, where) for name, entry in mapping(key, value, where).items()}


def _part(key: str, value: object, where: str) -> Mapping[str, Any]:
    told = mapping(key, value, where)
    own = axes(key, {name: entry for name, entry in told.items() if name != WHEN}, where)
    return {**own, **({WHEN: parts(f"{key}.{WHEN}", told[WHEN], where)} if WHEN in told else {})}


def text(key: str, value: object, where: str) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a text"))
    return value.strip()


def count(key: str, value: object, where: str) -> int:
    """A whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a whole number from 0"))
    return value


def positive(key: str, value: object, where: str) -> int:
    """A whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_MODELS:
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a whole number from 1 to {MOST_MODELS}"))
    return value


def number(key: str, value: object, where: str) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a number"))
    return float(value)


def seconds(key: str, value: object, where: str) -> float:
    """A time in seconds, or as `90min`, `12h`, `2d`."""
    match = DURATION.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    if match is None or not float(match["count"]):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a time: in seconds, or as 90min, 12h, 2d"))
    return float(match["count"]) * SECONDS[match["unit"] or "s"]


def goal(key: str, value: object, where: str) -> Mapping[str, str]:
    """Figures of a model and whether they are to be maximized or minimized; of one alone (`accuracy`) that is known."""
    told = {value: BETTER.get(value)} if isinstance(value, str) else mapping(key, value, where)
    for name, direction in told.items():
        if name not in BETTER:
            raise ConfigurationError(one_line(f"{key}.{name} ({where}) is no figure of a model: there are {', '.join(BETTER)}"))
        if direction not in ("maximize", "minimize"):
            raise ConfigurationError(one_line(f"{key}.{name}={direction} ({where}) must be maximize or minimize"))
    if not told:
        raise ConfigurationError(f"{key} ({where}) names no goal: write {{accuracy: maximize}}")
    return {str(name): str(direction) for name, direction in told.items()}
