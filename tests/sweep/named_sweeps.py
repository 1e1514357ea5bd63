"""A project with named sweeps of a framework whose accuracy follows from an option, and what is asked of it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from foreign_sweeper import EXAMPLES, PROGRAM, YAML
from sleeper import Launched

BASE = "defaults: [{override /framework: graded}, {override /dataset: tiny}]\n"


@dataclass
class Sweeps:
    """What is launched with `-m +sweep=NAME`."""

    launched: Launched

    def __post_init__(self) -> None:
        root = self.launched.project.root
        (root / "conf" / "framework" / "graded.yaml").write_text(YAML)
        (root / "frameworks" / "graded").mkdir(parents=True)
        (root / "frameworks" / "graded" / "graded.py").write_text(PROGRAM)

    def write(self, name: str, definition: str, base: str = BASE) -> None:
        """A file in sweeps/, with what its node says and what is beside it."""
        path = self.launched.project.root / "sweeps" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# About {name}\n{base}sweep: {definition}\n")

    def daisy(self, *words: str) -> Any:
        """A command."""
        return self.launched.project.daisy(*words, environment=self.launched.environment)

    def launch(self, name: str, *more: str) -> Any:
        """`-m +sweep=NAME ...`, to its end."""
        return self.daisy("-m", f"+sweep={name}", *more)

    def dies_after(self, method: str, *words: str) -> None:
        """A command whose process is gone right after it has called this method of SweepFolder for the first time."""
        program = (
            f"import os; from daisy.folder import SweepFolder; before = SweepFolder.{method}\n"
            "def and_die(self, *arguments): before(self, *arguments); os._exit(9)\n"
            f"SweepFolder.{method} = and_die\n"
            "from daisy.cli import main; main()"
        )
        project = self.launched.project
        environment = project.environment(self.launched.environment)
        command = [sys.executable, "-c", program, *words]
        assert subprocess.run(command, cwd=project.root, env=environment, stdin=subprocess.DEVNULL).returncode == 9

    def planned(self, name: str, *more: str) -> list[str]:
        """The config ids that `--dry-run` tells."""
        done = self.launch(name, *more, "--dry-run")
        assert done.code == 0, done.err
        return [line.split()[2] for line in done.out.splitlines() if line[:1].isdigit() or line[:2].strip().isdigit()][:-1]

    def trained(self) -> list[tuple[int, int]]:
        """Option and seed of each model, in the order in which they began."""
        found = []
        for path in self.launched.project.models():
            values = json.loads((path / "daisy" / "config.json").read_text())["configuration"]
            found.append((values["framework"]["options"]["right"], values["seed"]))
        return found

    def compared(self, sweep: str = "-1") -> list[dict[str, Any]]:
        """What `daisy sweep SWEEP --json` tells of each base."""
        done = self.daisy("sweep", sweep, "--json")
        assert done.code == 0, done.err
        told: list[dict[str, Any]] = json.loads(done.out)["compared"]
        return told


def share(right: int) -> float:
    """The accuracy of a model with so many right."""
    return round(right / EXAMPLES, 6)
