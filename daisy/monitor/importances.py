"""Which keys of a search matter: how much better trials differ from all trials in each (PED-ANOVA, arXiv:2304.10255)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daisy.errors import DaisyError
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.launch.searching import Searching
from daisy.monitor.columns import Cell, Column
from daisy.monitor.seen import SeenBase
from daisy.sweep.recalled import Goal, Recaller
from daisy.sweep.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

FEWEST = 10  # done trials: of fewer nothing can be said
OTHER_SPACE = "the trials are of another space than the sweep has now"
BEST_SHARE, BEST_AT_LEAST = 0.1, 5  # of the trials: those that are looked at for what they have in common
BAR = 24  # cells of the longest bar
EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Importances:
    """How much each key matters for a goal, as shares of 1, the largest first; else why that is not known.

    `trials` are those that it is told from: done, and of the space that is searched now.
    """

    goal: str
    trials: int
    shares: Mapping[str, float]
    why_none: str | None = None


def importances(space: Space, base: SeenBase) -> list[Importances]:
    """Of each goal of a base."""
    return [_of_goal(space, base, place, name) for place, name in enumerate(base.goal)]


def importances_of(sweep: SweepFolder, base: SeenBase) -> list[Importances]:
    """The same, whatever may be in the way: then that is why there are none."""
    if why := _too_few(_done(base)):
        return [Importances(name, _done(base), {}, why) for name in base.goal]
    try:
        return importances(Searching(sweep).space, base)
    except DaisyError as error:
        return [Importances(name, _done(base), {}, str(error)) for name in base.goal]


def _of_goal(space: Space, base: SeenBase, place: int, name: str) -> Importances:
    from optuna.trial import TrialState

    try:
        study = Recaller(space).study([Goal(place, base.goal[name])], [trial.trial for trial in base.trials], base.known)
        done = len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
        if why := _too_few_now(done, _done(base)):
            return Importances(name, done, {}, why)
        shares = _shares(study, done)
    except Exception as error:  # whatever Optuna can't do with these trials, all else is told
        return Importances(name, _done(base), {}, f"Optuna can't tell: {type(error).__name__}: {error}")
    why = _no_comparison(shares)
    return Importances(name, done, {} if why is not None else shares, why)


def _shares(study: "optuna.Study", done: int) -> Mapping[str, float]:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(study, evaluator=evaluator(done))
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def _no_comparison(shares: Mapping[str, float]) -> str | None:
    """Why shares say nothing of keys; they are those of the keys that all trials have."""
    if not shares:
        return "no key is in all trials"
    if len(shares) == 1:
        return f"all trials have one key only, {next(iter(shares))}: there is nothing to compare it with"
    if max(shares.values()) - min(shares.values()) < 1e-9:
        return "the best trials differ from the others in no key"
    return None


def evaluator(count: int) -> "PedAnovaImportanceEvaluator":
    """What tells how much keys matter, from so many trials; the only one of Optuna's that needs no further package."""
    import optuna

    return optuna.importance.PedAnovaImportanceEvaluator(target_quantile=min(0.5, max(BEST_SHARE, BEST_AT_LEAST / count)))


def _done(base: SeenBase) -> int:
    return sum(bool(trial.values) for trial in base.trials) + len(base.known)


def _too_few(done: int, of: str = "") -> str | None:
    if done >= FEWEST:
        return None
    return f"{done} trial{'' if done == 1 else 's'}{of} {'is' if done == 1 else 'are'} done, and it takes {FEWEST} to tell"


def _too_few_now(done: int, of_any_space: int) -> str | None:
    """Of the space that is searched now; the others were trained before the search was extended."""
    if of_any_space and not done:
        return OTHER_SPACE
    return _too_few(done, " of the space that is searched now" if done < of_any_space else "")


def bars(found: Importances, utf: bool) -> list[Column]:
    """The shares as bars."""
    longest = max(found.shares.values())
    return [
        Column("", [Cell(f"  {visible(name)}") for name in found.shares], shrinks=True),
        Column("", [Cell(f"{share:.0%}") for share in found.shares.values()], right=True),
        Column("", [Cell(bar(share / longest, utf), "cyan") for share in found.shares.values()]),
    ]


def bar(share: float, utf: bool) -> str:
    """A bar: full at 1."""
    eighths = round(share * BAR * 8)
    return (EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip() if utf else "#" * round(share * BAR)
