"""What Marian's validations have found, and its checkpoint, kept so that a kill takes nothing away.

Marian saves a checkpoint at the end of an epoch and validates it then: its own progress file knows each validation only from the
next save on. So validations.json notes each of them at once, and Marian's progress is put right before training goes on.

All of this is about files in the current folder, the model's.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MODEL = "m.npz"
PROGRESS = f"{MODEL}.progress.yml"
CHECKPOINT = (MODEL, f"{MODEL}.yml", PROGRESS, f"{MODEL}.optimizer.npz")  # in the order in which Marian writes them
BEST = f"{MODEL}.best-translation.npz"
NOTES = "validations.json"
PREVIOUS = "previous"
COUNTED = r"(?m)^{}: \d+$"
JUDGED = re.compile(r"(?m)(^  translation:\n    last-best: )\S+(\n    stalled: )\d+$")


@dataclass(frozen=True)
class Validation:
    """The dev set's accuracy at the end of an epoch."""

    epoch: int
    update: int
    accuracy: float


@dataclass(frozen=True)
class Standing:
    """Where the validations so far leave Marian: the first best one, how many have come since, the most that ever did."""

    best: Validation
    stalled: int
    last_stalled: int
    most_stalled: int


def noted() -> list[Validation]:
    """What validations.json holds; none where there is no such file."""
    notes = Path(NOTES)
    if not notes.is_file():
        return []
    return [Validation(**entry) for entry in json.loads(notes.read_text(encoding="utf-8"))["validations"]]


def write_noted(validations: Sequence[Validation]) -> None:
    """Write validations.json, whole or not at all."""
    unfinished = Path(f"{NOTES}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({"validations": [asdict(validation) for validation in validations]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(NOTES)


def standing(validations: Sequence[Validation]) -> Standing:
    """Counted as Marian counts: only a better one is a new best. There must be at least one validation."""
    best, stalled, last_stalled, most_stalled = validations[0], 0, 0, 0
    for validation in validations[1:]:
        if validation.accuracy > best.accuracy:
            best, stalled = validation, 0
            continue
        stalled += 1
        last_stalled, most_stalled = stalled, max(stalled, most_stalled)
    return Standing(best, stalled, last_stalled, most_stalled)


def updates_done() -> int:
    """The updates that the checkpoint has behind it."""
    found = re.search(r"(?m)^batches: (\d+)$", Path(PROGRESS).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{PROGRESS} does not say how many updates are done")
    return int(found[1])


def put_right(reached: Standing) -> None:
    """Tell Marian's progress file, and its best checkpoint, what the validations have found."""
    path = Path(PROGRESS)
    text, count = JUDGED.subn(rf"\g<1>{reached.best.accuracy!r}\g<2>{reached.stalled}", path.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{PROGRESS} does not say what the validations have found")
    for name, number in (("stalled", reached.last_stalled), ("stalled-max", reached.most_stalled)):
        text = re.sub(COUNTED.format(name), f"{name}: {number}", text)
    unfinished = Path(f"{PROGRESS}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    if reached.best.update == updates_done():  # Marian may have been killed before it copied it
        copy_whole(Path(MODEL), Path(BEST))


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file: the new one is there whole, or the old one still is."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)


def keep_checkpoint() -> None:
    """Make `previous/` a copy of the checkpoint, which must be whole: the next save may be cut off."""
    if not all(Path(name).is_file() for name in CHECKPOINT):
        return  # nothing was saved yet
    unfinished, replaced = Path(f"{PREVIOUS}.unfinished"), Path(f"{PREVIOUS}.replaced")
    for folder in (unfinished, replaced):
        shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir()
    for name in CHECKPOINT:
        shutil.copyfile(name, unfinished / name)
    if Path(PREVIOUS).exists():
        Path(PREVIOUS).replace(replaced)
    unfinished.replace(PREVIOUS)
    shutil.rmtree(replaced, ignore_errors=True)


def take_back(folder: Path) -> None:
    """Put the checkpoint back that another folder has a copy of."""
    for name in CHECKPOINT:
        copy_whole(folder / name, Path(name))


def forget_all() -> None:
    """Remove what an attempt has left that nothing can go on from: Marian would, from a model without its optimizer."""
    for name in (*CHECKPOINT, BEST, NOTES):
        Path(name).unlink(missing_ok=True)
    for path in Path().glob("m.iter*.npz*"):
        path.unlink()
    for name in (PREVIOUS, f"{PREVIOUS}.unfinished", f"{PREVIOUS}.replaced"):
        shutil.rmtree(name, ignore_errors=True)
