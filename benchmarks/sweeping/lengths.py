"""How long each trial takes, and what that can come to at best: with whoever is free taking the next one, or in batches."""

import heapq
import itertools
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

SIGMA = 0.8


def drawn(trials: int, median: float, seed: int) -> list[float]:
    """Seconds of each trial, in the order in which they begin: lognormal, as the times of models of unlike sizes are."""
    chance = Random(seed)
    return [round(chance.lognormvariate(math.log(median), SIGMA), 2) for _ in range(trials)]


def listed(lengths: Sequence[float], slots: int) -> float:
    """Wall seconds where a slot that is free takes the next one at once, without any loss."""
    free = [0.0] * slots
    for seconds in lengths:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def batched(lengths: Sequence[float], slots: int) -> float:
    """The same where the next ones begin when all of a batch are over."""
    return sum(max(lengths[at : at + slots]) for at in range(0, len(lengths), slots))


@dataclass(frozen=True)
class Ran:
    """One search that has run: the command's seconds until all was over, when each trial began and ended, the machine's load."""

    wall: float
    spans: Sequence[tuple[float, float]]
    load: str

    @property
    def slept(self) -> float:
        """Seconds of all trials."""
        return sum(end - begin for begin, end in self.spans)

    @property
    def trials(self) -> float:
        """Seconds from the first trial's beginning to the last one's end."""
        return max(end for _, end in self.spans) - min(begin for begin, _ in self.spans)

    def gaps(self, slots: int) -> list[float]:
        """Seconds from a trial's end to the beginning of the one that has taken its place."""
        begins = sorted(begin for begin, _ in self.spans)[slots:]
        ends = sorted(end for _, end in self.spans)
        return [begin - end for begin, end in zip(begins, ends, strict=False)]

    @property
    def most_at_once(self) -> int:
        """How many trials ran at the same moment, at most."""
        changes = sorted([(end, -1) for _, end in self.spans] + [(begin, 1) for begin, _ in self.spans])
        return max(itertools.accumulate(change for _, change in changes))


def read(log: Path, wall: float, load: str, lengths: Sequence[float]) -> Ran:
    """What the trials have written; ends the program where they are not those that were to run."""
    found: dict[str, dict[int, float]] = {"begin": {}, "end": {}}
    for line in log.read_text().splitlines():
        what, number, at = json.loads(line)
        found[what][number] = at
    expected = set(range(len(lengths)))
    if not expected == found["begin"].keys() == found["end"].keys():
        raise SystemExit(f"{len(lengths)} trials were to run: {len(found['begin'])} have begun, {len(found['end'])} ended: {log}")
    return Ran(wall, [(found["begin"][number], found["end"][number]) for number in sorted(expected)], load)


def spread(values: Sequence[float]) -> str:
    """Median and highest."""
    return f"{statistics.median(values):.1f}, {max(values):.1f}"
