"""Which model is meant."""

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from daisy.errors import FolderError, ModelError
from daisy.folder import ModelFolder, Place, SweepFolder, find_sweep, names, natural
from daisy.registry.row import DAMAGE, row_of

OF_SWEEP = re.compile(r".+/[0-9]+")
PLACE = re.compile(r"-0*[1-9][0-9]{0,8}")


def find(models_dir: Path, wanted: str, env: str = "") -> ModelFolder:
    """The model that is meant: its id, a unique part of it, -1 for the newest (-2 for the one before), or SWEEP/17.

    `env` is what verbs need to look there (` --env NAME`). Raises ModelError where there is none, or more than one.
    """
    if (named := place_of(models_dir, wanted)) is not None:
        return _of_sweep(models_dir, *named, env)
    known = names(models_dir)
    if PLACE.fullmatch(wanted):
        place = -int(wanted)
        from_the_end = (ModelFolder(models_dir / name) for name in reversed(known))
        newest = list(islice(filter(_has_a_row, from_the_end), place))
        if len(newest) < place:
            raise _none(len(newest), wanted, models_dir, env)
        return newest[-1]
    matches = _models(models_dir, [wanted] if wanted in known else [])
    matches = matches or _models(models_dir, [name for name in known if wanted and wanted in name])
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise _none(len(_models(models_dir, known)), wanted, models_dir, env)
    last = sorted((folder.model_id for folder in matches), key=natural)[-5:]
    shown = ", ".join(["...", *last] if len(matches) > len(last) else last)
    raise ModelError(f"{wanted} is part of {len(matches)} models ({shown}): give more of the id, or -1 for the newest")


def place_of(models_dir: Path, wanted: str) -> tuple[SweepFolder, Place] | None:
    """The place in a sweep that SWEEP/17 names; None for what looks otherwise. Raises ModelError where there is none."""
    if not OF_SWEEP.fullmatch(wanted):
        return None
    name, _, number = wanted.rpartition("/")
    sweep = find_sweep(models_dir, name)
    place = next((place for place in sweep.places() if str(place.number) == number), None)
    if place is None:
        raise ModelError(f"{sweep.sweep_id} has no model {number}: it has 1 to {sweep.info()['count']}")
    return sweep, place


def _of_sweep(models_dir: Path, sweep: SweepFolder, place: Place, env: str) -> ModelFolder:
    model = sweep.begun(place).model
    if model is not None and (folder := ModelFolder(models_dir / model)).is_model():
        return folder
    what = "was cancelled before it began" if place.state == "cancelled" else "waits: it has a folder once it has begun"
    raise ModelError(f"{sweep.sweep_id}/{place.number} {what}; `daisy show {sweep.sweep_id}/{place.number}{env}` shows it")


def _models(models_dir: Path, named: Iterable[str]) -> list[ModelFolder]:
    return [folder for name in named if (folder := ModelFolder(models_dir / name)).is_model()]


def _has_a_row(folder: ModelFolder) -> bool:
    """Whether the table has it, so that the places from the end are the ones that `daisy list` shows."""
    try:
        row_of(folder)
    except (FolderError, *DAMAGE):
        return False
    return True


def _none(count: int, wanted: str, models_dir: Path, env: str) -> ModelError:
    told = "1 model is" if count == 1 else f"{count} models are"
    return ModelError(f"there is no model {wanted}: {told} in {models_dir}; `daisy list{env}` shows them")
