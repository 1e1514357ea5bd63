"""How long `daisy list` and `daisy show` take with many models: whole commands, wall seconds.

    make bench-list

Medians of several runs. *Cold* is without an index (the files are in the machine's memory all the same), *warm* with one. Of a
hundred models 88 are done, 5 failed, 5 were stopped, 2 were killed. No bar is checked here.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from daisy.files import read_json, write_json
from daisy.registry import read

COUNTS = (400, 10_000)
RUNS = 7
COMMANDS = (["list"], ["list", "--last", "5"], ["list", "--json", "--last", "5"], ["show", "-1"])
DAISY = [sys.executable, "-m", "daisy"]
STATES = ["failed"] * 5 + ["stopped"] * 5 + ["running"] * 2 + ["done"] * 88  # as written; the process of each is gone
SETTLED_AFTER = 2.5  # seconds: what changed a moment ago is not kept in an index


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command would compile Daisy anew
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "project"
        subprocess.run([*DAISY, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
        os.environ["DAISY_PROJECT"] = str(root)
        subprocess.run([*DAISY, "framework=arcadio", "train.epochs=5"], cwd=root, check=True, stdout=subprocess.DEVNULL)
        print("| models | command | cold | warm |\n|---|---|---|---|")
        for count in COUNTS:
            fill(root / "models", count)
            for command in COMMANDS:
                cold, warm = (median(root, command, with_index) for with_index in (False, True))
                print(f"| {count:,} | `daisy {' '.join(command)}` | {cold:.3f} | {warm:.3f} |", flush=True)
        bare = statistics.median(seconds([sys.executable, "-c", "import rich.console, typer"], root) for _ in range(RUNS))
        print(f"\n{states(root / 'models')}; of each figure a Python with rich and typer alone takes {bare:.3f}")


def fill(models: Path, count: int) -> None:
    """Copies of the newest model, older than it, until there are so many."""
    pattern = max(models.glob("r*"))
    began, _, rest = pattern.name.partition("__")
    for number in range(len(list(models.glob("r*"))), count):
        copy = models / f"r{int(began[1:]) - 60 * number}__{rest}"
        shutil.copytree(pattern, copy, ignore=shutil.ignore_patterns("model_out", "predictions"))
        state = STATES[number % len(STATES)]
        if state != "done":
            result = copy / "daisy" / "result.json"
            write_json(result, {**read_json(result), "state": state, "accuracy": None})
    time.sleep(SETTLED_AFTER)


def median(root: Path, command: Sequence[str], with_index: bool) -> float:
    """The median of several runs."""
    read(root / "models")
    runs = []
    for _ in range(RUNS):
        if not with_index:
            for index in (root / "models").glob(".models*"):
                index.unlink()
        runs.append(seconds([*DAISY, *command], root))
    return statistics.median(runs)


def seconds(command: Sequence[str], cwd: Path) -> float:
    """One run."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def states(models: Path) -> str:
    """How many models there are by state."""
    found = [row.state for row in read(models).rows]
    return ", ".join(f"{found.count(state)} {state}" for state in sorted(set(found)))


if __name__ == "__main__":
    main()
