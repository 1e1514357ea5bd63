"""Files that are old or new and never half, and names that stay where they are."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daisy import files

WRITER = """
import itertools, sys
from pathlib import Path
from daisy.files import write_json
path = Path(sys.argv[1])
print("up", flush=True)
for number in itertools.count():
    write_json(path, {"number": number, "filler": [number] * 2_000})
"""


def test_whoever_reads_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Writers are killed at random moments, and nobody ever sees half of what they wrote."""
    path = tmp_path / "result.json"
    files.write_json(path, {"number": -1, "filler": [-1] * 2_000})
    chance, seen = random.Random(1), set[tuple[int, int]]()
    for round_ in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        until, known = time.monotonic() + chance.uniform(0.0, 0.1), set(seen)
        while time.monotonic() < until or seen == known:
            seen.add((round_, whole(path)))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        whole(path)
    assert len({round_ for round_, _ in seen}) == 12  # each of them did write meanwhile


def whole(path: Path) -> int:
    content = json.loads(path.read_bytes())
    assert content["filler"] == [content["number"]] * 2_000
    return int(content["number"])


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path) as file:
        file.write(b"new")
        raise RuntimeError
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"loss": float("nan")})
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "file", "ä\n")
        with files.folder_to_fill(tmp_path) as folder:
            mode = folder.stat().st_mode & 0o777
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert mode == 0o750
    assert (tmp_path / "file").read_bytes() == "ä\n".encode()


def test_json_keeps_what_it_is_given(tmp_path: Path) -> None:
    value = {"b": 1, "a": ["ä", None, 0.1], "path": "x\ny"}
    files.write_json(tmp_path / "file", value)
    assert files.read_json(tmp_path / "file") == value
    assert (tmp_path / "file").read_text().startswith('{\n  "b": 1,\n  "a": [\n    "ä"')


def test_appending_is_all_or_nothing(tmp_path: Path) -> None:
    """Under a limit for the size of files the kernel writes as much as fits, and complains only then."""
    script = (
        "import os, resource, sys\n"
        "from daisy.files import append\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR | os.O_APPEND)\n"
        "append(file, b'12345\\n')\n"
        "try:\n"
        "    append(file, b'67890\\n')\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "file")], capture_output=True, text=True, check=True)
    assert int(done.stdout) == errno.EFBIG
    assert (tmp_path / "file").read_bytes() == b"12345\n"


def test_a_folder_is_filled_in_hiding(tmp_path: Path) -> None:
    with files.folder_to_fill(tmp_path / "new") as folder:
        (folder / "file").touch()
        assert folder.name.startswith(".unfinished-")
        folder.rename(tmp_path / "new" / "made")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["made"]
    with pytest.raises(RuntimeError), files.folder_to_fill(tmp_path / "new") as folder:
        raise RuntimeError
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["made"]


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path) -> None:
    for name, age in (("old", 25), ("new", 23)):
        (tmp_path / f".unfinished-{name}").mkdir()
        (tmp_path / f".unfinished-{name}" / "file").touch()
        (tmp_path / f".unfinished-file-{name}").touch()
        for path in tmp_path.glob(f".unfinished-*{name}"):
            os.utime(path, times=(time.time() - age * 3600,) * 2)
    (tmp_path / "mine").touch()
    os.utime(tmp_path / "mine", times=(0, 0))
    files.remove_left_over(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished-file-new", ".unfinished-new", "mine"]


def test_a_checksum_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert files.sha256_of(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@settings(deadline=None)
@given(st.text() | st.text("./\\\0\n ab😀-"))
@example("../../etc/passwd")
@example("/etc/passwd")
@example("a\0b")
@example(".")
@example("..")
@example("")
@example("-rf")
@example("CON\n")
def test_safe_names_stay_in_their_folder(text: str) -> None:
    name = files.safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name)
    assert files.safe_name(text) == name


@settings(deadline=None)
@given(st.text("ab./-_ä", max_size=4), st.text("ab./-_ä", max_size=4))
def test_different_texts_have_different_safe_names(first: str, second: str) -> None:
    assert (files.safe_name(first) == files.safe_name(second)) == (first == second)


def test_names_that_are_safe_already_stay() -> None:
    for name in ("finnish", "a.b-c", "0"):
        assert files.safe_name(name) == name
    assert files.safe_name("cs/finnish").startswith("cs-finnish-")
