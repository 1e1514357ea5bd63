"""Failures by their cause: six models that failed alike are one thing to mend."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError
from daisy.folder import ModelFolder, cause
from daisy.registry import Row


@dataclass(frozen=True)
class Group:
    """Models that failed alike: what it was, the first lines of their logs that say so, and where, if it was one node.

    `what` they are: trials whose points no model can be made of have no models.
    """

    text: str
    lines: Sequence[str]
    models: Sequence[str]
    host: str | None
    what: str = "model"

    @property
    def words(self) -> str:
        """`6 models, one cause: out of memory, all on node gpu12`."""
        count = len(self.models)
        if count == 1:
            return f"1 {self.what}: {self.text}" + (f", on node {self.host}" if self.host else "")
        return f"{count} {self.what}s, one cause: {self.text}" + (f", all on node {self.host}" if self.host else "")


def causes(models_dir: Path, rows: Iterable[Row]) -> list[Group]:
    """The causes of the failed ones among the rows, the most frequent first."""
    groups: dict[str, list[tuple[Row, cause.Cause]]] = {}
    for row in rows:
        if row.state == "failed":
            found = _told(ModelFolder(models_dir / row.model_id), row)
            groups.setdefault(found.likeness, []).append((row, found))
    return sorted(map(_group, groups.values()), key=lambda group: -len(group.models))


def trials(reasons: Iterable[tuple[str, str]]) -> list[Group]:
    """The causes of trials that failed without a model that did; each with its name and the reason."""
    groups: dict[str, list[tuple[str, cause.Cause]]] = {}
    for name, reason in reasons:
        found = cause.Cause(reason or cause.UNKNOWN)
        groups.setdefault(found.likeness, []).append((name, found))
    alike = [Group(own[0][1].text, (), [name for name, _ in own], None, "trial") for own in groups.values()]
    return sorted(alike, key=lambda group: -len(group.models))


def _group(models: Sequence[tuple[Row, cause.Cause]]) -> Group:
    hosts = {row.host for row, _ in models}
    _, first = models[0]
    return Group(first.text, first.lines, [row.model_id for row, _ in models], hosts.pop() if len(hosts) == 1 else None)


def _told(folder: ModelFolder, row: Row) -> cause.Cause:
    try:
        return cause.cause_of(folder.read_result())
    except FolderError:
        return cause.Cause(row.reason or cause.UNKNOWN)
