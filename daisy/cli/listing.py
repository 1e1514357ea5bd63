"""What verbs that show something print."""

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from daisy import registry
from daisy.cli.screen import console
from daisy.configuration import Project
from daisy.folder import sweeps
from daisy.framework.lines import visible
from daisy.launch.evidence import Cluster
from daisy.launch.holding import way_out
from daisy.monitor import sweeps as sweep_table
from daisy.monitor.columns import lines
from daisy.monitor.failures import causes
from daisy.monitor.table import Filter, as_json, columns, footer, header
from daisy.monitor.waiting import Queued, as_row, queued
from daisy.monitor.waiting import columns as waiting_columns
from daisy.monitor.words import near, percent

if TYPE_CHECKING:
    from daisy.dataset import Description

WATCH_EVERY = 2.0  # seconds
ASK_EVERY = 10.0  # seconds: between two questions to Slurm
WAITING = "waiting"
WAITING_SHOWN, WAITING_WATCHED, MOST_CAUSES = 10, 5, 3


@dataclass(frozen=True)
class Look:
    """What there is at one moment: models, what waits, what Slurm says."""

    models: registry.Registry
    queued: Queued
    cluster: Cluster


def look(models_dir: Path, most_waiting: int | None = WAITING_SHOWN, cluster: Cluster | None = None) -> Look:
    """Look at everything; Slurm is asked where something depends on it, with one squeue and at most one sacct.

    With a `cluster` what that has been told already counts.
    """
    cluster = cluster or Cluster()
    workers = [sweep.worker(name) for sweep in sweeps(models_dir) for name in sweep.workers()]
    cluster.look_at(who for who in workers if who is not None)
    return Look(registry.read(models_dir, cluster), queued(models_dir, cluster, most_waiting), cluster)


def print_list(models_dir: Path, wanted: Filter, as_data: bool, watch: bool) -> None:
    """`daisy list`."""
    if as_data:
        found = look(models_dir, None)
        rows = [*as_json(found.models, wanted), *([] if wanted.only_models else map(as_row, found.queued.first))]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        _warn(found.models)
        return
    out = console()
    if watch:
        _watch(out, models_dir, wanted)
        return
    found = look(models_dir, None if wanted.state == WAITING else WAITING_SHOWN)
    out.print(screen(found, wanted, models_dir, out), soft_wrap=True)
    _warn(found.models)


def print_sweeps(models_dir: Path, as_data: bool) -> None:
    """`daisy sweeps`."""
    found = look(models_dir, 0)
    sweep_rows, warnings = sweep_table.rows(models_dir, found.models.rows)
    out = console()
    if as_data:
        sys.stdout.write(json.dumps([asdict(row) for row in sweep_rows], indent=2, ensure_ascii=False) + "\n")
    elif not sweep_rows:
        out.print(Text(f"no sweeps in {near(models_dir)} yet: `daisy -m seed=1,2,3` launches one"), soft_wrap=True)
    else:
        rule = "─" if out.encoding.startswith("utf") else "-"
        held = [
            Text(f"{row.sweep_id} is held: {visible(row.held)}: {way_out(row.sweep_id)}")
            for row in sweep_rows
            if row.held and row.states.get(WAITING)
        ]
        out.print(Group(*lines(sweep_table.columns(sweep_rows), out.width, rule=rule), *held), soft_wrap=True)
    for warning in warnings:
        print(f"daisy: warning: {visible(warning)}", file=sys.stderr)


def _watch(out: Console, models_dir: Path, wanted: Filter) -> None:
    """Show the table again and again, until Ctrl-C: in place on a terminal, one below the other elsewhere."""
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        live = stack.enter_context(Live(console=out, auto_refresh=False, screen=True)) if out.is_terminal else None
        cluster = Cluster()
        while True:
            found = look(models_dir, WAITING_WATCHED, cluster)
            if cluster.age > ASK_EVERY or any(row.state == "unknown" for row in found.models.rows):
                cluster = Cluster()  # slurmctld has others to answer, too
            shown = screen(found, _what_fits(wanted, out, found), models_dir, out)
            if live is not None:
                live.update(shown, refresh=True)
            else:
                out.print(shown, soft_wrap=True)
                sys.stdout.flush()
            time.sleep(WATCH_EVERY)


def _what_fits(wanted: Filter, out: Console, found: Look) -> Filter:
    """On a terminal only the newest rows that the screen has room for, beside all else that is shown."""
    if not out.is_terminal:
        return wanted
    waiting = len(found.queued.first) + 4 if found.queued.count else 0
    failures = 3 * MOST_CAUSES if any(row.state == "failed" for row in found.models.rows) else 0
    room = max(1, out.height - 7 - waiting - failures)
    return replace(wanted, room=room)


def screen(found: Look, wanted: Filter, models_dir: Path, out: Console) -> Group:
    """The tables of models and of what waits, with a line above and one below."""
    rule = "─" if out.encoding.startswith("utf") else "-"
    models, queued = found.models, found.queued
    chosen = [row for _, row in wanted.choose(models.rows)]
    if not models.rows and not queued.count:
        return Group(Text(f"no models in {near(models_dir)} yet: `daisy` trains one"))
    shows_waiting = bool(queued.first) and not wanted.only_models
    if wanted.state == WAITING and not queued.count:
        return Group(Text(f"nothing waits ({footer(models)} in {near(models_dir)})"))
    if not chosen and not shows_waiting:
        return Group(Text(f"none of {footer(models)} in {near(models_dir)} is one of these: leave a filter out"))
    parts: list[Text] = [Text(header(models, queued.count, time.time()), style="bold")]
    parts += [Text(note, style="yellow") for note in _notes(found)]
    parts.append(Text())
    if chosen:
        parts += lines(columns(models, wanted), out.width, rule=rule)
    if shows_waiting:
        parts += [*([Text()] if chosen else []), *lines(waiting_columns(queued.first, time.time()), out.width, rule=rule)]
        for sweep_id, reason in queued.held.items():
            told = f"{sweep_id} is held: {visible(reason)}: {way_out(sweep_id)}"
            parts.append(Text(told, style="yellow"))
        if queued.count > len(queued.first):
            more = queued.count - len(queued.first)
            parts.append(Text(f"... and {more} more: `daisy list --state waiting` shows all", style="dim"))
    parts += _failures(models_dir, chosen)
    parts.append(Text(f"\n{footer(models)} in {near(models_dir)}", style="dim"))
    return Group(*parts)


def _notes(found: Look) -> list[str]:
    """What is not known, and why."""
    reasons = {row.evidence for row in found.models.rows if row.state == "unknown" and "squeue" in row.evidence}
    return ["Slurm does not answer (squeue): whether its jobs run is not known"] if reasons else []


def _failures(models_dir: Path, rows: Sequence[registry.Row]) -> list[Text]:
    """The failed ones among those shown, by their causes."""
    found = causes(models_dir, rows)
    parts = [Text()] if found else []
    for cause in found[:MOST_CAUSES]:
        parts.append(Text.assemble(("failed  ", "red"), visible(cause.words)))
        parts += [Text(f"        {visible(line)}", style="dim") for line in cause.lines]
    if len(found) > MOST_CAUSES:
        parts.append(Text(f"        ... and {len(found) - MOST_CAUSES} other causes", style="dim"))
    return parts


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
