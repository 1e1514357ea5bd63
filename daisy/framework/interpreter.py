"""Which Python runs a framework: a way to wrap an argument list. The rest of Daisy does not know which it is."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.configuration import Environment
from daisy.errors import FrameworkError

PLACEHOLDER = "python"
THIS = "this"


@dataclass(frozen=True)
class Interpreter:
    """A Python by its path."""

    path: str

    def wrap(self, arguments: Sequence[str]) -> list[str]:
        """The argument list to run: `python` at its head becomes this interpreter."""
        if arguments and arguments[0] == PLACEHOLDER:
            return [self.path, *arguments[1:]]
        return list(arguments)


def interpreter_of(env: Environment, framework: str) -> Interpreter:
    """The interpreter that env names for the framework, else the Python that runs Daisy.

    Raises FrameworkError where it does not exist or can't be executed.
    """
    named = env.python.get(framework, THIS)
    if named == THIS:
        return Interpreter(str(Path(sys.executable).absolute()))
    way_out = f"set env.python.{framework}=PATH, or leave it out for the Python that runs Daisy"
    if "/" not in named and "~" not in named:
        found = shutil.which(named)
        if found is None:
            raise FrameworkError(f"env.python.{framework}={named}: there is no such command on PATH; {way_out}")
        return Interpreter(str(Path(found).absolute()))
    path = Path(named).expanduser()
    if not path.is_file():
        raise FrameworkError(f"env.python.{framework}={named}: there is no such file; {way_out}")
    if not os.access(path, os.X_OK):
        raise FrameworkError(f"env.python.{framework}={named} can't be executed; {way_out}")
    return Interpreter(str(path))
