"""The disk is full while a model trains: one clear line, what was written stays whole, and after a while it goes on."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
del sys.argv[1]
from daisy.cli import main
main()
"""


def whole(folder: Any) -> None:
    """Nothing of what is there is cut off."""
    json.loads(folder.config.read_text())
    json.loads(folder.result.read_text())
    assert folder.metrics.read_bytes().endswith(b"\n")
    for line in folder.metrics.read_text().splitlines():
        json.loads(line)
    assert folder.job_out.read_bytes().endswith(b"\n")


def goes_on(theatre: Any, folder: Any) -> None:
    done = theatre.daisy("resume", "-1")
    assert done.code == 0, done.out + done.err
    result = json.loads(folder.result.read_text())
    assert (result["state"], result["correct"], result["attempt"]) == ("done", 3, 2)
    assert b"on from epoch 1\n" in folder.run_out.read_bytes()
    whole(folder)


def test_files_may_not_grow(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "say_much", 1_000_000], [2, "say", ""]])
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "500000", "framework=puppet", "dataset=tiny", "train.epochs=3"],
        cwd=theatre.project.root,
        env=theatre.project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "disk is full" in line]
    assert line.startswith("  failed: the disk is full (File too large: ")
    assert "free space, then resume the model" in done.stdout
    theatre.nobody_is_left()
    folder = theatre.model
    assert json.loads(folder.result.read_text())["state"] == "failed"
    whole(folder)
    theatre.puppet()
    goes_on(theatre, folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_full_to_the_last_byte(
    theatre: Any, small_disk: Path, wait: Callable[..., Any], ended: Callable[..., Any]
) -> None:
    """Somebody else fills it while the framework waits; then it prints a lot."""
    theatre.puppet(acts=[[2, "touch", "there"], [2, "wait_for", "gate"], [2, "say_much", 1_000_000], [2, "say", ""]])
    models = small_disk / "models"
    process = theatre.start(f"env.models_dir={models}")
    theatre.reached("there")
    from daisy.folder import ModelFolder, observed_state

    (path,) = (entry for entry in models.iterdir() if not entry.name.startswith("."))
    folder = ModelFolder(path)
    wait(lambda: '"epoch": 1' in folder.metrics.read_text(), "the metrics of epoch 1")
    config = folder.config.read_bytes()
    fill(small_disk / "somebody's")
    theatre.open("gate")
    code, out = ended(process)
    assert code == 1, out
    assert "Traceback" not in out
    (line,) = [line for line in out.splitlines() if "disk is full" in line]
    assert line.startswith("  failed: the disk is full (No space left on device: ")
    theatre.nobody_is_left()
    assert folder.config.read_bytes() == config
    whole(folder)
    assert observed_state(folder, folder.read_result())[0] in ("failed", "stopped")
    assert [entry for entry in folder.daisy.iterdir() if entry.name.startswith(".unfinished")] == []

    # Nothing can be begun: one line, and no folder.
    refused = theatre.daisy("seed=2", f"env.models_dir={models}")
    assert refused.code == 1
    assert "disk is full" in refused.one_line
    assert [entry.name for entry in models.iterdir() if not entry.name.startswith(".")] == [path.name]
    assert not list(models.glob(".unfinished*"))

    (small_disk / "somebody's").unlink()
    theatre.puppet()
    (theatre.project.root / "conf" / "env" / "local.yaml").write_text(
        f"models_dir: {models}\ndata_dir: data\nmirror: null\npython: {{}}\n"
    )
    goes_on(theatre, folder)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    continue
            except OSError:
                continue


def test_the_framework_finds_the_disk_full(theatre: Any, small_disk: Path) -> None:
    """Its error is to be seen, or Daisy's: there may be room for neither's words in run.out."""
    theatre.puppet(acts=[[2, "fill", "checkpoint", 4]])
    done = theatre.daisy(f"env.models_dir={small_disk / 'models'}")
    assert done.code == 1
    assert "No space left on device" in done.out
    assert "Traceback" not in done.err
    theatre.nobody_is_left()
