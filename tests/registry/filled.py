"""Folders of models as Daisy makes them, many in a moment, for tests of the registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daisy.files import read_json, write_json
from daisy.folder import ModelFolder, create

FIRST = 1532308429
CONFIGURATION = {"train": {"epochs": 9, "seconds": None}, "arch": {"kernel": 6}}


def config(identity: str = "1-a") -> dict[str, Any]:
    """What config.json holds, as far as tables need it."""
    dataset = {"name": "tiny", "checksum": "c0ffee", "sizes": {"dev": 18}}
    return {"identity": identity, "config_id": "tiny_k6", "configuration": CONFIGURATION, "dataset": dataset}


def begun(models: Path, number: int = 0) -> ModelFolder:
    """A model that this process has begun."""
    folder = create(models, "suffix", "tiny_k6", config(), FIRST + 60 * number)
    folder.metrics.write_text('{"epoch": 1, "seconds": 1.5, "dev_accuracy": 0.25}\n')
    return folder


def ended(folder: ModelFolder, state: str = "done", accuracy: float = 0.5) -> ModelFolder:
    """It ends."""
    folder.write_result(
        {"state": state, "attempt": 1, "accuracy": accuracy, "examples": 18, "scorer": 1, "job": "7", "reason": None}
    )
    return folder


def filled(models: Path, count: int = 30) -> list[ModelFolder]:
    """So many models that are done."""
    return [ended(begun(models, number), accuracy=0.5 + number / 1000) for number in range(count)]


def rewrite(path: Path, changes: Mapping[str, Any]) -> None:
    """Replace a JSON file with what it holds and these changes."""
    write_json(path, {**read_json(path), **changes})
