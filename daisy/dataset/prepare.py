"""From a definition to a dataset on disk, made once."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration
from daisy.dataset import canonical
from daisy.dataset.canonical import SPLITS, Dataset
from daisy.dataset.cs import CS
from daisy.dataset.once import made_once, refusals_of_the_disk, silent
from daisy.dataset.own_files import FILES
from daisy.dataset.progress import Progress
from daisy.dataset.settings import Settings
from daisy.dataset.simplemma import SIMPLEMMA
from daisy.dataset.task import Example, Place, Task
from daisy.dataset.ud import UD
from daisy.errors import DatasetError
from daisy.files import safe_name

TASKS: Mapping[str, Task] = {"cs": CS, "files": FILES, "simplemma": SIMPLEMMA, "ud": UD}


def prepare(
    name: str,
    definition: Mapping[str, Any],
    *,
    data_dir: Path,
    mirror: str | None,
    root: Path,
    report: Callable[[str], None] = silent,
    progress: Progress | None = None,
) -> Dataset:
    """The dataset `name`, downloaded and written in canonical form unless it is there already; checked in any case.

    `definition` is the resolved node `dataset`; relative paths in it start at `root`. `mirror`, an absolute folder or a
    URL, is asked first for downloads. `report` gets lines for people, `progress` the bytes of downloads. Safe however
    many processes ask at once. Raises DatasetError; nothing half done is left then.
    """
    settings = Settings(name, definition)
    task = _task(settings)
    settings.allow_only({"task", *task.keys})
    recipe = task.recipe(settings)
    place = Place(data_dir, root, mirror, report, progress)

    with refusals_of_the_disk(data_dir):
        determinants = recipe.determinants(place)

        def fill(folder: Path) -> None:
            content = recipe.content(place)
            if recipe.determinants(place) != determinants:
                raise DatasetError(f"{name}: its files changed while they were read: run the command again")
            canonical.write(folder, name, definition, content)
            report(f"{name}: {_counted(content.splits)}")

        folder = _folder(data_dir, name, definition["task"], recipe.label(), determinants)
        return canonical.load(made_once(folder, fill, report))


def prepare_for(
    configuration: Configuration, root: Path, report: Callable[[str], None] = silent, progress: Progress | None = None
) -> Dataset:
    """The dataset of a configuration, in its env, as `prepare` does it."""
    return prepare(
        configuration.dataset,
        configuration.values["dataset"],
        data_dir=configuration.env.data_dir,
        mirror=configuration.env.mirror,
        root=root,
        report=report,
        progress=progress,
    )


def identifying(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition without what only says where things come from: for a model's identity, beside the checksum."""
    whence = _task(Settings("dataset", definition)).whence
    return {key: value for key, value in definition.items() if key not in whence}


def _task(settings: Settings) -> Task:
    return TASKS[settings.choice("task", sorted(TASKS))]


def _folder(data_dir: Path, name: str, task: str, label: str, determinants: Mapping[str, Any]) -> Path:
    content = json.dumps({"format": canonical.FORMAT, "task": task, **determinants}, sort_keys=True)
    parts = [safe_name(part) for part in name.split("/")]
    return data_dir.joinpath(*parts, f"{safe_name(label)}-{hashlib.sha256(content.encode()).hexdigest()[:10]}")


def _counted(splits: Mapping[str, Sequence[Example]]) -> str:
    return ", ".join(f"{len(splits[split]):,} {split}" if splits.get(split) else f"no {split}" for split in SPLITS)
