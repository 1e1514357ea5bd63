"""The folder of a sweep: what one command launched, a file a model. Claiming one is a rename: of all who try, one wins."""

import json
import os
import re
import shutil
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from daisy.errors import FolderError, ModelError
from daisy.files import folder_to_fill, read_json, replacing, sync_folder, write_json
from daisy.folder.attempt import Attempt

SWEEPS = ".sweeps"
INFO = "sweep.json"
CODE = ".code"
MODELS = "models.jsonl"
HELD = "held.json"
FORMAT = 1
NUMBER = re.compile(r"(?P<number>\d+)(@(?P<worker>[^@/]+))?\.json")
SWEEP_ID = re.compile(r"s\d+__[^/]+", re.ASCII)
BEGIN_OF_AN_ID = re.compile(r"s\d{9,}(_.*)?", re.ASCII | re.DOTALL)  # `s2` may be part of a model's id


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
    """What has become of one model of a sweep: its id once it has one, how often it was begun, why it could not be."""

    model: str | None = None
    starts: int = 0
    even_failed: bool = False
    reason: str | None = None


class SweepFolder:
    """The folder of one sweep. The names of its files are the ones of the design."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def sweep_id(self) -> str:
        """The sweep's id: the folder's name."""
        return self.path.name

    @property
    def models_dir(self) -> Path:
        """Where its models go."""
        return self.path.parent.parent

    @property
    def code(self) -> Path:
        """The frozen copies of daisy/ and frameworks/ that its models run."""
        return self.path / "code"

    @property
    def slurm(self) -> Path:
        """submitit's files."""
        return self.path / "slurm"

    @property
    def output(self) -> Path:
        """What its workers printed that belongs to no model."""
        return self.path / "output"

    def info(self) -> dict[str, Any]:
        """The content of sweep.json. Raises FolderError where it is missing or damaged."""
        path = self.path / INFO
        try:
            content = read_json(path)
            if content["format"] != FORMAT:
                raise FolderError(f"{path} has format {content['format']}, this Daisy reads {FORMAT}: use a newer Daisy")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path} can't be read ({error}): move the folder {self.path} away") from None
        return dict(content)

    def places(self, *states: str) -> list[Place]:
        """Where its models are, by number; only those in these states where some are named."""
        found: dict[int, Place] = {}
        for state in states or ("cancelled", "claimed", "waiting"):  # put back and not yet taken away: it waits
            for name in _names(self.path / state):
                if match := NUMBER.fullmatch(name):
                    number = int(match["number"])
                    found[number] = Place(number, state, self.path / state / name, match["worker"])
        return [found[number] for number in sorted(found)]

    def waiting(self) -> int:
        """How many wait."""
        return len(_names(self.path / "waiting"))

    def config(self, number: int) -> dict[str, Any]:
        """What the config.json of a model of this sweep has. Raises FolderError where it is damaged or gone."""
        return self.some_configs([number])[number]

    def some_configs(self, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
        """The same of several models, by number."""
        path = self.path / MODELS
        try:
            with path.open("rb") as file:
                lines = islice(file, max(numbers, default=0))
                found = {number: dict(json.loads(line)) for number, line in enumerate(lines, 1) if number in numbers}
        except (OSError, ValueError, TypeError) as error:
            raise FolderError(f"{path} can't be read ({error!r}): move the folder {self.path} away") from None
        if len(found) < len(numbers):
            raise FolderError(f"{path} is not whole: move the folder {self.path} away")
        return found

    def configs(self) -> Iterator[dict[str, Any]]:
        """The same of all its models, from the first on. Raises FolderError."""
        path = self.path / MODELS
        try:
            with path.open("rb") as file:
                yield from map(json.loads, file)
        except (OSError, ValueError) as error:
            raise FolderError(f"{path} can't be read ({error!r}): move the folder {self.path} away") from None

    def begun(self, place: Place) -> Begun:
        """What has become of a model so far. An empty file says the same as none: nothing."""
        try:
            content = read_json(place.path)
            return Begun(content["model"], int(content["starts"]), bool(content.get("even_failed", False)), content.get("reason"))
        except (OSError, ValueError, KeyError, TypeError):
            return Begun()

    def claim(self, worker: str, among: Container[int] | None = None) -> Place | None:
        """Take the next model that waits, only one of the numbers `among` where they are given; None where none does."""
        for place in self.places("waiting"):
            if among is not None and place.number not in among:
                continue
            claimed = self.path / "claimed" / f"{place.number:05}@{worker}.json"
            try:
                place.path.rename(claimed)
            except FileNotFoundError:
                continue  # another one was quicker
            return Place(place.number, "claimed", claimed, worker)
        return None

    def begin(self, place: Place, model: str | None) -> None:
        """Note the model that a claimed one has become, and that it was begun once more."""
        write_json(place.path, {"model": model, "starts": self.begun(place).starts + 1})

    def give_up(self, place: Place, reason: str) -> None:
        """A claimed one could not be begun: it stays where it is, and nobody claims it again until somebody asks for it."""
        before = self.begun(place)
        write_json(place.path, {"model": before.model, "starts": before.starts + 1, "reason": reason})

    def claimed_by(self, worker: str) -> Place | None:
        """What a worker has claimed; None where nothing is."""
        return next((place for place in self.places("claimed") if place.worker == worker), None)

    def put_back(self, place: Place) -> bool:
        """A claimed one waits again. False where it is claimed no longer."""
        return _moved(place.path, self.path / "waiting" / f"{place.number:05}.json")

    def cancel(self, place: Place) -> bool:
        """One that waits, or was given up, will not be trained. False where it is there no longer."""
        return _moved(place.path, self.path / "cancelled" / f"{place.number:05}.json")

    def held(self) -> str | None:
        """Why no more of it is launched; None where that goes on."""
        return self._held().get("reason")

    def hold(self, reason: str) -> None:
        """Launch no more of it until `release`."""
        write_json(self.path / HELD, {"reason": reason})

    def release(self, now: float) -> None:
        """Go on. What ended before this moment does not count against it any more."""
        if self._held():
            write_json(self.path / HELD, {"released": now})

    def released(self) -> float:
        """When it was let go on last; 0 where it never had to be."""
        return float(self._held().get("released", 0.0))

    def _held(self) -> dict[str, Any]:
        try:
            return dict(read_json(self.path / HELD))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise FolderError(f"{self.path / HELD} can't be read ({error}): remove it") from None

    def withdraw(self) -> bool:
        """Take a sweep away of which nothing was begun. False where something was: then it stays."""
        if self.places("claimed"):
            return False
        gone = self.path.with_name(f".{self.path.name}")
        self.path.rename(gone)
        shutil.rmtree(gone)
        return True

    def register(self, worker: str) -> None:
        """Note who a worker is: this process."""
        write_json(self._worker(worker), vars(Attempt.of_this_process(0)))

    def deregister(self, worker: str) -> None:
        """A worker has ended, and what it had claimed is settled."""
        self._worker(worker).unlink(missing_ok=True)

    def workers(self) -> list[str]:
        """Those that work, and those that died before they could say how they ended."""
        return [name.removesuffix(".json") for name in _names(self.path / "workers") if name.endswith(".json")]

    def worker(self, worker: str) -> Attempt | None:
        """Who a worker is; None where nothing says so."""
        try:
            return Attempt(**read_json(self._worker(worker)))
        except (OSError, ValueError, TypeError):
            return None

    def _worker(self, worker: str) -> Path:
        return self.path / "workers" / f"{worker}.json"


def create_sweep(
    models_dir: Path,
    name: str,
    info: Mapping[str, Any],
    waiting: Iterable[Waiting],
    code: Path,
    patches: Mapping[str, bytes],
    now: float,
    runner: str | None = None,
) -> SweepFolder:
    """A new sweep's folder, whole or not there: all its models wait.

    `code` is where its frozen copies are, `patches` what was not committed when they were made, `runner` the worker that this
    process is, where it stays and runs them. The id is `s<unix time>__<name>`; a second one of the same second
    gets `__2`, and so on.
    """
    parent = models_dir / SWEEPS
    with folder_to_fill(parent) as unfinished:
        for part in ("waiting", "claimed", "cancelled", "workers", "output", "slurm"):
            (unfinished / part).mkdir()
        with replacing(unfinished / MODELS) as file:
            for number, model in enumerate(waiting, 1):
                file.write(json.dumps(model.config, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")
                begun = ""
                if model.model is not None:
                    begun = json.dumps({"model": model.model, "starts": 1, "even_failed": model.even_failed})
                (unfinished / "waiting" / f"{number:05}.json").write_text(begun)
        for file_name, patch in patches.items():
            (unfinished / file_name).write_bytes(patch)
        if runner is not None:
            SweepFolder(unfinished).register(runner)
        (unfinished / "code").symlink_to(os.path.relpath(code, parent / "any"))
        for folder in (unfinished / "waiting", unfinished):
            sync_folder(folder)
        number = 1
        while True:
            sweep_id = f"s{int(now)}__{name}" + (f"__{number}" if number > 1 else "")
            write_json(unfinished / INFO, {"format": FORMAT, "sweep_id": sweep_id, **info})
            try:
                unfinished.rename(parent / sweep_id)
                return SweepFolder(parent / sweep_id)
            except OSError:
                if not (parent / sweep_id).exists():
                    raise
            number += 1


def sweeps(models_dir: Path) -> Iterator[SweepFolder]:
    """The sweeps of a models_dir, in the order of submission."""
    found = [SweepFolder(models_dir / SWEEPS / name) for name in _names(models_dir / SWEEPS) if SWEEP_ID.fullmatch(name)]
    yield from sorted(found, key=_submitted)


def _submitted(sweep: SweepFolder) -> tuple[int, int, str]:
    """When a sweep was submitted: by its name, of two in the same second by the time of its sweep.json, which never changes."""
    try:
        written = (sweep.path / INFO).stat().st_mtime_ns
    except OSError:
        written = 0
    return int(sweep.sweep_id[1:].partition("__")[0]), written, sweep.sweep_id


def patch_name(checksum: str) -> str:
    """The file of a sweep that has what was not committed: frameworks have checkouts of their own."""
    return f"{checksum}.patch"


def is_sweep_id(text: str) -> bool:
    """Whether this is how a sweep's id looks, or its beginning: `s1532308429`."""
    return BEGIN_OF_AN_ID.fullmatch(text) is not None


def find_sweep(models_dir: Path, wanted: str) -> SweepFolder:
    """The sweep that is meant: its id, a unique part of it, or -1 for the newest. Raises ModelError."""
    known = list(sweeps(models_dir))
    if wanted.startswith("-") and wanted[1:].isdigit() and 0 < int(wanted[1:]) <= len(known):
        return known[int(wanted)]
    exact = [sweep for sweep in known if sweep.sweep_id == wanted]
    matches = exact or [sweep for sweep in known if wanted and wanted in sweep.sweep_id]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise ModelError(f"there is no sweep {wanted}: {len(known)} are in {models_dir}; `daisy sweeps` shows them")
    shown = ", ".join(sweep.sweep_id for sweep in matches[-5:])
    raise ModelError(f"{wanted} is part of {len(matches)} sweeps ({shown}): give more of the id")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []


def _moved(path: Path, target: Path) -> bool:
    try:
        path.rename(target)
    except FileNotFoundError:
        return False
    return True
