"""Checks of how an adapter looks at what a framework left: checkpoints, predictions, errors."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from daisy.framework.checkpoint import Checkpoint
from daisy.framework.conformance.finding import Finding
from daisy.framework.conformance.read import lines_of
from daisy.framework.conformance.subject import Subject, answers
from daisy.framework.conformance.touch import watched
from daisy.framework.contract import Adapter, Paths, Progress

KEPT_OF_A_CUT_FILE = 65_536  # bytes
JUNK_NAMES = ("checkpoint", "best", "last", "best.pt", "model.bin", "m-.json", "ä 𝒳.npz", "x" * 200, "-rf", "9" * 100 + ".pt")
TEXTS = ("", "\n", "a b\n", "a\n\nb\n", "a\r\nb\r\n", "\ufffd\x00\n", "\t\n", "D-0\t-0.1\ta b\n", "x" * 100_000)
EPOCHS_LOOKED_FOR = 10
LAST_LINES = 20  # of a log: as many are shown to `hint`
LOGS = ("", "\n" * 50, "Killed\n", "Traceback (most recent call last):\n", "\ufffd\x00", "9" * 20_000, "%s {} \\")


def nothing_there(subject: Subject) -> Iterator[Finding]:
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
        yield from _looked_at(subject, adapter, paths, f"model_out ({name})", empty=name in ("empty", "gone"))
    shutil.rmtree(subject.folder / "looked at")


def checkpoints(subject: Subject) -> Iterator[Finding]:
    """A trained model has a best checkpoint, whose files are there; on from its newest one, training is another command."""
    where, adapter = "the model_out of a trained model", subject.adapter()
    with _copied(subject) as paths:
        yield from _looked_at(subject, adapter, paths, where)
        with _watched(subject) as told:
            best, resumed = adapter.best_checkpoint(paths), adapter.resume_checkpoint(paths)
            never = adapter.epoch_checkpoint(paths, 10**6)
        yield from told
    if best is None:
        yield Finding(where, "the model is trained, and best_checkpoint finds nothing in it")
    if never is not None:
        yield Finding(where, "epoch_checkpoint gives a checkpoint for epoch 1,000,000, which was never trained")
    if resumed is not None:
        yield from _not_resumed(subject, adapter)


def _not_resumed(subject: Subject, adapter: Adapter) -> Iterator[Finding]:
    """A framework may go on by itself from what lies in model_out; the checkpoint that is asked with here lies elsewhere."""
    for case in subject.cases:
        said = answers(adapter, case.configuration, subject.paths).said
        if said and said["train"] == said["resume"]:
            why = "on from a checkpoint outside of model_out, train gives the command that starts anew: heed `resume`"
            yield Finding(case.name, f"{why}, or let resume_checkpoint give None")


def interrupted(subject: Subject) -> Iterator[Finding]:
    """With any one file of a model_out missing, or cut off, nothing raises and no missing file is named."""
    assert subject.evidence.model_out is not None
    names = [str(path.relative_to(subject.evidence.model_out)) for path in _files(subject.evidence.model_out)]
    adapter = subject.adapter()
    with _copied(subject) as paths:
        kept = _epochs(adapter, paths)
    for name in names:
        for share in (None, 0.0, 0.5):
            with _copied(subject) as paths:
                _spoil(paths.model_out / name, share)
                told = f"model_out without {name}" if share is None else f"model_out with {name} cut off"
                yield from _looked_at(subject, adapter, paths, told)
                if share is None:
                    yield from _of_other_epochs(kept, _epochs(adapter, paths), told)


def _epochs(adapter: Adapter, paths: Paths) -> dict[int, Checkpoint]:
    """The checkpoints of the first epochs, as far as there are some; what raises is found by other checks."""
    found: dict[int, Checkpoint] = {}
    for epoch in range(1, EPOCHS_LOOKED_FOR + 1):
        with contextlib.suppress(Exception):
            checkpoint = adapter.epoch_checkpoint(paths, epoch)
            if isinstance(checkpoint, Checkpoint):
                found[epoch] = checkpoint
    return found


def _of_other_epochs(kept: Mapping[int, Checkpoint], found: Mapping[int, Checkpoint], where: str) -> Iterator[Finding]:
    """An epoch whose file is gone has no checkpoint: another one's predictions would count as its own."""
    for epoch, checkpoint in found.items():
        if epoch not in kept or checkpoint.path != kept[epoch].path:
            gone = f", where {kept[epoch].path.name} was" if epoch in kept else ""
            yield Finding(where, f"epoch_checkpoint gives {checkpoint.path.name} for epoch {epoch}{gone}: give None, not another")


def predictions(subject: Subject) -> Iterator[Finding]:
    """Whatever the predict command wrote, reading it gives texts; an empty prediction is one."""
    adapter = subject.adapter()
    for text in TEXTS:
        try:
            found = adapter.read_predictions(text)
        except (Exception, SystemExit) as error:
            yield Finding(f"{text[:40]!r}", f"read_predictions {subject.raised(error)}")
            continue
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            yield Finding(f"{text[:40]!r}", f"read_predictions gives {type(found).__name__}: it must be a list of texts")
    if adapter.read_predictions(""):
        yield Finding("", "read_predictions finds predictions in an empty output")
    a_line_each = adapter.read_predictions("a\nb\n") == ["a", "b"]
    if a_line_each and (found := adapter.read_predictions("a\n\nb\n")) != ["a", "", "b"]:
        yield Finding("'a\\n\\nb\\n'", f"read_predictions gives {found!r}: an empty line is an empty prediction")


def hints(subject: Subject) -> Iterator[Finding]:
    """A hint is a line or nothing, and a run that went well has none."""
    adapter = subject.adapter()
    ends = [lines_of(printed)[-LAST_LINES:] for printed in subject.evidence.logs]
    well = ["\n".join(lines) for lines in ends if subject.evidence.went_well or _ended(adapter, lines)]
    for text in (*LOGS, *("\n".join(lines) for lines in ends)):
        where = f"{text[-40:]!r}"
        try:
            found: object = adapter.hint(text)
        except (Exception, SystemExit) as error:
            yield Finding(where, f"hint {subject.raised(error)}")
            continue
        if found is not None and (not isinstance(found, str) or not found.strip() or "\n" in found):
            yield Finding(where, f"hint gives {found!r}: it must be one line of text, or None")
        elif found is not None and (text in well or not text.strip()):
            yield Finding("", f"hint says {found!r} of a log in which nothing went wrong")


def _ended(adapter: Adapter, lines: list[str]) -> bool:
    """Whether the log of a training that may have failed tells that it ended as it should."""
    with contextlib.suppress(Exception):  # what raises is found by other checks
        found = [adapter.read_line(line) for line in lines]
        return any(isinstance(progress, Progress) and progress.ended is not None for progress in found)
    return False


@contextlib.contextmanager
def _watched(subject: Subject) -> Iterator[list[Finding]]:
    """The block may write nothing at all: what it would have touched is in the list afterwards."""
    real = (subject.evidence.model_out.resolve(),) if subject.evidence.model_out is not None else ()
    told: list[Finding] = []
    with watched((subject.folder, *real, subject.file.companion, subject.file.path)) as touched:
        yield told
    told.extend(Finding("", line) for line in touched.told)


def _looked_at(subject: Subject, adapter: Adapter, paths: Paths, where: str, empty: bool = False) -> Iterator[Finding]:
    """What is wrong with what it finds there; it looks only."""
    with _watched(subject) as told:
        wrong = [
            finding for asked, look in _looks(adapter, paths).items() for finding in _looked(subject, asked, look, where, empty)
        ]
    yield from wrong
    yield from told


def _looks(adapter: Adapter, paths: Paths) -> dict[str, Callable[[], Checkpoint | None]]:
    return {
        "best_checkpoint": lambda: adapter.best_checkpoint(paths),
        "resume_checkpoint": lambda: adapter.resume_checkpoint(paths),
        "epoch_checkpoint": lambda: adapter.epoch_checkpoint(paths, 1),
    }


def _looked(subject: Subject, asked: str, look: Callable[[], Checkpoint | None], where: str, empty: bool) -> Iterator[Finding]:
    try:
        found = look()
    except (Exception, SystemExit) as error:
        yield Finding(where, f"{asked} {subject.raised(error)}")
        return
    if found is None:
        return
    if (wrong := _wrong_checkpoint(found)) is not None:
        yield Finding(where, f"{asked} {wrong}")
        return
    missing = [path for path in (found.files or (found.path,)) if not path.exists()]
    if empty:
        yield Finding(where, f"{asked} gives {found.path.name}, which is not there")
    elif missing:
        yield Finding(where, f"{asked} names {missing[0].name}, which is not there: only a whole checkpoint counts")


def _wrong_checkpoint(found: object) -> str | None:
    """What is wrong with its types; None where nothing is."""
    if not isinstance(found, Checkpoint):
        return f"gives {type(found).__name__}: give a Checkpoint, or None"
    if not isinstance(found.path, Path):
        return f"gives Checkpoint.path {found.path!r}: it must be a Path"
    if not isinstance(found.files, (tuple, list)) or not all(isinstance(path, Path) for path in found.files):
        return f"gives Checkpoint.files {found.files!r}: it must be a list of Paths"
    for name in ("epoch", "step"):
        if (value := getattr(found, name)) is not None and (isinstance(value, bool) or not isinstance(value, int)):
            return f"gives Checkpoint.{name} {value!r}: it must be a whole number or None"
    return None


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
