"""Runs one command in a process group of its own and ends that whole group with it, or when its owner dies.

Started by path with `-I -S`, apart from the rest of Daisy, so that it is small and quick:

    guard.py CONTROL HELD GRACE LAST COMMAND [ARGUMENT ...]

LAST is a command, as a JSON list, that ends what is no process of ours (a container), run when COMMAND has ended; [] for none.
HELD are the numbers of descriptors, with commas between, that the guard holds, and with them locks, until nothing of the
command is left; `-` for none.
CONTROL is the number of a socket to the owner. The guard writes `started PID`, and in the end `exited CODE`, `killed SIGNAL`
or `missing ERRNO` (the command can't be executed). It reads `t` (end the command: SIGTERM, after GRACE seconds SIGKILL) and
`k` (SIGKILL now); the end of the stream means that the owner is gone, and ends the command as `t` does. What the command
leaves running when it ends is killed too, also what has left its process group (on Linux).
"""

import ctypes
import json
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LONGEST_LAST = 30.0  # seconds
POLL = 0.05  # seconds between two looks while something is being ended


def main() -> None:
    control, grace = int(sys.argv[1]), float(sys.argv[3])
    held = [int(number) for number in sys.argv[2].split(",") if number != "-"]
    last, command = json.loads(sys.argv[4]), sys.argv[5:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the command leaves behind becomes a child of this process
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    read_failure, write_failure = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        become(command, [control, *held], write_failure)
    os.close(write_failure)
    failure = os.read(read_failure, 16)
    if failure:
        os.waitpid(child, 0)
        tell(control, f"missing {failure.decode()}")
        return
    for stream in (0, 1, 2):  # the command alone holds them: their end is its end
        os.close(stream)
    tell(control, f"started {child}")
    status = wait(child, control, woken, grace)
    sweep_up(child)
    if last:
        run_last(last)
    code = os.waitstatus_to_exitcode(status)
    tell(control, f"exited {code}" if code >= 0 else f"killed {-code}")


def become(command: list[str], not_its_own: list[int], write_failure: int) -> None:
    """In the child: a process group of its own, then the command."""
    try:
        os.setpgid(0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # should the guard itself be killed
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        # Slurm sends its signals to all processes of a job. SIGUSR2, which tells that the time is nearly over, would kill the
        # command: there it stays ignored, and Daisy ends it.
        if "SLURM_JOB_ID" not in os.environ:
            signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        for descriptor in not_its_own:
            os.close(descriptor)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(write_failure, str(error.errno).encode())
    finally:
        os._exit(127)


def wait(child: int, control: int, woken: int, grace: float) -> int:
    """The child's wait status, once it has ended or has been ended."""
    kill_at: float | None = None
    asked: list[int] = [control, woken]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select.select(asked, [], [], timeout)
        if woken in ready:
            drain(woken)
        if control in ready:
            order = receive(control)
            if order == b"":
                asked.remove(control)
            if order == b"k":
                kill_group(child, signal.SIGKILL)
            elif kill_at is None:
                kill_group(child, signal.SIGTERM)
                kill_group(child, signal.SIGCONT)
                kill_at = time.monotonic() + grace
        if kill_at is not None and time.monotonic() >= kill_at:
            kill_group(child, signal.SIGKILL)
            kill_at = time.monotonic() + POLL


def sweep_up(child: int) -> None:
    """Kill what the command left running: its group, and orphans that were handed to this process."""
    kill_group(child, signal.SIGKILL)
    for _ in range(200):
        orphans = children()
        for orphan in orphans:
            try:
                os.kill(orphan, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(POLL)


def run_last(command: list[str]) -> None:
    """Run a command that must not take long, and that nobody listens to."""
    child = os.fork()
    if child == 0:
        for stream in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        become(command, [], os.open(os.devnull, os.O_WRONLY))
    end_at = time.monotonic() + LONGEST_LAST
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end_at:
            kill_group(child, signal.SIGKILL)
        time.sleep(POLL)


def children() -> list[int]:
    """The processes whose parent is this one."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - no pathlib: a quick start
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def kill_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in it


def receive(control: int) -> bytes:
    try:
        return os.read(control, 1)
    except OSError:
        return b""


def drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 512):
            continue
    except BlockingIOError:
        return


def tell(control: int, message: str) -> None:
    try:
        os.write(control, f"{message}\n".encode())
    except OSError:
        return  # the owner is gone; nobody is left to be told


def prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the process group alone is what can be ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
