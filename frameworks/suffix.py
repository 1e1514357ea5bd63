"""The suffix baseline's adapter. It has no options: one dataset, one model."""

import re
from pathlib import Path

from daisy.framework import (
    COUNT,
    Adapter,
    Checkpoint,
    Command,
    Description,
    Options,
    Paths,
    Progress,
    common_hint,
    version_of_files,
)

LEARNED = re.compile(rf"learned {COUNT} suffixes from {COUNT} examples")


class Suffix(Adapter):
    """The edit rule under the longest matching suffix, with look-up of known forms."""

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """Learn from the canonical files."""
        return Command.of(
            "python", paths.companion / "suffix.py", "train",
            "--source", paths.canonical("train", "source"),
            "--target", paths.canonical("train", "target"),
            "--model", paths.model_out / "model.json",
        )  # fmt: skip

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """Predict each line of a file."""
        return Command.of(
            "python", paths.companion / "suffix.py", "predict",
            "--model", checkpoint.path, "--source", source, "--output", output,
        )  # fmt: skip

    def read_line(self, line: str) -> Progress | None:
        """It says one line, when it has learned everything."""
        return Progress(ended="all examples are learned") if LEARNED.fullmatch(line.strip()) else None

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """The model, written whole or not at all."""
        path = paths.model_out / "model.json"
        return Checkpoint(path) if path.is_file() else None

    def hint(self, log: str) -> str | None:
        """No error is its own."""
        return common_hint(log, "suffix", set_up=False)

    def describe(self, paths: Paths) -> Description:
        """It comes with Daisy and has no number of its own."""
        return Description(version_of_files(paths.companion))
