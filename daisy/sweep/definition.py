"""The definition of a named sweep: the node `sweep` of its file, as it was written, checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal

from daisy.configuration.nearest import nearest
from daisy.configuration.typed import one_line
from daisy.errors import ConfigurationError
from daisy.sweep import readers
from daisy.sweep.chosen import Chosen
from daisy.sweep.pruners import read_pruner
from daisy.sweep.readers import Overrides
from daisy.sweep.samplers import check, read_sampler

NODE = "sweep"
Direction = Literal["maximize", "minimize"]
ACCURACY: Mapping[str, Direction] = {"accuracy": "maximize"}


@dataclass(frozen=True)
class Definition:
    """What each kind of sweep has. `repeat` are keys whose values each model is trained with: its seeds."""

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]  # keys of which one must say something
    repeat: Mapping[str, str] = field(default_factory=dict)
    extend: bool = False  # go on although the definition is not the one that the sweep began with


@dataclass(frozen=True)
class Grid(Definition):
    """Each combination of the values of some keys (`axes`), but those that `skip` names."""

    kind = "grid"
    needs = ("axes",)
    axes: Mapping[str, str] = field(default_factory=dict)
    skip: Sequence[Overrides] = ()


@dataclass(frozen=True)
class Listed(Definition):
    """Sets of overrides, written out (`jobs`), and the values of some keys side by side (`zip`: the first of each, ...)."""

    kind = "list"
    needs = ("jobs", "zip")
    jobs: Sequence[Overrides] = ()
    zip: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation(Definition):
    """The full model, and the full model with one thing taken out (`without`) or replaced (`replace`) at a time.

    With `pairs` also those with two things taken out.
    """

    kind = "ablation"
    needs = ("without", "replace")
    without: Mapping[str, Overrides] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    pairs: bool = False


@dataclass(frozen=True)
class Search(Definition):
    """Points of a `space` that a sampler of Optuna's asks for, so many `trials`; `when` are parts of it under a condition.

    `goal` are figures of a model, each to be maximized or minimized; `measure` is the figure that the pruner goes by, where
    it is not the framework's best one. After `timeout` seconds, and when the goal has reached its `target`, no more are
    asked for. `retries` is how often a trial goes on that the machine cut off (None: as env.max_resumes says); `storage` the
    URL of an Optuna storage (None: a journal in the sweep's folder).
    """

    kind = "search"
    needs = ("space",)
    space: Mapping[str, str] = field(default_factory=dict)
    when: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trials: int = 0
    goal: Mapping[str, Direction] = field(default_factory=lambda: ACCURACY)
    sampler: Chosen = field(default_factory=lambda: Chosen("tpe", {}))
    pruner: Chosen = field(default_factory=lambda: Chosen("none", {}))
    measure: str | None = None
    timeout: float | None = None
    target: float | None = None
    retries: int | None = None
    warm_start: bool = False
    storage: str | None = None

    @property
    def prunes(self) -> bool:
        """Whether a model may be ended before its time."""
        return self.pruner.name != "none"

    def searched(self) -> Iterator[tuple[str, str, str]]:
        """Each key that is searched, its values as they are written, and the conditions under which, those around it first."""
        yield from ((key, values, "") for key, values in self.space.items())
        yield from _searched_when(self.when, ())


def _searched_when(when: Mapping[str, Mapping[str, Any]], around: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for condition, part in when.items():
        conditions = (*around, condition)
        yield from ((key, values, " ".join(conditions)) for key, values in part.items() if key != readers.WHEN)
        yield from _searched_when(part.get(readers.WHEN, {}), conditions)


KINDS: Mapping[str, type[Definition]] = {kind.kind: kind for kind in (Grid, Listed, Ablation, Search)}
READERS: Mapping[str, Callable[[str, object, str], Any]] = {
    "repeat": readers.repeat,
    "extend": readers.flag,
    "axes": readers.axes,
    "skip": readers.sets,
    "jobs": readers.sets,
    "zip": readers.axes,
    "without": readers.named_sets,
    "replace": readers.axes,
    "pairs": readers.flag,
    "space": readers.axes,
    "when": readers.parts,
    "trials": readers.positive,
    "goal": readers.goal,
    "sampler": read_sampler,
    "pruner": read_pruner,
    "measure": readers.text,
    "timeout": readers.seconds,
    "target": readers.number,
    "retries": readers.count,
    "warm_start": readers.flag,
    "storage": readers.text,
}


def read(node: object, where: str) -> Definition:
    """The definition that a node says. Raises ConfigurationError naming the key, what is wanted, and `where` it is."""
    told = readers.mapping(NODE, node, where)
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


def changed(definition: Definition) -> dict[str, Any]:
    """The keys of a definition that say something else than their defaults."""
    return {part.name: value for part in fields(definition) if (value := getattr(definition, part.name)) != _default(part)}


def _default(part: "Field[Any]") -> Any:
    return part.default_factory() if part.default_factory is not MISSING else part.default


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
    if not any(getattr(definition, name) for name in definition.needs):
        told = " or ".join(f"{NODE}.{name}" for name in definition.needs)
        raise ConfigurationError(f"{where} names no models: a sweep of kind {definition.kind} needs {told}; write it")
    if isinstance(definition, Search):
        _check_search(definition, where)


def _check_search(search: Search, where: str) -> None:
    if not search.trials:
        raise ConfigurationError(f"{where} does not say how many trials there are: add {NODE}.trials, e.g. {NODE}.trials=50")
    if len(search.goal) > 1 and search.target is not None:
        raise ConfigurationError(f"{NODE}.target ({where}) is for a search with one goal: leave it out")
    if search.measure is not None and not search.prunes:
        raise ConfigurationError(f"{NODE}.measure ({where}) is what a pruner goes by, and there is none: set {NODE}.pruner")
    check(search.sampler, search.goal, search.pruner)
