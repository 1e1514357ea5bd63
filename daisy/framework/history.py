"""What lies between two commits of a repository, and which files a patch changes."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SHORT = 12  # hexadecimal digits: as much of a commit as people need
COMMIT = re.compile(r"[0-9a-f]{7,64}")
OF_A_FILE = re.compile(rb"^(diff --git|rename to|copy to) (.+)$", re.MULTILINE)  # a file's own lines begin otherwise


@dataclass(frozen=True)
class Between:
    """What lies between two commits, the first and the second.

    `ahead`: how many commits the second has that the first lacks; `behind`: the other way round; `files`: those that differ,
    by their names in the folder.
    """

    ahead: int
    behind: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Unknown:
    """That what lies between two commits can't be known, and why."""

    reason: str


def between(folder: Path, first: str, second: str, *parts: str) -> Between | Unknown:
    """What lies between two commits of the repository that a folder is in; of files only those below `parts` of the folder."""
    try:
        for commit in (first, second):
            if not COMMIT.fullmatch(commit):  # it is read from a file: it may be anything, an option of git among it
                return Unknown(f"{commit[:SHORT]} is no commit")
            if _git(folder, "cat-file", "-e", f"{commit}^{{commit}}") is None:
                return Unknown(_why_not(folder, commit))
        counts = _git(folder, "rev-list", "--count", "--left-right", f"{first}...{second}", "--")
        names = _git(
            folder, "diff", "--no-ext-diff", "--no-renames", "--name-only", "--relative", "-z", first, second, "--", *parts
        )
    except OSError as error:
        return Unknown(f"git can't be run here ({error.strerror})")
    if counts is None or names is None:
        return Unknown(f"git can't compare them in {folder}")
    behind, ahead = map(int, counts.split())
    return Between(ahead, behind, tuple(name for name in os.fsdecode(names).split("\0") if name))


def _why_not(folder: Path, commit: str) -> str:
    if _git(folder, "rev-parse", "--git-dir") is None:
        return f"{folder} is in no git repository that can be read"
    return f"commit {commit[:SHORT]} is not in the git repository of {folder}"


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git says; None where it refuses. Raises OSError where it is not there."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def files_of(patch: bytes) -> tuple[str, ...]:
    """The files that a patch of git's changes, in its order; one that was renamed by its new name."""
    found = [_name(line[1].decode(), os.fsdecode(line[2])) for line in OF_A_FILE.finditer(patch)]
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _name(what: str, text: str) -> str | None:
    """Of `a/NAME b/NAME` the name (other letters, or none, are a setting of git's); None of two that are not the same."""
    if what != "diff --git":
        return text.strip('"')
    half = len(text) // 2
    first, second = text[:half].strip('"'), text[half + 1 :].strip('"')
    if first == second:
        return second
    return second[2:] if first[1:] == second[1:] else None  # a line of its own tells the new name
