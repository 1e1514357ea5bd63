"""All models as one table: from their folders, which are the truth, with the help of an index over them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.folder import FINAL, ModelFolder, Scheduler, folders, index
from daisy.registry.many import each
from daisy.registry.row import DAMAGE, Row, Said, observed, said_of

UNKNOWN = "unknown"
INDEX, COLUMNS = "models", ("signature", *Said._fields)


@dataclass(frozen=True)
class Registry:
    """The rows, oldest first, and a sentence for each folder that could not be read."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    @cached_property
    def best(self) -> dict[tuple[str, int | None], Row]:
        """The done model with the best accuracy for each dataset (by checksum) and scorer: only those are compared."""
        best: dict[tuple[str, int | None], Row] = {}
        for row in self.rows:
            if row.state == "done" and row.accuracy is not None:
                key = (row.dataset_checksum, row.scorer)
                if key not in best or row.accuracy > (best[key].accuracy or 0.0):
                    best[key] = row
        return best

    def best_of(self, row: Row) -> Row | None:
        """The best done model for a row's dataset; a row that has no accuracy yet has no scorer either."""
        found = [top for (checksum, _), top in self.best.items() if checksum == row.dataset_checksum]
        return max(found, key=lambda top: top.accuracy or 0.0, default=None)


def read(models_dir: Path, scheduler: Scheduler | None = None) -> Registry:
    """The table of all models. Damaged and foreign folders become warnings.

    `scheduler` is asked of models that run where this host can't look.
    """
    reader = Reader(models_dir)
    listed = list(folders(models_dir))
    found = dict(zip(listed, each(reader.look, listed), strict=True))
    if scheduler is not None:
        elsewhere = {folder: seen for folder, seen in found.items() if isinstance(seen, Row) and seen.state == UNKNOWN}
        scheduler.expect(seen.job for seen in elsewhere.values())  # it is asked once for all of them
        found.update(zip(elsewhere, each(partial(reader.look, scheduler=scheduler), elsewhere), strict=True))
    reader.keep()
    rows = tuple(seen for seen in found.values() if isinstance(seen, Row))
    return Registry(rows, tuple(seen for seen in found.values() if isinstance(seen, str)))


def rows_of(models_dir: Path, model_ids: Iterable[str], scheduler: Scheduler | None = None) -> dict[str, Row]:
    """The rows of some models, by their ids; without those that are damaged or gone. The index is read, and not written."""
    reader = Reader(models_dir)
    listed = [ModelFolder(models_dir / model_id) for model_id in model_ids]
    found = {folder.model_id: seen for folder, seen in zip(listed, each(reader.look, listed), strict=True)}
    elsewhere = [seen for seen in found.values() if isinstance(seen, Row) and seen.state == UNKNOWN]
    if scheduler is not None and elsewhere:
        scheduler.expect(seen.job for seen in elsewhere)
        found.update({row.model_id: reader.look(ModelFolder(models_dir / row.model_id), scheduler) for row in elsewhere})
    return {model_id: seen for model_id, seen in found.items() if isinstance(seen, Row)}


class Reader:
    """What the files of each model said when they were read, under the signature that they had then.

    The signature is looked at each time, and the state observed each time: so a row is what reading the folder would give,
    whatever happened since the index was written, and whoever wrote it.
    """

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._known = index.kept(models_dir, INDEX, COLUMNS)
        self._found: dict[str, Any] = {}

    def look(self, folder: ModelFolder, scheduler: Scheduler | None = None) -> Row | str | None:
        """The row of a model, or a warning; None where the folder was removed meanwhile. Several threads may call it."""
        try:
            return observed(folder, self._said(folder), scheduler)
        except FolderError as error:
            told = str(error)
        except DAMAGE as error:
            told = f"{folder.config} or {folder.result} is damaged ({error!r}): move the folder {folder.path} away"
        return told if os.path.lexists(folder.path) else None

    def _said(self, folder: ModelFolder) -> Said:
        model_id = folder.model_id
        entry = self._known.get(model_id)
        if entry is not None:
            signature, *said = entry
            kept = Said(*said)
            if signature == folder.signature(changing=kept.evidence["state"] not in FINAL):
                self._found[model_id] = entry
                return kept
        if not folder.is_model():
            raise FolderError(f"{folder.path} is no model, or not yours to read (no daisy/config.json): move it away")
        began, signature = self._now, folder.signature()  # before the files are read: what is written since has another one
        said = said_of(folder)
        if began is not None and max(signature[1::4]) < began - index.TICK:  # else one more write might not change the signature
            self._found[model_id] = [signature, *said]
        return said

    @cached_property
    def _now(self) -> int | None:
        """When the first folder was read, or earlier, by the file system's clock; None where nothing can be kept anyway."""
        return index.now(self._models_dir)

    def keep(self) -> None:
        """Write what was found for the next time, where there is enough that is new."""
        same = sum(self._known.get(model) is entry for model, entry in self._found.items())
        news = len(self._found.keys() | self._known.keys()) - same
        index.keep(self._models_dir, INDEX, COLUMNS, self._found, news)
