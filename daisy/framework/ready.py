"""A framework that can be used here: its adapter, its Python, its checkout, and what it says of itself."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daisy.configuration import Environment, Project
from daisy.configuration.environment import flag
from daisy.errors import FrameworkError
from daisy.framework import lookup
from daisy.framework.contract import Adapter
from daisy.framework.describe import describe
from daisy.framework.description import Description
from daisy.framework.installed import Installed
from daisy.framework.interpreter import PLACEHOLDER, Interpreter, Wanted, interpreter_of
from daisy.framework.lookup import AdapterFile
from daisy.framework.source import Source, source_of


@dataclass(frozen=True)
class Chosen:
    """The adapter of a configuration's framework."""

    framework: str
    file: AdapterFile
    adapter: Adapter


@dataclass(frozen=True)
class Ready:
    """What is needed to run the framework's commands. Without a description it can only be asked where the job runs."""

    interpreter: Interpreter
    source: Source | None
    description: Description | None

    @property
    def source_folder(self) -> Path | None:
        """Where the checkout is."""
        return self.source.folder if self.source is not None else None


def choose(project: Project, section: Mapping[str, Any]) -> Chosen:
    """The adapter of a configuration's section `framework`. Raises FrameworkError where there is none."""
    name = str(section.get("name") or "")
    if not name:
        raise FrameworkError("conf/framework/ has a YAML without a name: write `name: NAME` into it, as the file is called")
    shared = section.get("adapter")
    file = lookup.find(project, str(shared or name))
    if shared:
        file = replace(file, own=project.code / "frameworks" / name)
    return Chosen(name, file, lookup.load(file, section))


def _check_programs(project: Project, chosen: Chosen, interpreter: Interpreter) -> None:
    """What its commands run is there, as far as it can be seen from here: an image has a PATH and folders of its own."""
    for named, (program, *file) in chosen.adapter.programs(chosen.file.companion).items():
        for path in [Path(word) for word in (program, *file) if word.startswith("/")]:
            seen = interpreter.kind in ("path", "conda") or path.is_relative_to(project.root)
            if seen and not path.is_file():
                raise FrameworkError(f"{named}: there is no file {path}; write it there, or correct the path")
            if seen and str(path) == program and not os.access(path, os.X_OK):
                raise FrameworkError(f"{named}: {path} can't be executed; `chmod +x` it, or put `python` before it")
        if "/" not in program and program != PLACEHOLDER and interpreter.kind == "path" and shutil.which(program) is None:
            raise FrameworkError(f"{named}: there is no program {program} on PATH; install it, or write its whole path")


def ready(project: Project, chosen: Chosen, env: Environment, installed: Installed | None = None, afresh: bool = False) -> Ready:
    """Find the framework's Python and checkout, and have it describe itself. Raises FrameworkError where it can't be used.

    `installed` is what a setup that is not over yet has made; `afresh`: what the framework said before does not count.
    """
    name = chosen.framework
    installed = installed or Installed.read(env, name)

    def set_up() -> str:
        return f"daisy setup {name}{flag(project, env.name, 'environments_dir', env.environments_dir)}"

    source = source_of(project, name, chosen.adapter.framework.get("source"), installed, set_up)
    folders = [chosen.file.companion, project.root, *([source.folder] if source is not None else [])]
    wanted = Wanted(name, chosen.adapter.setup(chosen.file.companion), tuple(folders), installed, set_up)
    interpreter = interpreter_of(env, wanted)
    if not afresh and interpreter.kind != "path" and shutil.which(interpreter.program) is None:
        return Ready(interpreter, source, None)  # a login node without docker: the job finds out
    _check_programs(project, chosen, interpreter)
    said = describe(chosen.adapter, chosen.file.companion, interpreter, source, env, name, afresh)
    return Ready(interpreter, source, said)
