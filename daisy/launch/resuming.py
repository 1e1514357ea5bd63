"""Going on with a sweep: what stopped waits again, and has somebody who trains it."""

import time

from daisy.errors import LaunchError
from daisy.folder import SweepFolder
from daisy.launch import lanes
from daisy.launch.evidence import Cluster
from daisy.launch.lanes import Filled
from daisy.launch.recovery import locked, recover, wait_again


def make_ready(sweep: SweepFolder) -> None:
    """Put back what has stopped, and let a held sweep go on. Only under `locked`. Raises LaunchError where nothing waits.

    What was cancelled comes back where nothing else is left: somebody has thought better of it.
    """
    cluster = Cluster()
    recover(sweep, cluster)
    wait_again(sweep, cluster)
    if not sweep.waiting():
        for place in sweep.places("cancelled"):
            sweep.put_back(place)
    if not sweep.waiting():
        raise LaunchError(f"{sweep.sweep_id} has no model that waits: `daisy list` shows what became of them")
    sweep.release(time.time())


def resumed(sweep: SweepFolder) -> Filled:
    """Go on with a sweep on Slurm: submit the jobs that are missing. Raises LaunchError where that can't be done."""
    with locked(sweep.models_dir):
        make_ready(sweep)
        return lanes.fill(sweep.models_dir, lanes.the_queue())
