"""A dataset on disk: six text files, one example a line, and `dataset.json`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daisy.dataset.task import Content, Example
from daisy.errors import DatasetError
from daisy.files import read_json, sha256_of, write_json, write_text

SPLITS = ("train", "dev", "test")
SIDES = ("source", "target")
FORMAT = 1
NOTE = "dataset.json"


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset. `test` is empty where there is no test split."""

    name: str  # the choice of the group `dataset`: cs/finnish
    folder: Path
    checksum: str  # SHA-256 over the six files; see `checksum_of`
    sizes: Mapping[str, int]  # examples of each split

    def path(self, split: str, side: str) -> Path:
        """The file of a split's side: UTF-8, one example a line, tokens separated by single blanks."""
        if split not in SPLITS or side not in SIDES:
            raise ValueError(f"there is no {split}-{side}: splits are {SPLITS}, sides are {SIDES}")
        return self.folder / f"{split}-{side}"

    def lines(self, split: str, side: str) -> list[str]:
        """The lines of a split's side, without their ends."""
        return self.path(split, side).read_bytes().decode("utf-8").split("\n")[:-1]


def write(folder: Path, name: str, definition: Mapping[str, Any], content: Content) -> None:
    """Fill a folder with the canonical files. Raises DatasetError where train or dev is empty."""
    for split in ("train", "dev"):
        if not content.splits.get(split):
            raise DatasetError(f"{name}: {split} has no examples: give the dataset some")
    for split in SPLITS:
        _write_split(folder, split, content.splits.get(split, []))
    checksums = {file: sha256_of(folder / file) for file in _files()}
    note = {
        "format": FORMAT,
        "name": name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": content.source,
        "licence": content.licence,
        "sizes": {split: len(content.splits.get(split, [])) for split in SPLITS},
        "checksum": checksum_of(checksums),
        "files": checksums,
        "definition": json.loads(json.dumps(dict(definition), default=str)),
    }
    write_json(folder / NOTE, note)


def load(folder: Path) -> Dataset:
    """The dataset in a prepared folder, checked byte for byte.

    The whole content is read, not only its size: it takes milliseconds (1 GB/s), and a file that was edited in place
    would make every later model incomparable with the earlier ones, without a sign. Raises DatasetError.
    """
    note = read_note(folder)
    for file, expected in note["files"].items():
        try:
            intact = sha256_of(folder / file) == expected
        except OSError as error:
            raise damaged(folder / file, error.strerror or "it can't be read") from error
        if not intact:
            raise damaged(folder / file, "it is not what was written there")
    return Dataset(note["name"], folder, note["checksum"], note["sizes"])


def read_note(folder: Path) -> dict[str, Any]:
    """What `dataset.json` says. Raises DatasetError where it is not whole."""
    try:
        note = read_json(folder / NOTE)
        if note["format"] != FORMAT:
            raise damaged(folder / NOTE, f"its format is {note['format']}, this Daisy reads {FORMAT}")
        whole = list(note["files"]) == _files() and checksum_of(note["files"]) == note["checksum"]
        whole = whole and list(note["sizes"]) == list(SPLITS) and isinstance(note["name"], str)
    except OSError as error:
        raise damaged(folder / NOTE, error.strerror or "it can't be read") from error
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(folder / NOTE, "it is not whole") from error
    if not whole:
        raise damaged(folder / NOTE, "it is not what was written there")
    return dict(note)


def checksum_of(checksums: Mapping[str, str]) -> str:
    """One checksum over files: the same as `sha256sum dev-source dev-target ... | sha256sum`, names in order."""
    listing = "".join(f"{checksums[file]}  {file}\n" for file in sorted(checksums))
    return hashlib.sha256(listing.encode()).hexdigest()


def damaged(file: Path, reason: str, folder: Path | None = None) -> DatasetError:
    """The error for a file of a finished folder, its own where none is named."""
    return DatasetError(f"{file} is damaged ({reason}): delete the folder {folder or file.parent}, and it is made again")


def _write_split(folder: Path, split: str, examples: list[Example]) -> None:
    for number, side in enumerate(SIDES):
        write_text(folder / f"{split}-{side}", "".join(f"{example[number]}\n" for example in examples))


def _files() -> list[str]:
    return sorted(f"{split}-{side}" for split in SPLITS for side in SIDES)
