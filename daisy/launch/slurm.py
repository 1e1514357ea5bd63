"""The seam to Slurm: what its commands are asked, and what their text says.

Who gets no answer, or none that makes sense, gets None and never a guess: what is not known is not dead.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from daisy.errors import LaunchError

ANSWERS_WITHIN = 20.0  # seconds: Slurm's own commands give up after about 10
SEPARATOR = "\x1f"  # names and comments may have any other character
QUEUE_COLUMNS = ("%i", "%j", "%T", "%r", "%N", "%M", "%o", "%k")
QUEUE_HEADER = "JOBID"
ACCOUNTED_COLUMNS = ("JobID", "State", "NodeList")
JOB_ID = re.compile(r"\d+(_\d+)?")
PENDING = "PENDING"
# How a job ended that will not come back by itself, though nobody wanted its end.
CUT_OFF = ("TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED")


@dataclass(frozen=True)
class Job:
    """A job that is in Slurm's queue. `job_id` is `12_3` for a task of an array."""

    job_id: str
    name: str
    state: str
    reason: str
    node: str
    seconds: int | None
    script: str
    comment: str

    @property
    def pending(self) -> bool:
        """Whether it has not begun yet."""
        return self.state == PENDING


@dataclass(frozen=True)
class Queue:
    """What squeue has said of this user's jobs."""

    jobs: tuple[Job, ...] = field(repr=False)

    @cached_property
    def begun(self) -> Mapping[str, Job]:
        """Those that have begun, by their ids."""
        return {job.job_id: job for job in self.jobs if not job.pending}


def queue() -> Queue | None:
    """This user's jobs; None where squeue does not say."""
    told = _ask("squeue", "--array", "--user", str(os.getuid()), "--format", SEPARATOR.join(QUEUE_COLUMNS))
    return read_queue(told) if told is not None else None


def read_queue(text: str) -> Queue | None:
    """What squeue has printed. Without its header it is no answer; a line that makes no sense makes the rest doubtful."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith(QUEUE_HEADER):
        return None
    jobs = []
    for line in lines[1:]:
        cells = line.split(SEPARATOR)
        if len(cells) != len(QUEUE_COLUMNS) or not JOB_ID.fullmatch(cells[0]):
            return None
        job_id, name, state, reason, node, time, script, comment = cells
        jobs.append(Job(job_id, name, state, reason, node, seconds_of(time), script, comment))
    return Queue(tuple(jobs))


def seconds_of(time: str) -> int | None:
    """`1-02:03:04`, `2:03` as Slurm writes them; None for anything else."""
    days, _, clock = time.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts) or not (days == "" or days.isdigit()):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds + int(days or 0) * 86_400


def accounted(job_ids: Iterable[str]) -> Mapping[str, str] | None:
    """The last state of each job (`CANCELLED`, `NODE_FAIL`), as far as sacct knows them; None without sacct."""
    asked = ",".join(job_ids)
    told = _ask("sacct", "--allocations", "--parsable2", "--format", ",".join(ACCOUNTED_COLUMNS), "--jobs", asked)
    return read_accounted(told) if told is not None else None


def read_accounted(text: str) -> Mapping[str, str] | None:
    """What sacct has printed; None where that is no table of its own."""
    lines = text.splitlines()
    if not lines or lines[0].split("|") != list(ACCOUNTED_COLUMNS):
        return None
    rows = [line.split("|") for line in lines[1:]]
    return {row[0]: row[1].split()[0] for row in rows if len(row) == len(ACCOUNTED_COLUMNS) and row[1].strip()}


def facts_of(job_id: str) -> Mapping[str, str] | None:
    """What `scontrol show job` says of one job: JobState, PreemptTime, ...; None where it does not answer."""
    told = _ask("scontrol", "--oneliner", "show", "job", job_id)
    return read_facts(told) if told is not None else None


def read_facts(text: str) -> Mapping[str, str] | None:
    """`JobId=12 JobState=RUNNING ...`; of values with blanks in them the first word."""
    facts = dict(word.split("=", 1) for word in text.split() if "=" in word)
    return facts if "JobState" in facts else None


def largest_array() -> int | None:
    """How many tasks an array may have (MaxArraySize); None where Slurm does not say."""
    value = _setting("MaxArraySize")
    return int(value) if value is not None and value.isdigit() else None


def cluster_name() -> str | None:
    """What this cluster is called; None where Slurm does not say."""
    return _setting("ClusterName")


def _setting(wanted: str) -> str | None:
    for line in (_ask("scontrol", "show", "config") or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == wanted:
            return value.strip()
    return None


def set_comment(job_id: str, comment: str) -> bool:
    """Give a job its comment. False where Slurm does not take it."""
    return _ask("scontrol", "update", f"jobid={job_id}", f"comment={comment}") is not None


def cancel(job_ids: Sequence[str]) -> None:
    """End jobs, pending or running. Raises LaunchError with what Slurm says."""
    for begin in range(0, len(job_ids), 500):  # an argument list has an end
        _do("scancel", "--quiet", *job_ids[begin : begin + 500])


def submit(script: Path) -> str:
    """The id of a new job. Raises LaunchError with what Slurm says."""
    return _do("sbatch", "--parsable", str(script)).strip().partition(";")[0]


def reason_of(job_id: str) -> str:
    """Why a job is pending, as far as Slurm has found out; an empty text where it does not say."""
    return (_ask("squeue", "--noheader", "--jobs", job_id, "--states", "all", "--format", "%r") or "").strip()


def would_take(script: Path) -> str | None:
    """Why Slurm would never run a script; None where it would. Raises LaunchError where it does not say."""
    done = _run("sbatch", "--test-only", str(script))
    return None if done.returncode == 0 else said(done.stderr)


def said(text: str) -> str:
    """The words of Slurm's in what a command has printed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = [line.partition("error: ")[2] or line for line in lines if "error: " in line or "failure: " in line] or lines
    kept = [word for word in words if word not in ("", "Batch job submission failed")]
    return "; ".join(dict.fromkeys(kept)) or "it does not say why"


def _ask(*command: str) -> str | None:
    try:
        done = _run(*command)
    except LaunchError:
        return None
    return done.stdout if done.returncode == 0 else None


def _do(*command: str) -> str:
    done = _run(*command)
    if done.returncode:
        raise LaunchError(f"{command[0]}: {said(done.stderr or done.stdout)}: try it again when Slurm answers")
    return done.stdout


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    # What a person has set for their own use of these commands (SQUEUE_STATES, SACCT_FORMAT) would change the answers.
    theirs = ("SQUEUE_", "SACCT_", "SBATCH_TEST_ONLY", "SCANCEL_", "SLURM_TIME_FORMAT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment,
            timeout=ANSWERS_WITHIN,
        )  # fmt: skip
    except FileNotFoundError:
        raise LaunchError(f"there is no {command[0]} on this machine: launch on the cluster, or with env=local") from None
    except subprocess.TimeoutExpired:
        raise LaunchError(f"{command[0]} has not answered within {ANSWERS_WITHIN:.0f} s: try again when Slurm answers") from None
    except OSError as error:
        raise LaunchError(f"{command[0]} can't be run ({error.strerror}): mend that first") from None
