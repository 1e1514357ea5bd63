"""The local launcher: the models of a sweep as processes of this host, so many at once, until none waits any more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daisy.configuration import Environment
from daisy.folder import ModelFolder, SweepFolder
from daisy.launch.course import Course, Ended, Running, Watcher, ended_as
from daisy.launch.evidence import Cluster
from daisy.launch.holding import way_out
from daisy.launch.recovery import RUNNER, locked, recover
from daisy.launch.slots import Slot, Slots, at_once, cores, gpu_of
from daisy.launch.task import NOTHING_WAITS, START, STEPPED_BACK
from daisy.launch.threads import threads

POLL = 0.1  # seconds


@dataclass
class _Worker:
    name: str
    process: "subprocess.Popen[bytes]"
    output: Path
    began: float = field(default_factory=time.monotonic)
    number: int | None = None
    folder: ModelFolder | None = None


class LocalLauncher:
    """Runs a sweep's waiting models in this host's slots."""

    def __init__(self, sweep: SweepFolder, env: Environment, watcher: Watcher, slots: Slots | None = None) -> None:
        self._sweep, self._env, self._watcher = sweep, env, watcher
        self._slots = slots or Slots(at_once(env))
        self._workers: list[_Worker] = []
        self._ended: list[Ended] = []
        self._count = 0
        self._asked: list[int] = []
        self._stopped_launching = self._stopped = False
        self._told_full = False

    def run(self) -> Sequence[Ended]:
        """Run until no model waits or runs. Asked once to stop (Ctrl-C), no more are launched; asked again, all are stopped."""
        self._sweep.register(RUNNER)
        with locked(self._sweep.models_dir):
            recover(self._sweep, Cluster())
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            while self._workers or (self._sweep.waiting() and not self._stopped_launching):
                self._heed()
                self._reap()
                if not self._stopped_launching:
                    self._launch()
                self._watcher.look(self._course())
                time.sleep(POLL)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for worker in self._workers:
                worker.process.terminate()
        with locked(self._sweep.models_dir):
            recover(self._sweep, Cluster())  # what was killed waits again
            if not self._sweep.waiting():
                self._sweep.deregister(RUNNER)
        return self._ended

    @property
    def interrupted(self) -> int | None:
        """The signal that asked to stop; None where none did."""
        return self._asked[0] if self._asked else None

    def _ask(self, number: int, frame: object) -> None:
        self._asked.append(number)

    def _heed(self) -> None:
        """What the signals ask for: the first Ctrl-C ends launching, the second one and any other signal ends the models."""
        if not self._asked:
            return
        if not self._stopped_launching:
            self._stopped_launching = True
            self._watcher.say(f"launching no more; {len(self._workers)} running go on to their end. Ctrl-C again stops them")
        if not self._stopped and (len(self._asked) > 1 or self._asked[0] != signal.SIGINT):
            self._stopped = True  # asked once more, a job would kill its framework
            for worker in self._workers:
                worker.process.terminate()

    def _launch(self) -> None:
        """Fill the free slots, one process for each model that waits."""
        for _ in range(self._unclaimed()):
            slot = self._slots.take()
            if slot is None:
                if not self._workers and not self._told_full:
                    self._watcher.say(self._slots.all_taken)
                    self._told_full = True
                return
            self._told_full = False
            try:
                if any(worker.process.poll() is not None for worker in self._workers):
                    return  # how it ended decides whether there is another one
                self._start(slot)
            finally:
                slot.close()  # the process has inherited it

    def _start(self, slot: Slot) -> None:
        self._count += 1
        name = f"{os.getpid()}-{time.time_ns():x}-{self._count}"
        output = self._sweep.output / f"{name}.txt"
        code = str(self._sweep.code.resolve())
        # No PYTHONPATH: the framework's own Python would get it, too.
        command = [sys.executable, "-P", "-c", START.format(code=code), str(self._sweep.path), name, str(slot.descriptor)]
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._share(slot)},
                pass_fds=[slot.descriptor],
                start_new_session=True,  # a Ctrl-C of the terminal is for this process alone
            )
        self._workers.append(_Worker(name, process, output))

    def _share(self, slot: Slot) -> dict[str, str]:
        """A slot's part of this host: one GPU where there are some, so many threads of the processor."""
        return {**threads(max(1, cores() // self._slots.count)), **gpu_of(slot)}

    def _reap(self) -> None:
        """See which models the workers have claimed, and which have ended."""
        if any(worker.folder is None for worker in self._workers):
            self._see_claims()
        for worker in [worker for worker in self._workers if worker.process.poll() is not None]:
            self._workers.remove(worker)
            self._see_claims([worker])
            if worker.process.returncode == NOTHING_WAITS:
                worker.output.unlink(missing_ok=True)
                self._heed_a_hold()
                continue
            ended = self._outcome(worker)
            self._ended.append(ended)
            self._watcher.ended(ended, self._course())
            self._heed_a_hold()

    def _see_claims(self, workers: Sequence[_Worker] | None = None) -> None:
        places = {place.worker: place for place in self._sweep.places("claimed")}
        for worker in workers or self._workers:
            if place := places.get(worker.name):
                worker.number = place.number
                model = self._sweep.begun(place).model
                worker.folder = ModelFolder(self._sweep.models_dir / model) if model else None

    def _outcome(self, worker: _Worker) -> Ended:
        printed = worker.output.read_bytes().decode("utf-8", "replace").strip()
        if not printed:
            worker.output.unlink(missing_ok=True)
        seconds = time.monotonic() - worker.began
        last = (printed.splitlines() or [_words(worker.process.returncode)])[-1]
        if worker.process.returncode == STEPPED_BACK:
            return Ended(worker.number, worker.folder, "elsewhere", "it runs elsewhere, or is done", None, seconds)
        if worker.folder is None:
            stopped = worker.process.returncode > 128 or worker.process.returncode < 0
            return Ended(worker.number, None, "stopped" if stopped else "failed", last, None, seconds)
        return ended_as(worker.number, worker.folder, last, seconds)

    def _heed_a_hold(self) -> None:
        """Launch no more where the sweep was held: its first models have failed alike."""
        if not self._stopped_launching and (why := self._sweep.held()) is not None:
            self._stopped_launching = True
            self._watcher.say(f"{why}: launching no more; {way_out(self._sweep.sweep_id)}")

    def _unclaimed(self) -> int:
        """How many wait that no process is about to claim."""
        return max(0, self._sweep.waiting() - sum(worker.number is None for worker in self._workers))

    def _course(self) -> Course:
        running = [Running(worker.number, worker.folder, worker.began) for worker in self._workers]
        return Course(self._unclaimed(), running, tuple(self._ended), self._stopped_launching)


def _words(code: int) -> str:
    """How a process ended that said nothing."""
    return f"its process was killed ({signal.Signals(-code).name})" if code < 0 else f"its process ended with exit code {code}"
