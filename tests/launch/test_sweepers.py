"""Sweepers that are not Daisy's, which Hydra runs: they choose, Daisy trains, they are told what came of it."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from foreign_sweeper import EXAMPLES, Foreign
from sleeper import wait_until

from daisy.configuration.keys import KEYS, SLURM, SLURM_COLLECTIONS
from daisy.configuration.launchers import slurm_node


@pytest.fixture
def foreign(launched: Any, tmp_path: Path) -> Foreign:
    return Foreign(launched, tmp_path)


def test_the_second_batch_follows_from_the_accuracies_of_the_first(foreign: Foreign) -> None:
    done = foreign.run("two_batches")
    assert done.code == 0, done.err + done.out
    told = foreign.told()
    assert [entry["right"] for entry in told] == [2, 6, 4, 16, 17]
    assert [entry["value"] for entry in told] == pytest.approx([right / EXAMPLES for right in (2, 6, 4, 16, 17)], abs=1e-6)
    root = foreign.launched.project.root
    for number, entry in enumerate(told):
        model = Path(entry["out"])
        assert (
            entry["status"] == "COMPLETED" and entry["number"] == number and entry["task"] == "daisy" and entry["in"] == str(root)
        )
        assert entry["overrides"] == ["framework=graded", "dataset=tiny", f"framework.options.right={entry['right']}"]
        assert "hydra" not in entry["sections"] and "arch" in entry["sections"]
        assert model.parent == root / "models"
        assert json.loads((model / "daisy" / "result.json").read_text())["accuracy"] == entry["value"]
        config = json.loads((model / "daisy" / "config.json").read_text())["configuration"]
        assert config["framework"]["options"]["right"] == entry["right"]
    assert foreign.nothing_of_hydras()


def test_what_is_done_is_told_at_once(foreign: Foreign) -> None:
    foreign.run("two_batches")
    first, models = foreign.told(), foreign.launched.project.models()
    again = foreign.run("two_batches")
    assert again.code == 0 and "3 not launched again (3 done)" in again.out
    assert foreign.told() == first and foreign.launched.project.models() == models


def test_what_a_sweeper_writes_is_kept_beside_the_models(foreign: Foreign) -> None:
    done = foreign.run("two_batches", "hydra.sweeper.note=best.txt")
    assert done.code == 0, done.err + done.out
    (note,) = (foreign.launched.project.root / "models" / ".sweepers").glob("s*__two-batches__*/*")
    assert note.name == "best.txt" and float(note.read_text()) == pytest.approx(6 / EXAMPLES, abs=1e-6)
    assert str(note.parent.relative_to(foreign.launched.project.root)) in done.out.splitlines()[-1]


def test_the_stock_sweeper_trains_a_grid(foreign: Foreign) -> None:
    done = foreign.run("basic", "framework.options.right=1,2", "seed=1,2", "hydra.sweeper.max_batch_size=3")
    assert done.code == 0, done.err + done.out
    assert len(foreign.launched.project.models()) == 4
    assert [sweep.info()["count"] for sweep in foreign.launched.sweeps] == [3, 1]
    assert foreign.nothing_of_hydras()


def test_a_failed_model_is_the_sweepers_to_judge(foreign: Foreign) -> None:
    done = foreign.run("two_batches", "hydra.sweeper.first=[-1,2]")
    assert done.code == 0, done.err + done.out
    failed, fine, *rest = foreign.told()
    (model,) = [path.name for path in foreign.launched.project.models() if path.name == Path(failed["out"]).name]
    assert failed["status"] == "FAILED" and failed["error"].startswith(f"{model} failed: ") and "daisy show" in failed["error"]
    assert "exit code 1" in failed["error"]
    assert fine["status"] == "COMPLETED" and [entry["right"] for entry in rest] == [12, 13]


def test_a_failed_model_ends_the_stock_sweeper(foreign: Foreign) -> None:
    done = foreign.run("basic", "framework.options.right=-1,2")
    assert done.code == 1 and "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("daisy: r") and "exit code 1" in done.err
    assert len(foreign.launched.project.models()) == 2


def test_what_daisy_refuses_is_a_failed_job(foreign: Foreign) -> None:
    done = foreign.run("two_batches", "hydra.sweeper.key=seed", "hydra.sweeper.first=[-1,2]")
    assert done.code == 0, done.err + done.out
    refused, fine, *_ = foreign.told()
    assert refused["status"] == "FAILED" and refused["error"] == "seed=-1: seed must be a whole number from 0 below 4294967296"
    assert fine["status"] == "COMPLETED" and fine["number"] == 1


def test_the_same_model_twice_is_trained_once(foreign: Foreign) -> None:
    assert foreign.run("two_batches", "hydra.sweeper.first=[5,5]").code == 0
    one, other, *_ = foreign.told()
    assert one["value"] == other["value"] == pytest.approx(5 / EXAMPLES) and one["out"] == other["out"]


def test_models_that_another_shell_trains_are_waited_for(foreign: Foreign) -> None:
    slow = ("framework=graded", "framework.options.right=7", "framework.options.seconds=100")
    shell = foreign.launched.start(*slow)
    wait_until(foreign.launched.begun, "the other shell's model runs")
    sweeper = foreign.start("two_batches", "hydra.sweeper.first=[7]", "framework.options.seconds=100")
    wait_until(lambda: b"trained by others" in (sweeper.stdout.readline()), "it says that it waits")
    foreign.launched.open()
    assert foreign.launched.finished(shell)[0] == 0 and foreign.launched.finished(sweeper)[0] == 0
    assert [entry["value"] for entry in foreign.told()] == pytest.approx([7 / EXAMPLES, 17 / EXAMPLES, 1])
    assert len(foreign.launched.begun()) == 3


def test_a_batch_that_fails_alike_is_not_trained_to_its_end(foreign: Foreign) -> None:
    foreign.run("two_batches", "hydra.sweeper.first=[-1,-2,-3,2]", "hydra.launcher.max_running=1")
    told = foreign.told()
    assert [entry["status"] for entry in told] == ["FAILED"] * 4 and len(foreign.launched.project.models()) == 3
    (sweep,) = foreign.launched.sweeps
    assert told[3]["error"].startswith(f"{sweep.sweep_id}/4 was not trained (")
    assert told[3]["error"].endswith(f"`daisy resume {sweep.sweep_id}`")


def test_what_listens_to_hydras_jobs_hears_of_daisys(foreign: Foreign, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    callback = "+hydra.callbacks.notes={_target_: hydra_plugins.two_batches.Notes, file: " + str(heard) + "}"
    done = foreign.run("basic", "framework.options.right=1,-1", callback)
    good, bad = (path.name for path in sorted(foreign.launched.project.models(), key=lambda path: "-1" in path.name))
    assert heard.read_text().splitlines() == ["start 0 1", "start 1 -1", f"end {good} COMPLETED", f"end {bad} FAILED"], done.err


def test_the_launchers_own_option_says_how_many_run_at_once(foreign: Foreign) -> None:
    one = ("hydra/launcher=daisy_local", "hydra.launcher.max_running=1")
    assert foreign.run("basic", "framework.options.right=1,2,3", *one).code == 0
    assert foreign.launched.most_at_once() == 1


def test_ctrl_c_ends_the_sweeper_after_the_models_that_run(foreign: Foreign) -> None:
    process = foreign.start("two_batches", "framework.options.seconds=100", "hydra.launcher.max_running=1")
    wait_until(foreign.launched.begun, "a model runs")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: b"launching no more" in process.stdout.readline(), "it has understood")
    foreign.launched.open()
    code, out = foreign.launched.finished(process)
    assert code == 130 and out.splitlines()[-1] == "daisy: stopped by Ctrl-C; the same command goes on from here"
    assert "Traceback" not in out and len(foreign.launched.begun()) == 1 and not foreign.report.exists()
    assert foreign.run("two_batches", "framework.options.seconds=100").code == 0
    assert len(foreign.launched.begun()) == 5


REFUSALS = (
    (("-m", "hydra/sweeper=basic", "hydra/launcher=daisy_slurm"), "add env=slurm"),
    (("-m", "hydra/sweeper=basic", "hydra/launcher=daisy_local", "env=slurm"), "choose hydra/launcher=daisy_slurm, or env=local"),
    (("-m", "hydra/sweeper=basic", "hydra/launcher=submitit_local"), "choose one of them"),
    (("-m", "hydra/sweeper=basic", "hydra.launcher.max_runing=2"), "did you mean hydra.launcher.max_running?"),
    (("-m", "hydra/sweeper=basic", "arch.kernal=2,3"), "did you mean arch.kernel?"),
    (("-m", "hydra/sweeper=basic", "dataset=tiny,tinny"), "did you mean dataset=tiny?"),
    (("-m", "hydra/sweeper=basic", "env=slurm", "hydra.launcher.comment=mine"), "leave it out"),
    (("-m", "hydra/sweeper=nope"), "Available options in 'hydra/sweeper': basic"),
    (("-m", "hydra/sweeper=basic", "--dry-run"), "leave it out"),
    (("-m", "hydra/launcher=daisy_local"), "add -m, and hydra/sweeper=NAME"),
    (("hydra/sweeper=basic",), "add -m"),
    (("--cfg", "hydra", "--resolve", "hydra/launcher=daisy_local"), "--cfg all --resolve does"),
    (("-m", "hydra/sweeper=basic", "hydra.run.dir=x"), "set env.models_dir instead of hydra's keys"),
)


@pytest.mark.parametrize(("words", "way_out"), REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_one_line_says_what_to_do(foreign: Foreign, words: tuple[str, ...], way_out: str) -> None:
    refused = foreign.launched.project.daisy(*words)
    assert refused.code == 2 and way_out in refused.one_line
    assert not foreign.launched.project.models() and foreign.nothing_of_hydras()


def test_the_slurm_launcher_has_every_option_of_the_env_and_of_submitit_slurm() -> None:
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    of_the_env = {name.removeprefix(f"{SLURM}.") for name in (*KEYS, *SLURM_COLLECTIONS) if name.startswith(f"{SLURM}.")}
    of_submitit = {name for name in SlurmQueueConf.__dataclass_fields__ if name != "_target_"}
    assert of_the_env | of_submitit == slurm_node().keys()


def test_its_options_follow_the_env(foreign: Foreign) -> None:
    shown = ("--cfg", "all", "-p", "hydra.launcher", "--resolve", "hydra/launcher=daisy_slurm", "env=slurm")
    out = foreign.launched.project.daisy(*shown, "env.max_running=7", "hydra.launcher.timeout_min=30").out.splitlines()
    assert {"array_parallelism: 7", "timeout_min: 30", "signal_delay_s: 120", "partition: null"} <= set(out)
