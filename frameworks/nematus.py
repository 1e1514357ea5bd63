"""The adapter of Nematus, https://github.com/EdinburghNLP/nematus: recurrent and Transformer networks in TensorFlow.

It runs from a checkout (framework.source). What it lacks (a seed, a convolutional encoder) is added from outside by
nematus/run.py, in Nematus' own Python.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
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

NO_LIMIT = 1_000_000  # epochs; validations without a better one: Nematus would count a better cross entropy, too
LONGEST = 1000  # tokens: Nematus leaves longer examples out, and epochs would be shorter than they seem
LAYER_NORMALISATION = "rnn_layer_normalisation"
TIED = "tie_decoder_embeddings"
UNKNOWN = "<UNK>"
SPECIAL = ("<EOS>", "<GO>", UNKNOWN)  # the first entries of each dictionary, as Nematus wants them
NAME = "m"  # of the model; with its lowest cross entropy, without a step behind it
COPY = "m.best-valid-script"  # Nematus' own of the best epoch: all that there is before progress.json is
ENVIRONMENT = {"PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
TAKEN = {
    "source_dataset": "dataset", "target_dataset": "dataset", "dictionaries": "dataset", "datasets": "dataset",
    "valid_source_dataset": "dataset", "valid_target_dataset": "dataset", "valid_bleu_source_dataset": "dataset",
    "valid_datasets": "dataset", "preprocess_script": "the dataset", "factors": "the dataset",
    "model": "the model's folder", "reload": "the model's folder", "no_reload_training_progress": "the model's folder",
    "prior_model": "the model's folder", "summary_dir": "the model's folder",
    "model_type": "arch.encoder", "embedding_size": "arch.embedding", "dim_per_factor": "arch.embedding",
    "state_size": "arch.hidden", "conv_encoder": "arch.kernel", "rnn_use_dropout": "arch.dropout",
    "rnn_enc_depth": "arch.layers", "rnn_dropout_embedding": "arch.dropout", "rnn_dropout_hidden": "arch.dropout",
    "transformer_enc_depth": "arch.layers", "transformer_dec_depth": "arch.layers",
    "transformer_ffn_hidden_size": "arch.feedforward", "transformer_num_heads": "arch.heads",
    "transformer_dropout_embeddings": "arch.dropout", "transformer_dropout_residual": "arch.dropout",
    "transformer_dropout_relu": "arch.dropout", "transformer_dropout_attn": "arch.dropout",
    "batch_size": "train.batch_size", "token_batch_size": "train.batch_size", "gradient_aggregation_steps": "train.batch_size",
    "max_sentences_per_device": "train.batch_size", "max_tokens_per_device": "train.batch_size",
    "learning_rate": "train.learning_rate", "max_epochs": "train.epochs", "print_per_token_pro": "train.epochs",
    "patience": "train.patience", "valid_freq": "train.epochs", "save_freq": "train.epochs", "valid_script": "the dev set",
    "maxlen": "the dataset", "translation_maxlen": "the dataset", "finish_after": "train.epochs",
    "n_best": "framework.options.beam_size", "translation_strategy": "framework.options.beam_size",
}  # fmt: skip
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"
NUMBER = r"(nan|-?inf|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
STEP = re.compile(rf"INFO: {STAMP} Epoch: {COUNT} Update: {COUNT} Loss/word: {NUMBER} Words/sec: \S+ Sents/sec: \d+\.\d+\S*")
EPOCH = re.compile(rf"INFO: Starting epoch {COUNT}")
VALID = re.compile(rf"INFO: Validation cross entropy \(AVG/SUM/N_SENTS/N_TOKENS\): {NUMBER} \S+ \d+ \d+")
SCORE = re.compile(r"INFO: Validation script score: ([01]\.\d+)")
SAVED = re.compile(rf"INFO: Saved checkpoint of epoch {COUNT} at update \d+")
ENDS = {
    "INFO: Early Stop!": "patience",
    "INFO: Maximum number of updates reached": "updates",
    "INFO: All epochs are done": "epochs",
}
NUMBERED = re.compile(r"m-(\d+)\.progress\.json")


class Nematus(Adapter):
    """Recurrent, convolutional or Transformer encoder; attention."""

    loss_unit = "nats per token"
    encoders = ("conv", "rnn", "transformer")
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "valid_cross_entropy": "minimize", "loss": "minimize"}
    checkout_has = ("nematus/train.py",)

    def form(self, options: Options, paths: Paths) -> Form:
        """Two dictionaries."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """train-source.json and train-target.json: each token's number, the most frequent first."""
        for side in ("source", "target"):
            numbers = paths.numbered(side, SPECIAL, UNKNOWN)
            (paths.form / f"train-{side}.json").write_text(json.dumps(numbers, ensure_ascii=False), encoding="utf-8")

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One validation and one checkpoint an epoch; the best is the one with most exact matches on the dev set."""
        batch = options["train.batch_size"]
        steps = paths.steps_per_epoch(batch)
        arguments: list[object] = [
            "--source_dataset", paths.canonical("train", "source"), "--target_dataset", paths.canonical("train", "target"),
            "--dictionaries", paths.form / "train-source.json", paths.form / "train-target.json",
            "--valid_source_dataset", paths.canonical("dev", "source"),
            "--valid_target_dataset", paths.canonical("dev", "target"),
            "--model", paths.model_out / NAME, *_network(options),
            "--optimizer", "adam", "--learning_rate", options["train.learning_rate"],
            "--batch_size", batch, "--valid_batch_size", batch, "--maxlen", LONGEST,
            "--max_epochs", options["train.epochs"] or NO_LIMIT, "--patience", NO_LIMIT,
            "--valid_freq", steps, "--save_freq", steps, "--sample_freq", 0, "--beam_freq", 0, "--beam_size", 1,
            "--disp_freq", options.bounded("disp_freq", max(1, steps // 20), 1, NO_LIMIT),
        ]  # fmt: skip
        arguments += _passed_on(options)
        if resume is not None:
            arguments += ["--reload", resume.path]
        ours = {
            "seed": options["seed"], "dev-target": paths.canonical("dev", "target"), "updates-per-epoch": steps,
            "keep-epochs": options["train.validate"] == "each", "stop-after": options["train.patience"],
        }  # fmt: skip
        return _run(options, paths, "train", flags(ours), arguments)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the log-probability is divided by the length to the power of normalization_alpha."""
        arguments = [
            "--models", checkpoint.path, "--input", source, "--output", output,
            "--beam_size", options.bounded("beam_size", 5, 1, 1000),
            "--normalization_alpha", options.bounded("normalization_alpha", 1.0, 0, 10),
        ]  # fmt: skip
        return _run(options, paths, "translate", [], arguments)

    def read_line(self, line: str) -> Progress | None:
        """Updates, validations, whole checkpoints, the end. Nematus counts epochs from 0, Daisy from 1."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(epoch=int(found[1]) + 1, step=int(found[2]), measures={"loss": float(found[3])})
        if found := EPOCH.fullmatch(line):
            return Progress(epoch=int(found[1]) + 1)
        if found := VALID.fullmatch(line):
            return Progress(measures={"valid_cross_entropy": float(found[1])})
        if found := SCORE.fullmatch(line):
            return Progress(measures={"dev_accuracy": float(found[1])})
        if found := SAVED.fullmatch(line):
            epoch = int(found[1])
            return Progress(epoch=epoch, epoch_done=True, saved_epoch=epoch)
        return Progress(ended=ENDS[line]) if line in ENDS else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match, of equally good ones the first; else Nematus' own; what is not whole does not count."""
        epochs = sorted(_epochs(paths.model_out).values(), key=lambda epoch: (-epoch.accuracy, epoch.number))
        whole = {checkpoint.epoch: checkpoint for checkpoint in _numbered(paths.model_out)}
        best, *others = [whole.get(epoch.number) for epoch in epochs] or [None]
        copy, lowest = (_whole(paths.model_out, name) for name in (COPY, NAME))
        found = (best, copy, *others, lowest, self.resume_checkpoint(paths))
        return next((checkpoint for checkpoint in found if checkpoint is not None), None)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The newest whole one. Nematus' own `checkpoint` file may name one that a kill cut off."""
        numbered = _numbered(paths.model_out)
        return numbered[-1] if numbered else None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each."""
        return next((found for found in _numbered(paths.model_out) if found.epoch == epoch), None)

    def hint(self, log: str) -> str | None:
        """What Nematus' and TensorFlow's errors mean."""
        if "finds no GPU here" in log:
            return "train with env.device=cpu; for a GPU TensorFlow 1.15 asks for CUDA 10.0, and one that it knows"
        if "failed to determine vocabulary size" in log:
            return "a dictionary of the dataset's form can't be read: delete the folder it lies in, and it is made again"
        if "Unsuccessful TensorSliceReader" in log or "Data loss" in log:
            return "a checkpoint is damaged: delete it from model_out, and resume goes on from the one before"
        return common_hint(log, "nematus")

    def setup(self, companion: Path) -> Setup:
        """TensorFlow 1.15, the last that runs it all unmodified; its pins are there for Python 3.7 alone."""
        return Setup(("3.7",), companion / "requirements.txt", download=145, disk=590, dependencies=False)

    def describe(self, paths: Paths) -> Command:
        """The checkout's own list of options."""
        return Command.of("python", paths.companion / "describe.py", paths.checkout, environment=ENVIRONMENT)


def _run(options: Options, paths: Paths, program: str, ours: list[object], arguments: list[object]) -> Command:
    device = ["--gpu"] if options.device == "gpu" else []
    words = ["python", paths.companion / "run.py", program, "--checkout", paths.checkout, *device, *ours, "--", *arguments]
    return Command.of(*words, environment=ENVIRONMENT)


def _network(options: Options) -> list[object]:
    """The architecture as Nematus' options."""
    encoder, dropout = options["arch.encoder"], options["arch.dropout"]
    if encoder == "transformer":
        size = options["arch.embedding"]
        arguments = ["--model_type", "transformer", "--embedding_size", size, "--state_size", size]
        arguments.append(f"--{TIED}")  # at this commit it can't be built otherwise
        for depth in ("enc", "dec"):
            arguments += [f"--transformer_{depth}_depth", options["arch.layers"]]
        arguments += ["--transformer_num_heads", options["arch.heads"]]
        arguments += ["--transformer_ffn_hidden_size", options["arch.feedforward"]]
        for place in ("embeddings", "residual", "relu", "attn"):
            arguments += [f"--transformer_dropout_{place}", dropout]
        return arguments
    if not options["arch.attention"]:
        raise ConfigurationError("arch.attention=false: Nematus' decoder always attends; leave it out, or choose arcadio")
    arguments = ["--model_type", "rnn", "--embedding_size", options["arch.embedding"], "--state_size", options["arch.hidden"]]
    arguments += ["--rnn_dropout_embedding", dropout, "--rnn_dropout_hidden", dropout]
    if encoder == "rnn":
        return [*arguments, "--rnn_enc_depth", options["arch.layers"]]
    if encoder != "conv":
        raise ConfigurationError(f"nematus has no arch.encoder={encoder}: choose conv, rnn or transformer")
    layers = [
        {"kernel": kernel, "filters": filters}
        for kernel, filters in zip(options.per_layer("arch.kernel"), options.per_layer("arch.filters"), strict=True)
    ]
    described = {"layers": layers, "pool": options["arch.pool"], "highway": options.get("arch.highway", 0)}
    return [*arguments, "--conv_encoder", json.dumps(described)]


def _passed_on(options: Options) -> list[object]:
    """What is under framework.options, but for what has its place already."""
    chosen = options.framework_options(TAKEN)
    if chosen.get("learning_schedule") == "transformer":
        raise ConfigurationError(
            "framework.options.learning_schedule=transformer: it heeds no train.learning_rate; choose warmup-plateau-decay"
        )
    if options["arch.encoder"] == "transformer":
        _check_transformer(chosen)
    placed = {"beam_size", "normalization_alpha", "disp_freq"}
    if options["arch.encoder"] == "transformer":
        placed |= {LAYER_NORMALISATION, TIED}  # the first as conf/ has it, for the others
    return flags({name: value for name, value in chosen.items() if name not in placed})


def _check_transformer(chosen: dict[str, Any]) -> None:
    for name, value in chosen.items():
        if name == TIED and value is not True:
            raise ConfigurationError(f"framework.options.{TIED}={value}: Nematus' Transformer ties them always; leave it out")
        if name.startswith("rnn_") and not (name == LAYER_NORMALISATION and value is True):
            raise ConfigurationError(
                f"framework.options.{name} is for recurrent networks: leave it out with architecture=transformer"
            )


@dataclass(frozen=True)
class _Epoch:
    """An epoch that is done, and its exact match on the dev set."""

    number: int
    accuracy: float


def _epochs(folder: Path) -> dict[int, _Epoch]:
    """The epochs by their updates, as epochs.py lists them."""
    try:
        listed = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        return {int(entry["step"]): _Epoch(int(entry["epoch"]), float(entry["dev_accuracy"])) for entry in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _whole(folder: Path, name: str, step: int | None = None, epoch: int | None = None) -> Checkpoint | None:
    """A checkpoint with all that Nematus reads of it; None where something is missing. The progress file is written last."""
    progress = folder / f"{name}.progress.json"
    files = whole_tensorflow(folder / name, beside=(".json", ".progress.json"))
    needed = [path for path in files if path != progress]
    return Checkpoint(folder / name, epoch, step, needed) if files else None


def _numbered(folder: Path) -> list[Checkpoint]:
    """The whole checkpoints of epochs, oldest first."""
    epochs = _epochs(folder)
    steps = sorted(int(found[1]) for path in folder.glob("m-*.json") if (found := NUMBERED.fullmatch(path.name)))
    numbers = {step: epochs[step].number if step in epochs else None for step in steps}
    return [found for step in steps if (found := _whole(folder, f"{NAME}-{step}", step, numbers[step])) is not None]
