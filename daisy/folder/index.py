"""What was read from the folders of models, kept in one file: a cache over them, which can be deleted at any moment."""

import json
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daisy.files import replacing

FORMAT = 1  # in the name too: two versions of Daisy in one models_dir leave each other's alone
WORTH_WRITING = 20  # models that are news, or a hundredth of all: fewer are sooner read again than all are written
TICK = 2_000_000_000  # nanoseconds: the coarsest clock of a file system (FAT)


def kept(models_dir: Path, name: str, columns: Sequence[str]) -> dict[str, Any]:
    """What was kept for each model; nothing where the file is missing, damaged, or of a Daisy that keeps other columns."""
    try:
        header, _, body = _path(models_dir, name).read_bytes().partition(b"\n")
    except OSError:
        return {}
    if header != _header(columns, body):
        return {}
    entries: dict[str, Any] = json.loads(body)
    return entries


def keep(models_dir: Path, name: str, columns: Sequence[str], entries: Mapping[str, Any], news: int) -> None:
    """Replace the file where that is worth it: `news` models came, went or changed since it was written.

    Of two processes that write at once the last one wins: what the other one knew is read from its folder again. Where nothing
    can be written nothing happens.
    """
    if news < max(WORTH_WRITING, len(entries) // 100):
        return
    body = json.dumps(entries, separators=(",", ":")).encode("ascii")
    try:
        with replacing(_path(models_dir, name)) as file:
            file.write(_header(columns, body) + b"\n" + body)
    except OSError:
        return  # a folder of somebody else's, or a full disk: it works too, only slower


def now(models_dir: Path) -> int | None:
    """The time there, in nanoseconds, by the clock that gives files their times; None where nothing can be written."""
    try:
        with tempfile.TemporaryFile(dir=models_dir) as file:
            return os.fstat(file.fileno()).st_ctime_ns
    except OSError:
        return None


def _path(models_dir: Path, name: str) -> Path:
    return models_dir / f".{name}-{FORMAT}.json"


def _header(columns: Sequence[str], body: bytes) -> bytes:
    """What stands before the entries; it is another one where anything of them is not as it was written."""
    return json.dumps({"format": FORMAT, "columns": list(columns), "crc32": zlib.crc32(body)}).encode("ascii")
