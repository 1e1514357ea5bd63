"""The adapter of tensor2tensor, https://github.com/tensorflow/tensor2tensor: its Transformer, in TensorFlow.

tensor2tensor/run.py runs its trainer and its decoder in their own Python. It adds exact match on the dev set, decoded by
tensor2tensor itself at each checkpoint: the metrics of its own evaluations are told the right tokens so far.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daisy.errors import ConfigurationError
from daisy.framework import (
    COUNT,
    Adapter,
    Checkpoint,
    Command,
    Form,
    Options,
    Paths,
    Progress,
    Setup,
    common_hint,
    flags,
    whole_tensorflow,
)

NO_LIMIT = 1_000_000  # epochs
SPECIAL = ("<pad>", "<EOS>", "<UNK>")  # the first entries of the vocabulary; a token that reads the same has another number
PROBLEM = "daisy_pairs"
ENVIRONMENT = {"PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
TAKEN = {
    "hidden_size": "arch.embedding", "filter_size": "arch.feedforward", "num_hidden_layers": "arch.layers",
    "num_encoder_layers": "arch.layers", "num_decoder_layers": "arch.layers", "num_heads": "arch.heads",
    "layer_prepostprocess_dropout": "arch.dropout", "attention_dropout": "arch.dropout", "relu_dropout": "arch.dropout",
    "dropout": "arch.dropout", "batch_size": "train.batch_size", "use_fixed_batch_size": "train.batch_size",
    "optimizer_multistep_accumulate_steps": "train.batch_size", "pad_batch": "train.batch_size",
    "learning_rate_constant": "train.learning_rate", "learning_rate": "train.learning_rate",
    "learning_rate_decay_scheme": "framework.options.learning_rate_schedule",
    "learning_rate_minimum": "framework.options.learning_rate_schedule",
    "learning_rate_cosine_cycle_steps": "framework.options.learning_rate_schedule", "prepend_mode": "the dataset",
    "sampling_method": "framework.options.beam_size", "sampling_temp": "framework.options.beam_size",
    "sampling_keep_top_k": "framework.options.beam_size",
    "max_length": "the dataset", "min_length": "the dataset", "max_input_seq_length": "the dataset",
    "max_target_seq_length": "the dataset", "batch_shuffle_size": "the dataset", "min_length_bucket": "the dataset",
    "length_bucket_step": "the dataset", "eval_drop_long_sequences": "the dataset", "pack_dataset": "the dataset",
    "split_to_length": "the dataset", "split_targets_chunk_length": "the dataset", "eval_run_autoregressive": "the dev set",
    "pretrained_model_dir": "the model's folder", "warm_start_from_second": "the model's folder",
}  # fmt: skip
OF_PREDICTION = ("beam_size", "alpha", "extra_length")
NUMBER = r"(nan|-?inf|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
STEP = re.compile(rf"INFO:tensorflow:loss = {NUMBER}, step = {COUNT} \(\d+\.\d+ sec\)")
NAN = "ERROR:tensorflow:Model diverged with loss = NaN."
BEGINS = re.compile(rf"\[daisy\] epoch {COUNT} begins")
SAVED = re.compile(rf"\[daisy\] epoch {COUNT}, step {COUNT}: dev_accuracy (\d\.\d+), checkpoint saved")
ENDED = re.compile(r"\[daisy\] finished: (epochs|patience)")
FORM_DAMAGED = re.compile(rf"No files found in \S*{PROBLEM}|No such file.*{PROBLEM}|(?:truncated|corrupted) record")
INDEX = re.compile(r"model\.ckpt-([1-9]\d*)\.index")


class Tensor2Tensor(Adapter):
    """A Transformer."""

    loss_unit = "nats per token"
    encoders = ("transformer",)
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """A vocabulary, and the training examples as records by t2t-datagen."""
        return Form(commands=[_run(paths, "datagen", [], [*_problem(paths), "--tmp_dir", paths.dataset], "cpu")])

    def write_form(self, options: Options, paths: Paths) -> None:
        """The tokens of source and target, the most frequent first: tensor2tensor's embeddings are for both."""
        text = "".join(f"{token}\n" for token in (*SPECIAL, *paths.tokens("source", "target")))
        (paths.form / f"vocab.{PROBLEM}.tokens").write_bytes(text.encode("utf-8"))

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One checkpoint and one validation an epoch; the best is the one with most exact matches on the dev set."""
        steps = paths.steps_per_epoch(options["train.batch_size"])
        words: list[object] = [
            *_problem(paths), *_model(options), "--output_dir", paths.model_out, "--schedule", "train",
            "--train_steps", (options["train.epochs"] or NO_LIMIT) * steps,
            "--local_eval_frequency", steps, "--iterations_per_loop", 1,  # the greater one is the steps between checkpoints
            "--keep_checkpoint_max", 0 if options["train.validate"] == "each" else 2,
            "--log_step_count_steps", max(1, steps // 20), "--random_seed", options["seed"], *_device(options),
        ]  # fmt: skip
        ours = flags({
            "dataset": paths.dataset, "steps-per-epoch": steps, "patience": options["train.patience"],
            "restore": None if resume is None else resume.path,
        })  # fmt: skip
        return _run(paths, "trainer", ours, words, options.device)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the length's penalty grows with `alpha`."""
        decoding = {
            "batch_size": 50, "log_results": False, "beam_size": options.bounded("beam_size", 4, 1, 1000),
            "alpha": options.bounded("alpha", 0.6, 0, 10), "extra_length": options.bounded("extra_length", 100, 0, 100_000),
        }  # fmt: skip
        words = [
            *_problem(paths), *_model(options), "--checkpoint_path", checkpoint.path, "--decode_hparams", _listed(decoding),
            "--decode_from_file", source, "--decode_to_file", output, *_device(options),
        ]  # fmt: skip
        return _run(paths, "decoder", [], words, options.device)

    def read_line(self, line: str) -> Progress | None:
        """Steps (only with their seconds: a step that is cut off reads like another), whole checkpoints, the end."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(step=int(found[2]), measures={"loss": float(found[1])})
        if found := SAVED.fullmatch(line):
            epoch = int(found[1])
            measures: Mapping[str, str] = {"dev_accuracy": float(found[3])}
            return Progress(epoch=epoch, step=int(found[2]), measures=measures, epoch_done=True, saved_epoch=epoch)
        if found := BEGINS.fullmatch(line):
            return Progress(epoch=int(found[1]))
        if line == NAN:
            return Progress(measures={"loss": float("nan")})
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match; the newest where no validation has come yet."""
        found = _checkpoints(paths, "best")
        return found[-1] if found else self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The newest whole one. TensorFlow's own `checkpoint` file may name one that a kill cut off."""
        found = sorted([*_checkpoints(paths, "best"), *_checkpoints(paths, ".")], key=lambda checkpoint: checkpoint.step or 0)
        return found[-1] if found else None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each."""
        return next((checkpoint for checkpoint in _checkpoints(paths, ".") if checkpoint.epoch == epoch), None)

    def hint(self, log: str) -> str | None:
        """What the errors of tensor2tensor and TensorFlow mean."""
        if "finds no GPU here" in log:
            return "train with env.device=cpu; for a GPU TensorFlow 1.15 asks for CUDA 10.0, and one that it knows"
        if "NanLossDuringTrainingError" in log:
            return "the loss is not a number: a lower train.learning_rate is the first thing to try"
        if FORM_DAMAGED.search(log):
            return "the dataset's form is damaged: delete its folder (--data_dir of the command), and it is made again"
        if "Unsuccessful TensorSliceReader" in log or "Data loss" in log:
            return "a checkpoint is damaged: delete it from model_out, and resume goes on from the one before"
        if "Could not parse hparam" in log:
            return "a value under framework.options is of another type than tensor2tensor's: its line above names it"
        return common_hint(log, "tensor2tensor")

    def setup(self, companion: Path) -> Setup:
        """TensorFlow 1.15, for which it was written; pip finds no way through its dependencies, so the pins have all."""
        return Setup(("3.7",), companion / "requirements.txt", download=210, disk=870, dependencies=False)

    def describe(self, paths: Paths) -> Command:
        """The hparams of its Transformer, and those of decoding that are heeded."""
        return Command.of("python", paths.companion / "describe.py", environment={**ENVIRONMENT, "CUDA_VISIBLE_DEVICES": ""})


def _run(paths: Paths, program: str, ours: list[object], words: list[object], device: str) -> Command:
    environment = dict(ENVIRONMENT)
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    words = ["--t2t_usr_dir", paths.companion / PROBLEM, *words]
    return Command.of("python", paths.companion / "run.py", program, *ours, "--", *words, environment=environment)


def _problem(paths: Paths) -> list[object]:
    return ["--problem", PROBLEM, "--data_dir", paths.form]


def _model(options: Options) -> list[object]:
    """The architecture and the optimiser, as the hparams of tensor2tensor's Transformer."""
    encoder = options["arch.encoder"]
    if encoder == "rnn":
        raise ConfigurationError(
            "arch.encoder=rnn: tensor2tensor's recurrent networks have one size for embeddings and states; "
            "choose architecture=transformer, or another framework"
        )
    if encoder != "transformer":
        raise ConfigurationError(
            f"arch.encoder={encoder}: tensor2tensor has a Transformer only; choose architecture=transformer, or another framework"
        )
    dropout = options["arch.dropout"]
    hparams = {
        "hidden_size": options["arch.embedding"], "filter_size": options["arch.feedforward"],
        "num_hidden_layers": options["arch.layers"], "num_heads": options["arch.heads"],
        "layer_prepostprocess_dropout": dropout, "attention_dropout": dropout, "relu_dropout": dropout,
        "batch_size": options["train.batch_size"], "use_fixed_batch_size": True,
        "optimizer": "true_adam", "learning_rate_schedule": "constant",
        "learning_rate_constant": options["train.learning_rate"],
        "symbol_modality_num_shards": 1,  # more of them than tokens can't be
        **_chosen(options),
    }  # fmt: skip
    return ["--model", "transformer", "--hparams_set", "transformer_base", "--hparams", _listed(hparams)]


def _chosen(options: Options) -> dict[str, Any]:
    """What is under framework.options, but for the prediction's."""
    chosen = options.framework_options(TAKEN)
    schedule = chosen.get("learning_rate_schedule")
    if schedule is not None and "constant" not in re.split(r"\s*\*\s*", str(schedule).strip()):
        raise ConfigurationError(
            f"framework.options.learning_rate_schedule={schedule} does not heed train.learning_rate: constant must be one of its "
            "factors, as in constant*linear_warmup"
        )
    if chosen.get("optimizer") == "multistep_adam":
        raise ConfigurationError(
            "framework.options.optimizer=multistep_adam makes one update of several batches: set train.batch_size, take true_adam"
        )
    return {name: value for name, value in chosen.items() if value is not None and name not in OF_PREDICTION}


def _listed(hparams: dict[str, Any]) -> str:
    """name=value,name=[value,value]: tensor2tensor has no way to write more than that."""
    for name, value in hparams.items():
        if isinstance(value, str) and (not value or re.search(r"[\s,\[\]]", value)):
            raise ConfigurationError(
                f"framework.options.{name}={value!r}: tensor2tensor's hparams take no comma, blank or bracket in a text, "
                "and no empty one; choose another value"
            )
    return ",".join(f"{name}={str(value).replace(' ', '')}" for name, value in hparams.items())


def _device(options: Options) -> list[object]:
    if options.device == "gpu":
        return ["--worker_gpu", 1]
    return ["--worker_gpu", 0, "--inter_op_parallelism_threads", 1, "--intra_op_parallelism_threads", 1]


def _checkpoints(paths: Paths, folder: str) -> list[Checkpoint]:
    """The whole checkpoints in model_out or in a folder of it, oldest first."""
    place, epochs = paths.model_out / folder, _epochs(paths.model_out / "progress.json")
    steps = sorted(int(found[1]) for path in place.glob("model.ckpt-*.index") if (found := INDEX.fullmatch(path.name)))
    found = ((step, whole_tensorflow(place / f"model.ckpt-{step}")) for step in steps)
    return [Checkpoint(place / f"model.ckpt-{step}", epochs.get(step), step, files) for step, files in found if files]


def _epochs(progress: Path) -> dict[int, int]:
    """The epoch of each step that was validated, as run.py notes them."""
    try:
        return {entry["step"]: entry["epoch"] for entry in json.loads(progress.read_text(encoding="utf-8"))}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
