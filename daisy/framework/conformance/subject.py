"""What is examined: an adapter, configurations that it could be asked for, what real runs of its framework left."""

import contextlib
import copy
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration
from daisy.errors import ConfigurationError
from daisy.framework import lookup
from daisy.framework.checkpoint import Checkpoint
from daisy.framework.conformance.finding import WrongAnswer
from daisy.framework.conformance.touch import writing_into
from daisy.framework.contract import Adapter, Command, Form, Paths
from daisy.framework.lookup import AdapterFile
from daisy.framework.options import Options

PAIRS = (
    ("t a l o s s a", "t a l o"), ("ä i t i ä", "ä i t i"), ("n e w <s> y o r k i s s a", "n e w <s> y o r k"),
    ("é", "é"), ("𝒳 '", "𝒳 \""), ("< % $ { } \\", "< % $ { } \\"), ("I ı İ i", "i"),
)  # fmt: skip
SIZES = {"train": 600, "dev": 35, "test": 7}
PREDICTED = "what is predicted"  # a folder that is none of those that paths name
AWKWARD = "it's; echo $HOME (a, b)"  # a folder's name that a shell, a blank or a comma would break


@dataclass(frozen=True)
class Case:
    """A configuration to ask for, and what it is called in findings."""

    name: str
    original: Configuration

    @property
    def configuration(self) -> Configuration:
        """A copy of its own for whoever asks: an adapter may spoil it."""
        return copy.deepcopy(self.original)


@dataclass(frozen=True)
class Evidence:
    """What real runs of the framework left: what they printed, and the model_out of a model that is done.

    `went_well`: the logs are of trainings that are known to be done.
    """

    logs: Sequence[bytes] = ()
    model_out: Path | None = None
    went_well: bool = False


@dataclass(frozen=True)
class Answers:
    """What an adapter says to one configuration: commands and form as plain values, or why it refuses; which keys it read."""

    said: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None
    read: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """An adapter to be examined, in a folder where it can do no harm."""

    file: AdapterFile
    section: Mapping[str, Any]
    cases: Sequence[Case]
    folder: Path
    evidence: Evidence = Evidence()

    def adapter(self) -> Adapter:
        """Loaded anew each time."""
        return lookup.load(self.file, self.section)

    def raised(self, error: BaseException) -> str:
        """What the adapter raised and where, in a line."""
        if isinstance(error, WrongAnswer):
            return str(error)
        told = lookup.blamed(error, self.file) or f"raised {type(error).__name__}: {error}"
        return told.removeprefix(f"the adapter {self.file.path} ")

    @property
    def paths(self) -> Paths:
        """The folders that it is given."""
        return paths_in(self.folder, self.file.companion)


@dataclass(frozen=True)
class Asked:
    """What a prediction is asked with: each in a place, and under a name, that only this question tells."""

    source: Path
    output: Path
    weights: Path
    checkpoint: Checkpoint


def asked_in(paths: Paths) -> Asked:
    """The question of a sandbox."""
    folder = paths.dataset.parent / PREDICTED
    checkpoint = Checkpoint(folder / "kept" / "some-model", epoch=3, step=60)
    return Asked(folder / "some-lines", folder / "some-predictions", folder / "some-weights", checkpoint)


def paths_in(folder: Path, companion: Path) -> Paths:
    """The folders of a sandbox as an adapter is given them."""
    return Paths(folder / "dataset", folder / "form", folder / "model_out", companion, folder / "source", SIZES)


def sandbox(folder: Path) -> Path:
    """A folder with a small dataset, an empty model_out, and an awkward name."""
    inside = folder / AWKWARD
    for name in ("dataset", "form", "model_out", "source"):
        (inside / name).mkdir(parents=True)
    (inside / PREDICTED).mkdir()
    (inside / PREDICTED / "some-lines").write_bytes("".join(f"{source}\n" for source, _ in PAIRS).encode())
    for split, size in SIZES.items():
        rows = [PAIRS[number % len(PAIRS)] for number in range(size)]
        for side, lines in zip(("source", "target"), zip(*rows, strict=True), strict=True):
            (inside / "dataset" / f"{split}-{side}").write_bytes("".join(f"{line}\n" for line in lines).encode())
    return inside


def answers(adapter: Adapter, configuration: Configuration, paths: Paths) -> Answers:
    """Ask for all that decides a training, with an empty form. Other exceptions than a refusal are the caller's."""
    clear(paths)
    return asked_for(adapter, configuration, paths)


def clear(paths: Paths) -> None:
    """Empty the form's folder."""
    shutil.rmtree(paths.form)
    paths.form.mkdir()


def asked_for(adapter: Adapter, configuration: Configuration, paths: Paths) -> Answers:
    """What `answers` gives, where the form's folder is empty already."""
    options = Options(configuration)
    try:
        return Answers(_said(adapter, options, paths), read=options.read)
    except ConfigurationError as refusal:
        return Answers(refused=str(refusal), read=options.read)


def _said(adapter: Adapter, options: Options, paths: Paths) -> dict[str, Any]:
    asked = asked_in(paths)
    form = adapter.form(options, paths)
    said: dict[str, Any] = {"form": None, "written": {}}
    if form is not None:
        said["form"] = _plain_form(form)
        said["written"] = _written(adapter, options, paths)
    said["train"] = plain("train", adapter.train(options, paths, None))
    said["resume"] = plain("train", adapter.train(options, paths, asked.checkpoint))
    said["predict"] = plain("predict", adapter.predict(options, paths, asked.checkpoint, asked.source, asked.output))
    with contextlib.suppress(ConfigurationError):  # this network has no attention: that refuses no training
        weights = adapter.attention_weights(options, paths, asked.checkpoint, asked.source, asked.output, asked.weights)
        if weights is not None:
            said["attention weights"] = plain("attention_weights", weights)
    return said


def _written(adapter: Adapter, options: Options, paths: Paths) -> dict[str, str]:
    """The names of the form's files and a hash of each."""
    with writing_into(paths.form):
        adapter.write_form(options, paths)
    files = sorted(path for path in paths.form.rglob("*") if path.is_file())
    return {str(path.relative_to(paths.form)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _plain_form(form: Any) -> dict[str, Any]:
    if not isinstance(form, Form):
        raise WrongAnswer(f"form gives {_shown(form)}: give a Form, or None where the canonical files are read")
    if not isinstance(form.key, Mapping):
        raise WrongAnswer(f"Form.key is {_shown(form.key)}: it must map names to values")
    if isinstance(form.commands, (str, bytes)) or not isinstance(form.commands, Sequence):
        raise WrongAnswer(f"Form.commands is {_shown(form.commands)}: it must be a list of Commands")
    return {"key": dict(form.key), "commands": [plain("form", command) for command in form.commands]}


def plain(method: str, command: Any) -> dict[str, Any]:
    """A command as plain values. Raises WrongAnswer for what is no command."""
    if not isinstance(command, Command):
        raise WrongAnswer(f"{method} gives {_shown(command)}: give a Command")
    if isinstance(command.arguments, (str, bytes)) or not isinstance(command.arguments, Sequence):
        raise WrongAnswer(f"{method}: Command.arguments is {_shown(command.arguments)}: it must be a tuple, a text for each word")
    if not isinstance(command.environment, Mapping):
        raise WrongAnswer(f"{method}: Command.environment is {_shown(command.environment)}: it must map names to texts")
    if command.folder is not None and not isinstance(command.folder, Path):
        raise WrongAnswer(f"{method}: Command.folder is {_shown(command.folder)}: it must be a Path or None")
    return {
        "arguments": list(command.arguments),
        "environment": dict(command.environment),
        "folder": None if command.folder is None else str(command.folder),
    }


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
