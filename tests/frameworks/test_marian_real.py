"""Marian for real, where it is set up: killed at the worst moments, in strange places, with strange data."""

import json
import os
import re
import signal
import time
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from frameworks.real import VARIABLE, real_environment
from packaging.specifiers import SpecifierSet
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.cli.init import make_project
from daisy.framework import lookup

pytestmark = pytest.mark.slow
SMALL = ("arch.hidden=32", "arch.embedding=16", "arch.dropout=0", "train.learning_rate=0.01")


def finnish(*overrides: str) -> list[str]:
    if not SIGMORPHON.is_dir():
        pytest.skip("the CoNLL-SIGMORPHON files are not here")
    real = real_environment("marian")
    return ["framework=marian", "dataset=cs/finnish", *SMALL, f"env.mirror={SIGMORPHON}", *real, *overrides]


def killed_in_validation(project: DaisyProject, number: int, words: list[str], outright: bool = True) -> None:
    """Train until the dev set is translated for the so-manieth time, and kill Daisy there; outright: Marian, too.

    Daisy alone: its guard asks Marian to end, which has some seconds to do so.
    """
    process = project.start(*words)
    until = time.monotonic() + 240
    while not (project.models() and run_out(project).count("Translating validation set...") == number):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    model_out = project.models()[0] / "model_out"
    for pid in (process.pid, *(of_marian(model_out) if outright else ())):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    if outright:
        notes = model_out / "validations.json"
        assert len(json.loads(notes.read_text())["validations"] if notes.exists() else []) == number - 1


def of_marian(model_out: Path) -> list[int]:
    """The processes that are in the model's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").samefile(model_out):
                found.append(int(entry.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def run_out(project: DaisyProject) -> str:
    log = project.models()[0] / "daisy" / "run.out"
    return log.read_text() if log.exists() else ""


def finished(project: DaisyProject, words: list[str]) -> dict[str, Any]:
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    result: dict[str, Any] = json.loads((project.models()[0] / "daisy" / "result.json").read_text())
    return result


def dev_accuracies(project: DaisyProject) -> list[tuple[int, float]]:
    lines = (project.models()[0] / "daisy" / "metrics.jsonl").read_text().splitlines()
    return [(entry["epoch"], entry["dev_accuracy"]) for entry in map(json.loads, lines) if "dev_accuracy" in entry]


def test_killed_between_a_save_and_its_validation(project: DaisyProject, tmp_path: Path) -> None:
    words = finnish("dataset.size=medium", "train.epochs=3", "arch.hidden=64", "arch.embedding=32")
    undisturbed = DaisyProject(tmp_path / "undisturbed")
    make_project(undisturbed.root)
    expected = finished(undisturbed, words)
    for number in (2, 3):
        killed_in_validation(project, number, words)
    result = finished(project, words)
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 3, "epochs")
    assert dev_accuracies(project) == dev_accuracies(undisturbed) and len(dev_accuracies(project)) == 3
    assert result["accuracy"] == expected["accuracy"] > 0
    best = [each.models()[0] / "model_out" / "m.npz.best-translation.npz" for each in (project, undisturbed)]
    assert best[0].read_bytes() == best[1].read_bytes()


@pytest.mark.parametrize("outright", [True, False])
def test_patience_over_a_kill(project: DaisyProject, outright: bool) -> None:
    words = finnish("dataset.size=low", "train.epochs=9", "train.patience=3", "train.learning_rate=0.000000001")
    killed_in_validation(project, 3, words, outright)
    result = finished(project, words)
    assert result["ended_because"] == "patience"
    assert sorted(set(dev_accuracies(project))) == [(epoch, 0.0) for epoch in (1, 2, 3, 4)]


def test_a_torn_checkpoint(project: DaisyProject) -> None:
    words = finnish("dataset.size=low", "train.epochs=3")
    killed_in_validation(project, 3, words)
    with (project.models()[0] / "model_out" / "m.npz").open("r+b") as file:
        file.truncate(1000)
    result = finished(project, words)
    assert "restored from training checkpoint" in run_out(project)
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")
    assert [epoch for epoch, _ in dev_accuracies(project)] == [1, 2, 2, 3]


def words_dataset(project: DaisyProject, pairs: list[tuple[str, str]]) -> None:
    (project.root / "conf" / "dataset" / "words.yaml").write_text(
        "defaults: [_files]\ntrain: words.tsv\ndev: words.tsv\ntest: words.tsv\ntokens: words\n"
    )
    (project.root / "words.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs))


def test_a_folder_with_a_blank_and_a_quote_in_its_name(tmp_path: Path) -> None:
    project = DaisyProject(tmp_path / "it's $(touch here); mine")
    make_project(project.root)
    words_dataset(project, [("a b", "b a"), ("c d", "d c"), ("a d", "d a")])
    real = real_environment("marian")
    result = finished(project, ["framework=marian", "dataset=words", *SMALL, *real, "train.epochs=40", "train.validate=each"])
    assert result["accuracy"] == 1.0
    assert dev_accuracies(project)[-1] == (40, 1.0)
    assert not list(tmp_path.rglob("here"))


def test_a_source_of_many_tokens_and_an_unknown_one(project: DaisyProject) -> None:
    real = real_environment("marian")
    pairs = [("a <unk> b", "b"), ("c d", "d c"), ("a d", "d <unk>"), (" ".join("ab" * 550), "a b")]
    words_dataset(project, pairs)
    result = finished(project, ["framework=marian", "dataset=words", *SMALL, *real, "train.epochs=2", "train.batch_size=1"])
    assert result["examples"] == len(pairs)
    assert "[daisy] training leaves out 1 examples of more than 999 tokens" in run_out(project)
    assert [epoch for epoch, _ in dev_accuracies(project)] == [1, 2]
    (project.root / "input").write_text("c d\n" + " ".join("ab" * 550) + "\na d\na <unk> b\n")
    done = project.daisy("predict", "-1", "input", "--tokens", "--output", "output", timeout=240)
    assert done.code == 0, done.err
    assert (project.root / "output").read_text().count("\n") == 4


def test_what_is_wrong(project: DaisyProject) -> None:
    real = real_environment("marian")
    wrong = project.daisy("framework=marian", "dataset=tiny", *real, "+framework.options.label-smoothng=0.1")
    assert wrong.code == 2 and "did you mean framework.options.label-smoothing?" in wrong.one_line
    assert project.models() == []
    failed = project.daisy("framework=marian", "dataset=tiny", *real, "+framework.options.enc-cell=nonsense")
    assert failed.code != 0 and "Traceback" not in failed.err


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="there is a GPU here")
def test_no_gpu(project: DaisyProject) -> None:
    failed = project.daisy("framework=marian", "dataset=tiny", *real_environment("marian"), "env.device=gpu")
    assert failed.code != 0 and "Traceback" not in failed.err
    assert run_out(project).splitlines() == ["ERROR: Marian finds no GPU here"]
    assert "env.device=cpu" in failed.err + failed.out


def test_its_packages_run_in_each_python_that_it_is_set_up_with() -> None:
    real_environment("marian")
    adapter = lookup.load(lookup.AdapterFile("marian", CHECKOUT / "frameworks" / "marian.py"))
    setup = adapter.setup(CHECKOUT / "frameworks" / "marian")
    assert setup is not None
    python = Path(json.loads((Path(os.environ[VARIABLE]) / "marian" / "setup.json").read_text())["python"])
    installed = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.metadata["Requires-Python"]
        for path in python.parent.parent.glob("lib/python*/site-packages/*.dist-info")
        for found in [Distribution.at(path)]
    }
    names = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in setup.requirements.read_text().splitlines()]
    for name in names:
        for version in setup.python:
            assert SpecifierSet(installed[name] or "").contains(f"{version}.0"), f"{name} wants Python {installed[name]}"
