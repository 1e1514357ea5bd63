"""Fixtures of the registry's tests."""

import time
from pathlib import Path

import pytest
from registry.filled import filled

from daisy.folder import index
from daisy.registry import read, table

TICK = 0.05  # seconds: file systems that tests run on have a fine clock


class Models:
    """A folder with thirty models that are done, and the registry's index over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folders = filled(path)
        self.index = path / ".models-1.json"

    def settle(self) -> None:
        """Let all files become older than a tick."""
        time.sleep(2 * TICK)

    def mark(self) -> None:
        """Write an index that can be told from the folders: each row that comes from it has the job `from the index`."""
        self.settle()
        self.index.unlink(missing_ok=True)
        read(self.path)
        entries = index.kept(self.path, table.INDEX, table.COLUMNS)
        assert len(entries) == len(self.folders)
        for entry in entries.values():
            entry[table.COLUMNS.index("job")] = "from the index"
        index.keep(self.path, table.INDEX, table.COLUMNS, entries, len(entries))

    def marked(self) -> set[str]:
        """The models whose rows come from the marked index."""
        return {row.model_id for row in read(self.path).rows if row.job == "from the index"}

    @property
    def ids(self) -> list[str]:
        """Of all, oldest first."""
        return [folder.model_id for folder in self.folders]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Thirty models."""
    monkeypatch.setattr(index, "TICK", int(TICK * 1e9))
    return Models(tmp_path / "models")
