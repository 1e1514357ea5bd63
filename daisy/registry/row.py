"""One model as the table has it: what its files say, and the state that is observed now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from daisy.errors import FolderError
from daisy.folder import EVIDENCE, MODEL_ID, ModelFolder, Scheduler, observed_state

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
    sweep: str | None  # SWEEP/17
    host: str | None
    started: float | None  # the newest attempt
    ended: float | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

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


class SavedValues(Mapping[str, Any]):
    """A model's configuration, read from its folder when somebody looks into it. That raises FolderError or one of DAMAGE."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        values: Mapping[str, Any] = self._folder.read_config()["configuration"]
        return values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Said(NamedTuple):
    """What a model's files say, and nothing of what is observed: as long as the files are the same, it is so."""

    evidence: dict[str, Any]  # of result.json, for `observed_state`
    config_id: str
    framework: str
    dataset: str
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
    sweep: str | None
    host: str | None
    started: float | None
    ended: float | None


def row_of(folder: ModelFolder, scheduler: Scheduler | None = None) -> Row:
    """One model's row. Raises FolderError or one of DAMAGE for a damaged folder."""
    return observed(folder, said_of(folder), scheduler)


def observed(folder: ModelFolder, said: Said, scheduler: Scheduler | None = None) -> Row:
    """The row of a model whose files say this: with the state that it has at this moment, which is kept nowhere."""
    state, evidence = observed_state(folder, said.evidence, scheduler)
    fields: list[Any] = [folder.model_id, *said[1:4], state, evidence, *said[4:], SavedValues(folder)]  # as Row has them
    return Row(*fields)


def said_of(folder: ModelFolder) -> Said:
    """What a model's files say. Raises FolderError or one of DAMAGE for a damaged folder."""
    config, result = folder.read_config(), folder.read_result()
    match = MODEL_ID.fullmatch(folder.model_id)
    if match is None:
        raise FolderError(f"{folder.path} has no model id for a name: give it back the one in {folder.config}")
    last = _last(folder, LAST_OF_DONE if result["state"] == "done" else RECENT)
    train = config["configuration"]["train"]
    return Said(
        evidence={key: result[key] for key in EVIDENCE if key in result},
        config_id=_text(config["config_id"]),
        framework=match["framework"],
        dataset=_text(config["dataset"]["name"]),
        dataset_checksum=_text(config["dataset"]["checksum"]),
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
        sweep=_sweep(config.get("sweep")),
        host=_text(result["host"]) if result.get("host") is not None else None,
        started=_number(result.get("started")),
        ended=_number(result.get("ended")),
    )


def _sweep(named: Any) -> str | None:
    return f"{_text(named['id'])}/{int(named['number'])}" if named is not None else None


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
