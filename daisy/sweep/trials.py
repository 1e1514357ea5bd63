"""The trials of a search: what has become of each, as the folders say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from daisy.errors import FolderError
from daisy.folder import FINAL, Begun, ModelFolder, Place, SweepFolder, TrialFile

OPEN = ("waiting", "running")
TRIAL = "trial"  # attribute of Optuna's trials: which trial of the sweep one is
REFUSED = "refused"  # no model can be made of the point: its trial has failed


@dataclass(frozen=True)
class TrialModelState:
    """One model of a trial: its id once it has one, its state, what its result.json says."""

    model: str | None
    state: str
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One trial: its state is that of its models. `values` are its goals', over all repeats, once it is done.

    `reports` are the steps and values that its pruner was told, more of them being what the goal wants more of.
    """

    file: TrialFile
    state: str
    values: Sequence[float] | None
    reason: str
    models: Sequence[TrialModelState]
    reports: Mapping[int, float] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Its number in the sweep."""
        return self.file.number

    @property
    def is_open(self) -> bool:
        """Whether something of it waits or runs."""
        return self.state in OPEN


class TrialStates:
    """Reads what has become of the trials of one search, as its folder was when this was made.

    Without `reports` none are read: they are somewhere in files that may be long.
    """

    def __init__(self, sweep: SweepFolder, goal: Mapping[str, str], reports: bool = True) -> None:
        self._sweep, self._goal, self._with_reports = sweep, goal, reports
        self._numbering, self._info = sweep.numbering(), sweep.info()
        self._places = {place.number: place for place in sweep.places()}
        self._workers = frozenset(sweep.workers())

    def all(self) -> Iterator[Trial]:
        """All that were asked for, by number. Raises FolderError."""
        for file in self._sweep.trials.all():
            yield self.of(file)

    def read(self, number: int) -> Trial:
        """One trial that was asked for. Raises FolderError."""
        file = self._sweep.trials.read(number)
        if file is None:
            raise FolderError(f"trial {number} of {self._sweep.sweep_id} is gone: run this again")
        return self.of(file)

    def of(self, file: TrialFile) -> Trial:
        """What has become of one."""
        if file.refused is not None:
            return Trial(file, REFUSED, None, file.refused, ())
        places = self._numbering.places_of(file.number)
        models = [self._model(self._places.get(place)) for place in places]
        state, reason = _state(models)
        values = _values(models, list(self._goal)) if state == "done" else None
        if state == "done" and values is None:
            state, reason = "failed", f"a model of it has no {' or '.join(self._goal)}"
        return Trial(file, state, values, reason, models, self._reports(file, models[0]))

    def _reports(self, file: TrialFile, first: TrialModelState) -> dict[int, float]:
        if file.measure is None or first.model is None or not self._with_reports or not is_measured_now(file, self._info):
            return {}
        told = ModelFolder(self._sweep.models_dir / first.model).judged(file.measure["name"])
        return {step: sign_of(file.measure, self._goal) * value for step, value in told.items()}

    def _model(self, place: Place | None) -> TrialModelState:
        begun = self._sweep.begun(place) if place is not None else Begun()
        if begun.model is None:
            return _not_begun(place, begun)
        try:
            result = ModelFolder(self._sweep.models_dir / begun.model).read_result()
        except FolderError as error:
            return TrialModelState(begun.model, "failed", {"reason": str(error)})
        return TrialModelState(begun.model, self._observed(str(result["state"]), place), result)

    def _observed(self, written: str, place: Place | None) -> str:
        """The state of a model: what its folder says, or what its place says of one that has not come to its end."""
        if place is None or written in FINAL:
            return written
        if place.state == "waiting":
            return "waiting"
        if place.worker in self._workers and written != "failed":
            return "running"  # also while it is being settled what becomes of it
        return written


def is_measured_now(file: TrialFile, info: Mapping[str, Any]) -> bool:
    """Whether a trial has the measure that its search, whose sweep.json this is, has now: an extended one may have another."""
    return bool(file.measure == info.get("measure", file.measure))


def sign_of(measure: Mapping[str, str], goal: Mapping[str, str]) -> float:
    """What a measure is multiplied by, so that a pruner wants more of it where it wants more of the goal."""
    return 1.0 if measure["direction"] == next(iter(goal.values())) else -1.0


def _not_begun(place: Place | None, begun: Begun) -> TrialModelState:
    if place is None or place.state == "waiting":
        return TrialModelState(None, "waiting")
    if begun.reason is not None:
        return TrialModelState(None, "failed", {"reason": begun.reason})
    return TrialModelState(None, "cancelled" if place.state == "cancelled" else "running")


def _state(models: Sequence[TrialModelState]) -> tuple[str, str]:
    """The state of a trial, and why it is that. One whose first model is pruned is over though others of it wait."""
    if models[0].state == "pruned":
        return "pruned", str(models[0].result.get("reason") or "")
    for state in ("failed", "stopped", "cancelled"):
        for model in models:
            if model.state == state:
                return state, str(model.result.get("reason") or "")
    for state in ("running", "waiting"):
        if any(model.state == state for model in models):
            return state, ""
    if pruned := [model.model for model in models if model.state == "pruned"]:
        return "failed", f"{pruned[0]} was pruned, so there is no mean"
    return "done", ""


def _values(models: Sequence[TrialModelState], goals: Sequence[str]) -> list[float] | None:
    """The means of the goals over the models of a trial; None where one has no such figure."""
    found = []
    for goal in goals:
        figures = [value for model in models if (value := figure(model.result, goal)) is not None]
        if len(figures) < len(models):
            return None
        found.append(fmean(figures))
    return found


def figure(result: Mapping[str, Any], goal: str) -> float | None:
    """A figure of a model that may be a goal, from its result.json; None where it has none."""
    if goal == "seconds":
        value = _train_seconds(result)
    elif goal == "bytes":
        value = (result.get("checkpoint") or {}).get("bytes")
    else:
        value = result.get(goal)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _train_seconds(result: Mapping[str, Any]) -> Any:
    """Over all attempts. Of models of before Daisy wrote that down it is known where there was only one attempt."""
    stages = result.get("stages") or {}
    return result.get("train_seconds", stages.get("train") if result.get("attempt") == 1 else None)
