"""The suffix baseline: what it learns, and that of a form in its context it looks at the form alone."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import CHECKOUT, UD_FINNISH, DaisyProject

PROGRAM = CHECKOUT / "frameworks" / "suffix" / "suffix.py"


def run(*arguments: object) -> None:
    subprocess.run([sys.executable, str(PROGRAM), *map(str, arguments)], check=True, capture_output=True)


def predicted(folder: Path, pairs: Sequence[tuple[str, str]], sources: Sequence[str]) -> list[str]:
    """What a model that learned from `pairs` makes of `sources`."""
    for name, lines in (("source", [pair[0] for pair in pairs]), ("target", [pair[1] for pair in pairs]), ("input", sources)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    run("train", "--source", folder / "source", "--target", folder / "target", "--model", folder / "model.json")
    run("predict", "--model", folder / "model.json", "--source", folder / "input", "--output", folder / "output")
    return (folder / "output").read_text(encoding="utf-8").split("\n")[:-1]


def test_forms_as_such_are_learned_as_ever(project: DaisyProject, sigmorphon: Path) -> None:
    done = project.daisy("framework=suffix", "dataset=cs/finnish", f"env.mirror={sigmorphon}")
    assert done.code == 0, done.err
    (model,) = project.models()
    written = (model / "model_out" / "model.json").read_bytes()
    assert hashlib.sha256(written).hexdigest() == "051bdcb16da08995196e965743eeb4c3fa22adcc506aa4482031a70d52ce38b8"
    assert accuracy(model) == 0.616


def accuracy(model: Path) -> float:
    return float(json.loads((model / "daisy" / "result.json").read_text(encoding="utf-8"))["accuracy"])


def test_of_a_form_in_its_context_only_the_form_is_looked_at(tmp_path: Path) -> None:
    pairs = [
        ("<w> o n <s> <lc> t a l o s s a <rc> <s> m e </w>", "<w> t a l o </w>"),
        ("<w> <lc> a u t o s s a <rc> </w>", "<w> a u t o </w>"),
    ]
    sources = [
        "<w> <lc> k a d u s s a <rc> <s> t a l o s s a </w>",
        "<w> s s a <s> <lc> t a l o <rc> </w>",
        "<w> x <s> <lc> t a l o s s a <rc> <s> y </w>",
        "<w> <lc> ä <rc> </w>",
    ]
    assert predicted(tmp_path, pairs, sources) == ["<w> k a d u </w>", "<w> t a l o </w>", "<w> t a l o </w>", "<w> ä </w>"]
    assert set(json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))["known"]) == {"t a l o s s a", "a u t o s s a"}


def test_only_a_blank_separates_tokens(tmp_path: Path) -> None:
    """No-break spaces, carriage returns and line separators are characters of forms."""
    odd = ["a \u00a0 b n", "c \r n", "\u2028 \x1c n", "\r"]
    pairs = [(form, f"{form} \u00a0") for form in odd]
    for name, lines in (("source", odd), ("target", [target for _, target in pairs])):
        (tmp_path / name).write_bytes("".join(f"{line}\n" for line in lines).encode())
    run("train", "--source", tmp_path / "source", "--target", tmp_path / "target", "--model", tmp_path / "model.json")
    run("predict", "--model", tmp_path / "model.json", "--source", tmp_path / "source", "--output", tmp_path / "output")
    assert (tmp_path / "output").read_bytes().decode().split("\n") == [*(target for _, target in pairs), ""]


def test_models_from_before_are_read(tmp_path: Path) -> None:
    model = {"known": {"t a l o n": "t a l o"}, "rules": [["", "", 1, ""], ["", "", 0, ""]], "under": {"n": [0], "": [1]}}
    (tmp_path / "model.json").write_text(json.dumps(model))
    (tmp_path / "source").write_text("t a l o n\na u t o n\na\n")
    run("predict", "--model", tmp_path / "model.json", "--source", tmp_path / "source", "--output", tmp_path / "output")
    assert (tmp_path / "output").read_text() == "t a l o\na u t o\na\n"


@pytest.mark.parametrize(
    "source",
    ["t a l o n", "<lc> t a l o n <rc>", "<w> t a l o n </w>", "<w> <rc> t a l o n <lc> </w>", "<w> <lc> t <lc> a <rc> n </w>"],
)
def test_what_only_looks_like_a_context_is_a_form(tmp_path: Path, source: str) -> None:
    assert predicted(tmp_path, [(source, "t a l o")], [source, "a u t o n"])[0] == "t a l o"
    assert source in json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))["known"]


@pytest.mark.skipif(not UD_FINNISH.is_dir(), reason="the UD_Finnish-TDT files are not here: set DAISY_TEST_DATA")
@pytest.mark.parametrize(("compounds", "expected"), [("keep", 0.730), ("strip", 0.791)])
def test_its_accuracy_on_a_treebank_is_the_known_one_whatever_the_context(
    project: DaisyProject, compounds: str, expected: float
) -> None:
    for context in (20, 0):
        done = project.daisy(
            "framework=suffix", "dataset=ud/finnish-tdt", "dataset.splits.train=test", "dataset.splits.test=null",
            f"dataset.compounds={compounds}", f"dataset.context={context}", f"env.mirror={UD_FINNISH}",
        )  # fmt: skip
        assert done.code == 0, done.err
    with_context, alone = project.models()
    assert accuracy(with_context) == accuracy(alone) == pytest.approx(expected, abs=0.01)
