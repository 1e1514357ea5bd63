"""A project whose sweeps run on a real Slurm."""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sleeper import Launched, wait_until, with_sleeper
from slurm.cluster import Cluster, ClusterError, missing_programs
from support import DaisyProject


@dataclass
class OnSlurm(Launched):
    """A project whose env=slurm runs on a real Slurm, in lanes of its own."""

    cluster: Cluster = field(default_factory=lambda: Cluster(Path()))
    lanes: str = "daisy"

    @property
    def environment(self) -> dict[str, str]:
        """What finds the cluster, and where the sleepers say when they begin and end."""
        return {**super().environment, **self.cluster.environment}

    def words(self, *more: str) -> tuple[str, ...]:
        """`-m env=slurm framework=sleeper dataset=tiny ...`."""
        return ("-m", "env=slurm", "framework=sleeper", "dataset=tiny", *more)

    def daisy(self, *words: str, **options: Any) -> Any:
        """Another command."""
        return self.project.daisy(*words, environment=self.environment, **options)

    def squeue(self, *columns: str, name: str | None = None) -> list[list[str]]:
        """Columns of what is in the queue of this project's lanes."""
        told = self.cluster.run("squeue", "--array", "--noheader", "--format", "|".join(["%j", *columns]))
        rows = [line.split("|") for line in told.splitlines()]
        return [row[1:] for row in rows if row[0].rpartition("-")[0] == self.lanes or row[0] == self.lanes]

    def sacct(self, column: str) -> dict[str, str]:
        """A column of the accounting, by job, once it knows that all of them have ended."""
        columns = f"JobName%60,JobID,State,{column}"
        command = ("sacct", "-X", "--noheader", "--parsable2", "--starttime", "now-1days", "--format", columns)

        def rows() -> list[list[str]]:
            told = [line.split("|") for line in self.cluster.run(*command).splitlines()]
            return [row[1:] for row in told if row[0].rpartition("-")[0] == self.lanes]

        def is_complete() -> bool:
            known = {row[0]: row[1] for row in rows()}
            jobs = {result["job"] for result in self.results().values() if "job" in result}
            return bool(known) and jobs <= known.keys() and not {"RUNNING", "PENDING"} & set(known.values())

        wait_until(is_complete, "the accounting knows that all have ended")
        return {row[0]: row[2] for row in rows()}

    def states(self) -> dict[int, str]:
        """The state of each model by its seed, as `daisy list` tells it."""
        listed = json.loads(self.daisy("list", "--json").out)
        return {row["values"]["seed"]: row["state"] for row in listed if row.get("values")}

    def folder_of(self, seed: int) -> Path | None:
        """What Daisy keeps of the model with a seed; None where it has not begun yet."""
        for path in self.project.models():
            if json.loads((path / "daisy" / "config.json").read_text())["configuration"]["seed"] == seed:
                return path / "daisy"
        return None

    def attempts(self, seed: int) -> int:
        """How often the model with a seed was begun."""
        folder = self.folder_of(seed)
        return len(list((folder / "attempts").glob("*.json"))) if folder is not None else 0

    def job_out(self, seed: int) -> str:
        """The lines of Daisy's own about the model with a seed."""
        folder = self.folder_of(seed)
        return (folder / "job.out").read_text() if folder is not None else ""

    def answers(self) -> bool:
        """Whether the controller does."""
        try:
            return "UP" in self.cluster.run("scontrol", "ping")
        except ClusterError:
            return False

    def all_ended(self) -> bool:
        """Whether none of this project's jobs is in the queue."""
        return not self.squeue("%i")

    def job_of(self, seed: int) -> str:
        """The Slurm job of the model with a seed, as soon as it has one that runs."""

        def running() -> str | None:
            for job, model in self.squeue("%i", "%k"):
                own = re.search(r"_s(\d+)$", model)
                if model.startswith("r") and (int(own[1]) if own else 1) == seed:
                    return job
            return None

        return str(wait_until(running, f"a job that trains seed {seed}"))

    def ended(self) -> dict[int, dict[str, Any]]:
        """The results, once none of the jobs is in the queue."""
        wait_until(self.all_ended, "all jobs have ended")
        return self.results()


def project_on(cluster: Cluster, project: DaisyProject, tmp_path: Path) -> OnSlurm:
    """A project on a cluster, in lanes that no other test uses."""
    base = with_sleeper(project, tmp_path)
    lanes = f"t{hashlib.sha256(bytes(project.root)).hexdigest()[:8]}"
    (project.root / "conf" / "env" / "slurm.yaml").write_text(
        f"defaults: [local, _self_]\nmax_running: 10\nmax_resumes: 2\nslurm:\n  name: {lanes}\n"
        "  array_parallelism: ${env.max_running}\n  timeout_min: 10\n  cpus_per_task: 1\n"
    )
    return OnSlurm(base.project, base.log, base.gate, cluster=cluster, lanes=lanes)


def why_not() -> str | None:
    """Why there is no Slurm for tests here."""
    if missing := missing_programs():
        return f"a real Slurm is not installed ({', '.join(missing)}): see tests/slurm/cluster.py packages"
    if os.getuid() != 0:
        return "a Slurm for tests is brought up by root only"
    return None


def settled(condition: Callable[[], Any], what: str, seconds: float = 2.0) -> None:
    """A condition comes to hold, and still does after some time."""
    wait_until(condition, what)
    time.sleep(seconds)
    assert condition(), what
