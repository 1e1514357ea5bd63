"""From a definition to the sets of overrides of its models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from daisy.errors import ConfigurationError
from daisy.sweep.definition import Ablation, Definition, Grid, Listed
from daisy.sweep.readers import Overrides

Expand = Callable[[str], Sequence[str]]  # `arch.kernel=2,4` to `arch.kernel=2`, `arch.kernel=4`
FULL = "full"


@dataclass(frozen=True)
class Variant:
    """One thing that is compared: its name, and the overrides that make it."""

    name: str
    overrides: Overrides


def variants(definition: Definition, expand: Expand) -> list[Variant]:
    """What a sweep compares, each once. Raises ConfigurationError.

    `expand` gives an override for each value of one that has several.
    """
    found: dict[frozenset[str], Variant] = {}
    for name, overrides in _named(definition, expand):
        found.setdefault(frozenset(overrides), Variant(name, overrides))
    if not found:
        raise ConfigurationError("sweep.skip leaves no model of this sweep out of which one could be launched: skip less")
    return [*found.values()]


def repeats(definition: Definition, expand: Expand) -> list[Overrides]:
    """The overrides of each repeat (seed) of a model; one that has none where nothing is repeated."""
    return [*_product(definition.repeat, expand)]


def _named(definition: Definition, expand: Expand) -> Iterator[tuple[str, Overrides]]:
    if isinstance(definition, Ablation):
        yield from _ablation(definition, expand)
    elif isinstance(definition, Grid):
        yield from ((" ".join(overrides), overrides) for overrides in _grid(definition, expand))
    elif isinstance(definition, Listed):
        yield from ((" ".join(overrides), overrides) for overrides in _listed(definition, expand))


def _grid(grid: Grid, expand: Expand) -> Iterator[Overrides]:
    skipped = [_skipped(overrides, grid, expand) for overrides in grid.skip]
    for overrides in _product(grid.axes, expand):
        if not any(skip <= set(overrides) for skip in skipped):
            yield overrides


def _skipped(overrides: Overrides, grid: Grid, expand: Expand) -> set[str]:
    for text in overrides:
        key = text.partition("=")[0]
        if key not in grid.axes:
            raise ConfigurationError(f"sweep.skip: {text}: {key} is no axis of this sweep: name one of {', '.join(grid.axes)}")
        if text not in (values := expand(f"{key}={grid.axes[key]}")):
            raise ConfigurationError(f"sweep.skip: {text}: that is none of its values: {', '.join(values)}; leave it out")
    return set(overrides)


def _listed(listed: Listed, expand: Expand) -> Iterator[Overrides]:
    yield from listed.jobs
    columns = [expand(f"{key}={values}") for key, values in listed.zip.items()]
    if len({len(column) for column in columns}) > 1:
        told = ", ".join(f"{key} has {len(column)}" for key, column in zip(listed.zip, columns, strict=True))
        raise ConfigurationError(f"sweep.zip goes through its keys side by side, and {told}: give each as many values")
    yield from zip(*columns, strict=True)


def _ablation(ablation: Ablation, expand: Expand) -> Iterator[tuple[str, Overrides]]:
    yield FULL, ()
    for name, overrides in ablation.without.items():
        yield f"without {name}", overrides
    for key, values in ablation.replace.items():
        for text in expand(f"{key}={values}"):
            yield text, (text,)
    if ablation.pairs:
        for (one, first), (other, second) in combinations(ablation.without.items(), 2):
            yield f"without {one} and {other}", (*first, *second)


def _product(axes: Mapping[str, str], expand: Expand) -> Iterator[Overrides]:
    yield from product(*(expand(f"{key}={values}") for key, values in axes.items()))
