"""Fixtures of the tests on a real Slurm: the cluster that the test run has brought up, or one of a test's own."""

import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sleeper import end_all
from slurm.cluster import Cluster
from slurm.on_slurm import OnSlurm, project_on, why_not
from support import DaisyProject

FOLDER = os.environ.get("DAISY_TEST_SLURM")  # of the cluster that is up


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of this test run."""
    if FOLDER is None:
        pytest.skip(f"no Slurm was brought up for the tests: {why_not() or 'run `make test-slurm`'}")
    return Cluster(Path(FOLDER))


@pytest.fixture
def on_slurm(cluster: Cluster, project: DaisyProject, tmp_path: Path) -> Iterator[OnSlurm]:
    """A project on the cluster of this test run; what is left of its jobs is cancelled."""
    found = project_on(cluster, project, tmp_path)
    yield found
    found.open()
    jobs = [row[0] for row in found.squeue("%i")]
    if jobs:
        cluster.run("scancel", *jobs)
    end_all(found)


def free_ports() -> int:
    """The first of a range of ports that nobody uses."""
    while True:
        first = random.randrange(20_000, 29_000, 20)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + 20):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Brings up clusters that a test may break."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    up: list[Cluster] = []

    def bring_up(**options: Any) -> Cluster:
        port = free_ports()
        # A socket's path has at most 107 characters: pytest's own folders are too deep.
        found = Cluster(Path(f"/tmp/daisy-slurm-{os.getpid()}-{len(up)}"), port=port, **options)
        up.append(found)
        found.up()
        return found

    yield bring_up
    for one in up:
        one.down()
