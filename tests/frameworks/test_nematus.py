"""Nematus: commands to the letter, its log, whole checkpoints; test_nematus_real.py runs it for real."""

import json
import math
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from frameworks.asked import after, configuration, options, options_in, shipped, with_own
from support import CHECKOUT, DaisyProject

from daisy.errors import ConfigurationError, FrameworkError
from daisy.framework import Adapter, Checkpoint, Options, Paths
from daisy.framework.check import check_adapter
from daisy.framework.checkpoint import FOOTER

COMPANION = CHECKOUT / "frameworks" / "nematus"


PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), Path("/s"), {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return shipped("nematus")


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    command = adapter.train(
        options(project, "nematus", "arch.kernel=[2,4]", "arch.pool=2", "arch.highway=1", "seed=7", "train.patience=3"),
        PATHS,
        None,
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
    assert "--gpu" not in command.arguments
    assert after(rest, "--beam_size") == "1"  # while training; the prediction has framework.options.beam_size


def test_resume_and_the_gpu(project: DaisyProject, adapter: Adapter) -> None:
    command = adapter.train(options(project, "nematus", "env.device=gpu"), PATHS, Checkpoint(Path("/m/m-50")))
    assert after(command.arguments, "--reload") == "/m/m-50"
    assert command.arguments[5] == "--gpu"
    assert "--keep-epochs" in adapter.train(options(project, "nematus", "train.validate=each"), PATHS, None).arguments


def test_other_encoders(project: DaisyProject, adapter: Adapter) -> None:
    rnn = adapter.train(options(project, "nematus", "architecture=rnn", "arch.layers=2"), PATHS, None).arguments
    assert after(rnn, "--rnn_enc_depth") == "2" and "--conv_encoder" not in rnn
    transformer = adapter.train(options(project, "nematus", "architecture=transformer", "arch.heads=2"), PATHS, None).arguments
    assert after(transformer, "--model_type") == "transformer" and after(transformer, "--transformer_num_heads") == "2"
    assert not any(word.startswith("--rnn") for word in transformer)
    assert transformer.count("--tie_decoder_embeddings") == 1 and "--tie_decoder_embeddings" not in rnn
    tied = options(project, "nematus", "architecture=transformer", "+framework.options.tie_decoder_embeddings=true")
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
        *(
            ([f"+framework.options.{name}=2"], f"{name} is what nematus gets from train.batch_size")
            for name in ("token_batch_size", "gradient_aggregation_steps", "max_sentences_per_device", "max_tokens_per_device")
        ),
        (["+framework.options.print_per_token_pro=x"], "is what nematus gets from train.epochs"),
        (["+framework.options.dim_per_factor=[3]"], "is what nematus gets from arch.embedding"),
        (["+framework.options.preprocess_script=x"], "is what nematus gets from the dataset"),
        (["+framework.options.prior_model=x"], "is what nematus gets from the model's folder"),
        (["+framework.options.translation_strategy=sampling"], "is what nematus gets from framework.options.beam_size"),
        (["+framework.options.learning_schedule=transformer"], "it heeds no train.learning_rate"),
        (["framework.options.beam_size=0"], "beam_size=0: it must be a whole number from 1 to 1000; 5 is the default"),
        (["framework.options.beam_size=many"], "beam_size must be a whole number"),
        (["framework.options.normalization_alpha=-1"], "normalization_alpha=-1.0: it must be a number from 0 to 10"),
        (["+framework.options.disp_freq=0"], "disp_freq=0: it must be a whole number from 1"),
        (["architecture=rnn", "+arch.kernel=3"], "nematus does not use arch.kernel"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, configuration(project, "nematus", *overrides), COMPANION)


def test_own_options_are_passed_on(project: DaisyProject, adapter: Adapter) -> None:
    own = ["+framework.options.clip_c=0.5", "+framework.options.no_shuffle=true", "+framework.options.sort=null"]
    arguments = adapter.train(options(project, "nematus", *own), PATHS, None).arguments
    assert after(arguments, "--clip_c") == "0.5" and "--no_shuffle" in arguments and "--sort" not in arguments
    predict = adapter.predict(
        options(project, "nematus", "framework.options.beam_size=9"), PATHS, Checkpoint(Path("/m/m")), Path("/in"), Path("/out")
    ).arguments
    assert after(predict, "--beam_size") == "9" and after(predict, "--models") == "/m/m"


DEFAULTS = {
    "optimizer": ("adam", "it has no other one"),
    "valid_batch_size": (7, "nothing that is computed depends on it"),
    "disp_freq": (7, "how often the loss is told"),
    "sample_freq": (7, "nothing reads what it shows of the training examples"),
    "beam_freq": (7, "the same"),
    "beam_size": (1, "the one of training is of the greedy validation; that of framework.options is the prediction's"),
    "rnn_layer_normalisation": (True, "conf/ has it"),
    "tie_decoder_embeddings": (True, "its Transformer can't be built without"),
}  # fmt: skip


@pytest.mark.parametrize("architecture", ["conv", "rnn", "transformer"])
def test_what_the_adapter_sets_can_not_be_set_again(project: DaisyProject, adapter: Adapter, architecture: str) -> None:
    composed = configuration(project, "nematus", f"architecture={architecture}")
    resume = Checkpoint(Path("/m/m-50"))
    names = options_in(adapter.train(Options(composed), PATHS, resume).arguments)
    assert len(names) > 20
    for name in sorted(names - {*DEFAULTS}):
        with pytest.raises(ConfigurationError, match=f"framework.options.{name} is what nematus gets from"):
            adapter.train(with_own(composed, name, 7), PATHS, resume)
    for name in sorted(names & {*DEFAULTS}):
        value, _ = DEFAULTS[name]
        arguments = adapter.train(with_own(composed, name, value), PATHS, None).arguments
        assert f"--{name}" in arguments and (value is True or after(arguments, f"--{name}") == str(value))


def test_null_is_the_default(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "nematus", "framework.options.beam_size=null", "framework.options.normalization_alpha=null")
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/m")), Path("/in"), Path("/out")).arguments
    assert (after(predict, "--beam_size"), after(predict, "--normalization_alpha")) == ("5", "1.0")


STEP = (
    "INFO: [2026-11-22 20:08:35] Epoch: 0 Update: 20 Loss/word: 3.167748929317245 "
    "Words/sec: 878.2605322621727 Sents/sec: 153.14045898207021"
)


def test_its_log(adapter: Adapter) -> None:
    found = adapter.read_line(STEP)
    assert found is not None and (found.epoch, found.step, found.measures) == (1, 20, {"loss": 3.167748929317245})
    assert math.isnan(adapter.read_line(STEP.replace("3.167748929317245", "nan")).measures["loss"])  # type: ignore[union-attr]
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


def checkpoint(folder: Path, name: str) -> dict[str, Path]:
    ends = (".index", ".data-00000-of-00001", ".meta", ".json", ".progress.json")
    files = {end: folder / f"{name}{end}" for end in ends}
    for end, path in files.items():
        path.write_bytes(b"content" + (FOOTER if end == ".index" else b""))
    return files


def listed(folder: Path, *accuracies: float) -> None:
    """progress.json, of epochs of 50 updates."""
    entries = [{"epoch": n, "step": 50 * n, "dev_accuracy": accuracy} for n, accuracy in enumerate(accuracies, start=1)]
    (folder / "progress.json").write_text(json.dumps(entries))


@pytest.mark.parametrize("spoiled", [".index", ".data-00000-of-00001", ".json", ".progress.json"])
def test_the_newest_whole_checkpoint(adapter: Adapter, tmp_path: Path, spoiled: str) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    assert adapter.resume_checkpoint(paths) is None
    checkpoint(tmp_path, "m-50")
    checkpoint(tmp_path, "m-100")
    listed(tmp_path, 0.1, 0.2)
    path = checkpoint(tmp_path, "m-150")[spoiled]
    content = path.read_bytes()
    for left in [content[:length] for length in range(len(content))] if spoiled == ".index" else [None]:
        path.unlink() if left is None else path.write_bytes(left)  # what a kill inside a save leaves
        found = adapter.resume_checkpoint(paths)
        assert found is not None and (found.path, found.step, found.epoch) == (tmp_path / "m-100", 100, 2)
    assert adapter.epoch_checkpoint(paths, 3) is None


def test_the_checkpoint_of_an_epoch(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    for step in (100, 150):  # the first one is gone
        checkpoint(tmp_path, f"m-{step}")
    listed(tmp_path, 0.1, 0.3, 0.2)
    found = [adapter.epoch_checkpoint(paths, epoch) for epoch in (1, 2, 3)]
    assert [one and (one.path.name, one.epoch) for one in found] == [None, ("m-100", 2), ("m-150", 3)]
    (tmp_path / "progress.json").write_text('[{"epoch": 1, "st')
    assert adapter.epoch_checkpoint(paths, 2) is None and adapter.resume_checkpoint(paths) is not None


def test_the_best_checkpoint(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)

    def best() -> tuple[str, int | None]:
        found = adapter.best_checkpoint(paths)
        assert found is not None
        assert {path.name for path in found.files} == {f"{found.path.name}{end}" for end in needed}
        return found.path.name, found.epoch

    needed = (".index", ".json", ".data-00000-of-00001")
    (tmp_path / "m.json").write_text("{}")  # Nematus writes it before training
    assert adapter.best_checkpoint(paths) is None
    for name in ("m-50", "m", "m.best-valid-script"):  # as models without progress.json have them
        checkpoint(tmp_path, name)
        assert best() == (name, None)
    for step in (100, 150, 200):
        checkpoint(tmp_path, f"m-{step}")
    listed(tmp_path, 0.1, 0.3, 0.3, 0.2)
    assert best() == ("m-100", 2)  # the first of two
    (tmp_path / "m-100.index").write_bytes(b"torn")
    assert best() == ("m.best-valid-script", None)  # of a training that went on from one without progress.json
    (tmp_path / "m.best-valid-script.index").unlink()
    assert best() == ("m-150", 3)


def progress_of(scores: list[float], estop: bool = False) -> SimpleNamespace:
    return SimpleNamespace(valid_script_scores=scores, uidx=50 * len(scores), eidx=len(scores) - 1, estop=estop)


def test_what_is_kept_of_the_epochs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    epochs = runpy.run_path(str(COMPANION / "epochs.py"))
    kept = epochs["Epochs"](50, False, 2)
    scores = [0.1, 0.3, 0.3, 0.2]
    for number in range(1, 5):
        checkpoint(tmp_path, "m.best-valid-script")
        checkpoint(tmp_path, f"m-{50 * number}")
        progress = progress_of(scores[:number])
        kept.save(progress, str(tmp_path / f"m-{50 * number}.progress.json"))
        assert progress.estop is (number == 4)
    assert {path.name for path in tmp_path.glob("*.index")} == {"m-100.index", "m-200.index"}
    checkpoint(tmp_path, "m.best-valid-script")
    (tmp_path / "m-100.index").unlink()
    kept.save(progress_of([*scores, 0.1]), str(tmp_path / "m-250.progress.json"))
    assert (tmp_path / "m.best-valid-script.index").exists()  # it is all that is left of the best epoch
    kept.save(progress_of(scores), str(tmp_path / "m-200.progress.json"))
    assert [entry["dev_accuracy"] for entry in json.loads((tmp_path / "progress.json").read_text())] == scores
    assert [record.getMessage() for record in caplog.records][-2:] == ["Saved checkpoint of epoch 4 at update 200", "Early Stop!"]
    assert epochs["finished"](str(tmp_path / "m-100"), 50) == 2 and epochs["finished"](None, 50) == 0
    loaded = progress_of([])
    kept.load(loaded, str(tmp_path / "m-100.progress.json"))
    assert (loaded.eidx, kept.patience_is_over) == (2, False)
    assert len(json.loads((tmp_path / "progress.json").read_text())) == 2  # the others are trained again
    kept.load(loaded, str(tmp_path / "m-200.progress.json"))
    assert kept.patience_is_over


@pytest.mark.parametrize(
    ("targets", "translations", "share"),
    [
        ("a b\nc\nd\n", "a b\n\n\n", 1 / 3),  # the last ones are empty
        ("a\u00a0 b\n", "a b\n", 0),
        ("a \u3000\n", "a \u3000 \n", 1),
    ],
)
def test_exact_match_while_training(tmp_path: Path, targets: str, translations: str, share: float) -> None:
    for name, text in (("targets", targets), ("translations", translations)):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    words = [sys.executable, str(COMPANION / "exact_match.py"), str(tmp_path / "targets"), str(tmp_path / "translations")]
    assert float(subprocess.run(words, capture_output=True, text=True, check=True).stdout) == pytest.approx(share)


def test_its_python(adapter: Adapter) -> None:
    found = adapter.setup(COMPANION)
    assert found is not None and found.python == ("3.7",)  # the pins are for no other one


def test_empty_predictions_at_the_end(adapter: Adapter) -> None:
    assert adapter.read_predictions("a b\n\n\n") == ["a b", "", ""]


def test_hints(adapter: Adapter) -> None:
    assert "smaller train.batch_size" in str(adapter.hint("ResourceExhaustedError: OOM when allocating tensor"))
    assert "daisy setup nematus" in str(adapter.hint("ModuleNotFoundError: No module named 'tensorflow'"))
    assert "env.device=cpu" in str(adapter.hint("ERROR: TensorFlow 1.15.5 finds no GPU here"))
    assert adapter.hint("all is well") is None


def test_the_dictionaries(adapter: Adapter, project: DaisyProject, tmp_path: Path) -> None:
    (tmp_path / "train-source").write_text("b a a\na <s> ä\n", encoding="utf-8")
    (tmp_path / "train-target").write_text("a\nb\n")
    adapter.write_form(options(project, "nematus"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    found = json.loads((tmp_path / "train-source.json").read_text(encoding="utf-8"))
    assert found == {"<EOS>": 0, "<GO>": 1, "<UNK>": 2, "a": 3, "<s>": 4, "b": 5, "ä": 6}
    (tmp_path / "train-target").write_text("a <UNK>\n<unk>\n")
    adapter.write_form(options(project, "nematus"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    found = json.loads((tmp_path / "train-target.json").read_text(encoding="utf-8"))
    assert found == {"<EOS>": 0, "<GO>": 1, "<UNK>": 2, "<unk>": 3, "a": 4}
    (tmp_path / "train-target").write_text("a <EOS> b\n")
    with pytest.raises(FrameworkError, match="the token <EOS>"):
        adapter.write_form(options(project, "nematus"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))


@pytest.mark.parametrize(
    ("scores", "epochs"), [([], 0), ([0.0], 0), ([0.1, 0.1], 1), ([0.1, 0.2, 0.1, 0.2], 2), ([0.3, 0.1, 0.4], 0)]
)
def test_epochs_without_a_better_one(scores: list[float], epochs: int) -> None:
    found = runpy.run_path(str(COMPANION / "epochs.py"))["without_a_better"](scores)
    assert found == epochs
