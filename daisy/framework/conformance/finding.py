"""What a check finds: where, and why it is wrong; the same reason in many places is told once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What follows tells the value, which is another one each time.
ALIKE = re.compile(r".*?(raised \w+ in line \d+|Progress\.\w+ is (\w+ \(|\{))")


@dataclass(frozen=True)
class Finding:
    """`where` is a case, a line, a file; `why` is the reason, and what to do."""

    where: str
    why: str

    @property
    def reason(self) -> str:
        """What findings of the same reason have in common."""
        found = ALIKE.match(self.why)
        return found[0] if found else self.why


class WrongAnswer(Exception):
    """An answer of another type than the contract names; its text is a finding."""


def told(findings: Iterable[Finding]) -> list[str]:
    """A line for each reason: its first place, and in how many others it is so too."""
    places: dict[str, dict[Finding, None]] = {}
    for finding in findings:
        places.setdefault(finding.reason, {})[finding] = None
    lines = []
    for found in places.values():
        first, others = next(iter(found)), len({finding.where for finding in found}) - 1
        more = f" (and so in {others} more)" if others else ""
        lines.append((f"{first.where}: {first.why}" if first.where else first.why) + more)
    return lines
