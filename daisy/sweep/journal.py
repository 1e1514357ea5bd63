"""The journal of a sweep's study: Optuna's file, under a lock that ends with its holder, and never with half a line in it."""

import errno
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.storages.journal import JournalFileBackend

from daisy.errors import StudyError

LONGEST_WAIT = 300.0  # seconds for the lock; it is held for moments, so who holds it longer has stopped
POLL = 0.01  # seconds between two tries
BLOCK = 8192  # bytes
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Journal(JournalFileBackend):
    """The file that a JournalStorage is kept in. Raises StudyError where it is damaged or was replaced meanwhile.

    A reader takes no lock: Optuna's leaves out a last line without its end, and only such a line is ever cut off.
    """

    def __init__(self, path: Path) -> None:
        self._journal = path
        super().__init__(str(path), JournalLock(path, self._check_same))  # type: ignore[arg-type]  # its base is not public
        self._kept_open = os.open(path, os.O_RDONLY)  # as long as it is, no other file gets its number
        weakref.finalize(self, os.close, self._kept_open)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # Optuna names a Generator
        """The records from this one on."""
        self._check_same()
        try:
            for record in super().read_logs(log_number_from):
                if not isinstance(record, dict) or "op_code" not in record:
                    raise ValueError("a line that is no record")
                yield record
        except ValueError as error:  # no JSON, no UTF-8
            raise damaged(self._journal) from error

    def _check_same(self) -> None:
        """What was read of a journal does not hold for another one under its name: its trials may have other numbers."""
        if self._journal.stat().st_ino != os.fstat(self._kept_open).st_ino:
            raise StudyError(f"{self._journal} was written anew by another command meanwhile: try again")


class JournalLock:
    """The lock of a journal, a hidden file beside it: the kernel takes it from a process that dies.

    Optuna's own is a file that is a lock by being there: where its holder was killed all others wait for 30 seconds.
    """

    def __init__(self, journal: Path, check: Callable[[], None] = lambda: None) -> None:
        self._journal = journal
        self._check = check
        self._lock = FileLock(journal.with_name(f".{journal.name}.lock"), mode=0o666, poll_interval=POLL, fallback_to_soft=False)

    def acquire(self) -> bool:
        """Wait for the lock, and see to it that the journal ends with a whole line."""
        try:
            self._lock.acquire(timeout=LONGEST_WAIT)
        except Timeout:
            told = f"{self._journal} has been locked for {LONGEST_WAIT:.0f} s"
            raise StudyError(f"{told}: look for a process that was stopped in the middle of a write, and end it") from None
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
            told = f"{self._journal}: this file system has no locks"
            raise StudyError(f"{told}: set sweep.storage to the URL of a database") from error
        try:
            self._check()
            cut_torn_line(self._journal)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Let the next one in."""
        self._lock.release()


def cut_torn_line(path: Path) -> None:
    """Cut a file back to its last whole line: what was killed while it wrote, or had no room, leaves half a one.

    The next record would go on in that line, and nothing that follows could be read any more.
    """
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        newline = -1
        while end > 0 and newline < 0:
            begin = max(0, end - BLOCK)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            end = begin
        whole = end + newline + 1
        if whole < size:
            file.truncate(whole)
            os.fsync(file.fileno())


def damaged(journal: Path) -> StudyError:
    """What is said of a journal that can't be read."""
    return StudyError(f"{journal} is damaged: run `daisy sweeps rebuild {journal.parent.name}` to make it anew from the models")
