"""Failures by their cause: six models that failed alike are one thing to mend."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import FolderError
from daisy.folder import ModelFolder
from daisy.registry import Row

TELLING = re.compile(r"error|exception|killed|fatal|cannot|can't|not found|no such|abort|fault|denied", re.IGNORECASE)
MOST_LINES = 2
LONGEST_LINE = 160  # characters
VARYING = re.compile(r"\d+(\.\d+)?|0x[0-9a-f]+|/\S+")  # numbers, addresses and paths: they tell one model from another


@dataclass(frozen=True)
class Cause:
    """Models that failed alike: what it was, the first lines of their logs that say so, and where, if it was one node."""

    text: str
    lines: Sequence[str]
    models: Sequence[str]
    host: str | None

    @property
    def words(self) -> str:
        """`6 models, one cause: out of memory, all on node gpu12`."""
        count = len(self.models)
        if count == 1:
            return f"1 model: {self.text}" + (f", on node {self.host}" if self.host else "")
        return f"{count} models, one cause: {self.text}" + (f", all on node {self.host}" if self.host else "")


def causes(models_dir: Path, rows: Iterable[Row]) -> list[Cause]:
    """The causes of the failed ones among the rows, the most frequent first."""
    groups: dict[str, list[tuple[Row, str, Sequence[str]]]] = {}
    for row in rows:
        if row.state == "failed":
            text, lines = _told(ModelFolder(models_dir / row.model_id), row)
            likeness = VARYING.sub("#", "\n".join([text, *lines[:1]]))
            groups.setdefault(likeness, []).append((row, text, lines))
    found = [_cause(group) for group in groups.values()]
    return sorted(found, key=lambda cause: -len(cause.models))


def _cause(group: Sequence[tuple[Row, str, Sequence[str]]]) -> Cause:
    hosts = {row.host for row, _, _ in group}
    _, text, lines = group[0]
    return Cause(text, lines, [row.model_id for row, _, _ in group], hosts.pop() if len(hosts) == 1 else None)


def _told(folder: ModelFolder, row: Row) -> tuple[str, Sequence[str]]:
    """What a model's adapter says of its failure, else the reason, and the lines of its log that say so."""
    try:
        result = folder.read_result()
    except FolderError:
        return row.reason or "no reason is known", ()
    lines = [str(line).strip()[:LONGEST_LINE] for line in result.get("last_lines") or () if TELLING.search(str(line))]
    hint = str(result.get("hint") or "").partition(": ")[0].partition(";")[0]
    return hint or str(result.get("reason") or "no reason is known"), lines[:MOST_LINES]
