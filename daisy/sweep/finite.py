"""The values of Optuna's distributions that have finitely many, by number."""

from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution


def count(distribution: BaseDistribution) -> int | None:
    """How many values there are; None where there is no end of them."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.step is None:
        return 1 if distribution.single() else None
    return round((distribution.high - distribution.low) / distribution.step) + 1


def number_of(distribution: BaseDistribution, value: object) -> int:
    """The number of one of the values, from 0."""
    internal = distribution.to_internal_repr(value)
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return round((internal - distribution.low) / distribution.step) if distribution.step else 0
    return int(internal)


def value_at(distribution: BaseDistribution, number: int) -> Any:
    """The value with a number: 0.3, where 0.1 and two steps of 0.1 are 0.30000000000000004."""
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        return distribution.to_external_repr(float(number))
    if isinstance(distribution, IntDistribution):
        return distribution.low + number * distribution.step
    return float(Decimal(str(distribution.low)) + number * Decimal(str(distribution.step or 0)))
