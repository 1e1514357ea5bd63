"""A dataset in a framework's own form: what its preprocessing makes of the canonical files, made once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daisy.dataset.canonical import Dataset, damaged
from daisy.dataset.once import made_once, refusals_of_the_disk, silent
from daisy.errors import DatasetError
from daisy.files import read_json, safe_name, write_json

NOTE = ".form.json"  # hidden: a framework may read whatever lies in the folder


def framework_form(
    dataset: Dataset,
    framework: str,
    key: Mapping[str, Any],
    build: Callable[[Path], None],
    *,
    data_dir: Path,
    report: Callable[[str], None] = silent,
) -> Path:
    """The folder that `build(folder)` filled for this dataset's checksum, this framework and this key; built once.

    `key`: all that the form depends on beside the dataset, as JSON. While it is built the folder has another name: no
    file in it may hold its own path. On each use the files' sizes are checked, not their contents: forms can be large,
    and unlike a dataset they are nobody's to edit. Raises DatasetError, and what `build` raises; nothing is left then.
    """
    identity = {"checksum": dataset.checksum, "framework": framework, "key": dict(key)}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]
    folder = data_dir / "forms" / safe_name(framework) / f"{safe_name(dataset.name.replace('/', '-'))}-{digest}"

    def fill(unfinished: Path) -> None:
        try:
            build(unfinished)
        except FileNotFoundError as error:  # not the disk's refusal: a program or a file that the framework misses
            raise DatasetError(
                f"{framework} could not put {dataset.name} into its own form: there is no {error.filename}: "
                f"set {framework} up, or correct its adapter"
            ) from error
        sizes = _sizes(unfinished)
        if not sizes:
            raise DatasetError(f"{framework} made nothing of {dataset.name}: correct its adapter")
        write_json(unfinished / NOTE, {"dataset": dataset.name, **identity, "files": sizes})

    with refusals_of_the_disk(folder):
        made_once(folder, fill, report)
        _check(folder)
    return folder


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def _check(folder: Path) -> None:
    try:
        sizes = read_json(folder / NOTE)["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder / NOTE, "it can't be read") from error
    for name, size in sizes.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            raise damaged(file, "it is not as long as it was, or gone", folder)
