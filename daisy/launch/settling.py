"""What becomes of a model whose process was asked to stop: it waits again, or somebody wanted its end."""

import signal
import sys

from daisy.errors import DaisyError
from daisy.folder import Attempt, ModelFolder, Place, SweepFolder
from daisy.launch import lanes, slurm
from daisy.launch.recovery import locked, may_go_on

TIME_IS_UP = signal.SIGUSR2  # what Slurm sends before a job's time limit


def settle_stopped(sweep: SweepFolder, place: Place, folder: ModelFolder, attempt: Attempt, number: int) -> None:
    """Put the model back among the waiting, where nobody wanted its end. `number` is the signal that asked for it.

    On Slurm a job that ran out of time or was preempted has a successor then.
    """
    if attempt.job is None:
        sweep.put_back(place)
        return
    why = "reached its time limit" if number == TIME_IS_UP else _why(attempt.job)
    if why is None:
        folder.log(f"Slurm job {attempt.job} was cancelled: `daisy resume {folder.model_id}` goes on")
        sweep.cancel(place)
    elif not may_go_on(sweep, place):
        folder.log(f"Slurm job {attempt.job} {why}, and env.max_resumes is reached: `daisy resume {folder.model_id}` goes on")
    else:
        folder.log(f"Slurm job {attempt.job} {why}: the model waits again as {sweep.sweep_id}/{place.number}")
        sweep.put_back(place)
        _submit_a_successor(sweep)


def _why(job: str) -> str | None:
    """Why Slurm ends a job, where it is not that somebody cancelled it."""
    facts = slurm.facts_of(job)
    preempted = (facts or {}).get("PreemptTime", "None") != "None"
    return "was preempted" if preempted else None


def _submit_a_successor(sweep: SweepFolder) -> None:
    try:
        with locked(sweep.models_dir):
            queue = slurm.queue()
            if queue is not None:
                lanes.fill(sweep.models_dir, queue)
    except DaisyError as error:  # the next job, or the next command, does it
        print(f"daisy: {error}", file=sys.stderr, flush=True)
