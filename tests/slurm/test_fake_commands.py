"""Whole commands on a Slurm that refuses, hangs up or has enough: one line, and nothing that is half submitted."""

import json
import os
import signal
from pathlib import Path

import pytest
from sleeper import wait_until
from slurm.fake import DISABLED, HANG, UNREACHABLE, FakeSlurm
from slurm.on_slurm import OnSlurm, project_on
from support import DaisyProject

from daisy.launch import slurm
from daisy.launch.refused import WAYS_OUT, is_limit, refusal

POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
FAILED = "sbatch: error: Batch job submission failed:"
REAL = {  # recorded from Slurm 22.05
    "Invalid partition": f"sbatch: error: invalid partition specified: nosuch\n{FAILED} Invalid partition name specified",
    "Invalid account": f"{FAILED} Invalid account or account/partition combination specified",
    "Invalid qos": f"{FAILED} Invalid qos specification",
    "Requested node configuration is not available": f"sbatch: error: Memory specification can not be satisfied\n{FAILED} "
    "Requested node configuration is not available",
    "partition not available": f"{FAILED} Required partition not available (inactive or drain)",
    "Partition": "PartitionTimeLimit",  # why a job pends: sbatch takes it
    "Invalid feature specification": f"{FAILED} Invalid feature specification",
    "Invalid generic resource": "sbatch: error: Invalid generic resource (gres) specification",
    "Requested time limit is invalid": f"{FAILED} Requested time limit is invalid (missing or exceeds some limit)",
    "Invalid node name": f"{FAILED} Invalid node name specified",
    "array specification": f"{FAILED} Invalid job array specification",
    "PerJob": f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{FAILED} {POLICY}",
    "MaxSubmit": f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{FAILED} {POLICY}",
    "accounting/QOS policy": f"{FAILED} {POLICY}",
    "Resource temporarily unavailable": f"{FAILED} Resource temporarily unavailable",
    "nrecognized option": "sbatch: unrecognized option '--nosuch'\nTry \"sbatch --help\" for more information",
    "nvalid": f"{FAILED} Requested reservation is invalid",
    "fetch_config": "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\nsbatch: error: fetch_config: DNS "
    "SRV lookup failed\nsbatch: fatal: Could not establish a configuration source",
    "ontact": f"{FAILED} Unable to contact slurm controller (connect failure)",
    "onnect": f"{FAILED} Connection refused",
    "Zero Bytes": f"{FAILED} Zero Bytes were transmitted or received",
    "imed out": f"{FAILED} Socket timed out on send/recv operation",
}


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """A fake cluster."""
    return FakeSlurm(tmp_path / "slurm").install()


@pytest.fixture
def on_fake(fake: FakeSlurm, project: DaisyProject, tmp_path: Path) -> OnSlurm:
    """A project whose env=slurm finds the fake cluster."""
    return project_on(fake, project, tmp_path)  # type: ignore[arg-type]


def nothing_is_left(on_fake: OnSlurm, fake: FakeSlurm) -> bool:
    """No sweep, no job, no model."""
    return not on_fake.sweeps and not fake.jobs() and not on_fake.project.models()


@pytest.mark.parametrize("part", [part for part, _ in WAYS_OUT])
def test_each_text_of_slurms_has_its_way_out(part: str) -> None:
    told = slurm.said(REAL[part])
    way_out = dict(WAYS_OUT)[part]
    assert str(refusal(told)).endswith(way_out)
    assert is_limit(told) == (part in ("MaxSubmit", "accounting/QOS policy", "Resource temporarily unavailable"))


@pytest.mark.parametrize("part", ["Invalid qos", "PerJob", "MaxSubmit", "ontact"])
def test_sbatch_refuses_all(on_fake: OnSlurm, fake: FakeSlurm, part: str) -> None:
    fake.refuse(*[REAL[part]] * 20)
    refused = on_fake.run("seed=range(1,9)")
    assert refused.code == 1 and part in refused.one_line and dict(WAYS_OUT)[part] in refused.one_line
    assert nothing_is_left(on_fake, fake)


@pytest.mark.parametrize("mode", [UNREACHABLE, "nothing", "JOBID\x1fNA", "\x7fELF\udcff\n"])
def test_squeue_says_nothing_of_use(on_fake: OnSlurm, fake: FakeSlurm, mode: str) -> None:
    fake.break_("squeue", mode)
    refused = on_fake.run("seed=1,2")
    assert refused.code == 1 and "squeue" in refused.one_line and "nothing was launched" in refused.one_line
    assert nothing_is_left(on_fake, fake)


def test_sbatch_dies_in_the_middle_of_ten_lanes(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    """Four lanes have jobs, which will train all of it; the next command submits the others."""
    fake.refuse(*[None] * 4, *[REAL["imed out"]] * 6)
    done = on_fake.run("seed=range(1,21)")
    assert done.code == 0 and done.err == "" and "Socket timed out" in done.out, done.err
    assert [job["name"].rpartition("-")[2] for job in fake.jobs()] == ["0", "1", "2", "3"]
    assert [sweep.waiting() for sweep in on_fake.sweeps] == [20]
    fake.refuse()
    again = on_fake.run("seed=range(1,21)")
    assert again.code == 0 and "20 not launched again" in again.out, again.out
    assert len(fake.jobs()) == 20 and len({job["name"] for job in fake.jobs()}) == 10


def test_stopped_in_the_middle_of_ten_lanes(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    """What is submitted by then trains all of it; what else is needed is submitted by the jobs, or the next command."""
    fake.refuse(*[None] * 4, HANG)
    launcher = on_fake.start("seed=range(1,21)")
    wait_until(lambda: len(fake.calls("sbatch")) == 6, "the fifth sbatch hangs")  # the first call has only asked
    hanging = [path.name for path in Path("/proc").glob("[0-9]*") if is_of(path, fake, "sbatch")]
    for pid in (launcher.pid, *map(int, hanging)):  # as a terminal does
        os.kill(pid, signal.SIGINT)
    code, out = on_fake.finished(launcher)
    assert code == 130 and "what was submitted runs" in out
    assert len(fake.jobs()) == 4 and [sweep.waiting() for sweep in on_fake.sweeps] == [20]


def is_of(process: Path, fake: FakeSlurm, command: str) -> bool:
    """Whether a process is a command of the fake cluster's."""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return bytes(fake.folder) in words and command.encode() in words


def test_a_limit_takes_what_it_allows(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    with fake.state() as state:
        state["most"] = 13
    done = on_fake.run("seed=range(1,31)")
    assert done.code == 0 and done.err == "", done.err
    jobs = [job["name"].rpartition("-")[2] for job in fake.jobs()]
    assert len(jobs) == 13 and len(set(jobs)) == 10  # one for each lane before any gets a second one
    later = on_fake.run("seed=range(41,44)")
    assert later.code == 0 and "QOSMaxSubmitJobPerUserLimit" in later.out and later.err == "", later.err
    assert len(fake.jobs()) == 13 and [sweep.waiting() for sweep in on_fake.sweeps] == [30, 3]


def test_one_job_stays_behind_to_submit_the_rest(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    """All three that a limit allows could run at once, and jobs submit others as they start: the last one starts later."""
    with fake.state() as state:
        state["most"] = 3
    assert on_fake.run("seed=range(1,9)").code == 0
    first, second, last = fake.jobs()
    assert last["dependency"] == f"singleton,afterany:{first['id']}"
    assert "dependency" not in first and "dependency" not in second


def test_what_is_refused_for_an_older_sweep_does_not_keep_a_new_one(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    """Its partition was taken away in the meantime."""
    assert on_fake.run("seed=1,2", "env.slurm.partition=old").code == 0
    with fake.state() as state:
        state["jobs"] = []
    fake.refuse(REAL["Invalid partition"])
    done = on_fake.run("seed=11,12")
    assert done.code == 0 and "Invalid partition" in done.out and len(fake.jobs()) == 2, done.err


@pytest.mark.parametrize("name", ["a\nb", "a\x0cb\u2028", "\udcff|", ""])
def test_a_persons_own_jobs_have_any_name(on_fake: OnSlurm, fake: FakeSlurm, name: str) -> None:
    fake.put("5", "RUNNING", name=name, comment=name)
    fake.put("6+0", "PENDING")
    fake.put("6+1", "PENDING")
    done = on_fake.run("seed=1,2")
    assert done.code == 0 and len([job for job in fake.jobs() if job["name"].startswith(on_fake.lanes)]) == 2, done.err


def test_no_sacct_and_an_empty_project(on_fake: OnSlurm, fake: FakeSlurm) -> None:
    fake.break_("sacct", DISABLED)
    assert on_fake.run("seed=1,2").code == 0 and len(fake.jobs()) == 2
    listed = on_fake.daisy("list", "--json")
    assert listed.code == 0 and {row["state"] for row in json.loads(listed.out)} <= {"waiting"}
