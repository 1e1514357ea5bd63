"""What a Slurm job executes: it claims the next model that waits, over all sweeps in the order of submission, and trains it.

    python -P -c 'import sys; sys.path.insert(0, CODE); from daisy.launch.slurm_task import main; main()' MODELS_DIR TAG

CODE are the frozen copies of the sweep that it was submitted for. A model of another sweep is trained with that one's.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from daisy.errors import DaisyError
from daisy.folder import Place, SweepFolder, own_job
from daisy.job.stop import unstoppable
from daisy.launch import lanes, task
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import claiming, locked, recover
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
    keeper = meanwhile(lambda: keep_filled(models_dir, tag)) if has_to_keep_filled(models_dir, tag) else None
    try:
        if claimed is None:
            return NOTHING_WAITS
        sweep, place = claimed
        code = sweep.code.resolve()
        if code != Path(__file__).resolve().parents[2]:
            task.become(code, sweep, worker, place.number)
        return task.for_slurm(task.train(sweep, worker, place))
    finally:
        if keeper is not None:
            os.waitpid(keeper, 0)


def claim(models_dir: Path, tag: str, worker: str) -> tuple[SweepFolder, Place] | None:
    """The next model that waits for a job such as this one."""
    with claiming(models_dir):
        for sweep, numbers in lanes.waiting(models_dir).get(tag, ()):
            sweep.register(worker)
            with unstoppable():
                place = sweep.claim(worker, frozenset(numbers))
            if place is not None:
                return sweep, place
            sweep.deregister(worker)
    return None


def mend(models_dir: Path) -> None:
    """Settle what lost jobs had claimed, where there are some: their models wait again, for this job too.

    The lock is taken only then: a launcher may have it for as long as it submits, and a job that starts must not wait for that.
    """
    cluster = Cluster()
    workers = [who for sweep in lanes.of_slurm(models_dir) for name in sweep.workers() if (who := sweep.worker(name)) is not None]
    cluster.look_at(workers)
    if any(who.alive(cluster) is False for who in workers):
        with locked(models_dir):
            waits_again = [recover(sweep, cluster) for sweep in lanes.of_slurm(models_dir)]
            if any(waits_again) and cluster.queue is not None:
                lanes.fill(models_dir, cluster.queue)


def has_to_keep_filled(models_dir: Path, tag: str) -> bool:
    """Whether this job is the last one of its array, or nothing waits any more."""
    is_last = os.environ.get("SLURM_ARRAY_TASK_ID") == os.environ.get("SLURM_ARRAY_TASK_MAX")  # both None: no array
    return is_last or tag not in lanes.waiting(models_dir)


def keep_filled(models_dir: Path, tag: str) -> None:
    """Submit jobs where lanes have none that comes next; cancel those that nothing waits for any more."""
    with locked(models_dir):
        if tag not in lanes.waiting(models_dir):
            lanes.drain(models_dir, tag)
            return
        for error in lanes.fill(models_dir, lanes.the_queue(), tag).refused.values():
            raise error


def meanwhile(work: Callable[[], None]) -> int:
    """Do something in a child process, whose number is returned: this job's own model does not wait for it.

    What goes wrong there is printed; the next job, or the next command, sees to it.
    """
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # it asks the model to stop; sbatch would die of it
        work()
    except DaisyError as error:
        print(f"daisy: {error}", file=sys.stderr, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
