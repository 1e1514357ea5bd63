"""Checks of how an adapter looks at what a framework left: checkpoints, predictions, errors."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from daisy.framework.conformance.read import lines_of
from daisy.framework.conformance.subject import Subject
from daisy.framework.contract import Adapter, Checkpoint, Paths

KEPT_OF_A_CUT_FILE = 65_536  # bytes
JUNK_NAMES = ("checkpoint", "best", "last", "best.pt", "model.bin", "m-.json", "ä 𝒳.npz", "x" * 200, "-rf", "9" * 100 + ".pt")
TEXTS = ("", "\n", "a b\n", "a\n\nb\n", "a\r\nb\r\n", "\ufffd\x00\n", "\t\n", "D-0\t-0.1\ta b\n", "x" * 100_000)
LOGS = ("", "\n" * 50, "Killed\n", "Traceback (most recent call last):\n", "\ufffd\x00", "9" * 20_000, "%s {} \\")


def nothing_there(subject: Subject) -> Iterator[str]:
    """An empty model_out, one that is gone, and one of other files have no checkpoint."""
    adapter = subject.adapter()
    for name in ("empty", "gone", "other files", "folders", "dangling links"):
        paths = replace(subject.paths, model_out=subject.folder / "looked at" / name)
        if name != "gone":
            paths.model_out.mkdir(parents=True)
        for number, junk in enumerate(JUNK_NAMES):
            path = paths.model_out / junk
            if name == "other files":
                path.write_bytes(bytes(number))
            elif name == "folders":
                path.mkdir()
            elif name == "dangling links":
                path.symlink_to(subject.folder / "nowhere")
        for asked, look in _looks(adapter, paths).items():
            yield from _looked(subject, asked, look, f"model_out ({name})", empty=name in ("empty", "gone"))
    shutil.rmtree(subject.folder / "looked at")


def checkpoints(subject: Subject) -> Iterator[str]:
    """A trained model has a best checkpoint, whose files are there."""
    with _copied(subject) as paths:
        adapter = subject.adapter()
        best = adapter.best_checkpoint(paths)
        if best is None:
            yield "the model is trained, and best_checkpoint finds nothing in its model_out"
        for asked, look in _looks(adapter, paths).items():
            yield from _looked(subject, asked, look, "the model_out of a trained model")
        if adapter.epoch_checkpoint(paths, 10**6) is not None:
            yield "epoch_checkpoint gives a checkpoint for epoch 1,000,000, which was never trained"


def interrupted(subject: Subject) -> Iterator[str]:
    """With any one file of a model_out missing, or cut off, nothing raises and no missing file is named."""
    assert subject.evidence.model_out is not None
    names = [str(path.relative_to(subject.evidence.model_out)) for path in _files(subject.evidence.model_out)]
    adapter = subject.adapter()
    for name in names:
        for share in (None, 0.0, 0.5):
            with _copied(subject) as paths:
                _spoil(paths.model_out / name, share)
                told = f"model_out without {name}" if share is None else f"model_out with {name} cut off"
                for asked, look in _looks(adapter, paths).items():
                    yield from _looked(subject, asked, look, told)


def predictions(subject: Subject) -> Iterator[str]:
    """Whatever the predict command wrote, reading it gives texts; an empty prediction is one."""
    adapter = subject.adapter()
    for text in TEXTS:
        try:
            found = adapter.read_predictions(text)
        except (Exception, SystemExit) as error:
            yield f"{text[:40]!r}: read_predictions {subject.raised(error)}"
            continue
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            yield f"{text[:40]!r}: read_predictions gives {found!r}: it must be a list of texts"
    if adapter.read_predictions(""):
        yield "read_predictions finds predictions in an empty output"
    a_line_each = adapter.read_predictions("a\nb\n") == ["a", "b"]
    if a_line_each and (found := adapter.read_predictions("a\n\nb\n")) != ["a", "", "b"]:
        yield f"'a\\n\\nb\\n': read_predictions gives {found!r}: an empty line is an empty prediction"


def hints(subject: Subject) -> Iterator[str]:
    """A hint is a line or nothing, and a run that went well has none."""
    adapter = subject.adapter()
    ends = ["\n".join(lines_of(printed)[-20:]) for printed in subject.evidence.logs]
    for text in (*LOGS, *ends):
        try:
            found = adapter.hint(text)
        except (Exception, SystemExit) as error:
            yield f"{text[-40:]!r}: hint {subject.raised(error)}"
            continue
        if found is not None and (not isinstance(found, str) or not found.strip() or "\n" in found):
            yield f"{text[-40:]!r}: hint gives {found!r}: it must be one line of text, or None"
        elif found is not None and (text in ends or not text.strip()):
            yield f"hint says {found!r} of a log in which nothing went wrong"


def _looks(adapter: Adapter, paths: Paths) -> dict[str, Callable[[], Checkpoint | None]]:
    return {
        "best_checkpoint": lambda: adapter.best_checkpoint(paths),
        "resume_checkpoint": lambda: adapter.resume_checkpoint(paths),
        "epoch_checkpoint": lambda: adapter.epoch_checkpoint(paths, 1),
    }


def _looked(
    subject: Subject, asked: str, look: Callable[[], Checkpoint | None], where: str, empty: bool = False
) -> Iterator[str]:
    try:
        found = look()
        if found is None:
            return
        if not isinstance(found, Checkpoint):
            yield f"{where}: {asked} gives {type(found).__name__}: give a Checkpoint, or None"
            return
        missing = [path for path in (found.files or (found.path,)) if not path.exists()]
        if empty:
            yield f"{where}: {asked} gives {found.path.name}, which is not there"
        elif missing:
            yield f"{where}: {asked} names {missing[0].name}, which is not there: only a whole checkpoint counts"
    except (Exception, SystemExit) as error:
        yield f"{where}: {asked} {subject.raised(error)}"


@contextlib.contextmanager
def _copied(subject: Subject) -> Iterator[Paths]:
    """A model_out with links to the files of the real one, which stays as it is."""
    original = subject.evidence.model_out
    assert original is not None
    paths = replace(subject.paths, model_out=subject.folder / "copied")
    paths.model_out.mkdir()
    for path in _files(original):
        link = paths.model_out / path.relative_to(original)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    try:
        yield paths
    finally:
        shutil.rmtree(paths.model_out)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _spoil(link: Path, share: float | None) -> None:
    """Take a file away, or put its first part in its place."""
    original = link.resolve()
    link.unlink()
    if share is not None:
        with original.open("rb") as file:
            beginning = file.read(min(KEPT_OF_A_CUT_FILE, int(os.path.getsize(original) * share)))  # noqa: PTH202
        link.write_bytes(beginning)
