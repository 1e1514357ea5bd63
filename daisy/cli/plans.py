"""The plans of many models of one command line: all are composed and checked before one is launched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daisy.configuration import Project
from daisy.configuration.compose import Composer
from daisy.configuration.project import SWEEP
from daisy.configuration.typed import one_line
from daisy.dataset import DownloadBar
from daisy.errors import DaisyError
from daisy.framework.lines import visible
from daisy.launch.planning import Plan, Planner
from daisy.launch.submit_search import AskedSearch
from daisy.launch.warm import WarmStart, WarmStarter
from daisy.sweep import Named, Search

MANY = 1000  # models, that take some seconds


def plans_of(project: Project, composing: Composer, sets: Sequence[Sequence[str]]) -> list[Plan]:
    """A plan for each set of overrides. Raises DaisyError, which says about which of them it is."""
    configurations, plans = [], []
    if len(sets) >= MANY:
        print(f"  composing and checking {len(sets):,} models", flush=True)
    for number, overrides in enumerate(sets, 1):
        with _about(number, sets):
            configurations.append(composing.compose(overrides))
    with DownloadBar() as bar:
        planner = Planner(project, lambda text: print(f"  {visible(text)}", flush=True), bar)
        for number, configuration in enumerate(configurations, 1):
            with _about(number, sets):
                plans.append(planner.plan(configuration))
    return plans


def asked_search(project: Project, composing: Composer, asked: Named, search: Search) -> AskedSearch:
    """A search: for each base a model of each choice of groups in its space. Raises DaisyError."""
    assert asked.space is not None
    samples = [asked.space.overrides(point) for point in asked.space.samples()]
    sets = [[f"+{SWEEP}={asked.name}", *base, *sample, *asked.repeats[0]] for base in asked.bases for sample in samples]
    plans = plans_of(project, composing, sets)
    own = [plans[begin : begin + len(samples)] for begin in range(0, len(plans), len(samples))]
    warm = _warm(project, composing, asked, search, plans[0].configuration.env.models_dir) if search.warm_start else WarmStart()
    return AskedSearch(asked, search, [composing.parser.overrides(base).texts() for base in asked.bases], own, warm)


def _warm(project: Project, composing: Composer, asked: Named, search: Search, models_dir: Path) -> WarmStart:
    assert asked.space is not None
    planner = Planner(project, lambda text: print(f"  {visible(text)}", flush=True))
    starter = WarmStarter(composing, planner, asked.space, asked.repeats, list(search.goal))
    return starter.found(models_dir, [[f"+{SWEEP}={asked.name}", *base] for base in asked.bases])


@contextmanager
def _about(number: int, sets: Sequence[Sequence[str]]) -> Iterator[None]:
    """An error says which of many models it is about."""
    try:
        yield
    except DaisyError as error:
        if len(sets) > 1:
            overrides = one_line(" ".join(sets[number - 1]))
            error.args = (f"none was launched, since of model {number} of {len(sets)} ({overrides}): {error}",)
        raise
