"""Searches on a real Slurm: each job asks for its own trial."""

import json
import os
import signal
from typing import Any

import pytest
from sleeper import wait_until
from slurm.on_slurm import OnSlurm
from sweep.searches import finished, results, study_of, trial_files

pytestmark = pytest.mark.slow
BASE = "defaults: [{override /framework: sleeper}, {override /dataset: tiny}, {override /env: slurm}]\n"


def write(on_slurm: OnSlurm, trials: int, seconds: str, more: str = "") -> None:
    """sweeps/s.yaml, over how long the sleepers sleep."""
    space = f"{{framework.options.seconds: '{seconds}'}}"
    node = f"{{kind: search, space: {space}, trials: {trials}, sampler: random{f', {more}' if more else ''}}}"
    (on_slurm.project.root / "sweeps").mkdir(exist_ok=True)
    (on_slurm.project.root / "sweeps" / "s.yaml").write_text(f"# A search\n{BASE}sweep: {node}\n")


def launch(on_slurm: OnSlurm, *more: str) -> Any:
    """`-m +sweep=s ...`."""
    return on_slurm.daisy("-m", "+sweep=s", *more)


def test_each_job_asks_for_its_trial(on_slurm: OnSlurm) -> None:
    write(on_slurm, 6, "interval(0.1,0.4)", "repeat: 2")
    done = launch(on_slurm, "env.max_running=3")
    assert done.code == 0, done.err
    assert "a search of 6 trials, 2 models each" in done.out
    on_slurm.ended()
    [sweep] = on_slurm.sweeps
    assert [result["state"] for result in results(on_slurm.project.root / "models")] == ["done"] * 12
    assert len(finished(study_of(sweep.path))) == 6 and on_slurm.most_at_once() <= 3
    assert len(trial_files(sweep.path)) == 6
    told = json.loads(on_slurm.daisy("list", "--json").out)
    assert {row["state"] for row in told} == {"done"} and len(told) == 12


def test_a_job_that_is_killed_leaves_its_trial_to_the_next_one(on_slurm: OnSlurm) -> None:
    write(on_slurm, 4, "range(60,100)")
    assert launch(on_slurm, "env.max_running=2").code == 0
    wait_until(lambda: len(on_slurm.told()) == 2, "two run")
    first = on_slurm.project.models()[0]
    os.kill(json.loads((first / "daisy" / "attempts" / "1.json").read_text())["pid"], signal.SIGKILL)
    on_slurm.open()
    on_slurm.ended()
    assert launch(on_slurm, "env.max_running=2").code == 0
    on_slurm.ended()
    study = study_of(on_slurm.sweeps[0].path)
    assert [one.state.name for one in study.trials] == ["COMPLETE"] * 4
    assert len(on_slurm.project.models()) == 4 and len(on_slurm.sweeps) == 1
