"""One key of a search's space: where it is searched, what it offers, and what it is to the study."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from daisy.configuration.offers import Choices, Integers, Numbers, Offer, Value, same
from daisy.configuration.typed import plain

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Parameter:
    """A key that is searched where its condition holds: other keys have these values. `name` is what the study calls it.

    A study has one distribution a name. So where a key offers one thing here and another there, each has a name of its own.
    """

    key: str
    offer: Offer
    is_group: bool
    condition: Mapping[str, Value]
    name: str

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Whether a point, as far as it is known, has this key."""
        return all(key in point and same(point[key], value) for key, value in self.condition.items())

    def suggested(self, trial: "optuna.trial.BaseTrial") -> Value:
        """The value that the study gives a trial; of a number without steps the first digits."""
        if isinstance(self.offer, Choices):
            return self.decoded(trial.suggest_categorical(self.name, self._codes))
        if isinstance(self.offer, Integers):
            low, high, step, log = self.offer.low, self._highest, self.offer.step, self.offer.log
            return self.decoded(trial.suggest_int(self.name, low, high, step=step, log=log))
        offer = self.offer
        return offer.drawn(trial.suggest_float(self.name, offer.low, offer.high, step=offer.step, log=offer.log))

    def distribution(self) -> "BaseDistribution":
        """The same as `suggested` asks the study for."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        offer = self.offer
        if isinstance(offer, Choices):
            return CategoricalDistribution(self._codes)
        if isinstance(offer, Integers):
            return IntDistribution(offer.low, self._highest, log=offer.log, step=offer.step)
        return FloatDistribution(offer.low, offer.high, log=offer.log, step=offer.step)

    def encoded(self, value: Value) -> Any:
        """A value as the study keeps it. Raises ValueError for one that is not offered."""
        if not self.offer.has(value):
            raise ValueError(f"{self.key} has no value {value!r}")
        if isinstance(self.offer, Choices):
            return next(code for code, other in zip(self._codes, self.offer.among, strict=True) if same(value, other))
        return int(value) if isinstance(self.offer, Integers) else float(value)  # type: ignore[arg-type]

    def decoded(self, code: Any) -> Value:
        """A value that the study keeps. Raises ValueError for one that is none of a choice's.

        A number may lie outside: a person can enqueue any, and Optuna gives it.
        """
        if isinstance(self.offer, Choices):
            for other, value in zip(self._codes, self.offer.among, strict=True):
                if same(code, other):
                    return value
            raise ValueError(f"{self.name} has no choice {code!r}")
        return int(code) if isinstance(self.offer, Integers) else self.offer.written(float(code))

    def drawn(self, value: Value) -> Value:
        """A value as a trial is given it."""
        return self.offer.drawn(float(value)) if isinstance(self.offer, Numbers) else value  # type: ignore[arg-type]

    def typed(self, value: Value) -> str:
        """Key and value as an override."""
        return f"{self.key}={value if self.is_group else plain(value)}"

    def offers(self) -> str:
        """What is offered, for messages."""
        offer = self.offer
        if isinstance(offer, Choices):
            return ", ".join(value if isinstance(value, str) else plain(value) for value in offer.among)
        steps = f" in steps of {offer.step}" if offer.step not in (None, 1) else ""
        return f"{'whole numbers' if isinstance(offer, Integers) else 'numbers'} from {offer.low} to {offer.high}{steps}"

    @cached_property
    def _codes(self) -> list[Any]:
        """Choices as the study keeps them: Optuna knows no lists, and takes 1 and true for the same."""
        assert isinstance(self.offer, Choices)
        codes = [plain(value) if isinstance(value, list) else value for value in self.offer.among]
        differ = all(code != other for number, code in enumerate(codes) for other in codes[:number])
        return codes if differ else [plain(value) for value in self.offer.among]

    @property
    def _highest(self) -> int:
        """The last whole number that the steps reach."""
        assert isinstance(self.offer, Integers)
        return self.offer.low + (self.offer.count() - 1) * self.offer.step
