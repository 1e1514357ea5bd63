"""Models that wait in sweeps: what is asked for again is not launched a second time."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.folder import ModelFolder, Place, SweepFolder, sweeps
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import RUNNER, recover


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


def in_sweeps(
    models_dir: Path, wanted: set[str], mend: bool = False, apart: tuple[str, int] | None = None
) -> Mapping[str, Elsewhere]:
    """The wanted identities that wait in other sweeps. Damaged folders are passed over.

    With `mend`, which needs the lock, what dead workers had claimed in a sweep without a launcher waits again first. To be asked
    before the models' folders are: a worker makes the folder first, and then notes it.
    """
    found: dict[str, Elsewhere] = {}
    cluster = Cluster()
    for sweep in sweeps(models_dir):
        if not sweep.waiting() and not sweep.workers():
            continue  # nothing of it waits, or was left by somebody who died
        try:
            info = sweep.info()
            held = sweep.held()
            identities = _open_identities(sweep)
        except FolderError:
            continue
        numbers = {number: identity for number, identity in identities.items() if identity in wanted}
        if not numbers:
            continue
        alive, evidence = _served(sweep, info, held)
        if mend and alive is not None:
            recover(sweep, cluster)
        for place in sweep.places("waiting", "claimed"):
            if (sweep.sweep_id, place.number) == apart:
                continue
            if place.number in numbers and (place.state == "waiting" or sweep.begun(place).model is None):
                gone = alive is False and place.state == "waiting"
                found[numbers[place.number]] = Elsewhere(sweep, place, gone, evidence)
    return found


def _open_identities(sweep: SweepFolder) -> dict[int, str]:
    """The identities of a sweep; of a search those that wait or are about to begin: they are in a file each."""
    if not sweep.is_search:
        return sweep.identities()
    workers = frozenset(sweep.workers())
    places = sweep.places("waiting", "claimed")
    return sweep.identities({place.number for place in places if place.state == "waiting" or place.worker in workers})


def waits_as(folder: ModelFolder) -> Elsewhere | None:
    """Where a model waits to be gone on with; None where it does not."""
    for sweep in sweeps(folder.path.parent):
        for place in sweep.places("waiting"):
            if sweep.begun(place).model == folder.model_id:
                alive, evidence = _served(sweep, sweep.info(), sweep.held())
                return Elsewhere(sweep, place, alive is False, evidence)
    return None


def _served(sweep: SweepFolder, info: Mapping[str, Any], held: str | None) -> tuple[bool | None, str]:
    """Whether somebody serves a sweep (Slurm's jobs, or a launcher that lives), and what to say of it.

    One that is held is served by nobody: whoever asks for its models again has mended what was to blame.
    """
    if info.get("launcher") == "slurm":
        return not held, ""
    runner = sweep.worker(RUNNER)
    alive = runner.alive() if runner is not None else None
    return alive, "" if alive else "its launcher is on another host" if alive is None else "its launcher is gone"
