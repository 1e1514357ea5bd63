"""Marian: commands to the letter, its log, whole checkpoints; for real where it is set up."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from frameworks.real import real_environment
from frameworks.replay import RECORDED
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Options, Paths, lookup
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "marian"
PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return lookup.load(lookup.AdapterFile("marian", CHECKOUT / "frameworks" / "marian.py"))


def options(project: DaisyProject, *overrides: str) -> Options:
    texts = ["framework=marian", "dataset=tiny", "env.device=cpu", *overrides]
    return Options(compose(find_project(project.root, {}), texts, project.root))


def after(arguments: tuple[str, ...], name: str, count: int = 1) -> Any:
    place = arguments.index(name)
    found = arguments[place + 1 : place + 1 + count]
    return found[0] if count == 1 else found


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "arch.hidden=64", "arch.embedding=32", "train.patience=3", "seed=9")
    arguments = adapter.train(chosen, PATHS, None).arguments
    assert arguments[:6] == ("python", "/c/run.py", "train", "--dev-target", "/d/dev-target", "--")
    assert after(arguments, "--type") == "s2s" and after(arguments, "--dim-rnn") == "64" and after(arguments, "--dim-emb") == "32"
    assert after(arguments, "--vocabs", 2) == ("/f/train-source.json", "/f/train-target.json")
    assert [after(arguments, f"--{name}-freq") for name in ("valid", "save", "disp")] == ["50u", "50u", "2u"]
    assert (after(arguments, "--early-stopping"), after(arguments, "--after-epochs"), after(arguments, "--seed")) == (
        "3",
        "11",
        "9",
    )
    assert after(arguments, "--cpu-threads") == "1" and "--devices" not in arguments and "--overwrite" in arguments


def test_gpu_epochs_transformer_resume(project: DaisyProject, adapter: Adapter) -> None:
    gpu = adapter.train(options(project, "env.device=gpu"), PATHS, None).arguments
    assert after(gpu, "--devices") == "0" and "--cpu-threads" not in gpu
    assert "--overwrite" not in adapter.train(options(project, "train.validate=each"), PATHS, None).arguments
    transformer = adapter.train(options(project, "architecture=transformer", "arch.heads=2"), PATHS, None).arguments
    assert after(transformer, "--type") == "transformer" and after(transformer, "--transformer-heads") == "2"
    assert "--restore" not in adapter.train(options(project), PATHS, Checkpoint(Path("/m/m.npz"))).arguments
    torn = adapter.train(options(project), PATHS, Checkpoint(Path("/m/previous/m.npz"))).arguments
    assert after(torn, "--restore") == "/m/previous"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["architecture=conv"], "marian has no convolutional encoder: choose architecture=rnn or architecture=transformer"),
        (["arch.attention=false"], "Marian's decoder always attends"),
        (["+framework.options.learn-rate=3"], "is what marian gets from train.learning_rate"),
        (["+arch.kernel=3"], "marian does not use arch.kernel"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    composed = compose(find_project(project.root, {}), ["framework=marian", "dataset=tiny", *overrides], project.root)
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, composed, COMPANION)


def test_own_options(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(
        project, "+framework.options.label-smoothing=0.1", "+framework.options.skip=true", "framework.options.beam-size=9"
    )
    arguments = adapter.train(chosen, PATHS, None).arguments
    assert after(arguments, "--label-smoothing") == "0.1" and "--skip=true" in arguments
    assert after(arguments, "--beam-size") == "1"
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/x.npz")), Path("/in"), Path("/out")).arguments
    assert after(predict, "--beam-size") == "9" and after(predict, "--models") == "/m/x.npz"


STEP = (
    "[2026-11-22 20:45:30] Ep. 1 : Up. 1,020 : Sen. 1,000 : Cost 2.94604850 * 5,785 @ 300 after 5,785 : "
    "Time 7.33s : 789.10 words/s : gNorm 0.6580"
)
VALID = "[2026-11-22 20:47:16] [valid] Ep. 15 : Up. 600 : translation : 0.965 : stalled 2 times (last best: 0.965)"


def test_its_log(adapter: Adapter) -> None:
    step = adapter.read_line(STEP)
    assert step is not None and (step.epoch, step.step, step.measures) == (1, 1020, {"loss": 2.9460485})
    valid = adapter.read_line(VALID)
    assert valid is not None and (valid.epoch, valid.epoch_done, valid.saved_epoch) == (15, True, 15)
    assert valid.measures == {"dev_accuracy": 0.965}
    nan = adapter.read_line(STEP.replace("2.94604850", "nan"))
    assert nan is not None and nan.measures["loss"] != nan.measures["loss"]
    ended = adapter.read_line("[daisy] finished: patience")
    assert ended is not None and ended.ended == "patience"
    assert adapter.read_line("[2026-11-22 20:45:37] Translating validation set...") is None


def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter) -> None:
    assert [adapter.read_line(STEP[:length]) for length in range(STEP.index("gNorm") + 6)].count(None) == STEP.index("gNorm") + 6
    assert {adapter.read_line(VALID[:length]) for length in range(len(VALID))} == {None}


def archive(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x", "x")


def test_a_checkpoint_that_a_kill_has_torn(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.resume_checkpoint(paths) is None and adapter.best_checkpoint(paths) is None
    for folder in (tmp_path, tmp_path / "previous"):
        for part in ("m.npz", "m.npz.optimizer.npz"):
            archive(folder / part)
        (folder / "m.npz.progress.yml").write_text("epochs: 2\n")
    whole = adapter.resume_checkpoint(paths)
    assert whole is not None and whole.path == tmp_path / "m.npz"
    for part in ("m.npz", "m.npz.optimizer.npz"):
        data = (tmp_path / part).read_bytes()
        for length in range(len(data)):
            (tmp_path / part).write_bytes(data[:length])
            found = adapter.resume_checkpoint(paths)
            assert found is not None and found.path == tmp_path / "previous" / "m.npz"
        (tmp_path / part).write_bytes(data)
    archive(tmp_path / "m.npz.best-translation.npz")
    best = adapter.best_checkpoint(paths)
    assert best is not None and best.path.name == "m.npz.best-translation.npz"


def test_the_validation_script_keeps_the_checkpoint(tmp_path: Path) -> None:
    for part in ("", ".optimizer.npz", ".progress.yml", ".yml"):
        (tmp_path / f"m.npz{part}").write_text(f"first{part}")
    (tmp_path / "targets").write_text("a b\nc\n")
    (tmp_path / "found").write_text("a  b \nd\n")
    command = [sys.executable, str(COMPANION / "exact_match.py"), "targets", str(tmp_path / "m.npz"), "found"]
    for text in ("first", "second"):
        (tmp_path / "m.npz").write_text(text)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout == "0.5\n"
        assert (tmp_path / "previous" / "m.npz").read_text() == text
    (tmp_path / "found").write_text("a b\n")
    assert "1 translations for 2 targets" in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stderr


def test_hints(adapter: Adapter) -> None:
    assert "daisy setup marian" in str(adapter.hint("ModuleNotFoundError: No module named '_pymarian'"))
    assert "smaller train.batch_size" in str(adapter.hint("Error: std::bad_alloc"))
    assert adapter.hint("all is well") is None


def test_the_recorded_log_is_read_to_its_end(adapter: Adapter) -> None:
    lines = (RECORDED / "marian" / "train.log").read_text(encoding="utf-8").splitlines()
    found = [progress for line in lines if (progress := adapter.read_line(line)) is not None]
    assert [progress.saved_epoch for progress in found if progress.saved_epoch] == [1, 2, 3]
    assert found[-1].ended == "epochs"


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_killed_and_resumed(project: DaisyProject) -> None:
    words = [
        "framework=marian", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=3", "arch.hidden=64", "arch.embedding=32",
        "train.learning_rate=0.01", f"env.mirror={SIGMORPHON}", *real_environment("marian"),
    ]  # fmt: skip
    process = project.start(*words)
    until = time.monotonic() + 300
    while not (project.models() and (project.models()[0] / "model_out" / "previous").is_dir()):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (model,) = project.models()
    with (model / "model_out" / "m.npz").open("r+b") as file:
        file.truncate(1000)  # as a kill inside a save leaves it
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    log = (model / "daisy" / "run.out").read_text()
    assert "restored from training checkpoint" in log
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")
    assert result["accuracy"] > 0.0


@pytest.mark.slow
def test_for_real_what_is_wrong(project: DaisyProject) -> None:
    real = real_environment("marian")
    wrong = project.daisy("framework=marian", "dataset=tiny", *real, "+framework.options.label-smoothng=0.1")
    assert wrong.code == 2 and "did you mean framework.options.label-smoothing?" in wrong.one_line
    assert project.models() == []
    failed = project.daisy("framework=marian", "dataset=tiny", *real, "+framework.options.enc-cell=nonsense")
    assert failed.code != 0 and "Traceback" not in failed.err
