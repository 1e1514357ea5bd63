"""The adapter of JoeyNMT, https://github.com/joeynmt/joeynmt: recurrent networks and Transformers in PyTorch.

What it lacks (exact match for the best checkpoint and for patience, whole checkpoints, going on in the same folder, a constant
learning rate) is added from outside by joeynmt/outside.py, in JoeyNMT's own Python.
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
    whole_archive,
)

NO_LIMIT = 1_000_000  # epochs
BEAM, WIDEST = 5, 1000  # hypotheses
ALPHA, NO_PENALTY, STRONGEST = 1.0, -1, 10  # power of the length
SPECIAL = {"unk_token": "< unk >", "pad_token": "< pad >", "bos_token": "< bos >", "eos_token": "< eos >"}
"""With blanks in them, which no token has: JoeyNMT's own `<s>` is Daisy's blank within a form."""
TAKEN = {
    "name": "the model's folder", "model_dir": "the model's folder", "use_cuda": "env.device",
    "training.use_cuda": "env.device", "random_seed": "seed", "model.encoder.type": "arch.encoder",
    "model.decoder.type": "arch.encoder", "model.encoder.bidirectional": "arch.encoder",
    "model.encoder.embeddings.embedding_dim": "arch.embedding", "model.decoder.embeddings.embedding_dim": "arch.embedding",
    "model.encoder.hidden_size": "arch.hidden", "model.decoder.hidden_size": "arch.hidden",
    "model.encoder.num_layers": "arch.layers", "model.decoder.num_layers": "arch.layers",
    "model.encoder.num_heads": "arch.heads", "model.decoder.num_heads": "arch.heads",
    "model.encoder.ff_size": "arch.feedforward", "model.decoder.ff_size": "arch.feedforward",
    "model.encoder.dropout": "arch.dropout", "model.decoder.dropout": "arch.dropout",
    "model.encoder.embeddings.dropout": "arch.dropout", "model.decoder.embeddings.dropout": "arch.dropout",
    "model.decoder.hidden_dropout": "arch.dropout", "training.learning_rate": "train.learning_rate",
    "training.batch_size": "train.batch_size", "training.batch_type": "train.batch_size",
    "training.batch_multiplier": "train.batch_size", "training.epochs": "train.epochs", "training.updates": "train.epochs",
    "training.validation_freq": "train.epochs", "training.patience": "train.patience",
    "training.keep_best_ckpts": "train.validate", "training.keep_last_ckpts": "train.validate",
    "training.early_stopping_metric": "the dev set", "testing.eval_metrics": "the dev set",
    "testing.eval_metric": "the dev set", "testing.sacrebleu": "the dev set", "testing.sacrebleu_cfg": "the dev set",
    "training.load_model": "the model's folder", "training.load_encoder": "the model's folder",
    "training.load_decoder": "the model's folder", "training.reset_best_ckpt": "the model's folder",
    "training.reset_iter_state": "the model's folder", "training.reset_optimizer": "the model's folder",
    "training.reset_scheduler": "the model's folder", "testing.load_model": "the model's folder",
}  # fmt: skip
REFUSED = {
    "training.normalization": "its loss is counted per token here",
    "testing.n_best": "one prediction a line is what Daisy scores",
    "testing.return_prob": "one prediction a line is what Daisy scores",
    "testing.return_attention": "one prediction a line is what Daisy scores",
}
BROKEN = ("plateau", "warmupexponentialdecay")  # schedules that JoeyNMT 2.3.0 builds with arguments that they don't take
ONLY_RECURRENT = ("rnn_type", "attention", "init_hidden", "input_feeding")
ONLY_TRANSFORMER = ("alpha", "layer_norm")
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - INFO - joeynmt\.training - "
NUMBER = r"(-?nan|-?inf|-?\d+\.\d{6})"
STEP = re.compile(
    rf"{STAMP}Epoch +{COUNT}, Step: +{COUNT}, Batch Loss: +{NUMBER}, Batch Acc: \S+, Tokens per Sec: +\S+, Lr: \d+\.\d{{6}}"
)
EPOCH = re.compile(rf"\[daisy\] epoch {COUNT} at step {COUNT}: dev_accuracy ([01]\.\d{{6}}), valid_loss {NUMBER}, saved")
ENDED = re.compile(r"\[daisy\] finished: (epochs|patience|learning_rate_min)")


class JoeyNMT(Adapter):
    """Recurrent or Transformer encoder and decoder, with attention."""

    loss_unit = "nats per token"
    encoders = ("rnn", "transformer")
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "valid_loss": "minimize", "loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """Two vocabularies."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """train-source.vocabulary and train-target.vocabulary: a token a line, the most frequent first."""
        for side in ("source", "target"):
            (paths.form / f"train-{side}.vocabulary").write_bytes(
                "".join(f"{token}\n" for token in paths.tokens(side)).encode("utf-8")
            )

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One validation and one checkpoint an epoch; the best is the one with most exact matches on the dev set."""
        config = _configuration(options, paths)
        if resume is not None:
            config["training"]["load_model"] = str(resume.path)
        return Command.of("python", paths.companion / "run.py", "train", "--config", _text(config))

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the log-probability is divided by ((5 + length) / 6) to the power of testing.beam_alpha."""
        config = _configuration(options, paths)
        config["testing"]["load_model"] = str(checkpoint.path)
        files = ["--source", source, "--output", output]
        return Command.of("python", paths.companion / "run.py", "predict", "--config", _text(config), *files)

    def read_line(self, line: str) -> Progress | None:
        """Updates, epochs (validated and saved), the end."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(epoch=int(found[1]), step=int(found[2]), measures={"loss": float(found[3])})
        if found := EPOCH.fullmatch(line):
            epoch, measures = int(found[1]), {"dev_accuracy": float(found[3]), "valid_loss": float(found[4])}
            return Progress(epoch=epoch, step=int(found[2]), measures=measures, epoch_done=True, saved_epoch=epoch)
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match."""
        return whole_archive(paths.model_out / "best.ckpt") or self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The last epoch's: it takes the place of the one before when it is whole."""
        return whole_archive(paths.model_out / "latest.ckpt")

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each."""
        return whole_archive(paths.model_out / f"epoch-{epoch}.ckpt", epoch)

    def hint(self, log: str) -> str | None:
        """What JoeyNMT's and PyTorch's errors mean."""
        if "finds no GPU here" in log:
            return "train with env.device=cpu, or `daisy setup joeynmt` where pip finds a PyTorch for this machine's GPU"
        if "math range error" in log:
            return "the loss has grown beyond all bounds: a smaller train.learning_rate is the first thing to try"
        if re.search(r"PytorchStreamReader|UnpicklingError|_weights_only_unpickler", log):
            return "a checkpoint is damaged: delete it from model_out, and training goes on without it"
        if "size mismatch for" in log:
            return "checkpoint and vocabularies do not fit: delete the folder of the dataset's form, and it is made again"
        if "joeynmt.config.ConfigurationError" in log:
            return "JoeyNMT does not take a value that is under framework.options: its last line says which"
        if "No such file or directory" in log:
            return "a file that JoeyNMT reads is gone: delete the folder of the dataset that it lies in, and it is made again"
        return common_hint(log, "joeynmt")

    def setup(self, companion: Path) -> Setup:
        """PyTorch with what it needs, as pip finds it; of JoeyNMT's many dependencies only what it imports."""
        return Setup(
            ("3.11",), companion / "requirements.txt", download=255, disk=1100, first=("torch==2.13.0",), dependencies=False
        )

    def describe(self, paths: Paths) -> Command:
        """Its version, and the names that it reads from its YAML."""
        return Command.of("python", paths.companion / "describe.py")


def _configuration(options: Options, paths: Paths) -> dict[str, Any]:
    """What JoeyNMT reads from its YAML."""
    batch = options["train.batch_size"]
    steps = paths.steps_per_epoch(batch)
    each = options["train.validate"] == "each"
    sides = {
        name: {"lang": side, "level": "word", "voc_file": str(paths.form / f"train-{side}.vocabulary")}
        for name, side in (("src", "source"), ("trg", "target"))
    }
    config: dict[str, Any] = {
        "name": "daisy",
        "model_dir": str(paths.model_out),
        "use_cuda": options.device == "gpu",
        "random_seed": options["seed"],
        "data": {
            "train": str(paths.dataset / "train"), "dev": str(paths.dataset / "dev"), "dataset_type": "plain",
            **sides, "special_symbols": dict(SPECIAL),
        },
        "training": {
            "optimizer": "adam", "learning_rate": options["train.learning_rate"], "learning_rate_min": 0.0,
            "clip_grad_norm": 1.0, "normalization": "tokens", "batch_size": batch, "batch_type": "sentence",
            "epochs": options["train.epochs"] or NO_LIMIT, "patience": options["train.patience"],
            "validation_freq": steps, "logging_freq": max(1, steps // 20),
            "early_stopping_metric": "acc",  # outside.py puts exact match in its place, which JoeyNMT's own check refuses
            "keep_best_ckpts": -1 if each else 1,
            "print_valid_sents": [],  # else JoeyNMT draws plots of them at each validation too
        },
        "testing": {"batch_size": 64, "eval_metrics": ["sequence_accuracy"]},
        "model": _network(options),
    }  # fmt: skip
    for name, value in _own(options).items():
        *sections, last = name.split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return config


def _network(options: Options) -> dict[str, Any]:
    """The architecture as JoeyNMT's `model`."""
    encoder, size, dropout = options["arch.encoder"], options["arch.embedding"], options["arch.dropout"]
    if encoder == "transformer":
        part = {
            "type": "transformer", "embeddings": {"embedding_dim": size, "scale": True, "dropout": dropout},
            "hidden_size": size, "num_layers": options["arch.layers"], "num_heads": options["arch.heads"],
            "ff_size": options["arch.feedforward"], "dropout": dropout, "layer_norm": "pre",
        }  # fmt: skip
        return {"encoder": part, "decoder": {**part, "embeddings": dict(part["embeddings"])}}
    if encoder != "rnn":
        raise ConfigurationError("joeynmt has no convolutional encoder: choose architecture=rnn or architecture=transformer")
    if not options["arch.attention"]:
        raise ConfigurationError("arch.attention=false: JoeyNMT's decoder always attends; leave it out, or choose arcadio")
    part = {
        "type": "recurrent", "rnn_type": "gru", "embeddings": {"embedding_dim": size, "dropout": dropout},
        "hidden_size": options["arch.hidden"], "dropout": dropout,
    }  # fmt: skip
    return {
        "encoder": {**part, "num_layers": options["arch.layers"], "bidirectional": True},
        "decoder": {**part, "embeddings": dict(part["embeddings"]), "num_layers": 1, "hidden_dropout": dropout},
    }


def _own(options: Options) -> dict[str, Any]:
    """What is under framework.options, as `section.name`. Raises ConfigurationError for what JoeyNMT would not heed here."""
    beam = {
        "testing.beam_size": options.bounded("testing.beam_size", BEAM, 1, WIDEST),
        "testing.beam_alpha": options.bounded("testing.beam_alpha", ALPHA, NO_PENALTY, STRONGEST),
    }
    found = {**options.framework_options(TAKEN), **beam}
    transformer = options["arch.encoder"] == "transformer"
    for name, value in found.items():
        key, last = f"framework.options.{name}", name.rpartition(".")[2]
        if name in REFUSED:
            raise ConfigurationError(f"{key}: {REFUSED[name]}; leave it out")
        if name.startswith("data."):
            raise ConfigurationError(f"{key}: JoeyNMT's data is what Daisy has prepared as dataset; leave it out")
        if name == "training.scheduling" and value in BROKEN:
            raise ConfigurationError(
                f"{key}={value} fails in JoeyNMT 2.3.0: choose exponential, noam or another of its schedules"
            )
        if name.startswith("model.") and last in (ONLY_RECURRENT if transformer else ONLY_TRANSFORMER):
            other = "rnn" if transformer else "transformer"
            raise ConfigurationError(f"{key} is for architecture={other}: leave it out with this one")
    return found


def _text(config: dict[str, Any]) -> str:
    return json.dumps(config, ensure_ascii=False)
