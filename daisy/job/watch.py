"""Watching a framework train: its output into run.out as it comes, its lines to the adapter, what they say to metrics.jsonl."""

import json
import math
import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from daisy.errors import TrainingFailed
from daisy.files import append, write_all
from daisy.folder import ModelFolder
from daisy.framework import Adapter, Progress
from daisy.framework.lines import LineSplitter
from daisy.framework.measure import ACCURACY
from daisy.framework.process import Ending, RunningCommand
from daisy.job.gauge import Gauge, Limits
from daisy.job.judge import Figure, Hearing, Judge, Pruned
from daisy.job.observer import Observer
from daisy.job.stop import Stopped

BLOCK = 65_536  # bytes read at once: what a pipe holds
MOST_AT_ONCE = 64  # blocks between two looks at everything else
PAUSE = 0.05  # seconds in which lines gather before they are read
TELL_EVERY = 0.1  # seconds: between two words to the observer within an epoch
STEP_RECORDS_EVERY = 0.2  # seconds: between two records that say no more than a step's loss
LOOK_FOR_OTHERS_EVERY = 5.0  # seconds
AFTER_END = 2.0  # seconds in which the rest of the output must have come
SAVES_WITHIN = 20.0  # seconds from the figure of an epoch to its checkpoint, at most: for that pruning waits
PRUNING = "pruning"  # why training ended, where the judge ended it
TAIL = 20  # lines of the log that are kept for messages


class Superseded(Exception):
    """Another attempt at the same model has begun: this one ends, and writes nothing more."""


class Watch:
    """One framework that trains. Keeps what it says on disk, and the last of it at hand."""

    def __init__(
        self,
        folder: ModelFolder,
        adapter: Adapter,
        attempt: int,
        observer: Observer,
        limits: Limits,
        judge: Judge | None = None,
    ) -> None:
        self._folder, self._adapter, self._attempt, self._observer = folder, adapter, attempt, observer
        self._limits = limits
        self._splitter = LineSplitter()
        self._started = time.monotonic()
        self._recorded = 0.0
        self._looked = time.monotonic()
        self._run_out = _append(folder.run_out)
        self._metrics = _append(folder.metrics, whole_lines=True)
        self._gauge = Gauge(limits)
        self._hearing = Hearing(judge, folder.judged_steps() if judge is not None else ())
        self._told = 0.0
        self._saved = 0  # epochs whose checkpoint is whole
        self._judged_at = 0.0
        self._over = False  # Daisy has asked the framework to end, and why is written down
        self.tail: list[str] = []
        self.ended: str | None = None
        self.pruned: Pruned | None = None
        self.on_saved_epoch: Callable[[int], None] = lambda epoch: None
        self.between: Callable[[], None] = lambda: None

    def limit_is_the_frameworks(self) -> None:
        """The framework itself ends training after train.seconds: Daisy only shows how far it is."""
        self._limits = replace(self._limits, enforced=False)

    def close(self) -> None:
        """Close run.out and metrics.jsonl."""
        os.close(self._run_out)
        os.close(self._metrics)

    def follow(self, command: RunningCommand) -> Ending:
        """Follow the command to its end, or end it: at the limit, when the judge says so, at NaN, when this process is to stop.

        Raises Stopped, Superseded, TrainingFailed and OSError (a full disk), each after the command has ended.
        """
        try:
            return self._loop(command)
        except Stopped:
            self._end(command)
            raise
        except BaseException:
            command.terminate()
            command.wait(1.0)  # the context manager of the command kills what is still there
            raise

    def _loop(self, command: RunningCommand) -> Ending:
        with selectors.DefaultSelector() as selector:
            selector.register(command.output, selectors.EVENT_READ)
            selector.register(command.events, selectors.EVENT_READ)
            ends_at: float | None = None
            printing = True
            while True:
                selector.select(0.5)
                if printing and not self._drain(command.output):
                    selector.unregister(command.output)
                    printing = False
                command.look()
                if command.ending is not None:
                    ends_at = ends_at or time.monotonic() + AFTER_END
                    if not printing or time.monotonic() > ends_at:
                        break
                elif not self._over and self._is_to_end():
                    self._over = True
                    command.terminate()
                self.look_for_others()
                self.between()
                time.sleep(PAUSE)
        ending = command.wait()
        assert ending is not None
        for line in self._splitter.end():
            self._keep(line)
            if ending.well:  # else it may be half a line: "loss 1" of "loss 1.25"
                self._read(line)
        return Ending(code=0) if self._over else ending

    def _is_to_end(self) -> bool:
        """Whether the framework is to be ended now; why is written down."""
        if self._limit_reached():
            self._folder.log(f"train.seconds={self._limits.seconds:g} are over: the framework is ended")
            self.ended = "seconds"
        elif (verdict := self._hearing.verdict) is not None and self.ended is None and self._is_saved(verdict):
            self._folder.write_pruned(vars(verdict))
            self._folder.log(f"{verdict.reason}: the framework is ended")
            self.pruned, self.ended = verdict, PRUNING
        else:
            return False
        return True

    def _is_saved(self, verdict: Pruned) -> bool:
        """Whether the checkpoint of the figure that was judged is whole, or none comes: the framework has gone on without one."""
        if not verdict.by_epoch or verdict.measure == ACCURACY:
            return True
        if self._saved >= verdict.step or (self._gauge.epoch or 0) > verdict.step:
            return True
        return time.monotonic() - self._judged_at > SAVES_WITHIN

    def _end(self, command: RunningCommand) -> None:
        """End the command and take what it still prints; asked a second time, kill it."""
        try:
            command.terminate()
            while command.wait(0.1) is None:
                self._drain(command.output, read=False)
        except Stopped:
            command.kill()
            command.wait(5.0)
        self._drain(command.output, read=False)

    def _drain(self, output: int, read: bool = True) -> bool:
        """Take what has been printed, and read its lines but where time presses. False at the end of the output."""
        for _ in range(MOST_AT_ONCE):
            try:
                data = os.read(output, BLOCK)
            except BlockingIOError:
                return True
            if not data:
                return False
            write_all(self._run_out, data)
            if not read:
                continue
            for line in self._splitter.feed(data):
                self._keep(line)
                self._read(line)
        return True

    def _keep(self, line: str) -> None:
        self.tail.append(line)
        if len(self.tail) > 2 * TAIL:
            del self.tail[:TAIL]

    def _read(self, line: str) -> None:
        progress = self._adapter.read_line(line)
        if progress is not None:
            self._take(progress)

    def _take(self, progress: Progress) -> None:
        self._gauge.add(progress)
        if not self._over:
            self.ended = progress.ended or self.ended
            self._refuse_nan(progress)
        now = time.monotonic()
        self._record(progress, now)
        if progress.epoch_done or now - self._told >= TELL_EVERY:
            self._tell(now)
        if progress.saved_epoch is not None:
            self._saved = max(self._saved, progress.saved_epoch)
            self.on_saved_epoch(progress.saved_epoch)

    def _refuse_nan(self, progress: Progress) -> None:
        loss = progress.measures.get("loss")
        if loss is not None and not math.isfinite(loss):
            where = self._gauge.where()
            raise TrainingFailed(
                f"the loss is not a number{f' at {where}' if where else ''}",
                "a lower learning rate (train.learning_rate) is the first thing to try",
            )

    def _tell(self, now: float) -> None:
        self._told = now
        self._observer.training(self._gauge.training(self._seconds(now)))

    def _seconds(self, now: float) -> float:
        """In training, over all attempts."""
        return self._limits.before + now - self._started

    def _record(self, progress: Progress, now: float) -> None:
        figures = self._hearing.figures(progress, self._gauge)
        for figure in figures:
            if not figure.here:
                self.record(figure.to_json())
        self._record_line(progress, now, [figure for figure in figures if figure.here])
        for figure in figures:
            self._judge(figure)

    def _record_line(self, progress: Progress, now: float, judged: Sequence[Figure]) -> None:
        measures = progress.measures
        only_a_step = not progress.epoch_done and not judged and (not measures or (len(measures) == 1 and "loss" in measures))
        if not measures or (only_a_step and now - self._recorded < STEP_RECORDS_EVERY):
            return
        self._recorded = now
        counts = {"epoch": self._gauge.epoch, "step": self._gauge.updates}
        known: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
        for figure in judged:
            known.update(figure.to_json())
        self.record({**known, **{name: value for name, value in measures.items() if math.isfinite(value)}})

    def _judge(self, figure: Figure) -> None:
        """Tell the judge a figure that is recorded."""
        self._judged_at = time.monotonic()
        self._hearing.tell(figure, self._gauge.epochs)

    def record(self, measures: Mapping[str, Any]) -> None:
        """Add a line to metrics.jsonl; it is whole or not there, whatever kills this process."""
        seconds = self._seconds(time.monotonic())
        line = json.dumps({**measures, "seconds": round(seconds, 3), "attempt": self._attempt}, ensure_ascii=False)
        append(self._metrics, f"{line}\n".encode())

    def scored(self, epoch: int, accuracy: float) -> None:
        """Daisy scored the checkpoint of an epoch."""
        figure = self._hearing.accuracy(epoch, accuracy)
        self.record({"epoch": epoch, "accuracy": accuracy} if figure is None else figure.to_json())
        self._gauge.accuracy = max(accuracy, self._gauge.accuracy or 0.0)
        self._tell(time.monotonic())
        if figure is not None:
            self._judge(figure)

    def note_unheard(self) -> None:
        """Write down that there was a judge and that it was told nothing, if so: nothing could be pruned then."""
        if (measure := self._hearing.unheard) is not None:
            told = f"pruning had nothing to go by: the log told {measure} of no epoch"
            self._folder.log(f"{told}; name another figure in sweep.measure, or mend what reads the log")

    def add_output(self, data: bytes) -> None:
        """What another command of the framework printed (a validation)."""
        write_all(self._run_out, data)

    def look_for_others(self, every: float = LOOK_FOR_OTHERS_EVERY) -> None:
        """Raise Superseded where a later attempt has begun; looks no oftener than every so many seconds."""
        if time.monotonic() - self._looked < every:
            return
        self._looked = time.monotonic()
        if self._folder.last_attempt() > self._attempt:
            raise Superseded

    def _limit_reached(self) -> bool:
        limits = self._limits
        if not limits.enforced or limits.seconds is None:
            return False
        return self._seconds(time.monotonic()) >= limits.seconds


def _append(path: os.PathLike[str], whole_lines: bool = False) -> int:
    """A file to append to, unbuffered; a last line that a crash cut off is ended first, or taken away."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        if whole_lines:
            rest = os.pread(descriptor, BLOCK, max(0, size - BLOCK))
            os.ftruncate(descriptor, size - len(rest) + rest.rfind(b"\n") + 1)
        else:
            write_all(descriptor, b"\n")
    return descriptor
