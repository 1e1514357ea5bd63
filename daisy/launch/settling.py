"""What becomes of a model whose process was asked to stop: it waits again, or somebody wanted its end."""

import signal
import sys
import time

from daisy.errors import DaisyError
from daisy.folder import Attempt, ModelFolder, Place, SweepFolder
from daisy.job.stop import deaf
from daisy.launch import lanes, slurm
from daisy.launch.recovery import CANCELLED, locked, may_go_on

ASK_FOR = 3.0  # seconds: Slurm kills what has not ended some time after SIGTERM
WORDS = {
    "TIMEOUT": "reached its time limit",
    "PREEMPTED": "was preempted",
    "NODE_FAIL": "lost its node",
    "BOOT_FAIL": "lost its node",
    "DEADLINE": "reached its deadline",
    "REVOKED": "was revoked",
}
NO_MORE = (
    "its job was cut off env.max_resumes times: `daisy resume MODEL` goes on once more; a longer env.slurm.timeout_min, or more "
    "env.max_resumes, spares that"
)
TIME_IS_UP = signal.SIGUSR2  # what Slurm sends before a job's time limit


def settle_stopped(sweep: SweepFolder, place: Place, folder: ModelFolder, attempt: Attempt, number: int) -> bool:
    """Put the model back among the waiting, where nobody wanted its end. `number` is the signal that asked for it.

    On Slurm a job that ran out of time or was preempted has a successor then. False where it is not known yet why Slurm ends
    the job: whoever comes next settles it.
    """
    if attempt.job is None:
        sweep.put_back(place)
        return True
    with deaf():
        return _settle_with_slurm(sweep, place, folder, attempt.job, number)


def _settle_with_slurm(sweep: SweepFolder, place: Place, folder: ModelFolder, job: str, number: int) -> bool:
    ending = "TIMEOUT" if number == TIME_IS_UP else _ending(job)
    if ending is None:
        folder.log(f"Slurm does not say why it ends job {job}: the next job or command sees to it")
        return False
    if ending not in slurm.CUT_OFF:
        folder.log(f"Slurm job {job} was cancelled: `daisy resume {folder.model_id}` goes on")
        sweep.cancel(place)
        return True
    if not may_go_on(sweep, place):
        folder.log(f"Slurm job {job} {WORDS[ending]}, and env.max_resumes is reached: `daisy resume` goes on")
        folder.write_result({**folder.read_result(), "hint": NO_MORE})
        return True
    folder.log(f"Slurm job {job} {WORDS[ending]}: the model waits again as {sweep.sweep_id}/{place.number}")
    sweep.put_back(place)
    _submit_a_successor(sweep)
    return True


def _ending(job: str) -> str | None:
    """How Slurm ends a job that is being ended; None where that can't be told in the time that is left.

    Of a preempted one scontrol says when; of all others only the accounting tells one end from another.
    """
    until = time.monotonic() + ASK_FOR
    while True:
        facts = slurm.facts_of(job)
        if facts is not None and facts.get("PreemptTime", "None") != "None":
            return "PREEMPTED"
        state = (slurm.accounted([job]) or {}).get(job, "")
        if state == CANCELLED or state in slurm.CUT_OFF:
            return state
        if time.monotonic() > until:
            return None  # a node that is shut down, or somebody's kill: it is known once the job is over
        time.sleep(0.2)


def _submit_a_successor(sweep: SweepFolder) -> None:
    """What goes wrong here is printed: the last job of an array, or the next command, does it."""
    try:
        with locked(sweep.models_dir):
            filled = lanes.fill(sweep.models_dir, lanes.the_queue())
    except DaisyError as error:
        print(f"daisy: {error}", file=sys.stderr, flush=True)
        return
    for trouble in (*filled.refused.values(), *filled.less):
        print(f"daisy: {trouble}", file=sys.stderr, flush=True)
