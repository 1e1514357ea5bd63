"""What a Slurm job executes: it claims the next model that waits, over all sweeps in the order of submission, and trains it.

    python -P -c 'import sys; sys.path.insert(0, CODE); from daisy.launch.slurm_task import main; main()' MODELS_DIR TAG

CODE are the frozen copies of the sweep that it was submitted for. A model of another sweep is trained with that one's.
"""

import os
import sys
from pathlib import Path

from daisy.errors import DaisyError
from daisy.folder import Place, SweepFolder, own_job
from daisy.job.stop import unstoppable
from daisy.launch import lanes, slurm, task
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import locked, recover
from daisy.launch.threads import limit_threads

NOTHING_WAITS = 0  # for Slurm that is a job that is done


def main() -> None:
    """The command line."""
    if os.environ.get("SLURM_PROCID", "0") != "0":
        return  # one of several tasks of a job: the first one trains
    models_dir, tag = Path(sys.argv[1]), sys.argv[2]
    task.exit_with(lambda: serve(models_dir, tag))


def serve(models_dir: Path, tag: str) -> int:
    """Train the next model that waits; the exit code."""
    limit_threads(os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE"))
    worker = f"slurm-{own_job()}-{os.getpid()}"
    mend(models_dir)
    claimed = claim(models_dir, tag, worker)
    keep_filled(models_dir, tag)
    if claimed is None:
        return NOTHING_WAITS
    sweep, place = claimed
    code = sweep.code.resolve()
    if code != Path(__file__).resolve().parents[2]:
        task.become(code, sweep, worker, place.number)
    return task.train(sweep, worker, place)


def claim(models_dir: Path, tag: str, worker: str) -> tuple[SweepFolder, Place] | None:
    """The next model that waits for a job such as this one."""
    for sweep, numbers in lanes.waiting(models_dir).get(tag, ()):
        sweep.register(worker)
        with unstoppable():
            place = sweep.claim(worker, frozenset(numbers))
        if place is not None:
            return sweep, place
        sweep.deregister(worker)
    return None


def mend(models_dir: Path) -> None:
    """Settle what lost jobs had claimed, where there may be some: their models wait again, for this job too."""
    cluster = Cluster()
    workers = [sweep.worker(name) for sweep in lanes.of_slurm(models_dir) for name in sweep.workers()]
    if any(who is not None and who.alive() is None for who in workers):
        cluster.ask()  # not under the lock: jobs that start together would wait for one answer after the other
    with locked(models_dir):
        for sweep in lanes.of_slurm(models_dir):
            recover(sweep, cluster)


def keep_filled(models_dir: Path, tag: str) -> None:
    """Cancel the jobs that nothing waits for any more; where this one has no successor in its lane, submit one."""
    is_last = os.environ.get("SLURM_ARRAY_TASK_ID") == os.environ.get("SLURM_ARRAY_TASK_MAX")  # both None: no array
    if not is_last and tag in lanes.waiting(models_dir):
        return  # without the lock, which a launcher may have for as long as it submits
    with locked(models_dir):
        something_waits = tag in lanes.waiting(models_dir)
        if something_waits and not is_last:
            return
        queue = slurm.queue()
        if queue is None:
            print("squeue does not answer: the next job, or the next command, sees to what waits", flush=True)
            return
        try:
            if something_waits:
                for error in lanes.fill(models_dir, queue, tag).refused.values():
                    raise error
            else:
                lanes.drain(tag, queue)
        except DaisyError as error:  # this job's own model is trained all the same
            print(f"daisy: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
