"""Daisy's search: every job asks for its own trial."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launching.project import Cluster, load

from sweeping.lengths import Ran, read
from sweeping.sleeping import PARAMETERS, PROGRAM, environment, prepared

EXAMPLES = 1000
FRAMEWORK = """
name: trial
adapter: command
version: "1"
options: {x: 0.5, y: 0.5, kind: a, run: warm}
train: python {here}/trial.py train {model_out} {options.x} {options.y} {options.kind} {options.run}
predict: python {here}/trial.py predict {model_out} {source} {output}
progress:
  epoch: 'epoch (\\d+)'
checkpoint:
  best: "*.txt"
  last: "*.txt"
"""
TRIAL = """
import os, sys
from pathlib import Path
from sleeping import sleep_next, value
out = Path(sys.argv[2])
if sys.argv[1] == "predict":
    right, lines = int((out / "model.txt").read_text()), Path(sys.argv[3]).read_text().splitlines()
    lemmas = [line.removesuffix(" n") if number < right else "x" for number, line in enumerate(lines)]
    Path(sys.argv[4]).write_text("".join(f"{lemma}\\n" for lemma in lemmas))
    sys.exit()
sleep_next(Path(os.environ["BENCH_FOLDER"]))
x, y, kind = sys.argv[3:6]
(out / "model.txt").write_text(str(round(EXAMPLES * value(float(x), float(y), kind))))
print("epoch 1", flush=True)
"""
SWEEP = """
# A search
defaults: [{{override /framework: trial}}, {{override /dataset: tiny}}, {{override /env: bench}}]
sweep: {{kind: search, sampler: {{name: tpe, seed: 1}}, trials: 1, space: {{{space}}}}}
"""
SLURM = """
slurm:
  name: bench
  array_parallelism: ${env.max_running}
  timeout_min: 60
  cpus_per_task: 1
  mem_gb: 1
"""


@dataclass(frozen=True)
class Daisys:
    """A project whose models are the trials; on Slurm where there is a cluster."""

    root: Path
    cluster: Cluster | None
    slots: int

    def make(self) -> None:
        """Put the project there, and search once: the code is copied and compiled then, and the dataset prepared."""
        subprocess.run([sys.executable, "-m", "daisy", "init", str(self.root)], check=True, stdout=subprocess.DEVNULL)
        here = self.root / "frameworks" / "trial"
        for folder in (here, *(self.root / "conf" / name for name in ("framework", "dataset", "env")), self.root / "sweeps"):
            folder.mkdir(parents=True, exist_ok=True)
        env = f"defaults: [local, _self_]\nmax_running: {self.slots}\n{SLURM if self.cluster is not None else ''}"
        space = ", ".join(f"framework.options.{name}: '{values}'" for name, values in PARAMETERS.items())
        dataset = "defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\ntest: pairs.tsv\n"
        (self.root / "conf" / "framework" / "trial.yaml").write_text(FRAMEWORK)
        (self.root / "conf" / "dataset" / "tiny.yaml").write_text(dataset)
        (self.root / "conf" / "env" / "bench.yaml").write_text(env)
        (self.root / "sweeps" / "bench.yaml").write_text(SWEEP.format(space=space).lstrip())
        (self.root / "pairs.tsv").write_text("".join(f"w{number}n\tw{number}\n" for number in range(EXAMPLES)))
        (here / "sleeping.py").write_text(PROGRAM)
        (here / "trial.py").write_text(TRIAL.replace("EXAMPLES", str(EXAMPLES)))
        self.search("warm", [0.0])

    def search(self, name: str, lengths: Sequence[float]) -> Ran:
        """Search with so many trials as there are lengths; until no job is in the queue. Each name has models of its own."""
        log = prepared(self.root / "runs" / name, lengths)
        finds = self.cluster.environment if self.cluster is not None else {}
        own = {"DAISY_PROJECT": str(self.root), "DAISY_SLOTS_DIR": str(self.root / "slots"), "BENCH_FOLDER": str(log.parent)}
        words = ["-m", "+sweep=bench", f"sweep.trials={len(lengths)}", f"framework.options.run={name}"]
        before, began = load(), time.time()
        done = subprocess.run(
            [sys.executable, "-m", "daisy", *words], cwd=self.root, env=environment({**finds, **own}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"daisy {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        while self.cluster is not None and self.cluster.run("squeue", "--noheader"):
            time.sleep(0.2)
        return read(log, time.time() - began, before, lengths)
