"""A search, as its folder keeps it: its study is told what has become of the trials, and when it has come to its end."""

import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from daisy.configuration import Environment
from daisy.configuration.project import SWEEP
from daisy.errors import FolderError, LaunchError
from daisy.folder import Place, SweepFolder
from daisy.launch.evidence import Cluster
from daisy.launch.frozen import thawed
from daisy.launch.recovery import RUNNER, locked, recover
from daisy.sweep import Origin, Search, definition_of
from daisy.sweep.space import Space
from daisy.sweep.study import JOURNAL, Study, alone
from daisy.sweep.trials import REFUSED, TrialStates

if TYPE_CHECKING:
    from daisy.configuration.compose import Composer


WITHOUT_THE_REST = (REFUSED, "pruned", "failed")  # states of trials of which no further models are trained
TO_REBUILD = "to_rebuild"  # in sweep.json: its definition has changed since the study was made


class Searching:
    """One search, as its folder keeps it. What asks or tells is done while `alone`."""

    def __init__(self, sweep: SweepFolder) -> None:
        self.sweep, self.info = sweep, sweep.info()
        self.origin = Origin.from_json(self.info["named"])
        self.search = _search(self.origin)
        self.numbering = sweep.numbering()
        self.env = Environment.from_json(self.info["env"])
        self.project = thawed(Path(self.info["project"]["folder"]), sweep.code.resolve())
        self._studies: dict[int, Study] = {}
        self._open = ExitStack()

    def study(self, base: int) -> Study:
        """The study of a base. To be opened before others are kept waiting: a long one takes a second."""
        if base not in self._studies:
            self._studies[base] = Study(self.sweep, base, self.search, lambda: self.space, self.info.get("epochs"))
        return self._studies[base]

    @cached_property
    def composer(self) -> "Composer":
        """Composes with the frozen conf/."""
        from daisy.configuration.compose import composer

        return self._open.enter_context(composer(self.project, self.project.root))

    @cached_property
    def space(self) -> Space:
        """What is searched."""
        from daisy.sweep.space_parts import read_space

        where = f"sweeps/{self.origin.name}.yaml"
        return read_space(self.composer.parser, self.search.space, self.search.when, where)

    def prepare(self, base: int) -> None:
        """Do what takes a second before others are kept waiting: open the study, and let Hydra compose what all trials share."""
        self.study(base)
        if not any(parameter.is_group for parameter in self.space.asked):
            self.composer.prepare(self.texts(base))

    @property
    def bases(self) -> int:
        """How many searches it is."""
        return len(self.info["search"]["bases"])

    @property
    def repeats(self) -> Sequence[Sequence[str]]:
        """The overrides of each repeat of a trial."""
        return list(self.info["search"]["repeats"])

    def texts(self, base: int) -> list[str]:
        """The overrides of a base, with that which takes the named sweep."""
        return [f"+{SWEEP}={self.origin.name}", *self.info["search"]["bases"][base]]

    def numbers(self, base: int) -> list[int]:
        """The trials of a base that were asked for."""
        return [number for number in self.sweep.trials.numbers() if self.numbering.base_of(number) == base]

    def settle(self, base: int) -> Study:
        """Tell the study what has become of its trials since. Ends the search where it has come to its end."""
        study, states = self.study(base), TrialStates(self.sweep, self.search.goal)
        study.warm(self.sweep.trials.warm())
        study.follow(self.numbers(base), states.read)
        if (why := self._ending(study, base)) is not None:
            self.end(base, why)
        return study

    def rebuild(self) -> None:
        """Make the study again from the folders alone. Nobody may be asking or reporting."""
        if self.search.storage is None:
            (self.sweep.path / JOURNAL).unlink(missing_ok=True)  # it may be damaged
        for base in range(self.bases):
            study = self.study(base)
            study.forget()
            study.warm(self.sweep.trials.warm())
            study.follow(self.numbers(base), TrialStates(self.sweep, self.search.goal).read)

    def end(self, base: int, why: str) -> None:
        """Ask for no more trials of a base, and say why: what waits of it and was not asked for will not be."""
        over = self.sweep.over()
        if base not in over:
            self.study(base).forsake()
            self.sweep.end({**over, base: why})
        asked = frozenset(self.sweep.trials.numbers())
        for place in self.sweep.places("waiting"):
            trial = self.numbering.trial_of(place.number)
            if trial not in asked and self.numbering.base_of(trial) == base:
                self.sweep.cancel(place)

    def _ending(self, study: Study, base: int) -> str | None:
        """Why no more trials are to be asked for; None while the search goes on."""
        if (why := self.sweep.over().get(base)) is not None:
            return why
        since = float(self.info.get("searching_since", self.info["created"]))
        if self.search.timeout is not None and time.time() - since >= self.search.timeout:
            return f"its time is over (sweep.timeout={self.search.timeout:g} s)"
        target, [(name, direction), *_] = self.search.target, self.search.goal.items()
        values = [one.values[0] for one in study.trials() if one.state.name == "COMPLETE" and one.values]
        if target is not None and values:
            best = max(values) if direction == "maximize" else min(values)
            if (best >= target) if direction == "maximize" else (best <= target):
                return f"its target is reached ({name} {best:g}, sweep.target={target:g})"
        return None


def _search(origin: Origin) -> Search:
    definition = definition_of(origin)
    if not isinstance(definition, Search):
        raise FolderError(f"sweeps/{origin.name}.yaml is of kind {origin.kind}, and this is a search: move its folder away")
    return definition


def rebuild(sweep: SweepFolder) -> Searching:
    """Make the study of a search again. Raises LaunchError while models of it run: they would report to the old one."""
    with alone(sweep), locked(sweep.models_dir):
        recover(sweep, Cluster())
        check_idle(sweep)
        return _made_again(sweep)


def up_to_date(sweep: SweepFolder) -> Searching:
    """A search whose study is one of its definition: made again first, where that has changed. Not while `alone` or `locked`.

    No model of it runs then: who changes a definition sees to that, and who trains one has come by here.
    """
    if TO_REBUILD in sweep.info():
        with alone(sweep), locked(sweep.models_dir):
            if TO_REBUILD in sweep.info():  # no other job was quicker
                return _made_again(sweep)
    return Searching(sweep)


def _made_again(sweep: SweepFolder) -> Searching:
    searching = Searching(sweep)
    searching.rebuild()
    if TO_REBUILD in searching.info:
        sweep.write_info({key: value for key, value in searching.info.items() if key != TO_REBUILD})
    return searching


def is_idle(sweep: SweepFolder) -> bool:
    """Whether no model of a sweep may be running."""
    return all(name == RUNNER for name in sweep.workers())


def over_places(sweep: SweepFolder) -> frozenset[int]:
    """The places of which the study may say that they are over. What is over in a study stays so."""
    workers, asked, numbering = frozenset(sweep.workers()), frozenset(sweep.trials.numbers()), sweep.numbering()
    return frozenset(
        place.number
        for place in sweep.places("claimed", "cancelled")
        if place.worker not in workers and (place.state == "claimed" or numbering.trial_of(place.number) in asked)
    )


def closed_places(sweep: SweepFolder) -> frozenset[int]:
    """The cancelled places that stay so: their search is over, or their trial is without them. Raises FolderError."""
    searching = Searching(sweep)
    numbering, over, states = searching.numbering, sweep.over(), TrialStates(sweep, searching.search.goal, reports=False)
    closed: dict[int, bool] = {}
    for place in sweep.places("cancelled"):
        number = numbering.trial_of(place.number)
        if number not in closed:
            trial = sweep.trials.read(number)
            has_ended = trial is not None and states.of(trial).state in WITHOUT_THE_REST
            closed[number] = has_ended or numbering.base_of(number) in over
    return frozenset(place for number, is_closed in closed.items() if is_closed for place in numbering.places_of(number))


def is_reopened(sweep: SweepFolder, over: Collection[int]) -> bool:
    """Whether something waits again that was over: its trial would be in the study twice, unless that is made again now."""
    return is_idle(sweep) and any(place.number in over for place in sweep.places("waiting"))


def check_idle(sweep: SweepFolder) -> None:
    """Raise LaunchError while models of a sweep may be running."""
    if count := sum(name != RUNNER for name in sweep.workers()):
        running = f"{count} model{'' if count == 1 else 's'} of {sweep.sweep_id} may be running"
        raise LaunchError(f"{running}: wait for the end (`daisy wait {sweep.sweep_id}`), then do this again")


def settle(sweep: SweepFolder, place: Place) -> None:
    """A model of a search has ended: its study learns of it."""
    searching = up_to_date(sweep)
    base = searching.numbering.base_of(searching.numbering.trial_of(place.number))
    searching.study(base)
    with alone(sweep):
        searching.settle(base)
