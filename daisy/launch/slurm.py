"""The seam to Slurm: what its commands are asked, and what their text says.

Who gets no answer, or none that makes sense, gets None and never a guess: what is not known is not dead.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from daisy.errors import LaunchError
from daisy.launch.threads import LIMITED

ANSWERS_WITHIN = 20.0  # seconds: Slurm's own commands give up after about 10
SEPARATOR, END = "\x1f", "\x1e"  # names and comments may have any other character, also the ends of lines
QUEUE_COLUMNS = ("%i", "%j", "%T", "%r", "%N", "%M", "%o", "%k")
QUEUE_HEADER = "JOBID"
ACCOUNTED_COLUMNS = ("JobID", "State", "NodeList")
JOB_ID = re.compile(r"[0-9]+(_[0-9]+)?")
PART_OF_ANOTHER = re.compile(r"[0-9]+(_[0-9]+)?\+[0-9]+")  # of a heterogeneous job: never one of Daisy's
NUMBER = re.compile(r"[0-9]{1,18}")
STATE = re.compile(r"[A-Z_]+")
OF_SLURM = ("SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SRUN_", "SALLOC_", "SUBMITIT_")
KEPT = ("SLURM_CONF",)  # which cluster is meant
AT_ONCE = 5000  # jobs that one command is told of: an argument has at most 128 KiB
PENDING = "PENDING"
# How a job ended that will not come back by itself, though nobody wanted its end.
CUT_OFF = ("TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED")
OVER = (*CUT_OFF, "COMPLETED", "CANCELLED", "FAILED", "OUT_OF_MEMORY")  # all others may still be alive


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

    @property
    def is_whole(self) -> bool:
        """Whether what submitit writes down after sbatch is there: a job without it waits a minute, and fails."""
        return Path(self.script).with_name(f"{self.job_id}_submitted.pkl").exists()


@dataclass(frozen=True)
class Queue:
    """What squeue has said of this user's jobs: those that wait or run, and how those have ended that it still remembers."""

    jobs: tuple[Job, ...] = field(repr=False)
    over: tuple[Job, ...] = field(repr=False, default=())

    @cached_property
    def ended(self) -> Mapping[str, str]:
        """How those have ended that squeue still remembers."""
        return {job.job_id: job.state for job in self.over}

    @cached_property
    def begun(self) -> Mapping[str, Job]:
        """Those that have begun, by their ids."""
        return {job.job_id: job for job in self.jobs if not job.pending}


def queue() -> Queue | None:
    """This user's jobs; None where squeue does not say."""
    # Also those in hidden partitions, and for some minutes (MinJobAge) those that are over: not every cluster has sacct.
    command = ("squeue", "--all", "--array", "--states", "all", "--user", str(os.getuid()))
    told = _ask(*command, "--format", SEPARATOR.join(QUEUE_COLUMNS) + END)
    return read_queue(told) if told is not None else None


def read_queue(text: str) -> Queue | None:
    """What squeue has printed. Without its header it is no answer; a record that makes no sense makes the rest doubtful."""
    *records, cut_off = text.split(f"{END}\n")
    if cut_off or not records or not records[0].startswith(QUEUE_HEADER + SEPARATOR):
        return None
    jobs, over = list[Job](), list[Job]()
    for record in records[1:]:
        cells = record.split(SEPARATOR)
        if len(cells) != len(QUEUE_COLUMNS):
            return None
        job_id, name, state, reason, node, time, script, comment = cells
        if PART_OF_ANOTHER.fullmatch(job_id):
            continue
        if not JOB_ID.fullmatch(job_id) or not STATE.fullmatch(state):
            return None
        job = Job(job_id, name, state, reason, node, seconds_of(time), script, comment)
        (over if state in OVER else jobs).append(job)
    return Queue(tuple(jobs), tuple(over))


def seconds_of(time: str) -> int | None:
    """`1-02:03:04`, `2:03` as Slurm writes them; None for anything else."""
    days, _, clock = time.rpartition("-")
    parts = clock.split(":")
    if not all(NUMBER.fullmatch(part) for part in (*parts, days or "0")):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds + int(days or 0) * 86_400


def accounted(job_ids: Iterable[str]) -> Mapping[str, str] | None:
    """The last state of each job (`CANCELLED`, `NODE_FAIL`), as far as sacct knows them; None without sacct."""
    wanted, known = list(job_ids), dict[str, str]()
    for begin in range(0, len(wanted), AT_ONCE):
        asked = ",".join(wanted[begin : begin + AT_ONCE])
        told = _ask("sacct", "--allocations", "--parsable2", "--format", ",".join(ACCOUNTED_COLUMNS), "--jobs", asked)
        states = read_accounted(told) if told is not None else None
        if states is None:
            return None
        known.update(states)
    return known


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
    """`JobId=12 JobName=x UserId=... JobState=RUNNING ...`; of values with blanks in them the first word.

    Names come before UserId, commands and comments at the end, and may look like facts: the first one counts.
    """
    head, user, rest = text.partition(" UserId=")
    if not head.startswith("JobId=") or not user:
        return None
    facts = dict(word.split("=", 1) for word in reversed(rest.split()) if "=" in word)
    return facts if "JobState" in facts else None


def largest_array() -> int | None:
    """How many tasks an array may have (MaxArraySize); None where Slurm does not say."""
    value = _setting("MaxArraySize")
    return int(value) if value is not None and NUMBER.fullmatch(value) else None


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


def start_after(job_id: str, other: str) -> bool:
    """Let a pending job of a lane start only when another one has ended as well. False where Slurm does not take that."""
    return _ask("scontrol", "update", f"jobid={job_id}", f"dependency=singleton,afterany:{other}") is not None


def cancel(job_ids: Sequence[str]) -> None:
    """End jobs, pending or running. Raises LaunchError with what Slurm says."""
    for begin in range(0, len(job_ids), AT_ONCE):
        _do("scancel", "--quiet", *job_ids[begin : begin + AT_ONCE])


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


@contextmanager
def as_at_login() -> Iterator[None]:
    """While the block runs, the environment is one that sbatch may hand on to a job."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(at_login(before))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def at_login(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what Slurm has set in a job of its own, and without what changes the meaning of its commands.

    A job that submits others would hand on its own array's numbers, and its own number of threads; SBATCH_PARTITION and the
    like, which people set for their own use, go before what the script says.
    """
    limited = environment.get(LIMITED, "").split()
    return {
        name: value
        for name, value in environment.items()
        if name in KEPT or not (name.startswith(OF_SLURM) or name in limited or name == LIMITED)
    }


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = at_login(os.environ)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=ANSWERS_WITHIN
        )  # fmt: skip
        # As the names of files are read: a script whose path is no UTF-8 is found again. Text mode would change "\\r".
        return subprocess.CompletedProcess(command, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
    except FileNotFoundError:
        raise LaunchError(f"there is no {command[0]} on this machine: launch on the cluster, or with env=local") from None
    except subprocess.TimeoutExpired:
        raise LaunchError(f"{command[0]} has not answered within {ANSWERS_WITHIN:.0f} s: try again when Slurm answers") from None
    except OSError as error:
        raise LaunchError(f"{command[0]} can't be run ({error.strerror}): mend that first") from None
