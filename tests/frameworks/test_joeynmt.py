"""JoeyNMT: its configuration to the letter, its log, whole checkpoints; for real where it is set up."""

import json
import os
import random
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from frameworks.asked import options, shipped
from frameworks.odd_lines import EXPECTED, predictions_for_odd_lines
from frameworks.real import real_environment, real_python
from frameworks.replay import RECORDED
from support import CHECKOUT, DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.configuration.model import leaves
from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Description, Options, Paths
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "joeynmt"
PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return shipped("joeynmt")


def trained_with(adapter: Adapter, chosen: Options, resume: Checkpoint | None = None) -> Any:
    arguments = adapter.train(chosen, PATHS, resume).arguments
    assert arguments[:4] == ("python", "/c/run.py", "train", "--config") and len(arguments) == 5
    return json.loads(arguments[4])


def test_the_configuration_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    config = trained_with(
        adapter, options(project, "joeynmt", "arch.hidden=64", "arch.embedding=32", "train.patience=3", "seed=9")
    )
    embeddings = {"embedding_dim": 32, "dropout": 0.1}
    recurrent = {"type": "recurrent", "rnn_type": "gru", "embeddings": embeddings, "hidden_size": 64, "dropout": 0.1}
    assert config == {
        "name": "daisy",
        "model_dir": "/m",
        "use_cuda": False,
        "random_seed": 9,
        "data": {
            "train": "/d/train",
            "dev": "/d/dev",
            "dataset_type": "plain",
            "src": {"lang": "source", "level": "word", "voc_file": "/f/train-source.vocabulary"},
            "trg": {"lang": "target", "level": "word", "voc_file": "/f/train-target.vocabulary"},
            "special_symbols": {"unk_token": "< unk >", "pad_token": "< pad >", "bos_token": "< bos >", "eos_token": "< eos >"},
        },
        "training": {
            "optimizer": "adam",
            "learning_rate": 0.002,
            "learning_rate_min": 0.0,
            "clip_grad_norm": 1.0,
            "normalization": "tokens",
            "batch_size": 20,
            "batch_type": "sentence",
            "epochs": 11,
            "patience": 3,
            "validation_freq": 50,
            "logging_freq": 2,
            "early_stopping_metric": "acc",
            "keep_best_ckpts": 1,
            "print_valid_sents": [],
        },
        "testing": {"batch_size": 64, "eval_metrics": ["sequence_accuracy"], "beam_size": 5, "beam_alpha": 1.0},
        "model": {
            "encoder": {**recurrent, "num_layers": 1, "bidirectional": True},
            "decoder": {**recurrent, "num_layers": 1, "hidden_dropout": 0.1},
        },
    }


def test_every_name_is_one_that_the_installed_framework_reads(project: DaisyProject, adapter: Adapter) -> None:
    """JoeyNMT ignores what it does not know: a name that is spelt wrong would say nothing."""
    known = json.loads((RECORDED / "joeynmt" / "description.json").read_text())["options"]
    for architecture in ("rnn", "transformer"):
        config = trained_with(
            adapter, options(project, "joeynmt", f"architecture={architecture}"), Checkpoint(Path("/m/latest.ckpt"))
        )
        del config["data"]["special_symbols"]  # a section of which the list names only the whole
        assert {name for name, _ in leaves(config)} <= set(known)
    assert "data.special_symbols" in known


def test_transformer(project: DaisyProject, adapter: Adapter) -> None:
    model = trained_with(adapter, options(project, "joeynmt", "architecture=transformer", "arch.heads=2", "arch.dropout=0.2"))[
        "model"
    ]
    assert model["encoder"] == {
        "type": "transformer",
        "embeddings": {"embedding_dim": 64, "scale": True, "dropout": 0.2},
        "hidden_size": 64,
        "num_layers": 2,
        "num_heads": 2,
        "ff_size": 256,
        "dropout": 0.2,
        "layer_norm": "pre",
    }
    assert model["decoder"] == model["encoder"]


def test_layers_gpu_no_limit_each_resume(project: DaisyProject, adapter: Adapter) -> None:
    model = trained_with(adapter, options(project, "joeynmt", "arch.layers=3"))["model"]
    assert (model["encoder"]["num_layers"], model["decoder"]["num_layers"]) == (3, 1)
    assert trained_with(adapter, options(project, "joeynmt", "env.device=gpu"))["use_cuda"] is True
    assert trained_with(adapter, options(project, "joeynmt", "train.seconds=9"))["training"]["epochs"] == 1_000_000
    assert trained_with(adapter, options(project, "joeynmt", "train.validate=each"))["training"]["keep_best_ckpts"] == -1
    assert "load_model" not in trained_with(adapter, options(project, "joeynmt"))["training"]
    resumed = trained_with(adapter, options(project, "joeynmt"), Checkpoint(Path("/m/latest.ckpt")))
    assert resumed["training"]["load_model"] == "/m/latest.ckpt"


def test_predict(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "joeynmt", "framework.options.testing.beam_size=9", "arch.hidden=64")
    arguments = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/best.ckpt")), Path("/in"), Path("/out")).arguments
    assert arguments[:4] == ("python", "/c/run.py", "predict", "--config")
    assert arguments[5:] == ("--source", "/in", "--output", "/out")
    config = json.loads(arguments[4])
    default = trained_with(
        adapter, options(project, "joeynmt", *(f"framework.options.testing.beam_{name}=null" for name in ("size", "alpha")))
    )
    assert (default["testing"]["beam_size"], default["testing"]["beam_alpha"]) == (5, 1.0)
    assert config["testing"]["load_model"] == "/m/best.ckpt" and config["testing"]["beam_size"] == 9
    assert config["model"] == trained_with(adapter, chosen)["model"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["architecture=conv"], "joeynmt has no convolutional encoder: choose architecture=rnn or architecture=transformer"),
        (["arch.attention=false"], "JoeyNMT's decoder always attends"),
        (["+framework.options.training.learning_rate=3"], "is what joeynmt gets from train.learning_rate: set that"),
        (["+framework.options.random_seed=3"], "is what joeynmt gets from seed: set that"),
        (["+framework.options.training.scheduling=plateau"], "scheduling=plateau fails in JoeyNMT 2.3.0"),
        (["+framework.options.training.normalization=batch"], "its loss is counted per token here; leave it out"),
        (["+framework.options.data.src.lowercase=true"], "JoeyNMT's data is what Daisy has prepared as dataset"),
        (["+framework.options.model.encoder.layer_norm=post"], "is for architecture=transformer: leave it out"),
        (["architecture=transformer", "+framework.options.model.decoder.attention=luong"], "is for architecture=rnn"),
        (["+framework.options.training.label_smoothng=0.1"], "did you mean framework.options.training.label_smoothing"),
        (["+framework.options.training.momentum=0.9"], "has no option training.momentum"),
        (["+framework.options.zzz=1"], "has no option zzz - `daisy frameworks joeynmt` lists them"),
        (["+framework.options.testing.min_output_length=4"], "has no option testing.min_output_length"),
        (
            ["framework.options.testing.beam_size=0"],
            "testing.beam_size=0: it must be a whole number from 1 to 1000; 5 is the default",
        ),
        (["framework.options.testing.beam_alpha=-2"], "testing.beam_alpha=-2.0: it must be a number from -1 to 10"),
        (["+arch.kernel=3"], "joeynmt does not use arch.kernel"),
        (["+arch.heads=2"], "joeynmt does not use arch.heads"),
        (["architecture=transformer", "+arch.hidden=3"], "joeynmt does not use arch.hidden"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    described = json.loads((RECORDED / "joeynmt" / "description.json").read_text())
    installed = Description(described["version"], frozenset(described["options"]))
    composed = compose(find_project(project.root, {}), ["framework=joeynmt", "dataset=tiny", *overrides], project.root)
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, composed, COMPANION, installed)


def test_own_options(project: DaisyProject, adapter: Adapter) -> None:
    own = [
        "training.label_smoothing=0.1",
        "training.clip_grad_norm=null",
        "model.encoder.rnn_type=lstm",
        "training.adam_betas=[0.9,0.99]",
    ]
    config = trained_with(adapter, options(project, "joeynmt", *(f"+framework.options.{text}" for text in own)))
    training = config["training"]
    assert (training["label_smoothing"], training["clip_grad_norm"], training["adam_betas"]) == (0.1, None, [0.9, 0.99])
    assert config["model"]["encoder"]["rnn_type"] == "lstm" and config["model"]["decoder"]["rnn_type"] == "gru"


DEFAULTS = {
    "training.optimizer": "another one may be wanted",
    "training.learning_rate_min": "for a schedule",
    "training.clip_grad_norm": "another limit may be wanted",
    "training.logging_freq": "nothing that is learned depends on it",
    "training.print_valid_sents": "it brings back what JoeyNMT prints",
    "testing.batch_size": "how many are predicted at once: what comes out does not depend on it",
    "testing.beam_size": "it is of the prediction",
    "testing.beam_alpha": "it is of the prediction",
    "model.encoder.rnn_type": "no key says it",
    "model.decoder.rnn_type": "no key says it",
    "model.encoder.layer_norm": "no key says it",
    "model.decoder.layer_norm": "no key says it",
    "model.encoder.embeddings.scale": "no key says it",
    "model.decoder.embeddings.scale": "no key says it",
}


def plus(name: str) -> str:
    """conf/framework/joeynmt.yaml has two of them: they are changed, the others are added."""
    return "" if name.startswith("testing.beam_") else "+"


@pytest.mark.parametrize("architecture", ["rnn", "transformer"])
def test_what_it_sets_can_not_be_set_again(project: DaisyProject, adapter: Adapter, architecture: str) -> None:
    """But for what is meant as a default, which an override takes the place of."""
    plain = trained_with(adapter, options(project, "joeynmt", f"architecture={architecture}"), Checkpoint(Path("/m/latest.ckpt")))
    names = {name for name, _ in leaves(plain)}
    for name in names - set(DEFAULTS):
        with pytest.raises(ConfigurationError, match=f"framework.options.{name}"):
            trained_with(
                adapter, options(project, "joeynmt", f"architecture={architecture}", f"{plus(name)}framework.options.{name}=7")
            )
    for name in names & set(DEFAULTS):
        found = dict(
            leaves(
                trained_with(
                    adapter,
                    options(project, "joeynmt", f"architecture={architecture}", f"{plus(name)}framework.options.{name}=7"),
                )
            )
        )
        assert found[name] == 7


STEP = (
    "2026-11-22 20:50:32,443 - INFO - joeynmt.training - Epoch   1, Step:       20, Batch Loss:     2.633263, "
    "Batch Acc: 0.212825, Tokens per Sec:     2665, Lr: 0.002970"
)
EPOCH = "[daisy] epoch 12 at step 600: dev_accuracy 0.965000, valid_loss 0.070310, saved"


def test_its_log(adapter: Adapter) -> None:
    step = adapter.read_line(STEP)
    assert step is not None and (step.epoch, step.step, step.measures) == (1, 20, {"loss": 2.633263})
    epoch = adapter.read_line(f"{EPOCH}\r\n")
    assert epoch is not None and (epoch.epoch, epoch.step, epoch.epoch_done, epoch.saved_epoch) == (12, 600, True, 12)
    assert epoch.measures == {"dev_accuracy": 0.965, "valid_loss": 0.07031}
    for text in ("nan", "inf"):
        odd = adapter.read_line(STEP.replace("2.633263", text))
        assert odd is not None and str(odd.measures["loss"]) == text
    ended = adapter.read_line("[daisy] finished: patience")
    assert ended is not None and ended.ended == "patience"
    assert adapter.read_line(STEP.replace("INFO", "WARNING")) is None
    assert adapter.read_line("2026-11-22 20:50:30,284 - INFO - joeynmt.training - EPOCH 1") is None


@pytest.mark.parametrize("line", [STEP, EPOCH, "[daisy] finished: learning_rate_min"])
def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter, line: str) -> None:
    assert adapter.read_line(line) is not None
    assert {adapter.read_line(line[:length]) for length in range(len(line))} == {None}


def test_the_recorded_log_is_read_to_its_end(adapter: Adapter) -> None:
    lines = (RECORDED / "joeynmt" / "train.log").read_text(encoding="utf-8").splitlines()
    found = [progress for line in lines if (progress := adapter.read_line(line)) is not None]
    assert [progress.saved_epoch for progress in found if progress.saved_epoch] == [1, 2, 3]
    assert found[0].step == 2 and found[-1].ended == "epochs"


def archive(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x", "x")
    return path.read_bytes()


def test_only_whole_checkpoints(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.resume_checkpoint(paths) is None and adapter.best_checkpoint(paths) is None
    archive(tmp_path / "latest.ckpt.unfinished")  # what a kill inside a save leaves
    assert adapter.resume_checkpoint(paths) is None and adapter.epoch_checkpoint(paths, 1) is None
    archive(tmp_path / "latest.ckpt")
    newest = adapter.best_checkpoint(paths)
    assert newest is not None and newest.path.name == "latest.ckpt" and newest == adapter.resume_checkpoint(paths)
    whole = archive(tmp_path / "best.ckpt")
    best = adapter.best_checkpoint(paths)
    assert best is not None and best.path.name == "best.ckpt" and list(best.files) == [best.path]
    for length in range(len(whole)):
        (tmp_path / "best.ckpt").write_bytes(whole[:length])
        assert adapter.best_checkpoint(paths) == newest
    archive(tmp_path / "epoch-12.ckpt")
    twelfth = adapter.epoch_checkpoint(paths, 12)
    assert twelfth is not None and (twelfth.path.name, twelfth.epoch) == ("epoch-12.ckpt", 12)
    assert adapter.epoch_checkpoint(paths, 1) is None


def test_the_vocabularies(adapter: Adapter, project: DaisyProject, tmp_path: Path) -> None:
    (tmp_path / "train-source").write_text("b a a\na <s> ä\n", encoding="utf-8")
    (tmp_path / "train-target").write_text("a\nb\n")
    adapter.write_form(options(project, "joeynmt"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    assert (tmp_path / "train-source.vocabulary").read_text(encoding="utf-8") == "a\n<s>\nb\nä\n"
    assert (tmp_path / "train-target.vocabulary").read_text() == "a\nb\n"


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried", "smaller train.batch_size"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "smaller train.batch_size"),
        ("ModuleNotFoundError: No module named 'importlib_metadata'", "daisy setup joeynmt"),
        ("ERROR: PyTorch 2.13.0+cpu finds no GPU here", "env.device=cpu"),
        ("OverflowError: math range error", "smaller train.learning_rate"),
        ("RuntimeError: PytorchStreamReader failed reading zip archive", "a checkpoint is damaged"),
        ("\tsize mismatch for src_embed.lut.weight: copying a param", "checkpoint and vocabularies do not fit"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/f/train-source.vocabulary'", "it is made again"),
        ("joeynmt.config.ConfigurationError: Invalid optimizer. Valid options: 'adam'", "under framework.options"),
    ],
)
def test_hints(adapter: Adapter, log: str, told: str) -> None:
    assert told in str(adapter.hint(log))
    assert adapter.hint("all is well") is None


SHORT = ["framework=joeynmt", "dataset=odd", "arch.hidden=32", "arch.embedding=16", "train.learning_rate=0.01"]


@pytest.fixture
def odd(project: DaisyProject) -> list[str]:
    """A dataset that JoeyNMT would not read as it is: blanks and `▁` in forms, no-break spaces, a form of 60 characters."""
    real = real_environment("joeynmt")
    chance = random.Random(1)
    stems = ["".join(chance.choices("ab▁\u00a0", k=2)) + " " + "".join(chance.choices("cd", k=2)) for _ in range(300)]
    lines = [f"{stem}en\t{stem}\n" for stem in [*stems, "▁", "\u00a0", "ab" * 30]]
    for split, part in (("train", lines), ("dev", lines[-50:])):
        (project.root / f"{split}.tsv").write_text("".join(part), encoding="utf-8")
    (project.root / "conf" / "dataset" / "odd.yaml").write_text("defaults: [_files]\ntrain: train.tsv\ndev: dev.tsv\n")
    return [*SHORT, *real]


def epochs_of(model: Path) -> list[str]:
    log = model / "daisy" / "run.out"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [line for line in lines if line.startswith("[daisy]")]


@pytest.mark.slow
def test_for_real_killed_and_resumed(project: DaisyProject, odd: list[str]) -> None:
    """A kill within an epoch changes nothing: the rest goes on as if there had been none."""
    words = [*odd, "train.epochs=3", "train.batch_size=5"]  # 61 batches: a number that no smaller one divides
    process = project.start(*words)
    until = time.monotonic() + 300
    while not (project.models() and epochs_of(project.models()[0])):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (killed,) = project.models()
    before = epochs_of(killed)
    assert not before[-1].startswith("[daisy] finished"), "it was too fast to be killed half way"
    whole = (killed / "model_out" / "latest.ckpt").read_bytes()
    (killed / "model_out" / "latest.ckpt.unfinished").write_bytes(whole[:1000])
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    result = json.loads((killed / "daisy" / "result.json").read_text())
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")
    again = project.daisy(*words, "again=true", timeout=300)
    assert again.code == 0, again.err + again.out
    other = next(model for model in project.models() if model != killed)
    after = epochs_of(killed)[len(before) :]  # what was printed in the moment of the kill nobody has read
    assert len(epochs_of(other)) == 4 and before == epochs_of(other)[: len(before)] and after == epochs_of(other)[-len(after) :]
    assert not after[0].startswith("[daisy] epoch 1 ")
    assert result["accuracy"] == json.loads((other / "daisy" / "result.json").read_text())["accuracy"] > 0.1
    told = {int(line.split()[2]): float(line.split()[7].rstrip(",")) for line in epochs_of(other) if "dev_accuracy" in line}
    best = max(told, key=lambda epoch: (told[epoch], -epoch))
    assert (result["checkpoint"]["path"], result["checkpoint"]["epoch"]) == ("model_out/best.ckpt", best)
    predictions = (killed / "daisy" / "predictions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    assert len(predictions) == 50 and predictions[0].split("\t")[2].count("<s>") == 1


@pytest.mark.slow
def test_for_real_patience_and_each_epoch(project: DaisyProject, odd: list[str]) -> None:
    each = ["train.validate=each", "train.patience=1", "train.learning_rate=0.000001", "train.epochs=9"]
    done = project.daisy(*odd, *each, "architecture=transformer", "arch.hidden=null", timeout=300)
    assert done.code == 2 and "arch.hidden" in done.one_line
    words = [word for word in odd if not word.startswith("arch.hidden")]
    done = project.daisy(*words, *each, "architecture=transformer", timeout=300)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["ended_because"] == "patience"
    (best, *_) = [line for line in epochs_of(model) if "dev_accuracy" in line]
    assert (
        best.startswith("[daisy] epoch 1 ")
        and json.loads((model / "daisy" / "result.json").read_text())["checkpoint"]["epoch"] == 1
    )
    kept = {path.name for path in (model / "model_out").glob("*.ckpt")}
    assert kept == {"latest.ckpt", "best.ckpt", "epoch-1.ckpt", "epoch-2.ckpt"}


@pytest.mark.slow
def test_for_real_what_is_wrong(project: DaisyProject, odd: list[str]) -> None:
    wrong = project.daisy(*odd, "+framework.options.training.label_smoothng=0.1")
    assert wrong.code == 2 and "did you mean framework.options.training.label_smoothing?" in wrong.one_line
    assert project.models() == []
    no_gpu = project.daisy(*odd, "env.device=gpu", environment={"CUDA_VISIBLE_DEVICES": ""})
    assert no_gpu.code == 1 and "finds no GPU here" in no_gpu.out + no_gpu.err
    failed = project.daisy(*odd, "train.epochs=1", "+framework.options.training.optimizer=nonsense")
    assert failed.code == 1 and "Traceback" not in failed.err and "under framework.options" in failed.out + failed.err


@pytest.mark.slow
def test_for_real_odd_lines(project: DaisyProject, adapter: Adapter, tmp_path: Path) -> None:
    """Long sources, empty lines at the end and `<unk>` as a word of the data: each line comes out, in its place."""
    chosen = options(
        project,
        "joeynmt",
        "train.validate=each",
        "train.epochs=40",
        "train.learning_rate=0.01",
        "train.batch_size=10",
        "arch.hidden=32",
        "arch.embedding=16",
    )
    found = predictions_for_odd_lines(adapter, real_python("joeynmt"), chosen, COMPANION, tmp_path, ["a b", "", ""])
    assert found == [*EXPECTED, "a", "", ""]
