"""What Daisy itself costs: processor seconds and memory beside a framework, and how long verbs take.

    make bench-cost

Medians over several runs, whole processes, on the dataset simplemma/finnish. No bar is checked here.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

RUNS = 5
MODELS = 400


def measured(command: Sequence[str], cwd: Path) -> tuple[float, float]:
    """Processor seconds (children's too) and wall seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def median(command: Sequence[str], cwd: Path) -> tuple[float, float]:
    """Medians of `measured`, after one run that warms up."""
    measured(command, cwd)
    runs = [measured(command, cwd) for _ in range(RUNS)]
    return statistics.median(cpu for cpu, _ in runs), statistics.median(wall for _, wall in runs)


def highest_memory(command: Sequence[str], cwd: Path) -> float:
    """The most memory (VmHWM, in MB) that Daisy's own process has while it runs."""
    highest = 0
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                highest = max(highest, int(status.split("VmHWM:")[1].split()[0]))
            except (OSError, IndexError):
                continue
            time.sleep(0.01)
    return highest / 1000


def fill(models: Path, count: int) -> None:
    """Copies of the newest model under other ids."""
    pattern = sorted(path for path in models.iterdir() if not path.name.startswith("."))[-1]
    time_of, _, rest = pattern.name.partition("__")
    for number in range(count - len(list(models.iterdir())) + 1):
        copy = models / f"r{int(time_of[1:]) - 1000 - number}__{rest}"
        shutil.copytree(pattern, copy, ignore=shutil.ignore_patterns("model_out"))


def main() -> None:
    daisy = [sys.executable, "-m", "daisy"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        subprocess.run([*daisy, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
        os.environ["DAISY_PROJECT"] = str(root)
        run = [*daisy, "framework=suffix", "again=true"]
        whole = median(run, root)
        result = next((root / "models").glob("r*/daisy/result.json"))
        command = json.loads(result.read_text())["command"]
        predict = [
            *command[:2], "predict", "--model", command[-1],
            "--source", command[4].replace("train-source", "dev-source"), "--output", str(root / "by-hand"),
        ]  # fmt: skip
        train_alone, predict_alone = median(command, root), median(predict, root)
        alone = train_alone[0] + predict_alone[0]
        memory = highest_memory(run, root)
        fill(root / "models", MODELS)
        listing = median([*daisy, "list"], root)
        bare = median([sys.executable, "-c", "import rich, typer"], root)
    rows = [
        ("daisy framework=suffix, processor seconds", whole[0]),
        ("suffix by hand, processor seconds", alone),
        ("Daisy's own, processor seconds", whole[0] - alone),
        ("Daisy's own process, most memory, MB", memory),
        (f"daisy list, {MODELS} models, wall seconds", listing[1]),
        ("python -c 'import rich, typer', wall seconds", bare[1]),
        ("the difference, wall seconds", listing[1] - bare[1]),
    ]
    for name, value in rows:
        print(f"{name:<50} {value:8.2f}")


if __name__ == "__main__":
    main()
