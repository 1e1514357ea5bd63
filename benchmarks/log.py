"""What reading a framework's log costs: a core's share at 100 lines a second, and how fast it can be.

    make bench-log

A framework that only prints trains for ten seconds at a pace; then one prints 300,000 lines as fast as it can.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 10
LINES = 300_000

ADAPTER = """
import re
from daisy.framework import Adapter, Checkpoint, Command, Description, Progress

LINE = re.compile(r"step (\\d+) loss ([0-9.]+)")

class Printer(Adapter):
    def train(self, options, paths, resume):
        return Command.of("python", paths.companion / "printer.py", options["framework.options.pace"],
                          options["framework.options.lines"], paths.model_out / "model")

    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("cp", source, output)

    def read_line(self, line):
        found = LINE.search(line)
        return Progress(step=int(found[1]), measures={"loss": float(found[2])}) if found else None

    def best_checkpoint(self, paths):
        return Checkpoint(paths.model_out / "model")

    def describe(self, paths):
        return Description("1")
"""

PRINTER = """
import sys, time
pace, lines = float(sys.argv[1]), int(sys.argv[2])
began = time.perf_counter()
for number in range(lines):
    print(f"2026-11-22 20:19:20 | INFO | step {number} loss {1 / (number + 1):.6f} words 2827.8 updates 9.25", flush=pace > 0)
    if pace:
        time.sleep(max(0.0, began + (number + 1) / pace - time.perf_counter()))
open(sys.argv[3], "w").write("model")
"""


def make(root: Path) -> None:
    """A project with the printing framework and a dataset of two lines."""
    subprocess.run([sys.executable, "-m", "daisy", "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    (root / "frameworks" / "printer").mkdir()
    (root / "frameworks" / "printer.py").write_text(ADAPTER)
    (root / "frameworks" / "printer" / "printer.py").write_text(PRINTER)
    for folder, text in (("framework/printer", "name: printer\noptions: {pace: 0.0, lines: 1}\n"),
                         ("dataset/two", "defaults: [_files]\ntrain: two.tsv\ndev: two.tsv\n")):  # fmt: skip
        path = root / "conf" / f"{folder}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (root / "two.tsv").write_text("ab\tab\ncd\tcd\n")


def run(root: Path, pace: float, lines: int) -> tuple[float, float, float]:
    """Processor seconds of Daisy's own process, wall seconds of the training, and the most memory in MB."""
    options = [f"framework.options.pace={pace}", f"framework.options.lines={lines}"]
    command = [sys.executable, "-m", "daisy", "framework=printer", "dataset=two", *options]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    newest = max((root / "models").glob("r*/daisy/result.json"), key=lambda path: path.stat().st_mtime)
    result = json.loads(newest.read_text())
    printed = (newest.parent / "run.out").read_bytes().count(b"\n")
    if printed != lines:
        sys.exit(f"{printed} of {lines} lines arrived")
    return usage.ru_utime + usage.ru_stime, result["stages"]["train"], usage.ru_maxrss / 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        make(root)
        base, _, _ = run(root, 0, 1)
        slow, _, _ = run(root, 100, 100 * SECONDS)
        ten_thousand, took, _ = run(root, 10_000, 10_000 * SECONDS)
        fast, wall, memory = run(root, 0, LINES)
    rows = [
        ("100 lines a second: share of a core, %", 100 * (slow - base) / SECONDS),
        ("10,000 lines a second: share of a core, %", 100 * (ten_thousand - base) / took),
        (f"10,000 lines a second for {SECONDS} s: took, s", took),
        ("as fast as it can: lines a second", LINES / wall),
        ("as fast as it can: Daisy's microseconds a line", 1e6 * (fast - base) / LINES),
        ("Daisy's memory then, MB (its children's too)", memory),
    ]
    for name, value in rows:
        print(f"{name:<50} {value:10.1f}")


if __name__ == "__main__":
    main()
