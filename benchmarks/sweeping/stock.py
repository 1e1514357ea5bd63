"""The stock stack: a Hydra app with hydra-optuna-sweeper and hydra-submitit-launcher, which asks for trials in batches."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launching.project import load

from sweeping.lengths import Ran, read
from sweeping.sleeping import PARAMETERS, PROGRAM, environment, prepared

APP = """
from pathlib import Path
import hydra
from sleeping import sleep_next, value

@hydra.main(version_base=None, config_path={here!r}, config_name="stock")
def main(config):
    sleep_next(Path(config.folder))
    return value(config.x, config.y, config.kind)

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: optuna
  - override hydra/launcher: {launcher}
folder: ???
x: 0.5
y: 0.5
kind: a
hydra:
  sweeper:
    direction: maximize
    n_jobs: {slots}
    sampler: {{seed: 1}}
    params:
{params}
  launcher: {{timeout_min: 60, cpus_per_task: 1, mem_gb: 1{more}}}
"""


@dataclass(frozen=True)
class Stock:
    """It, in its own Python; on Slurm where there is what finds one."""

    root: Path
    python: Path
    slurm: dict[str, str]
    slots: int

    def make(self) -> None:
        """Put the app there, and run it once."""
        self.root.mkdir(parents=True)
        params = "\n".join(f"      {name}: {space}" for name, space in PARAMETERS.items())
        launcher, more = ("submitit_slurm", f", array_parallelism: {self.slots}") if self.slurm else ("submitit_local", "")
        (self.root / "stock.yaml").write_text(CONFIG.format(launcher=launcher, slots=self.slots, params=params, more=more))
        (self.root / "app.py").write_text(APP.format(here=str(self.root)))
        (self.root / "sleeping.py").write_text(PROGRAM)
        self.search("warm", [0.0])

    def search(self, name: str, lengths: Sequence[float]) -> Ran:
        """Search with so many trials as there are lengths."""
        folder = self.root / name
        log = prepared(folder, lengths)
        words = [f"folder={folder}", f"hydra.sweeper.n_trials={len(lengths)}", f"hydra.sweep.dir={folder}/sweep"]
        before, began = load(), time.time()
        done = subprocess.run(
            [self.python, self.root / "app.py", "-m", *words], cwd=self.root, env=environment(self.slurm),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"the stock stack ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return read(log, time.time() - began, before, lengths)
