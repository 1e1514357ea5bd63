"""`daisy frameworks` and `daisy setup`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from daisy.cli.screen import console
from daisy.configuration import Environment, Project
from daisy.configuration.compose import chosen_values
from daisy.errors import ConfigurationError, DaisyError, FrameworkError
from daisy.framework import Adapter, lookup
from daisy.framework.lines import visible
from daisy.framework.measure import DEV_ACCURACY
from daisy.framework.ready import Chosen, choose, ready
from daisy.framework.setup import Request, Step, carry_out, planned
from daisy.monitor.words import near

YES, NO = Text("yes", style="green"), Text("no", style="red")


@dataclass(frozen=True)
class Row:
    """One framework in the table; `why` it can't be used, where it can't."""

    name: str
    version: str = "-"
    python: str = "-"
    supports: str = "-"
    why: str | None = None


def print_frameworks(project: Project, env: Environment) -> None:
    """`daisy frameworks`."""
    names = sorted({*lookup.adapters(project), *project.options("framework")} - _shared(project))
    rows = [_row(project, env, name) for name in names]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("framework", "ready", "version", "python", "supports"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.name, NO if row.why else YES, *map(Text, (visible(row.version), row.python, row.supports)))
    out = console()
    out.print(table)
    if any(row.why for row in rows):
        out.print()
    for row in rows:
        if row.why:
            told = visible(row.why).removeprefix(f"{row.name} ")  # most reasons begin with the framework's name
            out.print(
                Text.assemble((f"{row.name} " if told != visible(row.why) else f"{row.name}: ", "bold"), told), soft_wrap=True
            )


def print_framework(project: Project, env: Environment, name: str) -> None:
    """`daisy frameworks NAME`: its version, and all that it takes under framework.options, a name a line."""
    chosen = framework_called(project, name)
    with lookup.blaming(chosen.file):
        found = ready(project, chosen, env)
    told = found.description
    if told is None:
        raise FrameworkError(f"{name}: its version and options are known where it runs")
    print(visible(f"{name} {told.version}"))
    if told.options is None:
        print("it does not list its options: see its adapter or its conf/framework/" + f"{name}.yaml")
        return
    for option in sorted(told.options):
        print(visible(f"framework.options.{option}"))


def _shared(project: Project) -> set[str]:
    """Adapters that are no framework of their own: others name them as `framework.adapter`."""
    return {"command"} - set(project.options("framework"))


def _row(project: Project, env: Environment, name: str) -> Row:
    supports = "-"
    try:
        chosen = framework_called(project, name)
        supports = ", ".join(supported(chosen.adapter)) or "-"
        with lookup.blaming(chosen.file):
            found = ready(project, chosen, env)
        version = found.description.version if found.description is not None else "known where it runs"
        return Row(
            name,
            version,
            near(Path(found.interpreter.place)) if found.interpreter.kind == "path" else str(found.interpreter),
            supports,
        )
    except DaisyError as error:
        return Row(name, supports=supports, why=str(error))


def framework_called(project: Project, name: str) -> Chosen:
    """A framework by its name in conf/framework. Raises FrameworkError or ConfigurationError where it can't be chosen."""
    if name not in project.options("framework"):
        if name in lookup.adapters(project):
            raise ConfigurationError(f"it can't be chosen yet: write conf/framework/{name}.yaml")
        from daisy.configuration.nearest import did_you_mean

        known = project.options("framework")
        raise ConfigurationError(f"there is no framework {name}{did_you_mean(name, known)}{', '.join(known)}")
    return choose(project, chosen_values(project, [f"framework={name}"])["framework"])


def supported(adapter: Adapter) -> list[str]:
    """What a framework can do, as far as frameworks differ in it."""
    return [
        *(f"{encoder} (kernel)" if encoder == "conv" else encoder for encoder in adapter.encoders),
        *(["attention"] if adapter.attention else []),
        *(["attention weights"] if type(adapter).attention_weights is not Adapter.attention_weights else []),
        *(["resume"] if adapter.resumes else []),
        *(["accuracy while training"] if DEV_ACCURACY in adapter.measures else []),
    ]


def set_up(project: Project, env: Environment, name: str, source: Path | None, dry_run: bool, anew: bool) -> None:
    """`daisy setup NAME`."""
    chosen = framework_called(project, name)
    with lookup.blaming(chosen.file):
        _set_up(Request(project, env, chosen, source, anew), dry_run)


def _set_up(request: Request, dry_run: bool) -> None:
    name, out = request.chosen.framework, console()
    for line in planned(request).announcement:
        out.print(Text(visible(line)), soft_wrap=True)
    if dry_run:
        return

    def begin(step: Step) -> None:
        print(f"  {visible(step.words)} ...", file=sys.stderr, flush=True)

    installed = carry_out(request, begin)
    found = installed.description
    version = found.version if found is not None else "its version is known where it runs"
    out.print(Text(visible(f"{name} is ready: {version}, {installed.interpreter}")), soft_wrap=True)
