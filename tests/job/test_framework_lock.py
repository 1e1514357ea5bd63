"""Only one framework at a time trains into a model's folder, also when Daisy was killed and its framework takes its time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from daisy.errors import ModelError
from daisy.folder import ModelFolder, model

HOLD = """
import os, sys, time
from pathlib import Path
from daisy.folder import ModelFolder
from daisy.framework.process import RunningCommand
folder = ModelFolder(Path(sys.argv[1]))
with folder.framework_lock() as held:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", stubborn, str(folder.path)]
    running = RunningCommand(command, {}, folder.path, grace=float(sys.argv[2]), held=[held])
    os.set_blocking(running.output, True)
    assert (told := os.read(running.output, 300)).startswith(b"up"), told
    (folder.path / "up").touch()
    time.sleep(600)
"""


def held_by_another(path: Path, grace: float) -> "subprocess.Popen[bytes]":
    (path / "model_out").mkdir()
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(grace)])
    deadline = time.monotonic() + 60
    while not (path / "up").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return process


def test_the_next_one_waits_until_the_framework_of_a_killed_job_has_ended(tmp_path: Path) -> None:
    process = held_by_another(tmp_path, grace=1.5)
    process.kill()
    process.wait()
    began = time.monotonic()
    with ModelFolder(tmp_path).framework_lock():
        assert time.monotonic() - began > 0.5  # the framework ignores SIGTERM: its guard kills it after the grace


def test_a_framework_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = held_by_another(tmp_path, grace=600)
    try:
        monkeypatch.setattr(model, "FRAMEWORK_ENDS_WITHIN", 0.3)
        with pytest.raises(ModelError, match="still trains"), ModelFolder(tmp_path).framework_lock():
            raise AssertionError("the lock is another's")
    finally:
        process.terminate()
        process.wait()
        subprocess.run(["pkill", "-9", "-f", str(tmp_path)], check=False)
