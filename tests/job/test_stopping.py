"""Told to stop, or killed: no process of the framework's is left, and the model goes on where it was."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

FAMILY = [[2, "start", kind] for kind in ("child", "grandchild", "session", "daemon")]
HELD = [*FAMILY, [2, "touch", "there"], [2, "wait_for", "gate"]]


def never_stopped(theatre: Any) -> tuple[dict[str, Any], bytes, bytes]:
    """The result, predictions and checkpoint of the same training without any trouble."""
    theatre.open("gate")
    folder, outcome, _ = theatre.here("again=true")
    assert outcome.exit_code == 0, outcome.result
    return outcome.result, folder.predictions().read_bytes(), (folder.model_out / "last.json").read_bytes()


def resumed(theatre: Any, folder: Any) -> None:
    """`daisy resume` finishes the model in its folder."""
    theatre.open("gate")
    with folder.metrics.open("a") as file:
        file.write('{"epoch": 1, "loss": 1.0, "seconds": 1000.0, "attempt": 1}\n{"epoch": 1, "lo')  # it was long, and torn
    before = folder.run_out.read_bytes()
    done = theatre.daisy("resume", folder.model_id)
    assert done.code == 0, done.out + done.err
    assert f"{folder.model_id} (attempt 2)" in done.out
    assert folder.run_out.read_bytes().startswith(before)
    assert b"on from epoch 1\n" in folder.run_out.read_bytes()
    assert folder.attempts() == [1, 2]
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [line["attempt"] for line in lines] == sorted(line["attempt"] for line in lines)
    assert {line["attempt"] for line in lines} == {1, 2}
    assert all(line["seconds"] >= 1000 for line in lines if line["attempt"] == 2)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_a_stopped_model(
    theatre: Any, ended: Callable[..., Any], alive_with: Callable[..., Any], number: int, code: int, words: str
) -> None:
    theatre.puppet(acts=HELD, correct=[3, 9, 5])
    process = theatre.start()
    theatre.reached("there")
    assert len(alive_with(theatre.project.root)) >= 6  # the guard, the framework, four more
    process.send_signal(number)
    assert ended(process)[0] == code
    theatre.nobody_is_left()
    folder = theatre.model
    result = json.loads(folder.result.read_text())
    assert result["state"] == "stopped"
    assert result["reason"] == f"stopped by {words}"
    assert folder.job_out.read_text().splitlines()[-1].endswith(f"stopped: stopped by {words}")
    if number != signal.SIGINT:
        return
    resumed(theatre, folder)
    result, predictions, checkpoint = never_stopped(theatre)
    mine = json.loads(folder.result.read_text())
    for key in ("state", "accuracy", "accuracy_interval", "edit_distance", "correct", "examples", "checkpoint"):
        assert mine[key] == result[key], key
    assert mine["attempt"] == 2
    assert folder.predictions().read_bytes() == predictions
    assert (folder.model_out / "last.json").read_bytes() == checkpoint


def test_killed_outright(theatre: Any, alive_with: Callable[..., Any]) -> None:
    """SIGKILL: nobody could write a word, and yet nothing is left running and the state is known."""
    from daisy.folder import observed_state

    theatre.puppet(acts=HELD, correct=[3, 9, 5])
    process = theatre.start()
    theatre.reached("there")
    assert len(alive_with(theatre.project.root)) >= 6
    process.kill()
    process.wait()
    theatre.nobody_is_left()
    folder = theatre.model
    assert json.loads(folder.result.read_text())["state"] == "running"
    assert observed_state(folder, folder.read_result())[0] == "stopped"
    listed = theatre.daisy("list", "--json")
    assert '"stopped"' in listed.out
    # The same command goes on with it, as `daisy resume` does.
    theatre.open("gate")
    done = theatre.daisy()
    assert done.code == 0, done.out + done.err
    assert f"{folder.model_id} (attempt 2)" in done.out
    assert theatre.project.models() == [folder.path]
    result, predictions, checkpoint = never_stopped(theatre)
    assert json.loads(folder.result.read_text())["accuracy"] == result["accuracy"]
    assert folder.predictions().read_bytes() == predictions
    assert (folder.model_out / "last.json").read_bytes() == checkpoint


def test_the_guard_is_killed(theatre: Any, ended: Callable[..., Any]) -> None:
    """It is not to be expected of anyone; the framework ends with it all the same."""
    theatre.puppet(acts=[[2, "start", "child"], [2, "start", "grandchild"], [2, "touch", "there"], [2, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    (guard,) = children_of(process.pid)
    os.kill(guard, signal.SIGKILL)
    code, out = ended(process)
    assert code == 1, out
    assert "failed: the framework was killed by SIGKILL" in out
    theatre.nobody_is_left()


def children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return [int(word) for word in file.read().split()]


def test_ctrl_c_twice_does_not_wait(theatre: Any, ended: Callable[..., Any]) -> None:
    """A framework that ignores SIGTERM has a while to end; a second Ctrl-C takes it away. Here the while is an hour."""
    theatre.puppet(acts=[[2, "be_deaf"], *HELD])
    patient = (
        "from daisy.framework.process import RunningCommand\n"
        "RunningCommand.__init__.__defaults__ = (3600.0, None, ())\n"
        "from daisy.cli import main\n"
        "main()\n"
    )
    words = ["framework=puppet", "dataset=tiny", "train.epochs=3"]
    process = theatre.run([sys.executable, "-c", patient, *words])
    theatre.reached("there")
    process.send_signal(signal.SIGINT)
    theatre.reached("asked")
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    code, out = ended(process)
    assert code == 130, out
    assert "Traceback" not in out
    assert json.loads(theatre.model.result.read_text())["state"] == "stopped"
    theatre.nobody_is_left()


def test_stopped_while_it_validates(theatre: Any, ended: Callable[..., Any]) -> None:
    theatre.puppet(predict=[[0, "start", "session"], [0, "touch", "there"], [0, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    process.terminate()
    assert ended(process)[0] == 143
    theatre.nobody_is_left()
    folder = theatre.model
    assert json.loads(folder.result.read_text())["state"] == "stopped"
    assert not folder.predictions().exists()
    theatre.open("gate")
    done = theatre.daisy("resume", "-1")
    assert done.code == 0, done.out + done.err
    assert json.loads(folder.result.read_text())["correct"] == 3


def test_each_epoch_counts_although_it_was_stopped(theatre: Any, wait: Callable[..., Any], ended: Callable[..., Any]) -> None:
    """The best epoch was scored before the stop, another one was saved and not yet scored."""
    from daisy.folder import ModelFolder

    theatre.puppet(
        acts=[[3, "wait_for", "second"], [4, "touch", "there"], [4, "wait_for", "gate"]],
        predict=[[3, "wait_for", "gate"]],
        correct=[3, 9, 7, 5],
    )
    process = theatre.start("train.epochs=4", "train.validate=each")
    wait(lambda: theatre.project.models() and theatre.model.metrics.exists(), "metrics")
    wait(lambda: [line["epoch"] for line in theatre.metrics() if "accuracy" in line] == [1, 2], "two accuracies")
    theatre.open("second")
    theatre.reached("there")  # epoch 3 is saved, and is being predicted or waits for it
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    theatre.nobody_is_left()
    theatre.open("gate")
    done = theatre.daisy("resume", "-1")
    assert done.code == 0, done.out + done.err
    folder: ModelFolder = theatre.model
    result = json.loads(folder.result.read_text())
    assert result["correct"] == 9
    assert result["checkpoint"]["epoch"] == 2
    rows = [line.split("\t") for line in folder.predictions().read_text().splitlines()]
    assert sum(target == predicted for _, target, predicted in rows) == 9
    scored = {line["epoch"]: round(18 * line["accuracy"]) for line in theatre.metrics() if "accuracy" in line}
    assert scored == {1: 3, 2: 9, 3: 7, 4: 5}


def test_resuming_without_what_the_framework_wrote(theatre: Any, ended: Callable[..., Any]) -> None:
    """model_out/ is big and may be deleted: then it begins anew."""
    theatre.puppet(acts=[[2, "touch", "there"], [2, "wait_for", "gate"]])
    process = theatre.start()
    theatre.reached("there")
    process.terminate()
    assert ended(process)[0] == 143
    folder = theatre.model
    for path in folder.model_out.iterdir():
        path.unlink()
    folder.model_out.rmdir()
    theatre.open("gate")
    done = theatre.daisy("resume", "-1")
    assert done.code == 0, done.out + done.err
    assert json.loads(folder.result.read_text())["correct"] == 3


def test_a_done_model_is_not_resumed(theatre: Any) -> None:
    folder, outcome, _ = theatre.here()
    assert outcome.exit_code == 0
    before = folder.result.read_bytes()
    done = theatre.daisy("resume", "-1")
    assert done.code == 2
    assert re.search(r"is done: `daisy again", done.one_line)
    assert folder.result.read_bytes() == before
    assert folder.attempts() == [1]
