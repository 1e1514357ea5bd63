"""What a named sweep compares: each variant over its repeats, in an ablation against the full model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

from daisy.folder import by_identity
from daisy.monitor.columns import Cell, Column
from daisy.monitor.table import STYLES
from daisy.monitor.words import percent, points
from daisy.registry import Registry, Row
from daisy.sweep import Member, Origin

SURE = 0.95
NOT_LAUNCHED = "missing"
GOOD, BAD = "green", "red"


@dataclass(frozen=True)
class Mean:
    """A mean of fractions over `count` models; its 95 % interval where there are two or more (Student's t)."""

    value: float
    count: int
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Compared:
    """One variant: the states of its models, the mean of their accuracies, and what it is less or more than the full model.

    The difference is the mean over the repeats that both have done: the same seed against the same seed.
    """

    name: str
    states: Mapping[str, int]
    accuracy: Mean | None
    difference: Mean | None = None


@dataclass(frozen=True)
class Comparison:
    """The variants of one base: overrides beside those of the sweep, such as its dataset."""

    base: Sequence[str]
    variants: Sequence[Compared]
    to_full: bool


def compare(models_dir: Path, origin: Origin, registry: Registry) -> list[Comparison]:
    """All that a named sweep compares, wherever its models were trained."""
    rows = {row.model_id: row for row in registry.rows}
    known = by_identity(models_dir)
    ids = {member.identity: [folder.model_id for folder in known.get(member.identity, [])] for member in origin.members}
    found = {identity: _newest(rows, model_ids) for identity, model_ids in ids.items()}
    return [_comparison(base, origin, found) for base in origin.bases]


def _newest(rows: Mapping[str, Row], model_ids: Sequence[str]) -> Row | None:
    """Of several models with one identity the newest that is done, else the newest."""
    of_it = [rows[model_id] for model_id in model_ids if model_id in rows]
    done = [row for row in of_it if row.state == "done"]
    return next(reversed(done or of_it), None)


def _comparison(base: Sequence[str], origin: Origin, found: Mapping[str, Row | None]) -> Comparison:
    by_variant: dict[str, list[Member]] = {}
    for member in origin.members:
        if list(member.base) == list(base):
            by_variant.setdefault(member.variant, []).append(member)
    to_full = origin.kind == "ablation"
    full = _accuracies(next(iter(by_variant.values())), found) if to_full else {}
    variants = []
    for number, (name, members) in enumerate(by_variant.items()):
        own = _accuracies(members, found)
        pairs = [own[repeat] - full[repeat] for repeat in own if repeat in full] if number and to_full else []
        states = Counter(row.state if (row := found[member.identity]) is not None else NOT_LAUNCHED for member in members)
        variants.append(Compared(name, dict(states), mean([*own.values()]), mean(pairs)))
    return Comparison(base, variants, to_full)


def _accuracies(members: Sequence[Member], found: Mapping[str, Row | None]) -> dict[str, float]:
    """The accuracy of each repeat that is done."""
    accuracies = {}
    for member in members:
        row = found[member.identity]
        if row is not None and row.state == "done" and row.accuracy is not None:
            accuracies[" ".join(member.repeat)] = row.accuracy
    return accuracies


def mean(values: Sequence[float]) -> Mean | None:
    """The mean of some values; None of none."""
    if not values:
        return None
    centre = fmean(values)
    if len(values) == 1:
        return Mean(centre, 1, None)
    from scipy.special import stdtrit

    half = float(stdtrit(len(values) - 1, (1 + SURE) / 2)) * stdev(values) / sqrt(len(values))
    return Mean(centre, len(values), (centre - half, centre + half))


def columns(comparison: Comparison) -> list[Column]:
    """One base as a table; accuracies in percent, differences in percentage points."""
    variants = comparison.variants
    best = max((variant.accuracy.value for variant in variants if variant.accuracy is not None), default=None)
    return [
        Column("variant", [Cell(variant.name) for variant in variants], shrinks=True),
        Column("models", [_states(variant) for variant in variants], rank=3),
        Column("accuracy", [_accuracy(variant, best) for variant in variants], right=True),
        Column("from", [Cell(_bound(variant.accuracy, 0), "dim") for variant in variants], rank=2, right=True),
        Column("to", [Cell(_bound(variant.accuracy, 1), "dim") for variant in variants], rank=2, right=True),
        *(_differences(variants) if comparison.to_full else []),
    ]


def _differences(variants: Sequence[Compared]) -> list[Column]:
    differences = [variant.difference for variant in variants]
    return [
        Column("to full", [_difference(mean) for mean in differences], right=True),
        Column("from", [Cell(_point(mean, 0), "dim") for mean in differences], right=True),
        Column("to", [Cell(_point(mean, 1), "dim") for mean in differences], right=True),
    ]


def _states(variant: Compared) -> Cell:
    told = ", ".join(f"{count} {state}" for state, count in variant.states.items())
    only = next(iter(variant.states)) if len(variant.states) == 1 else ""
    return Cell(told, STYLES.get(only, ""))


def _accuracy(variant: Compared, best: float | None) -> Cell:
    if variant.accuracy is None:
        return Cell("-", "dim")
    return Cell(percent(variant.accuracy.value), "bold green" if variant.accuracy.value == best else "")


def _bound(mean: Mean | None, which: int) -> str:
    return percent(mean.interval[which]) if mean is not None and mean.interval is not None else "-"


def _difference(mean: Mean | None) -> Cell:
    """Green or red where the interval is on one side of nothing."""
    if mean is None:
        return Cell("-", "dim")
    low, high = mean.interval or (0.0, 0.0)
    return Cell(points(mean.value), GOOD if low > 0 else BAD if high < 0 else "")


def _point(mean: Mean | None, which: int) -> str:
    return points(mean.interval[which]) if mean is not None and mean.interval is not None else "-"
