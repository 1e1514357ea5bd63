"""Searches on a real Slurm: each job asks for its own trial."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sleeper import wait_until
from slurm.on_slurm import OnSlurm
from sweep.searches import facts, finished, results, study_of, trial_files

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


def test_killed_at_twenty_moments(on_slurm: OnSlurm) -> None:
    """The same command goes on: in the end each trial is there, once, and the study says what the folders do."""
    write(on_slurm, 30, "interval(1.0,8.0)", "retries: 20")
    killing = Killing(on_slurm, random.Random(20))
    for _ in range(20):
        command = on_slurm.project.start("-m", "+sweep=s", "env.max_running=4", environment=on_slurm.environment)
        on_slurm.started.append(command)
        killing.kill_something(command)
    assert len(killing.killed) == 20 and {"job", "asking"} <= {*killing.killed}, killing.killed
    for _ in range(5):
        done = launch(on_slurm, "env.max_running=4")
        assert done.code == 0, done.err
        on_slurm.ended()
        [sweep] = on_slurm.sweeps
        if not sweep.waiting() and not sweep.workers():
            break
    models = on_slurm.project.models()
    assert [result["state"] for result in results(on_slurm.project.root / "models")] == ["done"] * 30
    identities = [json.loads((model / "daisy" / "config.json").read_text())["identity"] for model in models]
    assert len(models) == len({*identities}) == 30
    study = study_of(sweep.path)
    assert sorted(one.user_attrs["trial"] for one in finished(study)) == list(range(1, 31))
    assert {one.state.name for one in study.trials} == {"COMPLETE"}
    before = facts(study)
    rebuilt = on_slurm.daisy("sweeps", "rebuild", "-1")
    assert rebuilt.code == 0, rebuilt.err
    assert facts(study_of(sweep.path)) == before


class Killing:
    """Kills something of a search: the command that launched it, a job that trains, one that asks or tells."""

    def __init__(self, on_slurm: OnSlurm, chance: random.Random) -> None:
        self._on_slurm, self._chance = on_slurm, chance
        self.killed: list[str] = []

    def kill_something(self, command: "subprocess.Popen[bytes]") -> None:
        """At some moment of the next two seconds, or as soon as there is such a process after it."""
        victim = self._chance.choice(["launcher", "job", "asking"])
        time.sleep(self._chance.uniform(0.0, 2.0))
        if victim == "launcher":
            command.kill()
        else:
            command.wait(120)
            find = self._asking if victim == "asking" else self._jobs
            if (found := wait_for_some(find)) is None:
                victim, found = "launcher", []  # all is done
            for pid in found[:1]:
                os.kill(pid, signal.SIGKILL)
        command.wait(120)
        self.killed.append(victim)

    def _jobs(self) -> list[int]:
        """Processes of Daisy's that train a model of this project now."""
        found = []
        for path in self._on_slurm.project.models():
            attempts = sorted((path / "daisy" / "attempts").glob("[0-9]*.json"), key=lambda one: int(one.stem))
            result = json.loads((path / "daisy" / "result.json").read_text())
            if attempts and result["state"] == "running":
                found.append(json.loads(attempts[-1].read_text())["pid"])
        return [pid for pid in found if Path(f"/proc/{pid}").exists()]

    def _asking(self) -> list[int]:
        """Processes of jobs that have the study's lock, or wait for it."""
        [sweep] = self._on_slurm.sweeps or [None]
        lock = str(sweep.path / ".study.lock") if sweep is not None else ""
        return [pid for pid in processes() if pid != os.getpid() and lock and lock in open_files(pid)]


def wait_for_some(find: Callable[[], list[int]]) -> list[int] | None:
    """The first processes that there are within some seconds."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if found := find():
            return found
        time.sleep(0.005)
    return None


def processes() -> list[int]:
    """All that there are."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def open_files(pid: int) -> list[str]:
    """The files that a process has open."""
    with suppress(OSError):
        return [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return []
