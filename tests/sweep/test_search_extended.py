"""A search that goes on with `sweep.extend=true`, or by the same command once more: what of it changes, and what does not."""

import json
from pathlib import Path

import pytest
from sweep.curved import BASE as CURVED
from sweep.curved import with_curved
from sweep.named_sweeps import Sweeps, share
from sweep.searches import RIGHT, definition, facts, finished, study_of, trial_files

from daisy.errors import FolderError
from daisy.folder import SweepFolder


def last(sweeps: Sweeps) -> Path:
    return Path(sweeps.launched.sweeps[-1].path)


@pytest.mark.parametrize(("before", "now"), [(2, 1), (1, 3)])
def test_a_search_keeps_how_many_models_a_trial_has(sweeps: Sweeps, before: int, now: int) -> None:
    """Its models' numbers go by that."""
    sweeps.write("s", definition(f"{RIGHT}: '3,4'", 1, f"repeat: {before}"))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '3,4'", 2, f"repeat: {now}"))
    refused = sweeps.launch("s", "sweep.extend=true")
    assert refused.code == 2 and f"a trial of {last(sweeps).name} has {before} model" in refused.one_line
    assert "give the sweep another name" in refused.one_line
    assert len(trial_files(last(sweeps))) == 1 and not list((last(sweeps) / "waiting").iterdir())


def test_a_trial_with_too_few_models_is_named(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,4'", 1, "repeat: 2"))
    assert sweeps.launch("s").code == 0
    file = last(sweeps) / "trials" / "00001.json"
    trial = json.loads(file.read_text())
    file.write_text(json.dumps({**trial, "models": trial["models"][:1]}))
    with pytest.raises(FolderError, match=r"trial 1 has 1 model, and is to have 2: move .*00001\.json away"):
        SweepFolder(last(sweeps)).identities()


def test_a_job_makes_the_study_again_that_a_killed_command_left(sweeps: Sweeps) -> None:
    """The command dies when the places of the new space wait already: whoever claims one would ask the study of the old one."""
    sweeps.write("s", definition(f"{RIGHT}: '3,4,5'", 2))
    assert sweeps.launch("s").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '6,7,8'", 5))
    sweeps.dies_after("register", "-m", "+sweep=s", "sweep.extend=true")
    assert json.loads((last(sweeps) / "sweep.json").read_text())["to_rebuild"]
    resumed = sweeps.daisy("resume", last(sweeps).name)
    assert resumed.code == 0, resumed.err + resumed.out
    assert "to_rebuild" not in json.loads((last(sweeps) / "sweep.json").read_text())
    assert sorted(one.params[RIGHT] for one in finished(study_of(last(sweeps)))) == [6, 7, 8]


def test_the_time_of_a_search_goes_on_where_only_extending_it_is_asked_for(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: '3,4,5'", 2, "timeout: 1h"))
    assert sweeps.launch("s").code == 0
    begun = searching_since(sweeps)
    assert sweeps.launch("s", "sweep.extend=true").code == 0 and searching_since(sweeps) == begun
    assert sweeps.launch("s").code == 0 and searching_since(sweeps) == begun
    assert sweeps.launch("s", "sweep.extend=true", "sweep.trials=3").code == 0 and searching_since(sweeps) > begun


def searching_since(sweeps: Sweeps) -> float:
    """The moment from which the timeout counts."""
    info = json.loads((last(sweeps) / "sweep.json").read_text())
    return float(info.get("searching_since", info["created"]))


def test_a_warm_start_may_come_later(sweeps: Sweeps) -> None:
    """The search learns of all that others have trained, and of its own models not a second time."""
    sweeps.write("s", definition(f"{RIGHT}: '2,3,4,5'", 1))
    assert sweeps.launch("s").code == 0
    [(own, _)] = sweeps.trained()
    others = [right for right in (2, 3, 4, 5) if right != own][:2]
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '{others[0]},{others[1]},17'}}}}")
    assert sweeps.launch("g").code == 0
    sweeps.write("s", definition(f"{RIGHT}: '2,3,4,5'", 2, "warm_start: true"))
    for more in (["--dry-run"], [], []):
        extended = sweeps.launch("s", "sweep.extend=true", *more)
        assert extended.code == 0, extended.err
        assert "2 points, of 2 models that are done" in extended.out and "1 left out: not in the space" in extended.out
    search = sweeps.launched.sweeps[0].path
    assert len(json.loads((search / "trials" / "warm_start.json").read_text())["points"]) == 2
    study = study_of(search)
    told = {one.params[RIGHT]: one.value for one in study.trials if "models" in one.user_attrs}
    assert told == {right: pytest.approx(share(right)) for right in others}
    assert sorted(one.params[RIGHT] for one in finished(study)) == sorted({2, 3, 4, 5} - {*others})
    before = facts(study)
    assert sweeps.daisy("sweeps", "rebuild", search.name).code == 0 and facts(study_of(search)) == before


def test_what_no_more_is_asked_of_a_failed_trial_stays_so(sweeps: Sweeps) -> None:
    with_curved(sweeps)
    sweeps.write("s", definition(f"{RIGHT}: '13,14'", 2, "repeat: 2"), CURVED)
    assert sweeps.launch("s", "env.max_running=1").code == 1
    [cancelled] = (last(sweeps) / "cancelled").iterdir()
    since = cancelled.stat().st_ctime_ns  # a rename changes it
    again = sweeps.launch("s", "env.max_running=1")
    assert again.code == 0 and cancelled.stat().st_ctime_ns == since, again.out
    resumed = sweeps.daisy("resume", last(sweeps).name)
    assert resumed.code != 0 and "has no model that waits" in resumed.one_line and cancelled.stat().st_ctime_ns == since


def test_a_search_that_is_over_is_not_resumed(sweeps: Sweeps) -> None:
    sweeps.write("s", definition(f"{RIGHT}: 'range(10,19)'", 4, "target: 0.5"))
    assert sweeps.launch("s", "env.max_running=1").code == 0
    cancelled = sorted(path.name for path in (last(sweeps) / "cancelled").iterdir())
    resumed = sweeps.daisy("resume", last(sweeps).name)
    assert resumed.code != 0 and "has no model that waits" in resumed.one_line
    assert sorted(path.name for path in (last(sweeps) / "cancelled").iterdir()) == cancelled != []
