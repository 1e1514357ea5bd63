"""What code touches while it runs: files, processes, the network, the process's own surroundings (PEP 578 audit events)."""

import contextlib
import errno
import io
import locale
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn")
NETWORK = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.getnameinfo", "socket.gethostbyname",
    "socket.gethostbyaddr", "socket.gethostname", "urllib.Request",
)  # fmt: skip
CHANGES = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime",
    "os.setxattr", "os.removexattr", "sqlite3.connect",
)  # fmt: skip
LISTS = ("os.listdir", "os.scandir")
SURROUNDINGS = {"os.chdir": "changes the current folder", "os.putenv": "sets a variable of Daisy's own environment"}
SURROUNDINGS["os.unsetenv"] = "unsets a variable of Daisy's own environment"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Touched:
    """What was touched outside of the folders that may be read and written.

    A program and a write are not only noted: they raise PermissionError before anything comes of them.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...] = ()
    told: list[str] = field(default_factory=list)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One audit event."""
        if event in RUNS:
            self.told.append(f"runs a program ({event}): give it back as a Command, and Daisy runs it")
            raise PermissionError(errno.EACCES, "an adapter runs nothing")
        if event in NETWORK:
            self.told.append(f"asks the network ({event}): it must not")
        elif event in SURROUNDINGS:
            self.told.append(f"{SURROUNDINGS[event]}: put variables and folder into the Command")
        elif event in CHANGES:
            for path in arguments[:2]:
                self._path(path, writes=True)
        elif event in LISTS:
            self._path(arguments[0] if arguments[0] is not None else os.curdir, writes=False)
        elif event == "open":
            mode, flags = arguments[1], arguments[2]
            writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & WRITING)
            self._path(arguments[0], writes=writes)

    def _path(self, named: Any, writes: bool) -> None:
        if not isinstance(named, (str, bytes, os.PathLike)):
            return  # a descriptor that is open already
        path = Path(os.path.abspath(os.fsdecode(named)))  # noqa: PTH100 - without looking, which is an event too
        allowed = self.writable if writes else (*self.readable, *self.writable)
        if path != Path(os.devnull) and not any(path == folder or folder in path.parents for folder in allowed):
            told = "writes" if writes else "reads"
            self.told.append(f"{told} {path}: an adapter touches the folders that it is given, and writes in write_form only")
            if writes:
                raise PermissionError(errno.EACCES, "an adapter writes in write_form only", str(path))


_watching: list[Touched] = []
_installed: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching:
        watching = _watching.pop()  # noting may raise events of its own
        try:
            watching.note(event, arguments)
        finally:
            _watching.append(watching)


@contextlib.contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Within the block a folder may be written, by whoever is watched."""
    before = [(watching, watching.writable) for watching in _watching]
    for watching, writable in before:
        watching.writable = (*writable, folder)
    try:
        yield
    finally:
        for watching, writable in before:
            watching.writable = writable


def own_folders() -> tuple[Path, ...]:
    """Where Python and its packages are: importing reads there. The current folder is on the path, but no package's."""
    named = [sys.prefix, sys.base_prefix, *(path for path in sys.path if path and Path(path) != Path.cwd())]
    package = Path(__file__).resolve().parents[2]
    return (*(Path(path).resolve() for path in named), *map(Path, named), package)


@contextlib.contextmanager
def watched(readable: tuple[Path, ...]) -> Iterator[Touched]:
    """Note what the block touches, and let it write nothing; of what it prints, that it prints."""
    if not _installed:
        sys.addaudithook(_hook)  # it can't be taken away: it does nothing outside of this block
        _installed.append(True)
    touched, spoken = Touched((*readable, *own_folders())), io.StringIO()
    before, compiles = locale.setlocale(locale.LC_ALL), not sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # Python would keep there what the adapter imports
    with contextlib.redirect_stdout(spoken), contextlib.redirect_stderr(spoken):
        _watching.append(touched)
        try:
            yield touched
        finally:
            _watching.remove(touched)
            sys.dont_write_bytecode = not compiles
    if spoken.getvalue():
        touched.told.append(f"prints ({spoken.getvalue().strip()[:60]!r}): it must give back what it has to say")
    if locale.setlocale(locale.LC_ALL) != before:
        touched.told.append("changes the locale of Daisy's own process: it must not")
