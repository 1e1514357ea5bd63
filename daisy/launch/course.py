"""How far a sweep is: what runs of it, what has ended, and who is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from daisy.errors import FolderError
from daisy.folder import ModelFolder


@dataclass(frozen=True)
class Running:
    """A model that runs; no folder before its process has made one."""

    number: int | None
    folder: ModelFolder | None
    began: float


@dataclass(frozen=True)
class Ended:
    """A model that has ended, as its result.json says; without a folder what its process printed."""

    number: int | None
    folder: ModelFolder | None
    state: str
    reason: str
    accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class Course:
    """How far a sweep is."""

    waiting: int
    running: Sequence[Running]
    ended: Sequence[Ended]
    stopping: bool = False


class Watcher(Protocol):
    """Told of a sweep's course while it happens."""

    def look(self, course: Course) -> None:
        """Called ten times a second."""

    def ended(self, model: Ended, course: Course) -> None:
        """A model has ended."""

    def say(self, text: str) -> None:
        """Something worth a line has happened."""


def ended_as(number: int | None, folder: ModelFolder, killed: str, seconds: float) -> Ended:
    """How a model has ended, as its folder says; `killed` is the reason of one whose process could not write it."""
    try:
        result: Mapping[str, object] = folder.read_result()
    except FolderError as error:
        return Ended(number, folder, "failed", str(error), None, seconds)
    state, accuracy, took = str(result["state"]), result.get("accuracy"), result.get("seconds")
    if state == "running":
        state, result = "stopped", {"reason": killed}
    return Ended(
        number, folder, state, str(result.get("reason", "")), accuracy if isinstance(accuracy, float) else None,
        seconds or (took if isinstance(took, float) else 0.0),
    )  # fmt: skip
