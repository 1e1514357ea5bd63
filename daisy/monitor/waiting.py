"""What waits for a place to run, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daisy.errors import FolderError
from daisy.folder import sweeps
from daisy.framework.lines import visible
from daisy.launch.evidence import Cluster
from daisy.launch.why import why_of
from daisy.monitor.columns import Cell, Column
from daisy.monitor.words import duration

NOT_ASKED_FOR = "the next trial"  # of a search: which one is known when a job asks for it


@dataclass(frozen=True)
class Waiting:
    """A model that waits: `SWEEP/17`, what it is, since when (seconds since 1970), why."""

    where: str
    config_id: str
    framework: str
    since: float
    why: str


@dataclass(frozen=True)
class Queued:
    """What waits: how many in all, and the first of them, in the order in which they will be begun."""

    count: int
    first: Sequence[Waiting]
    held: Mapping[str, str]  # sweeps of these that launch no more, and why


def queued(models_dir: Path, cluster: Cluster, most: int | None) -> Queued:
    """What waits in the sweeps of a models_dir; `most` of them in full. Damaged sweeps are passed over."""
    count, first, held = 0, list[Waiting](), dict[str, str]()
    for sweep in sweeps(models_dir):
        numbers = [place.number for place in sweep.places("waiting")]
        count += len(numbers)
        room = len(numbers) if most is None else max(0, most - len(first))
        if numbers and room:
            try:
                info, shown = sweep.info(), frozenset(numbers[:room])
                if (reason := sweep.held()) is not None:
                    held[sweep.sweep_id] = reason
                whys = {tag: why_of(sweep, info, tag, cluster) for tag in {_tag(info, number) for number in shown}}
                known = sweep.some_configs(shown)
                for number in sorted(shown):
                    why = whys[_tag(info, number)]
                    first.append(_waiting(f"{sweep.sweep_id}/{number}", known.get(number), info, why))
            except FolderError:
                continue
    return Queued(count, first, held)


def columns(first: Sequence[Waiting], now: float) -> list[Column]:
    """A table of what waits."""
    return [
        Column("waiting", [Cell(waiting.where) for waiting in first]),
        Column("config id", [Cell(waiting.config_id) for waiting in first], shrinks=True),
        Column("framework", [Cell(waiting.framework) for waiting in first], rank=2),
        Column("since", [Cell(duration(max(0.0, now - waiting.since)), "dim") for waiting in first], rank=1, right=True),
        Column("why", [Cell(visible(waiting.why), "dim") for waiting in first]),
    ]


def as_row(waiting: Waiting) -> dict[str, Any]:
    """For other programs, beside the rows of models."""
    return {"model_id": waiting.where, "state": "waiting", **asdict(waiting)}


def _tag(info: Mapping[str, Any], number: int) -> str | None:
    tags = info.get("tags")
    return str(tags[number - 1]) if tags else None


def _waiting(where: str, config: Mapping[str, Any] | None, info: Mapping[str, Any], why: str) -> Waiting:
    if config is None:
        return Waiting(where, NOT_ASKED_FOR, "-", float(info["created"]), why)
    framework = str(config["configuration"]["framework"]["name"])
    return Waiting(where, str(config["config_id"]), framework, float(info["created"]), why)
