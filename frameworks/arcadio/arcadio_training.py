"""The training of one network: epochs, the log, the accuracy on dev, checkpoints, and when to stop.

The log, on stdout, one line at a time; losses are mean nats a target token, seconds are the processor's, over all
resumes, and the accuracy is the share of dev sources whose greedy prediction is exactly the target:

    arcadio 1.0: 236955 parameters, 10000 training examples, 500 steps an epoch
    resumed after epoch 1                                                       (only if so)
    epoch 2 step 60/500 loss 0.3456 seconds 6.1                                 (about every 20 steps, at most twice a second)
    epoch 2 done loss 0.3213 dev_accuracy 0.5510 best seconds 10.4              ("best" only if so)
    saved epoch 2                                                               (every file of the epoch is there)
    finished: epochs                                                            (or: seconds, patience)

A loss that is not a number, or far above blind guessing, is `loss nan`, the last line; the error says more.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from arcadio_adam import Adam, scheduled_rate
from arcadio_checkpoint import (
    Progress,
    load_last,
    remove_checkpoints,
    remove_partial_files,
    save_last,
    save_model,
)
from arcadio_components import read_components
from arcadio_corpus import (
    Batch,
    Corpus,
    Vocabulary,
    fingerprint,
    padded_sources,
    read_pairs,
    read_vocabulary,
    sorted_chunks,
)
from arcadio_errors import ArcadioError, TrainingDiverged
from arcadio_network import Network

VERSION = "1.0"
STEPS_BETWEEN_LINES = 20
SECONDS_BETWEEN_LINES = 0.5
DEV_BATCH_SIZE = 50
# nats a token; blind guessing costs the logarithm of the number of tokens, 4 to 9
DIVERGED_LOSS = 1000.0


@dataclasses.dataclass(frozen=True)
class Order:
    """What train.py's command line asks for.

    Resuming needs the same data, components, batch size, learning rate and seed; the limits may be others, so that a
    larger number of epochs goes on with a finished training (its learning rate had already fallen for the smaller one).
    """

    train_source: Path
    train_target: Path
    dev_source: Path
    dev_target: Path
    vocabulary_source: Path
    vocabulary_target: Path
    components: str
    model: Path
    epochs: int
    seconds: float | None
    batch_size: int
    learning_rate: float
    patience: int
    seed: int
    keep_epochs: bool
    resume: bool


def train(order: Order) -> None:
    """Do what is ordered, from the beginning or from where last.npz was written."""
    if not order.model.is_dir():
        raise ArcadioError(f"--model {order.model} is not a folder; make it first")
    components = read_components(order.components)
    source, target = read_vocabulary(order.vocabulary_source), read_vocabulary(order.vocabulary_target)
    corpus = _read_corpus(order.train_source, order.train_target, source, target)
    dev = _read_corpus(order.dev_source, order.dev_target, source, target)
    network = Network(components, len(source.tokens), len(target.tokens), np.random.default_rng([order.seed, 0]))
    adam = Adam(network.parameters)
    settings = {
        "components": components.to_json(),
        "vocabulary_source": list(source.tokens),
        "vocabulary_target": list(target.tokens),
        "training data": fingerprint([order.train_source, order.train_target]),
        "dev data": fingerprint([order.dev_source, order.dev_target]),
        "batch-size": order.batch_size,
        "learning-rate": order.learning_rate,
        "seed": order.seed,
    }
    training = Training(order, network, adam, source, target, settings)
    remove_partial_files(order.model)
    if order.resume and (order.model / "last.npz").exists():
        training.progress = load_last(order.model, network.parameters, adam, settings)
    else:
        remove_checkpoints(order.model)
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not a number is told in its own words
        training.run(corpus, dev)


def _read_corpus(source_path: Path, target_path: Path, source: Vocabulary, target: Vocabulary) -> Corpus:
    sources, targets = read_pairs(source_path, target_path)
    return Corpus(source.encode(sources), target.encode(targets))


def accuracy(network: Network, dev: Corpus) -> float:
    """The share of sources whose greedy prediction is exactly the target."""
    right = 0
    for chunk in sorted_chunks(dev.sources, DEV_BATCH_SIZE):
        predictions = network.predict(padded_sources([dev.sources[place] for place in chunk]))
        right += sum(predicted == dev.targets[place] for place, predicted in zip(chunk, predictions))
    return right / len(dev)


class Training:
    """One run; `progress` is what the last checkpoint holds, and all that decides how it goes on."""

    def __init__(
        self,
        order: Order,
        network: Network,
        adam: Adam,
        source: Vocabulary,
        target: Vocabulary,
        settings: dict[str, Any],
    ) -> None:
        self.order = order
        self.network = network
        self.adam = adam
        self.source = source
        self.target = target
        self.settings = settings
        self.progress = Progress()
        self._earlier_seconds = 0.0

    def run(self, corpus: Corpus, dev: Corpus) -> None:
        """Train until a limit is reached; every epoch ends with its accuracy on dev and checkpoints."""
        progress = self.progress
        self._earlier_seconds = progress.seconds
        steps = -(-len(corpus) // self.order.batch_size)
        size = self.network.parameters.values.size
        _say(f"arcadio {VERSION}: {size} parameters, {len(corpus)} training examples, {steps} steps an epoch")
        if progress.epoch:
            _say(f"resumed after epoch {progress.epoch}")
        while self._finished() is None:
            progress.epoch += 1
            loss = self._train_epoch(corpus, steps)
            self._finish_epoch(loss, accuracy(self.network, dev))
        _say(f"finished: {self._finished()}")

    def _finished(self) -> str | None:
        """The limit that has been reached, from the last checkpoint alone: what ended once has ended when resumed."""
        order, progress = self.order, self.progress
        if order.patience and progress.epochs_without_better >= order.patience:
            return "patience"
        if order.seconds is not None and progress.seconds >= order.seconds:
            return "seconds"
        return "epochs" if progress.epoch >= order.epochs else None

    def _seconds(self) -> float:
        return self._earlier_seconds + time.process_time()

    def _train_epoch(self, corpus: Corpus, steps: int) -> float:
        """One pass over the examples, shorter if the seconds are used up; the mean loss of its target tokens."""
        order = self.order
        generator = np.random.default_rng([order.seed, self.progress.epoch])
        epoch, since_line = _Mean(), _Mean()
        last_line = self._seconds()
        for step, batch in enumerate(corpus.batches(order.batch_size, generator), start=1):
            loss = self._train_step(step, steps, batch, generator)
            tokens = int(np.count_nonzero(batch.target_outputs))
            epoch.add(loss, tokens)
            since_line.add(loss, tokens)
            seconds = self._seconds()
            if step % STEPS_BETWEEN_LINES == 0 and seconds - last_line >= SECONDS_BETWEEN_LINES:
                _say(f"epoch {self.progress.epoch} step {step}/{steps} loss {since_line.mean:.4f} seconds {seconds:.1f}")
                since_line, last_line = _Mean(), seconds
            if order.seconds is not None and seconds >= order.seconds:
                break
        return epoch.mean

    def _train_step(self, step: int, steps: int, batch: Batch, generator: np.random.Generator) -> float:
        order, epoch = self.order, self.progress.epoch
        loss = self.network.loss(batch, generator)
        done = (self.adam.steps / steps) / order.epochs
        if order.seconds is not None:
            done = max(done, self._seconds() / order.seconds)
        norm = self.adam.update(scheduled_rate(order.learning_rate, self.adam.steps + 1, done))
        if not (loss < DIVERGED_LOSS and math.isfinite(norm)):
            _say(f"epoch {epoch} step {step}/{steps} loss nan")
            what = f"{loss:.3g}" if loss >= DIVERGED_LOSS else "not a number"
            raise TrainingDiverged(f"the loss is {what} at epoch {epoch}, step {step}; lower the learning rate")
        return loss

    def _finish_epoch(self, loss: float, dev_accuracy: float) -> None:
        """Tell the epoch's figures and write the checkpoints, last.npz last: a resumed run repeats what it misses."""
        folder, progress = self.order.model, self.progress
        better = dev_accuracy > progress.best_accuracy
        if better:
            progress.best_accuracy, progress.best_epoch = dev_accuracy, progress.epoch
        progress.epochs_without_better = 0 if better else progress.epochs_without_better + 1
        progress.steps = self.adam.steps
        progress.seconds = self._seconds()
        mark = " best" if better else ""
        _say(f"epoch {progress.epoch} done loss {loss:.4f} dev_accuracy {dev_accuracy:.4f}{mark} seconds {progress.seconds:.1f}")
        names = ["best.npz"] if better else []
        if self.order.keep_epochs:
            names.append(f"epoch-{progress.epoch:03d}.npz")
        for name in names:
            save_model(folder / name, self.network, self.source, self.target, progress.epoch, dev_accuracy)
        progress.finished = self._finished()
        save_last(folder, self.network.parameters, self.adam, progress, self.settings)
        _say(f"saved epoch {progress.epoch}")


class _Mean:
    """A mean weighted by numbers of tokens."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._tokens = 0

    def add(self, value: float, tokens: int) -> None:
        self._sum += value * tokens
        self._tokens += tokens

    @property
    def mean(self) -> float:
        return self._sum / self._tokens


def _say(line: str) -> None:
    print(line, flush=True)
