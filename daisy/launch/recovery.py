"""What workers left when they died: it waits again, or is what Slurm says that it has become."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daisy.configuration import Environment
from daisy.errors import FolderError
from daisy.folder import Attempt, ModelFolder, Place, SweepFolder, folders, observed_state
from daisy.launch.evidence import Cluster
from daisy.launch.slurm import CUT_OFF

RUNNER = "runner"  # the worker that is the launching process of a sweep on this host
OUT_OF_MEMORY = "OUT_OF_MEMORY"
MORE_MEMORY = "ask for more (env.slurm.mem_gb), or train with less (train.batch_size)"
CANCELLED = "CANCELLED"


@contextmanager
def locked(models_dir: Path) -> Iterator[None]:
    """Whoever launches, takes over or puts back does it alone."""
    from filelock import FileLock

    with FileLock(models_dir / ".lock", mode=0o666):
        yield


@contextmanager
def claiming(models_dir: Path) -> Iterator[None]:
    """Nobody claims for a Slurm job, and nobody cancels jobs that have not claimed, at the same time. Held for moments only."""
    from filelock import FileLock

    with FileLock(models_dir / ".claiming", mode=0o666):
        yield


def recover(sweep: SweepFolder, cluster: Cluster) -> None:
    """Settle what workers that are gone had claimed. What can't be known stays as it is.

    Only under `locked`: two at once would undo what the other has done.
    """
    known = {name: sweep.worker(name) for name in sweep.workers() if name != RUNNER}
    cluster.expect(who.job for who in known.values() if who is not None)
    for name, who in known.items():
        if who is not None and who.alive(cluster) is False:
            place = sweep.claimed_by(name)
            if place is not None:
                with suppress(FolderError):  # a damaged folder is the registry's to name
                    _settle(sweep, place, who, cluster)
            sweep.deregister(name)


def wait_again(sweep: SweepFolder, cluster: Cluster) -> None:
    """Put back what has stopped for whatever reason: somebody asks for the rest of the sweep. Only under `locked`."""
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        folder = ModelFolder(sweep.models_dir / model) if model is not None else None
        if sweep.begun(place).reason is not None and folder is None:
            sweep.put_back(place)  # it could not be begun: it may be possible now
        if folder is not None and folder.is_model() and observed_state(folder, folder.read_result(), cluster)[0] == "stopped":
            sweep.put_back(place)


def may_go_on(sweep: SweepFolder, place: Place) -> bool:
    """Whether a model that was cut off is to be begun once more by itself: at most env.max_resumes times."""
    return sweep.begun(place).starts <= Environment.from_json(sweep.info()["env"]).max_resumes


def _settle(sweep: SweepFolder, place: Place, who: Attempt, cluster: Cluster) -> None:
    model = sweep.begun(place).model or _orphan(sweep, place)
    folder = ModelFolder(sweep.models_dir / model) if model is not None else None
    if folder is None or not folder.is_model():
        sweep.put_back(place)
        return
    result = folder.read_result()
    if observed_state(folder, result, cluster)[0] != "stopped":
        return  # it has ended, or somebody goes on with it
    ending = cluster.ending(who)
    if who.job is None:
        sweep.put_back(place)
    elif ending in CUT_OFF:
        if may_go_on(sweep, place):
            folder.log(f"Slurm job {who.job} ended ({ending}): the model waits again as {sweep.sweep_id}/{place.number}")
            sweep.put_back(place)
        else:
            folder.log(f"Slurm job {who.job} ended ({ending}), and env.max_resumes is reached: `daisy resume` goes on")
    elif ending == OUT_OF_MEMORY:
        reason = f"Slurm ended job {who.job}: out of memory"
        folder.log(f"failed: {reason}")
        folder.write_result({**result, "state": "failed", "reason": reason, "hint": MORE_MEMORY, "ended": time.time()})
    elif ending == CANCELLED:
        sweep.cancel(place)


def _orphan(sweep: SweepFolder, place: Place) -> str | None:
    """The model of a claimed place whose worker died before it noted which one it had made."""
    for folder in folders(sweep.models_dir):
        if folder.is_model() and folder.read_config().get("sweep") == {"id": sweep.sweep_id, "number": place.number}:
            sweep.begin(place, folder.model_id)
            return folder.model_id
    return None
