"""fairseq: commands to the letter, its log, whole checkpoints, its tokens; test_fairseq_real.py runs it for real."""

import json
import logging
import os
import runpy
import zipfile
from pathlib import Path

import pytest
from frameworks.asked import after, options, shipped
from frameworks.replay import RECORDED
from support import CHECKOUT, DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Paths
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "fairseq"


PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return shipped("fairseq")


def test_the_form_is_what_fairseq_preprocess_makes(project: DaisyProject, adapter: Adapter) -> None:
    form = adapter.form(options(project, "fairseq"), PATHS)
    assert form is not None
    (command,) = form.commands
    assert command.arguments == (
        "python", "/c/run.py", "preprocess", "--escape", "/d/train-source", "text/train.source",
        "--escape", "/d/train-target", "text/train.target", "--escape", "/d/dev-source", "text/valid.source",
        "--escape", "/d/dev-target", "text/valid.target", "--", "--trainpref", "text/train", "--validpref", "text/valid",
        "--destdir", ".", "--workers", "1", "--padding-factor", "1",
    )  # fmt: skip


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(
        project, "fairseq", "arch.kernel=[2,5]", "arch.filters=[80,90]", "arch.hidden=70", "train.patience=3", "seed=9"
    )
    command = adapter.train(chosen, PATHS, None)
    assert command.arguments == (
        "python", "/c/run.py", "train", "--", "/f", "--save-dir", "/m", "--restore-file", "/m/none",
        "--arch", "fconv", "--encoder-embed-dim", "64", "--decoder-embed-dim", "64", "--dropout", "0.1",
        "--decoder-out-embed-dim", "64", "--encoder-layers", "[(80, 2), (90, 5)]", "--decoder-layers", "[(70, 3), (70, 3)]",
        "--decoder-attention", "True", "--max-source-positions", "1024", "--max-target-positions", "1024", "--truncate-source",
        "--optimizer", "adam", "--lr", "0.002", "--clip-norm", "1", "--criterion", "cross_entropy",
        "--batch-size", "20", "--batch-size-valid", "100", "--required-batch-size-multiple", "1",
        "--max-epoch", "11", "--patience", "3", "--seed", "9", "--cpu", "--distributed-world-size", "1", "--num-workers", "0",
        "--log-format", "json", "--log-interval", "2", "--no-epoch-checkpoints",
    )  # fmt: skip
    assert command.environment == {"OMP_NUM_THREADS": "1"}


def test_gpu_limits_each_resume(project: DaisyProject, adapter: Adapter) -> None:
    gpu = adapter.train(options(project, "fairseq", "env.device=gpu"), PATHS, None)
    assert "--cpu" not in gpu.arguments and gpu.environment == {}
    resumed = adapter.train(
        options(project, "fairseq", "train.seconds=60"), PATHS, Checkpoint(Path("/m/checkpoint_last.pt"))
    ).arguments
    assert after(resumed, "--restore-file") == "/m/checkpoint_last.pt"
    assert after(resumed, "--max-epoch") == "0"  # fairseq's word for no limit
    each = adapter.train(options(project, "fairseq", "train.validate=each"), PATHS, None).arguments
    assert "--no-epoch-checkpoints" not in each


def test_other_encoders(project: DaisyProject, adapter: Adapter) -> None:
    rnn = adapter.train(
        options(project, "fairseq", "architecture=rnn", "arch.layers=2", "arch.hidden=32", "arch.attention=false"), PATHS, None
    )
    assert after(rnn.arguments, "--arch") == "lstm" and "--encoder-bidirectional" in rnn.arguments
    assert [after(rnn.arguments, f"--{side}-layers") for side in ("encoder", "decoder")] == ["2", "2"]
    assert [after(rnn.arguments, f"--{side}-hidden-size") for side in ("encoder", "decoder")] == ["32", "32"]
    assert after(rnn.arguments, "--decoder-attention") == "False"
    chosen = options(project, "fairseq", "architecture=transformer", "arch.heads=2", "arch.feedforward=99", "arch.dropout=0.3")
    transformer = adapter.train(chosen, PATHS, None).arguments
    assert after(transformer, "--arch") == "transformer" and after(transformer, "--max-source-positions") == "10000"
    for side in ("encoder", "decoder"):
        assert [after(transformer, f"--{side}-{name}") for name in ("layers", "attention-heads", "ffn-embed-dim")] == [
            "2",
            "2",
            "99",
        ]
    assert [after(transformer, f"--{name}dropout") for name in ("", "attention-", "activation-")] == ["0.3"] * 3
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/x.pt")), Path("/in"), Path("/out")).arguments
    assert after(predict, "--model-overrides") == "{'checkpoint_activations': True}"


def test_predicting(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "fairseq", "framework.options.beam=9", "framework.options.lenpen=0")
    command = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/x.pt")), Path("/in"), Path("/out"))
    assert command.arguments == (
        "python", "/c/run.py", "generate", "--form", "/f", "--source", "/in", "--output", "/out", "--",
        "--path", "/m/x.pt", "--beam", "9", "--lenpen", "0.0", "--max-len-a", "2", "--max-len-b", "100",
        "--batch-size", "50", "--required-batch-size-multiple", "1", "--num-workers", "0",
        "--max-source-positions", "1024", "--max-target-positions", "1024", "--truncate-source", "--cpu", "--no-progress-bar",
    )  # fmt: skip
    assert "--beam" not in adapter.train(chosen, PATHS, None).arguments
    default = options(project, "fairseq", "framework.options.beam=null", "framework.options.lenpen=null")
    command = adapter.predict(default, PATHS, Checkpoint(Path("/m/x.pt")), Path("/in"), Path("/out"))
    assert (after(command.arguments, "--beam"), after(command.arguments, "--lenpen")) == ("1", "1.0")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["arch.pool=2"], "arch.pool=2: fairseq has no max-pool"),
        (["arch.highway=1"], "arch.highway=1: fairseq has no highway layers"),
        (["arch.attention=false"], "arch.attention=false: fairseq's convolutional decoder sees the source by attention alone"),
        (["+framework.options.encoder-layers=x"], "is what fairseq gets from arch.layers"),
        (["+framework.options.lr=3"], "is what fairseq gets from train.learning_rate"),
        (["+framework.options.log-format=simple"], "Daisy reads fairseq's log as JSON; leave it out"),
        (["+framework.options.no-progress-bar=true"], "Daisy reads fairseq's log as JSON; leave it out"),
        (["+framework.options.sentence-avg=true"], "its loss is counted per token here; leave it out"),
        (["+framework.options.decoder-layers=3"], "is what fairseq gets from arch.layers"),
        (["+framework.options.relu-dropout=0.3"], "is what fairseq gets from arch.dropout"),
        (["architecture=rnn", "+framework.options.decoder-dropout-in=0.3"], "is what fairseq gets from arch.dropout"),
        (["+framework.options.max-sentences=9"], "is what fairseq gets from train.batch_size"),
        (["+framework.options.update-freq=2"], "is what fairseq gets from train.batch_size"),
        (["+framework.options.reset-optimizer=true"], "is what fairseq gets from the model's folder"),
        (["+framework.options.skip-invalid-size-inputs-valid-test=true"], "is what fairseq gets from the dev set"),
        (["framework.options.beam=0"], "framework.options.beam=0: it must be a whole number from 1 to 1000; 1 is the default"),
        (["framework.options.lenpen=11"], "framework.options.lenpen=11: it must be a number from -10 to 10; 1.0 is the default"),
        (["architecture=rnn", "+arch.kernel=3"], "fairseq does not use arch.kernel"),
        (["architecture=transformer", "+arch.hidden=3"], "fairseq does not use arch.hidden"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    composed = compose(find_project(project.root, {}), ["framework=fairseq", "dataset=tiny", *overrides], project.root)
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, composed, COMPANION)


@pytest.mark.parametrize("architecture", ["conv", "rnn", "transformer"])
def test_it_reads_all_that_an_architecture_has(project: DaisyProject, adapter: Adapter, architecture: str) -> None:
    texts = ["framework=fairseq", "dataset=tiny", f"architecture={architecture}"]
    not_read = check_adapter(adapter, compose(find_project(project.root, {}), texts, project.root), COMPANION).unused
    assert [key for key in not_read if key != "train.seconds"] == []


def test_own_options_are_passed_on(project: DaisyProject, adapter: Adapter) -> None:
    own = ["label-smoothing=0.1", "share-decoder-input-output-embed=true", "fp16=false", "adam-betas=[0.9,0.98]"]
    arguments = adapter.train(options(project, "fairseq", *(f"+framework.options.{text}" for text in own)), PATHS, None).arguments
    assert arguments[-5:] == ("--label-smoothing", "0.1", "--share-decoder-input-output-embed", "--adam-betas", "[0.9, 0.98]")


STEP = (
    '2026-11-24 10:21:15 | INFO | train_inner | {"epoch": 3, "update": 2.96, "loss": "0.88", "ppl": "1.84", "wps": "2967.4", '
    '"ups": "13.74", "wpb": "216", "bsz": "20", "num_updates": "148", "lr": "0.002", "gnorm": "1.093", "clip": "50", '
    '"train_wall": "0", "wall": "19"}'
)


VALID = (
    '2026-11-24 10:21:18 | INFO | valid | {"epoch": 3, "valid_loss": "0.789", "valid_ppl": "1.73", "valid_dev_accuracy": '
    '"0.169", "valid_wps": "3528", "valid_wpb": "1080", "valid_bsz": "100", "valid_num_updates": "150", '
    '"valid_best_dev_accuracy": "0.169"}'
)


SAVED = (
    "2026-11-24 10:21:18 | INFO | fairseq.checkpoint_utils | Saved checkpoint /m/a (epoch 9 @ 1 updates, b.pt/checkpoint_best.pt "
    "(epoch 3 @ 150 updates, score 0.169) (writing took 0.06075289499995051 seconds)"
)


def test_its_log(adapter: Adapter) -> None:
    step = adapter.read_line(STEP)
    assert step is not None and (step.epoch, step.step, step.measures, step.epoch_done) == (3, 148, {"loss": 0.88}, False)
    valid = adapter.read_line(VALID + "\r")
    assert valid is not None and (valid.epoch, valid.step) == (3, 150)
    assert valid.measures == {"dev_accuracy": 0.169, "valid_loss": 0.789}
    saved = adapter.read_line(SAVED)
    assert saved is not None and (saved.epoch, saved.step, saved.saved_epoch, saved.epoch_done) == (3, 150, 3, True)
    for text in ("nan", "inf"):
        bad = adapter.read_line(STEP.replace('"0.88"', f'"{text}"'))
        assert bad is not None and repr(bad.measures["loss"]) == text
    ended = adapter.read_line("[daisy] finished: learning rate")
    assert ended is not None and ended.ended == "learning rate"


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24 10:21:18 | INFO | fairseq_cli.train | end of epoch 3 (average epoch stats below)",
        '2026-11-24 10:21:18 | INFO | train | {"epoch": 3, "train_loss": "1.095", "train_num_updates": "150"}',
        '2026-11-24 10:21:18 | INFO | valid | {"epoch": null}',
        '2026-11-24 10:21:18 | INFO | valid | {"epoch": "inf", "valid_num_updates": "inf"}',
        "2026-11-24 10:21:18 | INFO | train_inner | {]}",
    ],
)
def test_lines_that_say_nothing(adapter: Adapter, line: str) -> None:
    assert adapter.read_line(line) is None


@pytest.mark.parametrize("line", [STEP, VALID, SAVED, "[daisy] finished: patience"])
def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter, line: str) -> None:
    assert adapter.read_line(line) is not None
    assert [length for length in range(len(line)) if adapter.read_line(line[:length]) is not None] == []


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x", "x")


def test_a_checkpoint_that_is_damaged(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.resume_checkpoint(paths) is None and adapter.best_checkpoint(paths) is None
    for name in ("_best", "9", "10", "_last"):  # each is newer than those before it
        archive(tmp_path / f"checkpoint{name}.pt")
        found = adapter.resume_checkpoint(paths)
        assert found is not None and found.path == tmp_path / f"checkpoint{name}.pt" and found.files == (found.path,)
    last = tmp_path / "checkpoint_last.pt"
    data = last.read_bytes()
    for length in range(len(data)):
        last.write_bytes(data[:length])
        found = adapter.resume_checkpoint(paths)
        assert found is not None and found.path.name == "checkpoint10.pt"
    best = adapter.best_checkpoint(paths)
    assert best is not None and best.path.name == "checkpoint_best.pt"
    best.path.write_bytes(data[:-1])
    best = adapter.best_checkpoint(paths)
    assert best is not None and best.path.name == "checkpoint10.pt"
    each = adapter.epoch_checkpoint(paths, 9)
    assert each is not None and (each.path.name, each.epoch) == ("checkpoint9.pt", 9)
    assert adapter.epoch_checkpoint(paths, 3) is None


TOKENS = ["a", "<", "<s>", "</s>", "<unk>", "<pad>", "<a0>", "<<s>", "\u00a0", "x\u00a0y", "\u3000", "\u2003", "ä", "a<b>", ">"]


def test_tokens_come_back_as_they_were(adapter: Adapter, tmp_path: Path) -> None:
    escape = runpy.run_path(str(COMPANION / "escaping.py"))
    written = [escape["escaped"](token) for token in TOKENS]
    assert [text.split() for text in written] == [[text] for text in written], "fairseq splits at any white space"
    assert not {"<s>", "</s>", "<pad>", "<unk>"} & set(written) and len(set(written)) == len(TOKENS)
    assert adapter.read_predictions(f"D-0\t-0.5\t{' '.join(written)}\n") == [" ".join(TOKENS)]
    (tmp_path / "in").write_text("a <s> b\n\nä \u00a0", encoding="utf-8")
    escape["escape_file"](tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a <3c>s> b\n\nä <a0>\n"


def test_predictions_in_the_order_of_their_sources(adapter: Adapter) -> None:
    printed = "S-10\tx\nH-10\t-0.1\tn o\nD-10\t-0.1\ta b\nP-10\t-0.1 -0.2\nD-2\t-0.1\t\nD-9\t-inf\t<unk> c\nGenerate test with\n"
    assert adapter.read_predictions(printed) == ["", "<unk> c", "a b"]
    assert adapter.read_predictions("") == []


def test_why_it_ended_and_copies(tmp_path: Path) -> None:
    run = runpy.run_path(str(COMPANION / "run.py"))
    for message, why in (
        ("early stop since valid performance hasn't improved for last 3 runs", "patience"),
        ("Stopping training due to num_updates: 9 >= max_update: 9", "updates"),
        ("done training in 3.0 seconds", "epochs"),
    ):
        ends = run["Ends"]()
        for text in (message, "done training in 3.0 seconds"):
            assert ends.filter(logging.LogRecord("x", logging.INFO, "x", 1, text, None, None))
        assert ends.why == why
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    os.link(tmp_path / "old", tmp_path / "still")
    assert run["copy_atomically"](tmp_path / "new", tmp_path / "old", overwrite=True)
    assert [(tmp_path / name).read_text() for name in ("old", "still")] == ["new", "old"], "it was written in place"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_mark_in_a_checkpoint(adapter: Adapter, tmp_path: Path) -> None:
    """Of which epoch it is can be read without PyTorch; what was saved before there were marks is a checkpoint all the same."""
    run = runpy.run_path(str(COMPANION / "run.py"))
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    with zipfile.ZipFile(tmp_path / "checkpoint_best.pt", "w") as file:
        file.writestr("archive/data.pkl", "x")
    unmarked = adapter.best_checkpoint(paths)
    assert unmarked is not None and (unmarked.epoch, unmarked.step) == (None, None)
    run["mark"](tmp_path / "checkpoint_best.pt", epoch=3, step=150)
    best = adapter.best_checkpoint(paths)
    assert best is not None and (best.epoch, best.step) == (3, 150)
    assert zipfile.ZipFile(best.path).namelist() == ["archive/data.pkl", "archive/daisy.json"]


DEFAULTS = {
    "optimizer": "another one may be wanted",
    "clip-norm": "another limit may be wanted",
    "criterion": "label smoothing is one",
    "num-workers": "nothing that is learned depends on it",
    "log-interval": "nothing that is learned depends on it",
}


@pytest.mark.parametrize("architecture", ["conv", "rnn", "transformer"])
def test_what_it_sets_can_not_be_set_again(project: DaisyProject, adapter: Adapter, architecture: str) -> None:
    """But for what is meant as a default: there the override comes last on the command line, and wins."""
    listed = json.loads((RECORDED / "fairseq" / "description.json").read_text())["options"]
    words = adapter.train(options(project, "fairseq", f"architecture={architecture}"), PATHS, None).arguments
    names = {word.removeprefix("--") for word in words[words.index("--") + 1 :] if word.startswith("--")}
    assert names <= set(listed)
    for name in names - set(DEFAULTS):
        with pytest.raises(ConfigurationError, match=f"framework.options.{name}"):
            adapter.train(
                options(project, "fairseq", f"architecture={architecture}", f"+framework.options.{name}=7"), PATHS, None
            )
    for name in DEFAULTS:
        found = adapter.train(options(project, "fairseq", f"+framework.options.{name}=7"), PATHS, None).arguments
        assert found[-2:] == (f"--{name}", "7") and found.count(f"--{name}") == 2


def test_hints(adapter: Adapter) -> None:
    for log, hint in (
        ("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", "smaller train.batch_size"),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried", "smaller train.batch_size"),
        ("ModuleNotFoundError: No module named 'fairseq'", "daisy setup fairseq"),
        ("fairseq-train: error: unrecognized arguments: --label-smoothing 0.1", "choose that too"),
        ("FloatingPointError: gradients are Nan/Inf", "lower learning rate"),
        ("ERROR: PyTorch 1.13.1+cu117 finds no GPU here", "env.device=cpu"),
        ("RuntimeError: PytorchStreamReader failed reading zip archive", "delete it from model_out"),
        ("Exception: Size of sample #3 is invalid (=(1, 2000)) since max_positions=(1024, 1024)", "architecture=rnn"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/f/dict.source.txt'", "made again"),
    ):
        assert hint in str(adapter.hint(log))
    assert adapter.hint("all is well") is None


def test_the_recorded_log_is_read_to_its_end(adapter: Adapter) -> None:
    lines = (RECORDED / "fairseq" / "train.log").read_text(encoding="utf-8").splitlines()
    found = [progress for line in lines if (progress := adapter.read_line(line)) is not None]
    assert [progress.saved_epoch for progress in found if progress.saved_epoch] == [1, 2, 3]
    assert found[-1].ended == "epochs"
