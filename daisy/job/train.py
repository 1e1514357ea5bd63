"""The path of one model: prepare, train, validate, score, keep."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration, Project, from_json
from daisy.errors import DaisyError, FrameworkError, TrainingFailed
from daisy.folder import FINAL, Attempt, ModelFolder
from daisy.framework import Checkpoint, lookup
from daisy.framework.lines import visible
from daisy.framework.log import explained
from daisy.job.gauge import Limits
from daisy.job.judge import Judge, Pruned
from daisy.job.observer import Observer
from daisy.job.stop import Stopped, unstoppable
from daisy.job.toolbox import Toolbox, equipped
from daisy.job.validate import EachEpoch, Scored, validate_best
from daisy.job.watch import PRUNING, Superseded, Watch

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
A_MOMENT = 1.0  # seconds
LAST_LINES = 15  # of run.out, in result.json and on the screen


@dataclass(frozen=True)
class Outcome:
    """How a job ended: what is in result.json, and the exit code for whoever started it."""

    result: dict[str, Any]
    exit_code: int

    @property
    def state(self) -> str:
        """done, pruned, failed, stopped or superseded."""
        return str(self.result["state"])


@dataclass
class Course:
    """What is known of a job so far; it ends up in result.json."""

    began: float = field(default_factory=time.time)
    facts: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    trained_before: float = 0.0  # seconds, in earlier attempts
    watch: Watch | None = None
    pruned: Pruned | None = None  # where its training was ended before its end
    written: str | None = None  # the state that is in result.json

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage, in seconds."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.monotonic() - began, 3)


def run(
    folder: ModelFolder,
    attempt: Attempt,
    project: Project,
    observer: Observer,
    slot: int | None = None,
    judge: Judge | None = None,
) -> Outcome:
    """Train the model in a folder to its end, or until the judge ends it; whatever happens is written down there.

    `slot` is a descriptor that holds the place to run: the framework keeps it until nothing of it is left.
    Bugs of ours are raised after that too; everything else ends in an Outcome.
    """
    course = Course(began=attempt.started)
    course.facts.update(attempt=attempt.number, host=attempt.host, job=attempt.job)
    try:
        folder.log(f"attempt {attempt.number} on {attempt.host}, process {attempt.pid}, {_slurm(attempt)}")
        scored = _heeding(lambda: _train(folder, attempt, project, observer, course, slot, judge), attempt)
        return _over(folder, scored, course)
    except Superseded:
        folder.log(f"attempt {attempt.number} ends: a later one has begun")
        return Outcome({"state": "superseded", "reason": "a later attempt has begun"}, 1)
    except Stopped as stop:
        if course.written is not None:  # it came while the result was being written: that holds
            return Outcome(_with_state(course, course.written), 0 if course.written in FINAL else 1)
        with suppress(Stopped), unstoppable():  # asked once more meanwhile: it is being stopped already
            _end(folder, course, "stopped", reason=f"stopped by {stop.words}")
        return Outcome(_with_state(course, "stopped"), stop.exit_code)
    except TrainingFailed as failure:
        return _failed(folder, course, failure.reason, failure.hint)
    except DaisyError as error:
        return _failed(folder, course, str(error), None)
    except OSError as error:
        if error.errno not in FULL:
            return _bug(folder, course, project, error)
        where = error.filename2 or error.filename or folder.path
        return _failed(
            folder,
            course,
            f"the disk is full ({os.strerror(error.errno)}: {where})",
            "free space, then resume the model",
        )
    except (Exception, SystemExit) as error:  # an adapter that exits would end this process and say nothing
        return _bug(folder, course, project, error)
    finally:
        if course.watch is not None:
            course.watch.close()


def _heeding(work: Callable[[], Scored | None], attempt: Attempt) -> Scored | None:
    """In a Slurm job a framework gets SIGTERM when Daisy does: what looks like its failure may be that."""
    try:
        return work()
    except TrainingFailed:
        if attempt.job is not None:
            time.sleep(A_MOMENT)  # in which Stopped is raised, were it so
        raise


def _slurm(attempt: Attempt) -> str:
    return f"Slurm job {attempt.job}" if attempt.job else "no Slurm job"


def _train(
    folder: ModelFolder,
    attempt: Attempt,
    project: Project,
    observer: Observer,
    course: Course,
    slot: int | None,
    judge: Judge | None,
) -> Scored | None:
    """The score of the model; None where it was pruned and there is nothing that could be scored."""
    with course.stage("prepare"):
        observer.stage("preparing the dataset")
        folder.log("preparing")
        folder.model_out.mkdir(exist_ok=True)  # it may have been deleted since the last attempt
        toolbox = equipped(folder, project, observer.stage, slot)
    configuration = toolbox.configuration
    limits = _limits(folder, configuration)
    course.trained_before = limits.before
    watch = course.watch = Watch(folder, toolbox.adapter, attempt.number, observer, limits, judge)
    each = _each_epoch(toolbox, watch, configuration)
    try:
        with course.stage("train"):
            _follow(toolbox, watch, course, observer)
        with course.stage("validate"):
            if course.pruned is None:
                return _validate(toolbox, watch, each, observer)
            return _validate_pruned(toolbox, watch, each, observer, course, attempt)
    finally:
        if each is not None:
            each.close()


def _limits(folder: ModelFolder, configuration: Configuration) -> Limits:
    last = folder.last_metrics()
    return Limits(
        epochs=configuration.value("train.epochs"),
        seconds=configuration.value("train.seconds"),
        before=float(last[0].get("seconds", 0.0)) if last else 0.0,
    )


def _each_epoch(toolbox: Toolbox, watch: Watch, configuration: Configuration) -> EachEpoch | None:
    if configuration.value("train.validate") != "each":
        return None
    each = EachEpoch(toolbox, watch)
    each.take_up(toolbox.folder.scored_epochs())
    watch.on_saved_epoch = each.saved
    watch.between = each.go_on
    return each


def _follow(toolbox: Toolbox, watch: Watch, course: Course, observer: Observer) -> None:
    """Run the training command to its end, or to that of an earlier attempt that was ended by the judge.

    Raises TrainingFailed where it does not end well.
    """
    folder, adapter = toolbox.folder, toolbox.adapter
    with folder.framework_lock() as held:  # only now is nothing saved any more by the framework of a killed attempt
        resume = adapter.resume_checkpoint(toolbox.paths)
        command = adapter.train(toolbox.options, toolbox.paths, resume)
        arguments = toolbox.wrapped(command)
        if "train.seconds" in toolbox.options.read:
            watch.limit_is_the_frameworks()
        course.facts.update(command=arguments, environment=dict(command.environment))
        course.pruned = Pruned.of(folder.read_pruned())
        if course.pruned is not None:
            folder.log(f"{course.pruned.reason}: so it was in an earlier attempt")
            course.facts["ended_because"] = PRUNING
            return
        folder.log(_began(resume))
        observer.stage(_began(resume))
        with toolbox.start(command, [held]) as running:
            ending = watch.follow(running)
    course.facts["ended_because"], course.pruned = watch.ended, watch.pruned
    if not ending.well:
        log = "\n".join(watch.tail)
        raise TrainingFailed(f"the framework {ending.words()}", explained(adapter, log))


def _began(resume: Checkpoint | None) -> str:
    if resume is None:
        return "training"
    place = f" of epoch {resume.epoch}," if resume.epoch is not None else ""
    return f"training goes on from the checkpoint{place} {resume.path.name}"


def _validate(toolbox: Toolbox, watch: Watch, each: EachEpoch | None, observer: Observer) -> Scored:
    toolbox.folder.log("validating")
    scored = each.finish() if each is not None else None  # the last epochs, which are still told as training
    watch.note_unheard()
    observer.over()
    observer.stage("validating")
    return scored or _best_of(toolbox, watch)


def _best_of(toolbox: Toolbox, watch: Watch) -> Scored:
    scored = validate_best(toolbox, watch)
    watch.record({"epoch": scored.checkpoint.epoch, "accuracy": scored.score.accuracy})
    return scored


def _validate_pruned(
    toolbox: Toolbox, watch: Watch, each: EachEpoch | None, observer: Observer, course: Course, attempt: Attempt
) -> Scored | None:
    """The best score so far; None where there is no checkpoint, or it can't be predicted with: job.out says why."""
    toolbox.folder.log("validating")
    observer.over()
    observer.stage("validating")
    try:
        return _heeding(lambda: (each.best_so_far() if each is not None else None) or _best_of(toolbox, watch), attempt)
    except TrainingFailed as failure:
        course.facts["no_accuracy"] = failure.reason
        toolbox.folder.log(f"no accuracy: {failure.reason}")
        return None


def _over(folder: ModelFolder, scored: Scored | None, course: Course) -> Outcome:
    """The model is done, or pruned."""
    if scored is not None:
        _keep_score(folder, scored, course)
    state, reason = "done", None
    if course.pruned is not None:
        state, reason = "pruned", course.pruned.reason
        course.facts["pruned_at"] = course.pruned.at
    with unstoppable():
        _end(folder, course, state, reason)
    return Outcome(_with_state(course, state), 0)


def _keep_score(folder: ModelFolder, scored: Scored, course: Course) -> None:
    score, checkpoint = scored.score, scored.checkpoint
    low, high = score.accuracy_interval
    folder.log(
        f"accuracy {score.accuracy:.2%} ({score.correct} of {score.examples} examples, 95 % interval {low:.1%} to {high:.1%})"
    )
    course.facts["checkpoint"] = {
        "path": _within(folder, checkpoint.path),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "files": [_within(folder, path) for path in checkpoint.files or (checkpoint.path,)],
        "bytes": checkpoint.bytes,
    }
    course.facts.update(score.to_json())


def _within(folder: ModelFolder, path: Path) -> str:
    """A path of a checkpoint as the model's folder has it, also where an adapter followed links to get there."""
    real = path.parent.resolve() / path.name
    for place, inside in ((path, folder.path), (real, folder.path.resolve())):
        if place.is_relative_to(inside):
            return str(place.relative_to(inside))
    raise FrameworkError(f"the adapter names the checkpoint {path}, which is not in {folder.model_out}: mend it")


def _failed(folder: ModelFolder, course: Course, reason: str, hint: str | None) -> Outcome:
    tail = [visible(line) for line in course.watch.tail[-LAST_LINES:]] if course.watch is not None else []
    course.facts.update(reason=reason, hint=hint, last_lines=tail)
    with unstoppable():
        _end(folder, course, "failed", reason=reason)
    return Outcome(_with_state(course, "failed"), 1)


def _bug(folder: ModelFolder, course: Course, project: Project, error: BaseException) -> Outcome:
    """The adapter's own code raised, which is its writer's to mend; or there is a bug in Daisy, which is raised again."""
    told = lookup.blamed(error, lookup.find(project, from_json(folder.read_config()).adapter))
    if told is not None:
        return _failed(folder, course, told, None)
    _failed(folder, course, f"a bug of Daisy: {type(error).__name__}: {error}", None)
    raise error


def _end(folder: ModelFolder, course: Course, state: str, reason: str | None = None) -> None:
    """Write job.out's last line and result.json. On a full disk they may fail: then the folder tells that nobody runs it."""
    if reason is not None:
        course.facts["reason"] = reason
    if folder.last_attempt() > course.facts["attempt"]:
        return  # a later attempt has begun: the folder is its own
    try:
        folder.log(f"{state}{f': {reason}' if reason else ''}")
        folder.write_result({**_with_state(course, state), "checksums": folder.checksums()})
        course.written = state
    except OSError as error:
        if error.errno not in FULL:
            raise


def _with_state(course: Course, state: str) -> dict[str, Any]:
    now = time.time()
    trained = {"train_seconds": round(course.trained_before + course.stages["train"], 3)} if "train" in course.stages else {}
    return {
        "state": state,
        **course.facts,
        "started": course.began,
        "ended": now,
        "seconds": round(now - course.began, 3),
        "stages": course.stages,
        **trained,
    }
