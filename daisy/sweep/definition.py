"""The definition of a named sweep: the node `sweep` of its file, as it was written, checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from daisy.configuration.nearest import nearest
from daisy.configuration.overrides import one_line, plain
from daisy.errors import ConfigurationError

Part = TypeVar("Part")
Overrides = tuple[str, ...]  # KEY=VALUE each
NODE = "sweep"
SEED = "seed"


@dataclass(frozen=True)
class Definition:
    """What each kind of sweep has. `repeat` are keys whose values each model is trained with: its seeds."""

    kind: ClassVar[str]
    repeat: Mapping[str, str] = field(default_factory=dict)
    extend: bool = False  # go on although the definition is not the one that the sweep began with


@dataclass(frozen=True)
class Grid(Definition):
    """Each combination of the values of some keys (`axes`), but those that `skip` names."""

    kind = "grid"
    axes: Mapping[str, str] = field(default_factory=dict)
    skip: Sequence[Overrides] = ()


@dataclass(frozen=True)
class Listed(Definition):
    """Sets of overrides, written out (`jobs`), and the values of some keys side by side (`zip`: the first of each, ...)."""

    kind = "list"
    jobs: Sequence[Overrides] = ()
    zip: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation(Definition):
    """The full model, and the full model with one thing taken out (`without`) or replaced (`replace`) at a time.

    With `pairs` also those with two things taken out.
    """

    kind = "ablation"
    without: Mapping[str, Overrides] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    pairs: bool = False


KINDS: Mapping[str, type[Definition]] = {kind.kind: kind for kind in (Grid, Listed, Ablation)}


def read(node: object, where: str) -> Definition:
    """The definition that a node says. Raises ConfigurationError naming the key, what is wanted, and `where` it is."""
    told = _mapping(NODE, node, where)
    if "kind" not in told:
        raise ConfigurationError(f"{where} does not say what kind of sweep it is: add sweep.kind, one of {', '.join(KINDS)}")
    kind = KINDS.get(str(told["kind"]))
    if kind is None:
        raise ConfigurationError(one_line(f"{NODE}.kind={told['kind']} ({where}): there are the kinds {', '.join(KINDS)}"))
    known = {part.name: READERS[part.name] for part in fields(kind)}
    values = {}
    for key, value in told.items():
        if key == "kind" or (value is None and key in known):
            continue
        if key not in known:
            raise ConfigurationError(_unknown(key, kind, where))
        values[key] = known[key](f"{NODE}.{key}", value, where)
    definition = kind(**values)
    _check_whole(definition, where)
    return definition


def _unknown(key: str, kind: type[Definition], where: str) -> str:
    names = ["kind", *(part.name for part in fields(kind))]
    others = [name for name, other in KINDS.items() if key in (part.name for part in fields(other))]
    if others:
        told = f"{NODE}.{key} ({where}) is for sweeps of kind {' or '.join(others)}"
        return f"{told}, and this is one of kind {kind.kind}: leave it out"
    close = nearest(key, names)
    way_out = f"did you mean {' or '.join(close)}?" if close else f"one of kind {kind.kind} has {', '.join(names)}"
    return one_line(f"{NODE}.{key} ({where}): there is no such key - {way_out}")


def _check_whole(definition: Definition, where: str) -> None:
    needs = {Grid: ("axes",), Listed: ("jobs", "zip"), Ablation: ("without", "replace")}[type(definition)]
    if not any(getattr(definition, name) for name in needs):
        told = " or ".join(f"{NODE}.{name}" for name in needs)
        raise ConfigurationError(f"{where} names no models: a sweep of kind {definition.kind} needs {told}; write it")


def _mapping(key: str, value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a section with keys: write NAME: VALUE below it"))
    return {str(name): entry for name, entry in value.items()}


def _values(key: str, value: object, where: str) -> str:
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


def _axes(key: str, value: object, where: str) -> Mapping[str, str]:
    return {name: _values(f"{key}.{name}", entry, where) for name, entry in _mapping(key, value, where).items()}


def _repeat(key: str, value: object, where: str) -> Mapping[str, str]:
    """The keys and their values; a number alone is so many seeds, from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return {SEED: f"range(1,{value + 1})"}
    if not isinstance(value, Mapping):
        raise ConfigurationError(one_line(f"{key}={value} ({where}): write how many seeds, or {{seed: '1,2,3'}}"))
    return _axes(key, value, where)


def _overrides(key: str, value: object, where: str) -> Overrides:
    """One set of overrides: a text with blanks between them, a list of such, or a mapping of keys to values."""
    if isinstance(value, Mapping):
        return tuple(f"{name}={_typed(entry)}" for name, entry in value.items())
    if isinstance(value, str) and "=" in value:
        return tuple(_split(value))
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return tuple(text for entry in value for text in _overrides(key, entry, where))
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


def _sets(key: str, value: object, where: str) -> Sequence[Overrides]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be a list: write a line `- KEY=VALUE ...` for each"))
    return [_overrides(f"{key}[{number}]", entry, where) for number, entry in enumerate(value)]


def _named_sets(key: str, value: object, where: str) -> Mapping[str, Overrides]:
    return {name: _overrides(f"{key}.{name}", entry, where) for name, entry in _mapping(key, value, where).items()}


def _flag(key: str, value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(one_line(f"{key}={value} ({where}) must be true or false"))
    return value


READERS: Mapping[str, Callable[[str, object, str], Any]] = {
    "repeat": _repeat,
    "extend": _flag,
    "axes": _axes,
    "skip": _sets,
    "jobs": _sets,
    "zip": _axes,
    "without": _named_sets,
    "replace": _axes,
    "pairs": _flag,
}
