"""Writing that can't leave half a file, and names that can't leave their folder."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

UNFINISHED = ".unfinished-"
UNFINISHED_IS_LEFT_OVER_AFTER = 24 * 3600.0  # seconds: nothing that is still being written is that old


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well; else `path` stays as it was."""
    descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def append(descriptor: int, data: bytes) -> None:
    """Add data to a file that is open for appending: all of it or, where the disk is full, nothing. Raises OSError."""
    size = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, data)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data. Raises OSError, e.g. on a full disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that a reader sees the old file or the whole new one."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def write_new(path: Path, text: str) -> None:
    """Write UTF-8 text as a new file. Raises FileExistsError where there is one of that name: it stays as it is."""
    with path.open("xb") as file:
        file.write(text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON as `write_text` does: two blanks of indent, keys in the order given, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises OSError and ValueError (UnicodeDecodeError and JSONDecodeError are such)."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(content: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def folder_to_fill(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, hidden, to be filled and then renamed to its name; what was not renamed is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    remove_left_over(parent)
    folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
    folder.chmod(0o777 & ~_umask())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder outlast a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_left_over(parent: Path) -> None:
    """Remove what a killed process left half made in `parent` a day or more ago."""
    oldest = time.time() - UNFINISHED_IS_LEFT_OVER_AFTER
    for path in parent.glob(f"{UNFINISHED}*"):
        try:
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue  # another process removed it first, or it is not ours to remove


def safe_name(text: str) -> str:
    """`text` as part of a file's name: ASCII letters, digits, `.`, `-`; all else becomes `-`.

    What was changed can be told from what was not: a short hash of the whole text is added.
    """
    clean = re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip(".-")
    if clean and clean == text:
        return text
    return "-".join(part for part in (clean, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]) if part)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
