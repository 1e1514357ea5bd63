"""The adapter of Marian, https://marian-nmt.github.io: recurrent networks and Transformers in C++, from the package pymarian."""

import json
import re
from pathlib import Path

from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Command, Form, Options, Paths, Progress, Setup, whole_archive

NO_LIMIT = 1_000_000  # epochs; validations without a better one
LONGEST = 1000  # tokens
MODEL = "m.npz"
PARTS = (MODEL, f"{MODEL}.optimizer.npz")  # the archives that Marian goes on from; .progress.yml is written with them
TAKEN = {
    "train-sets": "dataset", "vocabs": "dataset", "valid-sets": "dataset", "model": "the model's folder",
    "pretrained-model": "the model's folder", "overwrite": "train.validate", "type": "arch.encoder",
    "dim-emb": "arch.embedding", "dim-rnn": "arch.hidden", "enc-depth": "arch.layers", "dec-depth": "arch.layers",
    "dropout-rnn": "arch.dropout", "transformer-dropout": "arch.dropout", "transformer-dropout-attention": "arch.dropout",
    "transformer-dropout-ffn": "arch.dropout", "transformer-heads": "arch.heads", "transformer-dim-ffn": "arch.feedforward",
    "mini-batch": "train.batch_size", "learn-rate": "train.learning_rate", "after-epochs": "train.epochs",
    "after": "train.epochs",
    "after-batches": "train.epochs", "early-stopping": "train.patience", "seed": "seed", "valid-freq": "train.epochs",
    "save-freq": "train.epochs", "valid-metrics": "the dev set", "valid-script-path": "the dev set",
    "valid-script-args": "the dev set", "devices": "env.device", "cpu-threads": "env.device", "max-length": "the dataset",
}  # fmt: skip
OF_PREDICTION = ("beam-size", "normalize")
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"
NUMBER = r"(-?nan|-?inf|-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)"
COUNT = r"(\d[\d,]{0,15})"  # thousands have commas
STEP = re.compile(rf"{STAMP} Ep\. {COUNT} : Up\. {COUNT} : Sen\. [\d,]+ : Cost {NUMBER} .* gNorm {NUMBER}")
JUDGED = r"(?:new best|stalled \d+ times .*\))"
VALID = re.compile(rf"{STAMP} \[valid\] Ep\. {COUNT} : Up\. {COUNT} : (translation|cross-entropy) : {NUMBER} : {JUDGED}")
ENDED = re.compile(r"\[daisy\] finished: (epochs|patience)")
NUMBERED = re.compile(r"m\.iter(\d+)\.npz")


class Marian(Adapter):
    """Recurrent or Transformer encoder and decoder, with attention."""

    loss_unit = "nats per token"
    encoders = ("rnn", "transformer")
    attention = True
    accuracy_while_training = True

    def form(self, options: Options, paths: Paths) -> Form:
        """Two vocabularies."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """train-source.json and train-target.json: each token's number, the most frequent first (JSON is YAML too)."""
        for side in ("source", "target"):
            numbers = {token: number for number, token in enumerate(("</s>", "<unk>", *paths.tokens(side)))}
            (paths.form / f"train-{side}.json").write_text(json.dumps(numbers, ensure_ascii=False, indent=0), encoding="utf-8")

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One checkpoint and one validation an epoch; the best is the one with most exact matches on the dev set."""
        batch = options["train.batch_size"]
        steps = paths.steps_per_epoch(batch)
        arguments: list[object] = [
            "--train-sets", paths.canonical("train", "source"), paths.canonical("train", "target"),
            "--valid-sets", paths.canonical("dev", "source"), paths.canonical("dev", "target"),
            *_vocabularies(paths), "--model", paths.model_out / MODEL, *_network(options),
            "--optimizer", "adam", "--learn-rate", options["train.learning_rate"], "--clip-norm", 1,
            "--mini-batch", batch, "--maxi-batch", 20, "--valid-mini-batch", 50, "--max-length", LONGEST,
            "--after-epochs", options["train.epochs"] or NO_LIMIT, "--early-stopping", options["train.patience"] or NO_LIMIT,
            "--seed", options["seed"], *_device(options), "--workspace", 512,
            "--valid-freq", f"{steps}u", "--save-freq", f"{steps}u", "--disp-freq", f"{max(1, steps // 20)}u",
            "--valid-metrics", "translation", "cross-entropy", "--keep-best", "--quiet-validation",
            "--beam-size", 1,  # the prediction has framework.options.beam-size
            "--valid-translation-output", paths.model_out / "dev.translations",
        ]  # fmt: skip
        if options["train.validate"] != "each":
            arguments.append("--overwrite")
        arguments += _passed_on(options)
        flags: list[object] = ["--dev-target", paths.canonical("dev", "target")]
        if resume is not None and resume.path.parent != paths.model_out:
            flags += ["--restore", resume.path.parent]
        return Command.of("python", paths.companion / "run.py", "train", *flags, "--", *arguments)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the log-probability is divided by the length to the power of `normalize`."""
        arguments = [
            "--models", checkpoint.path, *_vocabularies(paths), "--input", source, "--output", output,
            "--beam-size", options.get("framework.options.beam-size", 5),
            "--normalize", options.get("framework.options.normalize", 1),
            "--mini-batch", 50, "--max-length", LONGEST, *_device(options), "--workspace", 512, "--quiet-translation",
        ]  # fmt: skip
        return Command.of("python", paths.companion / "run.py", "decode", "--", *arguments)

    def read_line(self, line: str) -> Progress | None:
        """Updates, validations (each ends an epoch), the end. Thousands have commas."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(epoch=_count(found[1]), step=_count(found[2]), measures={"loss": _number(found[3])})
        if found := VALID.fullmatch(line):
            epoch, value = _count(found[1]), _number(found[4])
            if found[3] == "cross-entropy":
                return Progress(epoch=epoch, measures={"valid_cross_entropy": value}, epoch_done=True)
            return Progress(
                epoch=epoch, step=_count(found[2]), measures={"dev_accuracy": value}, epoch_done=True, saved_epoch=epoch
            )
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match; the newest where no validation has come yet."""
        best = paths.model_out / f"{MODEL}.best-translation.npz"
        return whole_archive(best) or self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The last one, or the copy of the one before where a kill has torn it."""
        for folder in (paths.model_out, paths.model_out / "previous"):
            if all(whole_archive(folder / part) for part in PARTS) and (folder / f"{MODEL}.progress.yml").is_file():
                return Checkpoint(folder / MODEL, files=(folder / MODEL,))
        return None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each: one an epoch, so the number of updates tells which."""
        numbered = {
            int(found[1]): path for path in paths.model_out.glob("m.iter*.npz") if (found := NUMBERED.fullmatch(path.name))
        }
        path = numbered.get(min(numbered) * epoch) if numbered else None
        return whole_archive(path, epoch) if path is not None else None

    def hint(self, log: str) -> str | None:
        """What Marian's errors mean."""
        if "No module named" in log:
            return "the Python that runs Marian lacks pymarian: `daisy setup marian` makes one that has it"
        if re.search(r"[Oo]ut of memory|bad_alloc|Failed to allocate", log):
            return "out of memory: a smaller train.batch_size or a smaller network is the first thing to try"
        if "does not exist" in log:
            return "a file that Marian reads is gone: delete the folder of the dataset that it lies in, and it is made again"
        return None

    def setup(self, companion: Path) -> Setup:
        """One wheel with Marian in it, and what its Python part imports."""
        return Setup(("3.11", "3.12", "3.10", "3.9"), companion / "requirements.txt", download=610, disk=1030)

    def describe(self, paths: Paths) -> Command:
        """Its version and its own list of options."""
        return Command.of("python", paths.companion / "describe.py")


def _network(options: Options) -> list[object]:
    """The architecture as Marian's options."""
    encoder, dropout = options["arch.encoder"], options["arch.dropout"]
    if encoder == "transformer":
        return [
            "--type", "transformer", "--dim-emb", options["arch.embedding"],
            "--enc-depth", options["arch.layers"], "--dec-depth", options["arch.layers"],
            "--transformer-heads", options["arch.heads"], "--transformer-dim-ffn", options["arch.feedforward"],
            "--transformer-dropout", dropout, "--transformer-dropout-attention", dropout, "--transformer-dropout-ffn", dropout,
        ]  # fmt: skip
    if encoder != "rnn":
        raise ConfigurationError("marian has no convolutional encoder: choose architecture=rnn or architecture=transformer")
    if not options["arch.attention"]:
        raise ConfigurationError("arch.attention=false: Marian's decoder always attends; leave it out, or choose arcadio")
    return [
        "--type", "s2s", "--dim-emb", options["arch.embedding"], "--dim-rnn", options["arch.hidden"],
        "--enc-depth", options["arch.layers"], "--dec-depth", 1, "--enc-cell", "gru", "--dec-cell", "gru",
        "--dropout-rnn", dropout,
    ]  # fmt: skip


def _vocabularies(paths: Paths) -> list[object]:
    return ["--vocabs", paths.form / "train-source.json", paths.form / "train-target.json"]


def _device(options: Options) -> list[object]:
    return ["--cpu-threads", 1] if options.device == "cpu" else ["--devices", 0]


def _passed_on(options: Options) -> list[object]:
    """What is under framework.options, but for what is the prediction's."""
    arguments: list[object] = []
    for name, value in options.framework_options(TAKEN).items():
        if name in OF_PREDICTION or value is None:
            continue
        if isinstance(value, bool):
            arguments += [f"--{name}={'true' if value else 'false'}"]
        else:
            arguments += [f"--{name}", *(value if isinstance(value, list) else [value])]
    return arguments


def _count(text: str) -> int:
    return int(text.replace(",", ""))


def _number(text: str) -> float:
    return float(text.replace(",", ""))
