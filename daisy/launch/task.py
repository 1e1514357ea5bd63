"""What one process does that trains one model of a sweep: it claims the next one that waits, trains it, and says how it ended.

    python -P -c 'import sys; sys.path.insert(0, CODE); from daisy.launch.task import main; main()' SWEEP WORKER [SLOT]

CODE are the frozen copies of the sweep's folder. SLOT is the number of a descriptor that holds the place to run; `claimed:17`
instead of it: the worker, which is this process, has claimed model 17 already. The exit code is 0 for a model that is done, 1
for one that failed, NOTHING_WAITS, STEPPED_BACK, or 128 and the number of the signal that stopped it.
"""

import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from daisy.errors import DaisyError, ModelError, StudyError
from daisy.folder import (
    PROJECT_PATCH,
    SOURCE_PATCH,
    Attempt,
    ModelFolder,
    Place,
    SweepFolder,
    create,
    observed_state,
    patch_name,
)
from daisy.job import Judge, Silent, Stopped, run, stoppable
from daisy.job.stop import unstoppable
from daisy.launch import slurm
from daisy.launch.evidence import Cluster
from daisy.launch.frozen import thawed
from daisy.launch.holding import hold_after_none_began, hold_after_same_failures
from daisy.launch.recovery import claiming
from daisy.launch.settling import settle_stopped
from daisy.launch.starting import resume

NOTHING_WAITS = 3
STEPPED_BACK = 4  # the model runs elsewhere, or is done
STUDY_BACK_WITHIN = 60.0  # seconds: a database that is started again, a journal that is made anew
ASKED_AGAIN_AFTER = 2.0
ENDED = ("done", "failed", "pruned")
CLAIMED = "claimed:"
START = "import sys; sys.path.insert(0, {code!r}); from daisy.launch.task import main; main()"


def main() -> None:
    """The command line."""
    sweep, worker = SweepFolder(Path(sys.argv[1])), sys.argv[2]
    third = sys.argv[3] if len(sys.argv) > 3 else ""
    if third.startswith(CLAIMED):
        place = sweep.claimed_by(worker)
        exit_with(lambda: for_slurm(train(sweep, worker, place)) if place is not None else 0)
    exit_with(lambda: work(sweep, worker, int(third) if third else None))


def exit_with(work: Callable[[], int]) -> NoReturn:
    """Do the work and exit with its code; the signals that ask to stop end it well."""
    try:
        with stoppable():
            code = work()
    except Stopped as stop:
        code = stop.exit_code
    except DaisyError as error:
        print(f"daisy: {error}", file=sys.stderr)
        code = 1
    gc.freeze()  # else the interpreter's end goes through all that Hydra and Optuna have loaded, while the slot waits
    sys.exit(code)


def for_slurm(code: int) -> int:
    """The exit code of a Slurm job: one whose model is done elsewhere has not failed."""
    return 0 if code in (NOTHING_WAITS, STEPPED_BACK) else code


def become(code: Path, sweep: SweepFolder, worker: str, number: int) -> NoReturn:
    """Go on as the process that trains a claimed model with another sweep's frozen code."""
    words = [sys.executable, "-P", "-c", START.format(code=str(code)), str(sweep.path), worker, f"{CLAIMED}{number}"]
    os.execv(words[0], words)


def work(sweep: SweepFolder, worker: str, slot: int | None = None) -> int:
    """Claim a model and train it; the exit code. Asked to stop, it puts the model back among the waiting."""
    sweep.register(worker)
    with unstoppable():
        place = sweep.claim(worker) if sweep.held() is None else None
    if place is None:
        sweep.deregister(worker)
        return NOTHING_WAITS
    return train(sweep, worker, place, slot)


def train(sweep: SweepFolder, worker: str, place: Place, slot: int | None = None) -> int:
    """Train a model that this worker has claimed; the exit code."""
    begun = None
    try:
        if sweep.is_search:
            asked = _asked(sweep, worker, place)
            if asked is None:
                sweep.deregister(worker)
                return NOTHING_WAITS
            place = asked
        with unstoppable(), claiming(sweep.models_dir):  # a claim is noted with the model that it has become, or not at all
            if not place.path.exists():  # somebody has cancelled it since
                sweep.deregister(worker)
                return STEPPED_BACK
            begun = begin(sweep, place)
    except Stopped:
        sweep.put_back(sweep.claimed_by(worker) or place)
        sweep.deregister(worker)
        raise
    except StudyError as error:  # the place is not to blame: it waits until the study can be asked again
        sweep.hold(f"its study can't be asked ({error})")
        sweep.put_back(sweep.claimed_by(worker) or place)
        sweep.deregister(worker)
        raise
    except (DaisyError, OSError) as error:  # the next one to claim it would come no further
        sweep.give_up(sweep.claimed_by(worker) or place, str(error))
        hold_after_none_began(sweep)
        sweep.deregister(worker)
        raise
    if begun is None:
        sweep.deregister(worker)
        return STEPPED_BACK
    folder, attempt = begun
    if attempt.job is not None:
        slurm.set_comment(attempt.job, folder.model_id)
    project = thawed(Path(sweep.info()["project"]["folder"]), sweep.code.resolve())
    outcome = run(folder, attempt, project, Silent(), slot, _judge(sweep, place, folder))
    with unstoppable():
        if sweep.is_search and outcome.state in ENDED:
            _tell_study(sweep, place)
        if outcome.state == "failed":
            hold_after_same_failures(sweep)
        if outcome.state != "stopped" or settle_stopped(sweep, place, folder, attempt, outcome.exit_code - 128):
            sweep.deregister(worker)
    return outcome.exit_code


def _asked(sweep: SweepFolder, worker: str, place: Place) -> Place | None:
    gc.disable()  # what is loaded and composed now stays: to look for garbage in it takes a tenth of the time
    try:
        from daisy.launch import asking  # Hydra, Optuna: half a second that other models do without

        until = time.monotonic() + STUDY_BACK_WITHIN
        while True:
            try:
                return asking.next_to_train(sweep, worker, sweep.claimed_by(worker) or place)
            except StudyError as error:
                if time.monotonic() > until:
                    raise
                print(f"daisy: {error}: asking again", file=sys.stderr, flush=True)
                time.sleep(ASKED_AGAIN_AFTER)
    finally:
        gc.enable()


def _judge(sweep: SweepFolder, place: Place, folder: ModelFolder) -> Judge | None:
    if not sweep.is_search:
        return None
    from daisy.launch.judging import judge_of

    return judge_of(sweep, place, folder)


def _tell_study(sweep: SweepFolder, place: Place) -> None:
    """The study learns how a trial ended. What it can't be told now, the next one to ask tells it."""
    from daisy.launch import searching

    try:
        searching.settle(sweep, place)
    except (DaisyError, OSError) as error:
        print(f"daisy: {error}", file=sys.stderr, flush=True)


def begin(sweep: SweepFolder, place: Place) -> tuple[ModelFolder, Attempt] | None:
    """The folder of a claimed model and this attempt at it; None where it is done already, or runs elsewhere.

    Raises ModelError where another process has just begun it.
    """
    before = sweep.begun(place)
    if before.model is not None:
        folder = ModelFolder(sweep.models_dir / before.model)
        if folder.is_model():
            state, _ = observed_state(folder, folder.read_result(), Cluster())
            if state in ("done", "pruned", "running"):
                return None
            if state != "failed" or before.even_failed:
                sweep.begin(place, folder.model_id)
                return folder, resume(folder, force=True)
    config = sweep.config(place.number)
    in_sweep = {"id": sweep.sweep_id, "number": place.number}
    folder = create(
        sweep.models_dir, config["configuration"]["framework"]["name"], config["config_id"],
        {**config, "sweep": in_sweep}, time.time(), patches_of(sweep, config),
    )  # fmt: skip
    sweep.begin(place, folder.model_id)
    attempt = folder.read_attempt(1)
    if attempt is None:
        raise ModelError(f"{folder.model_id} has no attempt that can be read: `daisy list` shows it")
    return folder, attempt


def patches_of(sweep: SweepFolder, config: Mapping[str, Any]) -> dict[str, bytes]:
    """What was not committed at submission, of the project and of the framework's checkout."""
    named = {PROJECT_PATCH: config.get("project"), SOURCE_PATCH: config.get("source")}
    checksums = {file: source["patch"] for file, source in named.items() if source and source.get("patch")}
    return {file: (sweep.path / patch_name(checksum)).read_bytes() for file, checksum in checksums.items()}


if __name__ == "__main__":
    main()
