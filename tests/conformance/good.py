"""An adapter that keeps to the contract; the broken ones are made of it, each by one change."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Command, Description, Form, Options, Paths, Progress, Setup

STEP = re.compile(r"epoch (\d{1,9}) step (\d{1,9}) loss (nan|-?inf|-?\d+\.\d+)")
DONE = re.compile(r"epoch (\d{1,9}) is whole")
ENDED = re.compile(r"finished: (epochs|patience)")


class Mine(Adapter):
    """A convolutional network with one layer or more."""

    encoders = ("conv",)
    attention = True
    measures: Mapping[str, str] = {"loss": "minimize"}

    def form(self, options: Options, paths: Paths) -> Form:
        """A vocabulary."""
        return Form({"most": options["framework.options.most"]})

    def write_form(self, options: Options, paths: Paths) -> None:
        """So many tokens, the most frequent first."""
        text = paths.canonical("train", "source").read_text(encoding="utf-8")
        counts = Counter(text.split())
        tokens = sorted(counts, key=lambda token: (-counts[token], token))[: options["framework.options.most"]]
        (paths.form / "vocabulary.json").write_text(json.dumps(tokens), encoding="utf-8")

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """One checkpoint an epoch."""
        if options["arch.encoder"] != "conv":
            raise ConfigurationError(f"mine has no arch.encoder={options['arch.encoder']}: choose architecture=conv")
        if options["arch.pool"] != 1:
            raise ConfigurationError(f"arch.pool={options['arch.pool']}: mine does not pool; leave it out")
        arguments = ["python", paths.companion / "train.py", "--source", paths.canonical("train", "source")]
        arguments += ["--target", paths.canonical("train", "target"), "--vocabulary", paths.form / "vocabulary.json"]
        arguments += ["--kernels", json.dumps(options.per_layer("arch.kernel")), "--filters", options["arch.filters"]]
        arguments += ["--hidden", options["arch.hidden"], "--embedding", options["arch.embedding"]]
        if not options["arch.attention"]:
            arguments.append("--without-attention")
        if options["train.epochs"] is not None:
            arguments += ["--epochs", options["train.epochs"]]
        arguments += ["--batch", options["train.batch_size"], "--lr", options["train.learning_rate"], "--seed", options["seed"]]
        if resume is not None:
            arguments += ["--resume", resume.path]
        return Command.of(*arguments, "--model", paths.model_out)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """A line for each."""
        beam = options["framework.options.beam"]
        return Command.of("python", paths.companion / "predict.py", checkpoint.path, source, output, "--beam", beam)

    def read_line(self, line: str) -> Progress | None:
        """Steps, whole epochs, the end."""
        line = line.rstrip("\r\n")
        if found := STEP.fullmatch(line):
            return Progress(epoch=int(found[1]), step=int(found[2]), measures={"loss": float(found[3])})
        if found := DONE.fullmatch(line):
            return Progress(epoch=int(found[1]), epoch_done=True, saved_epoch=int(found[1]))
        return Progress(ended=found[1]) if (found := ENDED.fullmatch(line)) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """Weights and what describes them."""
        files = (paths.model_out / "best.bin", paths.model_out / "best.json")
        return Checkpoint(files[0], files=files) if all(path.is_file() for path in files) else None

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """Written whole or not at all."""
        path = paths.model_out / "last.bin"
        return Checkpoint(path) if path.is_file() else None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Numbered."""
        kept = paths.model_out / f"epoch-{epoch}.bin"
        return Checkpoint(kept, epoch) if kept.is_file() else None

    def read_predictions(self, output: str) -> list[str]:
        """A line each."""
        return [line.strip() for line in output.removesuffix("\n").split("\n")] if output else []

    def hint(self, log: str) -> str | None:
        """One error is known."""
        return "a smaller train.batch_size needs less memory" if "out of memory" in log else None

    def setup(self, companion: Path) -> Setup:
        """Two packages."""
        return Setup(("3.11",), companion / "requirements.txt", download=10, disk=20)

    def describe(self, paths: Paths) -> Description:
        """Of no number."""
        return Description("mine 1")
