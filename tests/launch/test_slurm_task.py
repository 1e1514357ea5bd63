"""What a Slurm job does before it trains, as far as that can be seen without a Slurm."""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from daisy.folder import Waiting, create_sweep

TAG = "daisy:0123456789ab"
KEEP_FILLED = """
import sys, pathlib
from daisy.launch.slurm_task import keep_filled
keep_filled(pathlib.Path(sys.argv[1]), sys.argv[2])
"""


def test_a_job_that_leaves_the_queue_alone_does_not_wait_for_a_launcher(tmp_path: Path) -> None:
    """A launcher has the lock for as long as it submits: a slot would stand empty meanwhile."""
    models_dir = tmp_path / "models"
    create_sweep(models_dir, "x", {"identities": ["a"], "tags": [TAG]}, [Waiting({})], tmp_path, {}, 1.0)
    not_the_last = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MAX": "1"}
    with FileLock(models_dir / ".lock"):
        done = subprocess.run([sys.executable, "-c", KEEP_FILLED, str(models_dir), TAG], env=not_the_last, timeout=30)
    assert done.returncode == 0
