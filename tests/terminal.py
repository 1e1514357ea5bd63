"""A terminal for tests: what a person sees there, and types."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sleeper import LIMIT
from support import DaisyProject, heed_signals

COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command that runs on a terminal of its own; `shown` is all that it has written so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.shown = ""

    @property
    def text(self) -> str:
        """The same without colours; where the cursor is moved a new line begins."""
        return CONTROL.sub(lambda found: "" if found[0].endswith("m") else "\n", self.shown).replace("\r", "")

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until the text has a pattern."""
        deadline = time.monotonic() + LIMIT
        while (found := re.search(pattern, self.text, re.MULTILINE)) is None:
            assert time.monotonic() < deadline and self._read(), f"never came: {pattern}\n{self.text}"
        return found

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C until it heeds that: one that comes just before it begins to read is kept for later; the exit code."""
        deadline = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it goes on"
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(LIMIT)

    def _read(self) -> bool:
        """Some more of what it writes; False at its end."""
        if not select.select([self._descriptor], [], [], LIMIT)[0]:
            return False
        try:
            more = os.read(self._descriptor, 65536)
        except OSError:  # nobody has the terminal open any more
            return False
        self.shown += more.decode("utf-8", "replace")
        return bool(more)


@contextmanager
def on_a_terminal(
    project: DaisyProject, *words: str, environment: Mapping[str, str] | None = None, size: tuple[int, int] = (40, 160)
) -> Iterator[Terminal]:
    """Run Daisy on a terminal with so many lines and columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    kept = {name: value for name, value in project.environment(environment).items() if name not in COLOURS}
    kept |= {"TERM": "xterm-256color", **{name: value for name, value in (environment or {}).items() if name in COLOURS}}
    process = subprocess.Popen(
        project.command(*words), cwd=project.root, env=kept, stdin=its, stdout=its, stderr=its, preexec_fn=_in_its_own_session
    )
    os.close(its)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def _in_its_own_session() -> None:
    """So that Ctrl-C and Ctrl-D are what they are at a terminal."""
    heed_signals()
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
