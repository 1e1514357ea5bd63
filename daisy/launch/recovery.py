"""What workers left when they died: it waits again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daisy.folder import ModelFolder, Place, SweepFolder, folders, observed_state


@contextmanager
def locked(models_dir: Path) -> Iterator[None]:
    """Whoever launches, takes over or puts back does it alone."""
    from filelock import FileLock

    with FileLock(models_dir / ".lock", mode=0o666):
        yield


def recover(sweep: SweepFolder) -> int:
    """Put back what was claimed by workers that are gone before it was done; how many. What can't be known stays claimed.

    Only under `locked`: two at once would undo what the other has done.
    """
    count = 0
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model or _orphan(sweep, place)
        if model is not None and (folder := ModelFolder(sweep.models_dir / model)).is_model():
            if observed_state(folder, folder.read_result())[0] == "stopped":
                sweep.put_back(place)
                count += 1
        elif model is None and _is_gone(sweep, place):
            sweep.put_back(place)
            count += 1
    return count


def _orphan(sweep: SweepFolder, place: Place) -> str | None:
    """The model of a claimed place whose worker died before it noted which one it had made."""
    if not _is_gone(sweep, place):
        return None
    for folder in folders(sweep.models_dir):
        if folder.is_model() and folder.read_config().get("sweep") == {"id": sweep.sweep_id, "number": place.number}:
            sweep.begin(place, folder.model_id)
            return folder.model_id
    return None


def _is_gone(sweep: SweepFolder, place: Place) -> bool:
    worker = sweep.worker(place.worker or "")
    return worker is not None and worker.alive() is False
