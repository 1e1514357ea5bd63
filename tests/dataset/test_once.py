"""However many processes ask at once, and whichever of them is killed: made once, whole, and the same for all."""

import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset import Dataset, framework_form, load, prepare
from daisy.errors import DatasetError

ROWS = "".join(f"lemma{number}\tform{number}\tN\n" for number in range(3000)).encode()
LANGUAGE = {"task": "cs", "language": "klingon", "size": "high", "sha256": {}}
FILES = {"/klingon-train-high": ROWS, "/klingon-dev": ROWS[:2000], "/klingon-test": ROWS[:1000]}
FILES = {path: content[: content.rfind(b"\n") + 1] for path, content in FILES.items()}

PREPARE = """
import pathlib, sys
from daisy.dataset import prepare
definition = {"task": "cs", "language": "klingon", "size": "high", "sha256": {}, "url": "http://127.0.0.1:1"}
folder = pathlib.Path(sys.argv[1])
print(prepare("cs/klingon", definition, data_dir=folder, mirror=sys.argv[2], root=folder, report=print).checksum)
"""

FORM = """
import pathlib, sys, time
from daisy.dataset import framework_form, load
if sys.argv[4] != "locks":
    import errno, fcntl
    def refuse(file, operation): raise OSError(getattr(errno, sys.argv[4]), "there are no locks here")
    fcntl.flock = refuse
def build(folder):
    (folder / "vocabulary").write_text("half of")
    print("building", flush=True)
    time.sleep(float(sys.argv[3]))
    (folder / "vocabulary").write_text("half of it and the other half")
dataset = load(pathlib.Path(sys.argv[1]))
print(framework_form(dataset, "nematus", {"bpe": 0}, build, data_dir=pathlib.Path(sys.argv[2])))
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "pairs").write_text("".join(f"a{number}\tb\n" for number in range(30)))
    definition = {"task": "files", "tokens": "characters", "data": "pairs", "sizes": {"dev": 5}, "split_seed": 1}
    definition |= {"delimiter": "\t", "source_column": 1, "target_column": 2}
    return prepare("mine", definition, data_dir=tmp_path / "data", mirror=None, root=tmp_path)


def ended(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    lines = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        lines.append(out.splitlines())
    return lines


def test_ten_processes_ask_at_once_and_one_makes_it(
    serve: Callable[..., Any], run_python: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    server = serve(FILES)
    answers = ended([run_python(PREPARE, tmp_path, server.url) for _ in range(10)])
    assert len({lines[-1] for lines in answers}) == 1
    assert sum("3,000 train" in line for lines in answers for line in lines) == 1
    assert sorted(path for path, _ in server.asked) == sorted(FILES)


def test_a_process_killed_in_a_download_leaves_what_the_next_one_goes_on_from(
    serve: Callable[..., Any], run_python: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    import hashlib

    server = serve(FILES, break_after=[3_000], stall=threading.Event())
    checksums = {path.removeprefix("/"): hashlib.sha256(content).hexdigest() for path, content in FILES.items()}
    code = PREPARE.replace('"sha256": {}', f'"sha256": {checksums}')
    process = run_python(code, tmp_path, server.url)
    assert server.stalled.wait(20)
    parts = wait_for(lambda: [part for part in tmp_path.rglob("*.part") if part.stat().st_size == 3_000])
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert parts
    ended([run_python(code, tmp_path, server.url)])
    assert [asked for _, asked in server.asked] == [None, "bytes=3000-", None, None]
    assert not list(tmp_path.rglob("*.part"))


def test_a_process_killed_while_it_builds_leaves_nothing_that_looks_finished(
    run_python: Callable[..., subprocess.Popen[str]], dataset: Dataset, tmp_path: Path
) -> None:
    process = run_python(FORM, dataset.folder, tmp_path, 60, "locks")
    assert process.stdout and process.stdout.readline() == "building\n"
    waiting = run_python(FORM, dataset.folder, tmp_path, 0, "locks")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [lines] = ended([waiting])
    assert lines[0] == "building"
    assert Path(lines[1], "vocabulary").read_text() == "half of it and the other half"


@pytest.mark.parametrize(("locks", "builders"), [("locks", 1), ("ENOSYS", 4), ("ENOLCK", 4)])
def test_a_form_is_built_once_or_without_locks_the_first_one_counts(
    run_python: Callable[..., subprocess.Popen[str]], dataset: Dataset, tmp_path: Path, locks: str, builders: int
) -> None:
    # without locks all four build, for as long as it takes them to start; each ends with the one whole folder
    answers = ended([run_python(FORM, dataset.folder, tmp_path, 2, locks) for _ in range(4)])
    assert sum(lines[0] == "building" for lines in answers) == builders
    folders = {lines[-1] for lines in answers}
    assert len(folders) == 1
    assert Path(folders.pop(), "vocabulary").read_text() == "half of it and the other half"
    assert not list(tmp_path.rglob(".unfinished-*"))


def test_a_build_that_fails_leaves_nothing_and_can_be_asked_for_again(dataset: Dataset, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise DatasetError("the framework said no")

    def build(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "whole").write_text("whole")

    with pytest.raises(DatasetError, match="said no"):
        framework_form(dataset, "nematus", {}, fail, data_dir=tmp_path)
    assert not [path for path in (tmp_path / "forms" / "nematus").iterdir() if path.suffix != ".lock"]
    assert (framework_form(dataset, "nematus", {}, build, data_dir=tmp_path) / "deep" / "whole").is_file()


def test_a_form_belongs_to_its_dataset_framework_and_key(dataset: Dataset, tmp_path: Path) -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        (folder / "file").write_text("x")
        built.append(folder)

    def form(framework: str, key: dict[str, Any]) -> Path:
        return framework_form(dataset, framework, key, build, data_dir=tmp_path)

    first = form("nematus", {"bpe": 0, "lower": True})
    assert form("nematus", {"lower": True, "bpe": 0}) == first
    assert len(built) == 1
    assert len({first, form("nematus", {"bpe": 1, "lower": True}), form("fairseq", {"bpe": 0, "lower": True})}) == 3


def test_a_form_that_lost_a_file_says_which_and_what_to_delete(dataset: Dataset, tmp_path: Path) -> None:
    form = framework_form(dataset, "nematus", {}, lambda folder: None or write(folder / "dict"), data_dir=tmp_path)
    (form / "dict").write_text("shorter")
    with pytest.raises(DatasetError, match=rf"{form}/dict is damaged .*: delete the folder {form}"):
        framework_form(dataset, "nematus", {}, write, data_dir=tmp_path)


def test_a_framework_that_is_not_there_is_no_fault_of_the_disk(dataset: Dataset, tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        subprocess.run(["/nowhere/python", "preprocess"], check=True)

    with pytest.raises(DatasetError, match=r"there is no /nowhere/python: set nematus up"):
        framework_form(dataset, "nematus", {}, build, data_dir=tmp_path)


def test_a_framework_that_makes_nothing_is_told_of(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nematus made nothing of mine"):
        framework_form(dataset, "nematus", {}, lambda folder: None, data_dir=tmp_path)


@pytest.mark.parametrize("change", ["edited in place", "gone", "note torn", "note edited"])
def test_a_damaged_dataset_names_the_file_and_says_to_delete_the_folder(dataset: Dataset, change: str) -> None:
    file, note = dataset.path("dev", "target"), dataset.folder / "dataset.json"
    if change == "edited in place":
        file.write_text(file.read_text().replace("b", "c", 1))
    elif change == "gone":
        file.unlink()
    elif change == "note torn":
        note.write_text(note.read_text()[:300])
    else:
        note.write_text(note.read_text().replace(dataset.checksum, "0" * 64))
    damaged = note if "note" in change else file
    with pytest.raises(DatasetError) as caught:
        load(dataset.folder)
    assert str(damaged) in str(caught.value)
    assert f"delete the folder {dataset.folder}" in str(caught.value)


def test_the_checksum_can_be_had_with_sha256sum(dataset: Dataset) -> None:
    command = 'cd "$1" && sha256sum dev-source dev-target test-source test-target train-source train-target | sha256sum'
    answer = subprocess.run(["sh", "-c", command, "sh", dataset.folder], capture_output=True, text=True, check=True)
    assert answer.stdout.split()[0] == dataset.checksum


def write(file: Path) -> None:
    file.write_text("a dictionary")


def wait_for(condition: Callable[[], Any]) -> Any:
    import time

    until = time.monotonic() + 20
    while not (result := condition()) and time.monotonic() < until:
        time.sleep(0.02)
    return result
