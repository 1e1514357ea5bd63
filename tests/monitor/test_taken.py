"""What the models of a search have taken, and what pruning has saved."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from monitor.rows import ROW

from daisy.folder import TrialFile
from daisy.monitor.search_words import costs
from daisy.monitor.seen import SeenModel, SeenSearch, SeenTrial
from daisy.monitor.taken import is_pruned_here, ran, saved, spared
from daisy.registry import Row
from daisy.sweep.trials import Trial, TrialModelState

NOW = 2000.0


@pytest.mark.parametrize(
    ("state", "result", "seconds"),
    [
        ("running", {"attempt": 2}, 60.0 + 500.0),  # since it was started again
        ("done", {"attempt": 2, "seconds": 40.0}, 60.0 + 40.0),
        ("stopped", {"attempt": 2}, 100.0),  # it was killed: metrics.jsonl counts the first attempt, too
    ],
)
def test_how_long_the_second_attempt_has_run(state: str, result: dict[str, Any], seconds: float) -> None:
    row = replace(ROW, state=state, seconds=100.0, started=NOW - 500.0 if state == "running" else 1500.0)
    assert ran(TrialModelState(ROW.model_id, state, result), row, before=60.0, now=NOW) == seconds


def pruned(row: Row, is_own: bool = True, repeats: int = 1) -> SeenTrial:
    """A trial whose first model was pruned after 12 seconds, 10 of them of training; no other repeat was begun."""
    first = SeenModel(ROW.model_id, "pruned", 12.0, 10.0, {}, is_own, replace(row, state="pruned"))
    others = [SeenModel(None, "cancelled", None, None, {}, False, None)] * (repeats - 1)
    trial = Trial(TrialFile(1, 0, 0.0, {}, {}, []), "pruned", None, "", ())
    return SeenTrial(trial, "pruned", [first, *others], ["accuracy"])


def test_what_another_search_has_pruned_is_no_saving_of_this_one() -> None:
    row = replace(ROW, epoch=1, epochs=4)
    assert is_pruned_here(pruned(row)) and not is_pruned_here(pruned(row, is_own=False))


def test_repeats_that_were_never_begun_are_spared_in_whole() -> None:
    assert spared(pruned(replace(ROW, epoch=1, epochs=4), repeats=3)) == [30.0, 42.0, 42.0]


@pytest.mark.parametrize(
    ("epoch", "epochs", "limit", "seconds"),
    [
        (1, 4, None, 30.0),
        (1, 100_000, 15.0, 5.0),  # train.seconds would have come first
        (1, 4, 3600.0, 30.0),
        (3, None, 15.0, 5.0),
        (None, None, 9.5, 0.0),  # what ended it came after its limit
        (3, None, None, None),
        (None, 4, None, None),
    ],
)
def test_what_pruning_has_saved(epoch: int | None, epochs: int | None, limit: float | None, seconds: float | None) -> None:
    trial = pruned(replace(ROW, epoch=epoch, epochs=epochs, seconds_limit=limit))
    assert saved([trial]) == seconds
    assert saved([]) == 0.0


def test_a_saving_that_nobody_knows_is_not_told_as_none() -> None:
    seen = SimpleNamespace(saved=None, pruned=4, seconds=90.0, seconds_left=None, held=None, why_waiting=None)
    assert list(costs(cast(SeenSearch, seen))) == [("slots used", "1:30; what pruning has saved is not known (4 models)")]
