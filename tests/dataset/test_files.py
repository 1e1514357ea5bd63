"""A user's own data, described in YAML alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset import Dataset, describe, identifying, prepare
from daisy.errors import DatasetError

Definition = Callable[..., dict[str, Any]]
CHECKOUT = Path(__file__).resolve().parents[2]
PAIRS = "".join(f"form {number}\tlemma{number}\n" for number in range(100))


@pytest.fixture
def mine(definition: Definition, tmp_path: Path) -> Callable[..., Dataset]:
    """Prepare the dataset `mine`: conf/dataset/_files.yaml with changes. Its files are in the project, tmp_path."""

    def prepared(report: Callable[[str], None] = lambda line: None, **changes: Any) -> Dataset:
        changed = definition("_files", **changes)
        return prepare("mine", changed, data_dir=tmp_path / "prepared", mirror=None, root=tmp_path, report=report)

    return prepared


def put(folder: Path, name: str, text: str | bytes) -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def test_the_example_in_the_base_file_is_all_that_a_user_writes(tmp_path: Path) -> None:
    import shutil

    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    shutil.copytree(CHECKOUT / "conf" / "dataset", tmp_path / "conf" / "dataset")
    put(tmp_path / "conf", "config.yaml", "defaults: [{dataset: mine}]\n")
    put(tmp_path / "conf" / "dataset", "mine.yaml", "defaults: [_files]\ndata: pairs.tsv\n")
    put(tmp_path, "pairs.tsv", PAIRS)
    with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
        composed: Any = OmegaConf.to_container(compose("config", overrides=["dataset.sizes.dev=20"]).dataset)
    dataset = prepare("mine", composed, data_dir=tmp_path / "data", mirror=None, root=tmp_path)
    assert dataset.sizes == {"train": 70, "dev": 20, "test": 10}


def test_splits_that_are_given_in_files_of_two_sides(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        put(tmp_path, f"{split}.forms", f"{split} form\nb\n")
        put(tmp_path, f"{split}.lemmas", "lemma\r\nc\r\n")  # as some editors end lines
    where = {split: {"source": f"{split}.forms", "target": f"{split}.lemmas"} for split in ("train", "dev", "test")}
    dataset = mine(**where)
    assert dataset.sizes == {"train": 2, "dev": 2, "test": 2}
    assert dataset.lines("dev", "source") == ["d e v <s> f o r m", "b"]
    assert dataset.lines("dev", "target") == ["l e m m a", "c"]


def test_without_a_test_split_its_files_are_empty(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "a.tsv", PAIRS)
    lines: list[str] = []
    dataset = mine(report=lines.append, train="a.tsv", dev="a.tsv")
    assert dataset.sizes["test"] == 0
    assert dataset.lines("test", "source") == []
    assert dataset.path("test", "target").read_bytes() == b""
    assert "mine: 100 train, 100 dev, no test" in lines
    assert describe(dataset).seen == 1.0


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("talo\ttalossa\n", {"source_column": 2, "target_column": 1}),
        ("id;talossa;N;talo\n", {"delimiter": ";", "source_column": 2, "target_column": 4}),
        ("lemma,form\ntalo,talossa\n", {"delimiter": ",", "header": True, "source_column": "form", "target_column": 1}),
        ('"talossa","talo"\n', {"delimiter": ",", "quote": '"'}),
        ("talossa ||| talo\n", {"delimiter": " ||| "}),
        ("talossa\ttalo\n", {"delimiter": "\\t"}),
        ("\ufefftalossa\ttalo", {}),
    ],
    ids=["columns turned", "semicolons", "header", "quotes", "long delimiter", "tab as typed", "byte order mark"],
)
def test_columns(mine: Callable[..., Dataset], tmp_path: Path, text: str, changes: dict[str, Any]) -> None:
    put(tmp_path, "file", text)
    dataset = mine(train="file", dev="file", **changes)
    assert dataset.lines("train", "source") == ["t a l o s s a"]
    assert dataset.lines("train", "target") == ["t a l o"]


def test_a_quoted_cell_may_hold_the_delimiter(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "file", '"a,""b",c\n')
    assert mine(train="file", dev="file", delimiter=",", quote='"').lines("train", "source") == ['a , " b']


def test_words_are_what_stands_between_blanks(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "file", "  the  houses\tdas Haus\n")
    dataset = mine(train="file", dev="file", tokens="words")
    assert dataset.lines("train", "source") == ["the houses"]
    assert describe(dataset).tokens == 4


def test_characters_stay_as_they_are(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "file", "a\u0301\u00a0\u200e b\tä\n")
    assert mine(train="file", dev="file").lines("train", "source") == ["a \u0301 \u00a0 \u200e <s> b"]


def test_an_absolute_path_and_home_work_too(
    mine: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path, "file", PAIRS)
    assert mine(train=str(tmp_path / "file"), dev="~/file").sizes["dev"] == 100


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"train": None, "dev": 0.1, "test": 0.1}, (80, 10, 10)),
        ({"train": None, "dev": 7, "test": 0}, (93, 7, 0)),
        ({"train": 10, "dev": 7}, (10, 7, 0)),
        ({"train": 0.5, "dev": 0.25, "test": 0.25}, (50, 25, 25)),
    ],
)
def test_splits_are_made_in_the_sizes_asked_for(
    mine: Callable[..., Dataset], tmp_path: Path, sizes: dict[str, Any], expected: tuple[int, ...]
) -> None:
    put(tmp_path, "pairs", PAIRS)
    dataset = mine(data="pairs", sizes=sizes)
    assert tuple(dataset.sizes.values()) == expected
    lines = [line for split in dataset.sizes for line in dataset.lines(split, "source")]
    assert len(set(lines)) == len(lines) == sum(expected)


def test_other_sizes_are_another_dataset(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", PAIRS)
    first, second = mine(data="pairs", sizes={"dev": 10}), mine(data="pairs", sizes={"dev": 20})
    assert (first.sizes["dev"], second.sizes["dev"]) == (10, 20)
    assert set(first.lines("dev", "source")) < set(second.lines("dev", "source"))


def test_a_made_split_is_shuffled_the_same_way_everywhere(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", PAIRS)
    dataset = mine(data="pairs")
    assert dataset.checksum == "12d825a1c042e2ed8a9bbc20db7c399ca0aaa6e689d7d16712d9abeb7f2cfebb"
    assert mine(data="pairs", split_seed=2).checksum != dataset.checksum


def test_a_given_test_split_and_a_made_dev_split(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", PAIRS)
    put(tmp_path, "gold", "gold\tgold\n")
    dataset = mine(data="pairs", test="gold")
    assert dataset.sizes == {"train": 90, "dev": 10, "test": 1}
    assert dataset.lines("test", "source") == ["g o l d"]


def test_a_source_that_occurs_twice_is_in_one_split(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", "".join(f"form{number % 40}\tlemma{number}\n" for number in range(100)))
    lines: list[str] = []
    dataset = mine(report=lines.append, data="pairs", sizes={"dev": 10, "test": 10})
    sources = [set(dataset.lines(split, "source")) for split in ("train", "dev", "test")]
    assert sum(map(len, sources)) == len(set.union(*sources)) == 40
    assert sum(dataset.sizes.values()) == 100
    assert any("40 sources occur more than once" in line for line in lines)


def test_a_split_that_repeated_sources_do_not_fill_is_reported(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", "".join(f"form{number % 25}\tlemma{number}\n" for number in range(100)))
    lines: list[str] = []
    dataset = mine(report=lines.append, data="pairs", sizes={"dev": 6, "test": 4})
    assert dataset.sizes == {"train": 92, "dev": 4, "test": 4}
    assert any("dev has 2 examples less than asked for" in line for line in lines)


def test_an_edited_file_is_another_dataset_and_a_moved_one_is_not(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", PAIRS)
    first = mine(data="pairs")
    (tmp_path / "pairs").rename(tmp_path / "moved")
    assert mine(data="moved") == first
    put(tmp_path, "moved", PAIRS.replace("form 7", "form x"))
    second = mine(data="moved")
    assert second.checksum != first.checksum and second.folder != first.folder


def test_a_file_that_changes_while_it_is_read_is_refused(mine: Callable[..., Dataset], tmp_path: Path) -> None:
    put(tmp_path, "pairs", PAIRS + "form 7\tanother\n")

    def edit(line: str) -> None:
        if "more than once" in line:
            put(tmp_path, "pairs", PAIRS)

    with pytest.raises(DatasetError, match="its files changed while they were read: run the command again"):
        mine(report=edit, data="pairs")
    assert not list((tmp_path / "prepared").rglob("train-source"))


def test_what_identifies_own_data_names_no_file(definition: Definition) -> None:
    node = definition("_files", data="pairs", licence="CC0", origin="a friend")
    identity = identifying(node)
    assert identity["tokens"] == "characters" and identity["sizes"] == node["sizes"]
    assert not {"data", "train", "dev", "test", "licence", "origin"} & set(identity)


GOOD = "a\tb\n"


@pytest.mark.parametrize(
    ("files", "changes", "message"),
    [
        ({}, {"data": "none.tsv"}, r"dataset\.data: there is no file .*/none\.tsv: correct the path .*relative"),
        ({"f": PAIRS}, {"data": "."}, "there is no file"),
        ({"f": "a\tb\nc\n"}, {"data": "f"}, r"f, line 2: there is no column 2, the line has 1: .*dataset\.delimiter"),
        ({"f": GOOD, "g": "a,b\n"}, {"train": "f", "dev": "g"}, "g, line 1: there is no column 2"),
        ({"s": "a\nb\n", "t": "a\n"}, {"data": {"source": "s", "target": "t"}}, r"s has 2 lines and .*t has 1:"),
        ({"f": "a\tb\n\nc\td\n"}, {"data": "f"}, "f, line 2: the line is empty: remove it"),
        ({"f": "a\tb\nc\t\n"}, {"data": "f"}, "f, line 2, column 2: this is empty: fill it"),
        ({"s": "a\n\n", "t": "a\nb\n"}, {"data": {"source": "s", "target": "t"}}, "s, line 2: this is empty"),
        ({"f": b"a\tb\nc\xe4\td\n"}, {"data": "f"}, "f, line 2, byte 2: 0xe4 is not UTF-8: save the file as UTF-8"),
        ({"f": "a\tb\nc\u2028\td\n"}, {"data": "f"}, r"f, line 2, column 1: the character U\+2028 \(LINE SEPARATOR\)"),
        ({"f": "a\x0c\tb\n"}, {"data": "f"}, r"U\+000C"),
        ({"f": "a\rb\tb\n"}, {"data": "f"}, r"U\+000D"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": 1.5}}, r"dev: 1\.5 is neither a whole number .* nor a share"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": -1}}, "dev: -1 is neither"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": "many"}}, "dev: many is neither"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"devel": 1}}, "devel is no split: there are train, dev, test"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": 0}}, "dev gets none"),
        ({"f": GOOD * 3}, {"data": "f", "sizes": {"dev": 0.1}}, "of 3 examples dev gets none: make dev larger"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": 50, "test": 50}}, "none is left for train .*make dev and test"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"dev": 50, "test": 500}}, "none is left for train"),
        ({"f": PAIRS}, {"data": "f", "sizes": {"train": 95, "dev": 10}}, "100 examples are too few"),
        ({"f": ""}, {"train": "f", "dev": "f"}, "train has no examples"),
        ({"f": GOOD}, {"train": "f"}, r"dataset\.dev has no files: name them, or set dataset\.data"),
        ({"f": GOOD}, {}, r"dataset\.train has no files"),
        ({"f": GOOD}, {"data": "f", "train": "f"}, "train is made from dataset.data, which is set too"),
        ({"f": GOOD}, {"data": {"source": "f"}}, r"write FILE \(with columns\) or \{source: FILE, target: FILE\}"),
        ({"f": GOOD}, {"data": "f", "source_column": "form"}, "a name needs a header"),
        ({"f": GOOD}, {"data": "f", "source_column": 0}, "a number from 1"),
        ({"f": GOOD}, {"data": "f", "header": True, "source_column": "form"}, "no column named form, .* has a, b"),
        ({"f": '"a\tb\n'}, {"data": "f", "quote": '"'}, r"f, line 1: .*set dataset\.quote=null"),
        ({"f": GOOD}, {"data": "f", "quote": "''"}, "one character each"),
        ({"f": GOOD}, {"data": "f", "tokens": "bytes"}, r"dataset\.tokens=bytes: choose one of characters, words"),
        ({"f": GOOD}, {"data": "f", "header": "yes"}, "this must be true or false"),
        ({"f": GOOD}, {"date": "f"}, r"dataset\.date is not a key of this task: write data"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    mine: Callable[..., Dataset],
    tmp_path: Path,
    files: dict[str, str | bytes],
    changes: dict[str, Any],
    message: str,
) -> None:
    for name, content in files.items():
        put(tmp_path, name, content)
    with pytest.raises(DatasetError, match=message) as caught:
        mine(**changes)
    assert "\n" not in str(caught.value)
    left = [path for path in (tmp_path / "prepared").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert not left
