"""A framework that does not do what it was told to: the model is failed, with the reason, and nothing is thrown away."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

SAYS = [2, "say", "the last words"]
FAILURES = {
    "exit code": ({"acts": [SAYS, [2, "leave_with", 3]]}, "the framework ended with exit code 3"),
    "SIGKILL": ({"acts": [SAYS, [2, "die_of", "SIGKILL"]]}, "was killed by SIGKILL (out of memory, or killed by hand)"),
    "SIGSEGV": ({"acts": [SAYS, [2, "die_of", "SIGSEGV"]]}, "was killed by SIGSEGV"),
    "NaN": ({"acts": [SAYS, [2, "say", "epoch 2 step 1/2 loss nan"], [2, "wait_for", "never"]]}, "at epoch 2, step 1"),
    "infinity": ({"acts": [SAYS, [2, "say", "epoch 2 done loss inf"]]}, "the loss is not a number at epoch 2"),
    "no checkpoint": ({"acts": [SAYS], "saves": False}, "saved no checkpoint"),
    "no predictions": ({"acts": [SAYS], "predictions": "none"}, "wrote no predictions: it printed nothing"),
    "half of them": ({"acts": [SAYS], "predictions": "half"}, "9 predictions for 18 examples"),
    "one too many": ({"acts": [SAYS], "predictions": "more"}, "19 predictions for 18 examples"),
    "predicting fails": (
        {"predict": [[0, "say", "the last words"], [0, "leave_with", 4]]},
        "prediction of the dev set ended with exit code 4: the last words",
    ),
    "predicting is killed": (
        {"acts": [SAYS], "predict": [[0, "die_of", "SIGTERM"]]},
        "prediction of the dev set was killed by SIGTERM: it printed nothing",
    ),
    "no such program": ({"program": "no-such-program"}, "no-such-program"),
}


@pytest.mark.parametrize(("options", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_failed_model_says_why_and_keeps_its_files(theatre: Any, options: dict[str, Any], reason: str) -> None:
    theatre.puppet(**options)
    folder, outcome, _ = theatre.here()
    result = json.loads(folder.result.read_text())
    assert (result["state"], outcome.state, outcome.exit_code) == ("failed", "failed", 1)
    assert reason in result["reason"]
    assert f"failed: {result['reason']}" in folder.job_out.read_text().splitlines()[-1]
    assert folder.read_config()["configuration"]["framework"]["name"] == "puppet"
    if "program" not in options:
        assert "the last words" in folder.run_out.read_text()
        assert any("the last words" in line for line in result["last_lines"])
    if options.get("saves", True) and "program" not in options:
        assert (folder.model_out / "last.json").is_file()
        assert theatre.metrics()[0]["epoch"] == 1
    assert not folder.predictions().exists()
    theatre.nobody_is_left()


def test_a_disk_that_the_framework_finds_full(theatre: Any) -> None:
    """An adapter need not know of it."""
    theatre.puppet(acts=[[2, "say", "OSError: [Errno 28] No space left on device"], [2, "leave_with", 1]])
    folder, _, _ = theatre.here()
    assert (
        json.loads(folder.result.read_text())["hint"] == "the disk is full, or your part of it: free space, then resume the model"
    )


def test_what_a_person_sees(theatre: Any) -> None:
    """The reason, the adapter's hint, the last lines, harmless; exit code 1."""
    escape = "\x1b]0;owned\x07\x1b[2J\x1b[31mCUDA out of memory\x1b[0m\r\u202egnp.exe"
    lines = [[2, "say", f"line {number}"] for number in range(40)]
    theatre.puppet(acts=[*lines, [2, "say_bytes", escape.encode().hex() + "0a80ff0a"], [2, "leave_with", 1]])
    done = theatre.daisy()
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert "failed: the framework ended with exit code 1" in done.out
    assert "a smaller train.batch_size needs less memory" in done.out
    assert "line 39" in done.out
    assert "line 1\n" not in done.out
    for text in (done.out, theatre.model.result.read_text()):
        assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}
    assert "\\x1b[31mCUDA out of memory" in done.out
    assert "\\u202egnp.exe" in done.out
    result = json.loads(theatre.model.result.read_text())
    assert result["hint"] == "a smaller train.batch_size needs less memory"
    assert len(result["last_lines"]) == 15
    assert escape.encode() in theatre.model.run_out.read_bytes()
    assert f"models/{theatre.model.model_id}\n" in done.out
    assert f"daisy resume {theatre.model.model_id}" in done.out

    shown = theatre.daisy("show", "-1")
    assert shown.code == 0, shown.err
    assert "\x1b]0" not in shown.out
    assert "a smaller train.batch_size" in shown.out

    # Asked for again, a failed model is trained anew, and the old one stays.
    anew = theatre.daisy()
    assert anew.code == 1
    assert len(theatre.project.models()) == 2


def test_each_epochs_predictions_may_fail_too(theatre: Any) -> None:
    theatre.puppet(predict=[[2, "say", "no memory"], [2, "leave_with", 5]], acts=[[3, "wait_for", "never"]])
    folder, outcome, _ = theatre.here("train.validate=each")
    assert outcome.state == "failed"
    assert "prediction of the dev set ended with exit code 5: no memory" in outcome.result["reason"]
    assert [line["epoch"] for line in theatre.metrics() if "accuracy" in line] == [1]
    assert folder.predictions().is_file()  # of epoch 1
    theatre.nobody_is_left()


def test_a_form_that_can_not_be_built(theatre: Any) -> None:
    theatre.puppet(form=[[0, "say", "CUDA out of memory"], [0, "leave_with", 2]])
    _, outcome, _ = theatre.here()
    assert outcome.state == "failed"
    assert "python ended with exit code 2: CUDA out of memory" in outcome.result["reason"]
    assert outcome.result["hint"] == "a smaller train.batch_size needs less memory"
    assert not list((theatre.project.root / "data" / "forms").rglob("by-the-*"))


def test_an_adapter_with_a_bug(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "say", "raise in read_line"], [2, "wait_for", "never"]])
    done = theatre.daisy()
    assert done.code == 1
    result = json.loads(theatre.model.result.read_text())
    assert result["state"] == "failed"
    # Where it is, for whoever writes the adapter; a traceback is for bugs of ours.
    assert re.search(r"the adapter .*puppet\.py raised KeyError in line \d+", result["reason"])
    assert result["reason"] in done.out
    assert "Traceback" not in done.out + done.err
    theatre.nobody_is_left()


def test_nothing_is_made_for_an_adapter_or_interpreter_that_is_not_there(theatre: Any) -> None:
    (theatre.project.root / "frameworks" / "puppet.py").write_text("class Puppet(:\n")
    done = theatre.daisy()
    assert done.code == 2
    assert "puppet.py can't be imported (SyntaxError" in done.one_line
    theatre.puppet()
    missing = theatre.daisy("+env.python.puppet=/no/such/python")
    assert missing.code == 2
    assert "env.python.puppet=/no/such/python: there is no such file" in missing.one_line
    assert theatre.project.models() == []


def test_an_interpreter_that_is_no_program(theatre: Any) -> None:
    """It can be executed as far as its mode says: only the start tells."""
    python = theatre.project.root / "python"
    python.write_bytes(b"\x00\x01 no program")
    python.chmod(0o755)
    _, outcome, _ = theatre.here(f"+env.python.puppet={python}")
    assert outcome.state == "failed"
    assert str(python) in outcome.result["reason"]
    assert "Exec format error" in outcome.result["reason"]
