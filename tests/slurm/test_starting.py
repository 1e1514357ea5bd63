"""What a job does on a real Slurm before its model begins."""

import json
import os
import time

import pytest
from filelock import FileLock
from sleeper import wait_until
from slurm.cluster import ClusterError
from slurm.on_slurm import OnSlurm

pytestmark = pytest.mark.slow

ONE_BY_ONE = "env.max_running=1"


def test_a_job_can_not_be_requeued(on_slurm: OnSlurm) -> None:
    """Slurm would forget that it is a singleton: it would run beside the next one of its lane."""
    assert on_slurm.run("seed=1,2", "framework.options.seconds=60", ONE_BY_ONE).code == 0
    job = on_slurm.job_of(1)
    with pytest.raises(ClusterError, match="disabled"):
        on_slurm.cluster.run("scontrol", "requeue", job)
    on_slurm.open()
    assert {seed: result["attempt"] for seed, result in on_slurm.ended().items()} == {1: 1, 2: 1}
    assert on_slurm.most_at_once() == 1


def test_the_next_model_begins_while_somebody_launches(on_slurm: OnSlurm) -> None:
    """A launcher has the lock for as long as it submits: a slot would stand empty meanwhile."""
    assert on_slurm.run("seed=range(1,5)", "framework.options.seconds=2", ONE_BY_ONE).code == 0
    wait_until(lambda: on_slurm.begun() == [1, 2], "the second model trains")
    with FileLock(on_slurm.project.root / "models" / ".lock"):
        wait_until(lambda: on_slurm.begun() == [1, 2, 3, 4], "the others train")
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}


def test_what_a_lost_job_had_waits_again_before_the_next_one_claims(on_slurm: OnSlurm) -> None:
    """A worker that is nowhere any more had claimed the first of two models: the job that starts next takes that one."""
    assert on_slurm.run("seed=1,2,3", "framework.options.seconds=60", ONE_BY_ONE).code == 0
    wait_until(lambda: on_slurm.begun() == [1], "the first model trains")
    sweep = on_slurm.sweeps[0]
    sweep.claim("slurm-1-1")
    gone = {
        "number": 0, "host": "elsewhere", "pid": 1, "process_start": "1", "boot": "another/1", "started": time.time() - 1000,
        "job": "1_1", "user": os.getuid(), "cluster": None,
    }  # fmt: skip
    (sweep.path / "workers" / "slurm-1-1.json").write_text(json.dumps(gone))
    on_slurm.open()
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}
    assert on_slurm.begun() == [1, 2, 3]
