"""Running a command: in a process group of its own, under a guard that ends it when this process ends, however it does."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from daisy.errors import FrameworkError

GUARD = Path(__file__).with_name("guard.py")
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
OUTPUT_KEPT = 65_536  # bytes: the end of what a command printed


@dataclass(frozen=True)
class Ending:
    """How a command ended: an exit code, or the signal that killed it; `missing` says why it could not even begin."""

    code: int | None = None
    signal: int | None = None
    missing: str | None = None

    @property
    def well(self) -> bool:
        """Exit code 0. It does not say why the command ended."""
        return self.code == 0

    def words(self) -> str:
        """As a reason for people."""
        if self.missing is not None:
            return f"could not be started ({self.missing})"
        if self.signal is not None:
            try:
                name = signal.Signals(self.signal).name
            except ValueError:
                name = f"signal {self.signal}"
            more = " (out of memory, or killed by hand)" if self.signal == signal.SIGKILL else ""
            return f"was killed by {name}{more}"
        return f"ended with exit code {self.code}"


class RunningCommand:
    """One running command. `output` is what it prints, stdout and stderr as one stream of bytes, to be read without blocking.

    `events` is readable when the command has ended; `ending` is set then. As a context manager it leaves nothing running.
    `held` are descriptors whose locks are to last until nothing of the command is left, even when this process is gone. `last`
    is a command that is run when it has ended, whatever ended it: to end what is no process of ours.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        grace: float = GRACE,
        held: Sequence[int] = (),
        last: Sequence[str] = (),
    ) -> None:
        self.ending: Ending | None = None
        self.pid: int | None = None
        self._program = arguments[0]
        self._told = b""
        self.events, theirs = socket.socketpair()
        self.output, output_end = os.pipe()
        os.set_blocking(self.output, False)
        numbers = [str(theirs.fileno()), ",".join(map(str, held)) or "-"]
        this_python = str(Path(sys.executable).absolute())
        command = [this_python, "-I", "-S", str(GUARD), *numbers, str(grace), json.dumps(last), *arguments]
        try:
            self._guard = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=output_end,
                cwd=folder,
                env={**os.environ, **environment},
                pass_fds=[theirs.fileno(), *held],
                start_new_session=True,
            )
        except ValueError as error:
            raise FrameworkError(f"the command can't be run ({error}): a NUL byte is in an argument or variable") from error
        finally:
            theirs.close()
            os.close(output_end)
        self.events.setblocking(False)

    def look(self) -> None:
        """Take what the guard has told since the last look; sets `pid` and `ending`."""
        try:
            while chunk := self.events.recv(4096):
                self._told += chunk
        except BlockingIOError:
            chunk = b"nothing yet"
        except ConnectionResetError:  # it ended before it read an order: its end all the same
            chunk = b""
        *lines, self._told = self._told.split(b"\n")
        for line in lines:
            word, _, number = line.decode("ascii").partition(" ")
            if word == "started":
                self.pid = int(number)
            elif word == "exited":
                self.ending = Ending(code=int(number))
            elif word == "killed":
                self.ending = Ending(signal=int(number))
            elif word == "missing":
                self.ending = Ending(code=127, missing=f"{self._program}: {os.strerror(int(number))}")
        if chunk == b"" and self.ending is None:  # the guard itself is gone: the command died with it, its group may not have
            if self.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            self.ending = Ending(signal=signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the command to end: SIGTERM to its group, SIGKILL after the grace."""
        self._order(b"t")

    def kill(self) -> None:
        """Kill the command's group now."""
        self._order(b"k")

    def wait(self, seconds: float | None = None) -> Ending | None:
        """Wait for the end, at most so many seconds; None where it has not come."""
        end_at = None if seconds is None else time.monotonic() + seconds
        self.look()
        while self.ending is None and (end_at is None or time.monotonic() < end_at):
            time.sleep(0.01)
            self.look()
        return self.ending

    def __enter__(self) -> "RunningCommand":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.ending is None:
            self.kill()
        self.wait(10)
        self.events.close()  # a guard that is still there sees its owner gone
        os.close(self.output)
        self._guard.wait(10)

    def _order(self, order: bytes) -> None:
        try:
            self.events.send(order)
        except OSError:
            self.look()  # the guard has ended before it could be told


def printed_by(
    running: RunningCommand, seconds: float | None = None, also: Callable[[bytes], object] = len
) -> tuple[str, Ending | None]:
    """The end of what a command prints, and how it ended; it is killed after so many seconds, and has no ending then.

    `also` is called with all that it prints, as it comes.
    """
    end_at = None if seconds is None else time.monotonic() + seconds
    log = b""
    while True:
        ready, _, _ = select.select([running.output], [], [], 0.5)
        if ready:
            data = os.read(running.output, 65_536)
            if not data:
                break
            also(data)
            log = (log + data)[-OUTPUT_KEPT:]
        if end_at is not None and time.monotonic() > end_at:
            running.kill()
            return log.decode("utf-8", "replace"), None
    return log.decode("utf-8", "replace"), running.wait()
