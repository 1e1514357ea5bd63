"""Lanes: how at most so many models of a user run at once on a cluster, over all that was ever submitted.

A lane is a name that jobs share: `daisy-0` to `daisy-9`. Of the jobs with one name Slurm runs one at a time (an array of
parallelism 1 that is a singleton), so that ten names are ten places to run. Jobs have no model of their own: each, when it
starts, claims the next one that waits. That holds over sweeps, shells and single runs, as long as no job is ever requeued:
Slurm forgets that a requeued one is a singleton.
"""

import hashlib
import heapq
import json
import math
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daisy.errors import FolderError, LaunchError
from daisy.folder import SweepFolder, sweeps
from daisy.launch import slurm
from daisy.launch.recovery import claiming
from daisy.launch.refused import NO_NODES_NOW, is_for_ever, is_limit, refusal

if TYPE_CHECKING:
    import submitit

START = "import sys; sys.path.insert(0, {code!r}); from daisy.launch.slurm_task import main; main()"
REASON_COMES_WITHIN = 5.0  # seconds
ARRAY_IF_UNKNOWN = 1000  # tasks, where Slurm does not say how many it takes
SUBMITITS_NAMES = {"name": "job_name", "timeout_min": "time", "tasks_per_node": "ntasks_per_node"}
OF_DAISY = ("cap", "array_parallelism", "name", "mem_gb", "additional_parameters")


@dataclass(frozen=True)
class Lanes:
    """The places to run of models that ask Slurm for the same. `tag` is the comment of their jobs until they have a model."""

    models_dir: Path
    wishes: Mapping[str, Any] = field(repr=False)  # env.slurm

    @property
    def tag(self) -> str:
        """Tells their jobs from those of other models_dirs and of models that ask for something else."""
        return tag_of(self.models_dir, self.wishes)

    @property
    def names(self) -> list[str]:
        """The lanes' names; one alone where the cap is an array's."""
        name = str(self.wishes.get("name", "daisy"))
        return [f"{name}-{number}" for number in range(self.at_once)] if self.are_lanes else [name]

    @property
    def are_lanes(self) -> bool:
        """Whether names hold the cap, or the parallelism of an array."""
        return str(self.wishes.get("cap", "lanes")) == "lanes"

    @property
    def at_once(self) -> int:
        """How many models may run at once."""
        return int(self.wishes.get("array_parallelism", 10))


@dataclass(frozen=True)
class Filled:
    """What was submitted, and by tag what Slurm refused."""

    submitted: Sequence["Submitted"]
    refused: Mapping[str, LaunchError] = field(default_factory=dict)


@dataclass(frozen=True)
class Submitted:
    """A job, or an array of them with so many tasks."""

    job_id: str
    lane: str
    tasks: int


def at_once_of(sweep: SweepFolder) -> int:
    """How many models of a sweep may run at once, as it was submitted."""
    wishes = sweep.info().get("slurm") or {}
    return max((Lanes(sweep.models_dir, wish).at_once for wish in wishes.values()), default=1)


def tag_of(models_dir: Path, wishes: Mapping[str, Any]) -> str:
    """The comment of jobs that wait for a model."""
    text = json.dumps([str(models_dir), wishes], sort_keys=True)
    return f"daisy:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def waiting(models_dir: Path) -> Mapping[str, list[tuple[SweepFolder, list[int]]]]:
    """What waits for Slurm's jobs: by tag the sweeps in the order of submission, each with the numbers of its models."""
    found: dict[str, list[tuple[SweepFolder, list[int]]]] = {}
    for sweep in sweeps(models_dir):
        numbers = [place.number for place in sweep.places("waiting")]
        if not numbers or sweep.held() is not None:
            continue
        try:
            tags: list[str] = sweep.info().get("tags", [])
        except FolderError:
            continue  # `daisy sweeps` names it
        by_tag: dict[str, list[int]] = {}
        for number in numbers if tags else []:
            by_tag.setdefault(tags[number - 1], []).append(number)
        for tag, own in by_tag.items():
            found.setdefault(tag, []).append((sweep, own))
    return found


def the_queue() -> slurm.Queue:
    """What is in Slurm's queue. Raises LaunchError where it does not say."""
    queue = slurm.queue()
    if queue is None:
        raise LaunchError("Slurm does not say what is in its queue (squeue): nothing was launched; run this again later")
    return queue


def of_slurm(models_dir: Path) -> Iterator[SweepFolder]:
    """The sweeps that have workers, or had some that died, and run on Slurm."""
    for sweep in sweeps(models_dir):
        if sweep.workers():
            with suppress(FolderError):
                if sweep.info().get("launcher") == "slurm":
                    yield sweep


def fill(models_dir: Path, queue: slurm.Queue, only: str | None = None) -> Filled:
    """Submit the jobs that are missing for what waits; only those with one tag where it is given. Only under the lock."""
    submitted: list[Submitted] = []
    refused: dict[str, LaunchError] = {}
    for tag, there in waiting(models_dir).items():
        if only is not None and tag != only:
            continue
        sweep = there[-1][0]  # the newest code
        lanes = Lanes(models_dir, sweep.info()["slurm"][tag])
        load = Counter[str]()
        for job in submitted:
            load[job.lane] += job.tasks
        missing = _missing(lanes, sum(len(numbers) for _, numbers in there), _live(lanes, queue), load)
        try:
            submitted += _submit(lanes, sweep, missing)
        except LaunchError as error:
            refused[tag] = error
    return Filled(submitted, refused)


def drain(models_dir: Path, tag: str) -> None:
    """Cancel the jobs that wait for a model where none waits any more. Only under the lock. Raises LaunchError.

    One of them may be starting just now: it can't claim before this is over.
    """
    with claiming(models_dir):
        if tag in waiting(models_dir):
            return
        slurm.cancel([job.job_id for job in the_queue().jobs if job.pending and job.comment == tag])


def check(lanes: Lanes, folder: Path, probe: bool = True) -> str | None:
    """Raise LaunchError where Slurm would not take such jobs, or would take them and never start them.

    Of jobs that no node can run now Slurm alone knows whether one ever can, and only once it has them: a `probe` is submitted
    then, and cancelled. Without it what Slurm says is returned.
    """
    text = sbatch_text(lanes, lanes.names[0], folder, 1)
    with tempfile.TemporaryDirectory(prefix="daisy-") as temporary:
        script = Path(temporary) / "script.sh"
        script.write_text(text)
        why = slurm.would_take(script)
        if why is None:
            return None
        if NO_NODES_NOW not in why:
            raise refusal(why)
        if not probe:
            return why
        script.write_text(_probe_text(text))
        try:
            reason = _reason(script)
        except LaunchError:  # it does not even take it
            raise refusal(why) from None
        if is_for_ever(reason):
            raise refusal(why)
    return why


def _probe_text(text: str) -> str:
    """The same wishes, for a job that does nothing."""
    lines = [line for line in text.splitlines() if line.startswith("#") and not line.startswith("#SBATCH --dependency")]
    return "\n".join([*lines, "#SBATCH --output=/dev/null", "exit 0", ""])


def _reason(script: Path) -> str:
    """Why a job that is submitted, and cancelled again, can't start now."""
    job_id = slurm.submit(script)
    try:
        until = time.monotonic() + REASON_COMES_WITHIN
        while (reason := slurm.reason_of(job_id)) in ("", "None") and time.monotonic() < until:
            time.sleep(0.2)
        return reason
    finally:
        slurm.cancel([job_id])


def sbatch_text(lanes: Lanes, name: str, folder: Path, count: int) -> str:
    """What sbatch is given for a lane with so many tasks."""
    executor = _executor(lanes, name, folder)
    if count > 1:
        executor.parameters["map_count"] = count
    command = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(folder))}"
    return executor._make_submission_file_text(command, "")


def shares(lanes: Lanes, count: int) -> Mapping[str, int]:
    """How many tasks each lane gets, were nothing in Slurm's queue and so many models waiting."""
    return {name: tasks for name, tasks in _missing(lanes, count, {}, {}).items() if tasks}


def command_of(lanes: Lanes, code: Path) -> list[str]:
    """What each task runs."""
    return [sys.executable, "-P", "-c", START.format(code=str(code)), str(lanes.models_dir), lanes.tag]


def _live(lanes: Lanes, queue: slurm.Queue) -> Mapping[str, list[slurm.Job]]:
    """The jobs of each lane, whatever they are for.

    Those whose launcher was killed before submitit's files were in place would fail: they are cancelled.
    """
    jobs: dict[str, list[slurm.Job]] = {name: [] for name in lanes.names}
    broken = []
    for job in queue.jobs:
        if job.name not in jobs:
            continue
        unclaimed = job.comment == lanes.tag  # also of one that has begun and waits for them
        if unclaimed and not Path(job.script).with_name(f"{job.job_id}_submitted.pkl").exists():
            broken.append(job.job_id)
        else:
            jobs[job.name].append(job)
    if broken:
        slurm.cancel(broken)
    return jobs


def _missing(lanes: Lanes, count: int, live: Mapping[str, Sequence[slurm.Job]], load: Mapping[str, int]) -> Mapping[str, int]:
    """How many tasks each lane lacks for so many models that wait: all together as many as wait, in the emptiest lanes.

    A lane that would stand empty gets one in any case, as long as there are models for it. `load` are tasks that were submitted
    since squeue was asked.
    """
    own = [job for jobs in live.values() for job in jobs if job.pending and job.comment == lanes.tag]
    if not lanes.are_lanes:
        return {name: max(0, count - len(own)) for name in lanes.names}
    pending = {name: sum(job.pending for job in live.get(name, ())) + load.get(name, 0) for name in lanes.names}
    begun = {name: sum(not job.pending for job in live.get(name, ())) for name in lanes.names}
    soon = len({job.name for job in own if not begun[job.name]})  # they are about to take one each
    missing = dict.fromkeys(lanes.names, 0)
    emptiest = [(pending[name], begun[name], place, name) for place, name in enumerate(lanes.names)]
    heapq.heapify(emptiest)
    needed = max(count - len(own), min(count - soon, sum(not there for there in pending.values())))
    for _ in range(max(0, needed)):
        there, running, place, name = heapq.heappop(emptiest)
        missing[name] += 1
        heapq.heappush(emptiest, (there + 1, running, place, name))
    return missing


def _submit(lanes: Lanes, sweep: SweepFolder, missing: Mapping[str, int]) -> Sequence[Submitted]:
    """First one task for each lane, then the rest: what a limit leaves is spread over all of them."""
    most = slurm.largest_array() or ARRAY_IF_UNKNOWN
    submitted: list[Submitted] = []
    rounds = [dict.fromkeys(missing, 1), {name: count - 1 for name, count in missing.items()}] if lanes.are_lanes else [missing]
    for wanted in rounds:
        for name in lanes.names:
            count = min(wanted[name], missing[name], most)
            if count <= 0:
                continue
            try:
                submitted.append(_submit_lane(lanes, name, sweep, count))
            except LaunchError:
                if not submitted:
                    raise
                return submitted  # the jobs that are there will train all; the next one or the next command submits more
    return submitted


def _submit_lane(lanes: Lanes, name: str, sweep: SweepFolder, count: int) -> Submitted:
    """A new job of a lane, with fewer tasks where a limit wants that. Raises LaunchError with what Slurm says."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    command = command_of(lanes, sweep.code.resolve())
    while True:
        executor = _executor(lanes, name, sweep.slurm)
        try:
            # The process becomes ours: Slurm sees its exit code and it gets Slurm's signals, with nothing between.
            jobs = executor.map_array(os.execv, [command[0]] * count, [command] * count)
            return Submitted(str(jobs[0].job_id).partition("_")[0], name, count)
        except (FailedJobError, FailedSubmissionError) as error:
            said = slurm.said(str(error))
            if count == 1 or not is_limit(said):
                raise refusal(said) from None
            count //= 2


def _executor(lanes: Lanes, name: str, folder: Path) -> "submitit.SlurmExecutor":
    """submitit's, with what the models ask for."""
    import submitit

    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise LaunchError("there is no Slurm on this machine (no sbatch): launch on the cluster, or with env=local")
    executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=0)
    try:
        executor.update_parameters(**_parameters(lanes, name))
    except (ValueError, TypeError) as error:
        raise LaunchError(f"submitit does not take env.slurm as it is ({str(error).splitlines()[0]}): mend it") from None
    return executor


def _parameters(lanes: Lanes, name: str) -> dict[str, Any]:
    """In submitit's names; what is null is left to Slurm."""
    wishes = lanes.wishes
    own = {SUBMITITS_NAMES.get(key, key): value for key, value in wishes.items() if key not in OF_DAISY and value is not None}
    memory = wishes.get("mem_gb")
    if memory is not None:
        own["mem"] = f"{math.ceil(memory * 1024)}MB"
    more = wishes.get("additional_parameters") or {}
    own["additional_parameters"] = {"no-requeue": True, **more}
    own.update(job_name=name, comment=lanes.tag, array_parallelism=1 if lanes.are_lanes else lanes.at_once)
    if lanes.are_lanes:
        own["dependency"] = "singleton"
    return own
