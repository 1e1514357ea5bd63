"""The adapter of fairseq, https://github.com/facebookresearch/fairseq: LSTMs, convolutions, Transformers in PyTorch.

Of its architectures lstm, fconv and transformer are used. What fairseq lacks (exact match while training, whole checkpoints) is
added from outside by fairseq/run.py, in fairseq's own Python.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

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
    whole_archive,
)

LONGEST = {"conv": 1024, "rnn": 10_000, "transformer": 10_000}  # tokens; fconv learns an embedding of each position
BEST, LAST = "checkpoint_best.pt", "checkpoint_last.pt"
DECODER_KERNEL = 3  # fairseq's own
NONE = "none"  # no file: fairseq is to begin anew, whatever lies there
WIDEST = 1000  # hypotheses
STRONGEST = 10  # power of the length, either way
OF_PREDICTION = ("beam", "lenpen")
TAKEN = {
    "source-lang": "dataset", "target-lang": "dataset", "task": "dataset", "train-subset": "dataset", "valid-subset": "dataset",
    "finetune-from-model": "the model's folder", "continue-once": "the model's folder", "save-dir": "the model's folder",
    "restore-file": "the model's folder", "no-save": "the model's folder", "save-async": "the model's folder",
    "reset-dataloader": "the model's folder", "reset-lr-scheduler": "the model's folder", "reset-meters": "the model's folder",
    "reset-optimizer": "the model's folder", "optimizer-overrides": "the model's folder",
    "checkpoint-shard-count": "the model's folder", "use-sharded-state": "the model's folder",
    "no-last-checkpoints": "the model's folder", "no-save-optimizer-state": "the model's folder",
    "checkpoint-suffix": "the model's folder", "write-checkpoints-asynchronously": "the model's folder",
    "arch": "arch.encoder", "encoder-embed-dim": "arch.embedding", "decoder-embed-dim": "arch.embedding",
    "decoder-out-embed-dim": "arch.embedding", "encoder-hidden-size": "arch.hidden", "decoder-hidden-size": "arch.hidden",
    "encoder-layers": "arch.layers", "decoder-layers": "arch.layers", "encoder-layers-to-keep": "arch.layers",
    "decoder-layers-to-keep": "arch.layers", "encoder-bidirectional": "arch.encoder", "decoder-attention": "arch.attention",
    "encoder-attention-heads": "arch.heads", "decoder-attention-heads": "arch.heads",
    "encoder-ffn-embed-dim": "arch.feedforward", "decoder-ffn-embed-dim": "arch.feedforward", "dropout": "arch.dropout",
    "attention-dropout": "arch.dropout", "activation-dropout": "arch.dropout", "relu-dropout": "arch.dropout",
    "encoder-dropout-in": "arch.dropout", "encoder-dropout-out": "arch.dropout", "decoder-dropout-in": "arch.dropout",
    "decoder-dropout-out": "arch.dropout",
    "max-source-positions": "the dataset", "max-target-positions": "the dataset", "truncate-source": "the dataset",
    "max-tokens": "train.batch_size", "max-tokens-valid": "train.batch_size", "batch-size": "train.batch_size",
    "max-sentences": "train.batch_size", "batch-size-valid": "train.batch_size", "max-sentences-valid": "train.batch_size",
    "required-batch-size-multiple": "train.batch_size", "update-freq": "train.batch_size",
    "skip-remainder-batch": "train.batch_size",
    "lr": "train.learning_rate", "max-epoch": "train.epochs", "patience": "train.patience", "seed": "seed",
    "save-interval-updates": "train.epochs", "validate-interval-updates": "train.epochs",
    "validate-after-updates": "train.epochs", "save-interval": "train.epochs", "validate-interval": "train.epochs",
    "no-epoch-checkpoints": "train.validate", "keep-interval-updates": "train.validate",
    "keep-interval-updates-pattern": "train.validate", "keep-last-epochs": "train.validate",
    "disable-validation": "the dev set", "max-valid-steps": "the dev set", "nval": "the dev set",
    "combine-valid-subsets": "the dev set", "combine-val": "the dev set", "ignore-unused-valid-subsets": "the dev set",
    "skip-invalid-size-inputs-valid-test": "the dev set", "gen-subset": "the dev set", "num-shards": "the dev set",
    "shard-id": "the dev set", "dataset-impl": "the dataset",
    "best-checkpoint-metric": "the dev set", "maximize-best-checkpoint-metric": "the dev set", "cpu": "env.device",
    "distributed-world-size": "env.device", "distributed-num-procs": "env.device", "distributed-rank": "env.device",
    "distributed-init-method": "env.device", "distributed-port": "env.device", "distributed-no-spawn": "env.device",
    "nprocs-per-node": "env.device", "device-id": "env.device", "local_rank": "env.device", "tpu": "env.device",
    "pipeline-model-parallel": "env.device", "model-parallel-size": "env.device",
}  # fmt: skip
REFUSED = {
    "log-format": "Daisy reads fairseq's log as JSON",
    "no-progress-bar": "Daisy reads fairseq's log as JSON",
    "sentence-avg": "its loss is counted per token here",
}
LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| INFO \| "
FIGURES = re.compile(rf"{LINE}(?:train_inner|valid) \| (\{{.*\}})")
SAVED = re.compile(rf"{LINE}fairseq\.checkpoint_utils \| Saved checkpoint .* \(epoch {COUNT} @ {COUNT} updates, .* seconds\)")
ENDED = re.compile(r"\[daisy\] finished: (epochs|patience|updates|hours|learning rate)")
NUMBERED = re.compile(r"checkpoint(\d+)\.pt")
PREDICTED = re.compile(r"D-(\d+)\t[^\t]*\t(.*)")
ESCAPED = re.compile(r"<([0-9a-f]+)>")


class Fairseq(Adapter):
    """Convolutional, LSTM or Transformer encoder and decoder; attention."""

    loss_unit = "bits per token"
    encoders = ("conv", "rnn", "transformer")
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "valid_loss": "minimize", "loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """Two dictionaries, and train and dev in numbers: what fairseq-preprocess makes."""
        texts: list[object] = []
        for split, name in (("train", "train"), ("dev", "valid")):
            for side in ("source", "target"):
                texts += ["--escape", paths.canonical(split, side), f"text/{name}.{side}"]
        arguments = ["--trainpref", "text/train", "--validpref", "text/valid", "--destdir", ".", "--workers", 1]
        arguments += ["--padding-factor", 1]  # no made-up tokens: they could be predicted
        return Form(commands=(Command.of("python", paths.companion / "run.py", "preprocess", *texts, "--", *arguments),))

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One validation and one checkpoint an epoch; the best is the one with most exact matches on the dev set."""
        batch = options["train.batch_size"]
        arguments: list[object] = [
            paths.form, "--save-dir", paths.model_out, "--restore-file", resume.path if resume else paths.model_out / NONE,
            *_network(options), *_lengths(options),
            "--optimizer", "adam", "--lr", options["train.learning_rate"], "--clip-norm", 1, "--criterion", "cross_entropy",
            "--batch-size", batch, "--batch-size-valid", 100, "--required-batch-size-multiple", 1,
            "--max-epoch", options["train.epochs"] or 0, "--patience", options["train.patience"], "--seed", options["seed"],
            *_device(options), "--distributed-world-size", 1, "--num-workers", 0,
            "--log-format", "json", "--log-interval", max(1, paths.steps_per_epoch(batch) // 20),
        ]  # fmt: skip
        if options["train.validate"] != "each":
            arguments.append("--no-epoch-checkpoints")
        return _run(options, paths, "train", [], [*arguments, *_passed_on(options)])

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """By fairseq-generate: the likeliest next token, or beam search."""
        arguments: list[object] = [
            "--path", checkpoint.path, "--beam", options.bounded("beam", 1, 1, WIDEST),
            "--lenpen", options.bounded("lenpen", 1.0, -STRONGEST, STRONGEST), "--max-len-a", 2, "--max-len-b", 100,
            "--batch-size", 50, "--required-batch-size-multiple", 1, "--num-workers", 0, *_lengths(options), *_device(options),
            "--no-progress-bar",
        ]  # fmt: skip
        if options["arch.encoder"] == "transformer":
            # else it takes PyTorch's fast path, which has another signature since 1.13: "Mask Type should be defined"
            arguments += ["--model-overrides", "{'checkpoint_activations': True}"]
        files: list[object] = ["--form", paths.form, "--source", source, "--output", output]
        return _run(options, paths, "generate", files, arguments)

    def read_line(self, line: str) -> Progress | None:
        """Updates and validations as JSON, whole checkpoints, the end."""
        line = line.rstrip("\r\n")
        if found := FIGURES.fullmatch(line):
            return _figures(found[1])
        if found := SAVED.fullmatch(line):
            return Progress(epoch=int(found[1]), step=int(found[2]), epoch_done=True, saved_epoch=int(found[1]))
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match; the newest where it is not whole."""
        return whole_archive(paths.model_out / BEST) or self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The last one; where that is damaged, the newest of the others."""
        numbered = {int(found[1]) for path in paths.model_out.glob("*.pt") if (found := NUMBERED.fullmatch(path.name))}
        names = [LAST, *(f"checkpoint{epoch}.pt" for epoch in sorted(numbered, reverse=True)), BEST]
        return next((found for name in names if (found := whole_archive(paths.model_out / name)) is not None), None)

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each."""
        return whole_archive(paths.model_out / f"checkpoint{epoch}.pt", epoch)

    def read_predictions(self, output: str) -> list[str]:
        """The lines D-3<TAB>SCORE<TAB>TOKENS, put in the order of their numbers; white space in a token is written as <a0>."""
        found = {int(match[1]): match[2] for line in output.split("\n") if (match := PREDICTED.fullmatch(line))}
        return [ESCAPED.sub(lambda match: chr(int(match[1], 16)), found[number]) for number in sorted(found)]

    def hint(self, log: str) -> str | None:
        """What fairseq's and PyTorch's errors mean."""
        own = (hint for pattern, hint in HINTS.items() if re.search(pattern, log))
        return next(own, None) or common_hint(log, "fairseq")

    def setup(self, companion: Path) -> Setup:
        """PyTorch 1.13 with the libraries of CUDA 11.7. Newer versions of pip refuse omegaconf 2.0.6, which fairseq needs."""
        first = ("pip==24.0", "setuptools==69.5.1", "wheel==0.43.0")
        return Setup(("3.10",), companion / "requirements.txt", download=1820, disk=3400, first=first)

    def describe(self, paths: Paths) -> Command:
        """Its version and its own list of options."""
        return Command.of("python", paths.companion / "describe.py")


HINTS = {
    r"finds no GPU here": "train with env.device=cpu, or on a machine whose driver knows CUDA 11.7 or a newer one",
    r"unrecognized arguments": (
        "fairseq has that option only with another architecture, criterion, optimizer or lr-scheduler: choose that too, or leave "
        "it out of framework.options"
    ),
    r"FloatingPointError|gradients are Nan/Inf|NaN or Inf found": (
        "the loss is not a number: a lower learning rate (train.learning_rate) is the first thing to try"
    ),
    r"PytorchStreamReader|failed finding central directory": (
        "a checkpoint is damaged: delete it from model_out, and resume goes on from another one"
    ),
    r"Size of sample #.* is invalid": (
        f"an example of the dev set is longer than the network's positions ({LONGEST['conv']} tokens with architecture=conv): "
        "choose architecture=rnn or architecture=transformer"
    ),
    r"No such file or directory: '[^']*(?:dict\.|\.bin|\.idx)|Dataset not found": (
        "a file of the dataset in fairseq's form is gone: delete the folder that it lies in, and it is made again"
    ),
}  # fmt: skip


def _run(options: Options, paths: Paths, program: str, files: list[object], arguments: list[object]) -> Command:
    environment = {"OMP_NUM_THREADS": "1"} if options.device == "cpu" else {}  # Daisy trains a model on each core
    words = ["python", paths.companion / "run.py", program, *files, "--", *arguments]
    return Command.of(*words, environment=environment)


def _network(options: Options) -> list[object]:
    """The architecture as fairseq's options."""
    encoder = options["arch.encoder"]
    size: list[object] = [options["arch.embedding"]]
    common = ["--encoder-embed-dim", *size, "--decoder-embed-dim", *size, "--dropout", options["arch.dropout"]]
    if encoder == "transformer":
        arguments = ["--arch", "transformer", *common]
        for dropout in ("attention", "activation"):
            arguments += [f"--{dropout}-dropout", options["arch.dropout"]]
        for side in ("encoder", "decoder"):
            arguments += [
                f"--{side}-layers", options["arch.layers"], f"--{side}-attention-heads", options["arch.heads"],
                f"--{side}-ffn-embed-dim", options["arch.feedforward"],
            ]  # fmt: skip
        return arguments
    common += ["--decoder-out-embed-dim", *size]
    if encoder == "rnn":
        layers, hidden = options["arch.layers"], options["arch.hidden"]
        return [
            "--arch", "lstm", *common, "--encoder-bidirectional", "--encoder-layers", layers, "--decoder-layers", layers,
            "--encoder-hidden-size", hidden, "--decoder-hidden-size", hidden, "--decoder-attention", options["arch.attention"],
        ]  # fmt: skip
    if encoder != "conv":
        raise ConfigurationError(f"fairseq has no arch.encoder={encoder}: choose conv, rnn or transformer")
    return ["--arch", "fconv", *common, *_convolutions(options)]


def _convolutions(options: Options) -> list[object]:
    """fconv's layers: pairs of output channels and width."""
    if options["arch.pool"] != 1:
        raise ConfigurationError(f"arch.pool={options['arch.pool']}: fairseq has no max-pool; leave it out, or choose nematus")
    if options.get("arch.highway", 0):
        raise ConfigurationError(
            f"arch.highway={options['arch.highway']}: fairseq has no highway layers; leave it out, or choose nematus"
        )
    if not options["arch.attention"]:
        raise ConfigurationError(
            "arch.attention=false: fairseq's convolutional decoder sees the source by attention alone; leave it out, or choose "
            "architecture=rnn"
        )
    encoder = list(zip(options.per_layer("arch.filters"), options.per_layer("arch.kernel"), strict=True))
    decoder = [(options["arch.hidden"], DECODER_KERNEL)] * len(encoder)
    return ["--encoder-layers", encoder, "--decoder-layers", decoder, "--decoder-attention", True]


def _lengths(options: Options) -> list[object]:
    """Longer sources are cut: fairseq would leave them out."""
    longest = LONGEST[options["arch.encoder"]]
    return ["--max-source-positions", longest, "--max-target-positions", longest, "--truncate-source"]


def _device(options: Options) -> list[object]:
    return ["--cpu"] if options.device == "cpu" else []


def _passed_on(options: Options) -> list[object]:
    """What is under framework.options, but for what is the prediction's."""
    found = options.framework_options(TAKEN)
    for name in REFUSED.keys() & found.keys():
        raise ConfigurationError(f"framework.options.{name}: {REFUSED[name]}; leave it out")
    # no option of fairseq's takes several words: a list is a text in Python's form
    passed = {name: str(value) if isinstance(value, list) else value for name, value in found.items()}
    return flags({name: value for name, value in passed.items() if name not in OF_PREDICTION})


def _figures(text: str) -> Progress | None:
    """What a line of JSON says: numbers are texts, those of a validation begin with valid_."""
    try:
        said = json.loads(text)
        if "valid_num_updates" in said:
            names = {"valid_dev_accuracy": "dev_accuracy", "valid_loss": "valid_loss"}
            measures = {names[name]: float(said[name]) for name in names if name in said}
            return Progress(epoch=int(said["epoch"]), step=int(said["valid_num_updates"]), measures=measures)
        return Progress(epoch=int(said["epoch"]), step=int(said["num_updates"]), measures={"loss": float(said["loss"])})
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
