"""`daisy check-adapter`: the conformance kit on an adapter of the project."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from daisy import registry
from daisy.cli.frameworks import framework_called
from daisy.cli.screen import console
from daisy.configuration import Environment, Project, find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.folder import ModelFolder
from daisy.framework.conformance import Case, Evidence, Subject, Verdict, examine, sandbox
from daisy.framework.lines import visible
from daisy.framework.ready import Chosen

MOST_OF_A_LOG = 2_000_000  # bytes: as much of its end is read
DEVICE = "env.device=cpu"  # what a machine has is no part of the contract


def print_check(named: str, logs: Sequence[Path], model_out: Path | None, folder: Path, environment: Mapping[str, str]) -> int:
    """Examine an adapter and print each verdict as it comes; the exit code."""
    project, name = _meant(named, folder, environment)
    chosen = framework_called(project, name)
    out = console()
    evidence, told = _evidence(project, name, logs, model_out)
    out.print(Text(visible(f"{chosen.file.path}, {told}")), soft_wrap=True)
    failing = made = 0
    with tempfile.TemporaryDirectory() as temporary:
        for verdict in examine(subject_of(project, chosen, evidence, Path(temporary).resolve())):
            out.print(_line(verdict), soft_wrap=True)
            for finding in verdict.findings:
                out.print(Text(f"        {visible(finding)}"), soft_wrap=True)
            failing += not verdict.ok
            made += verdict.not_made is None
    last = f"{failing} of {made} checks fail" if failing else f"all {made} checks are passed"
    out.print(Text(f"{name}: {last}", style="red" if failing else "green"))
    return 1 if failing else 0


def subject_of(project: Project, chosen: Chosen, evidence: Evidence, temporary: Path) -> Subject:
    """The adapter with one case for the framework as it is, and one for each architecture that the project has."""
    alone = [f"framework={chosen.framework}", DEVICE]
    asked = [alone, *([*alone, f"architecture={option}"] for option in project.options("architecture"))]
    cases = [Case(" ".join(words[::2]), compose(project, words, project.root)) for words in asked]
    file = replace(chosen.file, name=chosen.framework)
    return Subject(file, cases[0].configuration.values["framework"], cases, sandbox(temporary), evidence)


def _meant(named: str, folder: Path, environment: Mapping[str, str]) -> tuple[Project, str]:
    """The project and the framework's name, of a name or of the path of an adapter or of a framework's YAML."""
    if "/" not in named and not named.endswith((".py", ".yaml")):
        return find_project(folder, environment), named
    path = (folder / Path(named).expanduser()).resolve()
    if not path.is_file():
        raise ConfigurationError(f"{named}: there is no such file; give frameworks/NAME.py, or a framework's name")
    project = find_project(path.parent, {})
    places = [path.parent in (place, place / "framework") for place in _own_places(project)]
    if not any(places):
        raise ConfigurationError(
            f"{named} is not in frameworks/ of a project: put it there, beside a conf/framework/{path.stem}.yaml"
        )
    return project, path.stem


def _own_places(project: Project) -> list[Path]:
    return [place.resolve() for kind in ("frameworks", "conf") for place in project.folders(kind)]


def _evidence(project: Project, name: str, logs: Sequence[Path], model_out: Path | None) -> tuple[Evidence, str]:
    """What is given, else what the newest model of that framework left; and what to say of it."""
    for path in logs:
        if not path.is_file():
            raise ConfigurationError(f"--log {path}: there is no such file; give what a run of the framework printed")
    if model_out is not None and not model_out.is_dir():
        raise ConfigurationError(f"--model-out {model_out}: there is no such folder; give one that a training left")
    if logs or model_out is not None:
        return Evidence([_end_of(path, "--log") for path in logs], model_out), "with what is given"
    model = _newest(_environment(project), name)
    if model is None:
        return Evidence(), "and no model of it to look at"
    there = model.model_out.is_dir() and any(os.scandir(model.model_out))
    log = _end_of(model.run_out, f"the log of {model.model_id}")
    return Evidence([log], model.model_out if there else None, went_well=True), f"with what {model.model_id} left"


def _environment(project: Project) -> Environment:
    from daisy.configuration.environment import environment

    return environment(project, None)


def _newest(env: Environment, framework: str) -> ModelFolder | None:
    """The newest model of a framework that is done."""
    rows = [row for row in registry.read(env.models_dir).rows if row.framework == framework and row.state == "done"]
    return registry.find(env.models_dir, rows[-1].model_id) if rows else None


def _end_of(path: Path, what: str) -> bytes:
    """The end of a log, from the beginning of a line. Raises ConfigurationError where it can't be read."""
    try:
        with path.open("rb") as file:
            cut = file.seek(0, os.SEEK_END) > MOST_OF_A_LOG
            file.seek(-MOST_OF_A_LOG if cut else 0, os.SEEK_END if cut else os.SEEK_SET)
            printed = file.read()
    except OSError as error:
        raise ConfigurationError(f"{what}: {path} can't be read ({error.strerror}): give another log with --log") from None
    return printed.partition(b"\n")[2] if cut else printed


def _line(verdict: Verdict) -> Text:
    if verdict.not_made is not None:
        return Text.assemble(("  -     ", "dim"), f"{verdict.check.name}: ", (f"not checked, {verdict.not_made}", "dim"))
    mark = ("  ok    ", "green") if verdict.ok else ("  fails ", "red")
    return Text.assemble(mark, f"{verdict.check.name}: ", (verdict.check.asks, "dim"))
