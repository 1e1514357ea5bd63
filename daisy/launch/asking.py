"""A job of a search has claimed a place: it asks for its trial, and knows then which model that is."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import Any

from daisy.errors import ConfigurationError, DatasetError, FrameworkError
from daisy.files import sha256
from daisy.folder import SOURCE_PATCH, Place, Repeated, SweepFolder, TrialFile, TrialModel, by_identity, patch_name
from daisy.launch.elsewhere import in_sweeps
from daisy.launch.evidence import Cluster
from daisy.launch.planning import Plan, Planner, measured
from daisy.launch.recovery import claiming, locked
from daisy.launch.searching import up_to_date
from daisy.launch.starting import Already, counting
from daisy.sweep.study import Asked, Study, Tried, alone
from daisy.sweep.trials import TrialStates

MOST_REPEATED = 10  # points in a row that had been tried: then others are taken than the sampler asks for
MOST_AT_RANDOM = 1000
MOST_GONE_THROUGH = 100_000  # points of a space
BEGINS_WITHIN = 30.0  # seconds: what another job has claimed is a model then


def next_to_train(sweep: SweepFolder, worker: str, place: Place) -> Place | None:
    """The place that this worker is to train: the one that it has claimed, else another one of the same search.

    What needs no training is settled on the way. None where nothing is left. Raises DaisyError where that can't be found out.
    """
    asking: Asking | None = None
    claimed: Place | None = place
    while claimed is not None:
        asking = asking or Asking(sweep)
        if asking.is_to_be_trained(claimed):
            return claimed
        with claiming(sweep.models_dir):
            claimed = sweep.claim(worker) if sweep.held() is None else None
    return None


class Asking:
    """One job that asks."""

    def __init__(self, sweep: SweepFolder) -> None:
        self._sweep, self._searching = sweep, up_to_date(sweep)

    def is_to_be_trained(self, place: Place) -> bool:
        """Whether there is a model to train for a place that this job has claimed; else it is settled."""
        number = self._searching.numbering.trial_of(place.number)
        if not self._sweep.trials.has(number):
            self._searching.prepare(self._searching.numbering.base_of(number))
        until = time.monotonic() + BEGINS_WITHIN
        while (found := self._looked_at(place, number, time.monotonic() < until)) is None:
            time.sleep(0.5)
        return found

    def _looked_at(self, place: Place, number: int, patiently: bool) -> bool | None:
        """The same. None where another job is about to begin this very model, which is waited for `patiently`."""
        sweep = self._sweep
        with alone(sweep):
            trial = sweep.trials.read(number) or self._asked(number)
            if trial is None:
                sweep.cancel(place)
                return False
            if trial.refused is not None:
                sweep.settle(place, None, trial.refused)
                return False
            if sweep.begun(place).model is not None:
                return True
            if not TrialStates(sweep, self._searching.search.goal).of(trial).is_open:
                sweep.cancel(place)  # another one of its models was pruned, or has failed
                return False
            is_new = self._is_new(place, trial, patiently)
            if is_new is False:
                self._searching.settle(trial.base)  # no job of this search ends that would tell the study of it
            return is_new

    def _is_new(self, place: Place, trial: TrialFile, patiently: bool) -> bool | None:
        """Whether nobody has trained this model, or trains it; None where another job is about to and that is waited for.

        One that waits elsewhere is trained here now. Another search finds it when it comes to it. One that was pruned elsewhere
        counts only where it may be pruned here, too: else its trial would have no value.
        """
        repeat = self._searching.numbering.repeat_of(place.number)
        model, may_be_pruned = self._sweep.trials.model(trial, repeat), trial.measure is not None and repeat == 0
        identity, models_dir = model.identity, self._sweep.models_dir
        with locked(models_dir):
            other = in_sweeps(models_dir, {identity}, mend=True, apart=(self._sweep.sweep_id, place.number)).get(identity)
            there = counting(model.config, by_identity(models_dir).get(identity, []), Cluster())
            if isinstance(there, Already) and there.state == "pruned" and not may_be_pruned:
                there = None
            if patiently and there is None and other is not None and other.place.state == "claimed":
                return None
            if isinstance(there, Already) and there.folder is not None:
                self._sweep.settle(place, there.folder.model_id)
                return False
            if other is not None and other.place.state == "waiting" and not other.sweep.is_search:
                other.taken_over()
            if there is not None and not isinstance(there, Already):
                self._sweep.stands_for(place, there.model_id)
            return True

    def _asked(self, number: int) -> TrialFile | None:
        """The trial of this number, asked for and noted; None where no more are asked for."""
        base = self._searching.numbering.base_of(number)
        study = self._searching.settle(base)
        if base in self._sweep.over():
            return None
        found = self._untried(study, number)
        if found is None:
            self._searching.end(base, "all points of its space have been tried")
            return None
        asked, repeated = found
        trial = self._trial(number, base, asked, repeated)
        self._sweep.trials.write(trial)
        if trial.refused is not None:
            study.follow([number], TrialStates(self._sweep, self._searching.search.goal).read)
            self._hold_if_all_are_refused(trial.refused)
        return trial

    def _hold_if_all_are_refused(self, why: str) -> None:
        most = self._searching.env.stop_after_same_failures
        numbers = self._sweep.trials.numbers()
        if most and len(numbers) == most and all(trial.refused for trial in self._sweep.trials.all()):
            self._sweep.hold(f"the first {most} points can't be trained ({why})")

    def _untried(self, study: Study, number: int) -> tuple[Asked, list[Repeated]] | None:
        """A point that was not tried yet, and those that the sampler asked for before it; None where there is no more."""
        tried = study.tried()
        space, repeated = study.space, study.repeated_before(number)
        count = space.count()
        while count is None or len(tried) < count:
            insists = len(repeated) >= MOST_REPEATED
            is_listed = count is not None and count <= MOST_GONE_THROUGH
            point = self._some_other(study, number, tried) if insists and is_listed else None
            asked = study.ask(number, point, at_random=insists)
            known = tried.get(study.key(asked.point))
            if known is None:
                return asked, repeated
            repeated.append(study.repeated(asked, number, known.number, known.values))
            if len(repeated) >= MOST_AT_RANDOM:
                return None
        return None

    def _some_other(self, study: Study, number: int, tried: Mapping[str, Tried]) -> Mapping[str, Any] | None:
        left = [point for point in study.space.points() if study.key(point) not in tried]
        seed = self._searching.search.sampler.options.get("seed")
        return Random(None if seed is None else f"{seed} {number}").choice(left) if left else None

    def _trial(self, number: int, base: int, asked: Asked, repeated: Sequence[Repeated]) -> TrialFile:
        """What a point comes to: a model for each repeat."""
        point, plans, refused = asked.point, list[Plan](), None
        try:
            plans = [self._planned(base, point, repeat) for repeat in self._searching.repeats]
        except (DatasetError, FrameworkError):
            raise  # what this machine lacks is not the point's fault
        except ConfigurationError as error:
            refused = str(error)
        models = [
            TrialModel(list(repeat), planned.identity, planned.content)
            for repeat, planned in zip(self._searching.repeats, plans, strict=refused is None)
        ]
        measure = self._measure(plans[0]) if plans and self._searching.search.prunes else None
        return TrialFile(
            number, base, time.time(), asked.parameters, dict(point), models, repeated, refused, measure, asked.attributes
        )

    def _planned(self, base: int, point: Mapping[str, Any], repeat: Sequence[str]) -> Plan:
        searching = self._searching
        texts = [*searching.texts(base), *searching.space.overrides(point), *repeat]
        configuration = replace(searching.composer.compose(texts), env=searching.env, again=False)
        planned = self._planner.plan(configuration)
        if (patch := planned.patches.get(SOURCE_PATCH)) is not None:  # it may have been edited since the submission
            self._sweep.add_patch(patch_name(sha256(patch)), patch)
        return planned

    def _measure(self, planned: Plan) -> Mapping[str, str]:
        measure = measured(planned, self._searching.search.measure)
        return {"name": measure.name, "direction": measure.direction}

    @cached_property
    def _planner(self) -> Planner:
        return Planner(self._searching.project, print, state=self._searching.info["project"])
