"""Whatever a framework prints, and however fast: run.out has it all, and Daisy stays small."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MEASURED = """
import atexit, re
from pathlib import Path
def tell():
    print(re.search(r"VmHWM:.*", Path("/proc/self/status").read_text())[0], flush=True)
atexit.register(tell)
from daisy.cli import main
main()
"""
BOUND = 80 * 1024  # kB, issue 2


def peak(theatre: Any, *overrides: str) -> tuple[int, str]:
    """The peak memory of a whole run of Daisy in kB, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "framework=puppet", "dataset=tiny", "train.epochs=2", *overrides],
        cwd=theatre.project.root,
        env=theatre.project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found is not None
    return int(found[1]), done.stdout


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell a process's peak memory")
def test_a_line_without_end_does_not_fill_memory(theatre: Any) -> None:
    """100 MB without a newline while it trains, and 30 more while it validates."""
    theatre.puppet(
        acts=[[2, "say_much", 100_000_000], [2, "say", ""], [2, "say", "after it"]],
        predict=[[0, "say_much", 30_000_000]],
    )
    kilobytes, _ = peak(theatre)
    run_out = theatre.model.run_out
    assert run_out.stat().st_size > 130_000_000
    assert kilobytes < BOUND, kilobytes
    digest = hashlib.sha256(b"x" * 100_000_000 + b"\nafter it\n").hexdigest()
    content = run_out.read_bytes()
    begin = content.index(b"x")
    assert hashlib.sha256(content[begin : begin + 100_000_010]).hexdigest() == digest
    assert [line["epoch"] for line in theatre.metrics() if "accuracy" not in line][-1] == 2
    assert json.loads(theatre.model.result.read_text())["state"] == "done"


def test_a_line_without_end_is_cut_on_the_screen(theatre: Any) -> None:
    theatre.puppet(acts=[[1, "say_much", 3_000_000], [1, "leave_with", 1]])
    _, outcome, _ = theatre.here()
    assert outcome.state == "failed"
    (line,) = outcome.result["last_lines"]
    assert set(line) == {"x"}
    assert len(line) < 20_000
    assert theatre.model.run_out.stat().st_size == 3_000_000


def test_a_hundred_thousand_lines_at_once_all_arrive(theatre: Any) -> None:
    theatre.puppet(acts=[[1, "say_steps", 100_000]])
    folder, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    assert folder.run_out.read_bytes().count(b"/100000 loss 1.0\n") == 100_000
    # The adapter has read each: 100,000 steps, then three lines an epoch.
    assert sys.modules["daisy_adapter_puppet"].Puppet.lines_read == 100_000 + 3 * 3
    assert len(theatre.metrics()) < 1_000  # but not each is worth keeping


def test_broken_text_is_kept_as_it_is_and_read_as_far_as_it_goes(theatre: Any) -> None:
    bar = "".join(f"\rloading {share} %" for share in (1, 50, 100)).encode()
    rubbish = b"\xff\xfe\x00\xc3\n" + "ä".encode()[:1]
    theatre.puppet(acts=[[1, "say_bytes", (bar + b"\r\n" + rubbish).hex()], [1, "say", ""], [1, "leave_with", 7]])
    folder, outcome, _ = theatre.here()
    assert folder.run_out.read_bytes() == bar + b"\r\n" + rubbish + b"\n"
    assert outcome.result["last_lines"] == ["loading 1 %", "loading 50 %", "loading 100 %", "\ufffd\ufffd\\x00\ufffd", "\ufffd"]


def test_predictions_may_hold_what_ends_lines_elsewhere(theatre: Any) -> None:
    """A carriage return inside a prediction is a wrong token, not one more line; a tab is no new column."""
    adapter = theatre.project.root / "frameworks" / "puppet.py"
    method = (
        "    def read_predictions(self, output):\n"
        "        lines = super().read_predictions(output)\n"
        "        return [lines[0] + ' \\t\\r\\n x', *lines[1:]]\n\n"
    )
    adapter.write_text(adapter.read_text().replace("\ndef _checkpoint", f"{method}\ndef _checkpoint"))
    act = theatre.project.root / "frameworks" / "puppet" / "act.py"
    act.write_text(act.read_text().replace('f"{line}\\n" for line', 'f"{line} \\r\\u2028 y\\n" for line'))
    folder, outcome, _ = theatre.here()
    assert outcome.exit_code == 0, outcome.result
    content = folder.predictions().read_bytes()
    assert content.count(b"\n") == 18
    assert content.count(b"\t") == 2 * 18
    assert b"\r" not in content


@pytest.mark.parametrize(("ending", "epochs"), [("die_of", {1}), ("leave_with", {1, 2})])
def test_half_a_line_says_nothing(theatre: Any, ending: str, epochs: set[int]) -> None:
    """`epoch 2 done loss 7` may be the half of 7.25; a framework that ends well may leave its last line open."""
    half = b"epoch 2 done loss 7".hex()
    theatre.puppet(acts=[[2, "say_bytes", half], [2, ending, "SIGKILL" if ending == "die_of" else 0]])
    theatre.here()
    assert {entry["epoch"] for entry in theatre.metrics() if "loss" in entry} == epochs
