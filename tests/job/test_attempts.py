"""One model, several who want to train it: one does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.launch import starting

CLAIM = """
import sys, time
from pathlib import Path
from daisy.launch import starting
from daisy.errors import ModelError
from daisy.folder import ModelFolder
folder, gate = ModelFolder(Path(sys.argv[1])), Path(sys.argv[2])
(gate.parent / f"up-{sys.argv[3]}").touch()
while not gate.exists():
    time.sleep(0.001)
try:
    print("won", starting.resume(folder).number, flush=True)
    sys.stdin.read()  # the winner lives on
except ModelError as error:
    print("lost", error, flush=True)
"""


def test_of_six_that_resume_at_once_one_gets_it(theatre: Any, tmp_path: Path, wait: Callable[..., Any]) -> None:
    theatre.puppet(acts=[[2, "leave_with", 1]])
    folder, outcome, _ = theatre.here()
    assert outcome.state == "failed"
    gate = tmp_path / "gate"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(folder.path), str(gate), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    try:
        wait(lambda: len(list(tmp_path.glob("up-*"))) == 6)
        gate.touch()
        answers = [racer.stdout.readline() for racer in racers if racer.stdout]
    finally:
        for racer in racers:
            racer.communicate()
    assert sorted(answer.split()[0] for answer in answers) == ["lost"] * 5 + ["won"], answers
    assert folder.attempts() == [1, 2]
    assert all(folder.model_id in answer for answer in answers if answer.startswith("lost"))
    # The winner ended without a word: the next one may.
    from daisy.folder import observed_state

    assert observed_state(folder, folder.read_result())[0] == "stopped"


def test_the_seconds_in_training_are_those_of_all_attempts(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "leave_with", 1]])
    folder, outcome, _ = theatre.here()
    assert outcome.result["train_seconds"] == outcome.result["stages"]["train"]
    with folder.metrics.open("a") as metrics:
        metrics.write('{"epoch": 1, "seconds": 900.0, "attempt": 1}\n')
    assert theatre.daisy("resume", "-1").code == 1
    result = folder.read_result()
    assert (
        result["attempt"] == 2
        and result["stages"]["train"] < 100
        and result["train_seconds"] == pytest.approx(900 + result["stages"]["train"])
    )


def test_another_is_quicker_by_a_hair(theatre: Any, monkeypatch: Any) -> None:
    """Both have seen that nobody runs it; the other one has begun before this one can."""
    from daisy.errors import ModelError

    theatre.puppet(acts=[[2, "leave_with", 1]])
    folder, _, _ = theatre.here()
    look = starting.observed_state

    def look_and_be_overtaken(*arguments: Any) -> Any:
        seen = look(*arguments)
        folder.begin_attempt(1)
        return seen

    monkeypatch.setattr(starting, "observed_state", look_and_be_overtaken)
    with pytest.raises(ModelError, match="has just been started by another process"):
        starting.resume(folder)
    assert folder.attempts() == [1, 2]


def test_two_resume_commands_at_once(theatre: Any, ended: Callable[..., Any]) -> None:
    theatre.puppet(acts=[[2, "touch", "there"], [2, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    process.send_signal(signal.SIGKILL)
    process.wait()
    theatre.nobody_is_left()
    both = [theatre.start("resume", "-1"), theatre.start("resume", "-1")]
    while all(process.poll() is None for process in both):
        os.sched_yield()
    theatre.open("gate")
    (won, trained), (lost, refused) = sorted(ended(process) for process in both)
    assert (won, lost) == (0, 2), trained + refused
    assert len(refused.strip().splitlines()) == 1
    assert "is running" in refused or "just been started by another process" in refused
    assert theatre.model.attempts() == [1, 2]
    assert json.loads(theatre.model.result.read_text())["correct"] == 3


def test_what_a_dying_framework_still_saves_is_gone_on_from(
    theatre: Any, ended: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    """It has some seconds to save in when its job was killed: the next attempt looks for a checkpoint after that."""
    theatre.puppet(acts=[[1, "be_deaf"], [1, "touch", "there"], [1, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    process.send_signal(signal.SIGKILL)
    process.wait()
    theatre.reached("asked")
    again = theatre.start()
    wait(lambda: theatre.model.attempts() == [1, 2])
    wait(lambda: theatre.model.job_out.read_text().count("preparing") == 2)
    time.sleep(1.0)  # it waits for the first one's framework now
    for name in ("best.json", "last.json"):  # which can print no more, so this saves for it
        (theatre.model.model_out / name).write_text('{"epoch": 1, "chain": "", "correct": 1}')
    theatre.open("gate")
    code, out = ended(again)
    assert code == 0, out
    assert "on from epoch" in theatre.model.run_out.read_text()


def test_an_attempt_that_is_superseded_ends_its_framework(theatre: Any, ended: Callable[..., Any]) -> None:
    """As when Slurm starts a job again while the node that was thought dead still trains."""
    theatre.puppet(acts=[[2, "start", "session"], [2, "touch", "there"], [2, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    folder = theatre.model
    assert folder.begin_attempt(1).number == 2
    folder.write_result({"state": "running", "attempt": 2, "started": 1.0})
    before = {path: path.read_bytes() for path in (folder.result, folder.config)}
    code, out = ended(process)
    assert code == 1
    assert "superseded: a later attempt has begun" in out
    theatre.nobody_is_left()
    assert {path: path.read_bytes() for path in before} == before
    assert folder.job_out.read_text().splitlines()[-1].endswith("attempt 1 ends: a later one has begun")
    assert not folder.predictions().exists()


def test_one_that_is_superseded_while_it_validates_scores_nothing(theatre: Any, ended: Callable[..., Any]) -> None:
    theatre.puppet(predict=[[0, "touch", "there"], [0, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    folder = theatre.model
    folder.begin_attempt(1)
    folder.write_result({"state": "running", "attempt": 2, "started": 1.0})
    before = {path: path.read_bytes() for path in (folder.result, folder.metrics, folder.run_out)}
    theatre.open("gate")
    assert ended(process)[0] == 1
    assert {path: path.read_bytes() for path in before} == before
    assert not folder.predictions().exists()


def test_one_that_is_superseded_says_nothing_of_its_failure(theatre: Any, ended: Callable[..., Any]) -> None:
    theatre.puppet(acts=[[2, "touch", "there"], [2, "wait_for", "gate"], [2, "leave_with", 1]])
    process = theatre.start()
    theatre.reached("there")
    folder = theatre.model
    folder.begin_attempt(1)
    folder.write_result({"state": "running", "attempt": 2, "started": 1.0})
    before = folder.result.read_bytes()
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143
    assert folder.result.read_bytes() == before
