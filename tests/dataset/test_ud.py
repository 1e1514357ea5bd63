"""The task `ud`: treebanks as lines in the format of Lematus, on small treebanks of our own and on a real one."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import UD_FINNISH

from daisy.dataset import SIDES, SPLITS, Dataset, describe, identifying, lematus, prepare
from daisy.dataset.conllu import sentences
from daisy.dataset.text import canonical
from daisy.errors import DatasetError

Definition = Callable[..., dict[str, Any]]
ON_TEST = {"train": "test", "dev": "dev", "test": None}  # the real train file is too large to be with the tests
CHECKSUM_OF_CONTEXT_20 = "b639fce8e7987ef66c07471fe499e5f7d371a367e9af368fc8cffe2dc707bb4c"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="session")
def treebank() -> Path:
    """The published files of UD_Finnish-TDT, without the train file."""
    if not UD_FINNISH.is_dir():
        pytest.skip(f"the published files of UD_Finnish-TDT are not at {UD_FINNISH}: set DAISY_TEST_DATA=FOLDER")
    return UD_FINNISH


def word(number: int, form: str, lemma: str, upos: str = "NOUN") -> str:
    return f"{number}\t{form}\t{lemma}\t{upos}\t_\t_\t0\troot\t_\t_\n"


def sentence(*words: tuple[str, ...]) -> str:
    return "".join(word(number, *columns) for number, columns in enumerate(words, start=1)) + "\n"


TALO = sentence(("On", "olla", "AUX"), ("talo", "talo"), ("!", "!", "PUNCT"))


def mine(folder: Path, train: str, **changes: Any) -> Dataset:
    """A treebank of a user's own, without a test file; dev is always the same."""
    values = {"task": "ud", "treebank": "mine", "folder": str(folder), "files": "mine-*.conllu", "context": 20}
    values |= {"compounds": "keep", "splits": {"train": "train", "dev": "dev"}}
    (folder / "mine-train.conllu").write_text(train, encoding="utf-8", newline="")
    (folder / "mine-dev.conllu").write_text(TALO, encoding="utf-8")
    return prepare("ud/mine", {**values, **changes}, data_dir=folder / "data", mirror=None, root=folder)


def lines(folder: Path, train: str, **changes: Any) -> list[tuple[str, str]]:
    dataset = mine(folder, train, **changes)
    return list(zip(dataset.lines("train", "source"), dataset.lines("train", "target"), strict=True))


# The format

THREE = sentence(("Isot", "iso", "ADJ"), ("talot", "talo"), ("ovat", "olla", "AUX"))
TARGETS = ["<w> i s o </w>", "<w> t a l o </w>", "<w> o l l a </w>"]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (0, ["<w> <lc> I s o t <rc> </w>", "<w> <lc> t a l o t <rc> </w>", "<w> <lc> o v a t <rc> </w>"]),
        (
            1,
            ["<w> <lc> I s o t <rc> <s> </w>", "<w> <s> <lc> t a l o t <rc> <s> </w>", "<w> <s> <lc> o v a t <rc> </w>"],
        ),
        (
            3,
            [
                "<w> <lc> I s o t <rc> <s> t a </w>",
                "<w> o t <s> <lc> t a l o t <rc> <s> o v </w>",
                "<w> o t <s> <lc> o v a t <rc> </w>",
            ],
        ),
        (
            7,  # through a whole form, and the blank behind it
            [
                "<w> <lc> I s o t <rc> <s> t a l o t <s> </w>",
                "<w> I s o t <s> <lc> t a l o t <rc> <s> o v a t </w>",
                "<w> <s> t a l o t <s> <lc> o v a t <rc> </w>",
            ],
        ),
        *(
            (
                longer,
                [
                    "<w> <lc> I s o t <rc> <s> t a l o t <s> o v a t </w>",
                    "<w> I s o t <s> <lc> t a l o t <rc> <s> o v a t </w>",
                    "<w> I s o t <s> t a l o t <s> <lc> o v a t <rc> </w>",
                ],
            )
            for longer in (20, 1_000_000)
        ),
    ],
)
def test_a_form_stands_in_so_many_characters_of_its_sentence(tmp_path: Path, context: int, expected: list[str]) -> None:
    assert lines(tmp_path, THREE, context=context) == list(zip(expected, TARGETS, strict=True))


def test_a_context_does_not_leave_the_sentence(tmp_path: Path) -> None:
    made = [source for source, _ in lines(tmp_path, sentence(("a", "a")) + sentence(("b", "b"), ("c", "c")))]
    assert made == ["<w> <lc> a <rc> </w>", "<w> <lc> b <rc> <s> c </w>", "<w> b <s> <lc> c <rc> </w>"]


def test_every_occurrence_is_an_example(tmp_path: Path) -> None:
    assert lines(tmp_path, sentence(("a", "b")) * 3) == [("<w> <lc> a <rc> </w>", "<w> b </w>")] * 3


@pytest.mark.parametrize(
    "left_out",
    [
        ("!", "!", "PUNCT"),
        ("sana", "sana", "PUNCT"),
        *((f"a{character}b", "ab") for character in "+.,/-0123456789"),
        *(("ab", f"a{character}b") for character in "+.,/-0123456789"),
        ("_", "ab"),
    ],
)
def test_what_is_left_out_is_in_no_context_either(tmp_path: Path, left_out: tuple[str, ...]) -> None:
    assert [source for source, _ in lines(tmp_path, sentence(("x", "x"), left_out, ("y", "y")))] == [
        "<w> <lc> x <rc> <s> y </w>",
        "<w> x <s> <lc> y <rc> </w>",
    ]


@pytest.mark.parametrize("kept", [("%", "%", "SYM"), ("a:n", "a"), ("l'", "le"), ("²", "²"), ("٣", "٣"), ("a_b", "a_b")])
def test_nothing_else_is_left_out(tmp_path: Path, kept: tuple[str, ...]) -> None:
    assert len(lines(tmp_path, sentence(("x", "x"), kept))) == 2


def test_a_word_without_a_lemma_is_no_example_but_stands_in_the_text(tmp_path: Path) -> None:
    assert lines(tmp_path, sentence(("x", "x"), ("lla", "_"))) == [("<w> <lc> x <rc> <s> l l a </w>", "<w> x </w>")]


def test_words_are_taken_and_neither_surfaces_of_several_nor_empty_nodes(tmp_path: Path) -> None:
    text = (
        "# newdoc\n# text = Ettei\n"
        "0.1\tempty\tempty\t_\t_\t_\t_\t_\t_\t_\n"
        "1-2\tettei\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
        + word(1, "ett", "että", "SCONJ")
        + "# a remark within\n"
        + word(2, "ei", "ei", "AUX")
        + "2.1\tempty\tempty\t_\t_\t_\t_\t_\t_\t_\n"
    )
    assert lines(tmp_path, text) == [
        ("<w> <lc> e t t <rc> <s> e i </w>", "<w> e t t ä </w>"),
        ("<w> e t t <s> <lc> e i <rc> </w>", "<w> e i </w>"),
    ]


def test_blanks_within_forms_and_strange_characters(tmp_path: Path) -> None:
    made = lines(tmp_path, sentence(("New York", "New York"), ("a\u0301\u00a0", "<lc>")), context=3)
    assert made == [
        ("<w> <lc> N e w <s> Y o r k <rc> <s> a \u0301 </w>", "<w> N e w <s> Y o r k </w>"),
        ("<w> r k <s> <lc> a \u0301 \u00a0 <rc> </w>", "<w> < l c > </w>"),
    ]


@pytest.mark.parametrize(
    "text",
    ["\ufeff" + THREE, THREE.replace("\n", "\r\n"), THREE.rstrip("\n"), "\n\n" + THREE + "\n\n", "# only a remark\n\n" + THREE],
)
def test_how_files_may_differ(tmp_path: Path, text: str) -> None:
    assert [target for _, target in lines(tmp_path, text)] == TARGETS


@given(st.lists(st.text("aä <>#\u0301", min_size=1), min_size=1, max_size=6), st.integers(0, 12))
def test_people_read_what_stood_in_the_sentence(forms: list[str], context: int) -> None:
    made = list(lematus.sources([canonical(form, "characters", "") for form in forms], context))
    for place, source in enumerate(made):
        before, after = " ".join(["", *forms[:place], ""][1:]), " ".join(["", *forms[place + 1 :]])
        left = before[max(0, len(before) - context) :]
        assert lematus.shown(source) == f"{left}[{forms[place]}]{after[:context]}"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("<w> t a l o </w>", "talo"),
        ("<w> N e w <s> Y o r k </w>", "New York"),
        # what a model may predict: it must not look right where it is not
        *((wrong, wrong) for wrong in ("t a l o", "<w> t a l o", "t a l o </w>", "<w> </w>", "", "<w>", "<w> a </w> </w>")),
        *((wrong, wrong) for wrong in ("<w> a <lc> b </w>", "<w> a <rc> b <lc> c </w>", "<w> <lc> a <rc> b <rc> </w>")),
    ],
)
def test_only_a_whole_line_is_made_readable(line: str, shown: str) -> None:
    assert lematus.shown(line) == shown


# Compounds

COMPOUND = sentence(("opinnäytepalkinto", "opin#näyte#palkinto"), ("#tag", "#tag"), ("#", "#"))


def test_compounds_are_kept_or_stripped_of_their_marks(tmp_path: Path) -> None:
    kept, stripped = (
        [target for _, target in lines(tmp_path, COMPOUND, compounds=compounds, compound_mark="#")]
        for compounds in ("keep", "strip")
    )
    assert kept == ["<w> o p i n # n ä y t e # p a l k i n t o </w>", "<w> # t a g </w>", "<w> # </w>"]
    assert stripped == ["<w> o p i n n ä y t e p a l k i n t o </w>", "<w> # t a g </w>", "<w> # </w>"]


def test_forms_keep_the_mark(tmp_path: Path) -> None:
    assert lines(tmp_path, sentence(("a#b", "a#b")), compounds="strip", compound_mark="#")[0][0] == "<w> <lc> a # b <rc> </w>"


def test_where_no_mark_is_known_there_is_none_to_strip(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.compounds=strip: .* or set dataset\.compound_mark"):
        mine(tmp_path, COMPOUND, compounds="strip")


# Files that are no CoNLL-U


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TALO + "talo talo NOUN\n", "line 5: 1 columns where CoNLL-U has 10, with a tab between them"),
        (TALO.rstrip("\n")[:-2], "line 3: 9 columns"),
        (TALO + " \n", "line 5: 1 columns"),
        (TALO.rstrip("\n") + "\n" + TALO, "line 4: its first column is '1', and the sentence's next word is 4"),
        (word(2, "a", "a"), "line 1: its first column is '2', and the sentence's next word is 1"),
        (word(1, "a", "a").replace("1\t", "x\t", 1), "line 1: its first column is 'x'"),
        (word(1, "", "a"), "line 1: the form is empty, and not _"),
        (word(1, "a", ""), "line 1: the lemma is empty, and not _"),
        (word(1, "a\u2028b", "a"), r"line 1: the character U\+2028"),
        ("", "there is no word in it: give a CoNLL-U file"),
        ("# only a remark\n", "there is no word in it"),
        (sentence(("_", "_"), ("_", "_")), "none of its 2 words is an example, for want of forms or lemmas"),
        (sentence(("a", "_")), "none of its 1 words is an example"),
    ],
)
def test_a_broken_file_is_named_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=f"mine-train.conllu(, |: ){message}") as caught:
        mine(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "data").rglob("train-source"))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    mine(tmp_path, TALO)
    (tmp_path / "mine-dev.conllu").write_bytes(TALO.encode() + b"1\t\xe4")
    with pytest.raises(DatasetError, match=r"mine-dev\.conllu, line 5, byte 3: 0xe4 is not UTF-8"):
        prepare("ud/mine", read_definition(tmp_path), data_dir=tmp_path / "data", mirror=None, root=tmp_path)


def read_definition(folder: Path) -> dict[str, Any]:
    (note,) = (folder / "data").rglob("dataset.json")
    return dict(json.loads(note.read_text(encoding="utf-8"))["definition"])


# Definitions


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


# A folder of one's own


def test_a_file_that_changes_is_another_dataset(tmp_path: Path) -> None:
    first, again, other = mine(tmp_path, TALO), mine(tmp_path, TALO), mine(tmp_path, THREE)
    assert first == again
    assert (first.folder == other.folder, first.checksum == other.checksum) == (False, False)


def test_a_relative_folder_starts_at_the_project(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    mine(tmp_path, TALO)
    for file in tmp_path.glob("mine-*"):
        file.rename(tmp_path / "corpus" / file.name)
    values = {**read_definition(tmp_path), "folder": "corpus"}
    prepared = prepare("ud/mine", values, data_dir=tmp_path / "data", mirror=None, root=tmp_path)
    assert prepared.sizes == {"train": 2, "dev": 2, "test": 0}


def test_a_file_that_is_not_in_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.folder: there is no file .*/mine-test\.conllu: correct the folder"):
        mine(tmp_path, TALO, splits={"train": "train", "dev": "dev", "test": "test"})


def test_checksums_hold_for_a_folder_too(tmp_path: Path) -> None:
    right = hashlib.sha256(TALO.encode()).hexdigest()
    assert mine(tmp_path, TALO, sha256={"mine-train.conllu": right}).sizes["train"] == 2
    with pytest.raises(DatasetError, match=f"mine-train.conllu: its SHA-256 is not {right}: give the right file"):
        mine(tmp_path, THREE, sha256={"mine-train.conllu": right})


# A real treebank


def finnish(definition: dict[str, Any], folder: Path, mirror: Path | str | None, report: Any = None) -> Dataset:
    told = report if report is not None else []
    return prepare("ud/finnish-tdt", definition, data_dir=folder, mirror=mirror and str(mirror), root=folder, report=told.append)


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
    (tmp_path / f"fi_tdt-ud-{part}.conllu").write_text(TALO, encoding="utf-8")
    other = "test" if part == "dev" else "dev"
    values = definition("ud/finnish-tdt", url=NOWHERE, splits={"train": part, "dev": other})
    kind = "SHA-256" if part == "dev" else "git blob"
    with pytest.raises(DatasetError, match=f"fi_tdt-ud-{part}.conllu could not be fetched; .*wrong checksum: expected {kind}"):
        finnish(values, tmp_path / "data", tmp_path)


def test_without_a_checksum_a_file_is_taken_as_it_comes(definition: Definition, tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"fi_tdt-ud-{part}.conllu").write_text(TALO, encoding="utf-8")
    dataset = finnish(definition("ud/finnish-tdt", sha256={}, git_blob={}), tmp_path / "data", tmp_path)
    assert dataset.sizes == {"train": 2, "dev": 2, "test": 2}


def test_figures_and_licence(treebank: Path, definition: Definition, tmp_path: Path) -> None:
    description = describe(finnish(definition("ud/finnish-tdt", splits=ON_TEST), tmp_path, treebank))
    assert (description.tokens, description.longest) == (99, 79)
    assert description.licence == "CC BY-SA 4.0" and "/UD_Finnish-TDT/" in description.source
