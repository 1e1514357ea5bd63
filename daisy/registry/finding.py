"""Which model is meant."""

import re
from itertools import islice
from pathlib import Path

from daisy.errors import FolderError, ModelError
from daisy.folder import ModelFolder, folders, natural
from daisy.registry.row import DAMAGE, row_of

PLACE = re.compile(r"-0*[1-9][0-9]{0,8}")


def find(models_dir: Path, wanted: str, env: str = "") -> ModelFolder:
    """The model that is meant: its id, a unique part of it, or -1 for the newest (-2 for the one before).

    `env` is what verbs need to look there (` --env NAME`). Raises ModelError where there is none, or more than one.
    """
    known = list(folders(models_dir))
    if PLACE.fullmatch(wanted):
        place = -int(wanted)
        newest = list(islice(filter(_has_a_row, reversed(known)), place))
        if len(newest) < place:
            raise _none(len(newest), wanted, models_dir, env)
        return newest[-1]
    named = [folder for folder in known if wanted and wanted in folder.model_id]
    exact = [folder for folder in named if folder.model_id == wanted]
    matches = [folder for folder in exact if folder.is_model()] or [folder for folder in named if folder.is_model()]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise _none(sum(folder.is_model() for folder in known), wanted, models_dir, env)
    last = sorted((folder.model_id for folder in matches), key=natural)[-5:]
    shown = ", ".join(["...", *last] if len(matches) > len(last) else last)
    raise ModelError(f"{wanted} is part of {len(matches)} models ({shown}): give more of the id, or -1 for the newest")


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
