"""Claims that one process has and another waits for or does without."""

import fcntl
import os
from pathlib import Path


def link_or_copy(whole: Path, path: Path) -> None:
    """Give a file its name, at once and only if nobody has it. Raises FileExistsError."""
    try:
        os.link(whole, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the claim is as good, only its content comes a moment later
        with path.open("xb") as file:
            file.write(whole.read_bytes())


def locked(descriptor: int) -> bool:
    """Whether this descriptor has its lock now; a file system without locks has none to wait for."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
