"""Limits of a real Slurm's: fewer jobs than are wanted, smaller ones, shorter arrays; and what it says of each."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.cluster import Cluster
from slurm.on_slurm import OnSlurm, project_on
from support import DaisyProject

pytestmark = pytest.mark.slow


@pytest.fixture
def limited(project: DaisyProject, tmp_path: Path, own_cluster: Callable[..., Cluster]) -> OnSlurm:
    """A cluster with a QOS that takes three jobs of a user (`few`), none (`none`), only short ones (`short`); arrays of five."""
    cluster = own_cluster(cpus=8, gpus=1, max_array=5)
    cluster.run("sacctmgr", "--immediate", "add", "qos", "few,none,short")
    cluster.run("sacctmgr", "--immediate", "modify", "qos", "few", "set", "MaxSubmitJobsPerUser=3")
    cluster.run("sacctmgr", "--immediate", "modify", "qos", "none", "set", "MaxSubmitJobsPerUser=0")
    cluster.run("sacctmgr", "--immediate", "modify", "qos", "short", "set", "MaxWall=1", "flags=DenyOnLimit")
    cluster.run("sacctmgr", "--immediate", "modify", "user", "root", "set", "qos+=few,none,short")
    on_slurm = project_on(cluster, project, tmp_path)
    script = tmp_path / "probe.sh"
    script.write_text("#!/bin/sh\n#SBATCH --qos=few --time=1\n")
    wait_until(lambda: takes(cluster, script), "the controller knows the new QOS")
    return on_slurm


def takes(cluster: Cluster, script: Path) -> bool:
    """Whether the controller would take a script."""
    from slurm.cluster import ClusterError

    try:
        cluster.run("sbatch", "--test-only", str(script))
    except ClusterError:
        return False
    return True


def test_limits(limited: OnSlurm) -> None:
    # More models than an array may have tasks: the last task of each submits the next ones.
    done = limited.run("seed=range(1,14)", "env.max_running=2", "framework.options.seconds=0.1")
    assert done.code == 0, done.err
    wait_until(lambda: len(limited.results()) == 13, "all are trained")
    assert {result["state"] for result in limited.ended().values()} == {"done"} and limited.most_at_once() == 2

    # Nothing is taken at all: one line, and nothing is left.
    for qos, words in (("none", "QOSMaxSubmitJobPerUserLimit"), ("nosuch", "Invalid qos"), ("short", "QOSMaxWallDurationPerJob")):
        refused = limited.run("seed=31,32", f"env.slurm.qos={qos}")
        assert refused.code == 1 and words in refused.one_line, refused.err
        assert len(limited.sweeps) == 1 and limited.squeue("%i") == []
    assert "env.slurm.timeout_min" in refused.one_line

    # Three are taken: they and those that they submit train all eight, and what was launched when no place was left.
    few = ("env.slurm.qos=few", "framework.options.seconds=60")
    done = limited.run("seed=range(41,49)", *few)
    assert done.code == 0 and done.err == "", done.err
    assert len(limited.squeue("%i")) == 3
    later = limited.run("seed=51,52", *few)
    assert later.code == 0 and "QOSMaxSubmitJobPerUserLimit" in later.out and later.err == "", later.err
    assert len(limited.squeue("%i")) == 3
    limited.open()
    wait_until(lambda: len(limited.results()) == 23, "all ten are trained")
    assert {result["state"] for result in limited.ended().values()} == {"done"}
