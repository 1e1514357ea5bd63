"""Sweepers that are not Daisy's, whose models run on a real Slurm."""

import json
import signal
from pathlib import Path

import pytest
from foreign_sweeper import EXAMPLES, Foreign
from sleeper import wait_until
from slurm.on_slurm import OnSlurm

pytestmark = pytest.mark.slow


@pytest.fixture
def foreign(on_slurm: OnSlurm, tmp_path: Path) -> Foreign:
    return Foreign(on_slurm, tmp_path)


def test_two_batches_on_slurm(foreign: Foreign, on_slurm: OnSlurm) -> None:
    asked = ("env=slurm", "hydra/launcher=daisy_slurm", "hydra.launcher.timeout_min=7", "hydra.launcher.array_parallelism=2")
    done = foreign.run("two_batches", *asked)
    assert done.code == 0, done.err + done.out
    told = foreign.told()
    assert [entry["value"] for entry in told] == pytest.approx([right / EXAMPLES for right in (2, 6, 4, 16, 17)], abs=1e-6)
    for entry in told:
        config = json.loads((Path(entry["out"]) / "daisy" / "config.json").read_text())
        assert config["env"]["slurm"]["timeout_min"] == 7 and config["env"]["slurm"]["array_parallelism"] == 2
    assert on_slurm.most_at_once() <= 2
    limits = on_slurm.sacct("Timelimit")
    results = [json.loads((Path(entry["out"]) / "daisy" / "result.json").read_text()) for entry in told]
    assert {limits[result["job"]] for result in results} == {"00:07:00"}
    assert foreign.nothing_of_hydras()


def test_ctrl_c_ends_the_sweeper_and_not_the_models(foreign: Foreign, on_slurm: OnSlurm) -> None:
    process = foreign.start("two_batches", "env=slurm", "framework.options.seconds=100")
    wait_until(lambda: len(on_slurm.begun()) == 3, "the first batch runs")
    wait_until(lambda: sum(row[0].startswith("r") for row in on_slurm.squeue("%k")) == 3, "Slurm knows which models they are")
    process.send_signal(signal.SIGINT)
    code, out = on_slurm.finished(process)
    (sweep,) = on_slurm.sweeps
    assert code == 130
    assert out.splitlines()[-1] == (
        f"daisy: stopped by Ctrl-C; {sweep.sweep_id} goes on, on Slurm; the same command goes on from here"
    )
    assert "Traceback" not in out
    models = {path.name for path in on_slurm.project.models()}
    assert len(models) == 3 and models <= {row[0] for row in on_slurm.squeue("%k", "%T") if row[1] == "RUNNING"}
    again = foreign.start("two_batches", "env=slurm", "framework.options.seconds=100")
    wait_until(lambda: b"trained by others" in again.stdout.readline(), "it waits for them")
    on_slurm.open()
    code, out = on_slurm.finished(again)
    assert code == 0, out
    assert len(foreign.told()) == 5 and len(on_slurm.begun()) == 5
