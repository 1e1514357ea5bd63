"""Validation: predictions of the dev set by the framework, scored by Daisy."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import TrainingFailed
from daisy.framework import Checkpoint
from daisy.framework.lines import visible
from daisy.framework.log import explained
from daisy.framework.process import OUTPUT_KEPT, Ending
from daisy.job.toolbox import Toolbox
from daisy.job.watch import BLOCK, MOST_AT_ONCE, TAIL, Watch
from daisy.score import Score, score


@dataclass(frozen=True)
class Scored:
    """A checkpoint and its score on the dev set."""

    checkpoint: Checkpoint
    score: Score


class Prediction:
    """One run of the framework's predict command over the dev set.

    `beside` training: it goes on while something else happens, and what it prints (the last OUTPUT_KEPT of it) is added to
    run.out when it has ended, not in between the framework's lines.
    """

    def __init__(self, toolbox: Toolbox, checkpoint: Checkpoint, watch: Watch, beside: bool = False) -> None:
        self.checkpoint = checkpoint
        self._toolbox, self._watch, self._beside = toolbox, watch, beside
        self._log = b""
        self._output = toolbox.paths.model_out / f"{checkpoint.path.name}.dev.predictions"
        self._output.unlink(missing_ok=True)
        source = toolbox.dataset.path("dev", "source")
        self.command = toolbox.adapter.predict(toolbox.options, toolbox.paths, checkpoint, source, self._output)
        self._running = toolbox.start(self.command)

    def over(self) -> bool:
        """Whether it has ended; takes what it has printed."""
        self._running.look()
        ended = self._running.ending is not None
        with suppress(BlockingIOError):
            for _ in range(MOST_AT_ONCE):
                data = os.read(self._running.output, BLOCK)
                if not data:
                    break
                self._log = (self._log + data)[-OUTPUT_KEPT:]
                if not self._beside:
                    self._watch.add_output(data)
        return ended

    def finish(self) -> Score:
        """Wait for the end, score. Raises TrainingFailed with the reason where there are no predictions."""
        with self._running:
            while not self.over():
                self._watch.look_for_others()
                self._running.wait(0.01)
            ending = self._running.ending
        self._watch.look_for_others(every=0.0)
        if self._beside:
            self._watch.add_output(self._log)
        assert ending is not None
        log = self._log.decode("utf-8", "replace")
        self._watch.tail += log.splitlines()[-TAIL:]
        if not ending.well:
            raise _failed(self._toolbox, ending, visible(log))
        return self._scored(visible(log))

    def close(self) -> None:
        """End it, wherever it is."""
        with self._running:
            self._running.kill()

    def _scored(self, log: str) -> Score:
        toolbox = self._toolbox
        predictions = toolbox.adapter.read_predictions(_text(self._output, log))
        self._output.unlink(missing_ok=True)
        targets = toolbox.dataset.lines("dev", "target")
        result = score(targets, predictions)
        self.rows = (toolbox.dataset.lines("dev", "source"), targets, predictions)
        return result

    def keep(self) -> None:
        """Make these the predictions in the model's folder."""
        self._toolbox.folder.write_predictions(*self.rows)


def _text(output: Path, log: str) -> str:
    try:
        return output.read_bytes().decode("utf-8", "replace")  # no translation of line ends: a CR may be predicted
    except OSError:
        last = log.strip().splitlines()[-1:] or ["it printed nothing"]
        raise TrainingFailed(f"the framework wrote no predictions: {last[0]}") from None


def _failed(toolbox: Toolbox, ending: Ending, log: str) -> TrainingFailed:
    last = log.strip().splitlines()[-1:] or ["it printed nothing"]
    return TrainingFailed(
        f"the framework's prediction of the dev set {ending.words()}: {last[0]}", explained(toolbox.adapter, log)
    )


class EachEpoch:
    """train.validate=each: the checkpoint of each epoch is validated beside training, one at a time, the best one kept."""

    def __init__(self, toolbox: Toolbox, watch: Watch) -> None:
        self._toolbox, self._watch = toolbox, watch
        self._waiting: list[int] = []
        self._running: tuple[int, Prediction] | None = None
        self.best: Scored | None = None

    def take_up(self, scored: Mapping[int, float]) -> None:
        """Go on after earlier attempts: what they saved and did not score is validated, and their best epoch once more.

        An epoch whose checkpoint has been deleted counts no longer.
        """
        kept = {epoch: accuracy for epoch, accuracy in scored.items() if self._checkpoint(epoch) is not None}
        if kept:
            self._waiting.append(max(kept, key=lambda epoch: kept[epoch]))
        epoch = 1
        while epoch in scored or self._checkpoint(epoch) is not None:
            if epoch not in scored:
                self._waiting.append(epoch)
            epoch += 1

    def saved(self, epoch: int) -> None:
        """The checkpoint of an epoch is whole on disk."""
        if epoch not in self._waiting:
            self._waiting.append(epoch)

    def go_on(self) -> None:
        """Score what has ended, start what waits. Called between other things."""
        if self._running is not None and self._running[1].over():
            self._finish()
        if self._running is None and self._waiting:
            self._start(self._waiting.pop(0))

    def finish(self) -> Scored | None:
        """Validate what is left; the best checkpoint and its score."""
        while self._running is not None or self._waiting:
            if self._running is None:
                self._start(self._waiting.pop(0))
            else:
                self._finish()
        return self.best

    def best_so_far(self) -> Scored | None:
        """The best checkpoint among those that are scored; where none is yet, the next one is."""
        while self.best is None and (self._running is not None or self._waiting):
            if self._running is None:
                self._start(self._waiting.pop(0))
            else:
                self._finish()
        return self.best

    def close(self) -> None:
        """End what is running."""
        if self._running is not None:
            self._running[1].close()
            self._running = None

    def _checkpoint(self, epoch: int) -> Checkpoint | None:
        return self._toolbox.adapter.epoch_checkpoint(self._toolbox.paths, epoch)

    def _start(self, epoch: int) -> None:
        checkpoint = self._checkpoint(epoch)
        if checkpoint is None:
            raise TrainingFailed(
                f"the checkpoint of epoch {epoch} is not there: set train.validate=best, or let the framework keep them all"
            )
        self._running = (epoch, Prediction(self._toolbox, checkpoint, self._watch, beside=True))

    def _finish(self) -> None:
        assert self._running is not None
        epoch, prediction = self._running
        self._running = None
        result = prediction.finish()
        if self.best is None or result.accuracy > self.best.score.accuracy:
            self.best = Scored(prediction.checkpoint, result)
            prediction.keep()
        self._watch.scored(epoch, result.accuracy)


def validate_best(toolbox: Toolbox, watch: Watch) -> Scored:
    """Validate the checkpoint that the framework found best. Raises TrainingFailed where there is none."""
    checkpoint = toolbox.adapter.best_checkpoint(toolbox.paths)
    if checkpoint is None:
        raise TrainingFailed("the framework saved no checkpoint: train longer, so that it validates at least once")
    prediction = Prediction(toolbox, checkpoint, watch)
    result = prediction.finish()
    prediction.keep()
    return Scored(checkpoint, result)
