"""Slots: so many models run at once on this host, over all of a user's shells.

A slot is a file's lock on a local disk. It lasts as long as a process has the file open: the job, then what is left of its
framework. Whoever dies frees it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from daisy.configuration import Environment
from daisy.errors import LaunchError
from daisy.framework.device import gpus_here

FOLDER = "DAISY_SLOTS_DIR"
LARGEST = 10_000  # slots
POLL = 0.1  # seconds


@dataclass(frozen=True)
class Slot:
    """One place to run; `descriptor` holds it while it is open here or in a child that has inherited it."""

    number: int
    descriptor: int

    def close(self) -> None:
        """Let go of it here."""
        os.close(self.descriptor)


class Slots:
    """The slots of this user on this host, of which `count` are used."""

    def __init__(self, count: int, folder: Path | None = None) -> None:
        self.count = min(count, LARGEST)
        self._folder = folder or slots_folder()

    @property
    def all_taken(self) -> str:
        """What to say where no slot is free."""
        return f"all {self.count} slots of this machine are taken by other models of yours (env.max_running): waiting"

    def take(self) -> Slot | None:
        """A slot that is free, the one with the lowest number; None where none is."""
        for number in range(self.count):
            descriptor = os.open(self._folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            except BaseException:
                os.close(descriptor)
                raise
            return Slot(number, descriptor)
        return None


def at_once(env: Environment) -> int:
    """How many models run at once on this host: env.max_running, or one a GPU, or one a core."""
    return env.max_running or len(gpus_here()) or cores()


def gpu_of(slot: Slot) -> dict[str, str]:
    """The environment that gives a slot its GPU; nothing where there are none."""
    gpus = gpus_here()
    return {"CUDA_VISIBLE_DEVICES": gpus[slot.number % len(gpus)]} if gpus else {}


@contextmanager
def a_slot(env: Environment, say: Callable[[str], None]) -> Iterator[Slot]:
    """A slot for the one model of this process, as soon as one is free; its GPU is the only one that is seen from then on."""
    slots, told = Slots(at_once(env)), False
    while (slot := slots.take()) is None:
        if not told:
            say(slots.all_taken)
            told = True
        time.sleep(POLL)
    os.environ.update(gpu_of(slot))
    try:
        yield slot
    finally:
        slot.close()


def slots_folder() -> Path:
    """Where the locks are: the same for all shells of a user, whatever TMPDIR they have. Raises LaunchError."""
    named = os.environ.get(FOLDER)
    folder = Path(named) if named else Path(f"/tmp/daisy-{os.getuid()}/slots")
    try:
        for path in (folder,) if named else (folder.parent, folder):
            with suppress(FileExistsError):
                path.mkdir(mode=0o700)
            found = path.lstat()
            if found.st_uid != os.getuid() or not path.is_dir() or path.is_symlink():
                raise LaunchError(f"{path} is not a folder of yours: set {FOLDER} to one on a local disk")
    except OSError as error:
        raise LaunchError(f"{folder} can't be made ({error.strerror}): set {FOLDER} to a folder on a local disk") from None
    return folder


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))
