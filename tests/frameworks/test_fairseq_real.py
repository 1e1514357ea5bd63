"""fairseq for real, where it is set up: trained, killed, gone on with, and what is wrong."""

import json
import os
import runpy
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from frameworks.asked import options, shipped
from frameworks.odd_lines import EXPECTED, predictions_for_odd_lines
from frameworks.real import real_environment, real_python
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.framework import Adapter

COMPANION = CHECKOUT / "frameworks" / "fairseq"


@pytest.fixture
def adapter() -> Adapter:
    return shipped("fairseq")


def metrics(model: Path) -> list[dict[str, Any]]:
    file = model / "daisy" / "metrics.jsonl"
    return [] if not file.is_file() else [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_killed_and_resumed(project: DaisyProject) -> None:
    """It is killed in the middle of the second epoch, finds its newest checkpoint torn, and learns what it would have learnt."""
    words = [
        "framework=fairseq", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=3", "train.learning_rate=0.004",
        "arch.hidden=64", "arch.embedding=32", "arch.filters=50", "train.validate=each",
        f"env.mirror={SIGMORPHON}", *real_environment("fairseq"),
    ]  # fmt: skip
    model = killed_in_epoch(2, project, words)
    with (model / "model_out" / "checkpoint_last.pt").open("r+b") as file:
        file.truncate(1000)
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    log = (model / "daisy" / "run.out").read_text()
    assert "Loaded checkpoint" in log and "checkpoint1.pt (epoch 2 @ 50 updates)" in log
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")
    while_training = {entry["epoch"]: entry["dev_accuracy"] for entry in metrics(model) if "dev_accuracy" in entry}
    scored = {entry["epoch"]: entry["accuracy"] for entry in metrics(model) if "accuracy" in entry}
    assert while_training == pytest.approx(scored), "the same checkpoints, the same search: fairseq and Daisy count the same"
    assert result["accuracy"] == max(scored.values()) > 0.0
    files = {path.name for path in (model / "model_out").iterdir()}
    assert files == {f"checkpoint{name}.pt" for name in ("1", "2", "3", "_best", "_last")}


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_patience_lasts_over_a_kill(project: DaisyProject) -> None:
    """Nothing is learnt: the first epoch stays the best, and the third one after it is the last, whatever comes in between."""
    words = [
        "framework=fairseq", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=9", "train.learning_rate=0.0000001",
        "train.patience=3", "arch.hidden=16", "arch.embedding=16", "arch.filters=16", "train.batch_size=50",
        f"env.mirror={SIGMORPHON}", *real_environment("fairseq"),
    ]  # fmt: skip
    model = killed_in_epoch(3, project, words)
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert result["ended_because"] == "patience"
    assert (result["checkpoint"]["epoch"], result["checkpoint"]["path"]) == (1, "model_out/checkpoint_best.pt")
    assert max(entry["epoch"] for entry in metrics(model) if "dev_accuracy" in entry) == 4


def killed_in_epoch(epoch: int, project: DaisyProject, words: list[str]) -> Path:
    """The folder of a model whose training was killed in the middle of an epoch."""
    process = project.start(*words)
    until = time.monotonic() + 300
    while not (project.models() and any(entry.get("epoch") == epoch for entry in metrics(project.models()[0]))):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (model,) = project.models()
    return model


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_for_real_other_encoders(project: DaisyProject, architecture: str) -> None:
    words = ["train.epochs=60", "train.learning_rate=0.005", "train.batch_size=9"]
    words += ["+framework.options.label-smoothing=0.1", "+framework.options.criterion=label_smoothed_cross_entropy"]
    done = project.daisy(
        "framework=fairseq", "dataset=tiny", f"architecture={architecture}", *words, *real_environment("fairseq"), timeout=300
    )
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    while_training = [entry["dev_accuracy"] for entry in metrics(model) if "dev_accuracy" in entry]
    assert len(while_training) == 60
    accuracy = json.loads((model / "daisy" / "result.json").read_text())["accuracy"]
    assert accuracy == pytest.approx(max(while_training), abs=1e-5) and accuracy > 0.1


@pytest.mark.slow
def test_for_real_what_is_wrong(project: DaisyProject) -> None:
    words = ["framework=fairseq", "dataset=tiny", "train.epochs=1", *real_environment("fairseq")]
    wrong = project.daisy(*words, "+framework.options.label-smoothng=0.1")
    assert wrong.code == 2 and "did you mean framework.options.label-smoothing?" in wrong.one_line
    assert project.models() == []
    no_gpu = project.daisy(*words, "env.device=gpu", environment={"CUDA_VISIBLE_DEVICES": ""})
    assert no_gpu.code == 1 and "finds no GPU here" in no_gpu.out + no_gpu.err and "env.device=cpu" in no_gpu.out + no_gpu.err
    assert "Traceback" not in no_gpu.out + no_gpu.err
    elsewhere = project.daisy(*words, "+framework.options.label-smoothing=0.1")
    assert elsewhere.code != 0 and "Traceback" not in elsewhere.err
    assert "another architecture, criterion" in elsewhere.out + elsewhere.err
    (form,) = (path for path in (project.root / "data" / "forms" / "fairseq").iterdir() if path.is_dir())
    (form / "dict.source.txt").unlink()
    gone = project.daisy(*words)
    assert gone.code != 0 and "Traceback" not in gone.err
    assert f"delete the folder {form}" in gone.out + gone.err


@pytest.mark.slow
def test_for_real_no_other_name_of_an_option_is_left_open() -> None:
    """fairseq has second names for some: `max-sentences` is `batch-size`."""
    asked = (
        "import logging; logging.disable(logging.INFO); import json; from fairseq import options; "
        "print(json.dumps([action.option_strings for action in options.get_training_parser()._actions]))"
    )
    done = subprocess.run([real_python("fairseq"), "-c", asked], capture_output=True, text=True, timeout=250, check=True)
    taken = set(adapter_module()["TAKEN"])
    for strings in json.loads(done.stdout.splitlines()[-1]):
        names = {text.removeprefix("--") for text in strings if text.startswith("--")}
        assert not names & taken or names <= taken, names


def adapter_module() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "frameworks" / "fairseq.py"))


@pytest.mark.slow
def test_for_real_odd_lines(project: DaisyProject, adapter: Adapter, tmp_path: Path) -> None:
    """Long sources and `<unk>` as a word of the data: each line comes out, in its place. fairseq never predicts nothing."""
    chosen = options(
        project,
        "fairseq",
        "architecture=rnn",
        "train.validate=each",
        "train.epochs=40",
        "train.learning_rate=0.01",
        "train.batch_size=10",
        "arch.hidden=32",
        "arch.embedding=16",
    )
    found = predictions_for_odd_lines(adapter, real_python("fairseq"), chosen, COMPANION, tmp_path, ["b a", "a b"])
    assert found[-2] and found == [*EXPECTED, found[-2], "a"]
