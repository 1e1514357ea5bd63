"""A project on a real Slurm whose jobs, interpreters and models write down when they begin and end, by one clock."""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "slurm"))
from cluster import PACKAGES, Cluster, ClusterError, missing_programs  # noqa: E402, F401

LANES = "bench"
PATIENCE = 900.0  # seconds
NOT_OF_USERS = ("DAISY_", "SLURM_", "PYTHONDONTWRITEBYTECODE")  # with the last one each job would compile Daisy anew
FRAMEWORK = """
name: sleeper
adapter: command
version: "1"
options:
  least: 1.0
  most: 2.0
train: python {here}/sleep.py train {model_out} {options.least} {options.most} {seed}
predict: python {here}/sleep.py predict {source} {output}
progress:
  epoch: 'epoch (\\d+)'
checkpoint:
  best: "*.txt"
  last: "*.txt"
"""
SLEEP = """
import shutil, sys, time
from pathlib import Path
from random import Random
if sys.argv[1] == "predict":
    shutil.copyfile(sys.argv[2], sys.argv[3])
    sys.exit()
out, least, most, seed = Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
(out / "model.txt").write_text("1")
time.sleep(Random(seed).uniform(least, most))
print("epoch 1", flush=True)
"""
# Each interpreter of a job says when it begins and ends and what processor time it has had; `exec` keeps that time.
SITE = """
import atexit, os, resource, sys, time
log, job = os.environ.get("BENCH_LOG"), os.environ.get("SLURM_JOB_ID")
if log and job:
    words = " ".join(sys.orig_argv)
    names = {"submitit.core._submit": "submitit", "daisy.launch": "daisy"}
    names |= {"sleep.py train": "train", "sleep.py predict": "predict"}
    role = next((name for part, name in names.items() if part in words), "other")
    def tell(what):
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        seconds = (own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime)
        with open(log, "a") as file:
            file.write(f"{role} {what} {job} {time.time():.4f} {seconds[0]:.4f} {seconds[1]:.4f} {words.split()[-1]}\\n")
    tell("begin")
    atexit.register(tell, "end")
"""
ENV = """
defaults: [local, _self_]
max_running: 10
slurm:
  name: bench
  array_parallelism: ${env.max_running}
  timeout_min: 30
  cpus_per_task: 1
  setup:
    - echo "job begin $SLURM_JOB_ID $EPOCHREALTIME $SLURM_JOB_NAME" >> $BENCH_LOG
    - trap 'echo "job end $SLURM_JOB_ID $EPOCHREALTIME $SLURM_JOB_NAME" >> $BENCH_LOG' EXIT
"""
# Stands before the real one on PATH. The launcher is killed, where that is wanted, when so many calls of it have returned.
SBATCH = """#!/bin/bash
case "$*" in *--test-only*) exec {real} "$@";; esac
echo "sbatch begin $PPID $EPOCHREALTIME" >> $BENCH_SBATCH
{real} "$@"
code=$?
echo "sbatch end $PPID $EPOCHREALTIME" >> $BENCH_SBATCH
[ "$(grep -c "sbatch end $PPID " $BENCH_SBATCH)" = "$BENCH_KILL_AFTER" ] && kill -9 $PPID
exit $code
"""


@dataclass(frozen=True)
class Mark:
    """A moment in the life of a job: of the `job` itself, or of an interpreter in it (submitit, daisy, train, predict)."""

    role: str
    what: str
    job: str
    at: float
    words: Sequence[str]

    @property
    def cpu(self) -> float:
        """Processor seconds of the process so far."""
        return float(self.words[0])

    @property
    def cpu_of_children(self) -> float:
        """And of those that it has waited for."""
        return float(self.words[1])


@dataclass
class BenchProject:
    """A project, the log that its jobs write to, and what the last launch has said."""

    root: Path
    cluster: Cluster
    log: Path = field(default_factory=Path)
    said: str = ""

    def make(self) -> None:
        """Put it there, with the sleeping framework and a small dataset."""
        daisy = [sys.executable, "-m", "daisy"]
        subprocess.run([*daisy, "init", str(self.root)], check=True, stdout=subprocess.DEVNULL)
        here = self.root / "frameworks" / "sleeper"
        folders = (here, *(self.root / "conf" / name for name in ("framework", "dataset", "env")), self.root / "clock", self.bin)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / "conf" / "framework" / "sleeper.yaml").write_text(FRAMEWORK)
        (self.root / "conf" / "env" / "slurm.yaml").write_text(ENV)
        dataset = "defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\ntest: pairs.tsv\n"
        (self.root / "conf" / "dataset" / "tiny.yaml").write_text(dataset)
        (self.root / "pairs.tsv").write_text("".join(f"w{number}n\tw{number}\n" for number in range(20)))
        (here / "sleep.py").write_text(SLEEP)
        (self.root / "clock" / "sitecustomize.py").write_text(SITE)
        (self.bin / "sbatch").write_text(SBATCH.replace("{real}", self.cluster.run("which", "sbatch").strip()))
        (self.bin / "sbatch").chmod(0o755)
        self.log = self.root / "log"

    @property
    def bin(self) -> Path:
        """Where the sbatch is that writes down when it is called."""
        return self.root / "bin"

    @property
    def calls(self) -> Path:
        """What that one has written."""
        return self.log.with_suffix(".sbatch")

    def environment(self, **more: str) -> dict[str, str]:
        """What a shell of the user has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OF_USERS)}
        own = {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "PYTHONPATH": str(self.root / "clock"), "BENCH_LOG": str(self.log),
            "BENCH_SBATCH": str(self.calls), "DAISY_PROJECT": str(self.root), "BENCH_KILL_AFTER": "0",
        }  # fmt: skip
        return {**kept, **self.cluster.environment, **own, **more}

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """`python -m daisy -m framework=sleeper ...`, left running."""
        command = [sys.executable, "-m", "daisy", "-m", "env=slurm", "framework=sleeper", "dataset=tiny", *words]
        return self.popen(command, **more)

    def popen(self, command: Sequence[str], **more: str) -> "subprocess.Popen[str]":
        """Any command in the user's shell."""
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment(**more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def launch(self, *words: str, **more: str) -> float:
        """Launch and wait for the prompt; the seconds. Says what was printed and ends where that fails."""
        began = time.monotonic()
        process = self.start(*words, **more)
        self.said, _ = process.communicate(timeout=PATIENCE)
        if process.returncode:
            sys.exit(f"daisy -m {' '.join(words)} ended with {process.returncode}:\n{self.said}")
        return time.monotonic() - began

    def queue(self, *columns: str) -> list[list[str]]:
        """Columns of all jobs in Slurm's queue."""
        told = self.cluster.run("squeue", "--array", "--noheader", "--format", "|".join(columns))
        return [line.split("|") for line in told.splitlines()]

    def ended(self) -> None:
        """Wait until no job is in the queue."""
        until = time.monotonic() + PATIENCE
        while self.queue("%i"):
            if time.monotonic() > until:
                sys.exit(f"jobs are in the queue still after {PATIENCE:.0f} s: {self.queue('%i', '%T', '%r')[:5]}")
            time.sleep(0.5)

    def cancel_all(self) -> None:
        """End all jobs."""
        while jobs := [row[0] for row in self.queue("%A")]:
            with suppress(ClusterError):
                self.cluster.run("scancel", "--quiet", *jobs)
            time.sleep(0.5)

    def marks(self, log: Path | None = None) -> list[Mark]:
        """What the jobs have written, by time."""
        rows = [line.split() for line in (log or self.log).read_text().splitlines()]
        return sorted((Mark(row[0], row[1], row[2], float(row[3]), row[4:]) for row in rows), key=lambda mark: mark.at)


class Poll:
    """Asks squeue every half second how many jobs run."""

    def __init__(self, project: BenchProject) -> None:
        self.counts: list[int] = []
        self._project, self._over = project, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Poll":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.5):
            self.counts.append(sum(row[0] in ("RUNNING", "COMPLETING") for row in self._project.queue("%T")))


def spans_of(marks: Sequence[Mark], role: str) -> list[tuple[float, float]]:
    """When each of a kind began and ended. What was killed could not say so: it ended with its job, or with that's last word."""
    spans = []
    for own in by_job(marks).values():
        begin = next((mark.at for mark in own if (mark.role, mark.what) == (role, "begin")), None)
        end = next((mark.at for mark in own if (mark.role, mark.what) == (role, "end")), own[-1].at)
        if begin is not None:
            spans.append((begin, end))
    return spans


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """How many of them there were at the same moment, at most."""
    changes = sorted([(end, -1) for _, end in spans] + [(begin, 1) for begin, _ in spans])
    return max(itertools.accumulate(change for _, change in changes))


def load() -> str:
    """How busy the machine is: the load average, of one minute."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(row)} |", flush=True)


def by_job(marks: Sequence[Mark]) -> Mapping[str, list[Mark]]:
    """Those of each job."""
    found: dict[str, list[Mark]] = {}
    for mark in marks:
        found.setdefault(mark.job, []).append(mark)
    return found
