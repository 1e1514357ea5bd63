"""Commands as real processes: how they end, and that nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import heed_signals

from daisy.errors import FrameworkError
from daisy.framework.process import Ending, RunningCommand

LIMIT = 60.0  # seconds: for a machine that has much else to do
DEAF = "import signal, sys, time\nsignal.signal(15, signal.SIG_IGN)\nopen(sys.argv[1], 'w').close()\ntime.sleep(100)\n"
FAMILY = """
import os, signal, sys, time
folder = sys.argv[1]
signal.alarm(100)
for kind in ("child", "grandchild", "session", "daemon"):
    if os.fork() == 0:
        signal.signal(15, signal.SIG_IGN)
        if kind in ("session", "daemon"):
            os.setsid()
        if kind in ("grandchild", "daemon") and os.fork() > 0:
            if kind == "daemon":
                os._exit(0)
            time.sleep(100)
        open(f"{folder}/{kind}", "w").close()
        time.sleep(100)
        os._exit(0)
while len(os.listdir(folder)) < 4:
    time.sleep(0.01)
print("up", flush=True)
"""


def wait_until(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def mentioning(path: Path) -> list[int]:
    """The living processes with a path in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.fsencode(path) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def is_guard(pid: int) -> bool:
    return b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes()


def printed(command: RunningCommand) -> bytes:
    """All that it prints, to its end."""
    os.set_blocking(command.output, True)
    found = b""
    while data := os.read(command.output, 65_536):
        found += data
    return found


def python(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def test_what_it_prints_and_how_it_ends(tmp_path: Path) -> None:
    text = (
        "import os, sys\nos.write(1, b'out\\n'); os.write(2, b'err\\n')\nprint(os.getcwd(), os.environ['SAID'], sys.argv[1:])\n"
    )
    arguments = ("$HOME; echo foo", "*", "ä 'b'", "")
    with RunningCommand(python(text, *arguments), {"SAID": "ünï"}, tmp_path) as command:
        output = printed(command)
        assert command.wait(LIMIT) == Ending(code=0)
    assert output.decode() == f"out\nerr\n{tmp_path} ünï {list(arguments)}\n"


@pytest.mark.parametrize(
    ("text", "ending", "words"),
    [
        ("raise SystemExit(0)", Ending(code=0), "ended with exit code 0"),
        ("raise SystemExit(17)", Ending(code=17), "ended with exit code 17"),
        ("import os; os.kill(os.getpid(), 9)", Ending(signal=9), "was killed by SIGKILL (out of memory, or killed by hand)"),
        ("import os; os.kill(os.getpid(), 11)", Ending(signal=11), "was killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 40)", Ending(signal=40), "was killed by signal 40"),
    ],
    ids=["well", "exit code", "SIGKILL", "SIGSEGV", "a nameless signal"],
)
def test_endings(tmp_path: Path, text: str, ending: Ending, words: str) -> None:
    with RunningCommand(python(text), {}, tmp_path) as command:
        found = command.wait(LIMIT)
    assert found == ending
    assert found is not None
    assert found.words() == words
    assert found.well == (ending.code == 0)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with RunningCommand(["no-such-program", "x"], {}, tmp_path) as command:
        ending = command.wait(LIMIT)
    assert ending is not None
    assert not ending.well
    assert ending.words() == "could not be started (no-such-program: No such file or directory)"


def test_no_nul_bytes(tmp_path: Path) -> None:
    with pytest.raises(FrameworkError, match="NUL"):
        RunningCommand(python("pass", "a\0b"), {}, tmp_path)
    with pytest.raises(FrameworkError, match="NUL"):
        RunningCommand(python("pass"), {"a": "b\0c"}, tmp_path)


def test_it_begins_like_any_program(tmp_path: Path) -> None:
    """Daisy's own handlers, and what its guard and Python ignore, are not the framework's; nor is any open file."""
    with RunningCommand(["cat", "/proc/self/status"], {}, tmp_path) as command:
        status = dict(line.split(":\t", 1) for line in printed(command).decode().splitlines())
    # Whoever started the tests may ignore signals that neither Python nor Daisy has anything to do with: they are inherited.
    mine = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    ours = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)
    inherited = int(mine["SigIgn"], 16) & ~sum(1 << (number - 1) for number in ours)
    assert int(status["SigIgn"], 16) == inherited
    assert int(status["SigBlk"], 16) == 0
    text = "import os; print(os.getpgrp() == os.getpid(), len(os.listdir('/proc/self/fd')), os.read(0, 1))"
    with RunningCommand(python(text), {}, tmp_path) as command:
        assert printed(command) == b"True 4 b''\n"  # standard input, output, error, and the folder of them


def test_it_is_asked_to_end_and_may_take_its_time(tmp_path: Path) -> None:
    text = (
        "import signal, time\n"
        "def end(*_): print('saved', flush=True); raise SystemExit(3)\n"
        "signal.signal(15, end)\nprint('up', flush=True)\ntime.sleep(100)\n"
    )
    with RunningCommand(python(text), {}, tmp_path, grace=LIMIT) as command:
        wait_until(lambda: read_some(command) == b"up\n")
        command.terminate()
        assert printed(command) == b"saved\n"
        assert command.wait(LIMIT) == Ending(code=3)


def read_some(command: RunningCommand) -> bytes:
    try:
        return os.read(command.output, 65_536)
    except BlockingIOError:
        return b""


def test_one_that_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    up = tmp_path / "up"
    with RunningCommand(python(DEAF, up), {}, tmp_path, grace=0.2) as command:
        wait_until(up.exists)
        command.terminate()
        assert command.wait(LIMIT) == Ending(signal=9)
    up.unlink()
    with RunningCommand(python(DEAF, up), {}, tmp_path, grace=3600.0) as command:
        wait_until(up.exists)
        command.terminate()
        assert command.wait(0.1) is None
        command.kill()
        assert command.wait(LIMIT) == Ending(signal=9)


def test_leaving_the_block_ends_it(tmp_path: Path) -> None:
    up = tmp_path / "up"
    with pytest.raises(RuntimeError), RunningCommand(python(DEAF, up), {}, tmp_path, grace=3600.0):
        wait_until(up.exists)
        raise RuntimeError
    wait_until(lambda: not mentioning(tmp_path))


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """Children, grandchildren, one with a session of its own, and one that has even lost its parent."""
    with RunningCommand(python(FAMILY, tmp_path), {}, tmp_path) as command:
        assert command.wait(LIMIT) == Ending(code=0)
        # The guard itself may just be ending, and is no guard any more in the moment between the two looks.
        wait_until(lambda: [pid for pid in mentioning(tmp_path) if not is_guard(pid)] == [])
        assert printed(command) == b"up\n"  # to the end: nobody else holds the output any more


OWNER = """
import sys, time
from pathlib import Path
from daisy.framework.process import RunningCommand
command = RunningCommand([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], {}, Path.cwd(), grace=0.2)
time.sleep(100)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_its_owner_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    text = f"{FAMILY}signal.signal(15, signal.SIG_IGN)\nopen(folder + '/deaf', 'w').close()\ntime.sleep(100)\n"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, text, str(tmp_path)],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_signals,
    )
    try:
        wait_until((tmp_path / "deaf").exists)
        assert len(mentioning(tmp_path)) >= 7
        os.kill(owner.pid, number)
        owner.wait(LIMIT)
        wait_until(lambda: not mentioning(tmp_path))
    finally:
        owner.kill()
        owner.wait()


def test_the_end_of_its_guard_ends_it(tmp_path: Path) -> None:
    up = tmp_path / "up"
    text = f"import os\nos.fork()\n{DEAF}"
    with RunningCommand(python(text, up), {}, tmp_path) as command:
        wait_until(up.exists)
        (guard,) = filter(is_guard, mentioning(tmp_path))
        os.kill(guard, signal.SIGKILL)
        assert command.wait(LIMIT) == Ending(signal=9)
        wait_until(lambda: not mentioning(tmp_path))


def test_the_end_of_its_guard_ends_it_although_its_owner_can_do_nothing(tmp_path: Path) -> None:
    up = tmp_path / "up"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, DEAF, str(up)], cwd=tmp_path)
    try:
        wait_until(up.exists)
        os.kill(owner.pid, signal.SIGSTOP)
        (guard,) = filter(is_guard, mentioning(tmp_path))
        os.kill(guard, signal.SIGKILL)
        wait_until(lambda: mentioning(tmp_path) == [owner.pid])
    finally:
        owner.kill()
        owner.wait()


def test_an_order_that_the_guard_never_read(tmp_path: Path) -> None:
    """The kernel says then that the connection was reset, which is an end like another."""
    up = tmp_path / "up"
    with RunningCommand(python(DEAF, up), {}, tmp_path) as command:
        wait_until(up.exists)
        (guard,) = filter(is_guard, mentioning(tmp_path))
        os.kill(guard, signal.SIGSTOP)
        command.terminate()
        os.kill(guard, signal.SIGKILL)
        assert command.wait(LIMIT) == Ending(signal=9)
    wait_until(lambda: not mentioning(tmp_path))


@pytest.mark.parametrize("ended", ["well", "by its owner", "killed"])
def test_what_outlives_a_command_is_ended_with_it(tmp_path: Path, ended: str) -> None:
    """The last command is run before the guard tells of the end, whatever ended the command."""
    last = [sys.executable, "-c", "import pathlib; pathlib.Path('ended').touch()"]
    words = ["true"] if ended == "well" else ["sleep", "60"]
    with RunningCommand(words, {}, tmp_path, grace=0.1, last=last) as running:
        if ended == "by its owner":
            running.terminate()
        if ended == "killed":
            running.kill()
        assert running.wait(60) is not None
        assert (tmp_path / "ended").exists()
