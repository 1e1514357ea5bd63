"""The task `ud`: treebanks as lines in the format of Lematus, on small treebanks of our own."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daisy.dataset import Dataset, lematus, prepare
from daisy.dataset.text import canonical
from daisy.errors import DatasetError


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
    with pytest.raises(DatasetError, match=r"dataset\.folder: there is no file .*/mine-test\.conllu: correct the folder") as told:
        mine(tmp_path, TALO, splits={"train": "train", "dev": "dev", "test": "test"})
    assert str(told.value).endswith("dataset.splits.test=null")


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize("published", [True, False])
def test_a_treebank_without_a_train_or_dev_file(tmp_path: Path, split: str, published: bool) -> None:
    """The way out that is told is one."""
    for part in {"train", "dev", "test"} - {split}:
        (tmp_path / f"mine-{part}.conllu").write_text(TALO, encoding="utf-8")
    values = {"task": "ud", "treebank": "mine", "files": "mine-*.conllu", "context": 20, "compounds": "keep"}
    values |= {"url": f"file://{tmp_path}"} if published else {"folder": str(tmp_path)}
    splits = {"train": "train", "dev": "dev", "test": "test"}
    with pytest.raises(DatasetError) as told:
        prepare("ud/mine", {**values, "splits": splits}, data_dir=tmp_path / "data", mirror=None, root=tmp_path)
    assert str(told.value).endswith(f"dataset.splits.{split}=test dataset.splits.test=null")
    splits |= {split: "test", "test": None}
    prepared = prepare("ud/mine", {**values, "splits": splits}, data_dir=tmp_path / "data", mirror=None, root=tmp_path)
    assert prepared.sizes == {"train": 2, "dev": 2, "test": 0}


def test_checksums_hold_for_a_folder_too(tmp_path: Path) -> None:
    right = hashlib.sha256(TALO.encode()).hexdigest()
    assert mine(tmp_path, TALO, sha256={"mine-train.conllu": right}).sizes["train"] == 2
    with pytest.raises(DatasetError, match=f"mine-train.conllu: its SHA-256 is not {right}: give the right file"):
        mine(tmp_path, THREE, sha256={"mine-train.conllu": right})
