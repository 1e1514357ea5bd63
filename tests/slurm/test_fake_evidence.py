"""What is known of a model whose process ran on another host: what Slurm says, and unknown where it says nothing of use."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from slurm.fake import DISABLED, HANG, NOTHING, UNREACHABLE, FakeSlurm

from daisy.files import write_json
from daisy.folder import Attempt, ModelFolder, SweepFolder, Waiting, create, create_sweep, observed_state
from daisy.launch import slurm
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import locked, recover
from daisy.registry import read

LONG_AGO = 1_700_000_000.0
HEADER_ONLY = "\x1f".join(["JOBID", "NAME", "STATE", "REASON", "NODELIST", "TIME", "COMMAND", "COMMENT"]) + "\x1e\n"
RUBBISH = {
    "nothing": NOTHING,
    "binary": "\x7fELF\x02\x01\udcff\x00\n",
    "half a record": HEADER_ONLY + "7_1\x1fdaisy-0\x1fRUNN",
    "other columns": "JOBID STATE\n7_1 COMPLETED\n",
    "an error with exit code 0": "slurm_load_jobs error: Socket timed out on send/recv operation\n",
    "half a header": HEADER_ONLY[:30],
    "unexpanded": HEADER_ONLY + "7_[1-3%1]\x1fdaisy-0\x1fPENDING\x1fNone\x1f\x1f0:00\x1fs\x1fc\x1e\n",
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A fake cluster that this process uses."""
    for name in ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_CONF"):
        monkeypatch.delenv(name, raising=False)
    found = FakeSlurm(tmp_path / "slurm").install()
    monkeypatch.setenv("PATH", found.environment["PATH"])
    return found


CONFIG = {  # as much of a config.json as the table needs
    "identity": "1-x", "configuration": {"train": {"epochs": 9}}, "dataset": {"name": "tiny", "checksum": "c"},
}  # fmt: skip


def elsewhere(job: str | None = "7_1", **more: object) -> Attempt:
    """An attempt that was made on a node of the fake cluster."""
    own = Attempt.of_this_process(1)
    there = replace(own, host="n1", pid=4242, boot="another/pid:[1]", started=LONG_AGO, job=job, cluster="fake")
    return replace(there, **more)  # type: ignore[arg-type]


def model(models_dir: Path, attempt: Attempt, config_id: str = "x", **config: object) -> ModelFolder:
    """A model that runs, as far as its folder says."""
    folder = create(models_dir, "sleeper", config_id, {"configuration": {}, "config_id": config_id, **config}, LONG_AGO)
    write_json(next(folder.daisy.glob("attempts/*.json")), vars(attempt))
    return folder


def seen(folder: ModelFolder) -> tuple[str, str]:
    """Its state and the evidence, by what Slurm says now."""
    return observed_state(folder, folder.read_result(), Cluster())


def test_a_job_in_the_queue_runs(fake: FakeSlurm, tmp_path: Path) -> None:
    folder = model(tmp_path / "models", elsewhere())
    for state in ("RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING"):
        fake.put("7_1", state)
        assert seen(folder) == ("running", "")
    # Without the scheduler nobody can know.
    assert observed_state(folder, folder.read_result())[0] == "unknown"


@pytest.mark.parametrize("ending", ["NODE_FAIL", "CANCELLED", "OUT_OF_MEMORY", "TIMEOUT", "FAILED", "COMPLETED"])
def test_a_job_that_is_over(fake: FakeSlurm, tmp_path: Path, ending: str) -> None:
    """squeue has forgotten it and sacct knows; squeue still knows; a cluster without accounting."""
    folder = model(tmp_path / "models", elsewhere())
    fake.account("7_1", ending + (" by 1000" if ending == "CANCELLED" else ""))
    assert seen(folder) == ("stopped", f"Slurm job 7_1 is over ({ending})")
    fake.break_("sacct", DISABLED)
    assert seen(folder) == ("stopped", "Slurm job 7_1 is over")
    fake.put("7_1", ending)
    assert seen(folder) == ("stopped", f"Slurm job 7_1 is over ({ending})")


@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_from_squeue_is_unknown(fake: FakeSlurm, tmp_path: Path, text: str) -> None:
    folder = model(tmp_path / "models", elsewhere())
    fake.account("7_1", "CANCELLED by 1000")  # of an earlier job with this number, for all that is known
    fake.break_("squeue", text)
    assert seen(folder) == ("unknown", "squeue does not say whether Slurm job 7_1 runs")


def test_no_answer_from_squeue_is_unknown(fake: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model(tmp_path / "models", elsewhere())
    fake.break_("squeue", UNREACHABLE)
    assert seen(folder)[0] == "unknown"
    fake.break_("squeue", HANG)
    monkeypatch.setattr(slurm, "ANSWERS_WITHIN", 0.2)
    assert seen(folder)[0] == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seen(folder)[0] == "unknown"


@pytest.mark.parametrize("mode", [UNREACHABLE, DISABLED, NOTHING, "JobID|State\n7_1|RUNNING\n", "JobID|State|NodeList\n7_1|RUNN"])
def test_sacct_that_says_nothing_of_use(fake: FakeSlurm, tmp_path: Path, mode: str) -> None:
    folder = model(tmp_path / "models", elsewhere())
    fake.break_("sacct", mode)
    assert seen(folder) == ("stopped", "Slurm job 7_1 is over")


def test_sacct_that_hangs(fake: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cluster = model(tmp_path / "models", elsewhere()), Cluster()
    fake.break_("sacct", HANG)
    assert cluster.queue is not None and cluster.name == "fake"
    monkeypatch.setattr(slurm, "ANSWERS_WITHIN", 0.2)
    assert observed_state(folder, folder.read_result(), cluster) == ("stopped", "Slurm job 7_1 is over")


def test_an_empty_queue_against_the_accounting(fake: FakeSlurm, tmp_path: Path) -> None:
    """squeue prints its header alone while the accounting has the job running: one of the two is wrong."""
    folder = model(tmp_path / "models", elsewhere())
    fake.break_("squeue", HEADER_ONLY)
    fake.account("7_1", "RUNNING")
    assert seen(folder) == ("unknown", "squeue does not have Slurm job 7_1, and sacct says that it is RUNNING")


def test_another_users_and_another_clusters_jobs(fake: FakeSlurm, tmp_path: Path) -> None:
    fake.account("7_1", "CANCELLED by 0")
    theirs = model(tmp_path / "models", elsewhere(user=os.getuid() + 1))
    assert seen(theirs) == ("unknown", "Slurm job 7_1 is another user's")
    there = model(tmp_path / "models", elsewhere(cluster="other"), "y")
    fake.put("7_1", "RUNNING")  # a job of this cluster that happens to have the same number
    assert seen(there) == ("unknown", "Slurm job 7_1 is on the cluster other")
    fake.put("7_1", "FAILED")
    fake.break_("scontrol", UNREACHABLE)  # which cluster this is, nobody says
    assert seen(there)[0] == "unknown" and "whether that is this one" in seen(there)[1]


def test_a_job_younger_than_the_look(fake: FakeSlurm, tmp_path: Path) -> None:
    fresh = model(tmp_path / "models", elsewhere(started=time.time()))
    assert seen(fresh) == ("unknown", "Slurm job 7_1 has only just begun: squeue may not have it yet")
    ahead = model(tmp_path / "models", elsewhere(started=time.time() + 3600), "y")  # its node's clock is ahead
    assert seen(ahead)[0] == "unknown"
    fake.put("7_1", "NODE_FAIL")
    assert seen(fresh) == ("stopped", "Slurm job 7_1 is over (NODE_FAIL)")


def test_a_process_on_this_host_counts_more(fake: FakeSlurm, tmp_path: Path) -> None:
    own = Attempt.of_this_process(1)
    fake.put("7_1", "FAILED")
    assert seen(model(tmp_path / "models", replace(own, job="7_1", started=LONG_AGO)))[0] == "running"
    fake.put("7_1", "RUNNING")
    gone = replace(own, job="7_1", process_start="1", started=LONG_AGO)
    assert seen(model(tmp_path / "models", gone, "y"))[0] == "stopped"
    assert fake.calls("squeue") == []


def test_no_job_at_all(fake: FakeSlurm, tmp_path: Path) -> None:
    assert seen(model(tmp_path / "models", elsewhere(job=None)))[0] == "unknown"
    assert fake.calls("squeue") == []


def test_one_squeue_and_one_sacct_for_very_many_models(fake: FakeSlurm) -> None:
    cluster, many = Cluster(), [elsewhere(f"7_{task}") for task in range(1200)]
    fake.account("7_1100", "NODE_FAIL")
    cluster.expect(attempt.job for attempt in many)
    assert {cluster.alive(attempt) for attempt in many} == {False}
    assert cluster.ending(many[1100]) == "NODE_FAIL"
    assert len(fake.calls("squeue")) == 1 and len(fake.calls("sacct")) == 1


def test_one_squeue_and_one_sacct_for_the_whole_table(fake: FakeSlurm, tmp_path: Path) -> None:
    """Models that ran elsewhere, and whose workers nobody has noted any more."""
    for task in range(30):
        folder = model(tmp_path / "models", elsewhere(f"7_{task}"), f"x{task}", **CONFIG)
        folder.write_result(elsewhere(f"7_{task}").running())
        fake.account(f"7_{task}", "NODE_FAIL" if task % 2 else "CANCELLED")
    found = read(tmp_path / "models", Cluster())
    assert not found.warnings and [row.state for row in found.rows] == ["stopped"] * 30
    assert {row.evidence for row in found.rows if row.job == "7_3"} == {"Slurm job 7_3 is over (NODE_FAIL)"}
    assert len(fake.calls("squeue")) == 1 and len(fake.calls("sacct")) == 1


def sweep_of(models_dir: Path, count: int = 1) -> SweepFolder:
    """A sweep all whose models wait."""
    folders = {"models_dir": str(models_dir), "data_dir": str(models_dir)}
    env = {"name": "slurm", "mirror": None, "python": {}, "max_resumes": 2, **folders}
    info = {"launcher": "slurm", "env": env, "identities": [str(number) for number in range(count)], "slurm": {}}
    waiting = [Waiting({"config_id": f"x{number}"}) for number in range(1, count + 1)]
    return create_sweep(models_dir, "x", info, waiting, models_dir, {}, LONG_AGO)


@pytest.fixture
def lost(fake: FakeSlurm, tmp_path: Path) -> Callable[..., tuple[SweepFolder, ModelFolder]]:
    """A model of a sweep whose job, on another host, is no longer there."""

    def make(job: str = "7_1", starts: int = 1, **more: object) -> tuple[SweepFolder, ModelFolder]:
        sweep = sweep_of(tmp_path / "models")
        worker = f"slurm-{job}-4242"
        place = sweep.claim(worker)
        assert place is not None
        write_json(sweep.path / "workers" / f"{worker}.json", vars(elsewhere(job, **more)))
        folder = model(tmp_path / "models", elsewhere(job, **more), f"x{job}", sweep={"id": sweep.sweep_id, "number": 1})
        for _ in range(starts):
            sweep.begin(place, folder.model_id)
        return sweep, folder

    return make


def whereabouts(sweep: SweepFolder) -> str:
    """Where the only model of a sweep is."""
    return sweep.places()[0].state


Lost = Callable[..., tuple[SweepFolder, ModelFolder]]


@pytest.mark.parametrize("ending", slurm.CUT_OFF)
@pytest.mark.parametrize("source", ["squeue", "sacct"])
def test_what_was_cut_off_waits_again(fake: FakeSlurm, lost: Lost, ending: str, source: str) -> None:
    sweep, folder = lost()
    fake.put("7_1", ending) if source == "squeue" else fake.account("7_1", ending)
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "waiting" and sweep.begun(sweep.places()[0]).model == folder.model_id
    assert sweep.workers() == [] and f"({ending}): the model waits again" in (folder.daisy / "job.out").read_text()


def test_at_most_so_often(fake: FakeSlurm, lost: Lost) -> None:
    sweep, folder = lost(starts=3)
    fake.account("7_1", "NODE_FAIL")
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "claimed" and "env.max_resumes is reached" in (folder.daisy / "job.out").read_text()


def test_out_of_memory_has_failed_and_cancelled_is_cancelled(fake: FakeSlurm, lost: Lost) -> None:
    hungry, folder = lost("7_1")
    unwanted, _ = lost("7_2")
    fake.account("7_1", "OUT_OF_MEMORY")
    fake.account("7_2", "CANCELLED by 1000")
    for sweep in (hungry, unwanted):
        recover(sweep, Cluster())
    result = folder.read_result()
    assert result["state"] == "failed" and "out of memory" in result["reason"] and "env.slurm.mem_gb" in result["hint"]
    assert whereabouts(hungry) == "claimed" and whereabouts(unwanted) == "cancelled"


def test_a_trial_of_a_search_has_failed_when_it_is_out_of_memory_twice(fake: FakeSlurm, lost: Lost) -> None:
    """However often it was cut off before the first time, or between the two: another job of the node may have been to blame."""
    sweep, folder = lost("7_1")
    sweep.trials.path.mkdir()
    sweep.write_info({**sweep.info(), "env": {**sweep.info()["env"], "max_resumes": 9}})
    endings = {"7_1": "NODE_FAIL", "7_2": "OUT_OF_MEMORY", "7_3": "PREEMPTED", "7_4": "OUT_OF_MEMORY"}
    for job, ending in endings.items():
        if job != "7_1":
            place = sweep.claim(f"slurm-{job}-4242")
            assert place is not None
            sweep.begin(place, folder.model_id)
            write_json(sweep.path / "workers" / f"slurm-{job}-4242.json", vars(elsewhere(job)))
        fake.account(job, ending)
        recover(sweep, Cluster())
        assert whereabouts(sweep) == ("claimed" if job == "7_4" else "waiting"), job
    assert folder.read_result()["state"] == "failed"


@pytest.mark.parametrize("mode", [UNREACHABLE, *RUBBISH.values()])
def test_what_is_unknown_stays_as_it_is(fake: FakeSlurm, lost: Lost, mode: str) -> None:
    sweep, folder = lost()
    fake.account("7_1", "NODE_FAIL")
    fake.break_("squeue", mode)
    recover(sweep, Cluster())
    assert (
        whereabouts(sweep) == "claimed" and sweep.workers() == ["slurm-7_1-4242"] and folder.read_result()["state"] == "running"
    )
    fake.mend()  # and is settled when Slurm answers
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "waiting"


def test_the_job_of_a_dead_process_that_is_still_ending(fake: FakeSlurm, lost: Lost) -> None:
    """Its process was on this host and is gone, Slurm has not written down yet how: that decides what becomes of the model."""
    own = Attempt.of_this_process(1)
    sweep, _ = lost(host=own.host, boot=own.boot, pid=own.pid, process_start="1")
    fake.put("7_1", "COMPLETING")
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "claimed" and len(sweep.workers()) == 1
    fake.put("7_1", "PREEMPTED")
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "waiting"


def test_without_accounting_what_nobody_knows_is_left_to_a_person(fake: FakeSlurm, lost: Lost) -> None:
    """squeue has forgotten the job, and there is no sacct: it may have been cancelled, so it does not come back."""
    sweep, folder = lost()
    fake.break_("sacct", DISABLED)
    recover(sweep, Cluster())
    assert whereabouts(sweep) == "claimed" and sweep.workers() == [] and seen(folder)[0] == "stopped"


def test_two_at_once_under_the_lock(fake: FakeSlurm, lost: Lost) -> None:
    sweep, folder = lost()
    fake.account("7_1", "NODE_FAIL")

    def come() -> None:
        with locked(sweep.models_dir):
            recover(sweep, Cluster())

    comers = [threading.Thread(target=come) for _ in range(4)]
    for comer in comers:
        comer.start()
    for comer in comers:
        comer.join()
    assert whereabouts(sweep) == "waiting" and (folder.daisy / "job.out").read_text().count("waits again") == 1


@pytest.mark.parametrize("damage", ["result.json", "config.json"])
def test_a_damaged_folder_in_between(fake: FakeSlurm, tmp_path: Path, damage: str) -> None:
    sweep = sweep_of(tmp_path / "models", 3)
    found = []
    for number in (1, 2, 3):
        worker = f"slurm-7_{number}-1"
        place = sweep.claim(worker)
        assert place is not None
        write_json(sweep.path / "workers" / f"{worker}.json", vars(elsewhere(f"7_{number}")))
        folder = model(
            tmp_path / "models", elsewhere(f"7_{number}"), f"x{number}", sweep={"id": sweep.sweep_id, "number": number}
        )
        sweep.begin(place, folder.model_id)
        fake.account(f"7_{number}", "NODE_FAIL")
        found.append(folder)
    (found[1].daisy / damage).write_bytes(b"\x00{")
    (sweep.path / "workers" / "slurm-9_9-1.json").write_text("{")
    recover(sweep, Cluster())
    states = [place.state for place in sweep.places()]
    assert states[0] == states[2] == "waiting"
    assert (found[1].daisy / damage).read_bytes() == b"\x00{"
