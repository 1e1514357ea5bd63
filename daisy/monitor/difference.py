"""`daisy diff A B`: what differs between two models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daisy.configuration import leaves
from daisy.folder import ModelFolder
from daisy.monitor.code import Code, History, Recorded, code
from daisy.monitor.entries import NOWHERE, Entry, Sides, all_keys, is_number, of_key, pair, part, same
from daisy.registry import Row, row_of

# Of result.json's numbers.
NO_MEASURES = ("format", "attempt", "correct", "examples", "scorer", "started", "ended", "seconds", "train_seconds")


@dataclass(frozen=True)
class Model(Recorded):
    """A model: what was recorded when it was launched, and what has become of it."""

    result: Mapping[str, Any]
    row: Row


@dataclass(frozen=True)
class Difference:
    """What differs between two models, by their ids.

    `not_compared` says why their measures are not compared, where both have some and they are not; `accuracy` is there where
    both have the same.
    """

    models: tuple[str, str]
    configuration: tuple[Entry, ...]
    code: Code
    data: tuple[Entry, ...]
    env: tuple[Entry, ...]
    result: tuple[Entry, ...]
    not_compared: str | None
    accuracy: float | None


def read(folder: ModelFolder) -> Model:
    """What a model's folder says. Raises FolderError or one of registry.DAMAGE where it is damaged."""
    return Model(folder.read_config(), folder.read_patches(), folder.read_result(), row_of(folder))


def difference(first: Model, second: Model, history: History) -> Difference:
    """What differs between two models. Measures are compared only on the same data, scored in the same way."""
    why_not = _not_compared(first, second, (first.result, second.result))
    same_accuracy = why_not is None and first.row.accuracy == second.row.accuracy
    return Difference(
        models=(first.row.model_id, second.row.model_id),
        configuration=tuple(_configuration(first, second)),
        code=code(first, second, history),
        data=tuple(_data((first.config["dataset"], second.config["dataset"]))),
        env=tuple(_env(first, second)),
        result=tuple(_result(first, second)),
        not_compared=why_not,
        accuracy=first.row.accuracy if same_accuracy else None,
    )


def _configuration(first: Model, second: Model) -> Iterator[Entry]:
    """The keys that at least one of them read, and whose value is another one, or that the other did not read."""
    sides = (_values(first), _values(second))
    unused = (set(first.config.get("unused", ())), set(second.config.get("unused", ())))
    for key in all_keys(sides):
        one, other = (side.get(key, NOWHERE) for side in sides)
        used = (one is not NOWHERE and key not in unused[0], other is not NOWHERE and key not in unused[1])
        if any(used) and (not all(used) or not same(one, other)):
            yield Entry(key, one, other, used=used)


def _values(model: Model) -> dict[str, Any]:
    return dict(leaves({**model.config["configuration"], "dataset": model.definition}))


def _data(sides: Sides) -> Iterator[Entry]:
    yield from of_key("name", sides, "name")
    yield from of_key("checksum", sides, "checksum", "hash")
    sizes = (part(sides[0], "sizes"), part(sides[1], "sizes"))
    for split in all_keys(sizes):
        yield from of_key(f"{split} examples", sizes, split, "number", subtracted=True)


def _env(first: Model, second: Model) -> Iterator[Entry]:
    """Where they ran, in what may change a result or how long it takes."""
    yield from of_key("device", (first.config["env"], second.config["env"]), "device")
    yield from pair("python", _python(first), _python(second))
    yield from of_key("host", (first.result, second.result), "host")
    variables = (part(first.result, "environment"), part(second.result, "environment"))
    if all(variables):  # nothing is known of those of a model that never came to train
        for name in all_keys(variables):
            yield from of_key(name, variables, name)


def _python(model: Model) -> Any:
    """What env says, else the program that was run; NOWHERE where it never came to that."""
    command = model.result.get("command") or [NOWHERE]
    return part(model.config, "env", "python").get(model.framework, command[0])


def _result(first: Model, second: Model) -> Iterator[Entry]:
    rows, results = (vars(first.row), vars(second.row)), (first.result, second.result)
    yield from of_key("state", rows, "state")
    yield from of_key("reason", rows, "reason")
    yield from _measures("", results, _not_compared(first, second, results))
    tests = (part(first.result, "test"), part(second.result, "test"))
    yield from _measures(" on test", tests, _not_compared(first, second, tests))
    yield from of_key("epochs", rows, "epoch", "number", subtracted=True)
    checkpoints = (part(first.result, "checkpoint"), part(second.result, "checkpoint"))
    yield from of_key("best epoch", checkpoints, "epoch", "number", subtracted=True)
    yield from pair("seconds", _rounded(first.row.seconds), _rounded(second.row.seconds), "seconds", subtracted=True)


def _rounded(seconds: float | None) -> Any:
    """Seconds as exactly as anybody cares about: no two trainings take the very same time."""
    if seconds is None:
        return NOWHERE
    return round(seconds, 1) if seconds < 60 else round(seconds)


def _measures(where: str, results: Sides, why_not: str | None) -> Iterator[Entry]:
    """The measures of a split: those that differ, and all of them where the same number does not say the same."""
    for key in all_keys(results):
        one, other = (result.get(key, NOWHERE) for result in results)
        if key in NO_MEASURES or not (is_number(one) or is_number(other)):
            continue
        name, kind = f"{key.replace('_', ' ')}{where}", "share" if key == "accuracy" else "number"
        if why_not is not None:
            yield Entry(name, one, other, kind)
        else:
            yield from pair(name, one, other, kind, subtracted=True)


def _not_compared(first: Model, second: Model, results: Sides) -> str | None:
    """Why two measures are not to be compared; None where they are, and where there are no two."""
    if any(result.get("accuracy") is None for result in results):
        return None
    if first.row.dataset_checksum != second.row.dataset_checksum:
        return "their data are not the same"
    versions = ["unknown" if result.get("scorer") is None else str(result["scorer"]) for result in results]
    if versions[0] != versions[1]:
        return f"they were scored in two ways (versions {' and '.join(versions)} of the scorer)"
    return None
