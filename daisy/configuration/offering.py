"""What a key of a search's space offers, read from Hydra's syntax: `2,4`, `range(2,9)`, `tag(log, interval(1e-4,1e-2))`."""

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, OverrideType, QuotedString, RangeSweep, Sweep
from hydra.errors import HydraException

from daisy.configuration.keys import KEYS, Key
from daisy.configuration.offers import Choices, Integers, Numbers, Offer, Value, is_number, same
from daisy.errors import ConfigurationError

LOG = "log"  # the one tag that there is
LARGEST = 2**53  # beyond it floats, as which Optuna keeps numbers, are not exact
FORMS = "write 2,4,8, range(FROM,TO) or interval(LOW,HIGH), with quotes around a text that has special characters"
NOT_SEARCHED = {
    "hydra": "it is Daisy's, not the models': leave it out",
    "env": "where models run is not searched: leave it out, and set it on the command line",
    "sweep": "a search can't search its own definition: leave it out",
    "again": "it does not change a model: leave it out, and set it on the command line",
}


def check_key(key: str, shown: str) -> None:
    """Raise ConfigurationError for a key that no search may choose. `shown` is key and values, for messages."""
    if key.startswith(("+", "~")):
        name = key.lstrip("+~")
        raise ConfigurationError(
            f"{shown}: only what is there is searched: give {name} a value in the sweep's file, and write {name}"
        )
    if "@" in key:
        raise ConfigurationError(f"{shown}: Daisy's groups have one place each: write {key.partition('@')[0]}")
    first = re.split(r"[./]", key)[0]
    if first in NOT_SEARCHED:
        raise ConfigurationError(f"{shown}: {NOT_SEARCHED[first]}")


def parsed(key: str, text: str, shown: str) -> Override:
    """Key and values as Hydra reads them. Raises ConfigurationError."""
    if not text.strip():
        raise ConfigurationError(f"{shown} has no values: {FORMS}")
    try:
        override = _parser().parse_override(f"{key}={text}")
    except (HydraException, ValueError, OverflowError):  # those two: numbers of too many digits
        raise ConfigurationError(f"{shown}: Hydra can't read this: {_way_out(text)}") from None
    if not key or override.key_or_group != key or override.type != OverrideType.CHANGE:
        raise ConfigurationError(f"{shown}: {key!r} is no key: write one like arch.kernel")
    if isinstance(sweep := override.value(), Sweep):
        _check_sweep(sweep, shown)
    return override


def offered(override: Override, shown: str) -> Offer:
    """What the values of a key, which is no group, offer. Raises ConfigurationError."""
    key, value = override.key_or_group, override.value()
    if isinstance(value, IntervalSweep):
        return _interval_offer(key, value, shown)
    if isinstance(value, RangeSweep):
        return _range_offer(key, value, shown)
    values = value.list if isinstance(value, ChoiceSweep) else [value]
    if any(isinstance(entry, Sweep) for entry in values):
        raise ConfigurationError(f"{shown}: a range among values: write its values out, with commas between them")
    return choices([_accepted(key, _unquoted(entry), shown) for entry in values], shown)


def choices(values: Sequence[Value], shown: str) -> Choices:
    """Some values, which must be several and differ. Raises ConfigurationError."""
    for number, value in enumerate(values):
        if any(same(value, other) for other in values[:number]):
            raise ConfigurationError(f"{shown}: {_typed(value)} is there twice: write each value once")
    if len(values) < 2:
        raise _one_value(shown)
    return Choices(tuple(values))


@cache
def _parser() -> OverridesParser:
    """Hydra's, in which the ends of an interval stay whole numbers (as in Hydra 1.4); 1.3 makes floats of them."""
    parser = OverridesParser.create()
    parser.functions.functions["interval"] = lambda start, end: IntervalSweep(start=start, end=end)
    return parser


def _way_out(text: str) -> str:
    if re.search(r"\bchoice\(.*\bnull\b", text):
        return "choice() takes no null: write the values alone, 1,2,null"
    if (tag := re.search(r"\btag\(\s*([a-z_]+)\s*,", text)) is not None:
        return _no_tag(tag[1]) if tag[1] != LOG else "a tag goes around an interval or a range: tag(log, interval(1e-4,1e-2))"
    if re.search(r"\bchoice\(.*\b(range|interval)\(", text):
        return "choice() takes values alone: write them out, choice(1,2,5)"
    return FORMS


def _no_tag(tag: str) -> str:
    return f"there is no tag {tag}, only {LOG}: write that, or the values alone"


def _check_sweep(sweep: Sweep, shown: str) -> None:
    if unknown := sorted(sweep.tags - {LOG}):
        raise ConfigurationError(f"{shown}: {_no_tag(unknown[0])}")
    if isinstance(sweep, ChoiceSweep) and sweep.tags:
        raise ConfigurationError(f"{shown}: {LOG} is for interval() and range(): leave it out")
    if isinstance(sweep, (ChoiceSweep, RangeSweep)) and sweep.shuffle:
        raise ConfigurationError(f"{shown}: the order of the values does not matter to a search: leave shuffle() out")


def _interval_offer(key: str, sweep: IntervalSweep, shown: str) -> Offer:
    low, high = _ends(sweep.start, sweep.end, shown=shown)
    _check_kind(key, (low, high), "interval(2,8)", shown)
    if low > high:
        raise ConfigurationError(f"{shown}: its low end is above its high end: write interval({high},{low})")
    return _numbers(key, low, high, None, sweep, shown)


def _range_offer(key: str, sweep: RangeSweep, shown: str) -> Offer:
    start, stop = _ends(sweep.start, sweep.stop, shown=shown)
    [step] = _ends(sweep.step, shown=shown)
    _check_kind(key, (start, stop, step), "range(2,9)", shown)
    if step == 0:
        raise ConfigurationError(f"{shown}: a step of 0 leads nowhere: write range(FROM,TO) or range(FROM,TO,STEP)")
    # In decimals, as it was typed: floats would add up to 0.30000000000000004, and hit or miss the end by chance.
    begin, end, by = (Decimal(repr(number)) for number in (start, stop, step))
    count = math.ceil((end - begin) / by)
    if count < 1:
        raise ConfigurationError(f"{shown} is empty: write range(FROM,TO) with the end, which is left out, behind the beginning")
    last = begin + (count - 1) * by
    is_whole = all(isinstance(number, int) for number in (start, stop, step))
    low, high = (int(end) if is_whole else float(end) for end in sorted((begin, last)))
    return _numbers(key, low, high, abs(step), sweep, shown)


def _ends(*numbers: float | None, shown: str) -> list[float]:
    found = [number for number in numbers if number is not None and is_number(number) and abs(number) <= LARGEST]
    if len(found) < len(numbers):
        raise ConfigurationError(f"{shown}: it must have two ends, numbers up to 2**53: {FORMS}")
    return found


def _check_kind(key: str, numbers: Sequence[float], example: str, shown: str) -> None:
    known = KEYS.get(key)
    if known is None or known.kind == "number":
        return
    if known.kind != "integer":
        raise ConfigurationError(f"{shown}: {key} must be {known.wanted()}: write such values, with commas between them")
    if not all(isinstance(number, int) for number in numbers):
        raise ConfigurationError(f"{shown}: {key} takes whole numbers: write them without a point, {example}")


def _numbers(key: str, low: float, high: float, step: float | None, sweep: Sweep, shown: str) -> Offer:
    """From `low` to `high`, both included; whole numbers where both are, unless the key takes others too."""
    if low == high:
        raise _one_value(shown)
    log = LOG in sweep.tags
    if log and low <= 0:
        raise ConfigurationError(f"{shown}: a logarithm needs numbers above 0: begin above it, or leave {LOG} out")
    _accepted(key, low, shown)
    _accepted(key, high, shown)
    if isinstance(low, int) and isinstance(high, int) and not _takes_fractions(KEYS.get(key)):
        if log and step not in (None, 1):
            raise ConfigurationError(f"{shown}: {LOG} goes without a step: leave one of them out")
        return Integers(low, high, int(step or 1), log)
    if log and step is not None:
        raise ConfigurationError(f"{shown}: {LOG} goes without a step: write tag(log, interval({low},{high}))")
    return Numbers(float(low), float(high), None if step is None else float(step), log)


def _takes_fractions(known: Key | None) -> bool:
    return known is not None and known.kind == "number"


def _accepted(key: str, value: Value, shown: str) -> Value:
    """A value in its key's type. Raises ConfigurationError for what it does not take, or a search can't choose."""
    known = KEYS.get(key)
    if isinstance(value, str) and "${" in value:
        raise ConfigurationError(
            f"{shown}: {_typed(value)} is an expression, which a search can't choose: write the values themselves"
        )
    try:
        _check_can_be_chosen(value)
        return value if known is None else known.accepted(value)
    except ValueError:
        wanted = "a number, true, false, null, a text, or a list of such" if known is None else known.wanted()
        raise ConfigurationError(f"{shown}: {key} must be {wanted}: take {_typed(value)} out") from None


def _check_can_be_chosen(value: object) -> None:
    """Raise ValueError for what no key can have."""
    if isinstance(value, list) and value and not any(isinstance(entry, list) for entry in value):
        for entry in value:
            _check_can_be_chosen(entry)
    elif isinstance(value, str) and value:
        value.encode("utf-8")  # broken UTF-8: UnicodeEncodeError is a ValueError
        if "\0" in value or value == "???":
            raise ValueError
    elif not (value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))):
        raise ValueError


def _unquoted(value: object) -> Value:
    if isinstance(value, QuotedString):
        return str(value.text)
    return [_unquoted(entry) for entry in value] if isinstance(value, list) else value  # type: ignore[return-value]


def _typed(value: object) -> str:
    """A value for a message; what is broken UTF-8 is written out."""
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _one_value(shown: str) -> ConfigurationError:
    return ConfigurationError(
        f"{shown} is one value, and there is nothing to search: give several, or set it in the sweep's file instead"
    )
