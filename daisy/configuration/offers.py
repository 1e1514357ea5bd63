"""What a key of a search offers: some values, or whole numbers or numbers from a lowest to a highest one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

Value: TypeAlias = bool | int | float | str | list[Any] | None
"""A value of a key; a list has a value per layer."""

DIGITS = 4  # of a number that is drawn: 0.01427
OFF_STEP = 1e-8  # of a step: how far a computed number may be from it


@dataclass(frozen=True)
class Choices:
    """The values `among` which one is chosen, each another."""

    among: tuple[Value, ...]

    def count(self) -> int:
        """How many values there are."""
        return len(self.among)

    def values(self) -> Iterator[Value]:
        """All values, in the order in which they were given."""
        return iter(self.among)

    def first(self) -> Value:
        """The value that was given first."""
        return self.among[0]

    def has(self, value: object) -> bool:
        """Whether it is one of the values."""
        return any(same(value, other) for other in self.among)


@dataclass(frozen=True)
class Integers:
    """Whole numbers from `low` by `step` to `high`, both included; `log`: as many between 1 and 10 as between 10 and 100."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def count(self) -> int:
        """How many values there are."""
        return len(range(self.low, self.high + 1, self.step))

    def values(self) -> Iterator[Value]:
        """All values, the lowest first."""
        return iter(range(self.low, self.high + 1, self.step))

    def first(self) -> Value:
        """The lowest value."""
        return self.low

    def has(self, value: object) -> bool:
        """Whether it is one of the values."""
        return is_number(value) and value in range(self.low, self.high + 1, self.step)


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`, both included: all between them, or those at `step`s from `low`; `log` as of Integers."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def count(self) -> int | None:
        """How many values there are; None: no end of them."""
        if self.step is None:
            return None
        return int((_decimal(self.high) - _decimal(self.low)) // _decimal(self.step)) + 1

    def values(self) -> Iterator[Value]:
        """All values, the lowest first, as one writes them: 0.3, not 0.30000000000000004. Raises ValueError: no end of them."""
        if (count := self.count()) is None:
            raise ValueError(f"there is no end of the values of {self}")
        return (self._at(number) for number in range(count))

    def first(self) -> Value:
        """The lowest value."""
        return self.low

    def has(self, value: object) -> bool:
        """Whether it is one of the values, but for what floating point does to those at steps."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return False
        if self.step is None:
            return self.low <= value <= self.high
        number, count = self._nearest(value), self.count()
        return count is not None and 0 <= number < count and self._is_meant(value, self._at(number))

    def written(self, value: float) -> float:
        """A value as one writes it: 0.3 for 0.30000000000000004, where that is what a step was computed to be."""
        if self.step is None:
            return value
        near = self._at(self._nearest(value))
        return near if self._is_meant(value, near) else value

    def drawn(self, value: float) -> float:
        """A value that was drawn, as one writes it: names of models have it, so it has four digits where there is no step."""
        if self.step is not None:
            return self.written(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def _nearest(self, value: float) -> int:
        return round((_decimal(value) - _decimal(self.low)) / _decimal(self.step or 1.0))

    def _at(self, number: int) -> float:
        return float(_decimal(self.low) + number * _decimal(self.step or 1.0))

    def _is_meant(self, value: float, near: float) -> bool:
        rounding = 4 * math.ulp(max(abs(self.low), abs(self.high)))
        return abs(value - near) <= max(OFF_STEP * (self.step or 1.0), rounding)


Offer: TypeAlias = Choices | Integers | Numbers


def same(one: object, other: object) -> bool:
    """Whether two values are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))  # as it was typed: 0.1, of which floating point has only the nearest
