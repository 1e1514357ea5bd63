"""The adapter of Nematus, https://github.com/EdinburghNLP/nematus: recurrent and Transformer networks in TensorFlow.

It runs from a checkout (framework.source). What it lacks (a seed, a convolutional encoder) is added from outside by
nematus/run.py, in Nematus' own Python.
"""

import json
import re
from pathlib import Path

from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Command, Form, Options, Paths, Progress, Setup

NO_LIMIT = 1_000_000  # epochs; validations without a better one: Nematus would count a better cross entropy, too
LONGEST = 1000  # tokens: Nematus leaves longer examples out, and epochs would be shorter than they seem
LAYER_NORMALISATION = "rnn_layer_normalisation"
TIED = "tie_decoder_embeddings"
SPECIAL = ("<EOS>", "<GO>", "<UNK>")  # the first entries of each dictionary, as Nematus wants them
BEST, BEST_LOSS = "m.best-valid-script", "m"
ENVIRONMENT = {"PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
TAKEN = {
    "source_dataset": "dataset", "target_dataset": "dataset", "dictionaries": "dataset", "datasets": "dataset",
    "valid_source_dataset": "dataset", "valid_target_dataset": "dataset", "valid_bleu_source_dataset": "dataset",
    "model": "the model's folder", "reload": "the model's folder", "no_reload_training_progress": "the model's folder",
    "model_type": "arch.encoder", "embedding_size": "arch.embedding", "state_size": "arch.hidden", "conv_encoder": "arch.kernel",
    "rnn_enc_depth": "arch.layers", "rnn_dropout_embedding": "arch.dropout", "rnn_dropout_hidden": "arch.dropout",
    "transformer_enc_depth": "arch.layers", "transformer_dec_depth": "arch.layers",
    "transformer_ffn_hidden_size": "arch.feedforward", "transformer_num_heads": "arch.heads",
    "transformer_dropout_embeddings": "arch.dropout", "transformer_dropout_residual": "arch.dropout",
    "transformer_dropout_relu": "arch.dropout", "transformer_dropout_attn": "arch.dropout",
    "batch_size": "train.batch_size", "learning_rate": "train.learning_rate", "max_epochs": "train.epochs",
    "patience": "train.patience", "valid_freq": "train.epochs", "save_freq": "train.epochs", "valid_script": "the dev set",
    "maxlen": "the dataset", "translation_maxlen": "the dataset", "finish_after": "train.epochs",
}  # fmt: skip
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"
NUMBER = r"(nan|-?inf|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
COUNT = r"(\d{1,12})"
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
    accuracy_while_training = True

    def form(self, options: Options, paths: Paths) -> Form:
        """Two dictionaries."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """train-source.json and train-target.json: each token's number, the most frequent first."""
        for side in ("source", "target"):
            numbers = {token: number for number, token in enumerate((*SPECIAL, *paths.tokens(side)))}
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
            "--model", paths.model_out / BEST_LOSS, *_network(options),
            "--optimizer", "adam", "--learning_rate", options["train.learning_rate"],
            "--batch_size", batch, "--valid_batch_size", batch, "--maxlen", LONGEST,
            "--max_epochs", options["train.epochs"] or NO_LIMIT, "--patience", NO_LIMIT,
            "--valid_freq", steps, "--save_freq", steps, "--disp_freq", max(1, steps // 20),
            "--sample_freq", 0, "--beam_freq", 0, "--beam_size", 1,
        ]  # fmt: skip
        arguments += _passed_on(options)
        if resume is not None:
            arguments += ["--reload", resume.path]
        flags: list[object] = ["--seed", options["seed"], "--dev-target", paths.canonical("dev", "target")]
        flags += ["--updates-per-epoch", steps, "--stop-after", options["train.patience"]]
        if options["train.validate"] == "each":
            flags.append("--keep-epochs")
        return _run(options, paths, "train", flags, arguments)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the log-probability is divided by the length to the power of normalization_alpha."""
        arguments = [
            "--models", checkpoint.path, "--input", source, "--output", output,
            "--beam_size", options.get("framework.options.beam_size", 5),
            "--normalization_alpha", options.get("framework.options.normalization_alpha", 1.0),
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
        """By exact match, else by cross entropy, else the newest; what is not whole does not count."""
        for name in (BEST, BEST_LOSS):
            if (found := _whole(paths.model_out, name)) is not None:
                return found
        return self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The newest whole one. Nematus' own `checkpoint` file may name one that a kill cut off."""
        numbered = _numbered(paths.model_out)
        return numbered[-1] if numbered else None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each: one an epoch, so the number of updates tells which."""
        numbered = _numbered(paths.model_out)
        steps = numbered[0].step if numbered else None
        return next((found for found in numbered if steps and found.step == steps * epoch), None)

    def hint(self, log: str) -> str | None:
        """What Nematus' and TensorFlow's errors mean."""
        if "ResourceExhaustedError" in log or "OOM when allocating" in log or "MemoryError" in log:
            return "out of memory: a smaller train.batch_size or a smaller network is the first thing to try"
        if "failed to determine vocabulary size" in log:
            return "a dictionary of the dataset's form can't be read: delete the folder it lies in, and it is made again"
        if "No module named" in log:
            return "the Python that runs Nematus lacks a package: `daisy setup nematus` makes one that has all"
        if "Unsuccessful TensorSliceReader" in log or "Data loss" in log:
            return "a checkpoint is damaged: delete it from model_out, and resume goes on from the one before"
        return None

    def setup(self, companion: Path) -> Setup:
        """TensorFlow 1.15, the last that runs it all unmodified."""
        return Setup(("3.7", "3.6"), companion / "requirements.txt", download=145, disk=590, dependencies=False)

    def describe(self, paths: Paths) -> Command:
        """The checkout's own list of options."""
        return Command.of("python", paths.companion / "describe.py", paths.checkout, environment=ENVIRONMENT)


def _run(options: Options, paths: Paths, program: str, flags: list[object], arguments: list[object]) -> Command:
    environment = dict(ENVIRONMENT)
    if options.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""  # Nematus has no option: it takes every GPU that it sees
    words = ["python", paths.companion / "run.py", program, "--checkout", paths.checkout, *flags, "--", *arguments]
    return Command.of(*words, environment=environment)


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
    """What is under framework.options, but for the two that are the prediction's."""
    arguments: list[object] = []
    transformer = options["arch.encoder"] == "transformer"
    for name, value in options.framework_options(TAKEN).items():
        if transformer and name.startswith("rnn_"):
            if name == LAYER_NORMALISATION and value is True:
                continue  # as conf/ has it, for the others
            raise ConfigurationError(
                f"framework.options.{name} is for recurrent networks: leave it out with architecture=transformer"
            )
        if transformer and name == TIED and value is True:
            continue
        if transformer and name == TIED:
            raise ConfigurationError(f"framework.options.{TIED}={value}: Nematus' Transformer ties them always; leave it out")
        if name in ("beam_size", "normalization_alpha") or value is None or value is False:
            continue
        arguments.append(f"--{name}")
        if value is not True:
            arguments += value if isinstance(value, list) else [value]
    return arguments


def _whole(folder: Path, name: str, step: int | None = None) -> Checkpoint | None:
    """A checkpoint with all that Nematus reads of it; None where something is missing."""
    data = sorted(folder.glob(f"{name}.data-*-of-*"))
    files = (folder / f"{name}.index", folder / f"{name}.json", *data)
    whole = bool(data) and all(path.is_file() and path.stat().st_size for path in files)
    return Checkpoint(folder / name, step=step, files=files) if whole else None


def _numbered(folder: Path) -> list[Checkpoint]:
    """The whole checkpoints of epochs, oldest first: the progress file is written last."""
    steps = sorted(int(found[1]) for path in folder.glob("m-*.json") if (found := NUMBERED.fullmatch(path.name)))
    return [found for step in steps if (found := _whole(folder, f"m-{step}", step)) is not None]
