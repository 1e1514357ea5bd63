"""The room as a whole: what importing it costs, the bar on a terminal, every shipped definition."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset import TASKS, Dataset, DownloadBar, prepare
from daisy.dataset.settings import Settings
from daisy.errors import DatasetError

CHECKOUT = Path(__file__).resolve().parents[2]
CHOICES = sorted(
    file.relative_to(CHECKOUT / "conf" / "dataset").with_suffix("").as_posix()
    for file in (CHECKOUT / "conf" / "dataset").rglob("*.yaml")
    if not file.name.startswith("_")
)


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ["simplemma", "filelock", "rich", "urllib.request", "http.client", "hydra", "omegaconf", "numpy"]
    code = f"import sys, daisy.dataset; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert answer.strip() == "[]"


def test_all_52_languages_of_cs_are_there() -> None:
    assert sum(choice.startswith("cs/") for choice in CHOICES) == 52
    assert "simplemma/finnish" in CHOICES


@pytest.mark.parametrize("choice", CHOICES)
def test_every_shipped_definition_is_a_right_one(definition: Callable[..., dict[str, Any]], choice: str) -> None:
    values = definition(choice)
    task = TASKS[values["task"]]
    settings = Settings(choice, values)
    settings.allow_only({"task", *task.keys})
    assert task.recipe(settings).label()
    if values["task"] == "cs":
        language = choice.removeprefix("cs/")
        files = {f"{language}-train-{size}" for size in values["available"]} | {f"{language}-dev", f"{language}-test"}
        assert values["language"] == language and set(values["sha256"]) == files
    if values["task"] == "ud":
        files = {values["files"].replace("*", part) for part in ("train", "dev", "test")}
        assert {*values["sha256"], *values["git_blob"]} == files and values["licence"].startswith("CC BY-")


def test_a_name_cant_leave_the_folder_of_data(definition: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("".join(f"a{number}\tb\n" for number in range(30)))
    dataset = prepare(
        "../../a'; echo foo",
        definition("_files", data="pairs"),
        data_dir=tmp_path / "data",
        mirror=None,
        root=tmp_path,
    )
    assert dataset.folder.resolve().is_relative_to(tmp_path / "data")
    assert dataset.name == "../../a'; echo foo"


def test_there_are_three_splits_and_two_sides(tmp_path: Path) -> None:
    dataset = Dataset("mine", tmp_path, "", {})
    assert dataset.path("dev", "source") == tmp_path / "dev-source"
    with pytest.raises(ValueError, match="there is no dev-sauce"):
        dataset.path("dev", "sauce")


def test_a_folder_that_cant_be_written_is_one_line(definition: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text("".join(f"a{number}\tb\n" for number in range(30)))
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match=r"env\.data_dir=FOLDER"):
        prepare("mine", definition("_files", data="pairs"), data_dir=tmp_path / "data", mirror=None, root=tmp_path)


def test_a_download_is_a_bar_on_a_terminal() -> None:
    code = (
        "from daisy.dataset import DownloadBar\n"
        "with DownloadBar() as bar:\n"
        "    bar('finnish-train-high', 0, 1000); bar('finnish-train-high', 1000, 1000)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    assert b"finnish-train-high" in os.read(ours, 10_000)
    os.close(ours)


def test_a_download_is_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with DownloadBar() as bar:
        bar("finnish-train-high", 10, 1000)
    assert capfd.readouterr() == ("", "")
