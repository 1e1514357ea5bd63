"""The pictures of a search: Optuna's own, of a study that is made from the folders; as a page or as one picture."""

import html
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from daisy.errors import ConfigurationError, ModelError
from daisy.files import replacing
from daisy.framework.lines import visible
from daisy.monitor.importances import evaluator, importances
from daisy.monitor.search_words import heading, short_names
from daisy.monitor.seen import SeenBase, SeenSearch
from daisy.sweep.definition import Direction
from daisy.sweep.recalled import Goal, Recaller
from daisy.sweep.space import Space
from daisy.sweep.trials import Trial, sign_of

if TYPE_CHECKING:
    import optuna

NEEDS = {".html": "plotly", ".png": "matplotlib", ".svg": "matplotlib"}
EXTRA = "plot"
MOST_GOALS_IN_FRONT = 3
Step = Literal["epoch", "update"]


@dataclass(frozen=True)
class Plot:
    """One picture to be drawn: a function of Optuna's visualization, with what it takes.

    Of learning curves `axis` is what their height means, and `step` what they go by.
    """

    title: str
    function: str
    study: "optuna.Study"
    options: Mapping[str, Any]
    axis: str | None = None
    step: Step = "epoch"


@dataclass(frozen=True)
class Drawn:
    """What was written: the titles, and those that could not be drawn with the reason of each."""

    titles: Sequence[str]
    left_out: Sequence[str]


def check(path: Path) -> None:
    """Raise ConfigurationError where nothing can be written of this kind, or there."""
    package = NEEDS.get(path.suffix.lower())
    if package is None:
        raise ConfigurationError(f"--plot {visible(str(path))}: name a file that ends in {', '.join(NEEDS)}")
    if importlib.util.find_spec(package) is None:
        told = f"--plot {visible(str(path))} needs {package}, not installed here"
        raise ConfigurationError(f"{told}: pip install 'daisy-launcher[{EXTRA}]'")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"--plot {visible(str(path))}: there is no folder {visible(str(path.parent))}; make it first")


def draw(path: Path, seen: SeenSearch, space: Space) -> Drawn:
    """Write the pictures of a search; a file that is there is replaced. Raises ModelError where no trial is done yet."""
    if not any(trial.values for base in seen.bases for trial in base.trials):
        raise ModelError(f"no trial of {seen.sweep_id} is done: there is nothing to draw yet")
    is_page = path.suffix.lower() == ".html"
    text_of = _escaped if is_page else _no_formula
    heading_of = str if is_page else _no_formula  # the page escapes its own
    named = [(heading_of(heading(base.overrides)), list(plots(base, space, text_of))) for base in seen.bases]
    titles = [plot.title for _, own in named for plot in own]
    if is_page:
        from daisy.monitor.page import page

        text, left_out = page(f"{seen.sweep_id}: {', '.join(seen.search.goal)}", named)
        content = text.encode()
    else:
        from daisy.monitor.picture import picture

        content, left_out = picture(named, path.suffix.lower().removeprefix("."))
    if len(left_out) == len(titles):
        raise ModelError(f"none of the pictures of {seen.sweep_id} can be drawn ({left_out[0]}): --json has all figures")
    with replacing(path) as file:
        file.write(content)
    return Drawn(titles, left_out)


def plots(base: SeenBase, space: Space, text: Callable[[str], str]) -> Iterator[Plot]:
    """The pictures of one base: of each goal the history, which keys matter, all points, each key; the front of several goals."""
    trials = [trial.trial for trial in base.trials]
    goals = [_goal(place, name, direction) for place, (name, direction) in enumerate(base.goal.items())]
    names = [text(_unit(name)) for name in base.goal]
    short = short_names([parameter.name for parameter in space.asked], [*base.goal])
    recaller = Recaller(space, lambda name: text(short.get(name, name)), text)
    if not any(trial.values is not None for trial in trials):
        return
    if 1 < len(goals) <= MOST_GOALS_IN_FRONT:
        yield Plot("Pareto front", "plot_pareto_front", recaller.study(goals, trials), {"target_names": names})
    known = {one.goal: one for one in importances(space, base)}
    for goal, name, shown in zip(goals, base.goal, names, strict=True):
        study = recaller.study([goal], trials)
        about = f" ({name})" if len(goals) > 1 else ""
        yield Plot(f"history{about}", "plot_optimization_history", study, {"target_name": shown})
        if known[name].shares:
            options = {"target_name": shown, "evaluator": evaluator(known[name].trials)}
            with_known = recaller.study([goal], trials, base.known)
            yield Plot(f"which keys matter{about}", "plot_param_importances", with_known, options)
        yield Plot(f"all points{about}", "plot_parallel_coordinate", study, {"target_name": shown})
        yield Plot(f"each key{about}", "plot_slice", study, {"target_name": shown})
    yield from _curves(base, trials, recaller, text)


def _curves(base: SeenBase, trials: Sequence[Trial], recaller: Recaller, text: Callable[[str], str]) -> Iterator[Plot]:
    """What the pruner was told, epoch by epoch, or by updates where a framework tells no epochs."""
    measure = next((trial.file.measure for trial in trials if trial.file.measure is not None and trial.reports), None)
    if measure is None:
        return
    factor = sign_of(measure, base.goal) * _factor(measure["name"])

    def told(trial: Trial) -> Mapping[int, float]:
        return {step: factor * value for step, value in trial.reports.items()}

    study = recaller.study([_goal(0, *next(iter(base.goal.items())))], trials, reports=told)
    step: Step = "epoch" if any(trial.epochs[0] is not None for trial in base.trials) else "update"
    yield Plot("learning curves", "plot_intermediate_values", study, {}, text(_unit(measure["name"])), step)


def _goal(place: int, name: str, direction: Direction) -> Goal:
    return Goal(place, direction, _factor(name))


def _factor(name: str) -> float:
    """On pictures as on the screen accuracies are percentages."""
    return 100.0 if "accuracy" in name else 1.0


def _unit(name: str) -> str:
    units = {"seconds": "s", "bytes": "bytes of the checkpoint"}
    unit = "%" if "accuracy" in name else units.get(name)
    return f"{name}, {unit}" if unit else name


def _escaped(text: str) -> str:
    """Text for plotly, which takes `<b>` for a command."""
    return html.escape(text, quote=False)


def _no_formula(text: str) -> str:
    """Text for matplotlib, which takes what is between two of these for a formula."""
    return text.replace("$", r"\$")
