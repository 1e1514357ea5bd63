"""What a person sees on a terminal of models that run, and how a question is answered there."""

import re

import pytest
from sleeper import Launched, wait_until
from terminal import on_a_terminal

BOLD_GREEN = "\x1b[1;32m"


def two_run(launched: Launched) -> None:
    """A sweep of two models that run until the test lets them end."""
    launched.start("seed=1,2", "framework.options.seconds=600", "env.max_running=2")
    wait_until(lambda: len(launched.begun()) == 2, "both run")


@pytest.mark.parametrize("answer", ["n\n", "\n", "yy\n"])
def test_cancel_asks_and_heeds_a_no(launched: Launched, answer: str) -> None:
    two_run(launched)
    with on_a_terminal(launched.project, "cancel", "-1") as terminal:
        terminal.until(r"cancel \S+, which runs\? \[y/N\] $")
        terminal.type(answer)
        assert terminal.ended() == 1 and "nothing was cancelled" in terminal.text
    assert launched.results() and {result["state"] for result in launched.results().values()} == {"running"}
    launched.open()
    assert launched.finished(launched.started[0])[0] == 0
    assert {result["state"] for result in launched.results().values()} == {"done"}


@pytest.mark.parametrize("answer", ["y\n", " YES \n"])
def test_cancel_asks_and_heeds_a_yes(launched: Launched, answer: str) -> None:
    two_run(launched)
    (sweep,) = launched.sweeps
    with on_a_terminal(launched.project, "cancel", sweep.sweep_id) as terminal:
        terminal.until(r"cancel 2 running models\? \[y/N\] $")
        assert {result["state"] for result in launched.results().values()} == {"running"}
        terminal.type(answer)
        assert terminal.ended() == 0 and "2 running models cancelled" in terminal.text
    launched.finished(launched.started[0])
    assert {result["state"] for result in launched.results().values()} == {"stopped"}


def test_ctrl_c_is_no_yes(launched: Launched) -> None:
    two_run(launched)
    with on_a_terminal(launched.project, "cancel", "-1") as terminal:
        terminal.until(r"\[y/N\] $")
        assert terminal.interrupt() == 130 and "Traceback" not in terminal.text
    assert {result["state"] for result in launched.results().values()} == {"running"}


def test_the_end_of_the_input_is_no_yes(launched: Launched) -> None:
    two_run(launched)
    with on_a_terminal(launched.project, "cancel", "-1") as terminal:
        terminal.until(r"\[y/N\] $")
        terminal.type("\x04")
        assert terminal.ended() != 0 and "Traceback" not in terminal.text
    assert {result["state"] for result in launched.results().values()} == {"running"}


def test_rows_of_models_that_run_are_bold_and_green(launched: Launched) -> None:
    launched.run("seed=7", "framework.options.seconds=0.1")
    two_run(launched)
    with on_a_terminal(launched.project, "list") as terminal:
        assert terminal.ended() == 0
        rows = [line for line in terminal.shown.splitlines() if "tiny" in line and "sleeper" in line]
    assert len(rows) == 3
    coloured = [f"{BOLD_GREEN}tiny" in row for row in rows]
    assert coloured == [" running" in row.replace(BOLD_GREEN, " ") for row in rows] and sum(coloured) == 2
    assert terminal.text.startswith("2 running, 0 waiting")
    with on_a_terminal(launched.project, "list", environment={"NO_COLOR": "1"}) as plain:
        assert plain.ended() == 0 and not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.shown)
    assert "\x1b" not in launched.project.daisy("list", environment=launched.environment).out


def test_the_live_table_of_a_sweep(launched: Launched) -> None:
    """A line for each model that has ended, a table of those that run, a total with the time that is left."""
    words = launched.words("seed=0,600,601,602", "framework.options.seconds=${seed}", "env.max_running=2")
    with on_a_terminal(launched.project, *words, environment=launched.environment) as terminal:
        terminal.until(r"^1 of 4 ended, 2 running, 1 waiting, \d+:\d\d left$")
        terminal.until(r"^3  tiny_seconds601_s601 [^\n]*\n1 of 4 ended, 2 running, 1 waiting")  # it has claimed its model
        assert re.search(r"^1  done     tiny_seconds0_s0 +\d+\.\d %  \d+:\d\d$", terminal.text, re.MULTILINE), terminal.text
        assert not re.search("0 of 4 ended.*left", terminal.text)  # while none is done nobody knows how long they take
        above = terminal.text[: terminal.text.rindex("1 of 4 ended, 2 running, 1 waiting")]
        names, rule, *rows = [line for line in above.splitlines() if line.strip()][-4:]
        assert re.split(r" {2,}", names.strip()) == ["config id", "epoch", "loss", "dev accuracy", "running"]
        assert set(rule) == {"─"}
        assert [row.split()[:2] for row in rows] == [["2", "tiny_seconds600_s600"], ["3", "tiny_seconds601_s601"]], rows
        launched.open()
        assert terminal.ended() == 0
    for number in (1, 2, 3, 4):
        assert len(re.findall(rf"^{number}  done ", terminal.text, re.MULTILINE)) == 1
    assert "4 done" in terminal.text
