"""A framework that learns epoch by epoch, as its options say; with 13 right it fails."""

from sweep.named_sweeps import Sweeps

RIGHT, RATE, LABEL = "framework.options.right", "framework.options.rate", "framework.options.label"
BASE = "defaults: [{override /framework: curved}, {override /dataset: tiny}]\ntrain: {epochs: 4}\n"
YAML = """
name: curved
adapter: command
version: "1"
options: {right: 3, rate: 0.01, label: none}
train: python {here}/curved.py train {model_out} {options.right} {train.epochs} {options.rate} {options.label} {seed}
predict: python {here}/curved.py predict {model_out} {source} {output}
measures: {dev_accuracy: maximize}
progress:
  epoch: 'epoch (\\d+)'
  loss: 'loss (\\S+)'
  dev_accuracy: 'dev (\\S+)'
epoch_done: 'epoch \\d+ done'
checkpoint: {best: "*.txt", last: "*.txt"}
"""
PROGRAM = """
import os, sys, time
from pathlib import Path
out = Path(sys.argv[2])
if sys.argv[1] == "predict":
    right, lines = int((out / "model.txt").read_text()), Path(sys.argv[3]).read_text().splitlines()
    lemmas = [line.removesuffix(" n").removesuffix(" s s a") if number < right else "x" for number, line in enumerate(lines)]
    Path(sys.argv[4]).write_text("".join(f"{lemma}\\n" for lemma in lemmas))
    sys.exit()
right, epochs = int(sys.argv[3]), int(sys.argv[4])
if right == 13:
    sys.exit("RuntimeError: CUDA out of memory")
(out / "model.txt").write_text(str(right))
for epoch in range(1, epochs + 1):
    while not Path(os.environ["SLEEPER_GATE"]).exists():
        time.sleep(0.05)
    time.sleep(0.15)
    print(f"epoch {epoch} done loss {2 - right / 20 - epoch / 10:.4f} dev {right / 18 * epoch / epochs:.4f}", flush=True)
"""


def with_curved(sweeps: Sweeps) -> Sweeps:
    """The same project with this framework."""
    root = sweeps.launched.project.root
    (root / "conf" / "framework" / "curved.yaml").write_text(YAML)
    (root / "frameworks" / "curved").mkdir(parents=True)
    (root / "frameworks" / "curved" / "curved.py").write_text(PROGRAM)
    return sweeps
