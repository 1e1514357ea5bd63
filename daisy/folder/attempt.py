"""Who started a model, and whether that process still lives."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Attempt:
    """One start of a model: who runs it. A process is named so that another one with its number is not taken for it."""

    number: int
    host: str
    pid: int
    process_start: str
    boot: str
    started: float
    job: str | None = None

    @classmethod
    def of_this_process(cls, number: int) -> "Attempt":
        """An attempt that this process makes."""
        pid = os.getpid()
        job = os.environ.get("SLURM_JOB_ID")
        return cls(number, socket.gethostname(), pid, process_start(pid) or "", this_machine(), time.time(), job)

    def alive(self) -> bool | None:
        """Whether its process lives; None where this host can't know."""
        if not self.process_start:
            return None
        if self.boot and self.boot == this_machine():  # it may have been given another name since
            return process_start(self.pid) == self.process_start
        if self.host != socket.gethostname() or self.boot.partition("/")[0] == boot_id():
            return None  # another machine, or another container on this one
        return False  # this machine has been started anew since


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
