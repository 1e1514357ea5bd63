"""A batch of models that somebody waits for: launched as a sweep, followed to its end, and what became of each."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from daisy.configuration import Project
from daisy.errors import DaisyError, FolderError, LaunchError, TrainingFailed
from daisy.folder import ModelFolder, SweepFolder, by_identity
from daisy.job import Stopped
from daisy.launch.course import Ended, Watcher
from daisy.launch.elsewhere import in_sweeps
from daisy.launch.evidence import Cluster
from daisy.launch.following import Follower
from daisy.launch.local import LocalLauncher
from daisy.launch.planning import Plan
from daisy.launch.starting import Already, counting
from daisy.launch.submit import Submission, submit

LOOK_FIRST, LOOK_LAST, LONGER = 1.0, 15.0, 1.2  # seconds between two looks at models that others train, and how they grow
HAVE_A_RESULT = ("done", "pruned")


class Screen(Protocol):
    """Told of a batch while it is trained."""

    def stage(self, text: str) -> None:
        """Something has begun, or is worth a line."""

    def submitted(self, submission: Submission) -> None:
        """What was launched, and what is there already."""

    def watching(self, sweep: SweepFolder) -> AbstractContextManager[Watcher]:
        """Who watches a sweep while it runs."""

    def over(self, sweep: SweepFolder, ended: Sequence[Ended]) -> None:
        """How a sweep has ended."""


@dataclass(frozen=True)
class Outcome:
    """What became of a model: its accuracy, or why it has none."""

    folder: ModelFolder | None
    accuracy: float | None
    error: DaisyError | None = None


def train(project: Project, plans: Sequence[Plan], name: str, command: Sequence[str], screen: Screen) -> list[Outcome]:
    """Train models and wait for all of them, also for those that others train; the outcomes, in the order of the plans.

    Raises LaunchError where nothing could be launched, and Stopped for a signal: models on Slurm go on then.
    """
    submission = submit(project, plans, name, command)
    screen.submitted(submission)
    if submission.stopped is not None:
        raise submission.stopped
    own = _followed(submission, screen)
    others = [planned for planned in plans if planned.identity not in own]
    found = {**own, **(_trained_elsewhere(others, screen) if others else {})}
    return [found[planned.identity] for planned in plans]


def _followed(submission: Submission, screen: Screen) -> Mapping[str, Outcome]:
    """Each model of the sweep by its identity; without those that turned out to be trained elsewhere."""
    sweep = submission.sweep
    if sweep is None:
        return {}
    interrupted = None
    with screen.watching(sweep) as watcher:
        if submission.filled is not None:
            ended = Follower(sweep, watcher).run()
        else:
            launcher = LocalLauncher(sweep, submission.plans[0].configuration.env, watcher)
            ended = launcher.run()
            interrupted = launcher.interrupted
    screen.over(sweep, ended)
    if interrupted is not None:
        raise Stopped(interrupted)
    by_number = {model.number: model for model in ended}
    return {
        planned.identity: _outcome(sweep, number, by_number.get(number))
        for number, planned in enumerate(submission.plans, 1)
        if number not in by_number or by_number[number].state != "elsewhere"
    }


def _outcome(sweep: SweepFolder, number: int, ended: Ended | None) -> Outcome:
    place = f"{sweep.sweep_id}/{number}"
    if ended is None:
        why = sweep.held() or "its sweep ended before it"
        return Outcome(None, None, LaunchError(f"{place} was not trained ({why}): `daisy resume {sweep.sweep_id}`"))
    if ended.state in HAVE_A_RESULT and ended.accuracy is not None:
        return Outcome(ended.folder, ended.accuracy)
    return Outcome(ended.folder, None, _error(place, ended.folder, ended.state, ended.reason))


def _error(where: str, folder: ModelFolder | None, state: str, reason: str) -> DaisyError:
    name = folder.model_id if folder is not None else where
    told = f"{name} {'was ' if state in ('stopped', 'cancelled', 'pruned') else ''}{state}{f': {reason}' if reason else ''}"
    if folder is None:
        return LaunchError(f"{told}; the same command asks for it again")
    return TrainingFailed(f"{told}; `daisy show {name}` shows what to do")


def _trained_elsewhere(plans: Sequence[Plan], screen: Screen) -> Mapping[str, Outcome]:
    """What becomes of models that are done already, or that another sweep or shell trains."""
    models_dir = plans[0].configuration.env.models_dir
    open_ones = {planned.identity: planned for planned in plans}
    found: dict[str, Outcome] = {}
    told, pause = False, LOOK_FIRST
    while True:
        waiting = in_sweeps(models_dir, set(open_ones))
        models, cluster = by_identity(models_dir), Cluster()
        for identity, planned in list(open_ones.items()):
            there = counting(planned.content, models.get(identity, []), cluster)
            if isinstance(there, Already) and _may_run(there):
                continue
            if not isinstance(there, Already) and (one := waiting.get(identity)) and not one.gone and one.sweep.held() is None:
                continue
            found[identity] = _found(planned, there, models.get(identity, []))
            del open_ones[identity]
        if not open_ones:
            return found
        if not told:
            told = True
            screen.stage(f"waiting for {len(open_ones)} that are trained by others")
        time.sleep(pause)
        pause = min(LOOK_LAST, pause * LONGER)


def _may_run(there: Already) -> bool:
    """Whether somebody trains it, as far as is known. What is unknown of a job, Slurm knows sooner or later."""
    if there.state != "unknown" or there.folder is None:
        return there.state == "running"
    attempt = there.folder.read_attempt(there.folder.last_attempt())
    return attempt is not None and attempt.job is not None


def _found(planned: Plan, there: Already | ModelFolder | None, models: Sequence[ModelFolder]) -> Outcome:
    """A model that nobody trains now."""
    if isinstance(there, Already):
        folder = there.folder
        accuracy = _result(folder).get("accuracy") if folder is not None else None
        if there.state in HAVE_A_RESULT and isinstance(accuracy, float):
            return Outcome(folder, accuracy)
        return Outcome(folder, None, _error(there.where, folder, there.state, there.evidence))
    last = there or (models[-1] if models else None)
    if last is None:
        return Outcome(None, None, _error(planned.config_id, None, "cancelled", "nobody trains it any more"))
    result = _result(last)
    return Outcome(last, None, _error(last.model_id, last, str(result.get("state", "failed")), str(result.get("reason", ""))))


def _result(folder: ModelFolder) -> Mapping[str, object]:
    try:
        return folder.read_result()
    except FolderError as error:
        return {"reason": str(error)}
