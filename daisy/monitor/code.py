"""What differs between the code of two models, or between that of a model and that of now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daisy import dataset as datasets
from daisy.folder import PROJECT_PATCH, SOURCE_PATCH
from daisy.framework.history import Between, Unknown, files_of
from daisy.monitor.entries import NOWHERE, Entry, Sides, of_key, pair, part, same

CHECKOUTS = {"project": ("project", PROJECT_PATCH), "source": ("framework", SOURCE_PATCH)}
"""The sections of config.json that tell of a checkout: whose it is, and the file of its patch."""
History = Callable[[str, str], Between | Unknown]
"""What lies between two commits of the project."""


@dataclass(frozen=True)
class Recorded:
    """What was recorded of a model when it was launched: config.json, and the patches beside it, by file name."""

    config: Mapping[str, Any]
    patches: Mapping[str, bytes]

    @property
    def framework(self) -> str:
        """The framework's name."""
        return str(part(self.config, "configuration", "framework").get("name"))

    @property
    def definition(self) -> dict[str, Any]:
        """The dataset's options without what only says where its files are to be had."""
        return datasets.identifying(part(self.config, "configuration", "dataset"))


@dataclass(frozen=True)
class Uncommitted:
    """The files that a patch changes on the first side and on the second; None where there is no patch that tells."""

    patch: str
    first: tuple[str, ...] | None
    second: tuple[str, ...] | None


@dataclass(frozen=True)
class Code:
    """What differs. `commit` and `patch` are the project's, where both have the same; `history` is what lies between two."""

    entries: tuple[Entry, ...]
    commit: str | None
    patch: str | None
    history: Between | Unknown | None
    uncommitted: tuple[Uncommitted, ...]


def code(first: Recorded, second: Recorded, history: History, framework: bool = True) -> Code:
    """Daisy's version, the project's commit and patch; the `framework`'s version, and its checkout's commit and patch."""
    projects = _sides(first, second, "project")
    commits = [project["commit"] for project in projects if isinstance(project.get("commit"), str)]
    entries = [*of_key("daisy", _sides(first, second, "versions"), "daisy"), *_checkout(first, second, "project")]
    if framework:
        versions = [part(model.config, "versions").get(model.framework, NOWHERE) for model in (first, second)]
        entries += [*pair("framework's version", *versions), *_checkout(first, second, "source")]
    return Code(
        entries=tuple(entries),
        commit=_of_both(projects, "commit"),
        patch=_of_both(projects, "patch"),
        history=history(*commits) if len(commits) == 2 and commits[0] != commits[1] else None,
        uncommitted=tuple(_uncommitted(first, second, [*CHECKOUTS] if framework else ["project"])),
    )


def _of_both(sides: Sides, key: str) -> str | None:
    """What both have the same of; None where they don't."""
    values = [side.get(key) for side in sides]
    return values[0] if isinstance(values[0], str) and values[0] == values[1] else None


def _checkout(first: Recorded, second: Recorded, section: str) -> Iterator[Entry]:
    sides = _sides(first, second, section)
    yield from of_key(f"{CHECKOUTS[section][0]}'s commit", sides, "commit", "hash")
    yield from of_key(f"{CHECKOUTS[section][0]}'s patch", sides, "patch", "hash")


def _uncommitted(first: Recorded, second: Recorded, sections: Sequence[str]) -> Iterator[Uncommitted]:
    for section in sections:
        sides = _sides(first, second, section)
        if not same(sides[0].get("patch"), sides[1].get("patch")):
            file = CHECKOUTS[section][1]
            yield Uncommitted(file, _files(first, section, file), _files(second, section, file))


def _files(model: Recorded, section: str, file: str) -> tuple[str, ...] | None:
    if part(model.config, section).get("patch") is None:
        return ()
    return files_of(model.patches.get(file, b"")) or None


def since(then: Recorded, now: Recorded, history: History) -> tuple[Code, tuple[Entry, ...]]:
    """What differs since a model was launched without having been asked for: code, and the content of the same dataset."""
    data: tuple[Entry, ...] = ()
    sides = _sides(then, now, "dataset")
    if same(sides[0].get("name"), sides[1].get("name")) and same(then.definition, now.definition):
        data = tuple(of_key("dataset's checksum", sides, "checksum", "hash"))
    return code(then, now, history, framework=then.framework == now.framework), data


def _sides(first: Recorded, second: Recorded, section: str) -> Sides:
    return part(first.config, section), part(second.config, section)
