"""The puppet's adapter: a framework for tests, which does what framework.options tells it to."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from daisy.framework import Adapter, Checkpoint, Command, Description, Form, Options, Paths, Progress

STEP = re.compile(r"epoch (\d+) step (\d+)/(\d+) loss (\S+)")
DONE = re.compile(r"epoch (\d+) done loss (\S+)")
DEV = re.compile(r"epoch (\d+) dev_accuracy (\S+)")
SAVED = re.compile(r"saved epoch (\d+)")


class Puppet(Adapter):
    """Each method keeps to the contract; read_line raises where a line asks for it."""

    measures: Mapping[str, str] = {"dev_accuracy": "maximize", "loss": "minimize"}
    lines_read = 0

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """`program` takes the place of Python."""
        plan = options.framework_options()
        command = [
            plan["program"], paths.companion / "act.py", "train",
            "--model", paths.model_out, "--epochs", options["train.epochs"], "--seed", options["seed"],
            "--plan", json.dumps(plan),
        ]  # fmt: skip
        if options["train.validate"] == "each":
            command.append("--keep-epochs")
        if resume is not None:
            command += ["--resume", resume.path]
        return Command.of(*command, environment={"PUPPET_SAYS": "ä; echo $HOME"})

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """It is told the right answers, and gives as many of them as its checkpoint knows."""
        plan = options.framework_options()
        return Command.of(
            "python", paths.companion / "act.py", "predict",
            "--model", paths.model_out, "--checkpoint", checkpoint.path, "--source", source, "--output", output,
            "--target", str(source).removesuffix("source") + "target", "--plan", json.dumps(plan),
        )  # fmt: skip

    def form(self, options: Options, paths: Paths) -> Form | None:
        """A file of the adapter's, and one by a command."""
        acts = options.framework_options()["form"]
        if not acts:
            return None
        return Form({"acts": acts}, [Command.of("python", paths.companion / "act.py", "form", "--plan", json.dumps(acts))])

    def write_form(self, options: Options, paths: Paths) -> None:
        """The adapter's own file."""
        (paths.form / "by-the-adapter").write_text("here")

    def read_line(self, line: str) -> Progress | None:
        """Steps, ends of epochs, checkpoints."""
        Puppet.lines_read += 1
        if "raise in read_line" in line:
            raise KeyError("a bug of the adapter")
        if found := STEP.fullmatch(line):
            return Progress(epoch=int(found[1]), step=int(found[2]), steps=int(found[3]), measures={"loss": float(found[4])})
        if found := DONE.fullmatch(line):
            return Progress(epoch=int(found[1]), measures={"loss": float(found[2])}, epoch_done=True)
        if found := DEV.fullmatch(line):
            return Progress(epoch=int(found[1]), measures={"dev_accuracy": float(found[2])})
        if found := SAVED.fullmatch(line):
            return Progress(saved_epoch=int(found[1]))
        return None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The epoch with the most right answers."""
        return _checkpoint(paths.model_out / "best.json")

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The last whole epoch."""
        return _checkpoint(paths.model_out / "last.json")

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """Kept with --keep-epochs."""
        return _checkpoint(paths.model_out / f"epoch-{epoch}.json")

    def hint(self, log: str) -> str | None:
        """One error is known."""
        return "a smaller train.batch_size needs less memory" if "CUDA out of memory" in log else None

    def describe(self, paths: Paths) -> Description:
        """Never changes."""
        return Description("puppet 1")


def _checkpoint(path: Path) -> Checkpoint | None:
    return Checkpoint(path, epoch=json.loads(path.read_text())["epoch"]) if path.is_file() else None
