"""Sweeps on a real Slurm: ten at a time over all that was launched, and no slot empty while something waits."""

import json
import os
import shutil
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.on_slurm import OnSlurm

pytestmark = pytest.mark.slow


def test_the_prompt_comes_back_and_the_models_are_trained(on_slurm: OnSlurm) -> None:
    done = on_slurm.run("seed=1,2,3", "framework.options.seconds=0.2")
    assert done.code == 0, done.err
    assert "3 models" in done.out and f"{on_slurm.lanes}-0 to {on_slurm.lanes}-2" in done.out
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == {1: "done", 2: "done", 3: "done"}
    told = on_slurm.sacct("State")  # also of jobs that were submitted for nothing and cancelled
    assert {told[result["job"]] for result in results.values()} == {"COMPLETED"}


def test_never_more_than_so_many_over_three_shells(on_slurm: OnSlurm) -> None:
    few = ("env.max_running=4", "framework.options.seconds=600")
    shells = [on_slurm.start(f"seed={seeds}", *few) for seeds in ("range(1,9)", "range(11,17)", "21")]
    assert [on_slurm.finished(shell)[0] for shell in shells] == [0, 0, 0]
    wait_until(lambda: len(on_slurm.begun()) == 4, "four models run")
    on_slurm.open()
    results = on_slurm.ended()
    assert len(results) == 15 and {result["state"] for result in results.values()} == {"done"}
    assert on_slurm.most_at_once() == 4
    assert not on_slurm.sweeps[0].waiting()


def test_the_comment_of_a_job_is_its_model(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1,2,3,4,5", "env.max_running=2", "framework.options.seconds=60")
    wait_until(lambda: len(on_slurm.begun()) == 2, "two models run")
    names = {path.name for path in on_slurm.project.models()}
    wait_until(lambda: names == {row[0] for row in on_slurm.squeue("%k") if row[0].startswith("r")}, "their jobs say which")
    on_slurm.open()
    assert len(on_slurm.ended()) == 5


def test_a_later_sweep_is_served_after_the_earlier_one(on_slurm: OnSlurm) -> None:
    one_by_one = ("env.max_running=1", "framework.options.seconds=0.2")
    assert on_slurm.run("seed=1,2,3", *one_by_one).code == 0
    assert on_slurm.run("seed=11,12", *one_by_one).code == 0
    on_slurm.ended()
    assert on_slurm.begun() == [1, 2, 3, 11, 12]


def test_jobs_that_nothing_waits_for_any_more_are_cancelled(on_slurm: OnSlurm) -> None:
    """While both lanes are busy each gets a successor for the one that waits; one of them is too much in the end."""
    two = ("env.max_running=2", "framework.options.seconds=600")
    assert on_slurm.run("seed=1,2", *two).code == 0
    wait_until(lambda: sorted(on_slurm.begun()) == [1, 2], "both lanes are busy")
    assert on_slurm.run("seed=3", *two).code == 0
    assert [row[0] for row in on_slurm.squeue("%T")].count("PENDING") == 2
    on_slurm.cluster.run("scancel", on_slurm.job_of(1))
    wait_until(lambda: 3 in on_slurm.begun(), "the third has a lane")
    wait_until(lambda: [row[0] for row in on_slurm.squeue("%T")] == ["RUNNING", "RUNNING"], "no other job is left")
    on_slurm.open()
    assert {seed: result["state"] for seed, result in on_slurm.ended().items()} == {1: "stopped", 2: "done", 3: "done"}


def run_out(on_slurm: OnSlurm, seed: int) -> str:
    """What the framework of a model has printed."""
    folder = on_slurm.folder_of(seed)
    return (folder / "run.out").read_text() if folder is not None and (folder / "run.out").exists() else ""


def test_a_cluster_that_limits_users_itself_gets_one_array(on_slurm: OnSlurm) -> None:
    array = ("env.slurm.cap=array", "env.max_running=2")
    assert on_slurm.run("seed=range(1,7)", "framework.options.seconds=120", *array).code == 0
    wait_until(lambda: len(on_slurm.begun()) == 2, "two models run")
    job = on_slurm.job_of(1)
    names = on_slurm.squeue("%j", "%F")
    assert names == [[on_slurm.lanes, job.partition("_")[0]]] * 6  # all are tasks of one job
    wait_until(lambda: "epoch 1" in run_out(on_slurm, 1), "the first one trains, and Daisy has read that")
    # What is cut off gets an array of its own, as the models that wait have tasks already.
    on_slurm.cluster.run("scancel", "--signal=USR2", f"{job}.0")
    # A job that begins at that very moment may submit another one: such a cluster limits its users itself.
    wait_until(lambda: len(on_slurm.begun()) >= 4, "the next one has its place, and so has the one that was cut off")
    wait_until(lambda: len({job for _, job in on_slurm.squeue("%j", "%F")}) >= 2, "two arrays are in the queue")
    on_slurm.open()
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == dict.fromkeys(range(1, 7), "done")
    assert len(on_slurm.project.models()) == 6 and sorted(results[seed]["attempt"] for seed in results) == [1, 1, 1, 1, 1, 2]


def test_never_more_than_so_many_over_two_folders_and_a_single_model(on_slurm: OnSlurm) -> None:
    """Names of jobs hold the cap, whichever folder the models are in and whoever launched them."""
    two = ("env.max_running=2", "framework.options.seconds=1")
    single = on_slurm.project.start(
        "env=slurm",
        "framework=sleeper",
        "dataset=tiny",
        "seed=31",
        "env.models_dir=third",
        *two,
        environment=on_slurm.environment,
    )
    on_slurm.started.append(single)
    shells = [
        on_slurm.start("seed=1,2,3", *two),
        on_slurm.start("seed=11,12,13", "env.models_dir=other", *two),
        single,
    ]
    told = [on_slurm.finished(shell) for shell in shells]
    assert [code for code, _ in told] == [0, 0, 0], told
    wait_until(on_slurm.all_ended, "all jobs have ended")
    assert sorted(on_slurm.begun()) == [1, 2, 3, 11, 12, 13, 31]
    assert len([words for words in on_slurm.told() if words[0] == "end"]) == 7
    assert on_slurm.most_at_once() <= 2
    results = [json.loads(path.read_text()) for path in on_slurm.project.root.glob("*/r*/daisy/result.json")]
    assert len(results) == 7 and {result["state"] for result in results} == {"done"}


def test_of_a_named_sweep_that_is_all_there_nothing_is_submitted(on_slurm: OnSlurm) -> None:
    sweep = "sweep: {kind: grid, axes: {framework.options.seconds: '0.1,0.2'}}\n"
    (on_slurm.project.root / "sweeps" / "short.yaml").write_text(sweep)
    assert on_slurm.run("+sweep=short").code == 0
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}
    again = on_slurm.run("+sweep=short", "env.max_running=3")
    assert again.code == 0 and "2 not launched again (2 done)" in again.out and "daisy sweep " in again.out
    assert "submitted" not in again.out and on_slurm.squeue("%i") == []
    assert on_slurm.run("framework.options.seconds=0.3").code == 0
    other = on_slurm.words("+sweep=shorter")
    (on_slurm.project.root / "sweeps" / "shorter.yaml").write_text(sweep)
    done = on_slurm.daisy(*other)  # a new sweep of which all is trained
    assert done.code == 0 and "submitted" not in done.out and "daisy sweep " in done.out


def test_a_signal_that_comes_again_does_not_end_the_submission_of_a_successor(on_slurm: OnSlurm, tmp_path: Path) -> None:
    """Slurm sends it to all that the job runs, and so to the sbatch that the job calls because of the first one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    called = tmp_path / "called"
    script = folder / "sbatch"
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    script.write_text(
        f'#!/bin/sh\nif [ -e "{called}" ]; then kill -USR2 $PPID; kill -USR2 $$; echo again >> "{called}"; fi\n'
        f'exec {shutil.which("sbatch")} "$@"\n'
    )
    script.chmod(0o755)
    words = on_slurm.words("seed=1", "env.max_running=1", "framework.options.seconds=600")
    done = on_slurm.project.daisy(*words, environment={**on_slurm.environment, "PATH": path})
    assert done.code == 0, done.err
    wait_until(lambda: on_slurm.begun() == [1], "the first one runs")
    wait_until(lambda: "epoch 1" in run_out(on_slurm, 1), "the first one trains, and Daisy has read that")
    called.touch()
    on_slurm.cluster.run("scancel", "--signal=USR2", f"{on_slurm.job_of(1)}.0")
    wait_until(lambda: on_slurm.attempts(1) == 2, "it goes on")
    on_slurm.open()
    results = on_slurm.ended()
    assert called.read_text()  # the second signal came
    assert (results[1]["state"], results[1]["attempt"]) == ("done", 2)
