"""The trials of a search in its sweep's folder: a file each, written once, by the job that asked for the trial."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.files import read_json, write_json

WARM = "warm_start.json"


@dataclass(frozen=True)
class TrialModel:
    """One model of a trial: its repeat's overrides, its identity, what its config.json will have."""

    repeat: Sequence[str]
    identity: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Repeated:
    """A point that the sampler asked for although it had been tried, as the trial `of`; what it was told of it at once."""

    parameters: Mapping[str, Any]
    of: int | None
    values: Sequence[float] | None


@dataclass(frozen=True)
class TrialFile:
    """One trial of a search: the point that was asked for, and the models that it takes; why it can't be trained, if so.

    `parameters` are the point as the study has it, `attributes` what the sampler keeps with it, `measure` what the pruner goes
    by. `base` is the search that it is of, where one command launched several.
    """

    number: int
    base: int
    asked: float
    parameters: Mapping[str, Any]
    point: Mapping[str, Any]
    models: Sequence[TrialModel]
    repeated: Sequence[Repeated] = ()
    refused: str | None = None
    measure: Mapping[str, str] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "TrialFile":
        """As it is on disk. Raises KeyError and TypeError for anything else."""
        models = [TrialModel(**model) for model in content["models"]]
        return cls(**{**content, "models": models, "repeated": [Repeated(**one) for one in content["repeated"]]})


@dataclass(frozen=True)
class Numbering:
    """Which places of a search belong to which trial, and which trials to which base. All numbers but a base's begin at 1.

    Trial n has `repeats` places, one after the other: they are claimed in this order, so that a trial that was asked for is
    whole before the next one begins. `blocks` are bases and how many trials of each follow: a search may be extended.
    """

    repeats: int
    blocks: Sequence[tuple[int, int]]

    @property
    def trials(self) -> int:
        """How many there are in all."""
        return sum(count for _, count in self.blocks)

    @property
    def places(self) -> int:
        """How many models that is."""
        return self.trials * self.repeats

    def trial_of(self, place: int) -> int:
        """The trial of a place."""
        return (place - 1) // self.repeats + 1

    def repeat_of(self, place: int) -> int:
        """Which repeat of its trial a place is, from 0."""
        return (place - 1) % self.repeats

    def places_of(self, trial: int) -> range:
        """The places of a trial."""
        return range((trial - 1) * self.repeats + 1, trial * self.repeats + 1)

    def base_of(self, trial: int) -> int:
        """The base of a trial."""
        last = 0
        for base, count in self.blocks:
            last += count
            if trial <= last:
                return base
        raise FolderError(f"trial {trial} is none of this search, which has {self.trials}: move its file away")

    def to_json(self) -> dict[str, Any]:
        """As sweep.json keeps it."""
        return {"repeats": self.repeats, "blocks": [list(block) for block in self.blocks]}

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> "Numbering":
        """As `to_json` gave it."""
        return cls(int(node["repeats"]), [(int(base), int(count)) for base, count in node["blocks"]])


@dataclass(frozen=True)
class Warm:
    """A point that earlier models have tried, with its goals' values: a finished trial that counts for none."""

    base: int
    parameters: Mapping[str, Any]
    point: Mapping[str, Any]
    values: Sequence[float]
    models: Sequence[str]


@dataclass(frozen=True)
class LeftOut:
    """A model that is none of a search's first points, and why."""

    base: int
    model: str
    why: str


class Trials:
    """The folder `trials/` of a search."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def numbers(self) -> list[int]:
        """The trials that were asked for so far."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())

    def has(self, number: int) -> bool:
        """Whether a trial was asked for."""
        return self._file(number).exists()

    def read(self, number: int) -> TrialFile | None:
        """One trial; None where it was not asked for yet. Raises FolderError where its file is damaged."""
        path = self._file(number)
        try:
            return TrialFile.from_json(read_json(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path} can't be read ({error!r}): move it away, then its trial is asked for anew") from None

    def model(self, trial: TrialFile, repeat: int) -> TrialModel:
        """A model of a trial that can be trained, by its repeat, from 0. Raises FolderError where its file does not have it."""
        if repeat < len(trial.models):
            return trial.models[repeat]
        there = f"{len(trial.models)} model{'' if len(trial.models) == 1 else 's'}"
        told = f"trial {trial.number} has {there}, and is to have {repeat + 1}"
        raise FolderError(f"{told}: move {self._file(trial.number)} away, then it is asked for anew")

    def all(self) -> Iterator[TrialFile]:
        """Those that were asked for, by number. Raises FolderError."""
        for number in self.numbers():
            if (trial := self.read(number)) is not None:
                yield trial

    def write(self, trial: TrialFile) -> None:
        """Note a trial. Whoever sees the file sees all of it."""
        self.path.mkdir(exist_ok=True)
        write_json(self._file(trial.number), asdict(trial))

    def forget(self, number: int) -> None:
        """A trial is to be asked for anew."""
        self._file(number).unlink(missing_ok=True)

    def warm(self) -> list[Warm]:
        """The points of earlier models that it knows. Raises FolderError where their file is damaged."""
        return self._known()[0]

    def left_out(self) -> list[LeftOut]:
        """The models that are none of these points, and why. Raises FolderError where their file is damaged."""
        return self._known()[1]

    def _known(self) -> tuple[list[Warm], list[LeftOut]]:
        path = self.path / WARM
        try:
            known = read_json(path)
            return [Warm(**warm) for warm in known["points"]], [LeftOut(**one) for one in known["left_out"]]
        except FileNotFoundError:
            return [], []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path} can't be read ({error!r}): move it away, then the search goes on without it") from None

    def write_warm(self, points: Sequence[Warm], left_out: Sequence[LeftOut]) -> None:
        """Note the points that it knows, and the models that are none."""
        write_json(self.path / WARM, {"points": list(map(asdict, points)), "left_out": list(map(asdict, left_out))})

    def _file(self, number: int) -> Path:
        return self.path / f"{number:05}.json"
