"""Checkpoints on disk, and whether they are whole: a kill may come at any byte of a save."""

import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOOTER = bytes.fromhex("57fb808b247547db")
"""Ends the index of a checkpoint of TensorFlow, a table of LevelDB's kind
(https://github.com/google/leveldb/blob/main/doc/table_format.md)."""
MARK = "daisy.json"
"""The entry of an archive, also in the folder that PyTorch has in it, that says of which epoch and step it is."""
SHARD = re.compile(r".*\.data-\d{5}-of-(\d{5})")


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint in model_out. `epoch` and `step` where they are known.

    `files` is all that prediction needs of it, where that is more than `path` (which may be a prefix that frameworks take).
    """

    path: Path
    epoch: int | None = None
    step: int | None = None
    files: Sequence[Path] = ()

    @property
    def bytes(self) -> int:
        """How big it is on disk; a folder is all that is in it."""
        return sum(file.stat().st_size for path in (self.files or (self.path,)) for file in files_in(path))


def whole_archive(path: Path, epoch: int | None = None) -> Checkpoint | None:
    """The checkpoint in a zip archive (.npz, .pt), whose directory is written last; None where it is not there whole.

    Epoch and step are what its entry `daisy.json` says, {"epoch": 3, "step": 150}, where it has one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            marked = _marked(archive)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return Checkpoint(path, epoch if epoch is not None else marked.get("epoch"), marked.get("step"), files=(path,))


def _marked(archive: zipfile.ZipFile) -> dict[str, int]:
    """What the archive says of itself; nothing where it has no such entry, or a damaged one."""
    entry = next((name for name in archive.namelist() if name.rpartition("/")[2] == MARK), None)
    if entry is None:
        return {}
    try:
        found = json.loads(archive.read(entry))
        return {name: found[name] for name in ("epoch", "step") if type(found.get(name)) is int}
    except (ValueError, AttributeError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return {}


def files_in(path: Path) -> tuple[Path, ...]:
    """A file itself; of a folder, all files in it."""
    return tuple(sorted(file for file in path.rglob("*") if file.is_file())) if path.is_dir() else (path,)


def whole_tensorflow(prefix: Path, beside: Sequence[str] = ()) -> Sequence[Path]:
    """The files of a checkpoint of TensorFlow, PREFIX.index and PREFIX.data-*; none where it is not there whole.

    `beside` are the ends of further files that must be there and not empty (".json"). The index is written last.
    """
    index = prefix.with_name(f"{prefix.name}.index")
    data = sorted(prefix.parent.glob(f"{prefix.name}.data-*"))
    others = [prefix.with_name(f"{prefix.name}{end}") for end in beside]
    shards = {int(found[1]) for path in data if (found := SHARD.fullmatch(path.name))}
    try:
        whole = shards == {len(data)} and index.read_bytes().endswith(FOOTER)
        whole = whole and all(path.stat().st_size for path in others)
    except OSError:
        return ()
    return (index, *others, *data) if whole else ()
