"""The fake Slurm speaks the real one's text: both are asked the same, in the same situation."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from slurm.cluster import Cluster
from slurm.fake import DISABLED_TEXT, NO_SUCH_JOB, UNREACHABLE, FakeSlurm

from daisy.launch import slurm

pytestmark = pytest.mark.slow
SCRIPT = """#!/bin/sh
#SBATCH --job-name=faketext-0
#SBATCH --comment="daisy:abc"
#SBATCH --output=/dev/null
#SBATCH --array=0-2%1
#SBATCH --hold
#SBATCH --time=1
exit 0
"""
QUEUE = ("squeue", "--all", "--array", "--states", "all", "--user", str(os.getuid()), "--format")
COLUMNS = slurm.SEPARATOR.join(slurm.QUEUE_COLUMNS) + slurm.END
Told = tuple[int, str, str]


def asked(environment: dict[str, str], *command: str) -> Told:
    """The exit code, stdout and stderr, with numbers of jobs and times taken out."""
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
    out, err = (re.sub(r"\d{4}-\d\d-\d\dT[\d:]+", "TIME", text) for text in (done.stdout, done.stderr))
    return done.returncode, out, err


def test_the_same_text(cluster: Cluster, tmp_path: Path) -> None:
    fake = FakeSlurm(tmp_path / "fake").install()
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT)
    both = {"fake": fake.environment, "real": cluster.environment}
    told: dict[str, list[Told]] = {"fake": [], "real": []}
    for name, environment in both.items():

        def ask(*command: str, name: str = name, environment: dict[str, str] = environment) -> str:
            told[name].append(asked(environment, *command))
            return told[name][-1][1]

        first = ask("sbatch", "--parsable", str(script)).strip()
        job = ask("sbatch", str(script)).split()[-1]
        try:
            queue = asked(environment, *QUEUE, COLUMNS)[1]
            own = [record for record in queue.split(f"{slurm.END}\n") if record.startswith(("JOBID", job))]
            told[name].append((0, "\n".join(own), ""))
            for column in ("%T", "%j", "%k"):
                ask("squeue", "--noheader", "--jobs", job, "--states", "all", "--array", "--format", column)
            ask("scontrol", "update", f"jobid={job}_1", "comment=a model")
            ask("squeue", "--noheader", "--jobs", f"{job}_1", "--format", "%k")
            facts = slurm.read_facts(ask("scontrol", "--oneliner", "show", "job", f"{job}_1"))
            told[name].append((0, f"{facts and facts['JobState']} {facts and facts.get('PreemptTime')}", ""))
            told[name][-2] = (0, "", "")
        finally:
            ask("scancel", "--quiet", job, first)
        for command in (("squeue", "--jobs", "99999999"), ("scontrol", "--oneliner", "show", "job", "99999999")):
            ask(*command)
        ask("scontrol", "update", "jobid=99999999", "comment=x")
        ask("scancel", "--quiet", "99999999")
        ask("sacct", "--allocations", "--parsable2", "--format", "JobID,State,NodeList", "--jobs", "99999999")
        ended = slurm.read_queue(asked(environment, *QUEUE, COLUMNS)[1])
        assert ended is not None and ended.ended[f"{job}_0"] == "CANCELLED"
        told[name] = [(code, named(named(out, job, "JOB"), first, "FIRST"), err) for code, out, err in told[name]]
    assert told["fake"] == told["real"]
    assert (1, "", NO_SUCH_JOB + "\n") in told["real"]


def named(text: str, number: str, name: str) -> str:
    """A text with a name in place of a job's number, where that stands by itself."""
    return re.sub(rf"(?<![\w-]){number}(?![0-9])", name, text)


def test_what_sbatch_foresees(cluster: Cluster, tmp_path: Path) -> None:
    fake = FakeSlurm(tmp_path / "fake").install()
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT.replace("--hold", "--nice=0"))
    told = [asked(environment, "sbatch", "--test-only", str(script)) for environment in (fake.environment, cluster.environment)]
    assert [re.sub(r"Job \d+|nodes n\d", "", err) for _, _, err in told] == [re.sub(r"Job \d+|nodes n\d", "", told[1][2])] * 2
    assert [code for code, _, _ in told] == [0, 0]
    lines = [[line for line in asked(env, "scontrol", "show", "config")[1].splitlines() if line.startswith("MaxArray")]
             for env in (fake.environment, cluster.environment)]  # fmt: skip
    assert lines[0] == lines[1] == ["MaxArraySize            = 1001"]


def test_a_controller_that_is_away(cluster: Cluster, tmp_path: Path) -> None:
    """squeue and sbatch, each against a port where nothing listens."""
    fake = FakeSlurm(tmp_path / "fake").install()
    conf = tmp_path / "slurm.conf"
    text = (cluster.folder / "slurm.conf").read_text()
    conf.write_text(re.sub("SlurmctldPort=.*", "SlurmctldPort=1", text))
    script = tmp_path / "script.sh"
    script.write_text(SCRIPT)
    commands = [("squeue",), ("sbatch", str(script))]
    real = [
        subprocess.Popen(
            command, env={**os.environ, "SLURM_CONF": str(conf)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for command in commands
    ]  # at once: each tries for nine seconds
    for command, process in zip(commands, real, strict=True):
        fake.break_(command[0], UNREACHABLE)
        out, err = process.communicate(timeout=60)
        assert asked(fake.environment, *command) == (process.returncode, out, err) and err


def test_no_accounting(cluster: Cluster, tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    lines = [
        line for line in (cluster.folder / "slurm.conf").read_text().splitlines() if not line.startswith("AccountingStorage")
    ]
    conf.write_text("\n".join([*lines, "AccountingStorageType=accounting_storage/none", ""]))
    assert asked({"SLURM_CONF": str(conf)}, "sacct") == (1, "", DISABLED_TEXT + "\n")
