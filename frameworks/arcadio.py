"""The adapter of arcadio, Daisy's own character-level sequence-to-sequence trainer."""

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
    Description,
    Form,
    Options,
    Paths,
    Progress,
    common_hint,
    version_of_files,
    whole_archive,
)

NO_LIMIT = 1_000_000  # epochs
GREEDY, WIDEST = 1, 1000  # hypotheses
NORMALIZE, STRONGEST = 1.0, 10  # power of the length
SPECIAL, UNKNOWN = ("<pad>", "<bos>", "<eos>", "<unk>"), "<unk>"
OWN_OPTIONS = frozenset({"beam", "normalize"})
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
NUMBER = r"(nan|inf|-inf|[-+0-9.e]+)"
STEP = re.compile(rf"epoch {COUNT} step {COUNT}/{COUNT} loss {NUMBER} seconds ([0-9.]+)")
EPOCH = re.compile(rf"epoch {COUNT} done loss {NUMBER} dev_accuracy ([0-9.]+)( best)? seconds ([0-9.]+)")
SAVED = re.compile(rf"saved epoch {COUNT}")
ENDED = re.compile(r"finished: (epochs|seconds|patience)")


class Arcadio(Adapter):
    """Convolutional or recurrent encoder, recurrent decoder with attention, in NumPy, on one processor."""

    loss_unit = "nats per token"
    encoders = ("conv", "rnn")
    attention = True
    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """Two vocabularies."""
        return Form()

    def write_form(self, options: Options, paths: Paths) -> None:
        """The vocabularies: special tokens, then those of the training set, the most frequent first."""
        for side in ("source", "target"):
            # it reads each token that is spelled like a special one as unknown
            text = json.dumps(paths.numbered(side, SPECIAL, UNKNOWN, harmless=True), ensure_ascii=False)
            (paths.form / f"vocabulary-{side}.json").write_text(text, encoding="utf-8")

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """Train from the canonical files; resuming is exact."""
        arguments: list[object] = ["python", paths.companion / "train.py"]
        for split in ("train", "dev"):
            for side in ("source", "target"):
                arguments += [f"--{split}-{side}", paths.canonical(split, side)]
        for side in ("source", "target"):
            arguments += [f"--vocabulary-{side}", paths.form / f"vocabulary-{side}.json"]
        arguments += ["--components", json.dumps(_components(options)), "--model", paths.model_out]
        arguments += ["--epochs", options["train.epochs"] or NO_LIMIT, "--batch-size", options["train.batch_size"]]
        if options["train.seconds"] is not None:
            arguments += ["--seconds", options["train.seconds"]]
        arguments += ["--learning-rate", options["train.learning_rate"], "--patience", options["train.patience"]]
        arguments += ["--seed", options["seed"]]
        if options["train.validate"] == "each":
            arguments.append("--keep-epochs")
        if resume is not None:
            arguments.append("--resume")
        return Command.of(*arguments, environment=ONE_THREAD)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Greedy decoding, or a beam search with framework.options.beam."""
        return Command.of(*_prediction(options, paths, checkpoint, source, output), environment=ONE_THREAD)

    def attention_weights(
        self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path, weights: Path
    ) -> Command:
        """Of the decoder over the source's tokens."""
        if not options["arch.attention"]:
            raise ConfigurationError(
                "arch.attention=false: this model has no attention weights; leave out --attention, or choose a model that attends"
            )
        words = _prediction(options, paths, checkpoint, source, output)
        return Command.of(*words, "--attention", weights, environment=ONE_THREAD)

    def read_line(self, line: str) -> Progress | None:
        """Steps, the ends of epochs, saved checkpoints, and why training ended."""
        line = line.strip()
        try:
            if found := STEP.fullmatch(line):
                epoch, step, steps = int(found[1]), int(found[2]), int(found[3])
                seconds = float(found[5])
                return Progress(epoch=epoch, step=step, steps=steps, measures={"loss": float(found[4])}, seconds=seconds)
            if found := EPOCH.fullmatch(line):
                measures = {"loss": float(found[2]), "dev_accuracy": float(found[3])}
                return Progress(epoch=int(found[1]), measures=measures, epoch_done=True, seconds=float(found[5]))
        except ValueError:
            return None
        if found := SAVED.fullmatch(line):
            return Progress(saved_epoch=int(found[1]))
        if found := ENDED.fullmatch(line):
            return Progress(ended=found[1])
        return None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The one with the best dev accuracy; written whole or not at all."""
        return whole_archive(paths.model_out / "best.npz")

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The end of the last whole epoch."""
        return whole_archive(paths.model_out / "last.npz")

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with --keep-epochs."""
        return whole_archive(paths.model_out / f"epoch-{epoch:03}.npz", epoch)

    def hint(self, log: str) -> str | None:
        """What arcadio's own errors mean."""
        if "the loss is not a number" in log:
            return "a lower learning rate (train.learning_rate) is the first thing to try"
        if "No module named 'numpy'" in log:
            return "the Python that runs arcadio needs NumPy: install it there, or set env.python.arcadio"
        return common_hint(log, "arcadio", set_up=False)

    def describe(self, paths: Paths) -> Description:
        """It comes with Daisy and has no number of its own."""
        return Description(version_of_files(paths.companion), OWN_OPTIONS)


def _prediction(options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> list[object]:
    words: list[object] = ["python", paths.companion / "predict.py", "--model", checkpoint.path]
    return [*words, "--source", source, "--output", output, *_search(options)]


def _search(options: Options) -> list[object]:
    """The beam, and how it compares targets of different lengths; nothing for greedy decoding."""
    own = options.framework_options()
    beam = options.bounded("beam", GREEDY, GREEDY, WIDEST)
    normalize = options.bounded("normalize", NORMALIZE, 0, STRONGEST)
    if own.get("normalize") is None:
        return ["--beam", beam] if beam > GREEDY else []
    if beam == GREEDY:
        raise ConfigurationError(
            f"framework.options.normalize={normalize}: greedy decoding compares no lengths; add +framework.options.beam=5, or "
            "leave it out"
        )
    return ["--beam", beam, "--normalize", normalize]


def _components(options: Options) -> dict[str, object]:
    """The network's components, as arcadio takes them, from the architecture."""
    encoder = options["arch.encoder"]
    if encoder == "conv":
        described: dict[str, object] = {
            "type": "conv",
            "kernel": options.per_layer("arch.kernel"),
            "filters": options.per_layer("arch.filters"),
            "pool": options["arch.pool"],
        }
    elif encoder == "rnn":
        described = {"type": "rnn", "size": options["arch.hidden"], "layers": options["arch.layers"]}
    else:
        raise ConfigurationError(f"arcadio has no arch.encoder={encoder}: choose conv or rnn")
    return {
        "embedding": {"size": options["arch.embedding"]},
        "encoder": described,
        "decoder": {"size": options["arch.hidden"], "attention": options["arch.attention"]},
        "dropout": options["arch.dropout"],
    }
