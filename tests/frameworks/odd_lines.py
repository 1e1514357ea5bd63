"""A real training and prediction by an adapter's own commands, on lines that are odd but may come: long, empty, `<unk>`."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

from daisy.framework import Adapter, Checkpoint, Command, Options, Paths

LONG = 1100  # tokens
SOURCES = ("<unk> a c", " ".join(["a"] * LONG), "c <unk> a", " ".join(["c"] * LONG))
EXPECTED = ["<unk>", None, "c", None]
"""None: a network of a minute may say anything of a source that is a hundred times as long as those that it has seen."""


def predictions_for_odd_lines(
    adapter: Adapter, python: Path, options: Options, companion: Path, folder: Path, last: Sequence[str]
) -> list[str | None]:
    """What is said of SOURCES and of `last`; with train.validate=each.

    It learns to say the first word of a line, and nothing where that is `b`.
    """
    paths = _dataset(folder, companion)
    form = adapter.form(options, paths)
    if form is not None:
        adapter.write_form(options, paths)
        for command in form.commands:
            _run(command, python, paths.form)
    log = _run(adapter.train(options, paths, None), python, paths.model_out)
    newest = adapter.epoch_checkpoint(paths, options["train.epochs"])  # not the best: dev asks for nothing that is empty
    assert newest is not None, log
    _write(folder / "sources", [*SOURCES, *last])
    output = folder / "output"
    _run(adapter.predict(options, paths, Checkpoint(newest.path), folder / "sources", output), python, folder)
    found = adapter.read_predictions(output.read_bytes().decode("utf-8"))
    assert len(found) == len(SOURCES) + len(last)
    return [None if len(source) > LONG else said for source, said in zip([*SOURCES, *last], found, strict=True)]


def _dataset(folder: Path, companion: Path) -> Paths:
    chance = random.Random(1)
    lines = [chance.choices(["a", "b", "c", "<unk>"], k=chance.randint(1, 4)) for _ in range(300)]
    paths = Paths(
        folder / "dataset", folder / "form", folder / "model_out", companion, None, {"train": 300, "dev": 40, "test": 0}
    )
    for place in (paths.dataset, paths.form, paths.model_out):
        place.mkdir()
    spoken = [line for line in lines if line[0] != "b"]  # no target of a dataset is empty
    for split, part in (("train", lines), ("dev", spoken[:40])):
        _write(paths.canonical(split, "source"), [" ".join(line) for line in part])
        _write(paths.canonical(split, "target"), ["" if line[0] == "b" else line[0] for line in part])
    return paths


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _run(command: Command, python: Path, folder: Path) -> str:
    words = [str(python) if word == "python" else word for word in command.arguments]
    done = subprocess.run(
        words, cwd=folder, env={"PATH": "/usr/bin:/bin", **command.environment}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
