"""Checkpoints: .npz files that are there whole or not at all, without pickles.

last.npz       everything to go on exactly: weights, Adam's state, progress, and the settings that must not change.
               The generators of random numbers are made anew for every epoch from (seed, epoch), so that their state
               at the end of an epoch is the epoch's number.
best.npz       what prediction needs: weights, components, vocabularies; of the epoch with the best accuracy on dev.
epoch-001.npz  the same for every epoch, if asked for.

Each has an entry "description" with JSON text, and arrays named "weight:<name>"; last.npz also "adam:first" and
"adam:second". Besides, "daisy.json" says of which epoch it is, {"epoch": 3}, for those who read no arrays.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from arcadio_adam import Adam
from arcadio_components import read_components
from arcadio_corpus import Vocabulary
from arcadio_errors import ArcadioError
from arcadio_network import Network
from arcadio_parameters import Array, Parameters

FORMAT = 1
MARK = "daisy.json"
_PARTIAL = ".partial"


@dataclasses.dataclass
class Progress:
    """How far a training has come, as it stands at the end of an epoch."""

    epoch: int = 0
    steps: int = 0
    seconds: float = 0.0  # of the processor, over all resumes
    best_accuracy: float = -1.0
    best_epoch: int = 0
    epochs_without_better: int = 0
    finished: str | None = None  # epochs, seconds or patience


def save_last(folder: Path, parameters: Parameters, adam: Adam, progress: Progress, settings: Mapping[str, Any]) -> None:
    """Write last.npz."""
    description = {"format": FORMAT, "progress": dataclasses.asdict(progress), "settings": dict(settings)}
    arrays = {"adam:first": adam.first, "adam:second": adam.second}
    _save(folder / "last.npz", description, parameters, arrays, {"epoch": progress.epoch, "step": progress.steps})


def load_last(folder: Path, parameters: Parameters, adam: Adam, settings: Mapping[str, Any]) -> Progress:
    """Fill in weights and Adam's state from last.npz; ArcadioError if it is of a run with other settings."""
    path = folder / "last.npz"
    description, arrays = _load(path)
    for key, value in settings.items():
        if description["settings"].get(key) != value:
            raise ArcadioError(f"{path} is of a run with another {key}; resume with the same command, or train without --resume")
    _fill(parameters, arrays)
    progress = Progress(**description["progress"])
    adam.first[...] = arrays["adam:first"]
    adam.second[...] = arrays["adam:second"]
    adam.steps = progress.steps
    return progress


def save_model(path: Path, network: Network, source: Vocabulary, target: Vocabulary, epoch: int, dev_accuracy: float) -> None:
    """Write best.npz or epoch-001.npz."""
    description = {
        "format": FORMAT,
        "components": network.components.to_json(),
        "source": source.tokens,
        "target": target.tokens,
        "epoch": epoch,
        "dev_accuracy": dev_accuracy,
    }
    _save(path, description, network.parameters, {}, {"epoch": epoch})


def load_model(path: Path) -> tuple[Network, Vocabulary, Vocabulary]:
    """Read what `save_model` wrote."""
    description, arrays = _load(path)
    if "components" not in description:
        raise ArcadioError(f"{path} is not a model; give best.npz or one of the epoch-*.npz beside it")
    source, target = Vocabulary(tuple(description["source"])), Vocabulary(tuple(description["target"]))
    components = read_components(description["components"])
    network = Network(components, len(source.tokens), len(target.tokens), np.random.default_rng(0))
    _fill(network.parameters, arrays)
    return network, source, target


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for path in folder.glob(f"*.npz{_PARTIAL}"):
        path.unlink()


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of an earlier run: a run that starts from the beginning must not mix with them."""
    for pattern in ("last.npz", "best.npz", "epoch-*.npz"):
        for path in folder.glob(pattern):
            path.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name beside it and rename it, so that nobody ever sees a half."""
    partial = path.with_name(path.name + _PARTIAL)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the renaming itself must outlive a power cut
    finally:
        os.close(folder)


def _save(
    path: Path,
    description: Mapping[str, Any],
    parameters: Parameters,
    arrays: Mapping[str, Array],
    place: Mapping[str, int],
) -> None:
    weights = {f"weight:{name}": value for name, value in parameters.named_values().items()}
    content = io.BytesIO()
    named: dict[str, Any] = {"description": np.array(json.dumps(description)), **weights, **arrays}
    np.savez(content, **named)
    with zipfile.ZipFile(content, "a") as archive:
        entry = zipfile.ZipInfo(MARK)  # without the time: the same training gives the same bytes
        archive.writestr(entry, json.dumps(place))
    write_whole(path, content.getvalue())


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name != MARK}
        description = json.loads(str(arrays.pop("description")))
    except FileNotFoundError:
        raise ArcadioError(f"there is no {path}; train first, or check the path") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ArcadioError(f"{path} is not a checkpoint of arcadio or is damaged ({error}); train again") from None
    if description.get("format") != FORMAT:
        raise ArcadioError(f"{path} has format {description.get('format')}, this arcadio reads {FORMAT}; train again")
    return description, arrays


def _fill(parameters: Parameters, arrays: Mapping[str, Array]) -> None:
    for name, value in parameters.named_values().items():
        value[...] = arrays[f"weight:{name}"]
