"""The trials of a search as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from daisy.framework.lines import visible
from daisy.monitor.at_epoch import AtEpoch
from daisy.monitor.columns import Cell, Column, fitting
from daisy.monitor.search_words import figure_of, short_names, value_of
from daisy.monitor.seen import SeenBase, SeenTrial
from daisy.monitor.table import NOTHING, RUNNING, STYLES
from daisy.monitor.words import ago, duration

BEST = "bold green"
NUMBER, GOAL = "number", "goal"
MOST_SHOWN = 30  # trials, unless somebody wants others
OWN = ("state", "models", "epochs", "took", "ended", "model")  # columns that are there whatever is searched
MOST_RANK = 4  # of the last key: those before it stay longer


@dataclass(frozen=True)
class Wanted:
    """Which trials are shown, and in which order: the newest so many (None: all), by `number` or the best first (`goal`)."""

    by: str = NUMBER
    last: int | None = None
    room: int | None = MOST_SHOWN  # no more than so many of them: by number the newest, by goal the best

    def choose(self, base: SeenBase, at: AtEpoch | None) -> list[SeenTrial]:
        """The trials that are shown; the best one and those that are open come before newer ones."""
        newest = list(base.trials)[-self.last :] if self.last is not None else list(base.trials)
        if at is not None or self.by == GOAL:
            ordered = sorted(newest, key=lambda trial: _rank(base, trial, at))
            return ordered[: self.room] if self.room is not None else ordered
        if self.room is None or len(newest) <= self.room:
            return newest
        best = {one.number for one in base.best[:1]}
        first = [trial for trial in newest if trial.trial.is_open] + [trial for trial in newest if trial.number in best]
        others = [trial for trial in reversed(newest) if trial not in first]
        kept = {trial.number for trial in [*reversed(first), *others][: self.room]}
        return [trial for trial in newest if trial.number in kept]


def _rank(base: SeenBase, trial: SeenTrial, at: AtEpoch | None) -> tuple[int, float, int]:
    """Sorts the best first, and behind them all of which nothing is known."""
    if at is not None:
        at_it = at.values.get(trial.number)
        return (1, 0.0, trial.number) if at_it is None else (0, at.sign * -at_it.value, trial.number)
    name, direction = next(iter(base.goal.items()))
    value, group = trial.values.get(name), 0
    if value is None:
        value, group = trial.so_far, 1  # behind those that are done
    if value is None:
        return 2, 0.0, trial.number
    return group, -value if direction == "maximize" else value, trial.number


def columns(base: SeenBase, trials: Sequence[SeenTrial], repeats: int, at: AtEpoch | None) -> list[Column]:
    """The table's columns. Figures in brackets are of trials that are not done: what is known of them so far."""
    best = {one.number for one in base.best}
    keys = _keys(trials)
    names = _names(base, keys)
    return [
        Column("", [Cell(str(trial.number), BEST if trial.number in best else "dim") for trial in trials], right=True),
        Column("state", [Cell(trial.state, _style(trial.state)) for trial in trials]),
        *(_goal(name, place, trials, best) for place, name in enumerate(base.goal)),
        *([_at(at, trials, repeats)] if at is not None else []),
        *(
            Column(names[key], [_value(trial, key) for trial in trials], rank=max(1, MOST_RANK - (len(keys) - 1 - place)))
            for place, key in enumerate(keys)
        ),
        *([Column("models", [Cell(_models(trial)) for trial in trials], rank=5)] if repeats > 1 else []),
        Column("epochs", [Cell(_epochs(trial)) for trial in trials], rank=6, right=True),
        Column("took", [_took(trial) for trial in trials], rank=7, right=True),
        Column("ended", [Cell(ago(trial.ended)) if trial.ended is not None else NOTHING for trial in trials], rank=8),
        Column("model", [Cell(_model(trial)) for trial in trials], rank=9, shrinks=True),
    ]


def not_shown(base: SeenBase, trials: Sequence[SeenTrial], all_columns: Sequence[Column], width: int) -> list[str]:
    """The keys for which a screen has no room: a point without them is none."""
    there = {column.name for column in fitting(all_columns, width)}
    return [key for key, name in _names(base, _keys(trials)).items() if name not in there]


def _keys(trials: Sequence[SeenTrial]) -> list[str]:
    return [*dict.fromkeys(key for trial in trials for key in trial.point)]


def _names(base: SeenBase, keys: Sequence[str]) -> dict[str, str]:
    """What the columns of keys are called: `train.seconds` in whole where the seconds of training are a goal."""
    return short_names(keys, [*base.goal, *OWN])


def _goal(name: str, place: int, trials: Sequence[SeenTrial], best: set[int | None]) -> Column:
    def cell(trial: SeenTrial) -> Cell:
        if name in trial.values:
            return Cell(figure_of(name, trial.values[name]), BEST if trial.number in best else "")
        if place == 0 and trial.so_far is not None:
            return Cell(f"({figure_of(name, trial.so_far)})", "dim")
        return NOTHING

    return Column(visible(name), [cell(trial) for trial in trials], right=True)


def _at(at: AtEpoch, trials: Sequence[SeenTrial], repeats: int) -> Column:
    def cell(trial: SeenTrial) -> Cell:
        value = at.values.get(trial.number)
        if value is None:
            return NOTHING
        of = f" ({value.count} of {repeats})" if value.count < repeats else ""
        return Cell(f"{figure_of(at.name, value.value)}{of}")

    return Column(visible(f"{at.name} at epoch {at.epoch}"), [cell(trial) for trial in trials], right=True)


def _value(trial: SeenTrial, key: str) -> Cell:
    return Cell(value_of(trial.point[key])) if key in trial.point else NOTHING


def _models(trial: SeenTrial) -> str:
    """`2 of 3 done`."""
    done = sum(model.state == "done" for model in trial.models)
    return f"{done} of {len(trial.models)} done" if trial.models else "-"


def _epochs(trial: SeenTrial) -> str:
    epoch, epochs = trial.epochs
    return "-" if epoch is None else f"{epoch}/{epochs}" if epochs else str(epoch)


def _took(trial: SeenTrial) -> Cell:
    if trial.seconds is None:
        return NOTHING
    return Cell(duration(trial.seconds), RUNNING if trial.state == "running" else "")


def _model(trial: SeenTrial) -> str:
    """The first model's id, which stands for the others: they differ in the seed."""
    return next((model.model for model in trial.models if model.model is not None), "-")


def _style(state: str) -> str:
    return STYLES["failed"] if state == "refused" else STYLES.get(state, "")
