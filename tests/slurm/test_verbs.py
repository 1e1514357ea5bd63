"""Looking at what runs and waits on a real Slurm, and cancelling it."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.on_slurm import OnSlurm
from support import CHECKOUT

pytestmark = pytest.mark.slow
LONG = "framework.options.seconds=120"


def run_two_of_five(on_slurm: OnSlurm) -> str:
    """Two models that run and three that wait; the sweep's id."""
    assert on_slurm.run("seed=range(1,6)", LONG, "env.max_running=2").code == 0
    wait_until(lambda: len(on_slurm.begun()) == 2, "two models run")
    return str(on_slurm.sweeps[0].sweep_id)


def test_list_shows_what_runs_and_what_waits(on_slurm: OnSlurm) -> None:
    sweep = run_two_of_five(on_slurm)
    listed = on_slurm.daisy("list").out
    assert listed.startswith("2 running, 3 waiting, 0 ended today, 0 failed")
    jobs = {row[0]: row[1] for row in on_slurm.squeue("%i", "%N") if row[1]}
    rows = [line.split() for line in listed.splitlines() if " running " in line and line.startswith("-")]
    assert {(row[-2], row[-1]) for row in rows} == {(job, os.uname().nodename) for job in jobs}
    for number in (3, 4, 5):
        assert f"{sweep}/{number} " in listed
    assert "for a place" in listed
    told = json.loads(on_slurm.daisy("list", "--json").out)
    assert sorted(row["state"] for row in told) == ["running"] * 2 + ["waiting"] * 3
    for words in (("--state", "waiting"), ("--state", "waiting", "--last", "2")):  # what waits is no newest model
        assert on_slurm.daisy("list", *words).out.count(f"{sweep}/") == 3
    narrow = on_slurm.project.daisy("list", environment={**on_slurm.environment, "COLUMNS": "80"}).out
    header = next(line for line in narrow.splitlines() if "config id" in line)
    assert {"state", "for", "job", "node"} <= set(header.split()), header


def test_one_squeue_a_screen(on_slurm: OnSlurm, tmp_path: Path) -> None:
    run_two_of_five(on_slurm)
    log = tmp_path / "asked"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("squeue", "sacct", "scontrol", "sbatch", "scancel"):
        script = folder / name
        script.write_text(f'#!/bin/sh\necho {name} >> "{log}"\nPATH="{os.environ["PATH"]}" exec {name} "$@"\n')
        script.chmod(0o755)
    counted = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = on_slurm.project.daisy("list", environment={**on_slurm.environment, **counted})
    assert "for a place" in done.out
    assert log.read_text().split() == ["squeue"]


def test_a_reason_of_slurms(on_slurm: OnSlurm) -> None:
    assert on_slurm.run("seed=1,2", LONG, "env.slurm.additional_parameters.begin=now+1hour").code == 0
    wait_until(lambda: "BeginTime" in on_slurm.daisy("list").out, "the list says why they wait")
    assert on_slurm.daisy("cancel", on_slurm.sweeps[0].sweep_id, "--yes").code == 0
    wait_until(on_slurm.all_ended, "no job is left")
    assert on_slurm.project.models() == []


def test_cancel_one_that_waits_and_one_that_runs(on_slurm: OnSlurm) -> None:
    sweep = run_two_of_five(on_slurm)
    asked = on_slurm.daisy("cancel", f"{sweep}/5")
    assert asked.code == 2 and f"cancel {sweep}/5, which waits?" in asked.one_line and "--yes" in asked.one_line
    done = on_slurm.daisy("cancel", f"{sweep}/5", f"{sweep}/1", "--yes")
    assert done.code == 0 and "1 waiting and 1 running models cancelled" in done.out
    wait_until(lambda: 3 in on_slurm.begun(), "the next one has its place")
    on_slurm.open()
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == {1: "stopped", 2: "done", 3: "done", 4: "done"}
    told = on_slurm.daisy("sweeps").out.splitlines()
    assert told[0].split() == ["sweep", "launched", "on", "models", "done", "stopped", "cancelled", "best"]
    assert "slurm" in told[2] and told[2].split()[-6:-2] == ["5", "3", "1", "1"]


def test_cancel_a_sweep(on_slurm: OnSlurm) -> None:
    sweep = run_two_of_five(on_slurm)
    done = on_slurm.daisy("cancel", sweep.partition("__")[0], "--yes")
    assert done.code == 0 and "3 waiting and 2 running models cancelled" in done.out
    wait_until(on_slurm.all_ended, "no job is left")
    wait_until(lambda: {result["state"] for result in on_slurm.results().values()} == {"stopped"}, "both have stopped")
    nothing = on_slurm.daisy("cancel", sweep, "--yes")
    assert nothing.code == 2 and "waits or runs" in nothing.one_line
    assert on_slurm.run("seed=range(1,6)", LONG, "env.max_running=2").code == 0  # asked for again, all are trained
    on_slurm.open()
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"} and len(on_slurm.results()) == 5


def test_wait_ends_with_the_sweep_and_ctrl_c_ends_the_view_only(on_slurm: OnSlurm) -> None:
    sweep = run_two_of_five(on_slurm)
    view = on_slurm.project.start("wait", sweep, environment=on_slurm.environment)
    on_slurm.started.append(view)
    stays = on_slurm.project.start("wait", "-1", environment=on_slurm.environment)
    on_slurm.started.append(stays)
    with pytest.raises(subprocess.TimeoutExpired):
        view.wait(3)
    view.send_signal(signal.SIGINT)
    code, out = on_slurm.finished(view)
    assert code == 130 and "goes on" in out
    assert len(on_slurm.squeue("%i")) >= 2
    on_slurm.open()
    code, out = on_slurm.finished(stays)
    assert code == 0 and f"{sweep}: 5 done" in out


def test_a_launch_that_waits_says_what_failed(on_slurm: OnSlurm) -> None:
    done = on_slurm.run("seed=1,2", "framework.options.fails=true", "framework.options.seconds=0.1", "--wait")
    assert done.code == 1 and "2 failed" in done.out
    listed = on_slurm.daisy("list").out
    assert "2 models, one cause: the framework ended with exit code 1, all on node" in listed
    assert "ERROR: this is no good" in listed


def test_the_same_mistake_three_times_holds_a_sweep(on_slurm: OnSlurm) -> None:
    words = ("framework.options.fails=true", "framework.options.seconds=0.1", "env.max_running=1")
    done = on_slurm.run("seed=range(1,9)", *words, "--wait")
    assert done.code == 1 and "have failed alike" in done.out
    on_slurm.ended()
    assert len(on_slurm.begun()) == 3 and on_slurm.sweeps[0].waiting() == 5
    sweep = on_slurm.sweeps[0].sweep_id
    assert f"`daisy resume {sweep}`" in on_slurm.daisy("sweeps").out
    assert on_slurm.daisy("resume", sweep).code == 0
    on_slurm.ended()
    assert len(on_slurm.begun()) == 6 and on_slurm.sweeps[0].waiting() == 2
    # Its jobs run what was submitted; the same command takes what waits over, and runs what has been mended.
    program = on_slurm.project.root / "frameworks" / "sleeper" / "sleep.py"
    program.write_text(program.read_text().replace("if fails:", "if False:"))
    again = on_slurm.run("seed=range(1,9)", *words, "--wait")
    assert again.code == 0, again.out + again.err
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"} and on_slurm.sweeps[0].waiting() == 0


def test_waiting_for_what_another_command_has_launched(on_slurm: OnSlurm) -> None:
    assert on_slurm.run("seed=1,2", LONG, "env.max_running=1").code == 0
    wait_until(lambda: on_slurm.begun() == [1], "one trains and one waits")
    stays = on_slurm.start("seed=1,2", LONG, "env.max_running=1", "--wait")
    with pytest.raises(subprocess.TimeoutExpired):
        stays.wait(3)
    on_slurm.open()
    code, out = on_slurm.finished(stays)
    assert code == 0 and "2 done" in out, out


def test_resume_and_again_go_to_slurm_too(on_slurm: OnSlurm) -> None:
    on_slurm.daisy("framework=sleeper", "dataset=tiny", "env=slurm", LONG)
    job = on_slurm.job_of(1)
    wait_until(lambda: on_slurm.begun() == [1], "it trains")
    on_slurm.cluster.run("scancel", job)
    wait_until(on_slurm.all_ended, "its job is gone")
    model = on_slurm.project.models()[0].name
    resumed = on_slurm.daisy("resume", model)
    assert resumed.code == 0, resumed.err
    wait_until(lambda: on_slurm.begun() == [1, 1], "it goes on")
    on_slurm.open()
    assert on_slurm.ended()[1]["attempt"] == 2
    again = on_slurm.daisy("again", model, "seed=7", "--env", "slurm")
    assert again.code == 0 and "1 model" in again.out, again.err
    assert on_slurm.ended()[7]["state"] == "done"


def test_different_wishes_in_one_sweep(on_slurm: OnSlurm) -> None:
    few = ("framework.options.seconds=0.2", "env.max_running=2")
    done = on_slurm.run("seed=range(1,7)", "env.slurm.cpus_per_task=${seed}", *few, "--wait")
    assert done.code == 0, done.err
    assert {int(words[1]): int(words[3]) for words in on_slurm.told() if words[0] == "begin"} == {n: n for n in range(1, 7)}
    assert on_slurm.most_at_once() == 2
    again = on_slurm.run("seed=1", "env.slurm.cpus_per_task=3", *few)
    assert "1 not launched again (1 done)" in again.out  # what it asks for makes it no other model


def test_gpus_are_dealt_out(on_slurm: OnSlurm) -> None:
    wishes = ("env.slurm.gpus_per_node=1", "env.slurm.cpus_per_task=2")
    assert on_slurm.run("seed=range(1,4)", "framework.options.seconds=1", *wishes).code == 0
    on_slurm.ended()
    begun = [words for words in on_slurm.told() if words[0] == "begin"]
    assert len({words[4] for words in begun}) == 3 and {words[3] for words in begun} == {"2"}


def test_what_was_submitted_is_what_runs(on_slurm: OnSlurm, tmp_path: Path) -> None:
    """Edits to conf/, the framework's program, its adapter, daisy/ itself and the dataset's file count for what comes later."""
    root = on_slurm.project.root
    code = tmp_path / "code"
    code.mkdir()
    for part in ("daisy", "conf", "frameworks", "sweeps", "daisy.yaml"):
        source = CHECKOUT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, code / part)
    words = on_slurm.words("seed=range(1,11)", LONG, "env.max_running=1")
    own = {**on_slurm.environment, "PYTHONPATH": str(code)}
    assert on_slurm.project.daisy(*words, environment=own).code == 0
    wait_until(lambda: len(on_slurm.begun()) == 1, "the first one runs: the cluster is busy")
    for path in (code / "daisy").glob("**/*.py"):
        path.write_text("raise RuntimeError('edited')\n")
    (code / "frameworks" / "command.py").write_text("raise RuntimeError('edited')\n")  # sleeper's adapter
    assert "edited" in on_slurm.project.daisy("list", environment=own).err
    program = root / "frameworks" / "sleeper" / "sleep.py"
    program.write_text(program.read_text().replace("VERSION 1", "VERSION 2"))
    yaml = root / "conf" / "framework" / "sleeper.yaml"
    yaml.write_text(yaml.read_text().replace("epoch (", "nonsense ("))
    (root / "pairs.tsv").write_text("another\tdataset\n")
    (root / "conf" / "config.yaml").write_text("nonsense: [\n")
    on_slurm.open()
    results = on_slurm.ended()
    assert len(results) == 10 and {result["state"] for result in results.values()} == {"done"}
    assert {path.read_text().split("\n")[0] for path in root.glob("models/r*/daisy/run.out")} == {"anew VERSION 1"}
    assert {result["examples"] for result in results.values()} == {18}
