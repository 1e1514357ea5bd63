"""Jobs that die before they claim a model: when they hold a sweep, and when nothing is to blame."""

import os
import time
from pathlib import Path

import pytest

from daisy.files import write_json
from daisy.folder import SweepFolder, Waiting, create_sweep
from daisy.launch.holding import hold_after_dead_jobs, hold_after_same_failures
from daisy.launch.slurm import Job, Queue

TAG = "daisy:1"


def a_sweep(models_dir: Path, count: int = 4, created: float | None = None) -> SweepFolder:
    """A sweep all whose models wait, that stops after three failures that are alike."""
    env = {"name": "slurm", "mirror": None, "python": {}, "models_dir": str(models_dir), "data_dir": str(models_dir)}
    now = time.time() if created is None else created
    info = {"launcher": "slurm", "env": {**env, "stop_after_same_failures": 3}, "created": now}
    waiting = [Waiting({"config_id": f"x{number}"}) for number in range(count)]
    return create_sweep(models_dir, "x", info, waiting, models_dir, {}, now)


def died(sweep: SweepFolder, task: int, when: float, whole: bool = True) -> Job:
    """A job of this sweep that is over, with what it has printed, and with what submitit writes down if that came."""
    log = sweep.slurm / f"7_{task}_0_log.out"
    log.write_text("loading\nmodule: no such module cuda/99\n")
    os.utime(log, (when, when))
    if whole:
        (sweep.slurm / f"7_{task}_submitted.pkl").touch()
    return Job(f"7_{task}", "daisy-0", "FAILED", "None", "n1", 1, str(sweep.slurm / "submission_file.sh"), TAG)


def holds(sweep: SweepFolder, *jobs: Job) -> bool:
    told = hold_after_dead_jobs([(sweep, [1])], Queue((), jobs), TAG)
    assert (sweep.held() is not None) == bool(told)
    return bool(told)


def test_three_dead_jobs_hold_a_sweep_with_the_last_line_of_a_log(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path)
    later = time.time() + 5
    assert not holds(sweep, died(sweep, 1, later), died(sweep, 2, later))
    assert holds(sweep, *(died(sweep, task, later) for task in (1, 2, 3)))
    assert "no such module cuda/99" in str(sweep.held())


def test_what_died_before_a_sweep_was_launched_does_not_count_against_it(tmp_path: Path) -> None:
    earlier = a_sweep(tmp_path, created=time.time() - 100)
    dead = [died(earlier, task, time.time() - 50) for task in (1, 2, 3)]
    assert not holds(a_sweep(tmp_path), *dead)
    assert holds(earlier, *dead)


def test_jobs_whose_launcher_was_killed_are_no_sign_of_a_mistake(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path)
    assert not holds(sweep, *(died(sweep, task, time.time() + 5, whole=False) for task in (1, 2, 3)))


@pytest.mark.parametrize(
    ("results", "alike"),
    [
        ([{"hint": "out of memory: train with less"}] * 3, True),
        ([{"last_lines": [f"RuntimeError: shape {number} is wrong"]} for number in (1, 2, 3)], True),
        (
            [
                {"last_lines": ["FileNotFoundError: vocabulary"]},
                {"hint": "out of memory: less"},
                {"last_lines": ["loss is nan: error"]},
            ],
            False,
        ),
    ],
)
def test_models_have_failed_alike_when_their_logs_say_so(tmp_path: Path, results: list[dict[str, object]], alike: bool) -> None:
    sweep = a_sweep(tmp_path)
    for number, result in enumerate(results):
        place = sweep.claim(f"w{number}")
        assert place is not None
        model = tmp_path / f"r{number}__sleeper__x"
        (model / "daisy").mkdir(parents=True)
        write_json(
            model / "daisy" / "result.json",
            {"state": "failed", "reason": "exit code 1", "ended": time.time(), "seconds": 2, **result},
        )
        sweep.begin(place, model.name)
    hold_after_same_failures(sweep)
    assert (sweep.held() is not None) == alike
