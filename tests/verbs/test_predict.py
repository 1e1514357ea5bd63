"""`daisy predict`: a trained model on any input."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def trained(project: Any) -> Any:
    """A project with a suffix model."""
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    return project


def write(project: Any, text: str) -> str:
    (project.root / "forms.txt").write_text(text, encoding="utf-8")
    return "forms.txt"


def dev(project: Any) -> list[list[str]]:
    (model,) = project.models()
    rows = (model / "daisy" / "predictions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    return [[cell.replace(" ", "") for cell in row.split("\t")] for row in rows]


def test_forms_come_back_with_their_predictions(trained: Any) -> None:
    rows = dev(trained)
    done = trained.daisy("predict", "-1", write(trained, "".join(f"{source}\n" for source, _, _ in rows)))
    assert done.code == 0, done.err
    assert [line.split("\t") for line in done.out.splitlines()] == [[source, prediction] for source, _, prediction in rows]
    assert "accuracy" not in done.err


def test_with_targets_they_are_scored(trained: Any) -> None:
    rows = dev(trained)
    forms = write(trained, "".join(f"{source}\t{prediction}\n" for source, _, prediction in rows) + "zzz\tqqqq\n")
    done = trained.daisy("predict", "-1", forms)
    assert f"({len(rows)} of {len(rows) + 1} examples" in done.err
    assert done.out.splitlines()[0].split("\t") == [rows[0][0], rows[0][2], rows[0][2]]


def test_dev_again_gives_what_training_gave(trained: Any) -> None:
    done = trained.daisy("predict", "-1", "--split", "dev", "--output", "out.tsv")
    assert done.code == 0 and done.out == ""
    assert [line.split("\t") for line in (trained.root / "out.tsv").read_text(encoding="utf-8").splitlines()] == dev(trained)


def test_the_test_split_is_kept_apart(trained: Any) -> None:
    (model,) = trained.models()
    before = json.loads((model / "daisy" / "result.json").read_text())
    sizes = json.loads((model / "daisy" / "config.json").read_text())["dataset"]["sizes"]
    if not sizes["test"]:
        pytest.fail("the dataset of the tests has no test split")
    assert trained.daisy("predict", "-1", "--split", "test").code == 0
    after = json.loads((model / "daisy" / "result.json").read_text())
    assert after["accuracy"] == before["accuracy"] and after["state"] == "done"
    assert after["test"]["examples"] == sizes["test"]
    assert len((model / "daisy" / "predictions" / "test.tsv").read_text().splitlines()) == sizes["test"]
    assert "predictions/test.tsv" in after["checksums"]
    listed = json.loads(trained.daisy("list", "--json").out)
    assert str(after["test"]["accuracy"]) not in json.dumps(listed) or after["test"]["accuracy"] == after["accuracy"]
    assert "on test" in trained.daisy("show", "-1").out


def test_tokens_standard_input_and_strange_characters(trained: Any) -> None:
    done = trained.daisy("predict", "-1", "--tokens", write(trained, "k i s s a\n"))
    assert done.out.startswith("k i s s a\t")
    strange = trained.daisy("predict", "-1", write(trained, "\U0001f408 \u05d0\u0301\n-1\n--help\n"))
    assert strange.code == 0, strange.err
    assert [line.split("\t")[0] for line in strange.out.splitlines()] == ["\U0001f408 \u05d0\u0301", "-1", "--help"]
    assert trained.daisy("predict", "-1", "-").one_line.endswith("has no lines: give one with a form on each line")


@pytest.mark.parametrize(
    ("arguments", "text", "told"),
    [
        ((), "", "give a FILE or --split"),
        (("nowhere.txt",), "", "nowhere.txt: there is no such file"),
        (("--split", "train"), "", "choose dev or test"),
        (("forms.txt",), "a\tb\nc\n", "line 2: some lines have a tab"),
        (("forms.txt",), "a\n\nb\n", "forms.txt, line 2: this is empty"),
        (("forms.txt",), "a\x00b\n", "forms.txt, line 1"),
        (("forms.txt", "--output", "nowhere/out"), "a\n", "--output nowhere/out: there is no folder nowhere; make it first"),
        (("forms.txt", "--attention", "nowhere/w"), "a\n", "--attention nowhere/w: there is no folder nowhere; make it first"),
        (("forms.txt", "--split", "test"), "a\n", "forms.txt and --split test: give one of the two"),
        ((".",), "a\n", ".: that is a folder; give a file with a form on each line"),
        (("forms.txt", "--attention", "."), "a\n", "--attention .: that is a folder; give a file in it"),
        (("forms.txt", "--output", "w", "--attention", "./w"), "a\n", "--output and --attention both name w: give two files"),
        (
            ("forms.txt", "--attention", "w"),
            "a\n",
            "suffix gives no attention weights: leave out --attention; `daisy frameworks`",
        ),
    ],
)
def test_what_can_not_be_predicted(trained: Any, arguments: tuple[str, ...], text: str, told: str) -> None:
    write(trained, text)
    done = trained.daisy("predict", "-1", *arguments)
    assert done.code == 2
    assert told in done.one_line


def test_weights_that_are_gone(trained: Any) -> None:
    (model,) = trained.models()
    shutil.rmtree(model / "model_out")
    done = trained.daisy("predict", "-1", write(trained, "a\n"))
    assert done.code == 2 and "trains a model like it" in done.one_line
    assert "not there any more" in trained.daisy("show", "-1").out
    assert not (model / "model_out").exists()


def test_a_model_that_is_not_done(project: Any, tmp_path: Path) -> None:
    project.add_framework("fails", FAILS)
    assert project.daisy("framework=fails", "dataset=tiny").code == 1
    done = project.daisy("predict", "-1", "--split", "dev")
    assert done.code == 2 and "is failed: only a model that is done can predict" in done.one_line


WEIGHTS = '{"source": ["a", "<eos>"], "prediction": ["a", "<eos>"], "weights": [[1, 0], [0.5, 0.5]]}'


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (WEIGHTS, None),
        ("", "wrote are none (line 1: "),
        (WEIGHTS.replace("[1, 0]", "[1, 1]"), "wrote are none (line 1: each row of weights must sum to 1): mend its adapter"),
        (WEIGHTS.replace('n": ["a"', 'n": ["b"'), "wrote are none (line 1: prediction is not the one that was predicted)"),
        (None, "the framework wrote no attention weights"),
    ],
    ids=["good", "empty", "no sum", "another prediction", "no file"],
)
def test_attention_weights_of_a_framework_of_ones_own(project: Any, printed: str | None, told: str | None) -> None:
    """What a framework writes is looked at before it is given on; a file that was there stays as it was."""
    project.add_framework("copies", COPIES, {"copy.py": COPY})
    assert project.daisy("framework=copies", "dataset=tiny").code == 0
    assert "attention weights" in project.daisy("frameworks").out
    (project.root / "old.jsonl").write_text("old")
    environment = {} if printed is None else {"PRINTED": printed}
    done = project.daisy("predict", "-1", write(project, "a\n"), "--attention", "old.jsonl", environment=environment)
    if told is None:
        assert done.code == 0, done.err
        assert done.out == "a\ta\n"
        assert json.loads((project.root / "old.jsonl").read_text()) == json.loads(WEIGHTS)
    else:
        assert done.code == 1 and told in done.one_line
        assert (project.root / "old.jsonl").read_text() == "old"


COPY = """
import os, pathlib, sys
if len(sys.argv) > 3 and "PRINTED" in os.environ:
    pathlib.Path(sys.argv[3]).write_text(os.environ["PRINTED"] + chr(10))
pathlib.Path(sys.argv[2]).write_bytes(pathlib.Path(sys.argv[1]).read_bytes())
"""

COPIES = """
from daisy.framework import Adapter, Checkpoint, Command, Description

class Copies(Adapter):
    def train(self, options, paths, resume):
        return Command.of("python", paths.companion / "copy.py", paths.canonical("dev", "source"), paths.model_out / "m")
    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("python", paths.companion / "copy.py", source, output)
    def attention_weights(self, options, paths, checkpoint, source, output, weights):
        return Command.of("python", paths.companion / "copy.py", source, output, weights)
    def read_line(self, line): return None
    def best_checkpoint(self, paths): return Checkpoint(paths.model_out / "m")
    def describe(self, paths): return Description("1")
"""

FAILS = """
from daisy.framework import Adapter, Command, Description

class Fails(Adapter):
    def train(self, options, paths, resume): return Command.of("false")
    def predict(self, options, paths, checkpoint, source, output): return Command.of("false")
    def read_line(self, line): return None
    def best_checkpoint(self, paths): return None
    def describe(self, paths): return Description("1")
"""


@pytest.fixture
def in_context(project: Any) -> Any:
    """A project with a suffix model of words in their context."""
    treebank = "1\tOn\tolla\tAUX\t_\t_\t0\troot\t_\t_\n2\ttalossa\ttalo\tNOUN\t_\t_\t1\tobl\t_\t_\n\n"
    for part in ("train", "dev"):
        (project.root / f"mine-{part}.conllu").write_text(treebank)
    (project.root / "conf" / "dataset" / "mine.yaml").write_text(
        "defaults: [_ud]\ntreebank: mine\nfolder: .\nfiles: mine-*.conllu\nsplits: {test: null}\ncontext: 3\n"
    )
    assert project.daisy("framework=suffix", "dataset=mine").code == 0
    return project


def test_words_in_their_context_are_readable(in_context: Any) -> None:
    done = in_context.daisy("predict", "-1", "--split", "dev")
    assert done.code == 0, done.err
    assert done.out == "[On] ta\tolla\tolla\nOn [talossa]\ttalo\ttalo\n"
    assert "accuracy 100.0 % (2 of 2 examples" in done.err
    assert "has no test examples" in in_context.daisy("predict", "-1", "--split", "test").one_line


def test_words_in_their_context_are_given_as_tokens(in_context: Any) -> None:
    refused = in_context.daisy("predict", "-1", write(in_context, "talossa\n"))
    assert refused.code == 2
    assert "the sources of mine are more than a form: give them as tokens, as they stand in " in refused.one_line
    sources = Path(refused.one_line.split("as they stand in ")[1].removesuffix(", and add --tokens"))
    assert sources.read_text() == "<w> <lc> O n <rc> <s> t a </w>\n<w> O n <s> <lc> t a l o s s a <rc> </w>\n"
    row = "<w> <lc> a u t o s s a <rc> </w>"
    done = in_context.daisy("predict", "-1", "--tokens", write(in_context, f"{row}\t<w> a u t o </w>\n"))
    assert done.out == f"{row}\t<w> a u t o </w>\t<w> a u t o </w>\n"
    assert "accuracy 100.0 % (1 of 1 examples" in done.err


def test_standard_input_is_utf8_whatever_the_locale(trained: Any) -> None:
    def given(data: bytes) -> Any:
        return subprocess.run(
            trained.command("predict", "-1", "-"), cwd=trained.root, input=data, capture_output=True,
            env=trained.environment({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"}),
        )  # fmt: skip

    done = given("päätä\r\n".encode())
    assert done.returncode == 0 and done.stdout.decode().startswith("päätä\t")
    done = given(b"talo\np\xe4\n")
    assert done.returncode == 2
    assert done.stderr.decode() == "daisy: standard input, line 2, byte 2: 0xe4 is not UTF-8: save the file as UTF-8\n"


def test_marks_of_direction_are_written_as_they_are(trained: Any) -> None:
    """They belong to the text; only a terminal is spared them."""
    form = "\u200f\u05e9\u05dc\u05d5\u05dd\u200e"
    for words in (["--output", "out.tsv"], []):
        done = trained.daisy("predict", "-1", write(trained, f"{form}\n"), *words)
        text = (trained.root / "out.tsv").read_text(encoding="utf-8") if words else done.out
        assert text.startswith(f"{form}\t")


def test_predicting_test_leaves_other_checksums_alone(trained: Any) -> None:
    (model,) = trained.models()
    result = model / "daisy" / "result.json"
    before = json.loads(result.read_text())["checksums"]
    with (model / "daisy" / "predictions" / "dev.tsv").open("a") as file:
        file.write("damaged\n")
    assert trained.daisy("predict", "-1", "--split", "test").code == 0
    after = json.loads(result.read_text())["checksums"]
    assert {name: after[name] for name in before} == before
    assert set(after) == {*before, "predictions/test.tsv"}


def test_links_pipes_and_devices_stay_what_they_are(trained: Any) -> None:
    form = write(trained, "talo\n")
    target = trained.root / "target.tsv"
    (trained.root / "link.tsv").symlink_to(target)
    assert trained.daisy("predict", "-1", form, "--output", "link.tsv").code == 0
    assert (trained.root / "link.tsv").is_symlink() and target.read_text().startswith("talo\t")
    os.mkfifo(trained.root / "pipe")
    with subprocess.Popen(["cat", trained.root / "pipe"], stdout=subprocess.PIPE) as reader:
        assert trained.daisy("predict", "-1", form, "--output", "pipe").code == 0
        assert reader.communicate(timeout=60)[0].startswith(b"talo\t")
    assert (trained.root / "pipe").is_fifo()
    same = trained.daisy("predict", "-1", form, "--output", "./forms.txt")
    assert same.code == 2 and "that is the file to predict; give another one" in same.one_line
    assert (trained.root / "forms.txt").read_text() == "talo\n"
