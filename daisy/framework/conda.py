"""Which conda environments are there: asked before one is made, as `conda create --yes` removes one that is."""

import json
import subprocess
from pathlib import Path

from daisy.errors import FrameworkError

LONGEST_ANSWER = 60.0  # seconds: conda itself takes some to start


def which(place: str) -> list[str]:
    """How conda's commands are told an environment: by its name, or by its folder where there is a `/` in it."""
    return ["--prefix" if "/" in place else "--name", place]


def python_in(place: str) -> str | None:
    """What the Python of an environment says of itself; None where there is no such environment.

    Raises FrameworkError for one that is there and does not answer.
    """
    answer = _asked("run", "--no-capture-output", *which(place), "python", "-V")
    if answer is not None:
        return answer.strip() or "Python 2"  # which says so on stderr
    if folder_of(place) is not None:
        raise FrameworkError(
            f"conda has the environment {place}, and no Python answers in it: mend it, remove it (`conda env remove "
            f"{' '.join(which(place))}`), or name another one"
        )
    return None


def folder_of(place: str) -> Path | None:
    """Where an environment is; None where there is none, or no conda that knows of it."""
    if "/" in place:
        folder = Path(place).expanduser()
        return folder if folder.exists() else None
    if place == "base":
        told = (_asked("info", "--base") or "").strip()
        return Path(told) if told else None
    try:
        folders = json.loads(_asked("env", "list", "--json") or "{}").get("envs", [])
    except (ValueError, AttributeError):
        return None
    return next((Path(str(folder)) for folder in folders if Path(str(folder)).name == place), None)


def _asked(*arguments: str) -> str | None:
    """What conda prints, without its warnings; None where it has no good answer, or is not here."""
    try:
        done = subprocess.run(
            ["conda", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_ANSWER, check=False
        )
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        words = " ".join(arguments)
        raise FrameworkError(
            f"`conda {words}` did not answer in {LONGEST_ANSWER:g} seconds: try it, and run this again"
        ) from None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
