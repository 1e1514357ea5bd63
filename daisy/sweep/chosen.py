"""A sampler or pruner as it was written: its name, or a section with its name and options."""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daisy.configuration.nearest import nearest
from daisy.configuration.typed import one_line
from daisy.errors import ConfigurationError

NAME = "name"


@dataclass(frozen=True)
class Chosen:
    """The name of a sampler or pruner, and those of its options that were given."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """What values an option has, in words, and whether one is such a value."""

    wanted: str
    fits: Callable[[object], bool]


@dataclass(frozen=True)
class Kind:
    """What one sampler or pruner takes, and the packages that it needs besides Daisy's own: those of an extra."""

    options: Mapping[str, Option] = field(default_factory=dict)
    packages: Sequence[str] = ()
    extra: str = ""


def whole(least: int) -> Option:
    """An option that is a whole number."""
    return Option(f"a whole number, {least} or more", lambda value: _is_number(value, int) and value >= least)  # type: ignore[operator]


def number(least: float, most: float = math.inf) -> Option:
    """An option that is a number, both ends included."""
    wanted = f"a number from {least:g} to {most:g}" if math.isfinite(most) else f"a number, {least:g} or more"
    return Option(wanted, lambda value: _is_number(value, int, float) and least <= value <= most)  # type: ignore[operator]


def one_of(*names: str) -> Option:
    """An option that is one of these texts."""
    return Option(f"one of {', '.join(names)}", lambda value: value in names)


def read(key: str, value: object, where: str, kinds: Mapping[str, Kind]) -> Chosen:
    """What a key chooses of these. Raises ConfigurationError for what is not there, also for a package."""
    chosen = Chosen(value) if isinstance(value, str) else _section(key, value, where, kinds)
    kind = kinds.get(chosen.name)
    if kind is None:
        raise ConfigurationError(one_line(f"{key}={chosen.name} ({where}): {_one_of_these(chosen.name, kinds)}"))
    for name, given in chosen.options.items():
        option = kind.options.get(name)
        if option is None:
            raise ConfigurationError(one_line(f"{key}.{name} ({where}): {_no_such_option(name, chosen.name, kinds)}"))
        if not option.fits(given):
            raise ConfigurationError(one_line(f"{key}.{name}={given} ({where}) must be {option.wanted}"))
    if missing := [package for package in kind.packages if importlib.util.find_spec(package) is None]:
        told = f"{key}={chosen.name} ({where}) needs {' and '.join(missing)}, not installed here"
        raise ConfigurationError(f"{told}: pip install 'daisy-launcher[{kind.extra}]'")
    return chosen


def _section(key: str, value: object, where: str, kinds: Mapping[str, Kind]) -> Chosen:
    """A section; an option that is null is one that was not given."""
    if not isinstance(value, Mapping) or not isinstance(value.get(NAME), str):
        told = f"write one of {', '.join(kinds)}, or {{name: {next(iter(kinds))}, OPTION: VALUE}}"
        raise ConfigurationError(one_line(f"{key}={value} ({where}): {told}"))
    given = {str(name): entry for name, entry in value.items() if name != NAME and entry is not None}
    return Chosen(value[NAME], given)


def _one_of_these(name: str, kinds: Mapping[str, Kind]) -> str:
    close = nearest(name.lower(), list(kinds))
    return f"there is none of that name - did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(kinds)}"


def _no_such_option(option: str, name: str, kinds: Mapping[str, Kind]) -> str:
    known = kinds[name].options
    if close := nearest(option, list(known)):
        return f"{name} has no such option - did you mean {' or '.join(close)}?"
    others = [other for other, kind in kinds.items() if option in kind.options]
    told = f"it is an option of {', '.join(others)}, not of {name}" if others else f"{name} has no such option"
    return f"{told}: " + (f"{name} has {', '.join(known)}" if known else "leave it out")


def _is_number(value: object, *types: type) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)
