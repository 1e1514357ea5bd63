"""What `daisy sweeps` tells of the models of each sweep."""

from dataclasses import replace
from pathlib import Path

from monitor.rows import ROW

from daisy.folder import Waiting, create_sweep
from daisy.monitor.sweeps import rows


def test_the_best_is_one_that_is_done(tmp_path: Path) -> None:
    """A model that was pruned may have a higher accuracy: it is no result of the sweep."""
    (tmp_path / "models").mkdir()
    config = {"config_id": "x"}
    sweep = create_sweep(tmp_path / "models", "s", {"count": 2, "created": 1.0}, [Waiting(config)] * 2, tmp_path, {}, 1.0)
    models = [
        replace(ROW, model_id=f"r{number}__curved__x", state=state, accuracy=accuracy, sweep=f"{sweep.sweep_id}/{number}")
        for number, (state, accuracy) in enumerate([("done", 0.25), ("pruned", 0.75)], 1)
    ]
    assert [row.best for row in rows(tmp_path / "models", models)[0]] == [0.25]
    assert [row.best for row in rows(tmp_path / "models", models[1:])[0]] == [None]
