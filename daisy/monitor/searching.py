"""Looking at a search: everything is from the folders."""

import time
from collections.abc import Mapping, Sequence

from daisy.configuration import Environment
from daisy.errors import FolderError
from daisy.folder import ModelFolder, Place, SweepFolder, Warm
from daisy.launch.evidence import Cluster
from daisy.launch.slots import at_once
from daisy.launch.why import why_of
from daisy.monitor.seen import SeenBase, SeenModel, SeenSearch, SeenTrial
from daisy.monitor.sweeping import left
from daisy.monitor.taken import is_pruned_here, ran, saved
from daisy.registry import DAMAGE, Row, rows_of
from daisy.sweep import Origin, Search, definition_of
from daisy.sweep.trials import Trial, TrialModelState, TrialStates, figure

NOT_RUNNING = ("stopped", "unknown")  # seen of a model whose place says that it runs
OTHER_MACHINE = 10  # models at once, where env does not say: on Slurm


def see(sweep: SweepFolder, cluster: Cluster, reports: bool = False) -> SeenSearch:
    """Look at a search; with the `reports` of its trials where they are wanted. Raises FolderError, ConfigurationError."""
    return Seeing(sweep, cluster, reports).seen()


class Seeing:
    """One look."""

    def __init__(self, sweep: SweepFolder, cluster: Cluster, reports: bool) -> None:
        self._sweep, self._cluster = sweep, cluster
        self._info, self._numbering = sweep.info(), sweep.numbering()
        self._origin = Origin.from_json(self._info["named"])
        definition = definition_of(self._origin)
        if not isinstance(definition, Search):
            raise FolderError(f"{sweep.path} has trials, and sweeps/{self._origin.name}.yaml is no search: move its folder away")
        self._search = definition
        self._warnings: list[str] = []
        self._trials = self._read(TrialStates(sweep, definition.goal, reports))
        self._rows = rows_of(sweep.models_dir, self._model_ids(), cluster)
        self._now = time.time()

    def seen(self) -> SeenSearch:
        """What is known."""
        sweep, places = self._sweep, {place.number: place for place in self._sweep.places()}
        over = sweep.over()
        known = self._known()
        trials = [self._trial(trial) for trial in self._trials]
        names = self._origin.bases
        bases = [self._base(number, names[number], trials, places, over.get(number), known) for number in range(len(names))]
        models = [model for trial in trials for model in trial.models]
        running = [model for model in models if model.state == "running"]
        waiting = sum(base.to_come for base in bases) * self._numbering.repeats
        waiting += sum(model.state == "waiting" for trial in trials if trial.trial.is_open for model in trial.models)
        env = Environment.from_json(self._info["env"])
        slots = env.max_running or (at_once(env) if env.slurm is None else OTHER_MACHINE)
        workers = frozenset(sweep.workers())
        busy = max(len(running), sum(place.worker in workers for place in places.values()))  # with those that just ask
        held = sweep.held()
        pruned = [trial for trial in trials if is_pruned_here(trial)]
        return SeenSearch(
            sweep_id=sweep.sweep_id,
            name=self._origin.name,
            created=float(self._info["created"]),
            search=self._search,
            repeats=list(self._info["search"]["repeats"]),
            measure=self._info.get("measure"),
            bases=bases,
            running=len(running),
            busy=busy,
            waiting=waiting,
            at_once=slots,
            why_waiting=self._why() if waiting and not running else None,
            held=held,
            seconds_left=self._left(models, running, waiting, min(slots, busy)) if held is None else None,
            seconds=sum(model.seconds or 0.0 for model in models if model.is_own),
            saved=saved(pruned),
            pruned=len(pruned),
            warnings=self._warnings,
        )

    def _read(self, states: TrialStates) -> list[Trial]:
        """The trials by number; of one that can't be read there is a warning."""
        found = []
        for number in self._sweep.trials.numbers():
            try:
                self._numbering.base_of(number)
                found.append(states.read(number))
            except FolderError as error:
                self._warnings.append(str(error))
            except DAMAGE as error:
                path = self._sweep.trials.path / f"{number:05}.json"
                self._warnings.append(f"{path} is damaged ({error!r}): move it away, then its trial is asked for anew")
        return found

    def _known(self) -> list[Warm]:
        try:
            return self._sweep.trials.warm()
        except FolderError as error:
            self._warnings.append(str(error))
            return []

    def _model_ids(self) -> list[str]:
        return [*dict.fromkeys(model.model for trial in self._trials for model in trial.models if model.model is not None)]

    def _trial(self, trial: Trial) -> SeenTrial:
        models = [self._model(model) for model in trial.models]
        state = trial.state
        if state == "running" and not any(model.state == "running" for model in models):
            state = next((model.state for model in models if model.state in NOT_RUNNING), state)
        return SeenTrial(trial, state, models, list(self._search.goal))

    def _model(self, model: TrialModelState) -> SeenModel:
        row = self._rows.get(model.model) if model.model is not None else None
        state = row.state if row is not None and model.state == "running" and row.state in NOT_RUNNING else model.state
        seconds, trained = self._times(model, row)
        goals = {goal: value for goal in self._search.goal if (value := figure(model.result, goal)) is not None}
        is_own = row is not None and (row.sweep or "").rpartition("/")[0] == self._sweep.sweep_id
        return SeenModel(model.model, state, seconds, trained, goals, is_own, row)

    def _times(self, model: TrialModelState, row: Row | None) -> tuple[float | None, float | None]:
        """How long a model has run, with what the attempts before this one have trained; how long it has trained, over all."""
        if row is None or model.model is None:
            return None, None
        result = model.result
        before = ModelFolder(self._sweep.models_dir / model.model).seconds_before(int(result.get("attempt") or 1))
        trained = row.seconds if row.state == "running" and row.started is not None else figure(result, "seconds")
        return ran(model, row, before, self._now), trained

    def _base(
        self,
        number: int,
        overrides: Sequence[str],
        trials: Sequence[SeenTrial],
        places: Mapping[int, Place],
        over: str | None,
        known: Sequence[Warm],
    ) -> SeenBase:
        numbering = self._numbering
        own = [one for one in range(1, numbering.trials + 1) if numbering.base_of(one) == number]
        asked = {trial.number for trial in trials}
        left_over = [one for one in own if one not in asked]
        coming = [
            one
            for one in left_over
            if any((place := places.get(p)) is not None and place.state != "cancelled" for p in numbering.places_of(one))
        ]
        return SeenBase(
            number=number,
            overrides=overrides,
            goal=self._search.goal,
            count=len(own),
            trials=[trial for trial in trials if numbering.base_of(trial.number) == number],
            to_come=len(coming),
            cancelled=len(left_over) - len(coming) if over is None else 0,
            over=over,
            known=[warm for warm in known if warm.base == number],
        )

    def _why(self) -> str:
        tags = self._info.get("tags")
        return why_of(self._sweep, self._info, str(tags[0]) if tags else None, self._cluster)

    def _left(self, models: Sequence[SeenModel], running: Sequence[SeenModel], waiting: int, slots: int) -> float | None:
        """Until all have ended, with as many at once as run now: others may have the rest. None where nobody knows."""
        took = [model.seconds for model in models if model.state in ("done", "pruned") and model.seconds is not None]
        if not running or not took:
            return None
        return left(took, [model.seconds or 0.0 for model in running], waiting, slots)
