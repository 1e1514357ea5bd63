"""A real model of every framework, side by side: sets them up, trains each for the same time, prints a table.

    python benchmarks/frameworks.py [--environments DIR] [--nematus CHECKOUT] [--seconds 120] [--only NAME ...] [OVERRIDE ...]

The table is also written into docs/frameworks.md; with --only the rows of other frameworks stay as they are there. The exit code
is 1 where a framework could not be set up or trained.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs" / "frameworks.md"
BEGIN, END = "<!-- table of real runs: begin -->", "<!-- end -->"
RUNS = (
    ("suffix", ""),
    ("arcadio", "conv"),
    ("arcadio", "rnn"),
    ("nematus", "conv"),
    ("nematus", "rnn"),
    ("nematus", "transformer"),
    ("fairseq", "conv"),
    ("fairseq", "rnn"),
    ("fairseq", "transformer"),
    ("tensor2tensor", "transformer"),
    ("marian", "rnn"),
    ("marian", "transformer"),
    ("joeynmt", "rnn"),
    ("joeynmt", "transformer"),
)


@dataclass(frozen=True)
class Row:
    """One model of the table."""

    framework: str
    architecture: str
    version: str
    epochs: str
    train: str
    validate: str
    accuracy: str

    def cells(self) -> tuple[str, ...]:
        """As they stand in the table."""
        return (self.framework, self.architecture or "-", self.version, self.epochs, self.train, self.validate, self.accuracy)


def main() -> None:
    flags = argparse.ArgumentParser()
    flags.add_argument("--environments", type=Path, default=Path("environments"))
    flags.add_argument("--nematus", type=Path)
    flags.add_argument("--seconds", type=float, default=120.0)
    flags.add_argument("--only", nargs="*", default=None)
    flags.add_argument("overrides", nargs="*")
    arguments = flags.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        daisy(Path(folder), "init", str(project))
        env = project / "conf" / "env" / "local.yaml"
        text = env.read_text().replace("environments_dir: environments", f"environments_dir: {arguments.environments.resolve()}")
        env.write_text(text)
        wanted = [run for run in RUNS if not arguments.only or run[0] in arguments.only]
        failures = {
            framework: set_up(project, framework, arguments.nematus) for framework in dict.fromkeys(name for name, _ in wanted)
        }
        rows = []
        for framework, architecture in wanted:
            print(f"{framework} {architecture} ...", file=sys.stderr, flush=True)
            if why := failures[framework]:
                rows.append(Row(framework, architecture, why, "-", "-", "-", "-"))
            else:
                rows.append(trained(project, framework, architecture, arguments.seconds, arguments.overrides))
    table = as_table(rows if not arguments.only else merged(rows))
    print(table)
    keep(table, arguments.seconds)
    sys.exit(any(row.accuracy == "-" for row in rows))


def daisy(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Daisy in a folder."""
    return subprocess.run([sys.executable, "-m", "daisy", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def set_up(project: Path, framework: str, nematus: Path | None) -> str:
    """`daisy setup`; why it failed, nothing where it did not."""
    source = ["--source", str(nematus.resolve())] if nematus is not None and framework == "nematus" else []
    done = daisy(project, "setup", framework, *source)
    print(done.stdout + done.stderr, file=sys.stderr, flush=True)
    return "" if done.returncode == 0 else f"not set up: {done.stderr.strip().splitlines()[-1][:120]}"


def trained(project: Path, framework: str, architecture: str, seconds: float, overrides: list[str]) -> Row:
    """One model on cs/finnish."""
    chosen = [f"architecture={architecture}"] if architecture else []
    limit = [f"train.seconds={seconds:g}"] if architecture else []
    done = daisy(project, f"framework={framework}", "dataset=cs/finnish", *chosen, *limit, *overrides)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        why = next((line for line in lines if line.strip().startswith(("failed", "daisy:"))), "failed").strip()
        return Row(framework, architecture, why[:120], "-", "-", "-", "-")
    folder = max(
        (path for path in (project / "models").iterdir() if path.name.startswith("r")), key=lambda path: path.stat().st_mtime
    )
    result = json.loads((folder / "daisy" / "result.json").read_text())
    config = json.loads((folder / "daisy" / "config.json").read_text())
    measures = [json.loads(line) for line in (folder / "daisy" / "metrics.jsonl").read_text().splitlines()]
    epochs = max((entry["epoch"] for entry in measures if entry.get("epoch") is not None), default=None)
    stages = result["stages"]
    return Row(
        framework,
        architecture,
        str(config["versions"][framework]),
        "-" if epochs is None else str(epochs),
        f"{stages['train']:.0f} s",
        f"{stages['validate']:.0f} s",
        f"{result['accuracy']:.1%}",
    )


def merged(rows: list[Row]) -> list[Row]:
    """The rows, and those of the table in the docs that they do not replace, in the order of RUNS."""
    kept = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].splitlines()
    cells = [line.strip("| ").split(" | ") for line in kept if line.startswith("| ")]
    found = {(cell[0], cell[1]): Row(*cell) for cell in cells[1:]}
    found |= {row.cells()[:2]: row for row in rows}
    return [found[key] for name, architecture in RUNS if (key := (name, architecture or "-")) in found]


def as_table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [
        "| framework | architecture | version | epochs | training | validation | accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row.cells())} |" for row in rows)])


def keep(table: str, seconds: float) -> None:
    """Put the table into the docs."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    told = f"cs/finnish, {seconds:g} seconds of training each, Python {platform.python_version()}, {date.today().isoformat()}:"
    PAGE.write_text(f"{head}{BEGIN}\n{told}\n\n{table}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
