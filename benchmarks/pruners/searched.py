"""One search with a pruner, in a project made for it, and what its models' folders say afterwards."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pruners import curves

NOT_OF_USERS = ("DAISY_", "SLURM_", "PYTHONDONTWRITEBYTECODE")  # with the last one each process would compile Daisy anew
FRAMEWORK = """
name: planted
adapter: command
version: "1"
options: {field: many, curve: 0.5, seconds: 0.05}
train: python {here}/curves.py train {model_out} {options.field} {options.curve} {train.epochs} {options.seconds}
predict: python {here}/curves.py predict {model_out} {source} {output}
progress:
  epoch: 'epoch (\\d+)'
  dev_accuracy: 'dev_accuracy (\\S+)'
epoch_done: 'epoch \\d+ done'
saved_epoch: 'saved epoch (\\d+)'
checkpoint: {best: model.txt, last: model.txt}
"""


WITH_OPTIONS = {"patient+": {"name": "patient", "min_delta": 0.02}}  # what is less than the noise is no gain


@dataclass(frozen=True)
class Model:
    """A model of a search. `judged`: its epochs until the pruner's word, all without one; `trained`: also those after it."""

    state: str
    values: Mapping[str, Any]
    accuracy: float
    judged: int
    trained: int
    seconds: float

    @property
    def curve(self) -> tuple[str, float]:
        """Which learning curve was planted: its field, its number there."""
        options = self.values["framework"]["options"]
        return str(options["field"]), float(options["curve"])


@dataclass(frozen=True)
class Searched:
    """One search that has run: its seconds until the prompt, and its models in the order in which they began."""

    pruner: str
    wall: float
    models: Sequence[Model]

    @property
    def epochs(self) -> int:
        """Until the pruner's word, of all models."""
        return sum(model.judged for model in self.models)

    @property
    def best(self) -> float:
        """The accuracy of the best model that was trained to its end."""
        return max((model.accuracy for model in self.models if model.state == "done"), default=0.0)

    def count(self, state: str) -> int:
        """Models of a state."""
        return sum(model.state == state for model in self.models)


@dataclass(frozen=True)
class Project:
    """A project of the benchmark's own."""

    root: Path

    def make(self) -> None:
        """Put it there, with the framework of planted curves."""
        subprocess.run([sys.executable, "-m", "daisy", "init", str(self.root)], check=True, stdout=subprocess.DEVNULL)
        here = self.root / "frameworks" / "planted"
        for folder in (here, self.root / "conf" / "framework", self.root / "conf" / "dataset", self.root / "sweeps"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / "conf" / "framework" / "planted.yaml").write_text(FRAMEWORK)
        dataset = "defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\ntest: pairs.tsv\n"
        (self.root / "conf" / "dataset" / "pairs.yaml").write_text(dataset)
        (self.root / "pairs.tsv").write_text("".join(f"w{number}n\tw{number}\n" for number in range(curves.EXAMPLES)))
        shutil.copyfile(Path(curves.__file__), here / "curves.py")

    def search(self, name: str, base: str, node: Mapping[str, Any], *words: str) -> Searched:
        """Launch it, with models of its own; ends the program where that fails."""
        pruner = str(node["pruner"])
        node = {**node, "pruner": WITH_OPTIONS.get(pruner, pruner)}
        models = self.root / f"models-{name}-{pruner}"
        file = f"# {name}, pruner {pruner}\n{base}sweep: {json.dumps({'kind': 'search', **node})}\n"
        (self.root / "sweeps" / f"{name}.yaml").write_text(file)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(NOT_OF_USERS)}
        own = {"DAISY_PROJECT": str(self.root), "DAISY_SLOTS_DIR": str(self.root / "slots")}
        command = [sys.executable, "-m", "daisy", "-m", f"+sweep={name}", f"env.models_dir={models}", *words]
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=self.root, env={**kept, **own}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"daisy {' '.join(command[3:])} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        found = [_read(path) for path in sorted(models.glob("r*/daisy"))]
        return Searched(pruner, time.monotonic() - began, found)


def _read(daisy: Path) -> Model:
    result = json.loads((daisy / "result.json").read_text())
    values = json.loads((daisy / "config.json").read_text())["configuration"]
    lines = [json.loads(line) for line in (daisy / "metrics.jsonl").read_text().splitlines()]
    trained = max((int(line["epoch"]) for line in lines if "dev_accuracy" in line), default=0)
    judged = int(result["pruned_at"]["step"]) if result["state"] == "pruned" else trained
    return Model(result["state"], values, result.get("accuracy") or 0.0, judged, trained, result["stages"].get("train", 0.0))
