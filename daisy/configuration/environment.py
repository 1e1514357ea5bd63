"""The resolved env for verbs, which start without Hydra: cached in the project, keyed by the content of its files."""

import hashlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from daisy.configuration.model import Environment
from daisy.configuration.project import Project
from daisy.errors import ConfigurationError
from daisy.files import read_json, write_json

CACHE = Path(".daisy") / "env.json"
VARIABLE = re.compile(r"oc\.env:\s*['\"]?\s*([A-Za-z_][A-Za-z0-9_]*)")


def environment(project: Project, name: str | None = None) -> Environment:
    """The env called `name`, or the project's default one. Raises ConfigurationError where there is none."""
    key = _key(project)
    cached = _cached(project, key)
    entry = name or ""
    if entry in cached:
        return cached[entry]
    from daisy.configuration.compose import environment_of

    resolved = environment_of(project, [f"env={name}"] if name else [], project.root)
    _keep(project, key, {**cached, entry: resolved})
    return resolved


def overridden(project: Project, overrides: Sequence[str], cwd: Path) -> Environment:
    """The env that overrides of it make, typed in `cwd`. Raises ConfigurationError where there is none."""
    if not overrides:
        return environment(project)
    from daisy.configuration.compose import environment_of

    return environment_of(project, overrides, cwd)


def flag(project: Project, name: str, key: str, value: Path) -> str:
    """What a verb must be told so that env.KEY is `value`, as it is in an env called `name` or was typed for it.

    Nothing where the project's own env has it so, else ` --env NAME`, or the key itself.
    """
    own = _known(project, None)
    if own is not None and getattr(own, key) == value:
        return ""
    chosen = "" if own is not None and own.name == name else f" --env {name}"
    there = _known(project, name) if chosen else own
    if there is not None and getattr(there, key) == value:
        return chosen
    return f"{chosen} --env {shlex.quote(f'{key}={value}')}"


def _known(project: Project, name: str | None) -> Environment | None:
    try:
        return environment(project, name)
    except ConfigurationError:
        return None  # a run may have been given what its YAML leaves open


def _key(project: Project) -> str:
    """A hash over everything that the resolved env depends on: files, the variables they name, where the project is."""
    digest = hashlib.sha256(f"{project.root}\n{project.shipped}\n{os.environ.get('HOME')}\n".encode())
    for path in _files(project):
        text = path.read_text(encoding="utf-8", errors="replace")
        digest.update(f"{path}\n{text}\n".encode())
        for variable in VARIABLE.findall(text):
            digest.update(f"{variable}={os.environ.get(variable)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(project: Project) -> Iterator[Path]:
    for conf in project.folders("conf"):
        yield from sorted(conf.glob("*.yaml"))
        yield from sorted((conf / "env").glob("**/*.yaml"))


def _cached(project: Project, key: str) -> dict[str, Environment]:
    try:
        content = read_json(project.root / CACHE)
        if content["key"] != key:
            return {}
        return {name: Environment.from_json(node) for name, node in content["envs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # a cache: whatever is wrong with it, it is made again


def _keep(project: Project, key: str, envs: Mapping[str, Environment]) -> None:
    path = project.root / CACHE
    try:
        path.parent.mkdir(exist_ok=True)
        write_json(path, {"key": key, "envs": {name: env.to_json() for name, env in envs.items()}})
    except OSError:
        return  # a project that can't be written to works too, only slower
