"""Cancelling: what waits will not be trained, what runs is stopped, and neither comes back by itself."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError, LaunchError, ModelError
from daisy.folder import ModelFolder, Place, SweepFolder, observed_state, sweeps
from daisy.launch import lanes, slurm
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import locked


@dataclass(frozen=True)
class Running:
    """A model that runs, with its place where it is of a sweep."""

    folder: ModelFolder
    sweep: SweepFolder | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Target:
    """What is to be cancelled."""

    waiting: Sequence[tuple[SweepFolder, Place]]
    running: Sequence[Running]

    def words(self) -> str:
        """`14 models that wait and 3 that run`."""
        parts = [(len(self.waiting), "waiting"), (len(self.running), "running")]
        told = " and ".join(f"{count} {state}" for count, state in parts if count)
        return f"{told} model{'' if len(self.waiting) + len(self.running) == 1 else 's'}"


def of_sweep(sweep: SweepFolder, numbers: Sequence[int] | None = None) -> Target:
    """What of a sweep waits or runs; only some of its numbers where they are given."""
    cluster, waiting, running = Cluster(), [], []
    for place in sweep.places("waiting", "claimed"):
        if numbers is not None and place.number not in numbers:
            continue
        model = sweep.begun(place).model
        if place.state == "waiting":
            waiting.append((sweep, place))
        elif model is not None and _runs(ModelFolder(sweep.models_dir / model), cluster):
            running.append(Running(ModelFolder(sweep.models_dir / model), sweep, place))
    return Target(waiting, running)


def of_model(folder: ModelFolder) -> Target:
    """A model that runs, or that has stopped and waits again. Raises ModelError where it does neither."""
    for sweep in sweeps(folder.path.parent):
        for place in sweep.places("waiting", "claimed"):
            if sweep.begun(place).model == folder.model_id:
                if place.state == "waiting":
                    return Target([(sweep, place)], [])
                if _runs(folder, Cluster()):
                    return Target([], [Running(folder, sweep, place)])
    if _runs(folder, Cluster()):
        return Target([], [Running(folder)])
    state = observed_state(folder, folder.read_result(), Cluster())[0]
    raise ModelError(f"{folder.model_id} is {state}: there is nothing to cancel; `daisy list` shows what runs and waits")


def cancel(models_dir: Path, target: Target) -> None:
    """Do it. Raises LaunchError where Slurm does not answer, ModelError where a process can't be reached from here."""
    with locked(models_dir):
        for sweep, place in target.waiting:
            sweep.cancel(place)
        for running in target.running:
            if running.sweep is not None and running.place is not None:
                running.sweep.cancel(running.place)  # first: it must not wait again when its job ends
        _drain(models_dir, {tag for sweep, _ in target.waiting for tag in sweep.info().get("tags", ())})
    jobs = []
    for running in target.running:
        attempt = running.folder.read_attempt(running.folder.last_attempt())
        if attempt is None or (attempt.job is None and attempt.alive() is not True):
            where = attempt.host if attempt is not None else "another host"
            raise ModelError(f"{running.folder.model_id} runs on {where}, out of reach from here: cancel it there")
        if attempt.job is not None:
            jobs.append(attempt.job)
        else:
            os.kill(attempt.pid, signal.SIGTERM)
    slurm.cancel(jobs)


def _drain(models_dir: Path, tags: set[str]) -> None:
    """End the jobs that nothing waits for any more. Where Slurm does not answer they find nothing when they start, and end."""
    for tag in tags:
        with suppress(LaunchError):
            lanes.drain(models_dir, tag)


def _runs(folder: ModelFolder, cluster: Cluster) -> bool:
    try:
        return observed_state(folder, folder.read_result(), cluster)[0] in ("running", "unknown")
    except FolderError:
        return False
