"""Models that wait in sweeps: what is asked for again is not launched a second time."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.folder import SweepFolder, sweeps

RUNNER = "runner"  # the worker that is the launching process of a sweep on this host


@dataclass(frozen=True)
class Elsewhere:
    """A model that waits in another sweep, or was claimed there and has no folder yet."""

    sweep: SweepFolder
    number: int
    gone: bool  # whether the process that would have it trained is gone
    evidence: str

    @property
    def where(self) -> str:
        """`SWEEP/17`."""
        return f"{self.sweep.sweep_id}/{self.number}"

    def comes_over(self) -> bool:
        """Take it out of that sweep, where nobody will have it trained any more."""
        place = next((place for place in self.sweep.places("waiting") if place.number == self.number), None)
        return self.gone and place is not None and self.sweep.cancel(place)


def in_sweeps(models_dir: Path, wanted: set[str]) -> Mapping[str, Elsewhere]:
    """The wanted identities that are in other sweeps and have no model yet."""
    found: dict[str, Elsewhere] = {}
    for sweep in sweeps(models_dir):
        info: dict[str, Any] = sweep.info()
        numbers = {number: identity for number, identity in enumerate(info["identities"], 1) if identity in wanted}
        if not numbers:
            continue
        runner = sweep.worker(RUNNER)
        alive = runner.alive() if runner is not None else None
        evidence = "" if alive else "its launcher is on another host" if alive is None else "its launcher is gone"
        for place in sweep.places("waiting", "claimed"):
            if place.number in numbers and (place.state == "waiting" or sweep.begun(place).model is None):
                found[numbers[place.number]] = Elsewhere(sweep, place.number, alive is False, evidence)
    return found
