"""How much time is left: of a training, and of a sweep."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daisy.folder import SweepFolder, Waiting, create_sweep
from daisy.job.observer import Training
from daisy.launch.course import Course, Ended, Running
from daisy.monitor import sweeping
from daisy.monitor.live import line_of
from daisy.monitor.sweeping import Names, seconds_left, total

NOW = 10_000.0  # seconds: where the clock stands


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({}, None),
        ({"seconds": 30.0}, None),
        ({"seconds": 30.0, "share": 0.0}, None),
        ({"seconds": 30.0, "share": 0.25}, 90.0),
        ({"seconds": 30.0, "share": 0.5}, 30.0),
        ({"seconds": 30.0, "share": 1.0}, 0.0),
        ({"seconds": 30.0, "share": 1.5}, 0.0),  # a framework that goes on beyond what it said
        # It went on from half: that half took 1000 seconds on a slower machine, which says nothing of this one.
        ({"seconds": 1010.0, "seconds_at_start": 1000.0, "share": 0.75, "share_at_start": 0.5}, 10.0),
        ({"seconds": 1010.0, "seconds_at_start": 1000.0, "share": 0.5, "share_at_start": 0.5}, None),
        # Its checkpoint was older than where it had got: it does some of it again.
        ({"seconds": 1010.0, "seconds_at_start": 1000.0, "share": 0.4, "share_at_start": 0.5}, None),
    ],
)
def test_of_a_training(told: dict[str, float], left: float | None) -> None:
    training = Training(epoch=1, **told)  # type: ignore[arg-type]
    assert training.seconds_left == (None if left is None else pytest.approx(left))
    assert ("left" in line_of(training)) == (left is not None)


def test_the_live_line_says_it() -> None:
    training = Training(
        epoch=3, epochs=9, step=120, steps=200, measures={"loss": 0.43214}, accuracy=0.612, seconds=70.0, share=0.5
    )
    told = "epoch 3/9  step 120/200  loss 0.4321  dev accuracy 61.2 %  1:10 gone  1:10 left"
    assert line_of(training) == told


def ended(state: str, seconds: float) -> Ended:
    return Ended(1, None, state, "", None, seconds)


def running(*seconds: float) -> list[Running]:
    """Models that have run so long."""
    return [Running(2, None, NOW - gone) for gone in seconds]


DONE = (ended("done", 50.0), ended("done", 150.0))  # a hundred seconds, in the mean


@pytest.mark.parametrize(
    ("course", "slots", "left"),
    [
        (Course(4, running(10, 10), ()), 2, None),
        (Course(4, running(10, 10), (ended("failed", 5.0), ended("stopped", 5.0))), 2, None),
        (Course(0, (), DONE), 2, 0.0),
        (Course(3, (), DONE), 1, 300.0),
        (Course(3, (), (*DONE, ended("failed", 1.0))), 1, 300.0),  # what failed says nothing of what does not
        (Course(4, (), DONE), 2, 200.0),
        (Course(0, running(30), DONE), 1, 70.0),
        (Course(0, running(30, 50), DONE), 2, 60.0),
        (Course(2, running(30, 50), DONE), 2, 160.0),
        (Course(0, running(5000), DONE), 1, 0.0),  # it takes longer than any other
        (Course(1, running(5000), DONE), 1, 100.0),
        (Course(0, running(40), DONE), 8, 60.0),  # slots that nothing is left for do not help
        (Course(5, running(40), DONE, stopping=True), 1, 60.0),  # the others are not launched any more
    ],
)
def test_of_a_sweep(course: Course, slots: int, left: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "time", SimpleNamespace(monotonic=lambda: NOW))
    assert seconds_left(course, slots) == (None if left is None else pytest.approx(left))


@pytest.fixture
def names(tmp_path: Path) -> Names:
    """Of a sweep of seven models."""
    (tmp_path / "models").mkdir()
    config: dict[str, Any] = {"config_id": "tiny_k6"}
    sweep: SweepFolder = create_sweep(tmp_path / "models", "x", {"count": 7}, [Waiting(config)] * 7, tmp_path, {}, 1.0)
    return Names(sweep)


def test_the_total_of_a_sweep(names: Names) -> None:
    course = Course(3, running(30, 50), DONE)
    assert total(course, names, None) == "2 of 7 ended, 2 running, 3 waiting"
    assert total(course, names, 200.0) == "2 of 7 ended, 2 running, 3 waiting, 3:20 left"
    assert total(course, names, 7384.0).endswith(", 2:03:04 left")
    course = Course(1, running(30), (*DONE, ended("failed", 1.0), ended("stopped", 1.0), ended("failed", 1.0)), stopping=True)
    assert total(course, names, 0.0) == "5 of 7 ended (2 failed), 1 running, 1 waiting, launching no more, 0:00 left"


def test_a_search_may_end_before_it_has_asked_for_all(names: Names) -> None:
    names.is_search = True
    assert total(Course(3, running(30), (*DONE, ended("pruned", 1.0))), names, None) == "3 ended (1 pruned), 1 running, 3 to come"
