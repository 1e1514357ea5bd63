"""What a machine, a colleague or a careless edit does around Daisy."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import DaisyProject

from daisy.files import read_json, write_json

PRINTER = """
from daisy.framework import Adapter, Checkpoint, Command, Description, Progress

class Printer(Adapter):
    def train(self, options, paths, resume):
        return Command.of("python", paths.companion / "act.py", "train", paths.model_out / "model")

    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("python", paths.companion / "act.py", "predict", source, output, paths.model_out)

    def read_line(self, line):
        return Progress(epoch=int(line.split()[1]), epoch_done=True) if line.startswith("epoch ") else None

    def best_checkpoint(self, paths):
        return Checkpoint(paths.model_out / "model")

    def describe(self, paths):
        return Description("1")
"""
SLOW = """
import sys, time
if sys.argv[1] == "train":
    for epoch in range(1, 6):
        print("epoch", epoch, flush=True)
        time.sleep(0.3)
    open(sys.argv[2], "w").close()
else:
    open(sys.argv[3], "w").write(open(sys.argv[2]).read())
"""
LONG_CHECKSUM = SLOW.replace("range(1, 6)", "range(1, 2)") + (
    "    import os; os.truncate(sys.argv[4] + '/../daisy/run.out', 1 << 30)\n"
)


@pytest.fixture
def trained(project: DaisyProject) -> DaisyProject:
    done = project.daisy("framework=suffix", "dataset=tiny")
    assert done.code == 0, done.err
    return project


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("result.json", ["accuracy"], "high"),
        ("result.json", ["job"], 7),
        ("result.json", ["scorer"], [1]),
        ("config.json", ["configuration", "train"], None),
        ("config.json", ["configuration", "train"], []),
        ("config.json", ["configuration"], None),
        ("config.json", ["dataset", "name"], 5),
        ("config.json", ["dataset", "checksum"], [1]),
        ("config.json", ["config_id"], 5),
    ],
)
def test_a_wrongly_typed_value_is_a_warning(trained: DaisyProject, file: str, path: list[str], value: Any) -> None:
    damaged = trained.models()[0] / "daisy" / file
    content = read_json(damaged)
    node = content
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    write_json(damaged, content)
    assert trained.daisy("framework=suffix", "dataset=tiny", "again=true").code == 0
    listed = trained.daisy("list")
    assert listed.code == 0
    assert sum(" tiny " in line for line in listed.out.splitlines()) == 1
    assert len(listed.err.splitlines()) == 1
    assert damaged.parent.parent.name in listed.err
    assert "Traceback" not in trained.daisy("show", "-2").err


def test_deeply_nested_rubbish_and_a_time_that_never_was(trained: DaisyProject) -> None:
    model = trained.models()[0]
    (model / "daisy" / "metrics.jsonl").write_text("[" * 200_000 + "\n")
    model.rename(model.parent / "r999999999999999__suffix__tiny")
    listed = trained.daisy("list")
    assert listed.code == 0, listed.err
    assert "at no time" in listed.out
    (trained.models()[0] / "daisy" / "result.json").write_text("[" * 200_000)
    listed = trained.daisy("list")
    assert listed.code == 0
    assert len(listed.err.splitlines()) == 1


def test_the_reader_of_the_output_goes_away_and_training_goes_on(project: DaisyProject) -> None:
    project.add_framework("slow", PRINTER, {"act.py": SLOW})
    command = " ".join(project.command("framework=slow", "dataset=tiny"))
    subprocess.run(["bash", "-c", f"{command} | head -1"], cwd=project.root, env=project.environment(), check=True)
    (model,) = project.models()
    deadline = time.monotonic() + 60
    while read_json(model / "daisy" / "result.json")["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert read_json(model / "daisy" / "result.json")["state"] == "done"


def test_done_stays_done_when_a_signal_comes_while_it_is_written(project: DaisyProject) -> None:
    """run.out is a gigabyte of nothing here, so that its checksum takes a while."""
    project.add_framework("slow", PRINTER, {"act.py": LONG_CHECKSUM})
    process = project.start("framework=slow", "dataset=tiny")
    deadline = time.monotonic() + 60
    while not any("accuracy" in log.read_text() for log in project.root.glob("models/r*/daisy/job.out")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    folder = project.models()[0] / "daisy"
    states = [line.split("] ")[1] for line in (folder / "job.out").read_text().splitlines()]
    told = [state.partition(":")[0] for state in states if state.partition(":")[0] in ("done", "stopped")]
    assert told == [read_json(folder / "result.json")["state"]]


def test_an_adapter_that_exits_is_an_error(project: DaisyProject) -> None:
    project.add_framework("leaving", "import sys\nsys.exit(0)\n")
    wrong = project.daisy("framework=leaving", "dataset=tiny")
    assert wrong.code == 2
    assert "leaving.py" in wrong.one_line
    project.add_framework("quitting", PRINTER.replace("return Progress(", "raise SystemExit(0) or Progress("), {"act.py": SLOW})
    failed = project.daisy("framework=quitting", "dataset=tiny")
    assert failed.code == 1
    assert "raised SystemExit" in failed.out


def test_an_adapter_that_hangs_can_be_stopped(project: DaisyProject) -> None:
    hanging = PRINTER.replace(
        "        return Progress(", "        open('reading', 'w').close()\n        while True: pass\n        return Progress("
    )
    project.add_framework("hanging", hanging, {"act.py": SLOW})
    process = project.start("framework=hanging", "dataset=tiny")
    deadline = time.monotonic() + 60
    while not (project.root / "reading").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert read_json(project.models()[0] / "daisy" / "result.json")["state"] == "stopped"


def test_streams_that_are_closed(trained: DaisyProject) -> None:
    for words in (["list"], ["show", "-1"], ["framework=suffix", "dataset=tiny", "again=true"]):
        command = " ".join(trained.command(*words))
        done = subprocess.run(["bash", "-c", f"{command} >&-"], cwd=trained.root, env=trained.environment(), capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""


def test_a_terminal_that_knows_ascii_only(trained: DaisyProject) -> None:
    shown = trained.daisy("list", environment={"PYTHONIOENCODING": "ascii"})
    assert shown.code == 0, shown.err
    assert "-----" in shown.out
    assert "\\u" not in shown.out


def test_a_project_that_was_moved(project: DaisyProject, tmp_path: Path) -> None:
    process = project.start("framework=arcadio", "dataset=tiny", "train.epochs=60", "arch.hidden=8", "arch.filters=8")
    deadline = time.monotonic() + 60
    while not (project.models() and (project.models()[0] / "model_out" / "last.npz").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    project.root.rename(tmp_path / "elsewhere")
    moved = DaisyProject(tmp_path / "elsewhere")
    if read_json(moved.models()[0] / "daisy" / "result.json")["state"] == "stopped":  # else it was quicker than the signal
        resumed = moved.daisy("resume", "-1")
        assert resumed.code == 0, resumed.out + resumed.err
    assert json.loads(moved.daisy("list", "--json").out)[0]["state"] == "done"
    assert not project.root.exists()


def test_the_current_folder_is_gone(project: DaisyProject) -> None:
    script = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); from daisy.cli import main; main(['list'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.root,
        env=project.environment({"DAISY_PROJECT": str(project.root)}),
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr


def test_a_models_dir_that_cannot_be_written_to(trained: DaisyProject) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    (trained.root / "models").chmod(0o555)
    try:
        wrong = trained.daisy("framework=suffix", "dataset=tiny", "again=true")
        assert wrong.code == 2
        assert "env.models_dir" in wrong.one_line
    finally:
        (trained.root / "models").chmod(0o755)
