"""Judges for tests: they note what they are told, and prune at a step that is planned."""

from dataclasses import dataclass, field

WORDS = "41.2 % is below the median of 5 trials"


@dataclass
class Planned:
    """Prunes at a step, and at all that come later; at none where it is None."""

    measure: str = "dev_accuracy"
    at: int | None = None
    told: list[tuple[int, float]] = field(default_factory=list)

    def report(self, step: int, value: float) -> str | None:
        """Each is noted."""
        self.told.append((step, value))
        return WORDS if self.at is not None and step >= self.at else None


IN_THE_VERB = f"""
import sys
from daisy.cli import run as verb
from daisy.framework.process import RunningCommand
RunningCommand.__init__.__defaults__ = (2.0, (), ())
class Judge:
    measure, at = sys.argv[1], int(sys.argv[2])
    def report(self, step, value):
        print("told", step, value, flush=True)
        return {WORDS!r} if step >= self.at else None
del sys.argv[1:3]
train = verb.run
verb.run = lambda *words: train(*words, judge=Judge())
from daisy.cli import main
main()
"""
"""What `python -c` takes in place of `-m daisy`: measure and step, then Daisy's own words."""
