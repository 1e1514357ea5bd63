"""The places of a sweep: a file a model, in the folder that says its state; the file says what has become of it."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATES_OF_PLACES = ("cancelled", "claimed", "waiting")  # in this order: put back and not yet taken away, it waits
NUMBER = re.compile(r"(?P<number>\d+)(@(?P<worker>[^@/]+))?\.json")


@dataclass(frozen=True)
class Place:
    """Where one model of a sweep is: waiting, claimed (by `worker`) or cancelled."""

    number: int
    state: str
    path: Path
    worker: str | None = None


@dataclass(frozen=True)
class Waiting:
    """One model of a new sweep: what its config.json will have, and the id of the stopped model that it goes on from.

    A failed one is gone on with only where that was asked for (`even_failed`); else it starts anew.
    """

    config: Mapping[str, Any]
    model: str | None = None
    even_failed: bool = False


@dataclass(frozen=True)
class Begun:
    """What has become of one model of a sweep: its id once it has one, how often it was begun, why it could not be.

    `out_of_memory`: it went on after it had run out of memory, which it does once.
    """

    model: str | None = None
    starts: int = 0
    even_failed: bool = False
    reason: str | None = None
    out_of_memory: bool = False


def places_in(sweep: Path, states: Iterable[str]) -> list[Place]:
    """The places of a sweep's folder that are in these states, by number."""
    found: dict[int, Place] = {}
    for state in states:
        for name in listed(sweep / state):
            if match := NUMBER.fullmatch(name):
                number = int(match["number"])
                found[number] = Place(number, state, sweep / state / name, match["worker"])
    return [found[number] for number in sorted(found)]


def listed(folder: Path) -> list[str]:
    """The names in a folder, sorted; none where it is not there."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []


def moved(path: Path, target: Path) -> bool:
    """Rename a file; False where it is there no longer."""
    try:
        path.rename(target)
    except FileNotFoundError:
        return False
    return True
