"""What a job does on a real Slurm before its model begins."""

import json
import time
from pathlib import Path

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


def test_squeue_is_asked_before_the_lock_is_taken(on_slurm: OnSlurm, tmp_path: Path) -> None:
    """Jobs that start together ask a slow squeue all at once, and not one after the other."""
    squeue, asked = tmp_path / "bin" / "squeue", tmp_path / "asked"
    squeue.parent.mkdir()
    real = on_slurm.cluster.run("which", "squeue").strip()
    squeue.write_text(f'#!/bin/sh\necho "asked $SLURM_JOB_ID" >> {asked}\nexec {real} "$@"\n')
    squeue.chmod(0o755)
    environment = {**on_slurm.environment, "PATH": f"{squeue.parent}:{on_slurm.project.environment()['PATH']}"}
    words = on_slurm.words("seed=1,2,3", "framework.options.seconds=60", ONE_BY_ONE)
    assert on_slurm.project.daisy(*words, environment=environment).code == 0
    wait_until(lambda: on_slurm.begun() == [1], "the first model trains")
    _a_worker_elsewhere(on_slurm)
    asked.unlink()
    with FileLock(on_slurm.project.root / "models" / ".lock"):
        on_slurm.open()
        wait_until(asked.exists, "the next job asks squeue")
        assert on_slurm.begun() == [1]
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}


def _a_worker_elsewhere(on_slurm: OnSlurm) -> None:
    """A worker of which only squeue can tell whether it lives."""
    who = {
        "number": 0, "host": "elsewhere", "pid": 1, "process_start": "1", "boot": "another/1", "started": time.time() - 1000,
        "job": on_slurm.job_of(1), "user": 0, "cluster": "daisytest",
    }  # fmt: skip
    (on_slurm.sweeps[0].path / "workers" / "slurm-1-1.json").write_text(json.dumps(who))
