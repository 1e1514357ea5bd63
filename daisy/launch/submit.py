"""A sweep comes to be: all its models are checked, those that are there already are told, the rest waits on disk.

On Slurm jobs are submitted then; what is on disk is whole before, so that whatever dies loses nothing.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daisy import __version__
from daisy.configuration import Environment, Project, from_json
from daisy.errors import ConfigurationError, FolderError, ModelError
from daisy.files import sha256
from daisy.folder import ModelFolder, SweepFolder, Waiting, by_identity, create_sweep, patch_name, sweeps
from daisy.job.stop import Stopped, unstoppable
from daisy.launch import lanes, sbatch, slurm
from daisy.launch.elsewhere import Elsewhere, in_sweeps, waits_as
from daisy.launch.evidence import Cluster
from daisy.launch.frozen import freeze
from daisy.launch.lanes import Filled, lanes_for
from daisy.launch.planning import Plan
from daisy.launch.recovery import RUNNER, locked
from daisy.launch.sbatch import Lanes
from daisy.launch.starting import Already, check_resumable, counting, models_dir_of_all
from daisy.sweep import Origin, check_unchanged

LOCAL, SLURM = "local", "slurm"
OF_A_FOLDER = ("format", "model_id", "sweep")  # of config.json: they say where a model is, not what it is


@dataclass(frozen=True)
class Submission:
    """What came of the plans of one command: a sweep with those that are to be trained (None where none is), and the rest.

    On Slurm `filled` are the jobs that were submitted, also for what waited already.
    """

    sweep: SweepFolder | None
    plans: Sequence[Plan]
    skipped: Sequence[Already]
    filled: Filled | None = None
    stopped: Stopped | None = None  # somebody asked to stop while it was made: it is whole all the same
    named: SweepFolder | None = None  # the folder that says what a named sweep is


def submit(
    project: Project, plans: Sequence[Plan], name: str, command: Sequence[str], origin: Origin | None = None
) -> Submission:
    """Put the models into a new sweep, whole on disk, each identity once over all sweeps of the same models_dir.

    A stopped model goes on in its folder, a failed one is trained anew; one that waits in a sweep whose launcher is gone comes
    over into this one. `origin` is the named sweep that they are of: its folder is made also where all of them are there, if
    there is none of it yet. Raises ConfigurationError, and LaunchError where Slurm takes nothing: nothing was launched then.
    """
    models_dir, launcher = models_dir_of_all(plans), launcher_of(plans)
    if launcher == SLURM:
        _check_with_slurm(models_dir, plans)
    # Two shells that ask for the same models at the same moment: the second one sees the first one's sweep.
    with to_its_end() as stopped, locked(models_dir):
        known = _known(models_dir, origin)
        elsewhere = in_sweeps(models_dir, {planned.identity for planned in plans}, mend=True)
        entries, skipped = _sorted_out(models_dir, plans, elsewhere)
        queue = lanes.the_queue() if launcher == SLURM else None
        waiting = [Waiting(planned.content, model) for planned, model in entries]
        admitted = [planned for planned, _ in entries]
        new = _New(name, command, launcher, plans[0], origin)
        is_new = origin is not None and known is None
        sweep = _create(project, models_dir, admitted, waiting, new) if entries or is_new else None
        filled = filled_or_withdrawn(models_dir, queue, sweep) if queue is not None else None
        for planned, _ in entries:
            if (other := elsewhere.get(planned.identity)) is not None and not planned.configuration.again:
                other.taken_over()  # only now that it waits here
    return Submission(sweep, admitted, skipped, filled, stopped[0] if stopped else None, sweep or known)


@contextmanager
def to_its_end() -> Iterator[list[Stopped]]:
    """What is begun here is done whole: being asked to stop meanwhile is noted, and told when it is over."""
    noted: list[Stopped] = []
    try:
        with unstoppable():
            yield noted
    except Stopped as stop:
        noted.append(stop)


def submit_model(project: Project, folder: ModelFolder, env: Environment, command: Sequence[str]) -> Submission:
    """Go on with a model, also a failed one, as a sweep of one on Slurm. Raises as `submit` does."""
    content = {key: value for key, value in folder.read_config().items() if key not in OF_A_FOLDER}
    configuration = replace(from_json(content), env=env)
    models_dir = folder.path.parent
    planned = Plan(project, configuration, content["config_id"], content["identity"], content, folder.read_patches())
    _check_with_slurm(models_dir, [planned])
    with locked(models_dir):
        check_resumable(folder, force=True)
        waits = waits_as(folder)
        if waits is not None and not waits.gone:
            raise ModelError(f"{folder.model_id} waits already, as {waits.where}: `daisy list` shows why")
        queue = lanes.the_queue()
        waiting = [Waiting(content, folder.model_id, even_failed=True)]
        sweep = _create(project, models_dir, [planned], waiting, _New("resume", command, SLURM, planned))
        filled = filled_or_withdrawn(models_dir, queue, sweep)
        if waits is not None:
            waits.taken_over()
        return Submission(sweep, [planned], [], filled)


def filled_or_withdrawn(
    models_dir: Path, queue: slurm.Queue, sweep: SweepFolder | None, meant: SweepFolder | None = None
) -> Filled:
    """Submit what is missing for all that waits. Where Slurm takes nothing for a new sweep, that is withdrawn: LaunchError.

    `meant` is the sweep that is to run, where that is none that is new.
    """
    meant = sweep or meant
    tags = set(meant.info()["tags"]) if meant is not None else set()
    try:
        filled = lanes.fill(models_dir, queue)
        if tags and tags <= filled.refused.keys():
            raise filled.refused[min(tags)]
        lanes.refuse_what_never_starts(tags, filled)
    except BaseException:
        if sweep is not None:
            sweep.withdraw()
        raise
    return filled


def launcher_of(plans: Sequence[Plan]) -> str:
    """Where the models of one command run: here, or on Slurm. Raises ConfigurationError where some run here and some there."""
    launchers = {SLURM if planned.configuration.env.slurm is not None else LOCAL for planned in plans}
    if len(launchers) > 1:
        raise ConfigurationError("some of these models run on Slurm and some on this machine: launch them one after the other")
    return launchers.pop()


def lanes_of(models_dir: Path, plans: Sequence[Plan]) -> list[Lanes]:
    """The lanes that the models need: one set for each kind of job."""
    found = {lane.tag: lane for planned in plans if (lane := _lanes(models_dir, planned)) is not None}
    return list(found.values())


def _lanes(models_dir: Path, planned: Plan) -> Lanes | None:
    wishes = planned.configuration.env.slurm
    return lanes_for(models_dir, wishes) if wishes is not None else None


def _check_with_slurm(models_dir: Path, plans: Sequence[Plan]) -> None:
    for lane in lanes_of(models_dir, plans):
        sbatch.check(lane, models_dir)


@dataclass(frozen=True)
class _New:
    """What is written down of a new sweep: its name, the command, where it runs, one of the models asked for, its origin."""

    name: str
    command: Sequence[str]
    launcher: str
    like: Plan
    origin: Origin | None = None


def _known(models_dir: Path, origin: Origin | None) -> SweepFolder | None:
    """The newest folder of the very same named sweep. Raises ConfigurationError where that has become another one since."""
    if origin is None:
        return None
    earlier = list(named_sweeps(models_dir))
    check_unchanged(origin, [(sweep.sweep_id, before) for sweep, before in earlier])
    return next((sweep for sweep, before in reversed(earlier) if before.members == origin.members), None)


def named_sweeps(models_dir: Path) -> Iterator[tuple[SweepFolder, Origin]]:
    """The sweeps that are of a named one, oldest first. Damaged ones are passed over: `daisy sweeps` names them."""
    for sweep in sweeps(models_dir):
        with suppress(FolderError, KeyError, TypeError):
            if (node := sweep.info().get("named")) is not None:
                yield sweep, Origin.from_json(node)


def _create(
    project: Project,
    models_dir: Path,
    plans: Sequence[Plan],
    waiting: Sequence[Waiting],
    new: "_New",
) -> SweepFolder:
    code = freeze(project, models_dir)
    patches = {patch_name(sha256(patch)): patch for planned in plans for patch in planned.patches.values()}
    info: dict[str, Any] = {
        **info_of(new.name, new.command, new.launcher, new.like, new.like.configuration.env),
        "created": time.time(),
        "count": len(plans),
        "identities": [planned.identity for planned in plans],
    }
    if new.origin is not None:
        info["named"] = new.origin.to_json()
    if new.launcher == SLURM:
        own = [_lanes(models_dir, planned) for planned in plans]
        info["tags"] = [lane.tag for lane in own if lane is not None]
        info["slurm"] = {lane.tag: dict(lane.wishes) for lane in own if lane is not None}
    runner = RUNNER if new.launcher == LOCAL and waiting else None
    return create_sweep(models_dir, new.name, info, waiting, code, patches, time.time(), runner)


def info_of(name: str, command: Sequence[str], launcher: str, like: Plan, env: Environment) -> dict[str, Any]:
    """What sweep.json says of every sweep beside its models; `like` is one of those that were asked for."""
    return {
        "name": name,
        "command": list(command),
        "launcher": launcher,
        "user": os.getuid(),
        "project": like.content["project"],
        "env": env.to_json(),
        "versions": {"daisy": __version__},
    }


def foreseen(plans: Sequence[Plan], origin: Origin | None = None) -> Submission:
    """What `submit` would come to as things are now; nothing is written."""
    models_dir = plans[0].configuration.env.models_dir
    _known(models_dir, origin)
    entries, skipped = _sorted_out(models_dir, plans, in_sweeps(models_dir, {planned.identity for planned in plans}))
    return Submission(None, [planned for planned, _ in entries], skipped)


def _sorted_out(
    models_dir: Path, plans: Sequence[Plan], elsewhere: Mapping[str, Elsewhere]
) -> tuple[list[tuple[Plan, str | None]], list[Already]]:
    """The plans to train, with the model that each goes on from, and those that are there already."""
    models, cluster = by_identity(models_dir), Cluster()
    entries: list[tuple[Plan, str | None]] = []
    skipped: list[Already] = []
    seen: set[str] = set()
    for planned in plans:
        if planned.identity in seen:
            skipped.append(Already(planned.config_id, "named twice", "it is in this sweep already"))
            continue
        seen.add(planned.identity)
        if planned.configuration.again:
            entries.append((planned, None))
            continue
        waiting = elsewhere.get(planned.identity)
        if waiting is not None and not waiting.gone:
            skipped.append(Already(waiting.where, "waiting", waiting.evidence))
            continue
        found = counting(planned.content, models.get(planned.identity, []), cluster)
        if isinstance(found, Already):
            skipped.append(found)
        else:
            entries.append((planned, found.model_id if found is not None else None))
    return entries, skipped
