"""What goes wrong on a real Slurm leaves every model in the right state, and nothing lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.cluster import Cluster
from slurm.on_slurm import OnSlurm, project_on, settled
from support import DaisyProject

pytestmark = pytest.mark.slow
LONG = "framework.options.seconds=120"


def test_scancel_of_one(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1,2,3", LONG, "env.max_running=2")
    job = on_slurm.job_of(2)
    wait_until(lambda: 2 in on_slurm.begun(), "seed 2 trains")
    on_slurm.cluster.run("scancel", job)
    wait_until(lambda: on_slurm.states().get(2) == "stopped", "seed 2 has stopped")
    wait_until(lambda: 3 in on_slurm.begun(), "the next one has its place")
    on_slurm.open()
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == {1: "done", 2: "stopped", 3: "done"}
    # What somebody has cancelled does not come back by itself; who asks for it again goes on from its checkpoint.
    assert [place.number for place in on_slurm.sweeps[0].places("cancelled")] == [2]
    again = on_slurm.run("seed=1,2,3", LONG)
    assert again.code == 0 and "2 not launched again (2 done)" in again.out
    assert on_slurm.ended()[2]["state"] == "done" and on_slurm.attempts(2) == 2


def test_the_job_step_is_killed(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1,2", LONG)
    job = on_slurm.job_of(1)
    wait_until(lambda: sorted(on_slurm.begun()) == [1, 2], "both train")
    on_slurm.cluster.run("scancel", "--signal=KILL", f"{job}.0")
    wait_until(lambda: on_slurm.states().get(1) == "stopped", "seed 1 is gone")
    on_slurm.open()
    assert on_slurm.ended()[2]["state"] == "done"
    assert on_slurm.sacct("State")[job] == "FAILED"
    again = on_slurm.run("seed=1,2", LONG)
    assert again.code == 0, again.err
    assert on_slurm.ended()[1]["state"] == "done" and on_slurm.attempts(1) == 2


def test_a_failed_model_is_a_failed_job(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1", "framework.options.fails=true", "framework.options.seconds=0.1")
    result = on_slurm.ended()[1]
    assert result["state"] == "failed"
    assert on_slurm.sacct("State") == {result["job"]: "FAILED"}


def test_out_of_memory(on_slurm: OnSlurm) -> None:
    """Without control groups Slurm's memory kill is a SIGKILL of the step's processes (FAILED, not OUT_OF_MEMORY)."""
    program = on_slurm.project.root / "frameworks" / "sleeper" / "sleep.py"
    greedy = program.read_text().replace('print("epoch 1", flush=True)', 'print("epoch 1", flush=True); eaten = bytearray(2**30)')
    program.write_text(greedy)
    on_slurm.run("seed=1", LONG, "env.slurm.mem_gb=0.5")
    wait_until(lambda: on_slurm.all_ended(), "the job has ended")
    assert on_slurm.states() in ({1: "stopped"}, {1: "failed"})
    assert set(on_slurm.sacct("State").values()) == {"FAILED"}
    listed = on_slurm.daisy("show", "-1").out
    assert "killed" in listed or "gone" in listed, listed


def test_the_time_limit(on_slurm: OnSlurm) -> None:
    """SIGUSR2 comes before the limit, which is a minute at least: the model goes on in another job, in the same folder."""
    on_slurm.run("seed=1", LONG, "env.slurm.timeout_min=1", "env.slurm.signal_delay_s=55")
    first = on_slurm.job_of(1)
    wait_until(lambda: on_slurm.attempts(1) == 2, "the model has begun again")
    on_slurm.open()
    result = on_slurm.ended()[1]
    assert result["state"] == "done" and result["attempt"] == 2 and result["job"] != first
    assert len(on_slurm.project.models()) == 1
    assert "again" in (on_slurm.project.models()[0] / "daisy" / "run.out").read_text()
    assert "reached its time limit: the model waits again" in (on_slurm.project.models()[0] / "daisy" / "job.out").read_text()


def test_the_time_limit_again_and_again(on_slurm: OnSlurm) -> None:
    on_slurm.run("seed=1", LONG, "env.slurm.timeout_min=1", "env.slurm.signal_delay_s=58", "env.max_resumes=1")
    wait_until(lambda: on_slurm.attempts(1) == 2, "the model has begun again")
    result = on_slurm.ended()[1]
    assert result["state"] == "stopped" and "env.slurm.timeout_min" in result["hint"]
    assert on_slurm.attempts(1) == 2
    assert "env.max_resumes is reached" in (on_slurm.project.models()[0] / "daisy" / "job.out").read_text()


@pytest.mark.parametrize("partition", ["spare", "spare_with_grace"])
def test_preemption(project: DaisyProject, tmp_path: Path, partition: str, own_cluster: Callable[..., Cluster]) -> None:
    on_slurm = project_on(own_cluster(cpus=4, gpus=1), project, tmp_path)
    on_slurm.run("seed=1", LONG, f"env.slurm.partition={partition}", "env.slurm.cpus_per_task=4")
    wait_until(lambda: on_slurm.begun() == [1], "the model trains")
    on_slurm.cluster.run("sbatch", "--partition=main", "--cpus-per-task=4", "--output=/dev/null", "--wrap=sleep 3")
    wait_until(lambda: on_slurm.attempts(1) == 2, "the model has begun again")
    on_slurm.open()
    assert on_slurm.ended()[1]["state"] == "done"
    assert "was preempted: the model waits again" in (on_slurm.project.models()[0] / "daisy" / "job.out").read_text()
    assert len(on_slurm.project.models()) == 1


def test_a_lost_node(project: DaisyProject, tmp_path: Path, own_cluster: Callable[..., Cluster]) -> None:
    """The node's daemon and all that ran under it are gone; whoever comes next puts the model back."""
    on_slurm = project_on(own_cluster(nodes=2, cpus=1, gpus=1, node_timeout=5), project, tmp_path)
    on_slurm.run("seed=1,2,3", LONG, "env.max_running=2")
    wait_until(lambda: sorted(on_slurm.begun()) == [1, 2], "two models train")
    nodes = {row[0]: row[1] for row in on_slurm.squeue("%i", "%N") if row[1]}
    lost = on_slurm.job_of(1)
    on_slurm.cluster.lose_node(int(nodes[lost][1:]), lost)
    gone = time.monotonic()
    wait_until(lambda: on_slurm.cluster.run("sinfo", "-h", "-t", "down", "-o", "%D").strip() not in ("", "0"), "the node is down")
    wait_until(lambda: on_slurm.states().get(1) == "stopped", "its model is known to have stopped")
    on_slurm.open()
    wait_until(lambda: sorted({2, 3} & on_slurm.results().keys()) == [2, 3], "the others go on")
    on_slurm.cluster.start_node(int(nodes[lost][1:]))
    again = on_slurm.run("seed=1,2,3", LONG, "env.max_running=2")
    assert again.code == 0, again.err
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == {1: "done", 2: "done", 3: "done"}
    assert on_slurm.attempts(1) == 2 and on_slurm.most_at_once(gone) <= 2


def test_a_lost_node_leaves_its_lane_to_one_other(
    project: DaisyProject, tmp_path: Path, own_cluster: Callable[..., Cluster]
) -> None:
    """There are nodes for four models: the one that lost its own goes on elsewhere, and never do more than two run."""
    on_slurm = project_on(own_cluster(nodes=4, cpus=1, gpus=1, node_timeout=5), project, tmp_path)
    four = ("seed=range(1,5)", "framework.options.seconds=600", "env.max_running=2")
    on_slurm.run(*four)
    wait_until(lambda: sorted(on_slurm.begun()) == [1, 2], "two models train")
    nodes = {row[0]: row[1] for row in on_slurm.squeue("%i", "%N") if row[1]}
    lost = on_slurm.job_of(1)
    on_slurm.cluster.lose_node(int(nodes[lost][1:]), lost)
    gone = time.monotonic()
    wait_until(lambda: sorted(on_slurm.begun()) == [1, 1, 2], "the job that is next in its lane goes on with its model")
    on_slurm.cluster.start_node(int(nodes[lost][1:]))
    again = on_slurm.run(*four)
    assert again.code == 0 and "4 not launched again (2 running, 2 waiting)" in again.out, again.err + again.out
    settled(lambda: len(on_slurm.begun()) == 3, "the others wait for a lane")
    on_slurm.open()
    results = on_slurm.ended()
    assert {seed: result["state"] for seed, result in results.items()} == dict.fromkeys((1, 2, 3, 4), "done")
    assert sorted(on_slurm.begun()) == [1, 1, 2, 3, 4] and on_slurm.attempts(1) == 2
    assert on_slurm.most_at_once(gone) <= 2


def test_the_controller_is_killed(project: DaisyProject, tmp_path: Path, own_cluster: Callable[..., Cluster]) -> None:
    """Jobs live on, and what it had saved of its queue begins after them."""
    on_slurm = project_on(own_cluster(), project, tmp_path)
    six = ("seed=range(1,7)", LONG, "env.max_running=2")
    on_slurm.run(*six)
    wait_until(lambda: len(on_slurm.begun()) == 2, "two models train")
    on_slurm.cluster.wait_until_saved()
    on_slurm.cluster.stop_controller()
    listed = on_slurm.states()
    assert sorted(listed.values()) == ["running", "running"], listed
    refused = on_slurm.run("seed=11")
    assert refused.code == 1 and ("sinfo" in refused.one_line or "later" in refused.one_line)
    assert [sweep.info()["count"] for sweep in on_slurm.sweeps] == [6]
    on_slurm.open()
    wait_until(lambda: len(on_slurm.results()) == 2, "both are trained without it")
    on_slurm.cluster.start_controller()
    wait_until(lambda: on_slurm.answers() and on_slurm.cluster.run("sinfo", "-h", "-t", "idle,mix"), "the controller is back")
    again = on_slurm.run(*six)
    assert again.code == 0, again.err
    results = on_slurm.ended()
    assert sorted(results) == [1, 2, 3, 4, 5, 6] and {result["state"] for result in results.values()} == {"done"}
    assert sorted(on_slurm.begun()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_the_launcher_is_killed(on_slurm: OnSlurm, moment: float) -> None:
    """At some moment of a submission, from the first change on disk on: the same command goes on from there."""
    words = ("seed=range(1,7)", "framework.options.seconds=0.2", "env.max_running=3")
    launcher = on_slurm.start(*words)
    models_dir = on_slurm.project.root / "models"
    wait_until(lambda: (models_dir / ".sweeps").exists() or launcher.poll() is not None, "it begins to write")
    time.sleep(moment)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    again = on_slurm.run(*words)
    assert again.code == 0, again.err
    results = on_slurm.ended()
    assert sorted(results) == [1, 2, 3, 4, 5, 6] and {result["state"] for result in results.values()} == {"done"}
    assert sorted(on_slurm.begun()) == [1, 2, 3, 4, 5, 6]


def test_killed_between_sbatch_and_submitits_files(on_slurm: OnSlurm) -> None:
    """Jobs whose pickles never came would wait a minute each and fail: the next command cancels them and submits others."""
    on_slurm.run("seed=1,2", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: len(on_slurm.begun()) == 1, "one model trains")
    for pickle in on_slurm.sweeps[0].slurm.glob("*_submitted.pkl"):
        pickle.unlink()
    broken = [row[0] for row in on_slurm.squeue("%i", "%T") if row[1] == "PENDING"]
    assert len(broken) == 1
    assert on_slurm.run("seed=1,2", "framework.options.seconds=60", "env.max_running=1").code == 0
    pending = [row[0] for row in on_slurm.squeue("%i", "%T") if row[1] == "PENDING"]
    assert len(pending) == 1 and pending != broken
    on_slurm.open()
    assert {result["state"] for result in on_slurm.ended().values()} == {"done"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("env.slurm.partition=nosuch", "Invalid partition name"),
        ("env.slurm.cpus_per_task=99", "Requested node configuration is not available"),
        ("env.slurm.gres=gpu:99", "Requested node configuration is not available"),
        ("env.slurm.partition=brief", "Partition"),  # sbatch takes it, although no job of its may last so long
        ("env.slurm.account=nosuch", "nvalid account"),
        ("env.slurm.additional_parameters={nosuch: 1}", "nrecognized option"),
    ],
)
def test_refused(on_slurm: OnSlurm, override: str, words: str) -> None:
    refused = on_slurm.run("seed=1,2", LONG, override)
    assert refused.code == 1 and words in refused.one_line and "env.slurm" in refused.one_line
    assert on_slurm.sweeps == [] and on_slurm.squeue("%i") == [] and on_slurm.project.models() == []


def test_no_slurm_here(on_slurm: OnSlurm) -> None:
    os_path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "sbatch").exists())
    words = on_slurm.words("seed=1,2", LONG)
    refused = on_slurm.project.daisy(*words, environment={**on_slurm.environment, "PATH": os_path})
    assert refused.code == 1 and "there is no Slurm on this machine" in refused.one_line
    assert on_slurm.sweeps == []
