"""The index is a cache: whatever becomes of it and of the folders, the table is the one that the folders make."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from registry.conftest import Models
from registry.filled import CONFIGURATION, begun, ended, filled, rewrite

from daisy.folder import ModelFolder
from daisy.folder import index as in_index
from daisy.registry import Registry, read, table


def truth(models: Path) -> Registry:
    """The table without an index."""
    for index in models.glob(".models*"):
        shutil.rmtree(index) if index.is_dir() else index.unlink()
    return read(models)


def test_rows_come_from_the_index_and_the_index_can_go_at_any_time(models: Models) -> None:
    models.settle()
    first = read(models.path)
    assert [row.model_id for row in first.rows] == models.ids and first.warnings == ()
    assert [round(row.accuracy or 0, 3) for row in first.rows] == [0.5 + number / 1000 for number in range(30)]
    assert models.index.is_file()
    assert read(models.path) == first
    models.mark()
    assert models.marked() == set(models.ids)
    models.index.unlink()
    assert read(models.path) == first and models.index.is_file()


def test_a_row_from_the_index_says_what_the_files_say(models: Models) -> None:
    folder = models.folders[3]
    rewrite(folder.result, {"reason": "none", "scorer": 2})
    models.settle()
    for _ in range(2):  # the second time from the index
        row = read(models.path).rows[3]
        assert (row.model_id, row.config_id, row.framework, row.dataset) == (models.ids[3], "tiny_k6", "suffix", "tiny")
        assert (row.state, row.evidence, row.began) == ("done", "", 1532308429 + 180)
        assert (row.epoch, row.epochs, row.seconds, row.seconds_limit) == (1, 9, 1.5, None)
        assert (row.accuracy, row.dev_accuracy, row.examples, row.scorer) == (0.503, 0.25, 18, 2)
        assert (row.dataset_checksum, row.job, row.reason) == ("c0ffee", "7", "none")
        assert dict(row.values) == CONFIGURATION
    assert models.index.exists()


def in_place(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def back_in_time(folder: ModelFolder) -> None:
    """As `rsync -t` and `cp -p` do: another content of the same size, with the time of the old one."""
    before = folder.result.stat()
    in_place(folder.result, b'"accuracy": 0.5', b'"accuracy": 0.4')
    os.utime(folder.result, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_of_that_name(folder: ModelFolder) -> None:
    other = ended(begun(folder.path.parent, 5), accuracy=0.125)
    shutil.rmtree(folder.path)
    other.path.rename(folder.path)


EVENTS: dict[str, Callable[[ModelFolder], object]] = {
    "replaced": lambda folder: rewrite(folder.result, {"accuracy": 0.75}),
    "edited in place": lambda folder: in_place(folder.result, b'"accuracy": 0.5', b'"accuracy": 0.4'),
    "edited in place, with the old time": back_in_time,
    "resumed": lambda folder: folder.write_result({"state": "running", "attempt": 2}),
    "begun again, nothing written yet": lambda folder: (
        ended(folder, "failed"),
        folder.begin_attempt(1),
    ),
    "another dataset": lambda folder: rewrite(folder.config, {"dataset": {"name": "other", "checksum": "c"}}),
    "one more epoch": lambda folder: folder.metrics.open("a").write('{"epoch": 2}\n'),
    "no metrics": lambda folder: folder.metrics.unlink(),
    "no result": lambda folder: folder.result.unlink(),
    "no configuration": lambda folder: folder.config.unlink(),
    "damaged result": lambda folder: folder.result.write_text('{"state": "do'),
    "damaged configuration": lambda folder: rewrite(folder.config, {"configuration": None}),
    "removed": lambda folder: shutil.rmtree(folder.path),
    "renamed": lambda folder: folder.path.rename(folder.path.parent / "r1532308000__suffix__another"),
    "copied": lambda folder: shutil.copytree(folder.path, folder.path.parent / "r1532308000__suffix__another"),
    "copied with its times": lambda folder: shutil.copytree(
        folder.path, folder.path.parent / "r1532308000__suffix__another", copy_function=shutil.copy2
    ),
    "another one under its name": another_of_that_name,
}


@pytest.mark.parametrize("event", EVENTS)
def test_what_happens_to_a_folder_is_seen_at_once(models: Models, event: str) -> None:
    models.mark()
    before = models.marked()
    EVENTS[event](models.folders[3])
    seen = read(models.path)
    assert {row.model_id for row in seen.rows if row.job == "from the index"} >= before - {models.ids[3]}
    really = truth(models.path)
    assert seen.warnings == really.warnings
    assert [row.model_id for row in seen.rows] == [row.model_id for row in really.rows]
    changed = {models.ids[3], "r1532308000__suffix__another"} - ({models.ids[3]} if event.startswith("copied") else set())
    assert [row for row in seen.rows if row.model_id in changed] == [row for row in really.rows if row.model_id in changed]


def test_what_changed_a_moment_ago_is_not_kept(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file can change twice within one tick of the clock, and its signature stay the same."""
    monkeypatch.setattr(in_index, "TICK", 3_600_000_000_000)
    assert len(read(models.path).rows) == 30 and not models.index.exists()
    monkeypatch.undo()
    monkeypatch.setattr(in_index, "TICK", 50_000_000)
    models.settle()
    rewrite(models.folders[0].result, {"accuracy": 0.75})
    read(models.path)
    assert set(in_index.kept(models.path, table.INDEX, table.COLUMNS)) == set(models.ids[1:])


def test_the_state_is_observed_each_time(models: Models) -> None:
    """A process that begins, goes on with a stopped model, and is killed: no file changes with its death."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom daisy.folder import ModelFolder\n"
        "folder = ModelFolder(Path(sys.argv[1]))\nfolder.begin_attempt(1)\nprint('up', flush=True)\nsys.stdin.read()\n"
    )
    folder = ended(models.folders[3], "stopped")
    models.mark()
    assert [row.state for row in read(models.path).rows if row.model_id == folder.model_id] == ["stopped"]
    child = subprocess.Popen([sys.executable, "-c", code, folder.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    (running,) = [row for row in read(models.path).rows if row.model_id == folder.model_id]
    assert (running.state, running.job) == ("running", "from the index")
    child.kill()
    child.wait()
    (stopped,) = [row for row in read(models.path).rows if row.model_id == folder.model_id]
    assert stopped.state == "stopped" and f"process {child.pid}" in stopped.evidence
    child.stdin.close() if child.stdin else None
    child.stdout.close()


def test_what_can_change_is_seen_where_stat_tells_of_the_past(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over NFS, which asks the server again when a file is opened, and not whenever it is looked at."""
    failed, done = ended(models.folders[3], "failed"), models.folders[4]
    really, past = os.stat, dict[str, os.stat_result]()

    def stat(path: str, **named: Any) -> os.stat_result:
        if "/daisy/" not in str(path):
            return really(path, **named)
        if str(path) not in past:
            past[str(path)] = really(path, **named)
        return past[str(path)]

    models.mark()
    monkeypatch.setattr(os, "stat", stat)
    assert models.marked() == set(models.ids)
    ended(failed, "done", 0.75)
    assert models.marked() == set(models.ids) - {failed.model_id}
    assert [row.accuracy for row in read(models.path).rows if row.model_id == failed.model_id] == [0.75]
    rewrite(done.result, {"test": {"accuracy": 0.5}})  # what is done is final: its row stays as it is
    assert done.model_id in models.marked()


def half(index: Path) -> None:
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])


def of_nothing(index: Path) -> None:
    index.write_bytes(bytes(index.stat().st_size))


def of_another_daisy(index: Path) -> None:
    """One that keeps one column less."""
    entries = in_index.kept(index.parent, table.INDEX, table.COLUMNS)
    shorter = {model: entry[:-1] for model, entry in entries.items()}
    in_index.keep(index.parent, table.INDEX, table.COLUMNS[:-1], shorter, len(shorter))


def a_folder(index: Path) -> None:
    index.unlink()
    index.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda index: index.write_bytes(b""),
    "half": half,
    "nothing but zeros": of_nothing,
    "one digit": lambda index: in_place(index, b",9,", b",8,"),
    "somebody's": lambda index: index.write_text('{"r1532308429__suffix__tiny_k6": 7}\n[[[['),
    "deeply nested": lambda index: index.write_text("[" * 200_000),
    "of another Daisy": of_another_daisy,
    "a folder": a_folder,
    "a link to nowhere": lambda index: (index.unlink(), index.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_made_again(models: Models, damage: str) -> None:
    models.mark()
    DAMAGE[damage](models.index)
    seen = read(models.path)
    assert not [row for row in seen.rows if row.job == "from the index"]
    if damage != "a folder":
        assert set(in_index.kept(models.path, table.INDEX, table.COLUMNS)) == set(models.ids)
    assert seen == truth(models.path)


def test_folders_of_somebody_else_are_read_without_an_index() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary) / "models"
        folders = filled(models)
        Path(temporary).chmod(0o755)
        models.chmod(0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            seen = read(models)
        finally:
            os.seteuid(user)
            models.chmod(0o755)
        assert [row.model_id for row in seen.rows] == [folder.model_id for folder in folders]
        assert list(models.glob(".*")) == []


def test_a_few_models_need_no_index(models: Models) -> None:
    for folder in models.folders[10:]:
        shutil.rmtree(folder.path)
    models.settle()
    assert len(read(models.path).rows) == 10 and not models.index.exists()


def test_a_folder_that_is_removed_while_they_are_read_is_no_warning(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    really = ModelFolder.read_config

    def read_config(folder: ModelFolder) -> dict[str, object]:
        if folder.model_id == models.ids[3]:
            shutil.rmtree(folder.path)
        return really(folder)

    monkeypatch.setattr(ModelFolder, "read_config", read_config)
    seen = read(models.path)
    assert len(seen.rows) == 29 and seen.warnings == ()
