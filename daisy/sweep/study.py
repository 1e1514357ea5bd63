"""The study of a search: what Optuna knows of its trials. The folders are the truth; this follows them."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from daisy.folder import Repeated, SweepFolder, Warm
from daisy.sweep.chosen import Chosen
from daisy.sweep.definition import Search
from daisy.sweep.pruners import pruner
from daisy.sweep.samplers import sampler
from daisy.sweep.space import Space
from daisy.sweep.storage import opened, refusals
from daisy.sweep.trials import TRIAL, Trial

if TYPE_CHECKING:
    import optuna

REPEATS, MODELS = "repeats", "models"  # attributes of Optuna's trials: which trial one repeats, which models it is
ASKED_FOR = "asked_for"  # of one that repeats another: the trial that was being asked for then
JOURNAL = "study.log"
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
LONGEST_ATTRIBUTE = 2000  # characters
STATES = {"done": "COMPLETE", "pruned": "PRUNED", "waiting": "RUNNING", "running": "RUNNING"}  # all others are FAIL


@contextmanager
def alone(sweep: SweepFolder) -> Iterator[None]:
    """Whoever asks or tells does it alone. The lock is the kernel's: it is free as soon as its holder is dead."""
    from filelock import FileLock

    with FileLock(sweep.path / ".study.lock", mode=0o666):
        yield


def study_name(sweep: SweepFolder, base: int) -> str:
    """What a base's study is called in its storage."""
    return sweep.sweep_id if base == 0 else f"{sweep.sweep_id}-{base + 1}"


def told(trials: Sequence["optuna.trial.FrozenTrial"]) -> str:
    """How many trials a study has in each state: `30 complete, 2 pruned`."""
    counts = Counter(one.state.name.lower() for one in trials)
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"


@dataclass(frozen=True)
class Asked:
    """A point that the sampler has asked for.

    `attributes` are what the sampler itself keeps with it: without them a study that is made again would go on otherwise.
    """

    trial: "optuna.trial.Trial"
    point: Mapping[str, Any]
    attributes: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """The point as the study has it."""
        return dict(self.trial.params)


@dataclass(frozen=True)
class Tried:
    """A trial of the study: its number in the sweep (None of earlier models), its values where it is done."""

    number: int | None
    values: Sequence[float] | None


def _guarded(method: Callable[Concatenate["Study", Arguments], Result]) -> Callable[Concatenate["Study", Arguments], Result]:
    """What the disk or the database refuses is told as all else that a person can put right."""

    @wraps(method)
    def guarded(self: "Study", /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with refusals(self.search.storage, self.journal):
            return method(self, *arguments, **named)

    return guarded


class Study:
    """The study of one base of a search. All but `report` only while `alone`."""

    def __init__(
        self, sweep: SweepFolder, base: int, search: Search, space: Callable[[], Space], epochs: int | None = None
    ) -> None:
        import optuna

        self._sweep, self._base, self.search, self._make_space = sweep, base, search, space
        self.journal = sweep.path / JOURNAL
        storage = opened(search.storage, self.journal)
        with refusals(search.storage, self.journal):
            self._study = optuna.create_study(
                storage=storage,
                study_name=study_name(sweep, base),
                directions=list(search.goal.values()),
                sampler=sampler(search.sampler, 0),
                pruner=pruner(search.pruner, epochs),
                load_if_exists=True,
            )

    @cached_property
    def space(self) -> Space:
        """What is searched; reading it needs Hydra."""
        return self._make_space()

    @property
    def pruner_name(self) -> str:
        """The pruner, as the definition has it."""
        return self.search.pruner.name

    @_guarded
    def trials(self) -> list["optuna.trial.FrozenTrial"]:
        """All that the study has."""
        return self._study.get_trials(deepcopy=False)

    def key(self, point: Mapping[str, Any]) -> str:
        """Equal for points that come to the same model: of their numbers the study keeps more digits than are written."""
        return json.dumps(self.space.parameters(self.space.drawn(point)), sort_keys=True)

    @_guarded
    def tried(self) -> dict[str, Tried]:
        """The points that are tried, or were, by their keys."""
        found, noted = {}, frozenset(self._sweep.trials.numbers())
        for one in self.trials():
            if one.user_attrs.get(TRIAL) in noted or MODELS in one.user_attrs:
                point = self.space.point_among(one.params)
                if point is not None:
                    values = one.values if one.state.name == "COMPLETE" else None
                    found[self.key(point)] = Tried(one.user_attrs.get(TRIAL), values)
        return found

    @_guarded
    def ask(self, number: int, point: Mapping[str, Any] | None = None, at_random: bool = False) -> Asked:
        """The next point, for the trial of this number; the sampler's choice, unless one is given, or any will do."""
        import optuna

        trials = self.trials()
        chosen = Chosen("random", {"seed": self.search.sampler.options.get("seed")}) if at_random else self.search.sampler
        self._study.sampler = sampler(chosen, len(trials))
        left_over = self._left_over(trials)
        if point is not None and left_over is None:
            self._study.enqueue_trial(self.space.parameters(point))
        trial = optuna.trial.Trial(self._study, left_over._trial_id) if left_over is not None else self._study.ask()
        point = self.space.suggest(trial)
        trial.set_user_attr(TRIAL, number)  # from now on it counts as tried
        own = trial.storage.get_trial(trial._trial_id).system_attrs
        return Asked(trial, point, {key: value for key, value in own.items() if len(json.dumps(value)) < LONGEST_ATTRIBUTE})

    def _left_over(self, trials: Sequence["optuna.trial.FrozenTrial"]) -> "optuna.trial.FrozenTrial | None":
        """One that was asked for by a job that died before it could note it."""
        noted = frozenset(self._sweep.trials.numbers())
        return next((one for one in trials if one.state.name == "RUNNING" and one.user_attrs.get(TRIAL) not in noted), None)

    @_guarded
    def forsake(self) -> None:
        """No more trials are asked for: what a job asked for that died before it could note it will be none."""
        while (one := self._left_over(self.trials())) is not None:
            self._tell(one.number, "FAIL", None)

    @_guarded
    def repeated(self, asked: Asked, number: int, of: int | None, values: Sequence[float] | None) -> Repeated:
        """Tell at once what a point has come to that had been tried; nothing, where that is not known yet.

        It was asked for to be the trial of this number, whose file is to have it.
        """
        asked.trial.set_user_attr(REPEATS, of)
        asked.trial.set_user_attr(ASKED_FOR, number)
        asked.trial.set_user_attr(TRIAL, None)
        self._tell(asked.trial.number, "COMPLETE" if values is not None else "FAIL", values)
        return Repeated(asked.parameters, of, values)

    @_guarded
    def repeated_before(self, number: int) -> list[Repeated]:
        """Points that had been tried, which a job was told of that died before it could note the trial of this number."""
        own = [one for one in self.trials() if one.user_attrs.get(ASKED_FOR) == number and one.state.is_finished()]
        return [Repeated(one.params, one.user_attrs[REPEATS], one.values) for one in own]

    @_guarded
    def follow(self, numbers: Iterable[int], read: Callable[[int], Trial]) -> list[Trial]:
        """See to it that the study says what the folders do, of the trials with these numbers; those that have changed in it."""
        known = {one.user_attrs[TRIAL]: one for one in self.trials() if one.user_attrs.get(TRIAL) is not None}
        changed = []
        for number in numbers:
            frozen = known.get(number)
            if frozen is None or frozen.state.name in ("RUNNING", "FAIL"):
                trial = read(number)
                if self._follow(frozen, trial):
                    changed.append(trial)
        return changed

    def _follow(self, frozen: "optuna.trial.FrozenTrial | None", trial: Trial) -> bool:
        state = STATES.get(trial.state, "FAIL")
        if frozen is None:
            for one in trial.file.repeated:
                self._add(one.parameters, one.values, {REPEATS: one.of, ASKED_FOR: trial.number})
        if frozen is None or (frozen.state.name == "FAIL" and state != "FAIL"):  # made again, or somebody has gone on with it
            self._add_trial(trial, state)
            return True
        if frozen.state.name == state:
            return False
        for step, value in trial.reports.items():
            if step not in frozen.intermediate_values:
                self._study._storage.set_trial_intermediate_value(frozen._trial_id, step, value)
        self._tell(frozen.number, state, trial.values)
        return True

    def _tell(self, number: int, state: str, values: Sequence[float] | None) -> None:
        from optuna.trial import TrialState

        self._study.tell(number, list(values) if values is not None else None, state=TrialState[state])

    @_guarded
    def running(self, number: int) -> "optuna.trial.Trial | None":
        """The trial of this number, to report to; None where the study has none that runs."""
        import optuna

        own = [one for one in self.trials() if one.user_attrs.get(TRIAL) == number and one.state.name == "RUNNING"]
        return optuna.trial.Trial(self._study, own[-1]._trial_id) if own else None

    @_guarded
    def warm(self, known: Sequence[Warm]) -> None:
        """Give the study the points of earlier models that it does not have yet."""
        there = {json.dumps(one.user_attrs[MODELS]) for one in self.trials() if MODELS in one.user_attrs}
        for one in known:
            if one.base == self._base and json.dumps(one.models) not in there:
                self._add(one.parameters, one.values, {MODELS: list(one.models)})

    def _add(self, parameters: Mapping[str, Any], values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        """A trial that is over."""
        self._create("COMPLETE" if values is not None else "FAIL", parameters, values, attributes)

    def _add_trial(self, trial: Trial, state: str) -> None:
        values, reports = trial.values, trial.reports
        if state == "PRUNED" and reports:
            values = [reports[max(reports)]]  # as Optuna's own `tell` has it
        self._create(state, trial.file.parameters, values, {TRIAL: trial.number}, reports, trial.file.attributes)

    def _create(
        self,
        state: str,
        parameters: Mapping[str, Any],
        values: Sequence[float] | None,
        attributes: Mapping[str, Any],
        reports: Mapping[int, float] | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        from optuna.trial import TrialState, create_trial

        point = self.space.point_among(parameters)
        if point is None:
            return  # the search was extended, and its space is another one now
        trial = create_trial(
            state=TrialState[state],
            values=list(values) if values is not None else None,
            params=dict(parameters),
            distributions=self.space.distributions(point),
            user_attrs=dict(attributes),
            system_attrs=dict(own or {}),
            intermediate_values=dict(reports or {}),
        )
        self._study.add_trial(trial)

    @_guarded
    def forget(self) -> None:
        """Empty the study: it is to be made again from the folders."""
        import optuna

        name, storage = self._study.study_name, self._study._storage
        optuna.delete_study(study_name=name, storage=storage)
        self._study = optuna.create_study(
            storage=storage, study_name=name, directions=list(self.search.goal.values()), pruner=self._study.pruner
        )
