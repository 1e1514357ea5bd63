"""The folders of all models: making one, finding them, what state they are in."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.files import folder_to_fill, write_json
from daisy.folder.attempt import Scheduler
from daisy.folder.model import FORMAT, MODEL_ID, ModelFolder

FINAL = ("done", "pruned")  # states that are never left
EVIDENCE = ("state", "attempt", "job", "host", "started")  # of a result: all that `observed_state` may look at


def create(
    models_dir: Path,
    framework: str,
    config_id: str,
    config: Mapping[str, Any],
    now: float,
    patches: Mapping[str, bytes] | None = None,
) -> ModelFolder:
    """A new model's folder, there at once with its config.json and its first attempt, or not at all.

    The id is `r<unix time>__<framework>__<config id>`; a second model of the same second and name gets `__2`, and so on.
    `patches` are what was not committed, each under its file's name: in the project, in the framework's checkout.
    """
    name = f"r{int(now)}__{framework}__{config_id}"
    with folder_to_fill(models_dir) as unfinished:
        folder = ModelFolder(unfinished)
        folder.daisy.mkdir()
        folder.model_out.mkdir()
        attempt = folder.begin_attempt()
        for file, patch in (patches or {}).items():
            (folder.daisy / file).write_bytes(patch)
        number = 1
        while True:
            model_id = name if number == 1 else f"{name}__{number}"
            target = models_dir / model_id
            if not target.exists():
                write_json(folder.config, {"format": FORMAT, "model_id": model_id, **config})
                folder.write_result(attempt.running())
                try:
                    unfinished.rename(target)
                    return ModelFolder(target)
                except OSError as error:
                    if not target.exists():
                        raise error
            number += 1


def folders(models_dir: Path) -> Iterator[ModelFolder]:
    """The folders of models, oldest first."""
    for name in names(models_dir):
        yield ModelFolder(models_dir / name)


def names(models_dir: Path) -> list[str]:
    """The names of the folders of models, oldest first: what `folders` gives, for those who want few of ten thousand."""
    try:
        found = os.listdir(models_dir)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FolderError(f"{models_dir} can't be read ({error.strerror}): set env.models_dir") from None
    return sorted((name for name in found if not name.startswith(".")), key=natural)


def natural(name: str) -> tuple[float, str, int, str]:
    """A key that sorts model ids by time, then by name, `__10` after `__9`."""
    match = MODEL_ID.fullmatch(name)
    if match is None:
        return (float("inf"), name, 0, name)
    base, _, number = name.rpartition("__")
    return (float(match["time"]), base, int(number), name) if number.isdigit() else (float(match["time"]), name, 1, name)


def observed_state(folder: ModelFolder, result: Mapping[str, Any], scheduler: Scheduler | None = None) -> tuple[str, str]:
    """The state as far as it is known now, and the evidence where it is not the one that is written.

    `result` has at least what EVIDENCE names, where result.json does. `scheduler` is asked of models that run where this host
    can't look.
    """
    state = str(result["state"])
    if state in FINAL:
        return state, ""
    last = folder.last_attempt()
    if state != "running" and last <= result.get("attempt", last):
        return state, ""
    attempt = folder.read_attempt(last)
    if attempt is None:
        return "unknown", "nothing says which process runs it"
    alive = attempt.alive(scheduler)
    if alive:
        return "running", ""
    asked = scheduler is not None and attempt.job is not None and attempt.alive() is None
    told = scheduler.evidence(attempt) if asked and scheduler is not None else ""
    if alive is None:
        return "unknown", told or f"it was started on {attempt.host}, which can't be asked from here"
    return "stopped", told or f"process {attempt.pid} on {attempt.host} is gone"
