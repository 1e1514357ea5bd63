"""What workers left when they died: it waits again, or is what Slurm says that it has become."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daisy.configuration import Environment
from daisy.errors import FolderError, LaunchError
from daisy.folder import MODEL_ID, SETTLED, Attempt, ModelFolder, Place, SweepFolder, names, observed_state
from daisy.launch.evidence import Cluster
from daisy.launch.slurm import CUT_OFF

RUNNER = "runner"  # the worker that is the launching process of a sweep on this host
OUT_OF_MEMORY = "OUT_OF_MEMORY"
MORE_MEMORY = "ask for more (env.slurm.mem_gb), or train with less (train.batch_size)"
CANCELLED = "CANCELLED"
CLOCKS_DIFFER = 600.0  # seconds, at most, between hosts
SAYS_SO_AFTER = 3.0  # seconds


@contextmanager
def locked(models_dir: Path) -> Iterator[None]:
    """Whoever launches, takes over or puts back does it alone. Who has to wait for another one is told so."""
    from filelock import FileLock, Timeout

    lock = FileLock(models_dir / ".lock", mode=0o666)
    try:
        lock.acquire(timeout=SAYS_SO_AFTER)
    except Timeout:
        print(f"daisy: another command is submitting models to {models_dir}: this one waits for it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def claiming(models_dir: Path) -> Iterator[None]:
    """Nobody claims for a Slurm job, and nobody cancels jobs that have not claimed, at the same time. Held for moments only."""
    from filelock import FileLock

    with FileLock(models_dir / ".claiming", mode=0o666):
        yield


def check_not_run(sweep: SweepFolder) -> None:
    """Raise LaunchError where a process of this host, or of another one, runs a sweep. Only under `locked`."""
    runner = sweep.worker(RUNNER)
    alive = runner.alive() if runner is not None else False
    if runner is not None and alive is not False:
        where = f"process {runner.pid} on {runner.host}" + ("" if alive else ", which can't be asked from here")
        raise LaunchError(f"{sweep.sweep_id} is run by {where}: wait for its end, or end that process first")


def recover(sweep: SweepFolder, cluster: Cluster) -> bool:
    """Settle what workers that are gone had claimed; whether anything of it waits again. What can't be known stays as it is.

    Only under `locked`: two at once would undo what the other has done.
    """
    waits = False
    known = {name: sweep.worker(name) for name in sweep.workers() if name != RUNNER}
    cluster.expect(who.job for who in known.values() if who is not None)
    for name, who in known.items():
        if who is not None and who.alive(cluster) is False and not (is_of_slurm(name) and cluster.is_ending(who)):
            place = sweep.claimed_by(name)
            if place is not None:
                with suppress(FolderError):  # a damaged folder is the registry's to name
                    waits = _settle(sweep, place, who, cluster) or waits
            sweep.deregister(name)
    return waits


def wait_again(sweep: SweepFolder, cluster: Cluster) -> None:
    """Put back what has stopped for whatever reason: somebody asks for the rest of the sweep. Only under `locked`."""
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        folder = ModelFolder(sweep.models_dir / model) if model is not None else None
        if sweep.begun(place).reason is not None and folder is None and place.worker != SETTLED:
            sweep.put_back(place)  # it could not be begun: it may be possible now
        if folder is not None and folder.is_model() and observed_state(folder, folder.read_result(), cluster)[0] == "stopped":
            sweep.put_back(place)


def is_of_slurm(worker: str) -> bool:
    """Whether a worker was a job of its own, and no process of a launcher that somebody started within a job."""
    return worker.startswith("slurm-")


def may_go_on(sweep: SweepFolder, place: Place) -> bool:
    """Whether a model that was cut off is to be begun once more by itself: at most env.max_resumes times."""
    return sweep.begun(place).starts <= Environment.from_json(sweep.info()["env"]).max_resumes


def _settle(sweep: SweepFolder, place: Place, who: Attempt, cluster: Cluster) -> bool:
    """What becomes of a model whose worker is gone; whether it waits again."""
    model = sweep.begun(place).model or _orphan(sweep, place, who)
    folder = ModelFolder(sweep.models_dir / model) if model is not None else None
    if folder is None or not folder.is_model():
        return _not_begun(sweep, place)
    result = folder.read_result()
    if observed_state(folder, result, cluster)[0] != "stopped":
        return False  # it has ended, or somebody goes on with it
    ending = cluster.ending(who)
    if who.job is None or not is_of_slurm(str(place.worker)):
        return sweep.put_back(place)
    told = f"Slurm job {who.job} is over" + (f" ({ending})" if ending else ", and Slurm does not say how it ended")
    if _goes_on(sweep, place, ending):
        folder.log(f"{told}: the model waits again as {sweep.sweep_id}/{place.number}")
        if ending == OUT_OF_MEMORY:
            sweep.note_out_of_memory(place)
        return sweep.put_back(place)
    state, hint = ("failed", MORE_MEMORY) if ending == OUT_OF_MEMORY else ("stopped", None)
    told = f"Slurm ended job {who.job}: out of memory" if ending == OUT_OF_MEMORY else told
    beyond = "; env.max_resumes is reached" if ending in CUT_OFF else ""
    folder.log(f"{state}: {told}{beyond}")
    # Written, so that nobody has to ask Slurm again.
    folder.write_result({**result, "state": state, "reason": f"{told}{beyond}", "hint": hint, "ended": time.time()})
    if ending == CANCELLED:
        sweep.cancel(place)
    return False


def _goes_on(sweep: SweepFolder, place: Place, ending: str | None) -> bool:
    """Whether a model whose Slurm job is over is begun once more by itself: where nobody wanted its end.

    A trial of a search also after a kill, since nobody asks for it again, and once more after it ran out of memory: another
    job of the node may have been to blame.
    """
    if not sweep.is_search:
        return ending in CUT_OFF and may_go_on(sweep, place)
    if ending == CANCELLED or (ending == OUT_OF_MEMORY and sweep.begun(place).out_of_memory):
        return False
    return may_go_on(sweep, place)


def _not_begun(sweep: SweepFolder, place: Place) -> bool:
    """It was claimed, and its worker died before it made a folder: once more, but not for ever."""
    if not may_go_on(sweep, place):
        sweep.give_up(place, "its jobs died before they could begin it: see slurm/ in the sweep's folder")
        return False
    sweep.begin(place, None)
    return sweep.put_back(place)


def _orphan(sweep: SweepFolder, place: Place, who: Attempt) -> str | None:
    """The model of a claimed place whose worker died before it noted which one it had made."""
    for name in reversed(names(sweep.models_dir)):
        match = MODEL_ID.fullmatch(name)
        if match is None or float(match["time"]) < who.started - CLOCKS_DIFFER:
            continue
        folder = ModelFolder(sweep.models_dir / name)
        if folder.is_model() and folder.read_config().get("sweep") == {"id": sweep.sweep_id, "number": place.number}:
            sweep.begin(place, folder.model_id)
            return folder.model_id
    return None
