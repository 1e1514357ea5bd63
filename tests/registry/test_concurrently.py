"""Many processes read and write the folders and the index at once, and some of them are killed."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from registry.filled import filled

from daisy.folder import index
from daisy.registry import read, table

TESTS = str(Path(__file__).parents[1])
WRITER = f"""
import shutil, sys, time
from pathlib import Path
sys.path.insert(0, {TESTS!r})
from registry.filled import begun, ended
from daisy.files import write_text
models, number, until = Path(sys.argv[1]), int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
folder, told = begun(models, 1000 + number), models.parent / f"told-{{number}}"
turn = 0
while time.monotonic() < until:
    turn += 1
    ended(folder, accuracy=turn / 1_000_000)
    write_text(told, str(turn))
    extra = ended(begun(models, 2000 + number))
    if turn % 7 == 0:
        time.sleep(0.1)  # it becomes old enough to be kept
    shutil.rmtree(extra.path)
"""
READER = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {TESTS!r})
from daisy.folder import index
from daisy.registry import read
index.TICK = 50_000_000
models, until = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
looks = 0
while time.monotonic() < until or not looks:
    told = [int(path.read_text()) for path in (models.parent / "told-0", models.parent / "told-1")]
    rows = {{row.model_id: row for row in read(models).rows}}
    for number, turn in enumerate(told):
        (row,) = [row for row in rows.values() if row.began == 1532308429 + 60 * (1000 + number)]
        assert row.state == "done" and row.accuracy >= turn / 1_000_000, (row, turn)
    assert sum(row.began < 1532308429 + 60 * 1000 for row in rows.values()) == 300
    if looks % 5 == 0:
        (models / ".models-1.json").unlink(missing_ok=True)  # a cache, which anybody may delete
    looks += 1
print(looks)
"""
KEEPER = """
import sys
from pathlib import Path
from daisy.folder import index
from daisy.registry import table
models = Path(sys.argv[1])
entries = index.kept(models, table.INDEX, table.COLUMNS)
entries |= {f"r1__suffix__gone_{number}": list(entries.values())[0] for number in range(10_000)}
print("up", flush=True)
while True:
    index.keep(models, table.INDEX, table.COLUMNS, entries, len(entries))
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(index, "TICK", 50_000_000)
    filled(tmp_path / "models", 300)
    time.sleep(0.1)
    return tmp_path / "models"


def test_no_reader_ever_sees_less_than_was_written_before_it_looked(models: Path) -> None:
    seconds = 5.0
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, models, str(number), str(seconds + 2)], stderr=subprocess.PIPE)
        for number in range(2)
    ]
    deadline = time.monotonic() + 60
    while len(list(models.parent.glob("told-*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, models, str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    looks = [reader.communicate(timeout=60) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0], looks
    assert all(int(out) > 10 for out, _ in looks)
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [b"", b""]
    assert len(read(models).rows) == 302


def test_a_process_that_is_killed_while_it_writes_leaves_no_half_index(models: Path) -> None:
    rows = read(models).rows
    chance = random.Random(1)
    left: set[Path] = set()
    for _ in range(15):
        process = subprocess.Popen([sys.executable, "-c", KEEPER, models], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        time.sleep(chance.uniform(0.0, 0.3))
        deadline = time.monotonic() + 60
        while not (set(models.glob(".unfinished-*")) - left):
            assert time.monotonic() < deadline
        time.sleep(chance.uniform(0.0, 0.01))
        process.kill()
        process.wait()
        process.stdout.close()
        left = set(models.glob(".unfinished-*"))
        assert len(index.kept(models, table.INDEX, table.COLUMNS)) in (300, 10_300)
        seen = read(models)
        assert seen.rows == rows and seen.warnings == ()
        assert len(index.kept(models, table.INDEX, table.COLUMNS)) == 300  # what is gone went out of it
    assert left, "none was killed while it wrote"
