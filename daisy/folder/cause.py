"""Why a model has failed, in words that are the same for all that failed alike."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TELLING = re.compile(r"error|exception|killed|fatal|cannot|can't|not found|no such|abort|fault|denied", re.IGNORECASE)
MOST_LINES = 2
LONGEST_LINE = 160  # characters
VARYING = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?|/\S+")  # numbers, addresses and paths: they tell one model from another
UNKNOWN = "no reason is known"


@dataclass(frozen=True)
class Cause:
    """What a model's adapter says of its failure, else the reason, and the lines of its log that say so."""

    text: str
    lines: Sequence[str] = ()

    @property
    def likeness(self) -> str:
        """Equal for models that failed alike."""
        return VARYING.sub("#", "\n".join([self.text, *self.lines[:1]]))


def cause_of(result: Mapping[str, Any]) -> Cause:
    """The cause that the content of a result.json tells."""
    lines = [str(line).strip()[:LONGEST_LINE] for line in result.get("last_lines") or () if TELLING.search(str(line))]
    hint = str(result.get("hint") or "").partition(": ")[0].partition(";")[0]
    return Cause(hint or str(result.get("reason") or UNKNOWN), lines[:MOST_LINES])
