"""The learning curves among the pictures of a search."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from monitor.rows import ROW

from daisy.configuration import Project
from daisy.configuration.overrides import Parser
from daisy.configuration.project import shipped_folder
from daisy.folder import TrialFile
from daisy.monitor.plots import Plot, plots
from daisy.monitor.seen import SeenBase, SeenModel, SeenTrial
from daisy.sweep.space_parts import read_space
from daisy.sweep.trials import Trial

KERNEL = "arch.kernel"
GOAL = {"name": "dev_accuracy", "direction": "maximize"}


def curves(tmp_path: Path, epoch: int | None) -> Plot:
    """Of three trials, told at the steps 1000 and 2000; the framework is in this epoch, if it tells epochs."""
    space = read_space(Parser(Project(tmp_path, shipped_folder()), Path("/")), {KERNEL: "range(2,9)"}, {}, "sweeps/x.yaml")
    trials = [_trial(number, epoch) for number in (1, 2, 3)]
    base = SeenBase(0, [], {"accuracy": "maximize"}, 3, trials, 0, 0, None, [])
    return next(plot for plot in plots(base, space, str) if plot.title == "learning curves")


def _trial(number: int, epoch: int | None) -> SeenTrial:
    point, value = {KERNEL: number + 1}, number / 10
    file = TrialFile(number, 0, 0.0, point, point, [], measure=GOAL)
    model = SeenModel(ROW.model_id, "done", 9.0, 8.0, {"accuracy": value}, True, replace(ROW, epoch=epoch))
    return SeenTrial(Trial(file, "done", [value], "", (), {1000: value / 2, 2000: value}), "done", [model], ["accuracy"])


def as_page(plot: Plot) -> str:
    """The page with this picture alone."""
    pytest.importorskip("plotly", reason="plotly not installed: pip install 'daisy-launcher[plot]'")
    from daisy.monitor.page import page

    text, left_out = page("x", [("", [plot])])
    assert not left_out
    return text


def as_svg(plot: Plot) -> str:
    """The same as one picture, whose text is text."""
    pytest.importorskip("matplotlib", reason="matplotlib not installed: pip install 'daisy-launcher[plot]'")
    from matplotlib import pyplot

    from daisy.monitor.picture import picture

    with pyplot.rc_context({"svg.fonttype": "none"}):
        content, left_out = picture([("", [plot])], "svg")
    assert not left_out
    return content.decode()


@pytest.mark.parametrize(("epoch", "unit", "other"), [(3, "epoch", "update"), (None, "update", "epoch")])
@pytest.mark.parametrize(("drawn", "label"), [(as_page, r'"title":\{{"text":"{}"\}}'), (as_svg, r">{}</text>")])
def test_they_go_by_what_the_framework_tells(
    tmp_path: Path, epoch: int | None, unit: str, other: str, drawn: Callable[[Plot], str], label: str
) -> None:
    text = drawn(curves(tmp_path, epoch))
    assert re.search(label.format(unit), text) and not re.search(label.format(other), text)
