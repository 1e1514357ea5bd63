"""tensor2tensor: commands to the letter, its log, whole checkpoints; test_tensor2tensor_real.py runs it for real."""

import json
import math
from pathlib import Path

import pytest
from frameworks.asked import after, configuration, options, shipped, with_own
from frameworks.replay import RECORDED
from support import CHECKOUT, DaisyProject

from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Description, Options, Paths
from daisy.framework.check import check_adapter
from daisy.framework.checkpoint import FOOTER

COMPANION = CHECKOUT / "frameworks" / "tensor2tensor"


PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})


@pytest.fixture
def adapter() -> Adapter:
    return shipped("tensor2tensor")


def hparams(arguments: tuple[str, ...], name: str = "--hparams") -> dict[str, str]:
    return dict(pair.split("=") for pair in after(arguments, name).split(","))


def test_the_command_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(
        project, "tensor2tensor", "arch.embedding=32", "arch.feedforward=48", "arch.heads=2", "arch.layers=3", "arch.dropout=0.2",
        "train.batch_size=30", "train.epochs=4", "train.patience=3", "train.learning_rate=0.005", "seed=9",
    )  # fmt: skip
    command = adapter.train(chosen, PATHS, None)
    assert command.arguments == (
        "python", "/c/run.py", "trainer", "--dataset", "/d", "--steps-per-epoch", "34", "--patience", "3", "--",
        "--t2t_usr_dir", "/c/daisy_pairs", "--problem", "daisy_pairs", "--data_dir", "/f",
        "--model", "transformer", "--hparams_set", "transformer_base", "--hparams",
        "hidden_size=32,filter_size=48,num_hidden_layers=3,num_heads=2,layer_prepostprocess_dropout=0.2,attention_dropout=0.2,"
        "relu_dropout=0.2,batch_size=30,use_fixed_batch_size=True,optimizer=true_adam,learning_rate_schedule=constant,"
        "learning_rate_constant=0.005,symbol_modality_num_shards=1,label_smoothing=0.1",
        "--output_dir", "/m", "--schedule", "train", "--train_steps", "136", "--local_eval_frequency", "34",
        "--iterations_per_loop", "1", "--keep_checkpoint_max", "2", "--log_step_count_steps", "1", "--random_seed", "9",
        "--worker_gpu", "0", "--inter_op_parallelism_threads", "1", "--intra_op_parallelism_threads", "1",
    )  # fmt: skip
    assert command.environment["CUDA_VISIBLE_DEVICES"] == ""


def test_gpu_epochs_no_limit_resume(project: DaisyProject, adapter: Adapter) -> None:
    gpu = adapter.train(options(project, "tensor2tensor", "env.device=gpu"), PATHS, None)
    assert after(gpu.arguments, "--worker_gpu") == "1" and "--intra_op_parallelism_threads" not in gpu.arguments
    assert "CUDA_VISIBLE_DEVICES" not in gpu.environment
    each = adapter.train(options(project, "tensor2tensor", "train.validate=each"), PATHS, None).arguments
    assert after(each, "--keep_checkpoint_max") == "0"  # all
    endless = adapter.train(options(project, "tensor2tensor", "train.seconds=9"), PATHS, None).arguments
    assert after(endless, "--train_steps") == "50000000" and "--restore" not in endless
    resumed = adapter.train(options(project, "tensor2tensor"), PATHS, Checkpoint(Path("/m/best/model.ckpt-50"))).arguments
    assert after(resumed, "--restore") == "/m/best/model.ckpt-50" and resumed.index("--restore") < resumed.index("--")


def test_the_form_is_built_by_datagen(project: DaisyProject, adapter: Adapter) -> None:
    form = adapter.form(options(project, "tensor2tensor", "env.device=gpu"), PATHS)
    assert form is not None
    (command,) = form.commands
    assert command.arguments == (
        "python", "/c/run.py", "datagen", "--", "--t2t_usr_dir", "/c/daisy_pairs", "--problem", "daisy_pairs",
        "--data_dir", "/f", "--tmp_dir", "/d",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["architecture=rnn"], "arch.encoder=rnn: tensor2tensor's recurrent networks have one size .* choose architecture="),
        (["architecture=conv"], "arch.encoder=conv: tensor2tensor has a Transformer only; choose architecture=transformer"),
        (["+framework.options.learning_rate_constant=3"], "is what tensor2tensor gets from train.learning_rate"),
        (["+framework.options.num_decoder_layers=3"], "is what tensor2tensor gets from arch.layers"),
        (["+framework.options.max_length=30"], "is what tensor2tensor gets from the dataset"),
        (["+framework.options.attention_dropout_broadcast_dims='0,1'"], "take no comma, blank or bracket"),
        *(
            ([f"+framework.options.{name}=8"], f"{name} is what tensor2tensor gets from {key}")
            for name, key in {
                "optimizer_multistep_accumulate_steps": "train.batch_size",
                "pad_batch": "train.batch_size",
                "learning_rate_decay_scheme": "framework.options.learning_rate_schedule",
                "sampling_method": "framework.options.beam_size",
                "prepend_mode": "the dataset",
            }.items()
        ),
        (["+framework.options.optimizer=multistep_adam"], "one update of several batches: set train.batch_size"),
        (["+framework.options.learning_rate_schedule=legacy"], "legacy does not heed train.learning_rate: constant must be"),
        (["+framework.options.learning_rate_schedule=linear_warmup*rsqrt_decay"], "does not heed train.learning_rate"),
        (["framework.options.beam_size=0"], "beam_size=0: it must be a whole number from 1 to 1000; 4 is the default"),
        (["framework.options.alpha=-1"], "alpha=-1.0: it must be a number from 0 to 10; 0.6 is the default"),
        (["+framework.options.extra_length=1.5"], "extra_length=1.5: it must be a whole number from 0"),
        (["arch.embedding=65", "arch.heads=4"], "arch.embedding=65"),
        (["+arch.kernel=3"], "tensor2tensor does not use arch.kernel"),
        (["+arch.attention=false"], "tensor2tensor does not use arch.attention"),
    ],
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check_adapter(adapter, configuration(project, "tensor2tensor", *overrides), COMPANION)


def test_an_option_that_the_installed_one_does_not_list(project: DaisyProject, adapter: Adapter) -> None:
    composed = configuration(project, "tensor2tensor", "+framework.options.clip_grad_nrm=1")
    listed = Description("1.15.7", frozenset(("clip_grad_norm", "beam_size", "alpha", "label_smoothing")))
    with pytest.raises(
        ConfigurationError, match=r"has no option clip_grad_nrm - did you mean framework\.options\.clip_grad_norm"
    ):
        check_adapter(adapter, composed, COMPANION, listed)


def test_own_options(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(
        project, "tensor2tensor", "+framework.options.clip_grad_norm=1.5", "+framework.options.proximity_bias=true",
        "+framework.options.optimizer=adafactor", "+framework.options.norm_type=null", "framework.options.beam_size=9",
        "+framework.options.extra_length=30",
    )  # fmt: skip
    trained = hparams(adapter.train(chosen, PATHS, None).arguments)
    assert (trained["clip_grad_norm"], trained["proximity_bias"], trained["optimizer"]) == ("1.5", "True", "adafactor")
    assert not trained.keys() & {"norm_type", "beam_size", "alpha", "extra_length"}
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/model.ckpt-50")), Path("/in"), Path("/out")).arguments
    assert hparams(predict, "--decode_hparams") == {
        "batch_size": "50", "log_results": "False", "beam_size": "9", "alpha": "0.6", "extra_length": "30",
    }  # fmt: skip
    assert hparams(predict) == trained  # the network is built anew from them
    assert [after(predict, f"--{name}") for name in ("checkpoint_path", "decode_from_file", "decode_to_file")] == [
        "/m/model.ckpt-50", "/in", "/out",
    ]  # fmt: skip


DEFAULTS = {
    "optimizer": ("adafactor", "none of Daisy's keys names one"),
    "learning_rate_schedule": ("constant*linear_warmup", "train.learning_rate stays its factor `constant`"),
    "symbol_modality_num_shards": (2, "memory; nothing that is computed depends on it"),
    "label_smoothing": (0.2, "conf/ has it"),
}  # fmt: skip


OF_PREDICTION = {"beam_size": 9, "alpha": 0.5, "extra_length": 7}


FIXED = ("log_results",)  # no hparam of the Transformer's: its name is refused where one looks


def test_what_the_adapter_sets_can_not_be_set_again(project: DaisyProject, adapter: Adapter) -> None:
    composed = configuration(project, "tensor2tensor")
    checkpoint = Checkpoint(Path("/m/model.ckpt-50"))
    trained = hparams(adapter.train(Options(composed), PATHS, None).arguments)
    predict = adapter.predict(Options(composed), PATHS, checkpoint, Path("/in"), Path("/out")).arguments
    names = {*trained, *hparams(predict, "--decode_hparams")} - {*FIXED}
    assert {*DEFAULTS, *OF_PREDICTION} < names and len(names) > 15
    for name in sorted(names - {*DEFAULTS, *OF_PREDICTION}):
        with pytest.raises(ConfigurationError, match=f"framework.options.{name} is what tensor2tensor gets from"):
            adapter.train(with_own(composed, name, 7), PATHS, None)
    for name, (value, _) in DEFAULTS.items():
        again = with_own(composed, name, value)
        assert hparams(adapter.train(again, PATHS, None).arguments)[name] == str(value)
    for name, value in OF_PREDICTION.items():
        words = adapter.predict(with_own(composed, name, value), PATHS, checkpoint, Path("/in"), Path("/out")).arguments
        assert hparams(words, "--decode_hparams")[name] == str(value)


def test_null_is_the_default(project: DaisyProject, adapter: Adapter) -> None:
    chosen = options(project, "tensor2tensor", "framework.options.beam_size=null", "framework.options.alpha=null")
    predict = adapter.predict(chosen, PATHS, Checkpoint(Path("/m/model.ckpt-5")), Path("/in"), Path("/out")).arguments
    assert hparams(predict, "--decode_hparams").items() > {"beam_size": "4", "alpha": "0.6", "extra_length": "100"}.items()


STEP = "INFO:tensorflow:loss = 2.0122578, step = 101 (45.092 sec)"


SAVED = "[daisy] epoch 3, step 150: dev_accuracy 0.124000, checkpoint saved"


def test_its_log(adapter: Adapter) -> None:
    step = adapter.read_line(STEP)
    assert step is not None and (step.epoch, step.step, step.measures) == (None, 101, {"loss": 2.0122578})
    saved = adapter.read_line(f"{SAVED}\r\n")
    assert saved is not None and (saved.epoch, saved.step, saved.epoch_done, saved.saved_epoch) == (3, 150, True, 3)
    assert saved.measures == {"dev_accuracy": 0.124}
    begins = adapter.read_line("[daisy] epoch 12 begins")
    assert begins is not None and (begins.epoch, begins.epoch_done) == (12, False)
    for line in (STEP.replace("2.0122578", "nan"), "ERROR:tensorflow:Model diverged with loss = NaN."):
        nan = adapter.read_line(line)
        assert nan is not None and math.isnan(nan.measures["loss"])
    small = adapter.read_line(STEP.replace("2.0122578", "1.5e-05"))
    assert small is not None and small.measures == {"loss": 1.5e-05}
    ended = adapter.read_line("[daisy] finished: patience")
    assert ended is not None and ended.ended == "patience"
    assert adapter.read_line("INFO:tensorflow:global_step/sec: 20.5656") is None
    assert adapter.read_line("I1122 20:31:56.8 140694 basic_session_run_hooks.py:260] loss = 2.0, step = 101 (4.0 sec)") is None


@pytest.mark.parametrize("line", [STEP, SAVED, "[daisy] epoch 12 begins", "[daisy] finished: epochs"])
def test_a_line_that_is_cut_off_says_nothing(adapter: Adapter, line: str) -> None:
    assert adapter.read_line(line) is not None
    assert {adapter.read_line(line[:length]) for length in range(len(line))} == {None}


def checkpoint(folder: Path, step: int) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    ends = ("index", "data-00000-of-00002", "data-00001-of-00002")
    files = {end: folder / f"model.ckpt-{step}.{end}" for end in ends}
    for end, path in files.items():
        path.write_bytes(b"content" + (FOOTER if end == "index" else b""))
    return files


def test_the_newest_whole_checkpoint(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    checkpoint(tmp_path, 0)  # before the first step
    assert adapter.resume_checkpoint(paths) is None and adapter.best_checkpoint(paths) is None
    checkpoint(tmp_path, 50)
    newest = checkpoint(tmp_path, 100)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-100"')
    for path in newest.values():
        content = path.read_bytes()
        for torn in [content[:length] for length in range(len(content))] if path.suffix == ".index" else [None]:
            path.unlink() if torn is None else path.write_bytes(torn)
            found = adapter.resume_checkpoint(paths)
            assert found is not None and found.path == tmp_path / "model.ckpt-50"
        path.write_bytes(content)
    found = adapter.resume_checkpoint(paths)
    assert found is not None and (found.path, found.step) == (tmp_path / "model.ckpt-100", 100)
    assert set(found.files) == set(newest.values())


def test_the_best_checkpoint_and_the_one_of_an_epoch(adapter: Adapter, tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    for step in (50, 100, 150):
        checkpoint(tmp_path, step)
    newest = adapter.best_checkpoint(paths)
    assert newest is not None and (newest.path.name, newest.epoch) == ("model.ckpt-150", None)
    (tmp_path / "progress.json").write_text(json.dumps([{"epoch": step // 50, "step": step} for step in (50, 100, 150)]))
    checkpoint(tmp_path / "best", 50)
    (tmp_path / "best" / "model.ckpt-100.data-00000-of-00002").write_bytes(b"a kill came while it was copied")
    best = adapter.best_checkpoint(paths)
    assert best is not None and (best.path, best.epoch) == (tmp_path / "best" / "model.ckpt-50", 1)
    checkpoint(tmp_path / "best", 200)  # and then it is whole: the one before is not removed yet
    found = [adapter.best_checkpoint(paths), adapter.resume_checkpoint(paths)]
    assert [checkpoint and checkpoint.path for checkpoint in found] == [tmp_path / "best" / "model.ckpt-200"] * 2
    (tmp_path / "model.ckpt-50.index").unlink()  # of the first epoch
    second = adapter.epoch_checkpoint(paths, 2)
    assert second is not None and (second.path, second.epoch) == (tmp_path / "model.ckpt-100", 2)
    assert adapter.epoch_checkpoint(paths, 1) is None
    assert adapter.epoch_checkpoint(paths, 4) is None
    (tmp_path / "progress.json").write_text('[{"epoch": 1, "st')
    assert adapter.epoch_checkpoint(paths, 2) is None


def test_hints(adapter: Adapter) -> None:
    assert "smaller train.batch_size" in str(adapter.hint("ResourceExhaustedError: OOM when allocating tensor"))
    assert "env.device=cpu" in str(adapter.hint("error: TensorFlow 1.15.5 finds no GPU here"))
    assert "lower train.learning_rate" in str(adapter.hint("NanLossDuringTrainingError: NaN loss during training."))
    assert "daisy setup tensor2tensor" in str(adapter.hint("ModuleNotFoundError: No module named 'tensor2tensor'"))
    assert "made again" in str(adapter.hint("FileNotFoundError: No such file or directory: '/f/vocab.daisy_pairs.tokens'"))
    assert "delete it from model_out" in str(adapter.hint("DataLossError: Unable to open table file: Data loss"))
    assert "another type" in str(adapter.hint("ValueError: Could not parse hparam 'num_area_layers' of type 'int'"))
    for error in ("ValueError: No files found in /f/daisy_pairs-train*", "DataLossError: truncated record at 18"):
        assert "made again" in str(adapter.hint(error))
    assert adapter.hint("INFO:tensorflow:Reading data files from /f/daisy_pairs-train*") is None


def test_the_vocabulary(adapter: Adapter, project: DaisyProject, tmp_path: Path) -> None:
    (tmp_path / "train-source").write_text("b a a\na <s> ä\n", encoding="utf-8")
    (tmp_path / "train-target").write_text("a b\n\u00a0\n", encoding="utf-8")
    adapter.write_form(options(project, "tensor2tensor"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    written = (tmp_path / "vocab.daisy_pairs.tokens").read_bytes().decode("utf-8")
    assert written == "<pad>\n<EOS>\n<UNK>\na\nb\n<s>\n\u00a0\nä\n"


def test_the_recorded_log_is_read_to_its_end(adapter: Adapter) -> None:
    lines = (RECORDED / "tensor2tensor" / "train.log").read_text(encoding="utf-8").splitlines()
    found = [progress for line in lines if (progress := adapter.read_line(line)) is not None]
    saved = [progress.saved_epoch for progress in found if progress.saved_epoch]
    assert saved == list(range(1, len(saved) + 1)) and len(saved) > 2
    assert sum("loss" in progress.measures for progress in found) > len(saved)
    assert found[-1].ended == "epochs"


def test_empty_predictions_at_the_end(adapter: Adapter) -> None:
    assert adapter.read_predictions("a b\n\n\n") == ["a b", "", ""]
