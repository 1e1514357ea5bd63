"""Adapters by name: `frameworks/NAME.py` of the project, then of Daisy. Loaded by path; frameworks/ is never on sys.path."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.configuration import Project
from daisy.errors import DaisyError, FrameworkError
from daisy.framework.contract import Adapter


@dataclass(frozen=True)
class AdapterFile:
    """Where an adapter is: its file, and the folder of the same name beside it (what runs in the framework's Python)."""

    name: str
    path: Path
    own: Path | None = None  # the companion folder of a framework that shares the adapter

    @property
    def companion(self) -> Path:
        """The folder with what must run inside the framework's own Python; it need not be there."""
        return self.own if self.own is not None else self.path.with_suffix("")


def adapters(project: Project) -> dict[str, AdapterFile]:
    """All adapters by name, the project's own instead of those that Daisy ships under the same name."""
    found: dict[str, AdapterFile] = {}
    for folder in project.folders("frameworks"):
        for path in sorted(folder.glob("*.py")):
            found.setdefault(path.stem, AdapterFile(path.stem, path))
    return dict(sorted(found.items()))


def find(project: Project, name: str) -> AdapterFile:
    """The adapter called `name`. Raises FrameworkError with the names that there are."""
    known = adapters(project)
    if name not in known:
        raise FrameworkError(
            f"framework {name} has no adapter: write frameworks/{name}.py in the project; there are: {', '.join(known)}"
        )
    return known[name]


def blamed(error: BaseException, file: AdapterFile) -> str | None:
    """What to say of an error that an adapter's own code raised, with the line; None where it was not the adapter."""
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == str(file.path)]
    if not lines:
        return None
    return f"the adapter {file.path} raised {type(error).__name__} in line {lines[-1]}: {error}: mend it"


@contextmanager
def blaming(file: AdapterFile) -> Iterator[None]:
    """What an adapter's own code raises in the block is one line about the adapter."""
    try:
        yield
    except DaisyError:
        raise
    except (Exception, SystemExit) as error:
        told = blamed(error, file)
        if told is None:
            raise
        raise FrameworkError(told) from error


def load(file: AdapterFile, framework: Mapping[str, Any] | None = None) -> Adapter:
    """The adapter in a file, for a configuration's section `framework`.

    Raises FrameworkError for a file that can't be imported or holds no adapter.
    """
    module_name = f"daisy_adapter_{file.name}"
    spec = importlib.util.spec_from_file_location(module_name, file.path)
    if spec is None or spec.loader is None:
        raise FrameworkError(f"{file.path} can't be loaded as Python: an adapter is one .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise FrameworkError(f"the adapter {file.path} can't be imported ({type(error).__name__}: {error}): mend it") from error
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Adapter) and value.__module__ == module_name
    ]
    if len(found) != 1:
        raise FrameworkError(f"{file.path} has {len(found)} subclasses of daisy.framework.Adapter: an adapter has one")
    abstract = sorted(found[0].__abstractmethods__)
    if abstract:
        raise FrameworkError(f"the adapter {file.path} lacks {', '.join(abstract)}: write them (daisy/framework/contract.py)")
    with blaming(file):
        adapter: Adapter = found[0](framework)
    return adapter
