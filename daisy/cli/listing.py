"""What verbs that show something print."""

import contextlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from daisy import registry
from daisy.cli.screen import console
from daisy.configuration import Project
from daisy.framework.lines import visible
from daisy.monitor.columns import lines
from daisy.monitor.table import Filter, as_json, columns, footer
from daisy.monitor.words import near, percent

if TYPE_CHECKING:
    from daisy.dataset import Description

WATCH_EVERY = 2.0  # seconds


def print_list(models_dir: Path, wanted: Filter, as_data: bool, watch: bool) -> None:
    """`daisy list`."""
    if as_data:
        found = registry.read(models_dir)
        sys.stdout.write(json.dumps(as_json(found, wanted), indent=2, ensure_ascii=False) + "\n")
        _warn(found)
        return
    out = console()
    if watch:
        _watch(out, models_dir, wanted)
        return
    found = registry.read(models_dir)
    out.print(screen(found, wanted, models_dir, out), soft_wrap=True)
    _warn(found)


def _watch(out: Console, models_dir: Path, wanted: Filter) -> None:
    """Show the table again and again, until Ctrl-C: in place on a terminal, one below the other elsewhere."""
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        live = stack.enter_context(Live(console=out, auto_refresh=False, screen=True)) if out.is_terminal else None
        while True:
            shown = screen(registry.read(models_dir), _what_fits(wanted, out), models_dir, out)
            if live is not None:
                live.update(shown, refresh=True)
            else:
                out.print(shown, soft_wrap=True)
                sys.stdout.flush()
            time.sleep(WATCH_EVERY)


def _what_fits(wanted: Filter, out: Console) -> Filter:
    """On a terminal only the newest rows that the screen has room for, below the header and above the summary."""
    if not out.is_terminal:
        return wanted
    room = max(1, out.height - 5)
    return replace(wanted, last=min(wanted.last or room, room))


def screen(found: registry.Registry, wanted: Filter, models_dir: Path, out: Console) -> Group:
    """The table with a line below it."""
    if not found.rows:
        return Group(Text(f"no models in {near(models_dir)} yet: `daisy` trains one"))
    if not wanted.choose(found.rows):
        return Group(Text(f"none of {footer(found)} in {near(models_dir)} is one of these: leave a filter out"))
    return Group(
        *lines(columns(found, wanted), out.width, rule="─" if out.encoding.startswith("utf") else "-"),
        Text(f"\n{footer(found)} in {near(models_dir)}", style="dim"),
    )


def _warn(found: registry.Registry) -> None:
    for warning in found.warnings:
        print(f"daisy: warning: {visible(warning)}", file=sys.stderr)


def print_dataset(project: Project, name: str, overrides: list[str]) -> None:
    """`daisy data`: prepare a dataset, show its figures."""
    from daisy import dataset as datasets
    from daisy.configuration.compose import compose

    configuration = compose(project, [f"dataset={name}", *overrides])
    with datasets.DownloadBar() as bar:
        prepared = datasets.prepare_for(configuration, project.root, lambda text: print(visible(text), file=sys.stderr), bar)
    _print_description(console(), datasets.describe(prepared), prepared.folder)


def _print_description(out: Console, description: "Description", folder: Path) -> None:
    out.print(Text(description.name, style="bold"))
    facts = {
        "examples": ", ".join(f"{count:,} {split}" for split, count in description.sizes.items()),
        "tokens": f"{description.tokens} distinct",
        "longest": f"{description.longest} tokens (mean of the sources {description.mean_length:.1f})",
        "seen": f"{percent(description.seen)} of the dev sources are in train",
        "source": description.source,
        "licence": description.licence,
        "checksum": description.checksum,
        "folder": near(folder),
    }
    for key, text in facts.items():
        out.print(Text.assemble((f"  {key:<10}", "dim"), visible(str(text))), soft_wrap=True)
    for source, target in description.examples:
        out.print(Text(f"    {visible(source)}  ->  {visible(target)}"), soft_wrap=True)
