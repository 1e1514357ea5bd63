"""Making a folder once, however many processes ask for it at the same moment and whichever of them is killed."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daisy.errors import DatasetError
from daisy.files import folder_to_fill

QUIET_WAIT = 3.0  # seconds for another process before the user is told
NO_LOCKS = {  # what file systems say that have none, or that let only another user open the lock's file
    errno.ENOSYS,
    errno.ENOLCK,
    errno.EOPNOTSUPP,
    errno.EIO,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
}
LONGEST_WAIT = 3600.0  # seconds; then the lock is taken for broken: it may be one that outlived its holder


def silent(line: str) -> None:
    """A report that goes nowhere."""


def made_once(folder: Path, fill: Callable[[Path], None], report: Callable[[str], None] = silent) -> Path:
    """The folder, filled by `fill(hidden folder)` unless it is there already; renamed to its name when it is whole.

    One process at a time fills. Where the file system has no locks several may: the first to rename wins, and the
    others take its folder. Raises DatasetError where the disk refuses, and what `fill` raises; nothing is left then.
    """
    if folder.exists():
        return folder
    with refusals_of_the_disk(folder.parent), locked(folder, report):
        if not folder.exists():
            with folder_to_fill(folder.parent) as unfinished:
                fill(unfinished)
                _rename(unfinished, folder)
    return folder


@contextmanager
def locked(path: Path, report: Callable[[str], None] = silent) -> Iterator[bool]:
    """Hold the lock of `path`, a hidden file beside it; yields whether it is really held.

    The kernel takes the lock from a process that dies. It is not held where the file system has no locks (some network
    file systems), so what is done under it must be safe without it, if slower.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    # no soft lock: a file that is a lock by being there outlives a holder that is killed on another host
    lock = FileLock(path.with_name(f".{path.name}.lock"), fallback_to_soft=False)
    held = False
    try:
        try:
            lock.acquire(timeout=QUIET_WAIT)
        except Timeout:
            report(f"waiting for another process that makes {path}")
            lock.acquire(timeout=LONGEST_WAIT)
        held = True
    except Timeout:
        report(f"another process holds the lock of {path} for more than {LONGEST_WAIT:.0f} s: going on without it")
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
    try:
        yield held
    finally:
        if held:
            lock.release()


@contextmanager
def refusals_of_the_disk(where: Path) -> Iterator[None]:
    """What the operating system refuses in the block becomes a DatasetError."""
    try:
        yield
    except OSError as error:
        file = error.filename or where
        reason = error.strerror or type(error).__name__
        raise DatasetError(f"{file}: {reason}: make room or give rights there, or set env.data_dir=FOLDER") from error


def _rename(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
