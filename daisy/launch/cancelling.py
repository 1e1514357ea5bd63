"""Cancelling: what waits will not be trained, what runs is stopped, and neither comes back by itself."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError, LaunchError, ModelError
from daisy.folder import Attempt, ModelFolder, Place, SweepFolder, observed_state, sweeps
from daisy.launch import lanes, slurm
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import claiming, locked

RUNS = ("running", "unknown")


@dataclass(frozen=True)
class Runs:
    """A model that runs, or is about to: who trains it, and its place where it is of a sweep."""

    name: str
    who: Attempt
    sweep: SweepFolder | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Target:
    """What is to be cancelled."""

    waiting: Sequence[tuple[SweepFolder, Place]]
    running: Sequence[Runs]

    def words(self) -> str:
        """`14 waiting and 3 running models`."""
        parts = [(len(self.waiting), "waiting"), (len(self.running), "running")]
        told = " and ".join(f"{count} {state}" for count, state in parts if count)
        return f"{told or 'no'} model{'' if len(self.waiting) + len(self.running) == 1 else 's'}"

    def named(self) -> str:
        """The same; one alone by its name: `s1532308429__seed/5, which waits`."""
        names = [f"{sweep.sweep_id}/{place.number}" for sweep, place in self.waiting] + [runs.name for runs in self.running]
        return f"{names[0]}, which {'waits' if self.waiting else 'runs'}" if len(names) == 1 else self.words()


def of_sweep(sweep: SweepFolder, numbers: Sequence[int] | None = None) -> Target:
    """What of a sweep waits or runs; only some of its numbers where they are given."""
    cluster, waiting, running = Cluster(), [], []
    workers = set(sweep.workers())
    for place in sweep.places():
        if numbers is not None and place.number not in numbers:
            continue
        if place.state == "waiting":
            waiting.append((sweep, place))
        elif place.worker in workers or place.state == "cancelled":  # also one that was cancelled and runs on
            running += _running(sweep, place, cluster)
    return Target(waiting, running)


def of_model(folder: ModelFolder) -> Target:
    """A model that runs, or that has stopped and waits again. Raises ModelError where it does neither."""
    for sweep in sweeps(folder.path.parent):
        for place in sweep.places("waiting"):
            if sweep.begun(place).model == folder.model_id:
                return Target([(sweep, place)], [])
        for worker in sweep.workers():
            claimed = sweep.claimed_by(worker)
            if claimed is not None and sweep.begun(claimed).model == folder.model_id:
                return Target([], _running(sweep, claimed, Cluster()))
    state, _ = observed_state(folder, folder.read_result(), Cluster())
    attempt = folder.read_attempt(folder.last_attempt())
    if state not in RUNS or attempt is None:
        raise ModelError(f"{folder.model_id} is {state}: there is nothing to cancel; `daisy list` shows what runs and waits")
    return Target([], [Runs(folder.model_id, attempt)])


def cancel(models_dir: Path, target: Target) -> Target:
    """Do it; what was cancelled, since some may have begun or ended meanwhile.

    Raises LaunchError where Slurm does not answer, ModelError where a process can't be reached from here: the rest was done.
    """
    with locked(models_dir), claiming(models_dir):
        waiting = [(sweep, place) for sweep, place in target.waiting if sweep.cancel(place)]
    for tag in {tag for sweep, _ in waiting for tag in sweep.info().get("tags", ())}:
        with locked(models_dir), suppress(LaunchError):  # where Slurm does not answer they find nothing when they start
            lanes.drain(models_dir, tag)
    slurm.cancel([runs.who.job for runs in target.running if runs.who.job is not None])
    out_of_reach = []
    for runs in target.running:
        if runs.who.job is None and runs.who.alive():
            os.kill(runs.who.pid, signal.SIGTERM)
        elif runs.who.job is None:
            out_of_reach.append(f"{runs.name} runs on {runs.who.host}")
    with claiming(models_dir):
        for runs in target.running:
            if runs.sweep is not None and runs.place is not None and runs.name not in out_of_reach:
                runs.sweep.cancel(runs.place)  # it must not wait again when its job ends
    if out_of_reach:
        raise ModelError(f"{', '.join(out_of_reach)}, out of reach from here: cancel it there")
    return Target(waiting, target.running)


def _running(sweep: SweepFolder, place: Place, cluster: Cluster) -> list[Runs]:
    """Who trains what is at a place, if anybody does. Who has claimed it and made no folder yet is there, too."""
    model = sweep.begun(place).model
    where = f"{sweep.sweep_id}/{place.number}"
    if model is None:
        who = sweep.worker(place.worker) if place.worker is not None else None
        return [Runs(where, who, sweep, place)] if who is not None and who.alive(cluster) is not False else []
    folder = ModelFolder(sweep.models_dir / model)
    try:
        state = observed_state(folder, folder.read_result(), cluster)[0]
    except FolderError:
        return []
    who = folder.read_attempt(folder.last_attempt())
    return [Runs(where, who, sweep, place)] if state in RUNS and who is not None else []
