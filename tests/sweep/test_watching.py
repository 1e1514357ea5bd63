"""Watching and reading a search: `daisy sweep SWEEP`, and what the other verbs say of it."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sleeper import wait_until
from sweep import curved
from sweep.curved import LABEL, RATE, with_curved
from sweep.named_sweeps import Sweeps, share
from sweep.searches import RIGHT, definition
from terminal import on_a_terminal

from daisy.errors import ConfigurationError
from daisy.folder import ModelFolder, TrialFile, Warm
from daisy.monitor import plots
from daisy.monitor.search_words import short_names
from daisy.monitor.seen import SeenBase, SeenModel, SeenTrial
from daisy.sweep.trials import Trial

PLOTS = ("plotly", "matplotlib")


def told(sweeps: Sweeps, *more: str) -> Any:
    """What `daisy sweep -1 --json` tells."""
    done = sweeps.daisy("sweep", "-1", "--json", *more)
    assert done.code == 0, done.err

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(done.out, parse_constant=refuse)


def screen(sweeps: Sweeps, *more: str) -> str:
    """What `daisy sweep -1` shows."""
    done = sweeps.daisy("sweep", "-1", *more)
    assert done.code == 0, done.err
    return str(done.out)


def table(shown: str) -> list[str]:
    """The lines below the rule, to the next empty one."""
    lines = shown.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("───"))
    return lines[begin + 1 : lines.index("", begin)]


@pytest.fixture
def searched(sweeps: Sweeps) -> Sweeps:
    """A search that is over: of four points one can't be trained."""
    sweeps.write("s", definition(f"{RIGHT}: '-1,3,4,5'", 4))
    assert sweeps.launch("s").code == 1
    return sweeps


@pytest.mark.parametrize("columns", [80, 160])
def test_the_screen_of_a_search(searched: Sweeps, columns: int) -> None:
    project = searched.launched.project
    with on_a_terminal(project, "sweep", "-1", environment=searched.launched.environment, size=(60, columns)) as terminal:
        assert terminal.ended() == 0
        shown = terminal.text.replace("\n\n", "\n")
    assert re.search(r"progress +4 of 4 trials: 3 done, 1 failed\n", shown)
    assert re.search(rf"best +27.8 %  trial \d: {RIGHT}=5\n", shown)
    assert re.search(r"goal +maximize accuracy\n.*sampler +random \(seed 1\)\n.*pruner +none\n", shown)
    assert re.search(rf"space +{RIGHT}  -1,3,4,5\n", shown)
    assert "which keys matter for accuracy  3 trials are done, and it takes 10 to tell" in shown
    assert "failed  1 model: " in shown and "ERROR: this is no good" in shown
    rows = [line for line in shown.splitlines() if re.match(r" *\d  (done|failed)", line)]
    assert len(rows) == 4 and all(len(line) <= columns for line in rows)
    assert {line.split()[1] for line in rows} == {"done", "failed"}
    assert all(("__graded__" in line) == (columns == 160) for line in rows)
    assert re.search(r"`daisy again r\d+__graded__\S+right5\S*` trains one like the best", shown)


def test_what_other_programs_are_told(searched: Sweeps) -> None:
    search = told(searched)
    [base] = search["bases"]
    assert base["states"] == {"done": 3, "failed": 1} and base["count"] == 4 and base["to_come"] == 0
    by_right = {trial["point"][RIGHT]: trial for trial in base["trials"]}
    assert {right: trial["values"] for right, trial in by_right.items() if right > 0} == {
        right: {"accuracy": pytest.approx(share(right), abs=1e-5)} for right in (3, 4, 5)
    }
    assert by_right[-1]["state"] == "failed" and by_right[-1]["values"] == {}
    [best] = base["best"]
    assert best["number"] == by_right[5]["number"] and best["models"] == [by_right[5]["models"][0]["model"]]
    assert search["goal"] == {"accuracy": "maximize"} and search["seconds_left"] is None and search["failures"]
    took = sum(trial["seconds"] for trial in base["trials"])
    assert search["slot_seconds"] == pytest.approx(took) and took > 0.3


def test_the_best_may_come_first_and_only_some_may_be_shown(searched: Sweeps) -> None:
    accuracies = [line.split()[2] for line in table(screen(searched, "--by", "goal"))]
    assert accuracies == ["27.8", "22.2", "16.7", "-"]
    shown = screen(searched, "--last", "1")
    assert table(shown)[0].split()[0] == "4" and "3 more are not shown: --last 4 shows all" in shown


def test_the_best_is_kept_as_a_sweep_of_its_own(searched: Sweeps) -> None:
    before, path = searched.trained(), searched.launched.project.root / "sweeps" / "best.yaml"
    done = searched.daisy("sweep", "-1", "--best", "sweeps/best.yaml")
    assert done.code == 0 and "`daisy -m +sweep=best` launches it" in done.out, done.err
    first = path.read_text().splitlines()[0]
    assert first.startswith("# The best of the search s") and "27.8 %" in first
    again = searched.launch("best")
    assert again.code == 0 and "1 not launched again (1 done)" in again.out, again.err
    assert searched.trained() == before
    written = path.read_text()
    refused = searched.daisy("sweep", "__s", "--best", "sweeps/best.yaml")
    assert refused.code == 2 and "is there already" in refused.one_line and path.read_text() == written


def test_of_several_bases_each_has_a_best_of_its_own(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2, "repeat: {framework.options.seconds: '0.1,0.11'}"))
    assert sweeps.launch("s", "seed=7,8").code == 0
    bases = told(sweeps)["bases"]
    assert [base["base"] for base in bases] == [["seed=7"], ["seed=8"]] and [base["count"] for base in bases] == [2, 2]
    assert [trial["number"] for trial in bases[1]["trials"]] == [3, 4]
    assert sweeps.daisy("sweep", "-1", "--best", "sweeps/best.yaml").code == 0
    before = sweeps.trained()
    assert len(before) == 8
    again = sweeps.launch("best")
    assert again.code == 0 and "4 not launched again (4 done)" in again.out and sweeps.trained() == before


def test_a_choice_of_the_command_line_is_one_of_the_files(sweeps: Sweeps) -> None:
    root = sweeps.launched.project.root
    (root / "conf" / "dataset" / "other.yaml").write_text((root / "conf" / "dataset" / "tiny.yaml").read_text())
    sweeps.write("s", definition(f"{RIGHT}: '2,3'", 2))
    assert sweeps.launch("s", "dataset=other", "seed=4").code == 0
    assert sweeps.daisy("sweep", "-1", "--best", "sweeps/best.yaml").code == 0
    text = (root / "sweeps" / "best.yaml").read_text()
    assert "override /dataset: other" in text and "tiny" not in text and "seed=4" in text
    before = sweeps.trained()
    assert sweeps.launch("best").code == 0 and sweeps.trained() == before


def test_what_was_pruned_and_what_that_has_saved(sweeps: Sweeps) -> None:
    """All at the same epoch, too: those that did not get that far have no figure there."""
    with_curved(sweeps)
    node = definition(f"{RIGHT}: '17,16,15,2,13'", 5, "pruner: {name: median, startup_trials: 1}")
    sweeps.write("s", node.replace("random", "brute"), curved.BASE)  # with this seed 17 comes first
    assert sweeps.launch("s", "env.max_running=1").code == 1
    search = told(sweeps, "--epoch", "3")
    trials = {trial["point"][RIGHT]: trial for trial in search["bases"][0]["trials"]}
    pruned = {right: trial for right, trial in trials.items() if trial["state"] == "pruned"}
    assert pruned and search["pruned"] == len(pruned) and search["measure"]["name"] == "dev_accuracy"
    assert search["saved_seconds"] > 0.1 * len(pruned)  # at least one epoch of three
    for right, trial in trials.items():
        at = trial["at_epoch"]
        assert at["figure"] == "dev_accuracy" and at["epoch"] == 3
        if trial["state"] == "done":
            assert at["value"] == pytest.approx(right / 18 * 3 / 4, abs=1e-3) and trial["epoch"] == 4
            assert trial["reports"]["1"] == pytest.approx(right / 18 / 4, abs=1e-3)
        if right == 13 or (right in pruned and trial["epoch"] < 3):
            assert at["value"] is None
    rows = [line.split() for line in table(screen(sweeps, "--epoch", "3"))]
    figures = [float(row[-1]) for row in ([cell for cell in row if cell.replace(".", "").isdigit()] for row in rows) if row]
    assert len(rows) == 5 and figures
    order = [line.split()[0] for line in table(screen(sweeps, "--epoch", "3"))]
    values = [
        trials_by["at_epoch"]["value"] for number in order for trials_by in trials.values() if str(trials_by["number"]) == number
    ]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True) and values[len(known) :] == [None] * (len(values) - len(known))
    shown = screen(sweeps)
    assert re.search(rf"pruning has saved \d:\d\d \({len(pruned)} models?\)", shown)
    assert "by dev_accuracy" in shown


def test_of_several_goals_the_front_is_told(sweeps: Sweeps) -> None:
    with_curved(sweeps)
    goal = "{accuracy: maximize, edit_distance: minimize}"
    sweeps.write("s", f"{{kind: search, space: {{{RIGHT}: '3,5,13'}}, trials: 3, sampler: brute, goal: {goal}}}", curved.BASE)
    sweeps.launch("s")
    search = told(sweeps)
    [best] = search["bases"][0]["best"]
    assert best["point"] == {RIGHT: 5} and set(best["values"]) == {"accuracy", "edit_distance"}
    assert [one["goal"] for one in search["bases"][0]["importances"]] == ["accuracy", "edit_distance"]
    shown = screen(sweeps)
    assert "1 point, the best in all goals" in shown and re.search(r"accuracy +edit_distance +right", shown)


def test_repeats_are_counted_and_their_mean_is_shown(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,4'", 2, "repeat: 3"))
    assert sweeps.launch("s").code == 0
    shown = screen(sweeps)
    assert "3 models a trial: seed=1, seed=2, seed=3" in shown and shown.count("3 of 3 done") == 2
    trials = told(sweeps)["bases"][0]["trials"]
    assert [len(trial["models"]) for trial in trials] == [3, 3]
    assert all(trial["values"]["accuracy"] == pytest.approx(share(trial["point"][RIGHT]), abs=1e-5) for trial in trials)
    assert all(trial["seconds"] == pytest.approx(sum(model["seconds"] for model in trial["models"])) for trial in trials)


def test_which_keys_matter(sweeps: Sweeps) -> None:
    """The accuracy follows from one of two."""
    with_curved(sweeps)
    space = f"{{{RIGHT}: '1,2,3,4,5,6,14,15,16,17,18,12', {RATE}: 'interval(0.1,0.2)'}}"
    sweeps.write(
        "s", f"{{kind: search, space: {space}, trials: 14, sampler: {{name: random, seed: 3}}}}", curved.BASE.replace("4", "1")
    )
    assert sweeps.launch("s", "env.max_running=4").code == 0
    [found] = told(sweeps)["bases"][0]["importances"]
    assert found["why_none"] is None and found["trials"] == 14
    assert found["shares"][RIGHT] > found["shares"][RATE] and sum(found["shares"].values()) == pytest.approx(1)
    shown = screen(sweeps)
    assert "which keys matter for accuracy  PED-ANOVA of 14 trials" in shown and re.search(rf"{RIGHT} +\d+% +█", shown)
    assert "which keys matter" not in screen(sweeps, "--no-importances")


def test_while_it_runs(sweeps: Sweeps) -> None:
    """Nothing is done yet: what runs, what is to come, and what the other verbs say."""
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition("framework.options.seconds: '60,61,62,63,64,65'", 5))
    launched = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=2", environment=sweeps.launched.environment)
    sweeps.launched.started.append(launched)
    wait_until(lambda: len(sweeps.launched.told()) == 2, "two that run")
    search = told(sweeps)
    [base] = search["bases"]
    assert base["states"] == {"running": 2} and base["to_come"] == 3 and base["best"] == []
    assert (search["running"], search["waiting"], search["seconds_left"], search["why_waiting"]) == (2, 3, None, None)
    shown = screen(sweeps)
    assert re.search(r"progress +0 of 5 trials; 2 running, 3 to come\n", shown) and "none yet: no trial is done" in shown
    assert "daisy again" not in shown
    assert sweeps.daisy("list").out.count("the next trial") == 3
    place = sweeps.daisy("show", f"{sweeps.launched.sweeps[0].sweep_id}/5").out
    assert "the next trial, known when a job asks for it" in place and "waiting (for a slot)" in place
    plotted = sweeps.daisy("sweep", "-1", "--plot", "x.html")
    assert plotted.code == 2 and ("nothing to draw yet" in plotted.one_line or "daisy-launcher[plot]" in plotted.one_line)
    kept = sweeps.daisy("sweep", "-1", "--best", "x.yaml")
    assert kept.code == 2 and "no best one yet" in kept.one_line
    launched.send_signal(signal.SIGTERM)
    launched.communicate(timeout=120)
    assert re.search(r"waits +its launcher is gone: `daisy resume", screen(sweeps))


def test_watching_goes_on_until_ctrl_c(searched: Sweeps) -> None:
    project = searched.launched.project
    with on_a_terminal(project, "sweep", "-1", "--watch", environment=searched.launched.environment) as terminal:
        terminal.until(r"progress +4 of 4 trials")
        assert terminal.interrupt() == 0


def test_a_search_that_has_ended_early_has_as_many_models_as_it_asked_for(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(10,19)'", 9, "target: 0.5, repeat: 2"))
    done = sweeps.launch("s", "env.max_running=1")
    assert done.code == 0 and "2 done" in done.out, done.err
    shown = screen(sweeps)
    assert re.search(r"progress +1 of 9 trials: 1 done; 8 not asked for\n +over +its target is reached", shown)
    [row] = json.loads(sweeps.daisy("sweeps", "--json").out)
    assert row["count"] == 2 and row["states"] == {"done": 2}
    place = sweeps.daisy("show", f"{sweeps.launched.sweeps[0].sweep_id}/9").out
    assert "not asked for (its target is reached" in place


def test_what_somebody_has_cancelled_is_cancelled(sweeps: Sweeps) -> None:
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition("framework.options.seconds: '60,61,62'", 3))
    launched = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=1", environment=sweeps.launched.environment)
    sweeps.launched.started.append(launched)
    wait_until(lambda: sweeps.launched.told(), "one that runs")
    assert sweeps.daisy("cancel", f"{sweeps.launched.sweeps[0].sweep_id}/3", "--yes").code == 0
    assert re.search(r"0 of 3 trials; 1 running, 1 to come, 1 cancelled before they were asked for", screen(sweeps))
    [row] = json.loads(sweeps.daisy("sweeps", "--json").out)
    assert row["count"] == 3 and row["states"] == {"running": 1, "waiting": 1, "cancelled": 1}


def test_a_damaged_trial_is_a_warning(searched: Sweeps) -> None:
    trial = searched.launched.sweeps[0].path / "trials" / "00002.json"
    trial.write_text(trial.read_text()[:100])
    done = searched.daisy("sweep", "-1")
    assert done.code == 0 and done.err.startswith("daisy: warning: ") and "00002.json can't be read" in done.err
    assert len(table(done.out)) == 3
    (searched.launched.sweeps[0].path / "trials" / "00077.json").write_text(trial.with_name("00001.json").read_text())
    assert "trial 77 is none of this search" in searched.daisy("sweep", "-1").err


def test_a_lost_study_is_no_matter(searched: Sweeps) -> None:
    before = told(searched)
    (searched.launched.sweeps[0].path / "study.log").unlink()
    assert told(searched) == before


def test_what_is_for_searches_is_refused_of_others(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3'}}}}")
    assert sweeps.launch("g").code == 0
    for option in (("--plot", "x.html"), ("--best", "x.yaml"), ("--epoch", "2"), ("--watch",), ("--by", "goal")):
        refused = sweeps.daisy("sweep", "-1", *option)
        assert refused.code == 2 and f"{option[0]} is for searches" in refused.one_line


def test_pictures(sweeps: Sweeps) -> None:
    """In three formats; a name that looks like markup, or like a formula, is a name. A file that is there is replaced."""
    if missing := [name for name in PLOTS if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed: pip install 'daisy-launcher[plot]'")
    with_curved(sweeps)
    labels = "choice('<img src=x onerror=alert(1)>','$x^{','</script><b>y')"
    space = f'{{{RIGHT}: "range(5,12)", {LABEL}: "{labels}"}}'
    pruner = "pruner: {name: median, startup_trials: 3}"
    sweeps.write("s", f"{{kind: search, space: {space}, trials: 12, sampler: {{name: random, seed: 3}}, {pruner}}}", curved.BASE)
    assert sweeps.launch("s", "env.max_running=4").code == 0
    root = sweeps.launched.project.root
    marks = {"html": b"<!doctype html>", "png": b"\x89PNG", "svg": b"<?xml"}
    for form, mark in marks.items():
        (root / f"x.{form}").write_text("what was there")
        done = sweeps.daisy("sweep", "-1", "--plot", f"x.{form}")
        assert done.code == 0 and not done.err, done.err
        assert "(5 pictures)" in done.out or "(4 pictures)" in done.out
        assert (root / f"x.{form}").read_bytes().startswith(mark)
    page = (root / "x.html").read_text()
    assert "<img src=x" not in page and "</script><b>" not in page and "Plotly.newPlot" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert "&lt;img src=x" in page or "\\u0026lt;img src=x" in page


def test_what_can_not_be_drawn_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"ends in \.html, \.png, \.svg"):
        plots.check(tmp_path / "x.pdf")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"needs plotly, not installed here: pip install 'daisy-launcher\[plot\]'"):
        plots.check(tmp_path / "x.html")


@pytest.mark.parametrize(("goal", "so_far"), [("accuracy", 0.5), ("edit_distance", 2.0), ("seconds", None), ("bytes", None)])
def test_what_a_model_has_cost_until_it_was_ended_is_no_goal_so_far(goal: str, so_far: float | None) -> None:
    goals = {"accuracy": 0.5, "edit_distance": 2.0, "seconds": 3.0, "bytes": 1000.0}
    ended = SeenModel("m", "pruned", 4.0, 3.0, goals, is_own=True, row=None)
    trial = Trial(TrialFile(1, 0, 0.0, {}, {}, []), "pruned", None, "", [])
    assert SeenTrial(trial, "pruned", [ended], [goal]).so_far == so_far


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_nothing_is_better_than_the_front(values: Sequence[tuple[int, int]]) -> None:
    known = [Warm(0, {}, {"n": number}, pair, [str(number)]) for number, pair in enumerate(values)]
    base = SeenBase(0, [], {"accuracy": "maximize", "bytes": "minimize"}, 0, [], 0, 0, None, known)
    front = {tuple(best.values.values()) for best in base.best}

    def is_better(one: Sequence[float], other: Sequence[float]) -> bool:
        return one != other and one[0] >= other[0] and one[1] <= other[1]

    assert front == {pair for pair in values if not any(is_better(other, pair) for other in values)}
    assert len(front) == len(base.best)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["arch.kernel", "train.learning_rate"], {"arch.kernel": "kernel", "train.learning_rate": "learning_rate"}),
        (["arch.size", "dataset.size", "seed"], {"arch.size": "arch.size", "dataset.size": "dataset.size", "seed": "seed"}),
        (["a.size (b.x=0.1)", "a.size (b.x=0.2)"], {"a.size (b.x=0.1)": "size (b.x=0.1)", "a.size (b.x=0.2)": "size (b.x=0.2)"}),
    ],
)
def test_names_are_as_short_as_tells_them_apart(names: Sequence[str], short: Mapping[str, str]) -> None:
    assert short_names(names) == short


def test_a_key_is_not_called_what_a_column_is_called_already() -> None:
    assert short_names(["train.seconds", "arch.kernel"], ["seconds"]) == {
        "train.seconds": "train.seconds",
        "arch.kernel": "kernel",
    }


def test_looking_at_a_search_imports_nothing_heavy(searched: Sweeps) -> None:
    assert searched.daisy("sweep", "-1").code == 0  # the env's cache is warm
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "daisy", "sweep", "-1"],
        cwd=searched.launched.project.root,
        env=searched.launched.project.environment(searched.launched.environment),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "it takes 10 to tell" in done.stdout
    imported = {name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}
    assert "rich" in imported and not imported & {"hydra", "omegaconf", "antlr4", "yaml", "pandas", "scipy", "optuna", "submitit"}


def test_how_a_search_ended_is_told_by_its_own_goal(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,5'", 2, "goal: {accuracy: minimize}"))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert re.search(rf"^  best +16.7 %  trial \d: {RIGHT}=3$", done.out, re.MULTILINE)
    assert re.search(r"^  next +daisy sweep s\d+__s$", done.out, re.MULTILINE)


def test_it_is_told_once_or_again_and_again(searched: Sweeps) -> None:
    refused = searched.daisy("sweep", "-1", "--json", "--watch")
    assert refused.code == 2 and "leave one of them out" in refused.one_line


def test_what_earlier_attempts_have_trained_counts(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    folder.daisy.mkdir()
    lines = [
        {"epoch": 1, "seconds": 5.0, "attempt": 1},
        {"epoch": 2, "seconds": 9.5, "attempt": 2},
        {"seconds": 12.0, "attempt": 3},
    ]
    folder.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert [folder.seconds_before(attempt) for attempt in (1, 2, 3)] == [0.0, 5.0, 9.5]
