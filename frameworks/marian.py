"""The adapter of Marian, https://marian-nmt.github.io: recurrent networks and Transformers in C++, from the package pymarian."""

import json
import re
import zipfile
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
    whole_archive,
)

NO_LIMIT = 1_000_000  # epochs; validations without a better one
LONGEST = 1000  # tokens, the end of the line among them
MODEL = "m.npz"
OPTIMIZER, PROGRESS = f"{MODEL}.optimizer.npz", f"{MODEL}.progress.yml"
VALIDATIONS = "validations.json"  # what the wrapper notes: each epoch's number of updates and accuracy
DEFAULTS: dict[str, Any] = {
    "optimizer": "adam", "clip-norm": 1, "maxi-batch": 20, "valid-mini-batch": 50, "workspace": 512,
}  # fmt: skip
CELLS = {"enc-cell": "gru", "dec-cell": "gru"}  # defaults, too, of recurrent networks
TAKEN = {
    "train-sets": "dataset", "vocabs": "dataset", "valid-sets": "dataset", "tsv": "dataset", "tsv-fields": "dataset",
    "input-types": "dataset", "input-reorder": "dataset", "input-join-fields": "dataset",
    "type": "arch.encoder", "task": "architecture", "best-deep": "architecture",
    "dim-emb": "arch.embedding", "dim-rnn": "arch.hidden", "enc-depth": "arch.layers", "dec-depth": "arch.layers",
    "dropout-rnn": "arch.dropout", "transformer-dropout": "arch.dropout", "transformer-dropout-attention": "arch.dropout",
    "transformer-dropout-ffn": "arch.dropout", "transformer-heads": "arch.heads", "transformer-dim-ffn": "arch.feedforward",
    "transformer-decoder-dim-ffn": "arch.feedforward",
    "mini-batch": "train.batch_size", "mini-batch-words": "train.batch_size", "mini-batch-words-ref": "train.batch_size",
    "mini-batch-fit": "train.batch_size", "mini-batch-fit-step": "train.batch_size", "mini-batch-warmup": "train.batch_size",
    "mini-batch-track-lr": "train.batch_size", "mini-batch-round-up": "train.batch_size",
    "optimizer-delay": "train.batch_size", "learn-rate": "train.learning_rate",
    "after-epochs": "train.epochs", "after": "train.epochs", "after-batches": "train.epochs",
    "logical-epoch": "train.epochs", "valid-freq": "train.epochs", "save-freq": "train.epochs",
    "early-stopping": "train.patience", "early-stopping-on": "train.patience", "early-stopping-epsilon": "train.patience",
    "valid-reset-stalled": "train.patience", "valid-reset-all": "train.patience",
    "overwrite": "train.validate", "overwrite-checkpoint": "train.validate", "seed": "seed",
    "devices": "env.device", "cpu-threads": "env.device",
}  # fmt: skip
_FOLDER, _DEV, _LENGTH = "the model's folder is Daisy's", "Daisy validates on the dev set", "lengths are what the dataset has"
_LOG, _ENDS, _ONE = "Daisy reads Marian's log", "it trains nothing", "one prediction a line is what Daisy scores"
_SETS = "it sets options past those that Daisy checks"
REFUSED = {
    **dict.fromkeys(("model", "pretrained-model", "no-reload", "no-optimizer-reload", "no-restore-corpus",
                     "ignore-model-config", "relative-paths", "interpolate-env-vars"), _FOLDER),
    **dict.fromkeys(("valid-metrics", "valid-script-path", "valid-script-args", "valid-translation-output", "keep-best"), _DEV),
    **dict.fromkeys(("max-length", "max-length-crop", "valid-max-length"), _LENGTH),
    **dict.fromkeys(("log", "log-level", "valid-log", "quiet", "quiet-translation", "quiet-validation", "disp-freq",
                     "disp-first", "disp-label-counts"), _LOG),
    **dict.fromkeys(("help", "version", "authors", "cite", "build-info", "dump-config"), _ENDS),
    **dict.fromkeys(("n-best", "word-scores"), _ONE),
    **dict.fromkeys(("config", "custom-fallbacks"), _SETS),
    "cost-type": "its loss is counted per token here", "sigterm": "Daisy ends it with SIGTERM, and it saves then",
}  # fmt: skip
OF_PREDICTION = ("beam-size", "normalize")
OF_BOTH = ("max-length-factor", "word-penalty", "allow-unk", "workspace")
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"
NUMBER = r"(-?nan|-?inf|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
STEP = re.compile(
    rf"{STAMP} Ep\. {COUNT} : Up\. {COUNT} : Sen\. [\d,]+ : Cost {NUMBER} .* gNorm {NUMBER}(?: : L\.r\. \d\.\d{{4}}e[-+]\d\d)?"
)
JUDGED = r"(?:new best|stalled \d+ times .*\))"
VALID = re.compile(rf"{STAMP} \[valid\] Ep\. {COUNT} : Up\. {COUNT} : (translation|cross-entropy) : {NUMBER} : {JUDGED}")
SCORED = re.compile(rf"\[daisy\] epoch {COUNT} at update {COUNT}: dev_accuracy {NUMBER}")
ENDED = re.compile(r"\[daisy\] finished: (epochs|patience)")
UPDATES = re.compile(r"^batches: (\d{1,12})$", re.MULTILINE)
WRITTEN_LAST = re.compile(r"\nseed-batch: (\"\"|\d+(?: \d+)*)\nseed-corpus: (\"\"|\d+(?: \d+)*)\n?\Z")


class Marian(Adapter):
    """Recurrent or Transformer encoder and decoder, with attention."""

    loss_unit = "nats per token"
    encoders = ("rnn", "transformer")
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "valid_cross_entropy": "minimize", "loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """Two vocabularies."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """train-source.json and train-target.json: each token's number, the most frequent first (JSON is YAML too)."""
        for side in ("source", "target"):
            numbers = paths.numbered(side, ("</s>", "<unk>"), unknown="<unk>")
            (paths.form / f"train-{side}.json").write_text(json.dumps(numbers, ensure_ascii=False, indent=0), encoding="utf-8")

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One checkpoint and one validation an epoch; the best is the one with most exact matches on the dev set."""
        batch = options["train.batch_size"]
        steps = paths.steps_per_epoch(batch)
        _search(options)  # refused now, not after hours of training
        arguments: list[object] = [
            "--train-sets", paths.canonical("train", "source"), paths.canonical("train", "target"),
            "--valid-sets", paths.canonical("dev", "source"), paths.canonical("dev", "target"),
            *_vocabularies(paths), "--model", MODEL, *_network(options), "--learn-rate", options["train.learning_rate"],
            "--mini-batch", batch, "--max-length", LONGEST,
            "--after-epochs", options["train.epochs"] or NO_LIMIT, "--early-stopping", options["train.patience"] or NO_LIMIT,
            "--seed", options["seed"], *_device(options),
            "--valid-freq", f"{steps}u", "--save-freq", f"{steps}u", "--disp-freq", f"{max(1, steps // 20)}u",
            "--valid-metrics", "translation", "cross-entropy", "--keep-best", "--quiet-validation",
            "--beam-size", 1,  # the prediction has framework.options.beam-size
        ]  # fmt: skip
        if options["train.validate"] != "each":
            arguments.append("--overwrite")
        arguments += flags(_passed_on(options), spelled_out=True)
        own: list[object] = ["--dev-target", paths.canonical("dev", "target")]
        if resume is not None:
            own += ["--resume", resume.path.parent]
        return Command.of("python", paths.companion / "run.py", "train", *own, "--", *arguments)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Beam search; the log-probability is divided by the length to the power of `normalize`."""
        given = _passed_on(options)
        arguments = [
            "--models", checkpoint.path, *_vocabularies(paths), "--input", source, "--output", output, *_search(options),
            "--mini-batch", 50, "--max-length", LONGEST,
            "--max-length-crop",  # else a longer line would take all lines after it with itself
            *_device(options), *flags({name: given[name] for name in OF_BOTH if name in given}, spelled_out=True),
            "--quiet-translation",
        ]  # fmt: skip
        return Command.of("python", paths.companion / "run.py", "decode", "--", *arguments)

    def read_line(self, line: str) -> Progress | None:
        """Updates, validations (each ends an epoch), the end."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(epoch=int(found[1]), step=int(found[2]), measures={"loss": float(found[3])})
        if found := VALID.fullmatch(line):
            epoch, value = int(found[1]), float(found[4])
            if found[3] == "cross-entropy":
                return Progress(epoch=epoch, measures={"valid_cross_entropy": value}, epoch_done=True)
            return Progress(epoch=epoch, step=int(found[2]), measures={"dev_accuracy": value}, epoch_done=True, saved_epoch=epoch)
        if found := SCORED.fullmatch(line):
            epoch = int(found[1])
            measures: Mapping[str, str] = {"dev_accuracy": float(found[3])}
            return Progress(epoch=epoch, step=int(found[2]), measures=measures, epoch_done=True, saved_epoch=epoch)
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """By exact match; the newest where no validation has come yet."""
        best = paths.model_out / f"{MODEL}.best-translation.npz"
        return whole_archive(best) or self.resume_checkpoint(paths)

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The last one, or the copy of the one before where a kill has cut the save of the last one off."""
        last, before = _parts(paths.model_out), _parts(paths.model_out / "previous")
        if last is not None and (before is None or _belong_together(last, before)):
            return Checkpoint(paths.model_out / MODEL, files=(paths.model_out / MODEL,))
        if before is not None:
            return Checkpoint(paths.model_out / "previous" / MODEL, files=(paths.model_out / "previous" / MODEL,))
        return None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with train.validate=each, named for the updates that were noted when the epoch was validated."""
        try:
            noted = json.loads((paths.model_out / VALIDATIONS).read_text(encoding="utf-8"))["validations"]
            updates = {entry["epoch"]: entry["update"] for entry in noted}
        except (OSError, ValueError, KeyError, TypeError):  # it is renamed into place: torn only by other hands
            return None
        return whole_archive(paths.model_out / f"m.iter{updates[epoch]}.npz", epoch) if epoch in updates else None

    def hint(self, log: str) -> str | None:
        """What Marian's errors mean."""
        if "finds no GPU" in log:
            return "env.device=cpu trains on the processor; on Slurm the job must ask for a GPU"
        if "does not exist" in log:
            return "a file that Marian reads is gone: delete the folder of the dataset that it lies in, and it is made again"
        return common_hint(log, "marian")

    def setup(self, companion: Path) -> Setup:
        """One wheel with Marian in it, and what its Python part imports."""
        return Setup(("3.11", "3.12"), companion / "requirements.txt", download=610, disk=1030)

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
        "--enc-depth", options["arch.layers"], "--dec-depth", 1, "--dropout-rnn", dropout,
    ]  # fmt: skip


def _vocabularies(paths: Paths) -> list[object]:
    return ["--vocabs", paths.form / "train-source.json", paths.form / "train-target.json"]


def _device(options: Options) -> list[object]:
    return ["--cpu-threads", 1] if options.device == "cpu" else ["--devices", 0]


def _search(options: Options) -> list[object]:
    """How predictions are searched for."""
    beam, normalize = options.bounded("beam-size", 5, 1, 1000), options.bounded("normalize", 1.0, 0.0, 10.0)
    return ["--beam-size", beam, "--normalize", normalize]


def _passed_on(options: Options) -> dict[str, Any]:
    """What is under framework.options, over Daisy's own defaults, but for what is the prediction's alone."""
    chosen = options.framework_options(TAKEN)
    for name in chosen:
        if name in REFUSED:
            raise ConfigurationError(f"framework.options.{name}: {REFUSED[name]}; leave it out")
    cells = CELLS if options["arch.encoder"] == "rnn" else {}
    given = {name: value for name, value in chosen.items() if value is not None and name not in OF_PREDICTION}
    return {**DEFAULTS, **cells, **given}


def _parts(folder: Path) -> tuple[object, object, object] | None:
    """What tells one save from another: network, optimizer and updates. None where one of the files is not there whole."""
    try:
        text = (folder / PROGRESS).read_text(encoding="utf-8")
        network, optimizer = (_content(folder / name) for name in (MODEL, OPTIMIZER))
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    updates, last = UPDATES.search(text), WRITTEN_LAST.search(text)
    if updates is None or last is None or len(last[1].split()) != len(last[2].split()):  # two generators of a kind
        return None
    return network, optimizer, int(updates[1])


def _content(path: Path) -> list[tuple[str, int, int]]:
    """The directory of an archive, which is written last: names, sizes and checksums."""
    with zipfile.ZipFile(path) as archive:
        return [(entry.filename, entry.file_size, entry.CRC) for entry in archive.infolist()]


def _belong_together(last: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Whether a save was finished: all of it is new, or all of it is what `previous/` was copied from."""
    return len({one == other for one, other in zip(last, before, strict=True)}) == 1
