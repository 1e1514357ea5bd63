"""Which keys of a search matter: of how many trials that is told, and when it is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from daisy.configuration import Project
from daisy.configuration.overrides import Parser
from daisy.configuration.project import shipped_folder
from daisy.folder import Warm
from daisy.monitor.importances import importances
from daisy.monitor.seen import SeenBase
from daisy.sweep.space import Space
from daisy.sweep.space_parts import read_space

KERNEL, DROPOUT = "arch.kernel", "arch.dropout"


def space_of(tmp_path: Path, keys: Mapping[str, str]) -> Space:
    """A space as a file says it."""
    return read_space(Parser(Project(tmp_path, shipped_folder()), Path("/")), keys, {}, "sweeps/x.yaml")


def base_of(points: Sequence[Mapping[str, float]]) -> SeenBase:
    """With models of these points, whose accuracies follow from the kernel."""
    known = [Warm(0, point, point, [point.get(KERNEL, 0) / 100], [f"r{number}"]) for number, point in enumerate(points)]
    return SeenBase(0, [], {"accuracy": "maximize"}, 0, [], 0, 0, None, known)


def test_trials_of_another_space_do_not_count(tmp_path: Path) -> None:
    """Three of the space that is searched now, and fourteen of before."""
    space = space_of(tmp_path, {KERNEL: "range(2,30)", DROPOUT: "interval(0,0.5)"})
    now = [{KERNEL: number, DROPOUT: number / 70} for number in range(2, 30)]
    before = [{KERNEL: number} for number in range(2, 16)]
    [found] = importances(space, base_of([*now[:3], *before]))
    told = "3 trials of the space that is searched now are done, and it takes 10 to tell"
    assert (found.trials, dict(found.shares), found.why_none) == (3, {}, told)
    [found] = importances(space, base_of([*now[:20], *before]))
    assert found.trials == 20 and set(found.shares) == {KERNEL, DROPOUT}


def test_all_of_another_space(tmp_path: Path) -> None:
    [found] = importances(space_of(tmp_path, {DROPOUT: "0,0.1"}), base_of([{KERNEL: number} for number in range(12)]))
    assert found.trials == 0 and found.why_none == "the trials are of another space than the sweep has now"


def test_of_one_key_there_is_nothing_to_compare(tmp_path: Path) -> None:
    [found] = importances(space_of(tmp_path, {KERNEL: "range(2,30)"}), base_of([{KERNEL: number} for number in range(2, 22)]))
    told = "all trials have one key only, arch.kernel: there is nothing to compare it with"
    assert (dict(found.shares), found.why_none) == ({}, told)
