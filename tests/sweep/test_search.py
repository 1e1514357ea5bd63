"""Searches, as a person launches them: every job asks for its own trial."""

import json
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import optuna
import pytest
from sleeper import wait_until
from sweep.named_sweeps import BASE, Sweeps, share
from sweep.postgres import IN_A_URL, PASSWORD, running, why_not
from sweep.searches import RIGHT, SECONDS, definition, facts, finished, results, study_of, trial_files

from daisy.folder import SweepFolder
from daisy.folder.trials import Trials
from daisy.launch.elsewhere import in_sweeps


def folder_of(sweeps: Sweeps) -> Path:
    [sweep] = sweeps.launched.sweeps
    return sweep.path


def test_a_search_asks_for_its_trials_and_tells_what_they_came_to(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 6))
    done = sweeps.launch("s")
    assert done.code == 0, done.err + done.out
    folder = folder_of(sweeps)
    rights = [right for right, _ in sweeps.trained()]
    assert len(rights) == len(set(rights)) == 6
    study = study_of(folder)
    assert sorted(one.params[RIGHT] for one in finished(study)) == sorted(rights)
    assert all(one.value == pytest.approx(share(one.params[RIGHT]), abs=1e-5) for one in finished(study))
    assert all(type(one.params[RIGHT]) is int for one in finished(study))
    assert [trial["number"] for trial in trial_files(folder)] == [1, 2, 3, 4, 5, 6]
    assert not list((folder / "waiting").iterdir())


def test_the_same_command_again_trains_nothing_twice(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 5))
    assert sweeps.launch("s").code == 0
    before = {path: path.stat().st_mtime_ns for path in sweeps.launched.project.root.glob("models/r*/daisy/*")}
    again = sweeps.launch("s")
    assert again.code == 0, again.err
    assert len(sweeps.trained()) == 5 and len(sweeps.launched.sweeps) == 1
    assert {path: path.stat().st_mtime_ns for path in sweeps.launched.project.root.glob("models/r*/daisy/*")} == before


def test_a_space_of_three_points_is_tried_three_times(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '2,3,4'", 12).replace("{name: random, seed: 1}", "tpe"))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert sorted(right for right, _ in sweeps.trained()) == [2, 3, 4]
    assert "all points of its space have been tried" in sweeps.launch("s").out


def test_a_range_ends_before_its_end(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(1,4)'", 10))
    assert sweeps.launch("s").code == 0
    assert sorted(right for right, _ in sweeps.trained()) == [1, 2, 3]


def test_a_trial_that_fails_ends_nothing_else(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '-1,3,4,5'", 4))
    assert sweeps.launch("s").code == 1
    study = study_of(folder_of(sweeps))
    states = {one.params[RIGHT]: one.state.name for one in study.trials if one.user_attrs.get("trial")}
    assert states == {-1: "FAIL", 3: "COMPLETE", 4: "COMPLETE", 5: "COMPLETE"}
    assert sweeps.launch("s").code == 0 and len(sweeps.trained()) == 4  # what failed is not tried again


def test_what_fails_alike_at_first_holds_the_search_until_it_is_mended(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(1,19)'", 6))
    program = sweeps.launched.project.root / "frameworks" / "graded" / "graded.py"
    whole = program.read_text()
    program.write_text("raise SystemExit('ERROR: broken')\n")
    held = sweeps.launch("s", "env.max_running=1")
    assert held.code == 1 and "have failed alike" in held.out and "give the same command again" in held.out
    assert len(results(sweeps.launched.project.root / "models")) == 3
    program.write_text(whole)
    done = sweeps.launch("s", "env.max_running=1")
    assert done.code == 0, done.err + done.out
    assert len(finished(study_of(folder_of(sweeps)))) == 6 == len(sweeps.trained()) - 3


def test_repeats_are_within_a_trial_and_its_value_is_their_mean(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 3, "repeat: 2"))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert len(sweeps.trained()) == 6 and len({right for right, _ in sweeps.trained()}) == 3
    assert {seed for _, seed in sweeps.trained()} == {1, 2}
    study = study_of(folder_of(sweeps))
    assert len(study.trials) == 3 and "seed" not in study.trials[0].params
    assert all(one.value == pytest.approx(share(one.params[RIGHT]), abs=1e-5) for one in study.trials)


def test_each_base_has_a_search_of_its_own(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 3))
    done = sweeps.launch("s", "seed=7,8")
    assert done.code == 0, done.err
    assert sorted(seed for _, seed in sweeps.trained()) == [7, 7, 7, 8, 8, 8]
    folder = folder_of(sweeps)
    assert len(finished(study_of(folder))) == len(finished(study_of(folder, 2))) == 3


def test_what_a_grid_has_trained_is_used(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3'}}}}")
    assert sweeps.launch("g").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '2,3,4'", 3))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert sorted(right for right, _ in sweeps.trained()) == [2, 3, 4]
    assert sorted(one.params[RIGHT] for one in finished(study_of(sweeps.launched.sweeps[-1].path))) == [2, 3, 4]


def test_the_study_knows_what_was_there_already(sweeps: Sweeps) -> None:
    """Also where no job of the search trains anything."""
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3'}}}}")
    assert sweeps.launch("g").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '2,3'", 2))
    done = sweeps.launch("s")
    assert done.code == 0, done.err
    assert sorted(one.params[RIGHT] for one in finished(study_of(sweeps.launched.sweeps[-1].path))) == [2, 3]


def test_a_killed_job_takes_nothing_with_it(sweeps: Sweeps) -> None:
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)', {SECONDS}: '60,61'", 4))
    launched = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=3", environment=sweeps.launched.environment)
    sweeps.launched.started.append(launched)
    wait_until(lambda: len(sweeps.launched.told()) == 3, "three that run")
    model = next(path for path in sweeps.launched.project.models())
    os.kill(json.loads((model / "daisy" / "attempts" / "1.json").read_text())["pid"], signal.SIGKILL)
    sweeps.launched.open()
    launched.communicate(timeout=120)
    again = sweeps.launch("s", "env.max_running=3")
    assert again.code == 0, again.err
    study = study_of(folder_of(sweeps))
    assert [one.state.name for one in study.trials] == ["COMPLETE"] * 4 and len(sweeps.trained()) == 4
    assert [result["state"] for result in results(model.parent)] == ["done"] * 4


def test_what_was_cancelled_and_is_resumed_is_in_the_study_once(sweeps: Sweeps) -> None:
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)', {SECONDS}: '60,61'", 2))
    launched = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=1", environment=sweeps.launched.environment)
    sweeps.launched.started.append(launched)
    wait_until(lambda: len(sweeps.launched.told()) == 1, "one that runs")
    assert sweeps.daisy("cancel", folder_of(sweeps).name, "--yes").code == 0
    launched.communicate(timeout=120)
    sweeps.daisy("sweeps", "rebuild", "-1")
    assert {one.state.name for one in study_of(folder_of(sweeps)).trials} == {"FAIL"}
    sweeps.launched.open()
    resumed = sweeps.daisy("resume", folder_of(sweeps).name)
    assert resumed.code == 0, resumed.err
    assert [one.state.name for one in study_of(folder_of(sweeps)).trials] == ["COMPLETE"] * 2


def test_a_slot_that_is_free_asks_at_once(sweeps: Sweeps) -> None:
    """While one model takes long, the other slot goes through all that is left."""
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition(f"{SECONDS}: '0.1,0.2,0.3,0.4,30'", 5, "").replace("{name: random, seed: 1}", "brute"))
    long = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=2", environment=sweeps.launched.environment)
    sweeps.launched.started.append(long)
    ends = lambda: [words for words in sweeps.launched.told() if words[0] == "end"]  # noqa: E731
    wait_until(lambda: len(ends()) == 4, "the four short ones are over")
    begins = lambda: [words for words in sweeps.launched.told() if words[0] == "begin"]  # noqa: E731
    wait_until(lambda: len(begins()) == 5, "the long one has begun, be it the last")
    sweeps.launched.open()
    out, _ = long.communicate(timeout=120)
    assert long.returncode == 0, out.decode()


def test_what_is_edited_meanwhile_changes_no_trial(sweeps: Sweeps) -> None:
    sweeps.launched.gate.unlink()
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 4), f"{BASE}framework: {{options: {{seconds: 1.0}}}}\n")
    launched = sweeps.launched.project.start("-m", "+sweep=s", "env.max_running=1", environment=sweeps.launched.environment)
    sweeps.launched.started.append(launched)
    wait_until(lambda: sweeps.launched.told(), "the first one")
    root = sweeps.launched.project.root
    yaml = root / "conf" / "framework" / "graded.yaml"
    yaml.write_text(yaml.read_text().replace("{options.seconds}", "77"))
    sweeps.write("s", definition(f"{RIGHT}: '100,101'", 4))
    sweeps.launched.open()
    launched.communicate(timeout=120)
    commands = [result["command"] for result in results(root / "models")]
    assert len(commands) == 4 and not any("77" in command for command in commands)
    assert all(right < 19 for right, _ in sweeps.trained())


def test_a_changed_definition_is_refused_and_may_be_extended(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 4))
    refused = sweeps.launch("s")
    assert refused.code == 2 and "sweep.trials: 2, now 4" in refused.one_line and "sweep.extend=true" in refused.one_line
    extended = sweeps.launch("s", "sweep.extend=true")
    assert extended.code == 0, extended.err
    assert len(sweeps.trained()) == 4 and len(finished(study_of(folder_of(sweeps)))) == 4


def test_an_extended_search_may_have_another_space(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,17'", 2))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '17,18', {SECONDS}: '0.1,0.2'", 4))
    extended = sweeps.launch("s", "sweep.extend=true")
    assert extended.code == 0, extended.err
    assert len(trial_files(folder_of(sweeps))) == 4
    told = [set(one.params) for one in finished(study_of(folder_of(sweeps)))]
    assert told == [{RIGHT, SECONDS}] * 2  # what was tried in the old space stays in trials/, and is none of the new one's


def test_what_is_not_searched_must_stay_as_it_was(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2))
    assert sweeps.launch("s").code == 0
    yaml = sweeps.launched.project.root / "conf" / "framework" / "graded.yaml"
    yaml.write_text(yaml.read_text().replace("seconds: 0.1", "seconds: 0.2"))
    refused = sweeps.launch("s")
    assert refused.code == 2 and "framework.options.seconds: 0.1, now 0.2" in refused.one_line


def test_it_stops_when_the_target_is_reached(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(10,19)'", 9, "target: 0.5"))
    done = sweeps.launch("s", "env.max_running=1")
    assert done.code == 0, done.err
    assert len(sweeps.trained()) == 1
    assert "its target is reached (accuracy" in sweeps.launch("s").out


def test_it_stops_when_its_time_is_over(sweeps: Sweeps) -> None:
    base = f"{BASE}framework: {{options: {{seconds: 2.0}}}}\n"
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 15, "timeout: 6"), base)
    sweeps.launched.gate.unlink()
    done = sweeps.launch("s", "env.max_running=1")
    assert done.code == 0, done.err
    assert 1 <= len(sweeps.trained()) < 5
    assert "its time is over (sweep.timeout=6 s)" in sweeps.launch("s", "env.max_running=1").out


def test_another_storage_than_the_journal(sweeps: Sweeps, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 4))
    done = sweeps.launch("s", f"'sweep.storage=\"{url}\"'".strip("'"))
    assert done.code == 0, done.err
    with sqlite3.connect(tmp_path / "studies.db") as database:
        assert database.execute("select count(*) from trials where state = 'COMPLETE'").fetchone() == (4,)
    assert not (folder_of(sweeps) / "study.log").exists()


@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_search_in_a_real_postgresql(sweeps: Sweeps) -> None:
    with running() as server:
        sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 6))
        storage = f"sweep.storage='{server.url}'"
        done = sweeps.launch("s", storage, "env.max_running=3")
        assert done.code == 0, done.err
        study = optuna.load_study(study_name=folder_of(sweeps).name, storage=server.url)
        assert len(finished(study)) == 6 == len(sweeps.trained())
        before = facts(study)
        assert sweeps.daisy("sweeps", "rebuild", "-1").code == 0
        again = optuna.load_study(study_name=folder_of(sweeps).name, storage=server.url)
        assert facts(again) == before
        other = sweeps.launch("s", storage.replace("/postgres'", "/nothere'"))
        assert other.code == 1 and IN_A_URL not in other.one_line and "sweep.storage" in other.one_line
    gone = sweeps.launch("s", storage)
    assert gone.code == 1 and IN_A_URL not in gone.one_line and PASSWORD not in gone.one_line


def test_a_lost_study_is_made_again(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '-1,3,4,5,6'", 3, "repeat: 2"))
    sweeps.launch("s")
    folder = folder_of(sweeps)
    before = facts(study_of(folder))
    (folder / "study.log").unlink()
    assert sweeps.launch("s").code in (0, 1)
    assert facts(study_of(folder)) == before
    assert [one["trial"] for one in before if one["trial"]] != [] and len(trial_files(folder)) == 3


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("{kind: search, trials: 5}", "needs sweep.space"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}}}", "sweep.trials"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: fifty}}", "sweep.trials=fifty"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, samplr: tpe}}", "did you mean sampler?"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, sampler: tep}}", "tpe"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, goal: {{acuracy: maximize}}}}", "accuracy"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, goal: {{accuracy: up}}}}", "maximize or minimize"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, timeout: soon}}", "12h"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, axes: {{seed: '1,2'}}}}", "for sweeps of kind grid"),
        (f"{{kind: search, space: {{{RIGHT}: '1,2'}}, trials: 2, pruner: median}}", "sweep.pruner"),
        ("{kind: search, space: {framework.options.wrong: '1,2'}, trials: 2}", "framework.options.wrong"),
    ],
)
def test_what_is_wrong_in_its_file_is_one_line(sweeps: Sweeps, node: str, told: str) -> None:
    sweeps.write("s", node)
    refused = sweeps.launch("s")
    assert refused.code == 2 and told in refused.one_line
    assert sweeps.launched.sweeps == []


@pytest.mark.parametrize("space", [f"{RIGHT}: '21,22,25'", f"{RIGHT}: 'range(0,19)', {SECONDS}: '0.1,0.2'"])
def test_points_of_before_that_are_not_in_the_new_space_are_left_out_of_the_study(sweeps: Sweeps, space: str) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(space, 4))
    extended = sweeps.launch("s", "sweep.extend=true")
    assert extended.code == 0, extended.err
    assert [one["number"] for one in trial_files(folder_of(sweeps))] == [1, 2, 3, 4]
    assert sorted(one.user_attrs["trial"] for one in finished(study_of(folder_of(sweeps)))) == [3, 4]
    assert sweeps.daisy("sweep", "-1").code == 0


def test_a_command_that_is_killed_while_it_extends_loses_nothing(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after the definition is written: places are missing, and the study is of the old one."""
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 2))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '21,22,25'", 4))
    sweeps.dies_after("write_info", "-m", "+sweep=s", "sweep.extend=true")
    assert len(trial_files(folder_of(sweeps))) == 2
    again = sweeps.launch("s", "sweep.extend=true")
    assert again.code == 0, again.err
    assert sorted(one.user_attrs["trial"] for one in finished(study_of(folder_of(sweeps)))) == [3, 4]
    assert "to_rebuild" not in json.loads((folder_of(sweeps) / "sweep.json").read_text())


def test_a_job_that_dies_between_two_points_leaves_what_it_was_told_to_the_next_one(sweeps: Sweeps) -> None:
    """The first point had been tried. The study says so, and no file yet."""
    sweeps.write("s", definition(f"{RIGHT}: '3,4'", 2))
    assert sweeps.launch("s", "env.max_running=1").code == 0
    folder = folder_of(sweeps)
    (folder / "trials" / "00002.json").unlink()
    study = study_of(folder)
    [first] = [one for one in study.trials if one.user_attrs.get("trial") == 1]
    study.enqueue_trial(first.params)
    asked = study.ask()
    asked.suggest_categorical(RIGHT, [3, 4])
    for key, value in {"repeats": 1, "asked_for": 2, "trial": None}.items():
        asked.set_user_attr(key, value)
    study.tell(asked, first.values)
    waits = folder / "waiting" / "00002.json"
    next((folder / "claimed").glob("00002@*.json")).rename(waits)
    waits.write_text("")
    assert sweeps.launch("s", "env.max_running=1").code == 0
    assert {"parameters": first.params, "of": 1, "values": first.values} in trial_files(folder)[1]["repeated"]


def test_what_was_removed_is_trained_again_and_what_was_cancelled_goes_on(sweeps: Sweeps) -> None:
    """The study has no trial twice then: it is made anew."""
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 4))
    assert sweeps.launch("s").code == 0
    folder = folder_of(sweeps)
    (folder / "trials" / "00002.json").unlink()
    shutil.rmtree(sweeps.launched.project.root / "models" / model_of(folder, 1))
    cancelled = next((folder / "claimed").glob("00004@*.json"))
    shutil.rmtree(sweeps.launched.project.root / "models" / model_of(folder, 4))
    cancelled.rename(folder / "cancelled" / "00004.json")
    (folder / "cancelled" / "00004.json").write_text("")
    again = sweeps.launch("s")
    assert again.code == 0, again.err
    assert [one["number"] for one in trial_files(folder)] == [1, 2, 3, 4]
    before = facts(study_of(folder))
    assert sorted(one["trial"] for one in before if one["trial"]) == [1, 2, 3, 4]
    assert {one["state"] for one in before if one["trial"]} == {"COMPLETE"}
    assert sweeps.daisy("sweeps", "rebuild", "-1").code == 0
    assert facts(study_of(folder)) == before


def model_of(folder: Path, place: int) -> str:
    """The model that a place of a search has become."""
    return str(json.loads(next((folder / "claimed").glob(f"{place:05}@*.json")).read_text())["model"])


def test_who_looks_for_models_that_wait_reads_no_trials_that_are_over(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands, and each job that asks looks."""
    sweeps.write("s", definition(f"{RIGHT}: 'range(0,19)'", 3))
    assert sweeps.launch("s").code == 0
    sweep = SweepFolder(folder_of(sweeps))
    sweep.register("one")
    read: list[int] = []
    monkeypatch.setattr(Trials, "read", lambda self, number: read.append(number))
    assert not in_sweeps(sweep.models_dir, {"1-0"}) and not read
