"""What is handed to Slurm, by whom, and what becomes of it when something is odd."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.on_slurm import OnSlurm

pytestmark = pytest.mark.slow
QUICK = "framework.options.seconds=0.2"


def test_a_job_that_submits_hands_on_nothing_of_its_own(on_slurm: OnSlurm) -> None:
    """One lane runs ahead, so that the last task of its array submits others: they are jobs with numbers of their own."""
    done = on_slurm.run(
        "seed=12,0,1,2,3,4", "framework.options.seconds=${seed}", "env.max_running=2", "env.slurm.cpus_per_task=1"
    )
    assert done.code == 0, done.err
    first = {row[0] for row in on_slurm.squeue("%i")}
    results = on_slurm.ended()
    jobs = [result["job"] for result in results.values()]
    told = on_slurm.sacct("State")
    assert len(set(jobs)) == 6 and {told[job] for job in jobs} == {"COMPLETED"}
    assert set(jobs) - first, "nobody submitted another job"
    assert on_slurm.most_at_once() == 2


def test_what_people_set_for_their_own_use_of_sbatch_does_not_count(on_slurm: OnSlurm) -> None:
    own = {"SBATCH_PARTITION": "nosuch", "SBATCH_JOB_NAME": "mine", "SBATCH_REQUEUE": "1", "SQUEUE_STATES": "FAILED",
           "SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "80"}  # fmt: skip
    words = on_slurm.words("seed=1,2", QUICK)
    done = on_slurm.project.daisy(*words, environment={**on_slurm.environment, **own})
    assert done.code == 0, done.err
    results = on_slurm.ended()
    assert {result["state"] for result in results.values()} == {"done"}
    assert {result["job"] for result in results.values()} <= on_slurm.sacct("State").keys()


def test_a_model_that_can_not_be_begun_holds_nobody_up(on_slurm: OnSlurm) -> None:
    one_by_one = ("env.max_running=1", "framework.options.seconds=60")
    assert on_slurm.run("seed=1,2", *one_by_one).code == 0
    wait_until(lambda: on_slurm.begun() == [1], "the first one runs")
    lines = on_slurm.sweeps[0].path / "models.jsonl"
    lines.write_bytes(lines.read_bytes().splitlines(keepends=True)[0])
    assert on_slurm.run("seed=11,12", *one_by_one).code == 0
    on_slurm.open()
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == {1: "done", 11: "done", 12: "done"}
    assert len(on_slurm.sacct("State")) < 10
    assert not on_slurm.sweeps[0].waiting()


def test_jobs_that_die_before_they_begin_a_model_hold_its_sweep(on_slurm: OnSlurm) -> None:
    done = on_slurm.run("seed=1,2,3,4", QUICK, "env.slurm.setup=[nosuch command]", "env.max_running=3", "--wait")
    assert done.code == 1 and "died before they began a model" in done.out and "nosuch: command not found" in done.out
    on_slurm.ended()
    assert len(on_slurm.sacct("State")) < 12 and on_slurm.project.models() == []
    listed = on_slurm.daisy("list").out
    assert "4 waiting" in listed and "is held" in listed


def test_a_sweep_that_was_cancelled_comes_back_when_it_is_resumed(on_slurm: OnSlurm) -> None:
    assert on_slurm.run("seed=1,2", "framework.options.seconds=60", "env.max_running=1").code == 0
    sweep = on_slurm.sweeps[0].sweep_id
    wait_until(lambda: on_slurm.begun() == [1], "the first one runs")
    assert on_slurm.daisy("cancel", sweep, "--yes").code == 0
    wait_until(on_slurm.all_ended, "no job is left")
    assert on_slurm.daisy("resume", sweep).code == 0
    on_slurm.open()
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"} and len(on_slurm.results()) == 2


def test_a_model_waits_once(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1", "framework.options.seconds=60", "env.max_running=1")
    job = on_slurm.job_of(1)
    wait_until(lambda: on_slurm.begun() == [1], "it trains")
    on_slurm.run("seed=2", "framework.options.seconds=60", "env.max_running=1")
    on_slurm.cluster.run("scancel", job)
    wait_until(lambda: 2 in on_slurm.begun(), "the other one has its place")
    model = on_slurm.project.models()[0].name
    assert on_slurm.daisy("resume", model, "--env", "slurm", "--env", "max_running=1").code == 0
    refused = on_slurm.daisy("resume", model, "--env", "slurm", "--env", "max_running=1")
    assert refused.code == 2 and "waits already, as s" in refused.one_line
    on_slurm.open()
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}
    assert on_slurm.begun() == [1, 2, 1]


def test_ctrl_c_leaves_a_submission_whole(on_slurm: OnSlurm, tmp_path: Path) -> None:
    slow, called = tmp_path / "bin" / "sbatch", tmp_path / "called"
    slow.parent.mkdir()
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *test-only*) ;; *) touch "{called}"; sleep 1;; esac\nexec {shutil.which("sbatch")} "$@"\n'
    )
    slow.chmod(0o755)
    environment = {**on_slurm.environment, "PATH": f"{slow.parent}{os.pathsep}{os.environ['PATH']}"}
    launcher = on_slurm.project.start(*on_slurm.words("seed=1,2,3", QUICK), environment=environment)
    on_slurm.started.append(launcher)
    wait_until(called.exists, "it submits")
    launcher.send_signal(signal.SIGINT)
    code, out = on_slurm.finished(launcher)
    assert code == 130 and "what was submitted runs" in out
    assert len(on_slurm.ended()) == 3
    assert {result["state"] for result in on_slurm.results().values()} == {"done"}


def test_the_same_models_by_another_path(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1,2,3", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: on_slurm.begun() == [1], "the first one runs")
    on_slurm.cluster.run("scancel", "--state=PENDING", *{row[0].partition("_")[0] for row in on_slurm.squeue("%i", "%T")})
    link = on_slurm.project.root / "linked"
    link.symlink_to(on_slurm.project.root / "models")
    resumed = on_slurm.daisy("resume", on_slurm.sweeps[0].sweep_id, "--env", "models_dir=linked")
    assert resumed.code == 0, resumed.err
    on_slurm.open()
    assert len(on_slurm.ended()) == 3 and not on_slurm.sweeps[0].waiting()


def test_a_job_of_somebodys_own_with_odd_words(on_slurm: OnSlurm, tmp_path: Path) -> None:
    script = tmp_path / "own.sh"
    script.write_text("#!/bin/sh\nsleep 30\n")
    own = on_slurm.cluster.run(
        "sbatch", "--parsable", "--output=/dev/null", "--job-name=a|b\x0cc", "--comment=x\ny", str(script), "a\nb", "\x85"
    ).strip()
    try:
        assert on_slurm.run("seed=1", QUICK, "--wait").code == 0
        assert "does not answer" not in on_slurm.daisy("list").out
    finally:
        on_slurm.cluster.run("scancel", own)
