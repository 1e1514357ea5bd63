"""The first models of a sweep have failed alike: when no more of it is launched, and when that was no mistake of all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.configuration import Environment
from daisy.folder import ModelFolder, SweepFolder, Waiting, create_sweep
from daisy.launch.holding import FIRST_MINUTE, LONGEST_LINE, hold_after_dead_jobs, hold_after_same_failures
from daisy.launch.slurm import Job, Queue

ALIKE: dict[str, Any] = {"state": "failed", "reason": "the framework ended with exit code 1", "seconds": 2.0}
LATE = {**ALIKE, "seconds": FIRST_MINUTE}
OTHER = {**ALIKE, "reason": "out of memory"}
DONE: dict[str, Any] = {"state": "done", "seconds": 2.0}
STOPPED = {**ALIKE, "state": "stopped"}
TOLD = "the first 3 models have failed alike (the framework ended with exit code 1)"
Ended = Callable[..., SweepFolder]


@pytest.fixture
def ended(tmp_path: Path) -> Ended:
    """Makes a sweep of eight models of which the first ones have ended, each ten seconds after the one before, from 10 on."""
    models_dir = tmp_path / "models"
    models_dir.mkdir()

    def make(*results: dict[str, Any] | None, most: int = 3) -> SweepFolder:
        env = Environment("local", models_dir, models_dir, None, {}, stop_after_same_failures=most)
        sweep = create_sweep(models_dir, "x", {"env": env.to_json(), "created": 1.0}, [Waiting({})] * 8, tmp_path, {}, 1.0)
        for number, result in enumerate(results, 1):
            place = sweep.claim(f"worker{number}")
            assert place is not None and place.number == number
            sweep.begin(place, f"r{number}__a__b")
            folder = ModelFolder(models_dir / f"r{number}__a__b")
            folder.daisy.mkdir(parents=True)
            if result is not None:
                folder.write_result({"ended": 10.0 * number, **result})
        return sweep

    return make


def why(sweep: SweepFolder) -> str | None:
    hold_after_same_failures(sweep)
    return sweep.held()


@pytest.mark.parametrize(
    ("results", "held"),
    [
        ([ALIKE] * 3, TOLD),
        ([ALIKE] * 4, TOLD.replace("3", "4")),
        ([ALIKE] * 2, None),
        ([], None),
        ([ALIKE, ALIKE, OTHER], None),
        ([LATE, ALIKE, ALIKE, ALIKE], None),  # a minute of training: there is more to it than a wrong word
        ([ALIKE, ALIKE, LATE], None),
        ([{**ALIKE, "seconds": FIRST_MINUTE - 0.1}] * 3, TOLD),
        ([DONE, ALIKE, ALIKE, ALIKE], None),
        ([ALIKE, ALIKE, ALIKE, DONE], None),
        ([{**DONE, "state": "pruned"}, ALIKE, ALIKE, ALIKE], None),
        ([STOPPED, ALIKE, ALIKE, ALIKE], TOLD),  # somebody's cancelling says nothing of the others
        ([ALIKE, STOPPED, ALIKE], None),
        ([ALIKE, None, ALIKE, ALIKE], TOLD),  # one runs still
    ],
)
def test_which_first_ones_hold_a_sweep(ended: Ended, results: list[dict[str, Any] | None], held: str | None) -> None:
    assert why(ended(*results)) == held


@pytest.mark.parametrize(("most", "held"), [(0, None), (1, TOLD), (2, TOLD), (3, TOLD), (4, None), (8, None)])
def test_so_many_as_env_says(ended: Ended, most: int, held: str | None) -> None:
    assert why(ended(*[ALIKE] * 3, most=most)) == held


def test_where_one_failure_is_enough_those_that_are_done_are_none(ended: Ended) -> None:
    assert why(ended(DONE, DONE, most=1)) is None


def test_a_model_whose_result_is_damaged_says_nothing(ended: Ended) -> None:
    sweep = ended(*[ALIKE] * 4)
    (sweep.models_dir / "r2__a__b" / "daisy" / "result.json").write_text('{"state": "fai')
    assert why(sweep) == TOLD


def test_who_lets_it_go_on_starts_the_count_anew(ended: Ended) -> None:
    """The ones that failed before do not count any more, nor do those that were done."""
    sweep = ended(*[ALIKE] * 3)
    assert why(sweep) == TOLD
    sweep.release(35.0)
    assert why(sweep) is None
    for number in (4, 5, 6):
        place = sweep.claim("another")
        assert place is not None and place.number == number
        sweep.begin(place, f"r{number}__a__b")
        folder = ModelFolder(sweep.models_dir / f"r{number}__a__b")
        folder.daisy.mkdir(parents=True)
        folder.write_result({**ALIKE, "ended": 10.0 * number})
        assert why(sweep) == (TOLD if number == 6 else None)


def test_one_that_was_done_before_it_went_on_does_not_speak_for_it(ended: Ended) -> None:
    sweep = ended(DONE, *[ALIKE] * 4)
    assert why(sweep) is None
    sweep.hold("somebody's word")
    sweep.release(25.0)
    assert why(sweep) == TOLD


def test_a_sweep_that_is_held_keeps_its_reason(ended: Ended) -> None:
    sweep = ended(*[ALIKE] * 3)
    sweep.hold("somebody's word")
    assert why(sweep) == "somebody's word"


@pytest.mark.parametrize(
    ("most", "state", "comment", "dead", "held"),
    [
        (3, "FAILED", "tag", 3, True),
        (3, "FAILED", "tag", 2, False),
        (0, "FAILED", "tag", 3, False),
        (3, "CANCELLED", "tag", 3, False),
        (3, "FAILED", "another tag", 3, False),
    ],
)
def test_jobs_that_die_before_they_have_a_model(
    ended: Ended, tmp_path: Path, most: int, state: str, comment: str, dead: int, held: bool
) -> None:
    sweep = ended(most=most)
    jobs = []
    for number in range(3):
        jobs.append(Job(str(number), "daisy-0", state, "None", "n1", 0, str(tmp_path / "submission.sh"), comment))
        (tmp_path / f"{number}_submitted.pkl").touch()
        if number < dead:  # the others have left nothing
            (tmp_path / f"{number}_0_log.out").write_text("line 1: nosuch: command not found " + "x" * 1000 + "\n\n")
    holds = hold_after_dead_jobs([(sweep, [1])], Queue(tuple(jobs), over=tuple(jobs)), "tag")
    assert list(holds) == ([sweep.sweep_id] if held else [])
    told = sweep.held()
    assert (told is not None) == held
    if told is not None:
        assert told.startswith("3 of its jobs died before they began a model: line 1: nosuch: command not found xxx")
        assert told.endswith("_0_log.out)") and len(told) < LONGEST_LINE + 250
        sweep.release(4_000_000_000.0)  # what they have left is older
        assert not hold_after_dead_jobs([(sweep, [1])], Queue(tuple(jobs), over=tuple(jobs)), "tag")
