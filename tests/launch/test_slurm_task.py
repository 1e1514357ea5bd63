"""What a Slurm job does before it trains, as far as that can be seen without a Slurm."""

import os
from pathlib import Path

import pytest

from daisy.folder import Waiting, create_sweep
from daisy.launch.slurm_task import has_to_keep_filled, meanwhile

TAG = "daisy:0123456789ab"


def test_only_the_last_of_an_array_and_one_that_leaves_nothing_see_to_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_sweep(tmp_path, "x", {"identities": ["a"], "tags": [TAG]}, [Waiting({})], tmp_path, {}, 1.0)
    monkeypatch.setenv("SLURM_ARRAY_TASK_MAX", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert not has_to_keep_filled(tmp_path, TAG)
    assert has_to_keep_filled(tmp_path, "daisy:another")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    assert has_to_keep_filled(tmp_path, TAG)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID")
    monkeypatch.delenv("SLURM_ARRAY_TASK_MAX")  # a plain job
    assert has_to_keep_filled(tmp_path, TAG)


def test_what_is_done_meanwhile_can_not_hurt_the_job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:

    def breaks() -> None:
        (tmp_path / "begun").touch()
        raise RuntimeError("no good")

    assert os.waitpid(meanwhile(breaks), 0)[1] == 0
    assert (tmp_path / "begun").exists() and "no good" in capfd.readouterr().err
