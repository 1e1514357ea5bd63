"""Being told to stop: Ctrl-C, SIGTERM, a terminal that is closed, a Slurm job whose time is nearly over (SIGUSR2)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)


class Stopped(KeyboardInterrupt):
    """A person or Slurm asked this process to stop. No Exception, so that nothing takes it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """As a shell says it: 128 and the number of the signal."""
        return 128 + self.number

    @property
    def words(self) -> str:
        """Who asked."""
        words = {signal.SIGINT: "Ctrl-C", signal.SIGUSR2: "the time limit of its Slurm job (SIGUSR2)"}
        return words.get(signal.Signals(self.number), signal.Signals(self.number).name)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """While the block runs, the signals that ask to stop raise Stopped in it."""
    before = {number: signal.signal(number, _raise) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unstoppable() -> Iterator[None]:
    """While the block runs, these signals wait: what has to be written is written. Then the first of them raises Stopped.

    Not by a mask of signals: it holds for one thread, and a library's other threads would take them all the same.
    """
    came: list[int] = []
    heeded = [number for number in SIGNALS if signal.getsignal(number) is _raise]
    for number in heeded:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, _raise)
    if came:
        raise Stopped(came[0])


@contextmanager
def deaf() -> Iterator[None]:
    """While the block runs, these signals are ignored, by the programs that it starts, too. For a process that is ending anyway.

    Slurm sends them to all that a job runs, and not always once: the sbatch that a job calls at its end would die of it.
    """
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
