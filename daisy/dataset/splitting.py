"""Splits made from one set of examples, so that no source stands in two of them."""

from collections.abc import Callable, Mapping, Sequence

from daisy.dataset.canonical import SPLITS
from daisy.dataset.sampling import rank
from daisy.dataset.settings import Settings
from daisy.dataset.task import Example

Size = int | float | None  # a number of examples, a share of them, or (train only) all that is left
KEY = "sizes"


def checked_sizes(settings: Settings, to_make: Sequence[str]) -> dict[str, Size]:
    """The sizes that a definition gives for the splits to make: `{train: null, dev: 0.1, test: 1000}`."""
    sizes = settings.mapping(KEY)
    for name, size in sizes.items():
        if name not in SPLITS:
            raise settings.error(KEY, f"{name} is no split: there are {', '.join(SPLITS)}")
        if not _is_size(size) and not (name == "train" and size is None):
            raise settings.error(
                KEY, f"{name}: {size} is neither a whole number of examples nor a share between 0 and 1: correct it"
            )
    return {name: sizes.get(name, None if name == "train" else 0) for name in to_make}


def split(
    examples: list[Example],
    sizes: Mapping[str, Size],
    seed: int,
    settings: Settings,
    report: Callable[[str], None],
) -> dict[str, list[Example]]:
    """The splits of `examples`, in the seed's order.

    All examples of one source go to one split: test is filled first, then dev, then train, and a source that would
    overfill a split is left for the next. Raises DatasetError where the examples do not suffice.
    """
    wanted = _numbers(len(examples), sizes, settings)
    room = dict(wanted)
    if sizes["train"] is None:
        room["train"] = len(examples)  # what dev and test leave, also where repeated sources do not fit into them
    groups = _by_source(examples)
    made: dict[str, list[Example]] = {name: [] for name in wanted}
    for source in sorted(groups, key=lambda source: rank(seed, source)):
        for name in wanted:
            if len(made[name]) + len(groups[source]) <= room[name]:
                made[name] += groups[source]
                break
    _report_repeated(settings.name, groups, wanted, made, report)
    return made


def _is_size(size: object) -> bool:
    if isinstance(size, float):
        return 0 <= size < 1
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _by_source(examples: list[Example]) -> dict[str, list[Example]]:
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example[0], []).append(example)
    return groups


def _numbers(total: int, sizes: Mapping[str, Size], settings: Settings) -> dict[str, int]:
    """How many examples each split gets, in the order in which they are filled."""
    numbers = {name: _number(total, sizes[name]) for name in ("test", "dev") if name in sizes}
    left = total - sum(numbers.values())
    numbers["train"] = left if sizes["train"] is None else _number(total, sizes["train"])
    shown = ", ".join(f"{name} {number:,}" for name, number in numbers.items())
    if numbers.get("dev") == 0:
        raise settings.error(KEY, f"of {total:,} examples dev gets none: make dev larger, models are compared on it")
    if left <= 0 or numbers["train"] == 0:
        raise settings.error(KEY, f"of {total:,} examples none is left for train ({shown}): make dev and test smaller")
    if numbers["train"] > left:
        raise settings.error(KEY, f"{total:,} examples are too few ({shown}): make the splits smaller")
    return numbers


def _number(total: int, size: Size) -> int:
    return int(total * size + 0.5) if isinstance(size, float) else size or 0


def _report_repeated(
    name: str,
    groups: Mapping[str, list[Example]],
    wanted: Mapping[str, int],
    made: Mapping[str, list[Example]],
    report: Callable[[str], None],
) -> None:
    repeated = sum(len(group) > 1 for group in groups.values())
    if repeated:
        report(f"{name}: {repeated:,} sources occur more than once; all examples of one are in the same split")
    for made_split, number in wanted.items():
        missing = number - len(made[made_split])
        if missing > 0:
            report(f"{name}: {made_split} has {missing:,} examples less than asked for, not to part a repeated source")
