"""The Pythons that are installed on this machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

QUESTION = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
LONGEST_ANSWER = 30.0  # seconds


def find_python(versions: Sequence[str]) -> Path | None:
    """A Python of one of these versions ("3.7") that can make virtual environments, the first version first."""
    for version in versions:
        for candidate in _candidates(version):
            if _answers(candidate, version):
                return candidate
    return None


def _candidates(version: str) -> Iterator[Path]:
    """On PATH, then where pyenv and uv keep theirs, newest first."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield Path(sys.base_prefix) / "bin" / f"python{version}"
        yield Path(sys.executable)
    for name in (f"python{version}", "python3", "python"):
        if found := shutil.which(name):
            yield Path(found).absolute()
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from _newest_first(pyenv.glob(f"versions/{version}.*/bin/python"))
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from _newest_first(uv.glob(f"cpython-{version}.*/bin/python{version}"))


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    """By the numbers in the name of what they are the bin/python of: 3.7.17 before 3.7.9."""
    return sorted(paths, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parts[-3])], reverse=True)


def _answers(candidate: Path, version: str) -> bool:
    """Whether it runs, is of that version, and can make virtual environments."""
    if not os.access(candidate, os.X_OK):
        return False
    try:
        done = subprocess.run(
            [str(candidate), "-I", "-c", QUESTION],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_ANSWER, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.decode("ascii", "replace").strip() == version
