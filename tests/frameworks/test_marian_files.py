"""Marian's files: checkpoints that a kill has torn, what its validations have found, the script that validates."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from frameworks.asked import shipped
from frameworks.replay import RECORDED
from support import CHECKOUT

from daisy.framework import Adapter, Paths

COMPANION = CHECKOUT / "frameworks" / "marian"
PROGRESS = (RECORDED / "marian" / "files" / "m.npz.progress.yml").read_text()  # of 150 updates


@pytest.fixture
def adapter() -> Adapter:
    return shipped("marian")


@pytest.fixture
def validations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The companion's module, in a folder of a model."""
    monkeypatch.syspath_prepend(str(COMPANION))
    monkeypatch.chdir(tmp_path)
    import validations  # type: ignore[import-not-found]

    yield validations
    del sys.modules["validations"]


@pytest.fixture
def runner(validations: ModuleType) -> Iterator[ModuleType]:
    """The companion's run.py."""
    import run  # type: ignore[import-not-found]

    yield run
    del sys.modules["run"], sys.modules["exact_match"]


def archive(path: Path, content: str = "x") -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x", content)


def saved(folder: Path, update: int, parts: int = 3) -> None:
    """A checkpoint as Marian saves it, or the first parts of that save."""
    folder.mkdir(exist_ok=True)
    if parts > 0:
        archive(folder / "m.npz", f"network {update}")
    if parts > 1:
        (folder / "m.npz.yml").write_text("seed: 1\n")
        (folder / "m.npz.progress.yml").write_text(PROGRESS.replace("batches: 150", f"batches: {update}"))
    if parts > 2:
        archive(folder / "m.npz.optimizer.npz", f"optimizer {update}")


def resumed(adapter: Adapter, folder: Path) -> str | None:
    """The folder, within model_out, of the checkpoint that training would go on from."""
    found = adapter.resume_checkpoint(Paths(folder, folder, folder, folder))
    return None if found is None else str(found.path.parent.relative_to(folder))


def test_a_checkpoint_that_is_cut_off(adapter: Adapter, tmp_path: Path) -> None:
    assert resumed(adapter, tmp_path) is None
    saved(tmp_path, 150)
    saved(tmp_path / "previous", 100)
    assert resumed(adapter, tmp_path) == "."
    for part in ("m.npz", "m.npz.progress.yml", "m.npz.optimizer.npz"):
        data = (tmp_path / part).read_bytes()
        for length in range(0, len(data), 1 if part.endswith(".npz") else 97):
            (tmp_path / part).write_bytes(data[:length])
            assert resumed(adapter, tmp_path) == "previous", f"{length} bytes of {part}"
        (tmp_path / part).write_bytes(data)
    assert resumed(adapter, tmp_path) == "."


@pytest.mark.parametrize("parts", [0, 1, 2, 3])
def test_a_save_that_was_not_finished(adapter: Adapter, tmp_path: Path, parts: int) -> None:
    for folder in (tmp_path, tmp_path / "previous"):
        saved(folder, 100)
    saved(tmp_path, 150, parts)
    assert resumed(adapter, tmp_path) == ("." if parts in (0, 3) else "previous")


@pytest.mark.parametrize("parts", [0, 1, 2, 3])
def test_a_first_save_that_was_not_finished(adapter: Adapter, tmp_path: Path, parts: int) -> None:
    saved(tmp_path, 50, parts)
    assert resumed(adapter, tmp_path) == ("." if parts == 3 else None)


def test_the_progress_of_a_first_epoch_is_whole(adapter: Adapter, tmp_path: Path) -> None:
    saved(tmp_path, 50)
    first = PROGRESS[: PROGRESS.index("seed-batch")] + 'seed-batch: ""\nseed-corpus: ""'
    (tmp_path / "m.npz.progress.yml").write_text(first)
    assert resumed(adapter, tmp_path) == "."
    (tmp_path / "m.npz.progress.yml").write_text(first[:-1])
    assert resumed(adapter, tmp_path) is None


def test_the_best_checkpoint(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.best_checkpoint(paths) is None
    saved(tmp_path, 50)
    newest = adapter.best_checkpoint(paths)
    assert newest is not None and newest.path.name == "m.npz"
    archive(tmp_path / "m.npz.best-translation.npz")
    best = adapter.best_checkpoint(paths)
    assert best is not None and best.path.name == "m.npz.best-translation.npz"


def test_the_checkpoint_of_an_epoch_whose_first_is_gone(adapter: Adapter, tmp_path: Path, validations: ModuleType) -> None:
    validations.write_noted([validations.Validation(epoch, 50 * epoch, 0.1) for epoch in (1, 2, 3)])
    for update in (100, 150):
        archive(tmp_path / f"m.iter{update}.npz")
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    found = [adapter.epoch_checkpoint(paths, epoch) for epoch in (1, 2, 3, 4)]
    assert [checkpoint and (checkpoint.path.name, checkpoint.epoch) for checkpoint in found] == [
        None, ("m.iter100.npz", 2), ("m.iter150.npz", 3), None,
    ]  # fmt: skip


def counted(validations: ModuleType, *accuracies: float) -> list[object]:
    return [validations.Validation(epoch, 50 * epoch, accuracy) for epoch, accuracy in enumerate(accuracies, 1)]


@pytest.mark.parametrize(
    ("accuracies", "best", "stalled", "last", "most"),
    [
        ([0.0], 1, 0, 0, 0),
        ([0.0, 0.0, 0.0], 1, 2, 2, 2),
        ([0.1, 0.3, 0.2, 0.3], 2, 2, 2, 2),
        ([0.1, 0.0, 0.0, 0.2], 4, 0, 2, 2),
        ([0.1, 0.0, 0.0, 0.2, 0.2], 4, 1, 1, 2),
    ],
)
def test_it_counts_as_marian_counts(
    validations: ModuleType, accuracies: list[float], best: int, stalled: int, last: int, most: int
) -> None:
    found = validations.standing(counted(validations, *accuracies))
    assert (found.best.epoch, found.stalled, found.last_stalled, found.most_stalled) == (best, stalled, last, most)


def test_marians_progress_is_put_right(validations: ModuleType, tmp_path: Path) -> None:
    saved(tmp_path, 150)
    shutil.copyfile(tmp_path / "m.npz.optimizer.npz", tmp_path / "m.npz.best-translation.npz")  # of an earlier epoch
    best = (tmp_path / "m.npz.best-translation.npz").read_bytes()
    validations.put_right(validations.standing(counted(validations, 0.25, 0.5, 0.125)))
    lines, before = (tmp_path / "m.npz.progress.yml").read_text().splitlines(), PROGRESS.splitlines()
    changed = [line for line, old in zip(lines, before, strict=True) if line != old]
    assert changed == ["stalled: 1", "stalled-max: 1", "    last-best: 0.5", "    stalled: 1"]
    assert (tmp_path / "m.npz.best-translation.npz").read_bytes() == best
    validations.put_right(validations.standing(counted(validations, 0.25, 0.5, 0.625)))
    assert (tmp_path / "m.npz.best-translation.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def script(folder: Path, translations: str, update: int = 50) -> subprocess.CompletedProcess[str]:
    (folder / f"dev.translations.1.{update}").write_text(translations)
    with subprocess.Popen(["sleep", "60"]) as runner:  # stands for the process that waits for Marian
        command = [sys.executable, str(COMPANION / "exact_match.py"), "targets", str(runner.pid), f"dev.translations.1.{update}"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while runner.poll() is None and process.poll() is None:
                time.sleep(0.02)
            failed = runner.poll() == -signal.SIGUSR1
            for other in (process, runner):
                other.kill()
            out, err = process.communicate()
    return subprocess.CompletedProcess(command, 1 if failed else process.returncode, out, err)


def test_the_validation_script(tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("a b\nc\n")
    for update in (50, 100):
        saved(tmp_path, update)
        done = script(tmp_path, "a  b \nd\n", update)
        assert (done.returncode, done.stdout, done.stderr) == (0, "0.5\n", "")
        for name in ("m.npz", "m.npz.yml", "m.npz.progress.yml", "m.npz.optimizer.npz"):
            assert (tmp_path / "previous" / name).read_bytes() == (tmp_path / name).read_bytes()
    noted = json.loads((tmp_path / "validations.json").read_text())["validations"]
    assert [(entry["update"], entry["accuracy"]) for entry in noted] == [(50, 0.5), (100, 0.5)]
    assert [path.name for path in tmp_path.glob("dev.translations*")] == ["dev.translations"]
    assert not list(tmp_path.glob("*.unfinished")) and not list(tmp_path.glob("*.replaced"))


@pytest.mark.parametrize(
    ("targets", "translations", "accuracy"),
    [
        ("a\n\n\n", "a\n\n\n", 1.0),  # empty translations at the end
        ("a\nb\nc\n", "a\n\n\n", 1 / 3),
        ("a\u00a0b\n", "a b\n", 0.0),  # only a blank separates tokens
        ("a\tb\n", "a\tb\n", 1.0),
        ("a\u2028b\nc\n", "a\u2028b\nc\n", 1.0),
    ],
)
def test_what_is_exactly_the_same(tmp_path: Path, targets: str, translations: str, accuracy: float) -> None:
    (tmp_path / "targets").write_text(targets)
    assert float(script(tmp_path, translations).stdout) == accuracy


def test_a_validation_that_fails_ends_training(tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("a b\nc\n")
    done = script(tmp_path, "a b\n")
    assert done.returncode == 1 and done.stdout == ""
    assert "ERROR: the validation failed: 1 translations for 2 targets" in done.stderr


class Driver:
    """CUDA's, with one GPU."""

    def cuInit(self, flags: int) -> int:
        return 0

    def cuDeviceGetCount(self, found: Any) -> int:
        found._obj.value = 1
        return 0


def test_the_first_gpu_that_may_be_seen(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: Driver())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    runner.take_one_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    monkeypatch.setattr(Driver, "cuInit", lambda self, flags: 100)
    with pytest.raises(SystemExit, match="ERROR: Marian finds no GPU here"):
        runner.take_one_gpu()


def test_an_epoch_has_as_many_updates_as_marian_takes_examples_for(runner: ModuleType, tmp_path: Path) -> None:
    lines = ["a b", "a " * 8 + "a", "a " * 9 + "a", "a"]
    for side in ("source", "target"):
        (tmp_path / side).write_text("".join(f"{line}\n" for line in lines))
    sets = ["--train-sets", "source", "target", "--mini-batch", "2", "--valid-freq", "2u", "--save-freq", "2u"]
    arguments = [*sets, "--max-length", "11"]
    assert runner.updates_per_epoch(arguments) == 2 and arguments[-3] == "2u"
    arguments = [*sets, "--max-length", "9"]
    assert runner.updates_per_epoch(arguments) == 1 and arguments[5:9] == ["--valid-freq", "1u", "--save-freq", "1u"]
    with pytest.raises(SystemExit, match="all examples are longer than 0 tokens"):
        runner.updates_per_epoch([*sets, "--max-length", "1"])
