"""The adapter contract: what Daisy asks of a framework's adapter, and what it answers.

An adapter turns configuration into commands and text into facts. It runs nothing, and touches no file outside the folders
that it is given. One adapter is one Python file, `frameworks/NAME.py`, with one subclass of `Adapter` in it. `daisy
check-adapter` says whether it keeps to this contract.
"""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daisy.errors import FrameworkError
from daisy.framework.checkpoint import Checkpoint
from daisy.framework.description import Description
from daisy.framework.options import Options


@dataclass(frozen=True)
class Command:
    """What to run. A first argument `python` stands for the interpreter that env names for the framework."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @classmethod
    def of(cls, *arguments: object, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> "Command":
        """A command from arguments of any type, each as its text."""
        return cls(tuple(str(argument) for argument in arguments), dict(environment or {}), folder)


@dataclass(frozen=True)
class Form:
    """How the dataset gets into the framework's form: built once for each dataset and `key`.

    First the adapter's `write_form` writes into the form's folder, then `commands` are run.
    """

    key: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[Command] = ()


@dataclass(frozen=True)
class Paths:
    """The folders that an adapter is given: canonical dataset, the dataset in its form, model_out, its own companion folder.

    `source` is the checkout of a framework that runs from one (`framework.source`); `sizes` the examples of each split.
    """

    dataset: Path
    form: Path
    model_out: Path
    companion: Path
    source: Path | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        """The checkout, where the framework can't be without one. Raises FrameworkError where there is none."""
        if self.source is None:
            raise FrameworkError("the framework runs from a checkout, and framework.source names none: set it")
        return self.source

    def steps_per_epoch(self, batch_size: int) -> int:
        """The batches that the training examples make, the last one not full; at least one."""
        return max(1, -(-self.sizes["train"] // batch_size))

    def canonical(self, split: str, side: str) -> Path:
        """A canonical file: split train, dev or test; side source or target."""
        return self.dataset / f"{split}-{side}"

    def tokens(self, *sides: str) -> list[str]:
        """The tokens of the training examples, of these sides together, the most frequent first."""
        counts: Counter[str] = Counter()
        for side in sides:
            for line in self.canonical("train", side).read_bytes().decode("utf-8").split("\n"):
                counts.update(token for token in line.split(" ") if token)
        return sorted(counts, key=lambda token: (-counts[token], token))

    def numbered(self, side: str, special: Sequence[str], unknown: str, harmless: bool = False) -> dict[str, int]:
        """A vocabulary: the framework's `special` entries, `unknown` among them, then the tokens of a side, most frequent first.

        A token that is spelled like `unknown` shares its number: it is trained as what it says. One that is spelled like
        another special entry (an end of line within the line) raises FrameworkError, but where the framework is known to
        read it as unknown, too (`harmless`).
        """
        tokens = self.tokens(side)
        taken = set() if harmless else {*special} & {*tokens} - {unknown}
        if taken:
            raise FrameworkError(
                f"the dataset has the token {min(taken)} ({side}), which the framework has for itself: write it otherwise in "
                "the dataset, or choose another framework"
            )
        return {token: number for number, token in enumerate(dict.fromkeys((*special, *tokens)))}


@dataclass(frozen=True)
class Setup:
    """How `daisy setup` makes the framework's own Python environment.

    `python` names the interpreter's versions that will do ("3.7"), the best first; `requirements` a file of pinned packages;
    `first` are packages that pip installs before them (a pip of a certain version); with `dependencies` false pip takes the
    pins as they are and looks for nothing more. `download` and `disk` are megabytes, as they were seen.
    """

    python: Sequence[str]
    requirements: Path
    download: int
    disk: int
    first: Sequence[str] = ()
    dependencies: bool = True


@dataclass(frozen=True)
class Progress:
    """What one line of a framework's log says.

    `step` are updates since training began; told with `steps`, it is the place in the epoch, which has so many of them.
    `measures` are the framework's own figures under their own names (loss, dev_accuracy, bleu); `saved_epoch` is an epoch
    whose checkpoint is whole on disk now; `ended` is why training ended, in the framework's words; `seconds` is the time in
    training as the framework counts it, where it ends itself after train.seconds.
    """

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    epoch_done: bool = False
    saved_epoch: int | None = None
    ended: str | None = None
    seconds: float | None = None


class Adapter(ABC):
    """Daisy's side of a framework. Each method must be callable any number of times, in any order, and from any process.

    `framework` is the configuration's section of that name: what the framework's YAML says, and what was overridden of it.
    """

    loss_unit: str | None = None
    """What the framework's `loss` is measured in, e.g. "nats per token"."""
    encoders: tuple[str, ...] = ()
    """The values of arch.encoder that it can build."""
    attention: bool = False
    """Whether its decoder can attend to the source."""
    checkout_has: tuple[str, ...] = ()
    """Files that a checkout of it has: a folder without them is refused before `daisy setup` makes anything."""
    measures: Mapping[str, str] = {}
    """The figures that its log tells while it trains, `maximize` or `minimize` for each: what pruning can go by, the best first.

    `dev_accuracy` is an accuracy on the dev set. Here for all that `read_line` gives as Progress.measures.
    """

    def __init__(self, framework: Mapping[str, Any] | None = None) -> None:
        self.framework: Mapping[str, Any] = framework or {}

    @property
    def resumes(self) -> bool:
        """Whether training can go on from a checkpoint."""
        return type(self).resume_checkpoint is not Adapter.resume_checkpoint

    @property
    def keeps_epochs(self) -> bool:
        """Whether a checkpoint of each epoch can be kept, for train.validate=each."""
        return type(self).epoch_checkpoint is not Adapter.epoch_checkpoint

    @abstractmethod
    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """The command that trains into `paths.model_out`, from the start or on from a checkpoint.

        Raises ConfigurationError for a value that the framework can't honour.
        """

    @abstractmethod
    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """The command that predicts the target of each line of `source` into `output`."""

    def attention_weights(
        self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path, weights: Path
    ) -> Command | None:
        """The command that predicts as that of `predict` does, and writes its attention weights into `weights` besides.

        `weights` has the form that daisy/framework/attention.py describes. None where the framework gives no weights; raises
        ConfigurationError where this model has none.
        """
        return None

    @abstractmethod
    def read_line(self, line: str) -> Progress | None:
        """What a line of the log says; None for nothing. Never an exception, whatever the line."""

    @abstractmethod
    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The checkpoint to validate with, among those that are whole; None where there is none."""

    def form(self, options: Options, paths: Paths) -> Form | None:
        """How to put the dataset into the framework's form; None where it reads the canonical files."""
        return None

    def write_form(self, options: Options, paths: Paths) -> None:
        """Write what the form needs into `paths.form`, from the canonical files. Called where `form` is not None."""
        return

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The newest whole checkpoint that training can go on from; None: it starts from the beginning."""
        return None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """The checkpoint of one epoch, kept when train.validate=each; None where the framework keeps none."""
        return None

    def read_predictions(self, output: str) -> list[str]:
        """The predictions in what the predict command wrote, in the order of the source lines; only a blank separates tokens."""
        return [line.strip(" ") for line in output.removesuffix("\n").split("\n")] if output else []

    def hint(self, log: str) -> str | None:
        """What a known error in the end of the log means and what to do; None where there is none."""
        return None

    def setup(self, companion: Path) -> Setup | None:
        """How to make the framework's own Python; None where it runs in the Python that runs Daisy."""
        return None

    def programs(self, companion: Path) -> Mapping[str, Sequence[str]]:
        """The first words of its commands, as far as they are known: a program, or `python` and a file, under what names them.

        They are looked for before anything starts.
        """
        return {}

    @abstractmethod
    def describe(self, paths: Paths) -> Command | Description:
        """The framework's version and options, or the command that finds them out.

        The last line that the command prints is JSON: {"version": "1.2", "options": ["beam", ...]}, options may be left out.
        Of `paths` only `companion` and `source` are there. It is run when the framework is set up or has changed, so it may
        take seconds.
        """


def version_of_files(folder: Path) -> str:
    """A version for what comes with its adapter: a short hash over the Python files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("**/*.py")):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return f"files-{digest.hexdigest()[:12]}"
