"""What an installed framework says of itself, asked once and kept until it changes."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from daisy.configuration import Environment
from daisy.errors import FrameworkError
from daisy.files import read_json, write_json
from daisy.framework import conda
from daisy.framework.contract import Adapter, Command, Paths, version_of_files
from daisy.framework.description import Description
from daisy.framework.installed import Installed
from daisy.framework.interpreter import Interpreter, endable
from daisy.framework.lines import visible
from daisy.framework.log import explained
from daisy.framework.process import RunningCommand, printed_by
from daisy.framework.source import Source

LONGEST_INSPECTION = 20.0  # seconds
LONGEST_WAIT = 300.0  # seconds: importing a framework from a cold network disk


def describe(
    adapter: Adapter,
    companion: Path,
    interpreter: Interpreter,
    source: Source | None,
    env: Environment,
    framework: str,
    afresh: bool = False,
) -> Description:
    """The framework's description, asked of the framework itself where it is not known yet, or `afresh`.

    Raises FrameworkError with the framework's last words where it can't be imported.
    """
    nowhere = Path("/nonexistent")
    paths = Paths(nowhere, nowhere, nowhere, companion, source.folder if source is not None else None)
    told = adapter.describe(paths)
    if isinstance(told, Description):
        return told
    key = _key(told, companion, interpreter, source)
    kept = Installed.folder(env, framework) / "described.json"
    known = None if afresh else _known(kept, key)
    if known is not None:
        return known
    description = _asked(told, told.folder or _workplace(kept.parent, companion), interpreter, framework, adapter)
    _keep(kept, key, description)
    return description


def _key(command: Command, companion: Path, interpreter: Interpreter, source: Source | None) -> str:
    """A hash over all that the answer depends on, as far as can be seen without asking."""
    parts: list[Any] = [str(interpreter), list(command.arguments), version_of_files(companion)]
    parts.append([_state(path) for path in _packages(interpreter)])
    if interpreter.kind == "docker":
        parts.append(_image_id(interpreter.place))
    if source is not None:
        parts.append(source.to_json())
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _packages(interpreter: Interpreter) -> list[Path]:
    """The interpreter or the image, and the folders whose times change when something is installed in its environment."""
    if interpreter.kind == "docker":
        return []  # it has no file here
    if interpreter.kind == "apptainer":
        return [Path(interpreter.place).expanduser()]
    if interpreter.kind == "conda":
        place = conda.folder_of(interpreter.place)
        return [place / "conda-meta", *_libraries(place)] if place is not None else []
    python = Path(interpreter.place)
    return [python, *_libraries(python.parent.parent)]


def _libraries(environment: Path) -> list[Path]:
    """Where pip installs: Debian's own Python has other names for it."""
    return sorted(path for inside in ("lib", "local/lib") for path in environment.glob(f"{inside}/python*/*-packages"))


def _image_id(image: str) -> str:
    """What docker calls the image as it is now: the same name may be another image after a pull. Nothing where it has none."""
    try:
        done = subprocess.run(
            ["docker", "image", "inspect", "--format", "{{.Id}}", image],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_INSPECTION, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else ""


def _state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size]


def _known(kept: Path, key: str) -> Description | None:
    try:
        content = read_json(kept)
        if content["key"] != key:
            return None
        return Description(content["version"], None if content["options"] is None else frozenset(content["options"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a cache: whatever is wrong with it, the framework is asked again


def _keep(kept: Path, key: str, description: Description) -> None:
    options = None if description.options is None else sorted(description.options)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, {"key": key, "version": description.version, "options": options})
    except OSError:
        return  # asked again next time


def _workplace(own: Path, companion: Path) -> Path:
    """Where to ask: a folder that a container can have at the same place, which `/` is not."""
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError:
        return companion
    return own


def _asked(command: Command, folder: Path, interpreter: Interpreter, framework: str, adapter: Adapter) -> Description:
    wrapped, end = endable(interpreter.wrap(command, folder))
    with RunningCommand(wrapped, command.environment, folder, last=end) as running:
        log, ending = printed_by(running, LONGEST_WAIT)
    log = visible(log)
    last = (log.strip().splitlines() or ["it printed nothing"])[-1]
    if ending is None or not ending.well:
        words = ending.words() if ending is not None else f"did not end in {LONGEST_WAIT:g} seconds"
        hint = (
            explained(adapter, log)
            or f"`daisy setup {framework}` makes its Python, or set env.python.{framework} to one that has it"
        )
        raise FrameworkError(f"{framework} can't be used with {interpreter} ({words}: {last}): {hint}")
    try:
        content = json.loads(last)
        options = content.get("options")
        return Description(str(content["version"]), None if options is None else frozenset(map(str, options)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FrameworkError(
            f"{framework} did not describe itself (its last line was {last[:200]}): print a line of JSON with its version there"
        ) from None
