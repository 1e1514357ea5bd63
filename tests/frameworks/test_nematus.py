"""Nematus: commands to the letter, its log, whole checkpoints; for real where it is set up."""

import json
import os
import re
import runpy
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from frameworks.real import real_environment
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Options, Paths, lookup
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "nematus"
PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), Path("/s"), {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return lookup.load(lookup.AdapterFile("nematus", CHECKOUT / "frameworks" / "nematus.py"))


def options(project: DaisyProject, *overrides: str) -> Options:
    texts = ["framework=nematus", "dataset=tiny", "env.device=cpu", *overrides]
    return Options(compose(find_project(project.root, {}), texts, project.root))


def after(arguments: tuple[str, ...], name: str, count: int = 1) -> Any:
    """What follows an option."""
    place = arguments.index(name)
    found = arguments[place + 1 : place + 1 + count]
    return found[0] if count == 1 else found


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    command = adapter.train(
        options(project, "arch.kernel=[2,4]", "arch.pool=2", "arch.highway=1", "seed=7", "train.patience=3"), PATHS, None
    )
    assert command.arguments[:14] == (
        "python", "/c/run.py", "train", "--checkout", "/s", "--seed", "7", "--dev-target", "/d/dev-target",
        "--updates-per-epoch", "50", "--stop-after", "3", "--",
    )  # fmt: skip
    rest = command.arguments[14:]
    assert json.loads(after(rest, "--conv_encoder")) == {
        "layers": [{"kernel": 2, "filters": 100}, {"kernel": 4, "filters": 100}],
        "pool": 2,
        "highway": 1,
    }
    assert after(rest, "--dictionaries", 2) == ("/f/train-source.json", "/f/train-target.json")
    assert (after(rest, "--valid_freq"), after(rest, "--save_freq"), after(rest, "--model")) == ("50", "50", "/m/m")
    assert (after(rest, "--embedding_size"), after(rest, "--state_size"), after(rest, "--max_epochs")) == ("64", "128", "11")
    assert "--rnn_layer_normalisation" in rest and "--reload" not in rest
    assert command.environment["CUDA_VISIBLE_DEVICES"] == ""
    assert after(rest, "--beam_size") == "1"  # while training; the prediction has framework.options.beam_size


def test_resume_and_the_gpu(project: DaisyProject, adapter: Adapter) -> None:
    command = adapter.train(options(project, "env.device=gpu"), PATHS, Checkpoint(Path("/m/m-50")))
    assert after(command.arguments, "--reload") == "/m/m-50"
    assert "CUDA_VISIBLE_DEVICES" not in command.environment
    assert "--keep-epochs" in adapter.train(options(project, "train.validate=each"), PATHS, None).arguments


def test_other_encoders(project: DaisyProject, adapter: Adapter) -> None:
    rnn = adapter.train(options(project, "architecture=rnn", "arch.layers=2"), PATHS, None).arguments
    assert after(rnn, "--rnn_enc_depth") == "2" and "--conv_encoder" not in rnn
    transformer = adapter.train(options(project, "architecture=transformer", "arch.heads=2"), PATHS, None).arguments
    assert after(transformer, "--model_type") == "transformer" and after(transformer, "--transformer_num_heads") == "2"
    assert not any(word.startswith("--rnn") for word in transformer)
    assert transformer.count("--tie_decoder_embeddings") == 1 and "--tie_decoder_embeddings" not in rnn
    tied = options(project, "architecture=transformer", "+framework.options.tie_decoder_embeddings=true")
    assert adapter.train(tied, PATHS, None).arguments.count("--tie_decoder_embeddings") == 1


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["arch.attention=false"], "Nematus' decoder always attends"),
        (["+framework.options.learning_rate=3"], "is what nematus gets from train.learning_rate"),
        (["+framework.options.conv_encoder=x"], "is what nematus gets from arch.kernel"),
        (["architecture=transformer", "+framework.options.rnn_lexical_model=true"], "is for recurrent networks"),
        (["architecture=transformer", "arch.embedding=65", "arch.heads=4"], "arch.embedding=65"),
        (["architecture=transformer", "+framework.options.tie_decoder_embeddings=false"], "ties them always"),
        (["+framework.options.translation_maxlen=3"], "is what nematus gets from the dataset"),
        (["architecture=rnn", "+arch.kernel=3"], "nematus does not use arch.kernel"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        composed = compose(find_project(project.root, {}), ["framework=nematus", "dataset=tiny", *overrides], project.root)
        check_adapter(adapter, composed, COMPANION)


def test_own_options_are_passed_on(project: DaisyProject, adapter: Adapter) -> None:
    own = ["+framework.options.clip_c=0.5", "+framework.options.no_shuffle=true", "+framework.options.sort=null"]
    arguments = adapter.train(options(project, *own), PATHS, None).arguments
    assert after(arguments, "--clip_c") == "0.5" and "--no_shuffle" in arguments and "--sort" not in arguments
    predict = adapter.predict(
        options(project, "framework.options.beam_size=9"), PATHS, Checkpoint(Path("/m/m")), Path("/in"), Path("/out")
    ).arguments
    assert after(predict, "--beam_size") == "9" and after(predict, "--models") == "/m/m"


STEP = (
    "INFO: [2026-11-22 20:08:35] Epoch: 0 Update: 20 Loss/word: 3.167748929317245 "
    "Words/sec: 878.2605322621727 Sents/sec: 153.14045898207021"
)


def test_its_log(adapter: Adapter) -> None:
    found = adapter.read_line(STEP)
    assert found is not None and (found.epoch, found.step, found.measures) == (1, 20, {"loss": 3.167748929317245})
    assert adapter.read_line(STEP.replace("3.167748929317245", "nan")).measures["loss"] != 0  # type: ignore[union-attr]
    assert adapter.read_line("INFO: Validation script score: 0.386") == adapter.read_line(
        "INFO: Validation script score: 0.386\r"
    )
    assert adapter.read_line("INFO: Validation script score: 0.386").measures == {"dev_accuracy": 0.386}  # type: ignore[union-attr]
    saved = adapter.read_line("INFO: Saved checkpoint of epoch 3 at update 750")
    assert saved is not None and (saved.saved_epoch, saved.epoch_done) == (3, True)
    assert [adapter.read_line(f"INFO: {line}").ended for line in ("Early Stop!", "All epochs are done")] == ["patience", "epochs"]  # type: ignore[union-attr]
    assert adapter.read_line("INFO: Seen 50") is None


def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter) -> None:
    for length in range(STEP.index("Sents/sec") + 11):
        assert adapter.read_line(STEP[:length]) is None


def checkpoint(folder: Path, name: str, leave_out: str = "") -> None:
    for end in (".index", ".data-00000-of-00001", ".meta", ".json", ".progress.json"):
        if end != leave_out:
            (folder / f"{name}{end}").write_text("x")


@pytest.mark.parametrize("missing", [".index", ".data-00000-of-00001", ".json", ".progress.json"])
def test_the_newest_whole_checkpoint(adapter: Adapter, tmp_path: Path, missing: str) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.resume_checkpoint(paths) is None
    checkpoint(tmp_path, "m-50")
    checkpoint(tmp_path, "m-100")
    checkpoint(tmp_path, "m-150", leave_out=missing)  # what a kill inside a save leaves
    found = adapter.resume_checkpoint(paths)
    assert found is not None and found.path == tmp_path / "m-100"
    first = adapter.epoch_checkpoint(paths, 2)
    assert first is not None and first.path == tmp_path / "m-100"
    assert adapter.epoch_checkpoint(paths, 3) is None


def test_the_best_checkpoint(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    (tmp_path / "m.json").write_text("{}")  # Nematus writes it before training
    assert adapter.best_checkpoint(paths) is None
    for name in ("m-50", "m", "m.best-valid-script"):
        checkpoint(tmp_path, name)
        found = adapter.best_checkpoint(paths)
        assert found is not None and found.path.name == name
        assert {path.name for path in found.files} == {f"{name}{end}" for end in (".index", ".json", ".data-00000-of-00001")}


def test_hints(adapter: Adapter) -> None:
    assert "smaller train.batch_size" in str(adapter.hint("ResourceExhaustedError: OOM when allocating tensor"))
    assert "daisy setup nematus" in str(adapter.hint("ModuleNotFoundError: No module named 'tensorflow'"))
    assert adapter.hint("all is well") is None


def test_the_dictionaries(adapter: Adapter, project: DaisyProject, tmp_path: Path) -> None:
    (tmp_path / "train-source").write_text("b a a\na <s> ä\n", encoding="utf-8")
    (tmp_path / "train-target").write_text("a\nb\n")
    adapter.write_form(options(project), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    found = json.loads((tmp_path / "train-source.json").read_text(encoding="utf-8"))
    assert found == {"<EOS>": 0, "<GO>": 1, "<UNK>": 2, "a": 3, "<s>": 4, "b": 5, "ä": 6}


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_killed_and_resumed(project: DaisyProject) -> None:
    """A convolutional encoder learns, is killed in the middle of an epoch, and goes on from the last whole one."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=3", "train.batch_size=20",
        "arch.hidden=32", "arch.embedding=16", "arch.filters=16", "arch.pool=2", "arch.highway=1",
        f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    process = project.start(*words)
    until = time.monotonic() + 300
    while not (project.models() and list((project.models()[0] / "model_out").glob("m-50.progress.json"))):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (model,) = project.models()
    (model / "model_out" / "m-100.index").write_text("torn")
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    log = (model / "daisy" / "run.out").read_text()
    assert "Initial uidx=50" in log and "INFO: All epochs are done" in log
    assert log.count("Starting epoch 0") == 1
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")


@pytest.mark.parametrize(
    ("scores", "epochs"), [([], 0), ([0.0], 0), ([0.1, 0.1], 1), ([0.1, 0.2, 0.1, 0.2], 2), ([0.3, 0.1, 0.4], 0)]
)
def test_epochs_without_a_better_one(scores: list[float], epochs: int) -> None:
    found = runpy.run_path(str(COMPANION / "run.py"))["without_a_better"](scores)
    assert found == epochs


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_patience(project: DaisyProject) -> None:
    """It learns nothing by heart, its cross entropy gets better all the same: patience goes by exact match."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=low", "train.epochs=20", "train.patience=2",
        "train.learning_rate=0.0001", "arch.hidden=16", "arch.embedding=8", "arch.filters=8",
        f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["ended_because"] == "patience"
    entropies = re.findall(r"Validation cross entropy .*: ([\d.]+) ", (model / "daisy" / "run.out").read_text())
    assert len(entropies) == 3 and sorted(map(float, entropies), reverse=True) == list(map(float, entropies))


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_a_transformer(project: DaisyProject) -> None:
    """Untrained it writes without end: the limit to a translation follows from the source."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=low", "architecture=transformer", "train.epochs=2",
        "arch.embedding=16", "arch.feedforward=16", "arch.heads=2", f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["ended_because"] == "epochs"
