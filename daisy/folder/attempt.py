"""Who started a model, and whether that process still lives."""

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Scheduler(Protocol):
    """What may know of a job whose process can't be asked from here."""

    def expect(self, jobs: Iterable[str | None]) -> None:
        """Jobs that may be asked about: all of them can be looked up at once."""

    def alive(self, attempt: "Attempt") -> bool | None:
        """Whether an attempt's job lives; None where that is not known."""

    def evidence(self, attempt: "Attempt") -> str:
        """How that is known, or why it is not."""


@dataclass(frozen=True)
class Attempt:
    """One start of a model: who runs it. A process is named so that another one with its number is not taken for it.

    `job` is a Slurm job's id (`12_3` in an array), `user` and `cluster` whose and where it is.
    """

    number: int
    host: str
    pid: int
    process_start: str
    boot: str
    started: float
    job: str | None = None
    user: int | None = None
    cluster: str | None = None

    @classmethod
    def of_this_process(cls, number: int) -> "Attempt":
        """An attempt that this process makes."""
        pid = os.getpid()
        job = own_job()
        cluster = os.environ.get("SLURM_CLUSTER_NAME") if job else None
        start = process_start(pid) or ""
        return cls(number, socket.gethostname(), pid, start, this_machine(), time.time(), job, os.getuid(), cluster)

    def running(self) -> dict[str, Any]:
        """What result.json says from now on, until it has ended."""
        who = {"host": self.host, "job": self.job}
        return {"state": "running", "attempt": self.number, "started": self.started, **who}

    def alive(self, scheduler: Scheduler | None = None) -> bool | None:
        """Whether its process lives; where this host can't know, what the scheduler says of its job; None where nobody knows."""
        known = self._process_lives()
        return scheduler.alive(self) if known is None and scheduler is not None and self.job is not None else known

    def _process_lives(self) -> bool | None:
        if not self.process_start:
            return None
        if self.boot and self.boot == this_machine():  # it may have been given another name since
            return process_start(self.pid) == self.process_start
        if self.host != socket.gethostname() or self.boot.partition("/")[0] == boot_id():
            return None  # another machine, or another container on this one
        return False  # this machine has been started anew since


def own_job() -> str | None:
    """The id of the Slurm job that this process is part of, as Slurm's commands take and show it; None outside of any."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def process_start(pid: int) -> str | None:
    """When a process began, in the kernel's ticks since the boot; None where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def this_machine() -> str:
    """What tells this machine's processes since its start from all others: its boot, and the space of process numbers."""
    try:
        return f"{boot_id()}/{Path('/proc/self/ns/pid').readlink()}" if boot_id() else ""
    except OSError:
        return ""


def boot_id() -> str:
    """An id of the time since this host was started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
