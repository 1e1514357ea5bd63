"""All models as one table, from their folders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from daisy.errors import FolderError, ModelError
from daisy.folder import MODEL_ID, ModelFolder, folders, natural, observed_state

DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError, OSError)
RECENT = 20  # lines of metrics.jsonl: an epoch's end is among them, or not far
LAST_OF_DONE = 3  # lines: the last epoch's end, and the validation


@dataclass(frozen=True)
class Row:
    """One model as the table has it. Accuracies are fractions; times are seconds since 1970."""

    model_id: str
    config_id: str
    framework: str
    dataset: str
    state: str
    evidence: str
    began: float
    epoch: int | None
    epochs: int | None
    seconds: float | None
    seconds_limit: float | None
    accuracy: float | None
    dev_accuracy: float | None
    examples: int | None
    dataset_checksum: str
    scorer: int | None
    job: str | None
    reason: str | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def progress(self) -> float | None:
        """How much of the training is done, from 0 to 1; None where that is not known."""
        if self.state == "done":
            return 1.0
        shares = []
        if self.epoch is not None and self.epochs:
            shares.append(self.epoch / self.epochs)
        if self.seconds is not None and self.seconds_limit:
            shares.append(self.seconds / self.seconds_limit)
        return min(1.0, max(shares)) if shares else None


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


def read(models_dir: Path) -> Registry:
    """The table of all models. Damaged and foreign folders become warnings."""
    rows, warnings = [], []
    for folder in folders(models_dir):
        if not folder.is_model():
            warnings.append(f"{folder.path} is no model, or not yours to read (no daisy/config.json): move it away")
            continue
        try:
            rows.append(row_of(folder))
        except FolderError as error:
            warnings.append(str(error))
        except DAMAGE as error:
            warnings.append(f"{folder.config} or {folder.result} is damaged ({error!r}): move the folder {folder.path} away")
    return Registry(tuple(rows), tuple(warnings))


def row_of(folder: ModelFolder) -> Row:
    """One model's row. Raises FolderError or one of DAMAGE for a damaged folder."""
    config, result = folder.read_config(), folder.read_result()
    match = MODEL_ID.fullmatch(folder.model_id)
    if match is None:
        raise FolderError(f"{folder.path} has no model id for a name: give it back the one in {folder.config}")
    state, evidence = observed_state(folder, result)
    values = config["configuration"]
    last = _last(folder, LAST_OF_DONE if state == "done" else RECENT)
    train = values["train"]
    return Row(
        model_id=folder.model_id,
        config_id=_text(config["config_id"]),
        framework=match["framework"],
        dataset=_text(config["dataset"]["name"]),
        dataset_checksum=_text(config["dataset"]["checksum"]),
        state=state,
        evidence=evidence,
        began=float(match["time"]),
        epoch=_number(last.get("epoch")),
        epochs=_number(train.get("epochs")),
        seconds=_number(last.get("seconds")),
        seconds_limit=_number(train.get("seconds")),
        accuracy=_number(result.get("accuracy")),
        dev_accuracy=_number(last.get("accuracy", last.get("dev_accuracy"))),
        examples=_number(result.get("examples")),
        scorer=_number(result.get("scorer")),
        job=_text(result["job"]) if result.get("job") is not None else None,
        reason=_text(result["reason"]) if result.get("reason") is not None else None,
        values=values,
    )


def _number(value: Any) -> Any:
    """A number or None as it is. Raises TypeError for anything else."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r:.40} is no number")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r:.40} is no text")


def _last(folder: ModelFolder, lines: int) -> dict[str, Any]:
    """The last epoch, accuracies and seconds that so many lines at the end of metrics.jsonl tell."""
    found: dict[str, Any] = {}
    for line in folder.last_metrics(lines):
        epochs = [epoch for epoch in (found.get("epoch"), line.get("epoch")) if epoch is not None]
        found.update(line, epoch=max(epochs, default=None))  # the validated epoch, told last, may be an earlier one
    return found


def find(models_dir: Path, wanted: str, env: str = "") -> ModelFolder:
    """The model that is meant: its id, a unique part of it, or -1 for the newest (-2 for the one before).

    `env` is what verbs need to look there (` --env NAME`). Raises ModelError where there is none, or more than one.
    """
    known = [folder for folder in folders(models_dir) if folder.is_model()]
    if wanted.startswith("-") and wanted[1:].isdigit() and int(wanted) != 0:
        if len(known) < -int(wanted):
            raise ModelError(f"there is no model {wanted}: {_count(known)} in {models_dir}; `daisy list{env}` shows them")
        return known[int(wanted)]
    exact = [folder for folder in known if folder.model_id == wanted]
    matches = exact or [folder for folder in known if wanted and wanted in folder.model_id]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise ModelError(f"there is no model {wanted}: {_count(known)} in {models_dir}; `daisy list{env}` shows them")
    newest = sorted((folder.model_id for folder in matches), key=natural)[-5:]
    shown = ", ".join(["...", *newest] if len(matches) > len(newest) else newest)
    raise ModelError(f"{wanted} is part of {len(matches)} models ({shown}): give more of the id, or -1 for the newest")


def _count(known: Iterable[ModelFolder]) -> str:
    count = len(list(known))
    return "1 model is" if count == 1 else f"{count} models are"
