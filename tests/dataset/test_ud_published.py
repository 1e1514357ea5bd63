"""The task `ud` as it is shipped: definitions, and UD_Finnish-TDT as it is published."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import UD_FINNISH

from daisy.dataset import SIDES, SPLITS, Dataset, describe, identifying, prepare
from daisy.dataset.conllu import sentences
from daisy.errors import DatasetError

Definition = Callable[..., dict[str, Any]]
ON_TEST = {"train": "test", "dev": "dev", "test": None}  # the real train file is too large to be with the tests
CHECKSUM_OF_CONTEXT_20 = "b639fce8e7987ef66c07471fe499e5f7d371a367e9af368fc8cffe2dc707bb4c"
NOWHERE = "http://127.0.0.1:1"
SMALL = "1\tOn\tolla\tAUX\t_\t_\t0\troot\t_\t_\n2\ttalo\ttalo\tNOUN\t_\t_\t1\tnsubj\t_\t_\n\n"


@pytest.fixture(scope="session")
def treebank() -> Path:
    """The published files of UD_Finnish-TDT, without the train file."""
    if not UD_FINNISH.is_dir():
        pytest.skip(f"the published files of UD_Finnish-TDT are not at {UD_FINNISH}: set DAISY_TEST_DATA=FOLDER")
    return UD_FINNISH


def finnish(definition: dict[str, Any], folder: Path, mirror: Path | str | None, report: Any = None) -> Dataset:
    told = report if report is not None else []
    return prepare("ud/finnish-tdt", definition, data_dir=folder, mirror=mirror and str(mirror), root=folder, report=told.append)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": -1}, r"dataset\.context=-1: this must be a whole number, at least 0"),
        ({"context": 2.5}, r"dataset\.context=2\.5: this must be a whole number"),
        ({"context": True}, r"dataset\.context=true: this must be a whole number"),
        ({"contxet": 3}, r"dataset\.contxet is not a key of this task: write context"),
        ({"compounds": "stip"}, r"dataset\.compounds=stip: choose one of keep, strip"),
        ({"treebank": "???"}, r"dataset\.treebank has no value"),
        ({"treebank": "../UD_Finnish-TDT"}, r"dataset\.treebank=\.\./UD_Finnish-TDT: write it as its repository is called"),
        ({"files": "fi_tdt-ud.conllu"}, r"dataset\.files=fi_tdt-ud\.conllu: write how the files are called, with \*"),
        ({"files": "../*.conllu"}, r"dataset\.files=\.\./\*\.conllu: write how"),
        ({"splits": {"train": "train", "dev": "dev", "tset": "test"}}, "tset is no split: there are train, dev, test"),
        ({"splits": {"train": "train"}}, "dev has no part of the treebank: name one, such as dev"),
        ({"splits": {"train": None, "dev": "dev"}}, "train can't be the part None: choose one of train, dev, test$"),
        ({"splits": {"train": "tain", "dev": "dev"}}, "train can't be the part tain: choose one of train, dev, test$"),
        ({"splits": {"train": "train", "dev": "dev", "test": "../x"}}, r"test can't be the part \.\./x: .*, or null for no test"),
        ({"splits": "train"}, r"dataset\.splits=train: this must be a mapping"),
        (
            {"splits": {"train": "test", "dev": "dev", "test": "test"}},
            r"train and test are both the part test: set dataset\.splits\.test=null",
        ),
        ({"splits": {"train": "dev", "dev": "dev"}}, "train and dev are both the part dev: name another part for dev"),
        ({"folder": "here"}, r"dataset\.folder=here: dataset\.url is set too: set one of the two to null"),
        ({"url": None}, r"dataset\.url=null: set it to where the files are published, or dataset\.folder"),
        ({"sha256": {"fi_tdt-ud-dev.conllu": "dd31"}}, "fi_tdt-ud-dev.conllu needs 64 hexadecimal digits"),
        ({"git_blob": {"fi_tdt-ud-dev.conllu": "dd31"}}, "fi_tdt-ud-dev.conllu needs 40 hexadecimal digits"),
    ],
)
def test_a_wrong_definition_is_named_by_its_key(
    definition: Definition, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        finnish(definition("ud/finnish-tdt", **changes), tmp_path, None)
    assert "\n" not in str(caught.value)


def test_what_identifies_it_is_what_determines_the_examples(definition: Definition) -> None:
    assert identifying(definition("ud/finnish-tdt")) == {
        "task": "ud",
        "treebank": "UD_Finnish-TDT",
        "context": 20,
        "compounds": "keep",
        "compound_mark": "#",
        "splits": {"train": "train", "dev": "dev", "test": "test"},
    }


def test_finnish_is_the_same_on_every_machine(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    told: list[str] = []
    dataset = finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank, told)
    assert dataset.sizes == {"train": 17_272, "dev": 15_069, "test": 0}
    assert dataset.checksum == CHECKSUM_OF_CONTEXT_20
    assert dataset.folder.parent == tmp_path / "ud" / "finnish-tdt" and dataset.folder.name.startswith("context20-")
    assert "ud/finnish-tdt: fi_tdt-ud-dev.conllu: 18,308 words, 15,069 examples" in told
    assert "ud/finnish-tdt: fi_tdt-ud-test.conllu: 21,070 words, 17,272 examples" in told
    assert dataset.lines("train", "source")[3] == (
        "<w> T ä n ä ä n k i n <s> <lc> p i t ä i s i <rc> <s> m e n n ä <s> t e a t t e r i i n </w>"
    )
    assert dataset.lines("train", "target")[3] == "<w> p i t ä ä </w>"


def test_every_word_of_the_files_is_read(treebank: Path) -> None:
    counts = {part: sum(map(len, sentences(treebank / f"fi_tdt-ud-{part}.conllu"))) for part in ("dev", "test")}
    assert counts == {"dev": 18_308, "test": 21_070}


def test_every_line_counts_for_whoever_counts_them(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    dataset = finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank)
    for split in SPLITS:
        for side in SIDES:
            data = dataset.path(split, side).read_bytes()
            assert data.count(b"\n") == len(data.decode().splitlines()) == len(dataset.lines(split, side))
            assert b"  " not in data


def test_no_context_is_longer_than_was_asked_for(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    dataset = finnish(definition("ud/finnish-tdt", splits=ON_TEST, context=15), tmp_path, treebank)
    contexts = [context for line in dataset.lines("dev", "source") for context in contexts_of(line.split(" "))]
    assert max(map(len, contexts)) == 15 and min(map(len, contexts)) == 0


def contexts_of(tokens: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    return tokens[1 : tokens.index("<lc>")], tokens[tokens.index("<rc>") + 1 : -1]


def test_another_context_needs_no_download(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank)
    told: list[str] = []
    alone = finnish(definition("ud/finnish-tdt", splits=ON_TEST, context=0), tmp_path, None, told)
    assert not [line for line in told if line.startswith("fetching")]
    assert alone.lines("train", "source")[3] == "<w> <lc> p i t ä i s i <rc> </w>"


def test_only_what_a_split_needs_is_fetched(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    told: list[str] = []
    finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank, told)
    fetched = [line.split()[1] for line in told if line.startswith("fetching")]
    assert fetched == ["fi_tdt-ud-test.conllu", "fi_tdt-ud-dev.conllu"]


def test_a_mirror_may_be_an_unpacked_release(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    release = tmp_path / "ud-treebanks-v2.16"
    shutil.copytree(treebank, release / "UD_Finnish-TDT", copy_function=shutil.copyfile)
    assert finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, release).checksum == CHECKSUM_OF_CONTEXT_20


def test_it_is_downloaded_from_where_it_is_published(
    treebank: Path, definition: Definition, serve: Callable[..., Any], tmp_path: Path
) -> None:
    files = {file: (treebank / file).read_bytes() for file in ("fi_tdt-ud-dev.conllu", "fi_tdt-ud-test.conllu")}
    server = serve({f"/there/{file}": content for file, content in files.items()})
    values = definition("ud/finnish-tdt", splits=ON_TEST, url=[NOWHERE, f"{server.url}/there/"])
    assert finnish(values, tmp_path, None).checksum == CHECKSUM_OF_CONTEXT_20


@pytest.mark.parametrize("part", ["dev", "train"])
def test_a_file_of_another_release_is_not_taken(definition: Definition, tmp_path: Path, part: str) -> None:
    (tmp_path / f"fi_tdt-ud-{part}.conllu").write_text(SMALL, encoding="utf-8")
    other = "test" if part == "dev" else "dev"
    values = definition("ud/finnish-tdt", url=NOWHERE, splits={"train": part, "dev": other})
    kind = "SHA-256" if part == "dev" else "git blob"
    with pytest.raises(DatasetError, match=f"fi_tdt-ud-{part}.conllu could not be fetched; .*wrong checksum: expected {kind}"):
        finnish(values, tmp_path / "data", tmp_path)


def test_without_a_checksum_a_file_is_taken_as_it_comes(definition: Definition, tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"fi_tdt-ud-{part}.conllu").write_text(SMALL, encoding="utf-8")
    dataset = finnish(definition("ud/finnish-tdt", sha256={}, git_blob={}), tmp_path / "data", tmp_path)
    assert dataset.sizes == {"train": 2, "dev": 2, "test": 2}


def test_figures_and_licence(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    description = describe(finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank))
    assert (description.tokens, description.longest) == (99, 79)
    assert description.licence == "CC BY-SA 4.0" and "/UD_Finnish-TDT/" in description.source
