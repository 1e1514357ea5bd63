"""Samplers: what is written is checked, and each of them searches, although each trial is asked for by a process of its own."""

import importlib.util
import math
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from sweep.asking import asked_one_by_one, study_of

from daisy.errors import ConfigurationError
from daisy.sweep.brute import Brute, exhausted
from daisy.sweep.chosen import Chosen
from daisy.sweep.cma import Axis, Cma
from daisy.sweep.samplers import SAMPLERS, check, check_space, read_sampler, sampler

WHERE = "sweeps/mine.yaml"
POINTS = 4 + 5 + 1  # of with_a_branch
NONE = Chosen("none")
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed: the sampler gp")


def smooth(trial: optuna.Trial) -> float:
    """Least at x=0.7, y=0.01, n=6."""
    x, y, n = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 1e-4, 1, log=True), trial.suggest_int("n", 1, 8)
    return (x - 0.7) ** 2 + ((math.log10(y) + 2) / 4) ** 2 + ((n - 6) / 7) ** 2


def with_a_branch(trial: optuna.Trial) -> float:
    """Least, 0, at kind=conv, size=4."""
    if trial.suggest_categorical("kind", ["conv", "rnn", "none"]) == "conv":
        return abs(trial.suggest_int("size", 2, 8, step=2) - 4.0)
    if trial.params["kind"] == "rnn":
        return 1 + trial.suggest_float("dropout", 0.1, 0.5, step=0.1)
    return 2.0


def told(value: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_sampler("sweep.sampler", value, WHERE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sampler_is_a_name_or_a_section() -> None:
    assert read_sampler("sweep.sampler", "random", WHERE) == Chosen("random", {})
    section = {"name": "tpe", "seed": 7, "startup_trials": None}
    assert read_sampler("sweep.sampler", section, WHERE) == Chosen("tpe", {"seed": 7})


def test_what_can_not_be_read_is_one_line_with_the_way_out() -> None:
    key = f"sweep.sampler=%s ({WHERE}): "
    assert told("TPE") == key % "TPE" + "there is none of that name - did you mean tpe?"
    assert told("bayes") == key % "bayes" + "choose one of random, tpe, nsga2, cmaes, gp, brute"
    assert told(7) == key % "7" + "write one of random, tpe, nsga2, cmaes, gp, brute, or {name: random, OPTION: VALUE}"
    assert told({"seed": 7}).startswith(key % "{'seed': 7}" + "write one of random")
    option = f"sweep.sampler.%s ({WHERE}): "
    assert told({"name": "tpe", "sed": 7}) == option % "sed" + "tpe has no such option - did you mean seed?"
    many = told({"name": "tpe", "population": 7})
    assert many == option % "population" + "it is an option of nsga2, cmaes, not of tpe: tpe has seed, startup_trials"
    for wrong in (-1, 1.5, "seven", True):
        assert told({"name": "tpe", "seed": wrong}) == f"sweep.sampler.seed={wrong} ({WHERE}) must be a whole number, 0 or more"


def test_a_missing_package_is_named_when_the_sampler_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    told_of_cmaes = told("cmaes")
    assert told_of_cmaes.endswith("needs cmaes, not installed here: pip install 'daisy-launcher[cmaes]'")
    assert told("gp").endswith("needs torch and scipy, not installed here: pip install 'daisy-launcher[gp]'")
    assert read_sampler("sweep.sampler", "tpe", WHERE).name == "tpe"


def test_what_does_not_go_with_some_goals() -> None:
    both = ("accuracy", "bytes")
    with pytest.raises(ConfigurationError, match=r"goes by one goal, and sweep\.goal names 2: use tpe, nsga2 or gp"):
        check(Chosen("cmaes"), both, NONE)
    with pytest.raises(ConfigurationError, match=r"median can't tell which of 2 goals to go by: leave sweep\.pruner out"):
        check(Chosen("tpe"), both, Chosen("median"))
    for name in ("random", "tpe", "nsga2", "gp", "brute"):
        check(Chosen(name), both, NONE)
    for goal in ("seconds", "bytes"):
        check(Chosen("tpe"), (goal,), NONE)
        with pytest.raises(ConfigurationError, match=rf"says nothing of sweep\.goal={goal}: leave sweep\.pruner out"):
            check(Chosen("tpe"), (goal,), Chosen("median"))
    for goal in ("accuracy", "edit_distance"):
        check(Chosen("cmaes"), (goal,), Chosen("median"))


def test_spaces_that_a_sampler_can_do_nothing_with() -> None:
    space = {"x": FloatDistribution(0, 1), "n": IntDistribution(1, 3), "kind": CategoricalDistribution(["conv", "rnn"])}
    with pytest.raises(ConfigurationError, match="there is no end of those of x: write range"):
        check_space(Chosen("brute"), space)
    check_space(Chosen("brute"), {**space, "x": FloatDistribution(0, 1, step=0.1)})
    check_space(Chosen("brute"), {**space, "x": FloatDistribution(1, 1)})
    with pytest.raises(ConfigurationError, match=r"cmaes chooses numbers, and sweep\.space has none: use tpe"):
        check_space(Chosen("cmaes"), {"kind": space["kind"]})
    check_space(Chosen("cmaes"), space)
    check_space(Chosen("tpe"), space)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])
def test_no_sampler_warns_of_what_is_experimental(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked_one_by_one(tmp_path / "log", Chosen(name), with_a_branch, 3)


@pytest.fixture(scope="module")
def at_random(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[float]]:
    """The values of trials at random."""

    def values(seed: int) -> list[float]:
        return [
            value
            for _, value in asked_one_by_one(
                tmp_path_factory.mktemp("random") / "log", Chosen("random", {"seed": seed}), smooth, 30
            )
        ]

    return values


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tpe", {"startup_trials": 8}),
        ("nsga2", {"population": 6}),
        ("cmaes", {"population": 5}),
        pytest.param("gp", {"startup_trials": 8}, marks=[needs_torch, pytest.mark.slow]),
    ],
)
def test_samplers_learn(name: str, options: dict[str, Any], tmp_path: Path, at_random: Callable[[int], list[float]]) -> None:
    """The last of 30 trials are much better than those at random, and the best one is near the optimum."""
    for seed in (1, 2, 3):
        found = asked_one_by_one(tmp_path / str(seed), Chosen(name, {"seed": seed, **options}), smooth, 30)
        assert mean(value for _, value in found[-10:]) < 0.6 * mean(at_random(seed))
        assert min(value for _, value in found) < 0.06


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2", "cmaes", "brute", pytest.param("gp", marks=needs_torch)])
def test_a_seed_gives_other_points_to_each_trial_and_the_same_ones_again(name: str, tmp_path: Path) -> None:
    options = {"seed": 7, **({"population": 4} if name in ("nsga2", "cmaes") else {})}
    objective = with_a_branch if name == "brute" else smooth
    once = asked_one_by_one(tmp_path / "once", Chosen(name, options), objective, 15)
    again = asked_one_by_one(tmp_path / "again", Chosen(name, options), objective, 15)
    other = asked_one_by_one(tmp_path / "other", Chosen(name, {**options, "seed": 8}), objective, 15)
    assert once == again
    assert once != other
    different = len({repr(point) for point, _ in once})
    assert different >= {"brute": POINTS, "nsga2": 10}.get(name, 15)  # nsga2 may cross two parents that are the same


def test_without_a_seed_no_two_are_the_same(tmp_path: Path) -> None:
    once, again = (asked_one_by_one(tmp_path / name, Chosen("random"), smooth, 2) for name in "ab")
    assert len({point["x"] for point, _ in once + again}) == 4


def test_brute_tries_each_point_once(tmp_path: Path) -> None:
    journal = tmp_path / "log"
    found = asked_one_by_one(journal, Chosen("brute"), with_a_branch, POINTS)
    assert len({repr(point) for point, _ in found}) == POINTS
    assert min(value for _, value in found) == 0
    assert sorted(point["dropout"] for point, _ in found if "dropout" in point) == [0.1, 0.2, 0.3, 0.4, 0.5]
    study = study_of(journal, sampler=sampler(Chosen("brute"), 99))
    assert exhausted(study)
    trial = study.ask()  # who asks all the same gets one of the points again
    with_a_branch(trial)
    study.tell(trial, 1.0)


def test_brute_knows_when_all_are_tried(tmp_path: Path) -> None:
    """Also of those that still run; not before, and never of another sampler."""
    study = study_of(tmp_path / "log", sampler=Brute(1))
    for number in range(POINTS):
        assert not exhausted(study)
        trial = study.ask()
        with_a_branch(trial)
        trial.set_user_attr("trial", number)
        if number % 3 == 0:
            study.tell(trial, state=TrialState.FAIL)
        elif number % 3 == 1:
            study.tell(trial, 1.0)
    assert exhausted(study)
    assert len({repr(trial.params) for trial in study.trials}) == POINTS
    study.sampler = optuna.samplers.RandomSampler()
    assert not exhausted(study)


@pytest.mark.parametrize("state", [None, TrialState.FAIL])
def test_a_trial_whose_process_died_while_it_asked_is_no_point_for_brute(tmp_path: Path, state: TrialState | None) -> None:
    """Optuna's own sampler raises ValueError from then on, or leaves points out."""
    journal = tmp_path / "log"
    study = study_of(journal, sampler=Brute(1))
    for kind in ("conv", "rnn"):
        study.enqueue_trial({"kind": kind})
        half = study.ask()
        half.suggest_categorical("kind", ["conv", "rnn", "none"])
        if state is not None:
            study.tell(half, state=state)
    found = asked_one_by_one(journal, Chosen("brute"), with_a_branch, POINTS)
    assert len({repr(point) for point, _ in found}) == POINTS
    assert exhausted(study)


def test_brute_with_trials_that_were_added_from_another_study(tmp_path: Path) -> None:
    """Their parameters are in another order."""
    study = study_of(tmp_path / "log", sampler=Brute(1))
    kind, size = CategoricalDistribution(["conv", "rnn", "none"]), IntDistribution(2, 8, step=2)
    study.add_trial(
        optuna.create_trial(params={"size": 4, "kind": "conv"}, distributions={"size": size, "kind": kind}, value=0.0)
    )
    found = asked_one_by_one(tmp_path / "log", Chosen("brute"), with_a_branch, POINTS - 1)
    assert {"kind": "conv", "size": 4} not in [point for point, _ in found]
    assert len({repr(point) for point, _ in found}) == POINTS - 1


def test_cmaes_keeps_nothing_in_the_study_and_unpickles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "dumps", None)
    asked_one_by_one(tmp_path / "log", Chosen("cmaes", {"population": 4}), smooth, 12)
    assert all(trial.system_attrs == {} for trial in study_of(tmp_path / "log").trials)


def test_cmaes_chooses_the_numbers_that_all_trials_have(tmp_path: Path) -> None:
    """A category, and what only some trials have, is chosen at random; all of their values turn up."""

    def mixed(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("kind", ["conv", "rnn"]) == "conv":
            trial.suggest_int("filters", 1, 3)
        return (trial.suggest_float("x", 0, 1) - 0.7) ** 2

    found = asked_one_by_one(tmp_path / "log", Chosen("cmaes", {"seed": 1, "population": 4}), mixed, 40)
    assert {point["kind"] for point, _ in found[-15:]} == {"conv", "rnn"}
    assert {point["filters"] for point, _ in found if "filters" in point} == {1, 2, 3}
    assert max(value for _, value in found[-5:]) < 0.01


def test_cmaes_learns_from_pruned_trials_and_not_from_failed_ones(tmp_path: Path) -> None:
    """Pruned trials are bad ones, however good the little that they reported."""
    study = study_of(tmp_path / "log", direction="maximize")
    space = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}

    def add(x: float, state: TrialState, value: float | None) -> None:
        steps = {1: 100.0} if state == TrialState.PRUNED else {}
        for y in (0.2, 0.4, 0.6, 0.8):
            study.add_trial(
                optuna.create_trial(
                    params={"x": x, "y": y}, distributions=space, value=value, state=state, intermediate_values=steps
                )
            )

    for _ in range(6):
        add(0.9, TrialState.PRUNED, 100.0)
        add(0.1, TrialState.COMPLETE, 0.5)
        add(0.5, TrialState.FAIL, None)
    chosen = []
    for number in range(20):
        study.sampler = sampler(Chosen("cmaes", {"seed": 3, "population": 8}), number)
        chosen.append(study.ask(space).params["x"])
    assert mean(chosen) < 0.25


@pytest.mark.parametrize("running", [1, 12])
def test_cmaes_with_many_that_run_at_the_same_time(running: int, tmp_path: Path) -> None:
    study = optuna.create_study()
    space: dict[str, optuna.distributions.BaseDistribution] = {f"x{number}": FloatDistribution(0, 1) for number in range(4)}
    under_way: list[optuna.Trial] = []
    for number in range(200):
        study.sampler = sampler(Chosen("cmaes", {"seed": 1}), number)
        under_way.append(study.ask(space))
        if len(under_way) == running:
            trial = under_way.pop(number % running)
            study.tell(trial, sum((value - 0.3) ** 2 for value in trial.params.values()))
    assert study.best_value < 0.005  # at random it is 0.02


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(1, 8),
        IntDistribution(2, 8, step=3),
        IntDistribution(1, 1000, log=True),
        FloatDistribution(0.1, 0.7, step=0.2),
        FloatDistribution(1e-5, 1e-1, log=True),
        FloatDistribution(-3, 5),
    ],
)
def test_places_of_values(distribution: IntDistribution | FloatDistribution) -> None:
    axis = Axis(distribution)
    for part in range(101):
        value = axis.value(part / 100)
        assert distribution._contains(value)
        assert isinstance(value, int if isinstance(distribution, IntDistribution) else float)
        assert axis.value(axis.place(value)) == pytest.approx(value)
    assert (axis.value(0), axis.value(1)) == pytest.approx((distribution.low, distribution.high))


def test_cmaes_of_one_number(tmp_path: Path) -> None:
    found = asked_one_by_one(
        tmp_path / "log", Chosen("cmaes", {"seed": 1}), lambda trial: (trial.suggest_int("n", 1, 50) - 40) ** 2, 30
    )
    assert min(value for _, value in found) <= 1
    assert isinstance(sampler(Chosen("cmaes"), 1), Cma)
