"""Models that wait in sweeps: what is asked for again is not launched a second time."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError
from daisy.folder import Place, SweepFolder, sweeps
from daisy.launch.recovery import recover

RUNNER = "runner"  # the worker that is the launching process of a sweep on this host


@dataclass(frozen=True)
class Elsewhere:
    """A model that waits in another sweep, or was claimed there and has no folder yet.

    `gone`: the process that would have it trained is gone, so that it can be taken over.
    """

    sweep: SweepFolder
    place: Place
    gone: bool
    evidence: str

    @property
    def where(self) -> str:
        """`SWEEP/17`."""
        return f"{self.sweep.sweep_id}/{self.place.number}"

    def taken_over(self) -> None:
        """It is launched by somebody else now."""
        self.sweep.cancel(self.place)


def in_sweeps(models_dir: Path, wanted: set[str], mend: bool = False) -> Mapping[str, Elsewhere]:
    """The wanted identities that wait in other sweeps. Damaged folders are passed over.

    With `mend`, which needs the lock, what dead workers had claimed in a sweep without a launcher waits again first. To be asked
    before the models' folders are: a worker makes the folder first, and then notes it.
    """
    found: dict[str, Elsewhere] = {}
    for sweep in sweeps(models_dir):
        try:
            identities = sweep.info()["identities"]
        except FolderError:
            continue
        numbers = {number: identity for number, identity in enumerate(identities, 1) if identity in wanted}
        if not numbers:
            continue
        runner = sweep.worker(RUNNER)
        alive = runner.alive() if runner is not None else None
        if mend and alive is False:
            recover(sweep)
        evidence = "" if alive else "its launcher is on another host" if alive is None else "its launcher is gone"
        for place in sweep.places("waiting", "claimed"):
            if place.number in numbers and (place.state == "waiting" or sweep.begun(place).model is None):
                gone = alive is False and place.state == "waiting"
                found[numbers[place.number]] = Elsewhere(sweep, place, gone, evidence)
    return found
