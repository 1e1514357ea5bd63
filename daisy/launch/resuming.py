"""Going on with a sweep: what stopped waits again, and has somebody who trains it."""

import time
from collections.abc import Collection
from contextlib import suppress

from daisy.errors import LaunchError
from daisy.folder import SweepFolder
from daisy.launch import lanes
from daisy.launch.evidence import Cluster
from daisy.launch.lanes import Filled
from daisy.launch.recovery import check_not_run, locked, recover, wait_again
from daisy.launch.searching import closed_places, is_reopened, over_places, rebuild


def ready(sweep: SweepFolder, runner: str | None = None) -> None:
    """See to it that what has stopped in a sweep waits again; `runner` is the worker that this process is, where it runs it.

    Raises LaunchError where nothing waits, or another process runs it.
    """
    over: Collection[int] = ()
    with locked(sweep.models_dir):
        if runner is not None:
            check_not_run(sweep)
        if sweep.is_search:
            over = over_places(sweep)
        _make_ready(sweep)
        if runner is not None:
            sweep.register(runner)  # of two that resume it at once, the other one sees this
    if over and is_reopened(sweep, over):
        with suppress(LaunchError):  # a job of it has just begun
            rebuild(sweep)


def _make_ready(sweep: SweepFolder) -> None:
    """Put back what has stopped, and let a held sweep go on. Only under `locked`. Raises LaunchError where nothing waits.

    What was cancelled comes back where nothing else is left: somebody has thought better of it;
    not what a search itself asks for no more.
    """
    cluster = Cluster()
    recover(sweep, cluster)
    wait_again(sweep, cluster)
    if not sweep.waiting():
        closed = closed_places(sweep) if sweep.is_search else frozenset()
        for place in sweep.places("cancelled"):
            if place.number not in closed:
                sweep.put_back(place)
    if not sweep.waiting():
        raise LaunchError(f"{sweep.sweep_id} has no model that waits: `daisy list` shows what became of them")
    sweep.release(time.time())


def resumed(sweep: SweepFolder) -> Filled:
    """Go on with a sweep on Slurm: submit the jobs that are missing. Raises LaunchError where that can't be done."""
    ready(sweep)
    with locked(sweep.models_dir):
        return lanes.fill(sweep.models_dir, lanes.the_queue())
