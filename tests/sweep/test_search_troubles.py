"""Searches whose study is away for a while, or held, and those that meet another one at the same point."""

import time
from pathlib import Path

import optuna
import pytest
from sleeper import wait_until
from sweep.named_sweeps import Sweeps
from sweep.searches import RIGHT, SECONDS, definition, finished, results, study_of, trial_files

from daisy.errors import StudyError
from daisy.launch import asking, task
from daisy.launch.searching import Searching
from daisy.sweep.study import alone


def last(sweeps: Sweeps) -> Path:
    return sweeps.launched.sweeps[-1].path


def test_a_step_of_a_number_is_one_point_however_it_was_computed(sweeps: Sweeps) -> None:
    """Optuna computes 0.30000000000000004 where a person has written 0.3."""
    sweeps.write("g", f"{{kind: grid, axes: {{{SECONDS}: '0.3'}}}}")
    assert sweeps.launch("g").code == 0
    sweeps.write("s", definition(f"{SECONDS}: 'range(0.1,0.45,0.1)'", 10, "warm_start: true"))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert sorted(trial["point"][SECONDS] for trial in trial_files(last(sweeps))) == [0.1, 0.2, 0.4]


def test_points_that_are_written_alike_are_one(sweeps: Sweeps) -> None:
    """A drawn number is written with four digits: a narrow interval has few of them."""
    sweeps.write("s", definition(f"{SECONDS}: 'interval(0.10001,0.10028)'", 4))
    assert sweeps.launch("s").code == 0
    points = [trial["point"][SECONDS] for trial in trial_files(last(sweeps))]
    assert len(points) == len(set(points)) == len(sweeps.trained()) > 1


def test_two_searches_at_the_same_points(sweeps: Sweeps) -> None:
    """What waits in the one is trained by the other, which comes first: both have their trial, and nothing is trained twice."""
    for name in "ab":
        sweeps.write(name, definition(f"{RIGHT}: '2,3'", 1, "repeat: 2"))
    sweeps.launched.gate.unlink()  # until it is open all of them train
    launched, begun = sweeps.launched.project, sweeps.launched.environment
    first = launched.start("-m", "+sweep=a", f"{SECONDS}=60", "env.max_running=1", environment=begun)
    wait_until(lambda: len(launched.models()) == 1, "the first model has begun")
    second = launched.start("-m", "+sweep=b", f"{SECONDS}=60", "env.max_running=2", environment=begun)
    wait_until(lambda: len(launched.models()) == 2, "the second one, which waits in the first search, has begun in the other")
    sweeps.launched.open()
    for process in (first, second):
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out
    assert sorted(seed for _, seed in sweeps.trained()) == [1, 2]
    for sweep in sweeps.launched.sweeps:
        assert not sweep.places("cancelled")
        assert sweeps.daisy("sweeps", "rebuild", sweep.sweep_id).code == 0
        assert len(finished(study_of(sweep.path))) == 1


def test_a_database_that_is_away_for_a_while_costs_no_trial(sweeps: Sweeps, tmp_path: Path) -> None:
    place, away = tmp_path / "database", tmp_path / "away"
    place.mkdir()
    storage = f"sqlite:///{place}/name.db"
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 4, f"storage: '{storage}'"))
    words = ("-m", "+sweep=s", f"{SECONDS}=1", "env.max_running=1")
    started = sweeps.launched.project.start(*words, environment=sweeps.launched.environment)
    wait_until(lambda: len(sweeps.trained()) == 1, "the first one trains")
    place.rename(away)
    time.sleep(5)
    away.rename(place)
    out, _ = started.communicate(timeout=120)
    assert started.returncode == 0, out
    assert [result["state"] for result in results(sweeps.launched.project.root / "models")] == ["done"] * 4
    assert len(finished(optuna.load_study(study_name=last(sweeps).name, storage=storage))) == 4


def test_a_study_that_stays_away_holds_its_search_and_its_places_wait(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,4,5'", 2))
    assert sweeps.launch("s").code == 0
    [sweep] = sweeps.launched.sweeps
    sweep.add_places([3])

    def refuse(*_: object) -> None:
        raise StudyError("the database is down: start it")

    monkeypatch.setattr(asking, "next_to_train", refuse)
    monkeypatch.setattr(task, "STUDY_BACK_WITHIN", 0.0)
    monkeypatch.setattr(task, "ASKED_AGAIN_AFTER", 0.0)
    with pytest.raises(StudyError):
        task.work(sweep, "worker")
    assert [place.number for place in sweep.places("waiting")] == [3] and not sweep.workers()
    assert "the database is down" in str(sweep.held())
    assert task.work(sweep, "worker") == task.NOTHING_WAITS  # of what is held nobody claims a place


def test_points_that_are_all_refused_hold_the_search_at_once(sweeps: Sweeps) -> None:
    base = "defaults: [{override /framework: arcadio}, {override /dataset: tiny}]\n"
    small = "arch: {filters: 8, hidden: 8, embedding: 8, kernel: [2, 3]}\ntrain: {epochs: 1}\n"
    sweeps.write("s", definition("arch.layers: '2,3,4,5,6,7,8'", 7), base + small)
    done = sweeps.launch("s", "env.max_running=1", "env.stop_after_same_failures=2")
    assert done.code == 1 and "launching no more" in done.out + done.err
    assert len(trial_files(last(sweeps))) == 2


def test_what_was_asked_for_by_a_job_that_died_is_none_at_the_end(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2))
    assert sweeps.launch("s").code == 0
    [sweep] = sweeps.launched.sweeps
    searching = Searching(sweep)
    with alone(sweep):
        searching.study(0).ask(3)  # and it was killed
        searching.end(0, "its time is over")
    assert not [one for one in study_of(sweep.path).trials if one.state.name == "RUNNING"]
