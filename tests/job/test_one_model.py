"""One model, from its command to its files."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TIME = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\]"


def test_everything_is_in_the_models_folder(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "say", "ünïcode"], [2, "say_bytes", "0d6261720d0aff00"]], correct=[3, 9, 5])
    done = theatre.daisy("seed=4")
    assert done.code == 0, done.err
    assert "Traceback" not in done.out + done.err
    folder = theatre.model
    assert re.fullmatch(r"r\d{10}__puppet__tiny_[a-z0-9_]+", folder.model_id)
    kept = sorted(str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file())
    assert kept == [
        "daisy/attempts/1.json",
        "daisy/config.json",
        "daisy/job.out",
        "daisy/metrics.jsonl",
        "daisy/predictions/dev.tsv",
        "daisy/result.json",
        "daisy/run.out",
        "model_out/best.json",
        "model_out/last.json",
    ]

    # What the framework printed, byte for byte.
    epochs = [f"epoch {n} step 2/2 loss {1 / n:.3f}\nepoch {n} done loss {1 / n:.3f}\nsaved epoch {n}\n" for n in (1, 2, 3)]
    extra = "ünïcode\n".encode() + b"\rbar\r\n\xff\x00"
    assert folder.run_out.read_bytes() == epochs[0].encode() + extra + epochs[1].encode() + epochs[2].encode()

    lines = folder.job_out.read_text().splitlines()
    assert re.fullmatch(rf"{TIME} attempt 1 on {re.escape(socket.gethostname())}, process \d+, no Slurm job", lines[0])
    assert [re.sub(TIME, "", line).split()[0] for line in lines[1:]] == [
        "preparing",
        "training",
        "validating",
        "accuracy",
        "done",
    ]
    assert re.fullmatch(rf"{TIME} accuracy 50\.00% \(9 of 18 examples, 95 % interval 29\.0% to 71\.0%\)", lines[-2])

    config, result = json.loads(folder.config.read_text()), json.loads(folder.result.read_text())
    assert config["model_id"] == folder.model_id
    assert config["configuration"]["seed"] == 4
    assert result["state"] == "done"
    assert (result["accuracy"], result["correct"], result["examples"]) == (0.5, 9, 18)
    assert result["attempt"] == 1
    assert result["checkpoint"]["path"] == "model_out/best.json"
    assert result["checkpoint"]["epoch"] == 2
    assert result["environment"] == {"PUPPET_SAYS": "ä; echo $HOME"}
    assert result["command"][1] == str(theatre.project.root / "frameworks" / "puppet" / "act.py")
    assert set(result["stages"]) == {"prepare", "train", "validate"}
    assert result["started"] <= result["ended"]
    for name, checksum in result["checksums"].items():
        assert hashlib.sha256((folder.daisy / name).read_bytes()).hexdigest() == checksum, name
    assert set(result["checksums"]) == {"config.json", "metrics.jsonl", "predictions/dev.tsv", "run.out"}

    # Written last: nothing that it speaks of is younger.
    last = folder.result.stat().st_mtime_ns
    assert all(path.stat().st_mtime_ns <= last for path in folder.path.rglob("*") if path.is_file())

    rows = [line.split("\t") for line in folder.predictions().read_text().splitlines()]
    assert len(rows) == 18
    assert sum(target == predicted for _, target, predicted in rows) == 9
    assert ["t a l o n", "t a l o"] in [row[:2] for row in rows]
    assert theatre.metrics()[-1]["accuracy"] == 0.5

    # The same once more: it says that it is there, and makes nothing.
    again = theatre.daisy("seed=4")
    assert again.code == 0
    assert "already" in again.out
    assert "50.0 %" in again.out
    assert folder.result.stat().st_mtime_ns == last
    assert len(theatre.project.models()) == 1


def test_the_slurm_job_is_named(theatre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    _, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    assert "Slurm job 4711" in theatre.model.job_out.read_text().splitlines()[0]
    assert json.loads(theatre.model.result.read_text())["job"] == "4711"


def test_it_can_be_watched_while_it_trains(theatre: Any, wait: Callable[..., Any], ended: Callable[..., Any]) -> None:
    theatre.puppet(acts=[[2, "say", "here I wait"], [2, "wait_for", "gate"]])
    process = theatre.start()
    wait(lambda: theatre.project.models() and theatre.model.run_out.exists(), "run.out")
    wait(lambda: b"here I wait\n" in theatre.model.run_out.read_bytes(), "the line in run.out")
    wait(lambda: [line.get("epoch") for line in theatre.metrics() if "loss" in line][-1:] == [1], "the metrics of epoch 1")
    assert json.loads(theatre.model.result.read_text())["state"] == "running"
    assert "epoch 2" not in theatre.model.run_out.read_text()

    same = theatre.daisy()  # the same command in another shell
    assert same.code == 0
    assert "already" in same.out
    assert "running" in same.out
    assert theatre.daisy("resume", "-1").code == 2

    theatre.open("gate")
    code, out = ended(process)
    assert code == 0, out
    assert {line["epoch"] for line in theatre.metrics() if "loss" in line} == {1, 2, 3}
    assert len(theatre.project.models()) == 1


AT_THE_GATE = """
import sys, time
from pathlib import Path
from daisy.cli import run
gate, number = Path(sys.argv[1]), sys.argv[2]
del sys.argv[1:3]
begin = run.start
def start(planned):
    (gate.parent / f"up-{number}").touch()
    while not gate.exists():
        time.sleep(0.001)
    return begin(planned)
run.start = start
from daisy.cli import main
main()
"""


def test_of_the_same_command_at_the_same_moment_one_trains(
    theatre: Any, wait: Callable[..., Any], ended: Callable[..., Any]
) -> None:
    """Four shells; each has everything ready when the gate opens."""
    theatre.puppet(acts=[[2, "wait_for", "end"]])
    theatre.gates.mkdir()
    for number in range(4):
        words = [theatre.gates / "gate", str(number), "framework=puppet", "dataset=tiny", "train.epochs=3", "env.max_running=4"]
        theatre.run([sys.executable, "-c", AT_THE_GATE, *words])
    wait(lambda: len(list(theatre.gates.glob("up-*"))) == 4, "four commands")
    theatre.open("gate")
    wait(lambda: sum(process.poll() is None for process in theatre.started) <= 1, "three answers")
    theatre.open("end")
    ends = [ended(process) for process in theatre.started]
    assert [code for code, _ in ends] == [0] * 4, ends
    assert sum("done: accuracy" in out for _, out in ends) == 1
    assert sum("already" in out and "running" in out for _, out in ends) == 3
    assert len(theatre.project.models()) == 1
    assert theatre.model.attempts() == [1]


def test_each_epoch_is_scored_and_the_best_kept(theatre: Any) -> None:
    theatre.puppet(correct=[3, 9, 5])
    folder, outcome, seen = theatre.here("train.validate=each")
    assert outcome.exit_code == 0, outcome.result
    scored = {line["epoch"]: line["accuracy"] for line in theatre.metrics() if "accuracy" in line}
    assert scored == {1: 3 / 18, 2: 9 / 18, 3: 5 / 18}
    assert outcome.result["accuracy"] == 0.5
    assert outcome.result["checkpoint"]["path"] == "model_out/epoch-2.json"
    rows = [line.split("\t") for line in folder.predictions().read_text().splitlines()]
    assert sum(target == predicted for _, target, predicted in rows) == 9
    chain = json.loads((folder.model_out / "epoch-2.json").read_text())["chain"]
    assert rows[-1][2] == " ".join(chain[:6])
    assert seen.last.accuracy == 0.5


def test_epochs_are_scored_while_it_trains(theatre: Any, wait: Callable[..., Any], ended: Callable[..., Any]) -> None:
    theatre.puppet(acts=[[3, "wait_for", "gate"]])
    process = theatre.start("train.validate=each")
    wait(lambda: theatre.project.models() and theatre.model.metrics.exists(), "metrics")
    wait(lambda: [line["epoch"] for line in theatre.metrics() if "accuracy" in line] == [1, 2], "two accuracies")
    theatre.open("gate")
    code, out = ended(process)
    assert code == 0, out
    assert [line["epoch"] for line in theatre.metrics() if "accuracy" in line] == [1, 2, 3]


def test_a_form_is_built_once_for_two_models(theatre: Any) -> None:
    theatre.puppet(form=[[0, "say", "a form"]])
    first, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    (note,) = (theatre.project.root / "data" / "forms" / "puppet").glob("*/.form.json")
    form = note.parent
    assert (form / "by-the-adapter").read_text() == (form / "by-the-command").read_text() == "here"
    before = (form / "by-the-command").stat().st_mtime_ns
    _, outcome, _ = theatre.here("again=true")
    assert outcome.exit_code == 0
    assert (form / "by-the-command").stat().st_mtime_ns == before
    assert len(list(form.parent.glob("*/.form.json"))) == 1
    assert first.path in theatre.project.models()


def test_daisy_ends_a_framework_that_does_not_know_seconds(theatre: Any) -> None:
    theatre.puppet(acts=[[3, "wait_for", "never"]])
    folder, outcome, _ = theatre.here("train.seconds=1")
    assert outcome.exit_code == 0, outcome.result
    assert outcome.result["ended_because"] == "seconds"
    assert outcome.result["correct"] == 2  # epochs 1 and 2 were there
    assert outcome.result["stages"]["train"] >= 1
    assert "train.seconds=1 are over" in folder.job_out.read_text()
    theatre.nobody_is_left()


def test_a_framework_may_close_its_output(theatre: Any) -> None:
    theatre.puppet(acts=[[-1, "close_output"], [-1, "touch", "closed"], [-1, "leave_with", 0]])
    _, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    theatre.reached("closed")


def test_what_it_left_running_ends_with_it(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "start", kind] for kind in ("child", "grandchild", "session", "daemon")])
    _, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    theatre.nobody_is_left()


def test_names_that_shells_and_paths_would_mind(theatre: Any, tmp_path: Path) -> None:
    models = tmp_path / "a'; echo foo ä"
    done = theatre.daisy(f"env.models_dir='{models}'".replace("a'", "a\\'"))
    assert done.code == 0, done.err
    (path,) = (entry for entry in models.iterdir() if not entry.name.startswith("."))
    assert json.loads((path / "daisy" / "result.json").read_text())["state"] == "done"
