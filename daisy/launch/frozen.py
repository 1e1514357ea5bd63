"""Frozen code: copies of daisy/, conf/, sweeps/ and frameworks/ as they were at submission, kept once for each content.

What is queued runs only these: whatever is edited meanwhile counts for what is submitted later.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from daisy.configuration import Project
from daisy.configuration.project import MARK, PACKAGE
from daisy.files import folder_to_fill
from daisy.folder import CODE

PARTS = ("conf", "sweeps", "frameworks")
OWN = "project"  # where a project's own parts are, beside those that Daisy ships
NOT_CODE = ("__pycache__", "pyvenv.cfg")  # folders so called, and folders with such a file, are left out


def freeze(project: Project, models_dir: Path) -> Path:
    """The folder of the copies, made where it is not there yet, or is not what it should be."""
    with folder_to_fill(models_dir / CODE) as unfinished:
        for name, path in _files(project):
            copy = unfinished / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)  # with its mode: a script may be run
        digest = _digest(unfinished)  # of what was copied, even if a file is being edited
        frozen = models_dir / CODE / digest[:16]
        if frozen.is_dir() and _digest(frozen) != digest:  # edited, or torn by a crash: nothing more may run it
            frozen.rename(frozen.with_name(f".{frozen.name}-{time.time_ns()}"))
        try:
            unfinished.rename(frozen)
        except OSError:
            if not frozen.is_dir():  # else another one was quicker
                raise
        return frozen


def _digest(folder: Path) -> str:
    """A hash over the files of a folder: names, modes, contents. What Python compiles beside them does not count."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and NOT_CODE[0] not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{path.stat().st_mode}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def thawed(root: Path, code: Path) -> Project:
    """The project at `root` with the frozen code in `code`."""
    shipped = code if (code / "frameworks").is_dir() else code / "daisy"
    return Project(root, shipped, code / OWN if (code / OWN).is_dir() else shipped)


def _files(project: Project) -> Iterator[tuple[str, Path]]:
    """Each file with its name in the copy."""
    yield from _within(PACKAGE, "daisy")
    for part in PARTS:
        if project.shipped != PACKAGE:  # a wheel has them within
            yield from _within(project.shipped / part, part)
        if project.root != project.shipped:
            yield from _within(project.root / part, f"{OWN}/{part}")
    yield (MARK if project.root == project.shipped else f"{OWN}/{MARK}"), project.root / MARK


def _within(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in NOT_CODE or path.suffix == ".pyc":
            continue
        if path.is_dir():
            leads_back = path.is_symlink() and folder.resolve().is_relative_to(path.resolve())
            if not leads_back and not any((path / mark).is_file() for mark in NOT_CODE):
                yield from _within(path, f"{name}/{path.name}")
        elif path.is_file():
            yield f"{name}/{path.name}", path
