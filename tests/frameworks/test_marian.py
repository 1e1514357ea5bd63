"""Marian's adapter: commands to the letter, which options may be set again, its log."""

import json
from pathlib import Path

import pytest
from frameworks.asked import after, options, shipped
from frameworks.replay import RECORDED
from support import CHECKOUT, DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError, FrameworkError
from daisy.framework import Adapter, Checkpoint, Command, Options, Paths
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "marian"
PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return shipped("marian")


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "marian", "arch.hidden=64", "arch.embedding=32", "train.patience=3", "seed=9")
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
    gpu = adapter.train(options(project, "marian", "env.device=gpu"), PATHS, None).arguments
    assert after(gpu, "--devices") == "0" and "--cpu-threads" not in gpu
    assert "--overwrite" not in adapter.train(options(project, "marian", "train.validate=each"), PATHS, None).arguments
    transformer = adapter.train(options(project, "marian", "architecture=transformer", "arch.heads=2"), PATHS, None).arguments
    assert after(transformer, "--type") == "transformer" and after(transformer, "--transformer-heads") == "2"
    assert "--resume" not in adapter.train(options(project, "marian"), PATHS, None).arguments
    for folder in ("/m", "/m/previous"):
        resumed = adapter.train(options(project, "marian"), PATHS, Checkpoint(Path(folder, "m.npz"))).arguments
        assert after(resumed, "--resume") == folder


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["architecture=conv"], "marian has no convolutional encoder: choose architecture=rnn or architecture=transformer"),
        (["arch.attention=false"], "Marian's decoder always attends"),
        (["+framework.options.learn-rate=3"], "is what marian gets from train.learning_rate"),
        (["+framework.options.optimizer-delay=2"], "is what marian gets from train.batch_size"),
        (["+framework.options.quiet=true"], "framework.options.quiet: Daisy reads Marian's log; leave it out"),
        (["framework.options.beam-size=0"], "framework.options.beam-size=0: it must be a whole number from 1 to 1000"),
        (["framework.options.normalize=-0.5"], "framework.options.normalize=-0.5: it must be a number from 0 to 10"),
        (["+arch.kernel=3"], "marian does not use arch.kernel"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    composed = compose(find_project(project.root, {}), ["framework=marian", "dataset=tiny", *overrides], project.root)
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, composed, COMPANION)


def test_own_options(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(
        project,
        "marian",
        "+framework.options.label-smoothing=0.1",
        "+framework.options.skip=true",
        "framework.options.beam-size=9",
    )
    arguments = adapter.train(chosen, PATHS, None).arguments
    assert after(arguments, "--label-smoothing") == "0.1" and "--skip=true" in arguments
    assert after(arguments, "--beam-size") == "1"
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/x.npz")), Path("/in"), Path("/out")).arguments
    assert after(predict, "--beam-size") == "9" and after(predict, "--models") == "/m/x.npz"
    assert "--max-length-crop" in predict and "--label-smoothing" not in predict


OVERRIDABLE = {
    "optimizer": "Adam is Daisy's choice",
    "clip-norm": "a choice of how to train, which no key of Daisy's stands for",
    "maxi-batch": "how many batches are sorted together: an epoch has as many",
    "valid-mini-batch": "how fast dev is translated",
    "workspace": "how much memory there is",
    "enc-cell": "a recurrent network has other cells, too",
    "dec-cell": "a recurrent network has other cells, too",
    "beam-size": "it is the prediction's; validation while training is greedy",
    "normalize": "it is the prediction's",
}


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_what_is_on_its_command_line_can_not_be_set_again(project: DaisyProject, adapter: Adapter, architecture: str) -> None:
    chosen = options(project, "marian", f"architecture={architecture}")
    commands = adapter.train(chosen, PATHS, None), predicting(adapter, chosen)
    described = json.loads((RECORDED / "marian" / "description.json").read_text())["options"]
    for word in sorted({word for command in commands for word in command.arguments if word.startswith("--")}):
        name = word.removeprefix("--")
        if name in OVERRIDABLE or name not in described:  # the framework or the wrapper's flags refuse it
            continue
        with pytest.raises(ConfigurationError, match=r"is what marian gets from|leave it out"):
            adapter.train(options(project, "marian", f"architecture={architecture}", f"+framework.options.{name}=3"), PATHS, None)


@pytest.mark.parametrize("name", OVERRIDABLE)
def test_a_default_gives_way(project: DaisyProject, adapter: Adapter, name: str) -> None:
    chosen = options(project, "marian", f"++framework.options.{name}=7")
    train, predict = adapter.train(chosen, PATHS, None).arguments, predicting(adapter, chosen).arguments
    of_prediction = name in ("beam-size", "normalize")
    assert (predict if of_prediction else train).count(f"--{name}") == 1
    assert float(after(predict if of_prediction else train, f"--{name}")) == 7
    assert not of_prediction or name == "normalize" or after(train, f"--{name}") == "1"


def predicting(adapter: Adapter, chosen: Options) -> Command:
    return adapter.predict(chosen, PATHS, Checkpoint(Path("/m/x.npz")), Path("/in"), Path("/out"))


@pytest.mark.parametrize("name", ["max-length-factor", "word-penalty", "allow-unk", "workspace"])
def test_what_searching_depends_on_is_for_training_and_prediction(project: DaisyProject, adapter: Adapter, name: str) -> None:
    chosen = options(project, "marian", f"+framework.options.{name}={'true' if name == 'allow-unk' else 4}")
    word = f"--{name}=true" if name == "allow-unk" else f"--{name}"
    assert word in adapter.train(chosen, PATHS, None).arguments and word in predicting(adapter, chosen).arguments


def test_its_vocabularies(project: DaisyProject, adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    for side in ("source", "target"):
        (tmp_path / f"train-{side}").write_text("b <unk> b\na <unk> b\n")
    adapter.write_form(options(project, "marian"), paths)
    written = json.loads((tmp_path / "train-source.json").read_text())
    assert written == {"</s>": 0, "<unk>": 1, "b": 2, "a": 3}
    (tmp_path / "train-target").write_text("a </s>\n")
    with pytest.raises(FrameworkError, match="the token </s> \\(target\\), which the framework has for itself"):
        adapter.write_form(options(project, "marian"), paths)


STEP = (
    "[2026-11-22 20:45:30] Ep. 1 : Up. 1020 : Sen. 1,000 : Cost 2.94604850 * 5,785 @ 300 after 5,785 : "
    "Time 7.33s : 789.10 words/s : gNorm 0.6580"
)
VALID = "[2026-11-22 20:47:16] [valid] Ep. 15 : Up. 600 : translation : 0.965 : stalled 2 times (last best: 0.965)"


def test_its_log(adapter: Adapter) -> None:
    step = adapter.read_line(STEP)
    assert step is not None and (step.epoch, step.step, step.measures) == (1, 1020, {"loss": 2.9460485})
    valid = adapter.read_line(VALID)
    assert valid is not None and (valid.epoch, valid.epoch_done, valid.saved_epoch) == (15, True, 15)
    assert valid.measures == {"dev_accuracy": 0.965}
    reported = adapter.read_line(f"{STEP} : L.r. 1.0000e-02")
    assert reported is not None and reported.measures == {"loss": 2.9460485}
    scored = adapter.read_line("[daisy] epoch 2 at update 100: dev_accuracy 0.022")
    assert scored is not None and (scored.epoch, scored.step, scored.saved_epoch) == (2, 100, 2)
    assert scored.measures == {"dev_accuracy": 0.022}
    nan = adapter.read_line(STEP.replace("2.94604850", "nan"))
    assert nan is not None and nan.measures["loss"] != nan.measures["loss"]
    ended = adapter.read_line("[daisy] finished: patience")
    assert ended is not None and ended.ended == "patience"
    assert adapter.read_line("[2026-11-22 20:45:37] Translating validation set...") is None


def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter) -> None:
    assert [adapter.read_line(STEP[:length]) for length in range(STEP.index("gNorm") + 6)].count(None) == STEP.index("gNorm") + 6
    assert {adapter.read_line(VALID[:length]) for length in range(len(VALID))} == {None}


def test_hints(adapter: Adapter) -> None:
    assert "daisy setup marian" in str(adapter.hint("ModuleNotFoundError: No module named '_pymarian'"))
    assert "smaller train.batch_size" in str(adapter.hint("Error: std::bad_alloc"))
    assert "env.device=cpu" in str(adapter.hint("ERROR: Marian finds no GPU here"))
    assert adapter.hint("all is well") is None


def test_the_recorded_log_is_read_to_its_end(adapter: Adapter) -> None:
    lines = (RECORDED / "marian" / "train.log").read_text(encoding="utf-8").splitlines()
    found = [progress for line in lines if (progress := adapter.read_line(line)) is not None]
    assert [progress.saved_epoch for progress in found if progress.saved_epoch] == [1, 2, 3]
    assert found[-1].ended == "epochs"
