"""A framework that sleeps, and what was launched of it: for tests of sweeps here and on Slurm."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import DaisyProject

from daisy.folder import SweepFolder, sweeps

LIMIT = 120.0  # seconds: for a machine that has much else to do
YAML = """
name: sleeper
adapter: command
version: "1"
options:
  seconds: 0.5
  fails: false
train: python {here}/sleep.py train {model_out} {options.seconds} {seed} {options.fails}
predict: python {here}/sleep.py predict {source} {output}
resume: "--again"
progress:
  epoch: 'epoch (\\d+)'
epoch_done: 'epoch \\d+ done'
checkpoint:
  best: "*.txt"
  last: "*.txt"
"""
PROGRAM = """
import os, shutil, sys, time
from pathlib import Path
if sys.argv[1] == "predict":
    shutil.copyfile(sys.argv[2], sys.argv[3])
    sys.exit()
out, seconds, seed, fails = Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5] == "true"
log = Path(os.environ.get("SLEEPER_LOG", "/dev/null"))
with log.open("a") as file:
    file.write(f"begin {seed} {time.monotonic()} {os.environ.get('OMP_NUM_THREADS')} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
again = "--again" in sys.argv
print("again" if again else "anew", "VERSION 1", flush=True)
(out / "model.txt").write_text("1")
print("epoch 1", flush=True)
end = time.monotonic() + seconds
while time.monotonic() < end and not Path(os.environ.get("SLEEPER_GATE", "/nonexistent")).exists():
    time.sleep(0.02)
if fails:
    sys.exit("ERROR: this is no good")
print("epoch 1 done", flush=True)
with log.open("a") as file:
    file.write(f"end {seed} {time.monotonic()}\\n")
"""


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, as long as it takes; its value."""
    until = time.monotonic() + LIMIT
    while not (value := condition()):
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.02)
    return value


@dataclass
class Launched:
    """A project with the framework `sleeper`, and what was launched in it."""

    project: DaisyProject
    log: Path
    gate: Path
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Where the sleepers say when they begin and end, and what lets all of them end."""
        return {"SLEEPER_LOG": str(self.log), "SLEEPER_GATE": str(self.gate)}

    def words(self, *more: str) -> tuple[str, ...]:
        """`-m framework=sleeper dataset=tiny ...`."""
        return ("-m", "framework=sleeper", "dataset=tiny", *more)

    def run(self, *more: str, **options: Any) -> Any:
        """Launch a sweep and wait for its end."""
        return self.project.daisy(*self.words(*more), environment=self.environment, timeout=LIMIT, **options)

    def start(self, *more: str) -> "subprocess.Popen[bytes]":
        """Launch a sweep and leave it running."""
        process = self.project.start(*self.words(*more), environment=self.environment)
        self.started.append(process)
        return process

    def finished(self, process: "subprocess.Popen[bytes]") -> tuple[int, str]:
        """The exit code of one that was left running, and what it printed."""
        out, _ = process.communicate(timeout=LIMIT)
        return process.returncode, out.decode()

    def open(self) -> None:
        """Let all sleepers end."""
        self.gate.touch()

    @property
    def sweeps(self) -> list[SweepFolder]:
        """All sweeps, in the order of submission."""
        return list(sweeps(self.project.root / "models"))

    def results(self) -> dict[int, dict[str, Any]]:
        """result.json of each model, by its seed (the newest model of each)."""
        found = {}
        for path in sorted((self.project.root / "models").glob("r*/daisy/result.json")):
            seed = json.loads((path.parent / "config.json").read_text())["configuration"]["seed"]
            found[seed] = json.loads(path.read_text())
        return found

    def begun(self) -> list[int]:
        """The seeds of the sleepers that have begun, in order."""
        return [int(words[1]) for words in self.told() if words[0] == "begin"]

    def told(self) -> list[list[str]]:
        """What the sleepers have said."""
        return [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def most_at_once(self, *lost: float) -> int:
        """How many sleepers ran at the same moment, at most; those that were `lost` at some time could not say that they end."""
        running = most = 0
        ends = [["end", "lost", str(when)] for when in lost]
        for words in sorted([*self.told(), *ends], key=lambda words: float(words[2])):
            running += 1 if words[0] == "begin" else -1
            most = max(most, running)
        return most


def with_sleeper(project: DaisyProject, folder: Path) -> Launched:
    """A project with the sleeping framework."""
    (project.root / "conf" / "framework" / "sleeper.yaml").write_text(YAML)
    (project.root / "frameworks" / "sleeper").mkdir(parents=True)
    (project.root / "frameworks" / "sleeper" / "sleep.py").write_text(PROGRAM)
    return Launched(project, folder / "log", folder / "gate")


def end_all(launched: Launched) -> None:
    """Let all sleepers end, and kill whatever of the project still runs."""
    launched.open()
    for process in launched.started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if bytes(launched.project.root) in (path / "cmdline").read_bytes():
                os.kill(int(path.name), 9)
        except OSError:
            continue
