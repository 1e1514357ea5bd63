"""The checkout of a framework that runs from one: where it is, at which commit, with which patch."""

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.configuration import Project
from daisy.errors import FrameworkError
from daisy.framework.installed import Installed

MARK = ".daisy-whole"  # in an environment and in a checkout: its last step was done
COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Source:
    """A checkout. `commit` is None for a folder that is none of git's; `patch` what is changed in it and not committed."""

    folder: Path
    commit: str | None
    patch: bytes

    def to_json(self) -> dict[str, Any]:
        """As config.json keeps it; the patch lies beside it."""
        patch = hashlib.sha256(self.patch).hexdigest() if self.patch else None
        return {"folder": str(self.folder), "commit": self.commit, "patch": patch}


@dataclass(frozen=True)
class Pinned:
    """A git URL with the commit that is meant."""

    url: str
    commit: str


def pinned(text: str, framework: str) -> Pinned | None:
    """What `framework.source` says, where it is a URL; None for a path. Raises FrameworkError for a URL without a commit."""
    if "://" not in text and not text.startswith("git@"):
        return None
    url, _, commit = text.rpartition("@")
    if not COMMIT.fullmatch(commit) or url in ("", "git"):
        raise FrameworkError(f"framework.source={text} of {framework}: pin the commit that is meant, URL@COMMIT")
    return Pinned(url, commit)


def source_of(
    project: Project, framework: str, asked: str | None, installed: Installed | None, set_up: Callable[[], str]
) -> Source | None:
    """The checkout that `framework.source` asks for: a path, or what a setup has fetched; `set_up` tells the command for that.

    Raises FrameworkError where it is not there.
    """
    if not asked:
        return None
    if pinned(asked, framework) is None:
        folder = project.absolute(asked)
        if not folder.is_dir():
            raise FrameworkError(
                f"framework.source={asked}: there is no folder {folder}; give the path of {framework}'s checkout"
            )
        return look_at(folder)
    if installed is None or installed.source is None or installed.source_asked != asked or not Path(installed.source).is_dir():
        raise FrameworkError(f"{framework} is not set up here: `{set_up()}` fetches {asked}, `--source PATH` takes a checkout")
    return look_at(Path(installed.source))


def look_at(folder: Path, *parts: str) -> Source:
    """A checkout as it is now; only some `parts` of it count, where they are named.

    A folder of which git tracks nothing has no commit, whatever is around it.
    """
    parts = parts or (".",)
    commit = _git(folder, "rev-parse", "HEAD").decode("ascii").strip()
    if not commit or not _git(folder, "ls-files", "--", "."):
        return Source(folder, None, b"")
    diff = ("diff", "--no-ext-diff", "--no-color", "--binary")
    changed = _git(folder, *diff, "HEAD", "--", *parts)
    added = [_git(folder, *diff, "--no-index", "--", os.devnull, name, differs=True) for name in _untracked(folder, parts)]
    return Source(folder, commit, changed + b"".join(added))


def _untracked(folder: Path, parts: Sequence[str]) -> list[str]:
    """The new files that git does not ignore; not what Python compiles, nor Daisy's own mark."""
    listed = os.fsdecode(_git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", *parts))
    return [name for name in listed.split("\0") if name and not name.endswith((".pyc", MARK))]


def _git(folder: Path, *arguments: str, differs: bool = False) -> bytes:
    """What git says; nothing where it has nothing to say, or is not there. With `differs` its exit code is that of diff."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return b""
    return done.stdout if done.returncode == 0 or (differs and done.returncode == 1) else b""
