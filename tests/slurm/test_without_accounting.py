"""A real cluster without accounting: squeue and the folders alone tell what has become of every model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.cluster import Cluster, ClusterError
from slurm.on_slurm import OnSlurm, project_on
from support import DaisyProject

pytestmark = pytest.mark.slow
LONG = "framework.options.seconds=120"


def test_faults(project: DaisyProject, tmp_path: Path, own_cluster: Callable[..., Cluster]) -> None:
    on_slurm = project_on(own_cluster(nodes=2, cpus=4, gpus=1, node_timeout=5, accounting=False), project, tmp_path)
    with pytest.raises(ClusterError, match="Slurm accounting storage is disabled"):
        on_slurm.cluster.run("sacct")
    wait_until(lambda: on_slurm.cluster.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split().count("n2"), "two nodes")
    # One is cut off by its time limit, which it is told before, and goes on by itself.
    limit = ("env.slurm.timeout_min=1", "env.slurm.signal_delay_s=55", "env.max_resumes=20")  # the rest takes some minutes
    assert on_slurm.run("seed=21", LONG, *limit).code == 0
    six = ("seed=range(1,7)", LONG)
    assert on_slurm.run(*six).code == 0
    wait_until(lambda: set(on_slurm.begun()) >= set(range(1, 7)), "all train")
    jobs = {seed: on_slurm.job_of(seed) for seed in range(1, 7)}
    nodes = {row[0]: row[1] for row in on_slurm.squeue("%i", "%N")}

    wait_until(lambda: "reached its time limit: the model waits again" in on_slurm.job_out(21), "the time of one is up")
    # Somebody cancels one, somebody kills the step of another one, and a node is lost with all that ran there.
    on_slurm.cluster.run("scancel", jobs[1])
    on_slurm.cluster.run("scancel", "--signal=KILL", f"{jobs[2]}.0")
    wait_until(lambda: {on_slurm.states()[seed] for seed in (1, 2)} == {"stopped"}, "two are known to have stopped")
    gone = "n2" if "n2" in [nodes[jobs[seed]] for seed in (3, 4, 5, 6)] else "n1"
    lost = [seed for seed in (3, 4, 5, 6) if nodes[jobs[seed]] == gone]
    on_slurm.cluster.lose_node(int(gone[1:]), *(jobs[seed] for seed in lost))
    wait_until(lambda: {on_slurm.states()[seed] for seed in lost} == {"stopped"}, "those of the node as well")
    wait_until(lambda: known_lost(on_slurm, [jobs[seed] for seed in lost]), "Slurm knows it")
    assert {on_slurm.states()[seed] for seed in {3, 4, 5, 6} - set(lost)} <= {"running"}

    # A new job settles it: what lost its node waits again and is trained, what was cancelled or killed does not come back.
    assert on_slurm.run("seed=11", LONG).code == 0
    wait_until(lambda: all("(NODE_FAIL): the model waits again" in on_slurm.job_out(seed) for seed in lost), "they wait again")
    on_slurm.open()
    wait_until(lambda: done(on_slurm) >= {3, 4, 5, 6, 11}, "all others are trained")
    on_slurm.ended()
    assert {on_slurm.states()[seed] for seed in (1, 2)} == {"stopped"}
    assert [place.number for place in on_slurm.sweeps[1].places("cancelled")] == [1]

    # The same command goes on with them.
    again = on_slurm.run(*six)
    assert on_slurm.begun().count(21) >= 2
    assert again.code == 0 and "4 not launched again (4 done)" in again.out, again.out + again.err
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}


def done(on_slurm: OnSlurm) -> set[int]:
    """The seeds of the models that are done."""
    return {seed for seed, result in on_slurm.results().items() if result["state"] == "done"}


def known_lost(on_slurm: OnSlurm, jobs: list[str]) -> bool:
    """Whether Slurm has given jobs up."""
    queued = {row[0] for row in on_slurm.squeue("%i")}
    return not queued & set(jobs)
