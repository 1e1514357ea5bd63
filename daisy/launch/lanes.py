"""Lanes: how at most so many models of a user run at once on a cluster, over all that was ever submitted.

A lane is a name that jobs share: `daisy-0` to `daisy-9`. Of the jobs with one name Slurm runs one at a time (an array of
parallelism 1 that is a singleton), so that ten names are ten places to run. Jobs have no model of their own: each, when it
starts, claims the next one that waits. That holds over sweeps, shells and single runs, as long as no job is ever requeued:
Slurm forgets that a requeued one is a singleton.
"""

import hashlib
import json
import math
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daisy.errors import ConfigurationError, FolderError, LaunchError
from daisy.folder import SweepFolder, sweeps
from daisy.launch import slurm
from daisy.launch.refused import NO_NODES_NOW, is_for_ever, is_limit, refusal

if TYPE_CHECKING:
    import submitit

START = "import sys; sys.path.insert(0, {code!r}); from daisy.launch.slurm_task import main; main()"
REASON_COMES_WITHIN = 5.0  # seconds
ARRAY_IF_UNKNOWN = 1000  # tasks, where Slurm does not say how many it takes
SUBMITITS_NAMES = {"name": "job_name", "timeout_min": "time", "tasks_per_node": "ntasks_per_node"}
HOLDS_THE_CAP = ("array", "comment", "dependency", "job-name", "no-requeue", "requeue", "signal")
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
    """What was submitted, and Slurm's words where it did not take all."""

    submitted: Sequence["Submitted"]
    refused: str | None = None


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


def of_slurm(models_dir: Path) -> Iterator[SweepFolder]:
    """The sweeps that have workers, or had some that died, and run on Slurm."""
    for sweep in sweeps(models_dir):
        if sweep.workers():
            with suppress(FolderError):
                if sweep.info().get("launcher") == "slurm":
                    yield sweep


def fill(models_dir: Path, queue: slurm.Queue, only: str | None = None) -> Filled:
    """Submit the jobs that are missing for what waits; only those with one tag where it is given. Only under the lock.

    Raises LaunchError where Slurm takes none at all.
    """
    submitted: list[Submitted] = []
    refused, served = None, False
    for tag, there in waiting(models_dir).items():
        if only is not None and tag != only:
            continue
        sweep = there[-1][0]  # the newest code
        lanes = Lanes(models_dir, sweep.info()["slurm"][tag])
        live = _live(lanes, queue)
        missing = _missing(lanes, sum(len(numbers) for _, numbers in there), live)
        own: list[Submitted] = []
        try:
            _submit(lanes, sweep, missing, own)
            if lanes.are_lanes and sum(job.tasks for job in own) < sum(missing.values()):
                _keep_a_successor(own, [job for jobs in live.values() for job in jobs])
        except LaunchError as error:  # of others that wait Slurm may still take some
            refused = refused or error
            served = served or any(job.pending for jobs in live.values() for job in jobs)
        except BaseException:  # whoever is stopped here takes its sweep back, and with it what these jobs need
            with suppress(LaunchError):
                slurm.cancel([job.job_id for job in (*submitted, *own)])
            raise
        submitted += own
    if refused is not None and not submitted and not served:
        raise refused
    return Filled(submitted, str(refused) if refused is not None else None)


def drain(tag: str, queue: slurm.Queue) -> None:
    """Cancel the jobs that wait for a model where none waits any more. Only under the lock."""
    if surplus := [job.job_id for job in queue.jobs if job.pending and job.comment == tag]:
        slurm.cancel(surplus)


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
        if is_limit(why):
            return why  # jobs that are there already may train what is launched now
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
    return {name: tasks for name, tasks in _missing(lanes, count, {}).items() if tasks}


def command_of(lanes: Lanes, code: Path) -> list[str]:
    """What each task runs."""
    return [sys.executable, "-P", "-c", START.format(code=str(code)), str(lanes.models_dir), lanes.tag]


def _live(lanes: Lanes, queue: slurm.Queue) -> Mapping[str, list[slurm.Job]]:
    """The lanes' jobs. Those whose launcher was killed before submitit's files were in place would fail: they are cancelled."""
    jobs: dict[str, list[slurm.Job]] = {name: [] for name in lanes.names}
    broken = []
    for job in queue.jobs:
        if job.name not in jobs or (job.pending and job.comment != lanes.tag):
            continue
        if job.pending and not Path(job.script).with_name(f"{job.job_id}_submitted.pkl").exists():
            broken.append(job.job_id)
        else:
            jobs[job.name].append(job)
    if broken:
        slurm.cancel(broken)
    return jobs


def _missing(lanes: Lanes, count: int, live: Mapping[str, Sequence[slurm.Job]]) -> Mapping[str, int]:
    """How many tasks each lane lacks: a lane that would stand empty gets one, and all together as many as models wait."""
    pending = {name: sum(job.pending for job in live.get(name, ())) for name in lanes.names}
    if not lanes.are_lanes:
        return {name: max(0, count - there) for name, there in pending.items()}
    begun = {name: len(live.get(name, ())) - pending[name] for name in lanes.names}
    soon = sum(1 for name in lanes.names if pending[name] and not begun[name])  # they are about to take one each
    emptiest = sorted(lanes.names, key=lambda name: (pending[name], begun[name]))  # stable: daisy-0 first
    missing = {name: int(pending[name] == 0 and place < count - soon) for place, name in enumerate(emptiest)}
    rest = count - sum(pending.values()) - sum(missing.values())
    if rest > 0:
        level = math.ceil((count) / len(lanes.names))
        for name in emptiest:
            more = min(rest, max(0, level - pending[name] - missing[name]))
            missing[name] += more
            rest -= more
    return missing


def _submit(lanes: Lanes, sweep: SweepFolder, missing: Mapping[str, int], submitted: list[Submitted]) -> None:
    """First one task for each lane, then the rest: what a limit leaves is spread over all of them.

    What Slurm has taken is in `submitted`, also where it refuses the next one.
    """
    most = slurm.largest_array() or ARRAY_IF_UNKNOWN
    rounds = [dict.fromkeys(missing, 1), {name: count - 1 for name, count in missing.items()}] if lanes.are_lanes else [missing]
    for wanted in rounds:
        for name in lanes.names:
            count = min(wanted[name], missing[name], most)
            if count <= 0:
                continue
            one = _submit_lane(lanes, name, sweep, count, bool(submitted))
            if one is None:
                return
            submitted.append(one)


def _keep_a_successor(submitted: Sequence[Submitted], live: Sequence[slurm.Job]) -> None:
    """Where a limit leaves no more jobs than may run at once, the last of them starts after another one.

    Jobs submit others as they start: if all of them had begun, none could submit one, and nobody were left when they end.
    """
    begun = [job.job_id for job in live if not job.pending] + [job.job_id for job in submitted[:-1]]
    if submitted and begun and len(begun) == len(live) + len(submitted) - 1 and all(job.tasks == 1 for job in submitted):
        slurm.start_after(submitted[-1].job_id, begun[0])


def _submit_lane(lanes: Lanes, name: str, sweep: SweepFolder, count: int, others: bool) -> Submitted | None:
    """A new job of a lane, with fewer tasks where a limit wants that; None where it takes no more than the `others`."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    command = command_of(lanes, sweep.code.resolve())
    while True:
        executor = _executor(lanes, name, sweep.slurm)
        try:
            # The process becomes ours: Slurm sees its exit code and it gets Slurm's signals, with nothing between.
            with redirect_stderr(StringIO()):  # submitit prints there what it raises
                jobs = executor.map_array(os.execv, [command[0]] * count, [command] * count)
            return Submitted(str(jobs[0].job_id).partition("_")[0], name, count)
        except (FailedJobError, FailedSubmissionError) as error:
            said = slurm.said(str(error))
            if not is_limit(said):
                raise refusal(said) from None
            if count == 1 and not others:
                raise refusal(said) from None
            if count == 1:
                return None
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
    if taken := [key for key in more if key.replace("_", "-") in HOLDS_THE_CAP]:
        raise ConfigurationError(f"env.slurm.additional_parameters.{taken[0]}: Daisy sets that itself: leave it out")
    own["additional_parameters"] = {"no-requeue": True, **more}
    own.update(job_name=name, comment=lanes.tag, array_parallelism=1 if lanes.are_lanes else lanes.at_once)
    if lanes.are_lanes:
        own["dependency"] = "singleton"
    return own
