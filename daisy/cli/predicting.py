"""`daisy predict`: a trained model on any input."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.configuration import Project
from daisy.dataset import TASKS, Dataset
from daisy.dataset.text import canonical, lines_in, lines_of, readable
from daisy.errors import ConfigurationError, TrainingFailed
from daisy.files import write_text
from daisy.folder import ModelFolder
from daisy.folder.model import COLUMN_ENDS
from daisy.framework import lookup
from daisy.framework.attention import AttentionWeights
from daisy.framework.lines import visible
from daisy.job.predict import keep_test, predict, predict_with_attention, trained_checkpoint
from daisy.job.toolbox import Toolbox, equipped
from daisy.monitor.words import percent
from daisy.score import Score, score


@dataclass(frozen=True)
class Input:
    """What is to be predicted: canonical sources, and canonical targets where they are given."""

    sources: Sequence[str]
    targets: Sequence[str] | None


def print_predictions(
    project: Project,
    folder: ModelFolder,
    file: str | None,
    split: str | None,
    output: Path | None,
    attention: Path | None,
    as_tokens: bool,
) -> None:
    """Predict a file's lines or a split's, print or write them, and the accuracy where targets are known."""
    if file is None and split is None:
        raise ConfigurationError("give a FILE or --split: what the model is to predict")
    if file is not None and split is not None:
        raise ConfigurationError(f"{file} and --split {split}: give one of the two")
    _check_written(output, attention, file)
    trained_checkpoint(folder)  # before anything is read or built
    lines = None if file is None else _lines(file)
    toolbox = equipped(folder, project, _tell)
    definition = toolbox.configuration.values["dataset"]
    tokens = "words" if as_tokens else _tokens(definition)
    if lines is None:
        given = _split(toolbox.dataset, str(split))
    elif tokens is None:
        raise ConfigurationError(
            f"the sources of {toolbox.dataset.name} are more than a form: give them as tokens, as they stand in "
            f"{toolbox.dataset.path('dev', 'source')}, and add --tokens"
        )
    else:
        given = _input(lines, tokens, str(file))
    try:
        with lookup.blaming(lookup.find(project, toolbox.configuration.adapter)):
            predictions, weights = _predicted(toolbox, given.sources, attention is not None)
        scored = _scored(toolbox, given, predictions, split)
    except TrainingFailed as failure:
        raise TrainingFailed(f"{failure.reason}{f': {failure.hint}' if failure.hint else ''}") from None
    _write(_rows(given, predictions, str if as_tokens else _readable(definition, tokens)), output)
    if attention is not None:
        _put(attention, "".join(f"{example.to_json()}\n" for example in weights))
        _tell(f"attention weights are in {attention}")
    if scored is not None:
        low, high = scored.accuracy_interval
        _tell(
            f"accuracy {percent(scored.accuracy)} ({scored.correct} of {scored.examples} examples; "
            f"95 % interval {percent(low)} to {percent(high)})"
        )


def _check_written(output: Path | None, attention: Path | None, file: str | None) -> None:
    """What is to be written can be, as far as can be seen before a model predicts for a while."""
    for option, path in (("--output", output), ("--attention", attention)):
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigurationError(f"{option} {path}: there is no folder {path.parent}; make it first, or write elsewhere")
        if path is not None and file is not None and path.exists() and Path(file).exists() and path.samefile(file):
            raise ConfigurationError(f"{option} {path}: that is the file to predict; give another one")
        if path is not None and path.is_dir():
            raise ConfigurationError(f"{option} {path}: that is a folder; give a file in it")
    if output is not None and attention is not None and output.absolute() == attention.absolute():
        raise ConfigurationError(f"--output and --attention both name {output}: give two files")


def _predicted(toolbox: Toolbox, sources: Sequence[str], attention: bool) -> tuple[list[str], list[AttentionWeights]]:
    return predict_with_attention(toolbox, sources) if attention else (predict(toolbox, sources), [])


def _tokens(definition: Mapping[str, object]) -> str | None:
    """How a form becomes tokens; None where a source is more than a form."""
    return None if TASKS[str(definition["task"])].shown else str(definition.get("tokens", "characters"))


def _readable(definition: Mapping[str, object], tokens: str | None) -> Callable[[str], str]:
    """How people read a line of this dataset."""
    shown = TASKS[str(definition["task"])].shown
    return shown or (lambda line: readable(line, str(tokens)))


def _lines(file: str) -> list[str]:
    if file == "-":
        return lines_in(sys.stdin.buffer.read(), "standard input")
    path = Path(file).expanduser()
    if path.is_dir():
        raise ConfigurationError(f"{file}: that is a folder; give a file with a form on each line")
    if not path.is_file():
        raise ConfigurationError(f"{file}: there is no such file; give one with a form on each line, or - for standard input")
    return lines_of(path)


def _input(lines: Sequence[str], tokens: str, file: str) -> Input:
    """Lines of forms, or of forms and targets with a tab between them."""
    if not lines:
        raise ConfigurationError(f"{file} has no lines: give one with a form on each line")
    pairs = [line.split("\t", 1) for line in lines]
    if len({len(pair) for pair in pairs}) > 1:
        number = next(number for number, pair in enumerate(pairs, 1) if len(pair) != len(pairs[0]))
        raise ConfigurationError(
            f"{file}, line {number}: some lines have a tab and a target and some have none; give all or none"
        )

    def line_of(text: str, number: int) -> str:
        return canonical(text, tokens, f"{file}, line {number}")

    sources = [line_of(pair[0], number) for number, pair in enumerate(pairs, 1)]
    targets = [line_of(pair[1], number) for number, pair in enumerate(pairs, 1)] if len(pairs[0]) == 2 else None
    return Input(sources, targets)


def _split(dataset: Dataset, split: str) -> Input:
    if split not in ("dev", "test"):
        raise ConfigurationError(f"--split {split}: choose dev or test")
    if not dataset.sizes[split]:
        raise ConfigurationError(f"--split {split}: {dataset.name} has no {split} examples; choose another split or give a FILE")
    return Input(dataset.lines(split, "source"), dataset.lines(split, "target"))


def _scored(toolbox: Toolbox, given: Input, predictions: Sequence[str], split: str | None) -> Score | None:
    if split == "test":
        return keep_test(toolbox, predictions)
    return score(given.targets, predictions) if given.targets is not None else None


def _rows(given: Input, predictions: Sequence[str], shown: Callable[[str], str]) -> str:
    """Source, target where there is one, prediction; tabs between them."""
    columns = [given.sources, *([given.targets] if given.targets is not None else []), predictions]
    rows = zip(*columns, strict=True)
    return "".join("\t".join(shown(cell).translate(COLUMN_ENDS) for cell in row) + "\n" for row in rows)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()
        return
    _put(output, text)
    _tell(f"predictions are in {output}")


def _put(path: Path, text: str) -> None:
    """Into a file, all of it or nothing, also where a link leads to it; into a pipe or a device as it is."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
    else:
        write_text(path.resolve(), text)


def _tell(text: str) -> None:
    print(visible(text), file=sys.stderr, flush=True)
