"""What a search begins with, what it is made of, and how it is ended early: warm starts, conditions, goals, pruners."""

import json
from typing import Any

import pytest
from sweep import curved
from sweep.curved import BASE as CURVED
from sweep.curved import with_curved
from sweep.named_sweeps import Sweeps, share
from sweep.searches import RIGHT, SECONDS, definition, facts, finished, results, study_of, trial_files

from daisy.folder import ModelFolder


def last(sweeps: Sweeps) -> Any:
    return sweeps.launched.sweeps[-1].path


def test_a_warm_start_knows_the_models_of_before(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3,17', seed: '1,2'}}}}")
    assert sweeps.launch("g").code == 0
    assert sweeps.launch("g", f"{SECONDS}=0.3").code == 0  # other models: they are left out
    models = len(sweeps.trained())
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,10)'", 3, "repeat: 2, warm_start: true"))
    foreseen = sweeps.launch("s", "--dry-run")
    assert "2 points, of 4 models that are done" in foreseen.out and "not in the space" in foreseen.out
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert "2 points, of 4 models that are done" in done.out
    assert f"6 left out: another {SECONDS}" in done.out or f"4 left out: another {SECONDS}" in done.out
    assert len(sweeps.trained()) == models + 6
    study = study_of(last(sweeps))
    warm = [one for one in study.trials if "models" in one.user_attrs]
    assert {one.params[RIGHT]: one.value for one in warm} == {2: pytest.approx(share(2)), 3: pytest.approx(share(3))}
    assert all(len(one.user_attrs["models"]) == 2 for one in warm) and len(finished(study)) == 3
    assert {one.params[RIGHT] for one in finished(study)}.isdisjoint({2, 3})
    before = facts(study)
    rebuilt = sweeps.daisy("sweeps", "rebuild", "-1")
    assert rebuilt.code == 0, rebuilt.err
    assert "5 complete" in rebuilt.out and facts(study_of(last(sweeps))) == before
    kept = json.loads((last(sweeps) / "trials" / "warm_start.json").read_text())
    assert len(kept["points"]) == 2 and all(one["why"] for one in kept["left_out"])


def test_a_part_of_the_space_holds_under_its_condition(sweeps: Sweeps) -> None:
    node = definition("seed: '1,2'", 8, f"when: {{seed=1: {{{RIGHT}: '2,3'}}, seed=2: {{{RIGHT}: '4,5,6'}}}}")
    sweeps.write("s", node)
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert sorted(sweeps.trained()) == [(2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]


def test_several_goals_have_a_front(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '2,9,16'", 3, "goal: {accuracy: maximize, bytes: minimize}"))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    study = study_of(last(sweeps))
    assert [one.values[0] for one in study.best_trials] and all(len(one.values) == 2 for one in study.trials)
    refused = sweeps.launch("s", "sweep.pruner=median", "sweep.extend=true")
    assert refused.code == 2 and "goal" in refused.one_line


def test_a_pruner_ends_what_will_not_be_the_best(sweeps: Sweeps) -> None:
    with_curved(sweeps)
    base = "defaults: [{override /framework: curved}, {override /dataset: tiny}]\ntrain: {epochs: 6}\n"
    pruner = "pruner: {name: median, startup_trials: 2}, measure: dev_accuracy"
    node = definition("framework.options.right: '16,15,3,2,14'", 5, pruner)
    sweeps.write("s", node.replace("random", "brute"), base)  # with this seed 16 comes first
    done = sweeps.launch("s", "env.max_running=1")
    assert done.code == 0, done.err + done.out
    states = {trial["point"]["framework.options.right"]: result for trial, result in by_trial(sweeps)}
    pruned = {best for best, result in states.items() if result["state"] == "pruned"}
    assert pruned and pruned <= {2, 3, 14, 15} and 16 not in pruned
    for best in pruned:
        assert "dev_accuracy" in states[best]["reason"] and states[best]["accuracy"] is not None
    study = study_of(last(sweeps))
    told = {one.params["framework.options.right"]: one for one in study.trials}
    assert {best for best, one in told.items() if one.state.name == "PRUNED"} == pruned
    assert all(len(told[best].intermediate_values) < 6 for best in pruned)
    assert told[16].intermediate_values[6] == pytest.approx(16 / 18, abs=1e-3)
    before = facts(study)
    assert sweeps.daisy("sweeps", "rebuild", "-1").code == 0
    assert facts(study_of(last(sweeps))) == before


@pytest.mark.parametrize(("pruner", "repeat"), [("none", 1), ("median", 2)])
def test_what_another_search_has_pruned_is_trained_where_nothing_would_prune_it(sweeps: Sweeps, pruner: str, repeat: int) -> None:
    """Of a trial's models only the first is pruned: the mean is of models that were trained to their end."""
    with_curved(sweeps)
    sweeps.write("g", f"{{kind: list, jobs: ['{RIGHT}=17 seed={repeat}']}}", curved.BASE)
    assert sweeps.launch("g").code == 0
    [path] = sweeps.launched.project.models()
    folder = ModelFolder(path)
    folder.write_result({**folder.read_result(), "state": "pruned", "accuracy": 0.1})
    node = definition(f"{RIGHT}: '16,17'", 2, f"pruner: {pruner}, repeat: {repeat}")
    sweeps.write("s", node, curved.BASE)
    done = sweeps.launch("s")
    assert done.code == 0, done.err + done.out
    told = {one.params[RIGHT]: one.value for one in finished(study_of(last(sweeps)))}
    assert told == {right: pytest.approx(right / 18, abs=1e-3) for right in (16, 17)}
    assert len(sweeps.launched.project.models()) == 1 + 2 * repeat


def test_an_extended_search_may_have_another_measure(sweeps: Sweeps) -> None:
    """A loss is compared with losses, not with the accuracies that trials before told."""
    with_curved(sweeps)
    node = definition(f"{RIGHT}: '17,16'", 1, "pruner: {name: median, startup_trials: 1}")
    sweeps.write("s", node, curved.BASE)
    assert sweeps.launch("s").code == 0
    sweeps.write("s", node.replace("trials: 1", "trials: 2", 1).replace("pruner:", "measure: loss, pruner:"), curved.BASE)
    extended = sweeps.launch("s", "sweep.extend=true")
    assert extended.code == 0, extended.err
    study = study_of(last(sweeps))
    told = {
        one.user_attrs["trial"]: (one.state.name, [value < 0 for value in one.intermediate_values.values()])
        for one in study.trials
    }
    assert told == {1: ("COMPLETE", []), 2: ("COMPLETE", [True] * 4)}
    before = facts(study)
    assert sweeps.daisy("sweeps", "rebuild", "-1").code == 0 and facts(study_of(last(sweeps))) == before


def by_trial(sweeps: Sweeps) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The trials' files, each with the result of its first model."""
    models = {}
    for result, path in zip(results(sweeps.launched.project.root / "models"), sweeps.launched.project.models(), strict=True):
        place = json.loads((path / "daisy" / "config.json").read_text())["sweep"]
        models[place["number"]] = result
    return [(trial, models[trial["number"]]) for trial in trial_files(last(sweeps))]


def test_again_is_no_word_for_a_search(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '2,3'", 2))
    refused = sweeps.launch("s", "again=true")
    assert refused.code == 2 and "again=true: a search asks for its models itself" in refused.one_line


def test_a_key_is_searched_or_repeated_or_given(sweeps: Sweeps) -> None:
    sweeps.write("s", definition("seed: '1,2'", 2, "repeat: 2"))
    assert "seed is in sweep.space and in sweep.repeat" in sweeps.launch("s").one_line
    sweeps.write("s", definition(f"{RIGHT}: '1,2'", 2))
    assert f"{RIGHT}=3" in sweeps.launch("s", f"{RIGHT}=3").one_line


def test_an_interval_of_a_number_has_ends_that_are_numbers(sweeps: Sweeps) -> None:
    """Hydra 1.3 draws any number from interval(0,1), 1.4 whole ones: so it is said what is meant."""
    nested = f"seed=1: {{{RIGHT}: '3,4', when: {{{RIGHT}=3: {{{SECONDS}: 'interval(start=0,end=1)'}}}}}}"
    first, deeper = definition(f"{SECONDS}: 'interval(0,1)'", 2), definition("seed: '1,2'", 2, f"when: {{{nested}}}")
    for node, told in ((first, "interval(0,1)"), (deeper, "interval(start=0,end=1)")):
        sweeps.write("s", node)
        refused = sweeps.launch("s")
        assert refused.code == 2 and f"{SECONDS}: {told} has only whole numbers" in refused.one_line
    assert sweeps.launched.sweeps == []
    sweeps.write("s", deeper.replace("end=1)", "end=1.0)"))
    shown = sweeps.launch("s", "--dry-run").out
    assert f"{SECONDS}  interval(start=0,end=1.0)  when seed=1 {RIGHT}=3" in shown and f"{RIGHT}    3,4  when seed=1" in shown


def test_a_point_that_no_model_can_be_made_of_is_a_failed_trial(sweeps: Sweeps) -> None:
    """Which of its points an architecture refuses is known only when it is composed: two kernels make no three layers."""
    base = "defaults: [{override /framework: arcadio}, {override /dataset: tiny}]\n"
    small = "arch: {filters: 8, hidden: 8, embedding: 8, kernel: [2, 3]}\ntrain: {epochs: 1}\n"
    sweeps.write("s", definition("arch.layers: '2,3'", 2), base + small)
    done = sweeps.launch("s")
    assert done.code == 1 and "1 point could not be trained" in done.out
    told = {one.params["arch.layers"]: one.state.name for one in study_of(last(sweeps)).trials if one.user_attrs.get("trial")}
    assert told == {2: "COMPLETE", 3: "FAIL"}
    [refused] = [trial for trial in trial_files(last(sweeps)) if trial["refused"]]
    assert refused["point"] == {"arch.layers": 3} and "arch.kernel" in refused["refused"]
    before = facts(study_of(last(sweeps)))
    assert sweeps.daisy("sweeps", "rebuild", "-1").code == 0 and facts(study_of(last(sweeps))) == before
    [settled] = (last(sweeps) / "claimed").glob("*@settled.json")
    since = settled.stat().st_mtime_ns
    assert sweeps.launch("s").code == 0 and settled.stat().st_mtime_ns == since  # no job comes to the same once more


def test_a_pruner_that_could_end_nothing_is_refused_before_anything_is_made(sweeps: Sweeps) -> None:
    with_curved(sweeps)
    node = definition("framework.options.right: '2,3'", 2, "pruner: {name: asha, min_resource: 4}, measure: dev_accuracy")
    sweeps.write("s", node, CURVED)
    for more in (["--dry-run"], []):
        refused = sweeps.launch("s", *more)
        assert refused.code == 2 and "min_resource=4 lets each trial train for that many epochs" in refused.one_line
    assert sweeps.launched.sweeps == []
