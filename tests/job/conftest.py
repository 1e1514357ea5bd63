"""A framework for tests, the puppet, and what is needed to watch real processes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support import heed_signals

PUPPET = Path(__file__).parent / "puppet"
DEFAULTS: dict[str, Any] = {
    "acts": [],  # [EPOCH, VERB, ARGUMENT ...] before an epoch, epoch -1 is the end
    "predict": [],  # the same before predicting; epoch 0 is any
    "form": [],
    "before_saving": [],  # the same when an epoch's figures are told and its checkpoint is not yet there
    "curve": [],  # what it says of itself after each epoch: its accuracy on the dev set; of later epochs it says nothing
    "correct": [],  # right answers after each epoch; else as many as epochs
    "predictions": "all",
    "program": "python",
    "saves": True,
}
LIMIT = 60.0  # seconds: for a machine that has much else to do


def wait_until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for a condition, as long as it takes; its value."""
    until = time.monotonic() + LIMIT
    while not (value := condition()):
        assert time.monotonic() < until, f"never came: {what or condition}"
        time.sleep(0.01)
    return value


def processes(marker: Path) -> list[int]:
    """The living processes with a path in their command line; a guard has it too, Daisy has not."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.fsencode(marker) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@dataclass
class Seen:
    """An observer that keeps what it is told."""

    stages: list[str] = field(default_factory=list)
    last: Any = None
    calls: int = 0

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def training(self, training: Any) -> None:
        self.last, self.calls = training, self.calls + 1

    def over(self) -> None:
        return


@dataclass
class Theatre:
    """A project with puppets, and a hand on what they wait for."""

    project: Any
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def gates(self) -> Path:
        return self.project.root / "gates"

    def puppet(self, name: str = "puppet", **options: Any) -> None:
        """Write a puppet's adapter, script and options into the project."""
        unknown = options.keys() - DEFAULTS.keys()
        assert not unknown, unknown
        plan = {**DEFAULTS, "gates": str(self.gates), **options}
        companion = {"act.py": (PUPPET / "act.py").read_text()}
        self.project.add_framework(name, (PUPPET / "adapter.py").read_text(), companion, json.dumps(plan))

    def daisy(self, *arguments: str, **more: Any) -> Any:
        """`daisy framework=puppet dataset=tiny ...` or a verb, to its end."""
        return self.project.daisy(*self._words(arguments), **more)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same, left running; ended after the test in any case."""
        process = self.project.start(*self._words(arguments))
        self.started.append(process)
        return process

    def run(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Any command, as `start` does."""
        process = subprocess.Popen(
            command,
            cwd=self.project.root,
            env=self.project.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=heed_signals,
        )
        self.started.append(process)
        return process

    @staticmethod
    def _words(arguments: tuple[str, ...]) -> tuple[str, ...]:
        if arguments and "=" not in arguments[0]:
            return arguments
        return ("framework=puppet", "dataset=tiny", "train.epochs=3", *arguments)

    def here(self, *overrides: str, judge: Any = None) -> tuple[Any, Any, Seen]:
        """Train in this process, the framework in its own: folder, outcome, what an observer saw."""
        from daisy import job
        from daisy.configuration import find_project
        from daisy.configuration.compose import compose
        from daisy.folder import ModelFolder
        from daisy.launch.planning import plan
        from daisy.launch.starting import start

        project = find_project(self.project.root, {})
        seen = Seen()
        planned = plan(project, compose(project, self._words(overrides), self.project.root), seen.stage)
        launched = start(planned)
        assert launched.attempt is not None
        folder = ModelFolder(launched.folder.path)
        return folder, job.run(folder, launched.attempt, project, seen, judge=judge), seen

    @property
    def model(self) -> Any:
        """The only model."""
        from daisy.folder import ModelFolder

        (path,) = self.project.models()
        return ModelFolder(path)

    def open(self, gate: str) -> None:
        """Let puppets through."""
        self.gates.mkdir(exist_ok=True)
        (self.gates / gate).touch()

    def reached(self, gate: str) -> None:
        """Wait until a puppet has touched something."""
        wait_until((self.gates / gate).exists, gate)

    def nobody_is_left(self) -> None:
        """No process of the framework's goes on."""
        wait_until(lambda: not processes(self.project.root), f"processes {processes(self.project.root)}")

    def metrics(self) -> list[dict[str, Any]]:
        """metrics.jsonl; each line must be whole."""
        return [json.loads(line) for line in self.model.metrics.read_text().splitlines()]


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """The exit code and what was printed."""
    out, _ = process.communicate(timeout=LIMIT)
    return process.returncode, out.decode()


@pytest.fixture
def theatre(project: Any) -> Iterator[Theatre]:
    """A project with a puppet that does nothing special."""
    theatre = Theatre(project)
    theatre.puppet()
    yield theatre
    for process in theatre.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def wait() -> Callable[..., Any]:
    """wait_until."""
    return wait_until


@pytest.fixture
def ended() -> Callable[[subprocess.Popen[bytes]], tuple[int, str]]:
    """finish."""
    return finish


@pytest.fixture
def alive_with() -> Callable[[Path], list[int]]:
    """processes."""
    return processes
