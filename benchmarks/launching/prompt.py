"""The seconds until the prompt comes back, beside a stock Hydra app with hydra-submitit-launcher."""

import statistics
import sys
import time
from pathlib import Path

from launching.project import PATIENCE, BenchProject, load, table

RUNS = 3
APP = """
import time
import hydra

@hydra.main(version_base=None, config_path=None, config_name="stock")
def main(config):
    time.sleep(config.seconds)

if __name__ == "__main__":
    main()
"""
STOCK = """
defaults: [_self_, {override hydra/launcher: submitit_slurm}]
seconds: 600
seed: 1
hydra: {launcher: {array_parallelism: 10, timeout_min: 30, cpus_per_task: 1, name: stock}}
"""


def measure(project: BenchProject, models: int) -> None:
    """Print the table. The two take turns; the first run of Daisy prepares the dataset and does not count."""
    stock = project.root / "stock"
    stock.mkdir()
    (stock / "app.py").write_text(APP.replace("config_path=None", f"config_path={str(stock)!r}"))
    (stock / "stock.yaml").write_text(STOCK)
    project.log = project.root / "prompt-warm"
    project.launch("seed=1", f"env.models_dir={project.root}/models-warm")
    project.cancel_all()
    daisy, prompts, stocks, loads = [], [], [], []
    for number in range(RUNS):
        project.log = project.root / f"prompt-{number}"
        loads.append(load())
        began = time.time()
        words = (f"seed=range(1,{models + 1})", f"env.models_dir={project.root}/models-{number}")
        prompts.append(project.launch(*words, "framework.options.least=600", "framework.options.most=601"))
        daisy.append(_called(project.calls) - began)
        project.cancel_all()
        project.log = project.root / f"stock-{number}"
        loads.append(load())
        stocks.append(_stock(project, stock, models))
        project.cancel_all()
    print(f"\nuntil the prompt comes back, {models} models, at most 10 at once; {RUNS} runs, taking turns ({'; '.join(loads)})\n")
    rows = [("daisy: until its first sbatch", daisy), ("daisy: until the prompt", prompts), ("stock: until its sbatch", stocks)]
    told = [[name, f"{statistics.median(runs):.1f}", ", ".join(f"{run:.1f}" for run in runs)] for name, runs in rows]
    table(["", "median s", "all"], [*told, ["stock: until the prompt", "-", "when the last job has ended"]])


def _stock(project: BenchProject, stock: Path, models: int) -> float:
    """Seconds until the stock app has called sbatch; it is ended then."""
    began = time.time()
    words = ["-m", f"seed=range(0,{models})", f"hydra.sweep.dir={project.log}"]
    process = project.popen([sys.executable, str(stock / "app.py"), *words])
    try:
        while not project.calls.exists():
            if process.poll() is not None or time.time() > began + PATIENCE:
                process.kill()
                sys.exit(f"the stock app has not called sbatch: {process.communicate()[0][-2000:]}")
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    return _called(project.calls) - began


def _called(calls: Path) -> float:
    """When sbatch was called first."""
    return float(calls.read_text().split()[3])
