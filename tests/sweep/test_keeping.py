"""The best of a search as a file, its pictures, and which options of `daisy sweep SWEEP` go together."""

import json
from pathlib import Path

import pytest
from sweep.named_sweeps import Sweeps
from sweep.searches import RIGHT, SECONDS, definition

from daisy.errors import ModelError
from daisy.monitor import plots


@pytest.fixture
def done(sweeps: Sweeps) -> Sweeps:
    """A search whose trials are done."""
    sweeps.write("s", definition(f"{RIGHT}: '2,3'", 2))
    assert sweeps.launch("s").code == 0
    return sweeps


@pytest.mark.parametrize("space", [f"{RIGHT}: '1,0', {SECONDS}: '0.1,0.11'", f"{SECONDS}: '0.1,0.11'"])
def test_the_best_may_be_of_the_space_of_before(done: Sweeps, space: str) -> None:
    """A point of fewer keys than are searched now, or of more, is kept as it was trained."""
    done.write("s", definition(space, 3))
    assert done.launch("s", "sweep.extend=true").code == 0
    kept = done.daisy("sweep", "-1", "--best", "sweeps/best.yaml")
    assert kept.code == 0, kept.err
    before = done.trained()
    assert done.launch("best").code == 0 and done.trained() == before


def test_a_choice_in_quotes_is_kept_without_them(sweeps: Sweeps) -> None:
    root = sweeps.launched.project.root
    (root / "conf" / "dataset" / "other.yaml").write_text((root / "conf" / "dataset" / "tiny.yaml").read_text())
    sweeps.write("s", definition(f"{RIGHT}: '2,3'", 2))
    assert sweeps.launch("s", "dataset='other'").code == 0
    assert sweeps.daisy("sweep", "-1", "--best", "sweeps/best.yaml").code == 0
    before = sweeps.trained()
    assert sweeps.launch("best").code == 0 and sweeps.trained() == before


def test_a_file_in_a_folder_of_sweeps_is_launched_by_both_names(done: Sweeps) -> None:
    (done.launched.project.root / "sweeps" / "mine").mkdir()
    kept = done.daisy("sweep", "-1", "--best", "sweeps/mine/best.yaml")
    assert "written" in kept.out and "`daisy -m +sweep=mine/best` launches it" in kept.out
    elsewhere = done.daisy("sweep", "-1", "--best", "best.yaml")
    assert "once it is in the project's sweeps/, `daisy -m +sweep=best` launches it" in elsewhere.out
    assert done.launch("mine/best").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sweep", "-1", "--best", "sweeps/x.yml"), "name a file that ends in .yaml"),
        (("sweep", "-1", "--best", "x.yaml", "--last", "2"), "--last is for the screen"),
        (("sweep", "-1", "--plot", "x.html", "--epoch", "1"), "--epoch is for the screen"),
        (("sweep", "-1", "--json", "--by", "goal"), "--json tells all trials"),
        (("sweeps", "rebuild", "-1", "--json"), "leave --json and --available out"),
    ],
)
def test_options_that_do_not_go_together(done: Sweeps, words: tuple[str, ...], told: str) -> None:
    refused = done.daisy(*words)
    assert refused.code == 2 and told in refused.one_line
    assert not (done.launched.project.root / "x.yaml").exists()


def test_a_password_is_told_to_nobody(done: Sweeps) -> None:
    path = done.launched.sweeps[0].path / "sweep.json"
    info = json.loads(path.read_text())
    info["named"]["content"]["sweep"]["storage"] = "postgresql://daisy:secret@host/name"
    path.write_text(json.dumps(info))
    shown = done.daisy("sweep", "-1", "--json", "--no-importances")
    assert shown.code == 0 and "secret" not in shown.out and "daisy:***@host/name" in shown.out


def test_a_heading_is_no_formula(done: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from daisy.launch.evidence import Cluster
    from daisy.launch.searching import Searching
    from daisy.monitor.searching import see

    monkeypatch.setattr(plots, "heading", lambda base: "framework.options.text='$x_$'")
    [sweep] = done.launched.sweeps
    seen, space = see(sweep, Cluster(), reports=True), Searching(sweep).space
    drawn = plots.draw(tmp_path / "x.svg", seen, space)
    assert not [why for why in drawn.left_out if "ParseException" in why or "x_" in why]
    monkeypatch.setattr(plots, "plots", lambda *_: [plots.Plot("nothing", "no_such_function", None, {})])  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"none of the pictures .* can be drawn .*: --json has all figures"):
        plots.draw(tmp_path / "y.svg", seen, space)
    assert not (tmp_path / "y.svg").exists()
