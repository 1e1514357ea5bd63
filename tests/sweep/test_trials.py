"""What has become of a trial, as the folders of its models say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from daisy.folder import ModelFolder, Numbering, SweepFolder, TrialFile
from daisy.folder.sweeps import NewSearch, create_sweep
from daisy.sweep.trials import Trial, TrialStates, figure

GOAL, LOSS = {"accuracy": "maximize"}, {"name": "loss", "direction": "minimize"}


def a_search(models_dir: Path, *results: dict[str, Any], **info: Any) -> SweepFolder:
    """A search of one trial, whose models have come to this."""
    search = NewSearch(Numbering(len(results), [(0, 1)]))
    sweep = create_sweep(models_dir, "x", info, [], models_dir, {}, 1e9, search=search)
    for number, result in enumerate(results, 1):
        folder = ModelFolder(models_dir / f"r{number}__x__x")
        folder.daisy.mkdir(parents=True)
        folder.write_result(result)
        place = sweep.claim("worker")
        assert place is not None
        sweep.settle(place, folder.model_id)
    return sweep


def trial_of(sweep: SweepFolder, **more: Any) -> Trial:
    """What has become of the trial."""
    return TrialStates(sweep, GOAL).of(TrialFile(1, 0, 1e9, {}, {}, [], **more))


@pytest.mark.parametrize(
    ("states", "becomes"),
    [
        (["done", "done"], "done"),
        (["pruned", "done"], "pruned"),
        (["done", "pruned"], "failed"),
        (["done", "failed"], "failed"),
    ],
)
def test_only_of_models_that_were_trained_to_their_end_there_is_a_mean(
    tmp_path: Path, states: Sequence[str], becomes: str
) -> None:
    trial = trial_of(a_search(tmp_path, *({"state": state, "accuracy": 0.5} for state in states)))
    assert (trial.state, trial.values) == (becomes, [0.5] if becomes == "done" else None)


@pytest.mark.parametrize(
    ("now", "told"), [(LOSS, {1: -0.5, 2: -0.4}), ({"name": "dev_accuracy", "direction": "maximize"}, {}), (None, {})]
)
def test_only_what_is_measured_as_now_is_reported(tmp_path: Path, now: dict[str, str] | None, told: dict[int, float]) -> None:
    """An extended search may have another measure: figures of two can't be compared."""
    sweep = a_search(tmp_path, {"state": "done", "accuracy": 0.5}, measure=now)
    lines = [{"judged": 1, "loss": 0.5}, {"judged": 2, "loss": 0.4}]
    ModelFolder(tmp_path / "r1__x__x").metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert trial_of(sweep, measure=LOSS).reports == told


def test_the_seconds_of_a_model_that_was_cut_off_and_gone_on_with_are_all_of_them() -> None:
    result = {"state": "done", "attempt": 2, "train_seconds": 1000.5, "stages": {"train": 100.5}}
    assert figure(result, "seconds") == 1000.5
    del result["train_seconds"]  # an older Daisy did not know
    assert figure(result, "seconds") is None and figure({**result, "attempt": 1}, "seconds") == 100.5
