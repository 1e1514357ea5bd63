"""The task `cs`, on the published files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset import SIDES, SPLITS, describe, identifying, prepare
from daisy.errors import DatasetError

Definition = Callable[..., dict[str, Any]]
PINNED = {
    "high": "74861175d141ff10d19c5ffcfc4ba060bf58ce68192b0fd50363da2f6e7b0b7f",
}


def finnish(definition: dict[str, Any], folder: Path, mirror: Path | str | None) -> Any:
    return prepare("cs/finnish", definition, data_dir=folder, mirror=mirror and str(mirror), root=folder)


def test_finnish_is_the_same_on_every_machine(conll: Path, definition: Definition, tmp_path: Path) -> None:
    dataset = finnish(definition("cs/finnish"), tmp_path, conll)
    assert dataset.checksum == PINNED["high"]
    assert dataset.sizes == {"train": 10_000, "dev": 1_000, "test": 1_000}
    assert dataset.folder.parent == tmp_path / "cs" / "finnish"
    assert dataset.folder.name.startswith("high-")
    assert dataset.lines("dev", "source")[5] == "e i <s> h i i h d e l l y t"
    assert dataset.lines("dev", "target")[5] == "h i i h d e l l ä"


def test_every_line_counts_for_whoever_counts_them(conll: Path, definition: Definition, tmp_path: Path) -> None:
    dataset = finnish(definition("cs/finnish"), tmp_path, conll)
    for split in SPLITS:
        for side in SIDES:
            data = dataset.path(split, side).read_bytes()
            assert data.count(b"\n") == len(data.decode().splitlines()) == len(dataset.lines(split, side))


def test_what_is_there_needs_neither_mirror_nor_network(conll: Path, definition: Definition, tmp_path: Path) -> None:
    made = finnish(definition("cs/finnish"), tmp_path, conll)
    assert finnish(definition("cs/finnish", url="http://127.0.0.1:1"), tmp_path, None) == made


def test_another_size_shares_dev_and_test(conll: Path, definition: Definition, tmp_path: Path) -> None:
    high = finnish(definition("cs/finnish"), tmp_path, conll)
    fetched: list[str] = []
    low = prepare(
        "cs/finnish",
        definition("cs/finnish", size="low"),
        data_dir=tmp_path,
        mirror=str(conll),
        root=tmp_path,
        report=fetched.append,
    )
    assert low.sizes == {"train": 100, "dev": 1_000, "test": 1_000}
    assert low.folder != high.folder
    assert low.lines("dev", "source") == high.lines("dev", "source")
    assert [line.split()[1] for line in fetched if line.startswith("fetching")] == ["finnish-train-low"]


@pytest.mark.parametrize("layout", ["flat", "as published"])
def test_a_mirror_may_be_a_server_of_either_layout(
    conll: Path, definition: Definition, serve: Callable[..., Any], tmp_path: Path, layout: str
) -> None:
    published = {
        "finnish-train-high": "all/task1/finnish-train-high",
        "finnish-dev": "all/task1/finnish-dev",
        "finnish-test": "answers/task1/finnish-uncovered-test",
    }
    names = {file: file if layout == "flat" else path for file, path in published.items()}
    server = serve({f"/{name}": (conll / file).read_bytes() for file, name in names.items()})
    dataset = finnish(definition("cs/finnish", url="http://127.0.0.1:1"), tmp_path, server.url)
    assert dataset.checksum == PINNED["high"]


def test_it_is_downloaded_from_where_it_is_published(
    conll: Path, definition: Definition, serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve(
        {
            "/repository/all/task1/finnish-train-high": (conll / "finnish-train-high").read_bytes(),
            "/repository/all/task1/finnish-dev": (conll / "finnish-dev").read_bytes(),
            "/repository/answers/task1/finnish-uncovered-test": (conll / "finnish-test").read_bytes(),
        }
    )
    urls = ["http://127.0.0.1:1", f"{server.url}/repository/"]
    assert finnish(definition("cs/finnish", url=urls), tmp_path, None).checksum == PINNED["high"]


def test_figures(conll: Path, definition: Definition, tmp_path: Path) -> None:
    description = describe(finnish(definition("cs/finnish"), tmp_path, conll))
    assert (description.tokens, description.longest, description.seen) == (52, 38, 0.001)
    assert description.mean_length == pytest.approx(14.3725)
    assert description.examples[0] == ("o l e <s> m a i k k u n u t", "m a i k k u a")
    assert len(description.examples) == 5
    assert "conll2017" in description.source and "CC BY-SA" in description.licence


def test_a_size_that_a_language_has_not_names_those_it_has(definition: Definition, tmp_path: Path) -> None:
    gaelic = definition("cs/scottish-gaelic", size="high")
    with pytest.raises(DatasetError, match=r"dataset\.size=high: scottish-gaelic has only medium, low"):
        prepare("cs/scottish-gaelic", gaelic, data_dir=tmp_path / "data", mirror=None, root=tmp_path)
    assert not (tmp_path / "data").exists()


def test_a_mirror_without_the_file_says_how_it_is_to_be_called(definition: Definition, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="by hand into FOLDER as finnish-train-high"):
        finnish(definition("cs/finnish", url="http://127.0.0.1:1"), tmp_path / "data", tmp_path)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_published_file_of_another_kind_is_named_with_the_line(definition: Definition, tmp_path: Path) -> None:
    for file in ("finnish-train-high", "finnish-dev", "finnish-test"):
        (tmp_path / file).write_text("lemma\tform\tN\nlemma form\n")
    with pytest.raises(DatasetError, match="finnish-train-high, line 2: 1 columns where lemma"):
        finnish(definition("cs/finnish", sha256={}), tmp_path / "data", tmp_path)
    assert not list((tmp_path / "data").rglob("high-*/*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": "big"}, r"dataset\.size=big: choose one of high, medium, low"),
        ({"language": "???"}, r"dataset\.language has no value"),
        ({"language": "../finnish"}, r"dataset\.language=\.\./finnish: write it as in the names"),
        ({"sha256": {"finnish-dev": "dd31"}}, "finnish-dev needs 64 hexadecimal digits"),
        ({"url": None}, r"dataset\.url=null: this must be a text or a list"),
        ({"siez": "low"}, r"dataset\.siez is not a key of this task: write size"),
        ({"task": "conll"}, r"dataset\.task=conll: choose one of cs, files, simplemma"),
    ],
)
def test_a_wrong_definition_is_named_by_its_key(
    definition: Definition, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        finnish(definition("cs/finnish", **changes), tmp_path, None)


def test_what_identifies_it_does_not_say_where_it_comes_from(definition: Definition) -> None:
    assert identifying(definition("cs/finnish")) == {"task": "cs", "language": "finnish", "size": "high"}


def test_the_note_beside_the_files_says_what_was_made(conll: Path, definition: Definition, tmp_path: Path) -> None:
    dataset = finnish(definition("cs/finnish"), tmp_path, conll)
    note = json.loads((dataset.folder / "dataset.json").read_text(encoding="utf-8"))
    assert note["definition"] == definition("cs/finnish")
    assert (note["name"], note["checksum"], note["sizes"]) == ("cs/finnish", dataset.checksum, dataset.sizes)
    assert note["made"].endswith("+00:00")
