"""The folder of a sweep: what one command launched, a file a model. Claiming one is a rename: of all who try, one wins."""

import json
import os
import shutil
from collections.abc import Collection, Container, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.files import read_json, replacing, write_json
from daisy.folder.attempt import Attempt
from daisy.folder.places import STATES_OF_PLACES, Begun, Place, listed, moved, places_in
from daisy.folder.trials import Numbering, TrialModel, Trials

INFO = "sweep.json"
MODELS = "models.jsonl"
HELD, OVER = "held.json", "over.json"
SETTLED = "settled"  # instead of a worker
FORMAT = 1


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

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Replace sweep.json: a search may be extended, and go on somewhere else."""
        write_json(self.path / INFO, info)

    def run_from_now_on(self, code: Path) -> None:
        """What waits is to run other frozen copies than before."""
        link = self.path / f".code-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(code, self.path))
        link.replace(self.code)

    def add_patch(self, name: str, patch: bytes) -> None:
        """Keep what was not committed, where it is not kept yet."""
        if not (self.path / name).exists():
            with replacing(self.path / name) as file:
                file.write(patch)

    @property
    def trials(self) -> Trials:
        """The trials of a search; nothing is there of other sweeps."""
        return Trials(self.path / "trials")

    @property
    def is_search(self) -> bool:
        """Whether its models are known only when a job asks for them."""
        return self.trials.path.is_dir()

    def numbering(self) -> Numbering:
        """Which places belong to which trial of this search. Raises FolderError where it is none."""
        return self._numbering_of(self.info())

    def _numbering_of(self, info: Mapping[str, Any]) -> Numbering:
        try:
            return Numbering.from_json(info["numbering"])
        except (KeyError, TypeError, ValueError):
            raise FolderError(f"{self.path / INFO} does not say what is searched: move the folder {self.path} away") from None

    def add_places(self, numbers: Iterable[int]) -> None:
        """Models that wait from now on."""
        for number in numbers:
            (self.path / "waiting" / f"{number:05}.json").touch()

    def identities(self, numbers: Collection[int] | None = None) -> dict[int, str]:
        """The identities of its models as far as they are known, by number; only of these numbers where they are given.

        Raises FolderError.
        """
        info = self.info()
        if "numbering" not in info:
            return {number: str(one) for number, one in enumerate(info["identities"], 1) if numbers is None or number in numbers}
        found = self._drawn(info, range(1, int(info["count"]) + 1) if numbers is None else numbers)
        return {number: model.identity for number, model in found.items()}

    def _drawn(self, info: Mapping[str, Any], numbers: Iterable[int]) -> dict[int, TrialModel]:
        """The models of a search that were asked for, by number."""
        numbering = self._numbering_of(info)
        asked = {trial: self.trials.read(trial) for trial in {*map(numbering.trial_of, numbers)} & {*self.trials.numbers()}}
        return {
            number: self.trials.model(trial, numbering.repeat_of(number))
            for number in numbers
            if (trial := asked.get(numbering.trial_of(number))) is not None and trial.models
        }

    def places(self, *states: str) -> list[Place]:
        """Where its models are, by number; only those in these states where some are named."""
        return places_in(self.path, states or STATES_OF_PLACES)

    def waiting(self) -> int:
        """How many wait."""
        return len(listed(self.path / "waiting"))

    def config(self, number: int) -> dict[str, Any]:
        """What the config.json of a model of this sweep has. Raises FolderError where it is damaged, gone, or not known yet."""
        found = self.some_configs([number])
        if number not in found:
            raise FolderError(f"{self.sweep_id}/{number} is asked for when a job begins it: `daisy sweep {self.sweep_id}`")
        return found[number]

    def some_configs(self, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
        """The same of several models, by number; of a search only those that are known."""
        if self.is_search:
            return {number: dict(model.config) for number, model in self._drawn(self.info(), numbers).items()}
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

    def begun(self, place: Place) -> Begun:
        """What has become of a model so far. An empty file says the same as none: nothing."""
        try:
            content = read_json(place.path)
            even_failed, out_of_memory = (bool(content.get(key, False)) for key in ("even_failed", "out_of_memory"))
            return Begun(content["model"], int(content["starts"]), even_failed, content.get("reason"), out_of_memory)
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
        before = self.begun(place)
        write_json(place.path, {"model": model, "starts": before.starts + 1, "out_of_memory": before.out_of_memory})

    def note_out_of_memory(self, place: Place) -> None:
        """A claimed one has run out of memory, and is to go on."""
        before = self.begun(place)
        write_json(place.path, {"model": before.model, "starts": before.starts, "out_of_memory": True})

    def give_up(self, place: Place, reason: str) -> None:
        """A claimed one could not be begun: it stays where it is, and nobody claims it again until somebody asks for it."""
        before = self.begun(place)
        write_json(place.path, {"model": before.model, "starts": before.starts + 1, "reason": reason})

    def claimed_by(self, worker: str) -> Place | None:
        """What a worker has claimed; None where nothing is."""
        return next((place for place in self.places("claimed") if place.worker == worker), None)

    def put_back(self, place: Place) -> bool:
        """A claimed one waits again. False where it is claimed no longer."""
        return moved(place.path, self.path / "waiting" / f"{place.number:05}.json")

    def begin_anew(self, place: Place) -> bool:
        """A claimed one waits again, as if it had never been begun. False where it is claimed no longer."""
        write_json(place.path, {"model": None, "starts": 0})
        return self.put_back(place)

    def cancel(self, place: Place) -> bool:
        """One that waits, or was given up, will not be trained. False where it is there no longer."""
        return moved(place.path, self.path / "cancelled" / f"{place.number:05}.json")

    def stands_for(self, place: Place, model: str) -> None:
        """A claimed one is to go on from a model that is there already."""
        write_json(place.path, {"model": model, "starts": self.begun(place).starts})

    def settle(self, place: Place, model: str | None, reason: str | None = None) -> None:
        """A claimed one needs no worker: it is a model that is there already, or can't be trained for a reason."""
        write_json(place.path, {"model": model, "starts": 0, "reason": reason})
        place.path.rename(self.path / "claimed" / f"{place.number:05}@{SETTLED}.json")

    def over(self) -> dict[int, str]:
        """Why a search asks for no more trials, by the number of its base; empty while it goes on."""
        try:
            return {int(base): str(reason) for base, reason in read_json(self.path / OVER).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise FolderError(f"{self.path / OVER} can't be read ({error}): remove it") from None

    def end(self, reasons: Mapping[int, str]) -> None:
        """Note why a search asks for no more trials. None are over where there are no reasons."""
        write_json(self.path / OVER, {str(base): reason for base, reason in reasons.items()})

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
        return [name.removesuffix(".json") for name in listed(self.path / "workers") if name.endswith(".json")]

    def worker(self, worker: str) -> Attempt | None:
        """Who a worker is; None where nothing says so."""
        try:
            return Attempt(**read_json(self._worker(worker)))
        except (OSError, ValueError, TypeError):
            return None

    def _worker(self, worker: str) -> Path:
        return self.path / "workers" / f"{worker}.json"
