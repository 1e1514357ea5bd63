"""Which Python runs a framework: a way to wrap an argument list. The rest of Daisy does not know which it is."""

import csv
import io
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daisy.configuration import Environment
from daisy.errors import FrameworkError
from daisy.framework import conda
from daisy.framework.contract import Command, Setup
from daisy.framework.device import device_here
from daisy.framework.installed import Installed

PLACEHOLDER = "python"
THIS = "this"
KINDS = ("conda", "docker", "apptainer")  # as in env.python.nematus=docker:IMAGE


@dataclass(frozen=True)
class Interpreter:
    """A Python: `place` is its path, the name or folder of a conda environment, or an image, after its `kind`.

    Containers see `folders`, each at the same place as outside, and the GPUs where `gpu` says so.
    """

    place: str
    kind: str = "path"
    gpu: bool = False
    folders: Sequence[Path] = ()

    def __str__(self) -> str:
        """As env names it."""
        return self.place if self.kind == "path" else f"{self.kind}:{self.place}"

    @property
    def program(self) -> str:
        """What must be there on the machine that runs it."""
        return self.place if self.kind == "path" else self.kind

    def wrap(self, command: Command, folder: Path) -> list[str]:
        """The argument list that runs a command in a folder: `python` at its head becomes this interpreter.

        The command's environment variables are those of the process that is started; containers get them named.
        """
        if not command.arguments:
            return []
        wrappers: dict[str, Callable[[Interpreter, Command, Path], list[str]]] = {
            "path": _by_path,
            "conda": _in_conda,
            "docker": _in_docker,
            "apptainer": _in_apptainer,
        }
        return wrappers[self.kind](self, command, folder)


def endable(wrapped: Sequence[str]) -> tuple[list[str], list[str]]:
    """A wrapped command as it is started, and the command that ends what outlives it; empty where nothing does.

    A container is no child of `docker run`, and goes on when that is killed: it gets a name to be killed by.
    """
    if list(wrapped[:2]) != ["docker", "run"]:
        return list(wrapped), []
    name = f"daisy-{uuid.uuid4().hex}"
    return ["docker", "run", "--name", name, *wrapped[2:]], ["docker", "kill", name]


def _by_path(python: Interpreter, command: Command, folder: Path) -> list[str]:
    head, *rest = command.arguments
    return [python.place if head == PLACEHOLDER else head, *rest]


def _in_conda(python: Interpreter, command: Command, folder: Path) -> list[str]:
    return ["conda", "run", "--no-capture-output", *conda.which(python.place), *command.arguments]


def _in_docker(python: Interpreter, command: Command, folder: Path) -> list[str]:
    """https://docs.docker.com/reference/cli/docker/container/run/; the user's own id, so that files are the user's."""
    arguments = ["docker", "run", "--rm", "--init", "--user", f"{os.getuid()}:{os.getgid()}", "--workdir", str(folder)]
    for path in _mounted(python.folders, folder):
        arguments += ["--mount", _comma_separated("type=bind", f"source={path}", f"target={path}")]
    for name, value in {"HOME": "/tmp", **command.environment}.items():
        arguments += ["--env", f"{name}={value}"]
    if python.gpu:
        arguments += ["--gpus", "all", "--env", "CUDA_VISIBLE_DEVICES"]  # a name alone: its value is that of this machine
    return [*arguments, python.place, *command.arguments]


def _in_apptainer(python: Interpreter, command: Command, folder: Path) -> list[str]:
    """https://apptainer.org/docs/user/latest/; user id and environment variables are kept without being asked."""
    arguments = ["apptainer", "exec", *(["--nv"] if python.gpu else []), "--pwd", str(folder)]
    for path in _mounted(python.folders, folder):
        arguments += ["--mount", _comma_separated("type=bind", f"source={path}", f"destination={path}")]
    return [*arguments, python.place, *command.arguments]


def _mounted(folders: Sequence[Path], folder: Path) -> list[Path]:
    """Without those that lie in another one."""
    every = sorted({*folders, folder})
    return [path for path in every if not any(other in path.parents for other in every)]


def _comma_separated(*fields: str) -> str:
    """One line of CSV, as both programs read what is to be mounted: a comma in a path is no end of it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


@dataclass(frozen=True)
class Wanted:
    """For whom an interpreter is: the framework, how `daisy setup` makes its Python, what its commands read and write.

    `installed` is what a setup has made for it, `set_up` tells the command that does.
    """

    framework: str
    setup: Setup | None = None
    folders: Sequence[Path] = field(default_factory=tuple)
    installed: Installed | None = None
    set_up: Callable[[], str] = lambda: "daisy setup"


def interpreter_of(env: Environment, wanted: Wanted) -> Interpreter:
    """The interpreter that env names for the framework, else the one that `daisy setup` made, else Daisy's own.

    Raises FrameworkError where it is not there or can't be executed.
    """
    named = env.python.get(wanted.framework)
    if named is None and wanted.setup is not None:
        installed = wanted.installed
        if installed is None or installed.python is None or not Path(installed.python).exists():
            name = wanted.framework
            raise FrameworkError(
                f"{name} is not set up here: `{wanted.set_up()}` makes its Python, or set env.python.{name} to one"
            )
        return Interpreter(installed.python)
    if named is None or named == THIS:
        return Interpreter(str(Path(sys.executable).absolute()))
    kind, _, place = named.partition(":")
    if kind in KINDS:
        if not place:
            raise FrameworkError(f"env.python.{wanted.framework}={named} names no {_what(kind)}: write {kind}:NAME")
        folders = (env.models_dir, env.data_dir, env.environments_dir, *wanted.folders)
        return Interpreter(place, kind, device_here(env.device) == "gpu", tuple(path for path in folders if path.exists()))
    return Interpreter(_path(named, wanted.framework))


def _what(kind: str) -> str:
    return "environment" if kind == "conda" else "image"


def _path(named: str, framework: str) -> str:
    way_out = f"set env.python.{framework}=PATH, or leave it out for the Python that `daisy setup` made or that runs Daisy"
    if "/" not in named and "~" not in named:
        found = shutil.which(named)
        if found is None:
            raise FrameworkError(f"env.python.{framework}={named}: there is no such command on PATH; {way_out}")
        return str(Path(found).absolute())
    path = Path(named).expanduser()
    if not path.is_file():
        raise FrameworkError(f"env.python.{framework}={named}: there is no such file; {way_out}")
    if not os.access(path, os.X_OK):
        raise FrameworkError(f"env.python.{framework}={named} can't be executed; {way_out}")
    return str(path)
