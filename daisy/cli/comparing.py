"""`daisy sweep SWEEP` and `daisy sweeps --available`: what a named sweep compares, and which there are."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Group
from rich.text import Text

from daisy.cli.listing import look
from daisy.cli.screen import console
from daisy.configuration import Project
from daisy.errors import ModelError
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.monitor.columns import lines
from daisy.monitor.comparison import columns, compare
from daisy.sweep import Origin


def print_available(project: Project, as_data: bool) -> None:
    """The named sweeps of a project, each with the first line of its file."""
    found = {name: first_comment(path) for name, path in project.sweeps().items()}
    if as_data:
        sys.stdout.write(json.dumps([{"name": name, "says": says} for name, says in found.items()], indent=2) + "\n")
        return
    out = console()
    if not found:
        out.print(Text("there are no named sweeps here: write one into sweeps/NAME.yaml"), soft_wrap=True)
        return
    width = max(map(len, found))
    for name, says in found.items():
        out.print(Text.assemble((f"{name:<{width}}", "bold"), f"  {visible(says)}"), soft_wrap=True)
    how = "`daisy -m +sweep=NAME` launches one, with --dry-run it only says what would be trained"
    out.print(Text(f"\n{how}", style="dim"), soft_wrap=True)


def first_comment(path: Path) -> str:
    """The first line of comment in a file, without its mark; empty where it has none."""
    for line in path.read_text("utf-8", errors="replace").splitlines():
        if line.startswith("#") and line.strip("# "):
            return line.lstrip("#").strip()
    return ""


def print_sweep(sweep: SweepFolder, as_data: bool) -> None:
    """What a named sweep compares. Raises ModelError for a sweep that compares nothing."""
    node = sweep.info().get("named")
    if not isinstance(node, Mapping):
        raise ModelError(f"{sweep.sweep_id} is of no named sweep: `daisy list` shows its models")
    origin = Origin.from_json(node)
    comparisons = compare(sweep.models_dir, origin, look(sweep.models_dir, 0).models)
    if as_data:
        told = {"sweep": sweep.sweep_id, "name": origin.name, "kind": origin.kind, "compared": list(map(asdict, comparisons))}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return
    out = console()
    rule = "─" if out.encoding.startswith("utf") else "-"
    out.print(Text.assemble((sweep.sweep_id, "bold"), f"  {origin.kind}, sweeps/{origin.name}.yaml"), soft_wrap=True)
    for comparison in comparisons:
        title = [Text(f"\n{visible(' '.join(comparison.base))}", style="bold")] if comparison.base else [Text()]
        out.print(Group(*title, *lines(columns(comparison), out.width, rule=rule)), soft_wrap=True)
    means = [variant.accuracy for comparison in comparisons for variant in comparison.variants]
    if any(mean is not None and mean.count > 1 for mean in means):
        note = "means over the repeats that are done, each with its 95 % interval (Student's t)"
        out.print(Text(f"\n{note}", style="dim"), soft_wrap=True)
