"""What a dataset looks like."""

from collections.abc import Mapping
from dataclasses import dataclass

from daisy.dataset.canonical import SIDES, SPLITS, Dataset, read_note

EXAMPLES = 5


@dataclass(frozen=True)
class Description:
    """Figures over a dataset's train split, unless said otherwise; lengths in tokens."""

    name: str
    checksum: str
    sizes: Mapping[str, int]
    tokens: int  # distinct ones, of source and target
    longest: int  # source or target, of all splits
    mean_length: float  # of the sources
    seen: float  # share of the dev sources that are also in train
    examples: tuple[tuple[str, str], ...]  # source, target
    source: str  # where the dataset is from
    licence: str


def describe(dataset: Dataset) -> Description:
    """The figures of a dataset. Raises DatasetError where its folder is damaged."""
    note = read_note(dataset.folder)
    lines = {(split, side): dataset.lines(split, side) for split in SPLITS for side in SIDES}
    sources, targets = lines["train", "source"], lines["train", "target"]
    known = set(sources)
    return Description(
        name=dataset.name,
        checksum=dataset.checksum,
        sizes=dict(dataset.sizes),
        tokens=len({token for line in (*sources, *targets) for token in line.split(" ")}),
        longest=max(_length(line) for side in lines.values() for line in side),
        mean_length=sum(map(_length, sources)) / len(sources),
        seen=sum(line in known for line in lines["dev", "source"]) / len(lines["dev", "source"]),
        examples=tuple(zip(sources[:EXAMPLES], targets[:EXAMPLES], strict=True)),
        source=note["source"],
        licence=note["licence"],
    )


def _length(line: str) -> int:
    return line.count(" ") + 1
