"""A search in words: what is searched and how, how far it is, what is best, what it costs."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from daisy.configuration.typed import bare
from daisy.framework.lines import visible
from daisy.launch.holding import way_out
from daisy.monitor.seen import Best, SeenBase, SeenSearch
from daisy.monitor.words import duration, lasting, percent, size
from daisy.sweep import Search
from daisy.sweep.chosen import Chosen

ENDED = ("done", "pruned", "failed", "refused", "stopped", "cancelled")  # in this order on the screen
OPEN = ("running", "waiting", "stopped", "unknown")  # likewise; the same command resumes those that do not run any more
MOST_BEST, MOST_IDS = 10, 3  # points of a Pareto front, and models of the best one, that are told
Fact = tuple[str, str]  # a name, and what there is to say; no name: it goes on


def figure_of(name: str, value: float | None) -> str:
    """A figure as people read it: accuracies in percent, seconds and bytes with their units."""
    if value is None:
        return "-"
    if "accuracy" in name:
        return percent(value)
    if name == "seconds":
        return lasting(value)
    if name == "bytes":
        return size(value)
    return f"{value:.2f}" if name == "edit_distance" else f"{value:.4g}"


def value_of(value: Any) -> str:
    """A value of a point, with four digits of what has more: the file of the trial has all."""
    return visible(f"{value:.4g}" if isinstance(value, float) else bare(value))


def short_names(names: Sequence[str], taken: Collection[str] = ()) -> dict[str, str]:
    """The last parts of keys, as many as it takes to tell them apart, also from names that are `taken`.

    What a study adds to a name in brackets stays.
    """
    short: dict[str, str] = {}
    for parts in range(1, 1 + max((name.count(".") + 1 for name in names), default=0)):
        ends = {name: _end(name, parts) for name in names}
        counts = Counter([*ends.values(), *taken])
        short = {**{name: end for name, end in ends.items() if counts[end] == 1}, **short}
    return {name: visible(short.get(name, name)) for name in names}


def _end(name: str, parts: int) -> str:
    key, bracket, rest = name.partition(" (")
    return ".".join(key.split(".")[-parts:]) + bracket + rest


def about(seen: SeenSearch) -> Iterator[Fact]:
    """What is searched, and how."""
    search = seen.search
    yield "goal", ", ".join(f"{direction} {name}" for name, direction in search.goal.items())
    yield "sampler", _chosen(search.sampler)
    if search.prunes:
        by = f", by {seen.measure['name']}" if seen.measure is not None else f", by {search.measure}" if search.measure else ""
        yield "pruner", visible(f"{_chosen(search.pruner)}{by}")
    else:
        yield "pruner", "none"
    for number, line in enumerate(space_in_words(search)):
        yield "" if number else "space", line
    if len(seen.repeats) > 1:
        yield "repeats", visible(f"{len(seen.repeats)} models a trial: {', '.join(' '.join(each) for each in seen.repeats)}")
    for limit, told in (("target", search.target), ("timeout", search.timeout)):
        if told is not None:
            yield limit, f"{duration(told) if limit == 'timeout' else figure_of(next(iter(search.goal)), told)}"


def space_in_words(search: Search) -> list[str]:
    """A line a key, with its values and the condition under which it is searched."""
    parts = list(search.searched())
    width = max((len(key) for key, _, _ in parts), default=0)
    return [visible(f"{key:<{width}}  {values}{f'  when {when}' if when else ''}") for key, values, when in parts]


def progress(base: SeenBase) -> Iterator[Fact]:
    """How far one base is, why it is over, and what is best."""
    ended = Counter(trial.state for trial in base.trials if not trial.trial.is_open)
    still_open = Counter(trial.state for trial in base.trials if trial.trial.is_open)
    told = ", ".join(f"{ended[state]} {state}" for state in ENDED if ended[state])
    text = f"{ended.total()} of {base.count} trial{'' if base.count == 1 else 's'}" + (f": {told}" if told else "")
    going_on = [f"{still_open[state]} {state}" for state in OPEN if still_open[state]]
    left = base.count - len(base.trials) - base.to_come - base.cancelled
    going_on += [f"{base.to_come} to come"] if base.to_come else []
    going_on += [f"{base.cancelled} cancelled before they were asked for"] if base.cancelled else []
    going_on += [f"{left} not asked for"] if left else []
    yield "progress", "; ".join([text, *([", ".join(going_on)] if going_on else [])])
    if base.known:
        models = sum(len(warm.models) for warm in base.known)
        yield "warm start", f"{_count(len(base.known), 'point')} of {_count(models, 'model')} that {_were(models)} trained before"
    if base.repeated:
        yield "repeated", f"{_count(base.repeated, 'point')} that had been tried {_were(base.repeated)} asked for once more"
    if base.over is not None:
        yield "over", visible(base.over)
    yield from the_best(base)


def the_best(base: SeenBase) -> Iterator[Fact]:
    """What is best of one base so far, with its models."""
    if not base.best:
        yield "best", "none yet: no trial is done"
        return
    several = len(base.goal) > 1
    if several:
        one = "1 point, the best in all goals"
        yield "best", one if len(base.best) == 1 else f"{len(base.best)} points, each better than each other one in some goal"
    for number, best in enumerate(base.best[:MOST_BEST]):
        yield "" if number or several else "best", best_in_words(best)
        most = 1 if several else MOST_IDS
        yield from (("", f"  {model}") for model in best.models[:most])
        if len(best.models) > most:
            yield "", f"  ... and {_count(len(best.models) - most, 'other model')}"
    if len(base.best) > MOST_BEST:
        yield "", f"... and {_count(len(base.best) - MOST_BEST, 'other point')}"


def best_in_words(best: Best) -> str:
    """`94.4 %  trial 14: framework.options.right=17 ...`."""
    values = "  ".join(
        figure_of(name, value) if name == "accuracy" else f"{name} {figure_of(name, value)}"
        for name, value in best.values.items()
    )
    where = f"trial {best.number}" if best.number is not None else "known before"
    return visible(f"{values}  {where}: {point_in_words(best.point)}")


def point_in_words(point: Mapping[str, Any]) -> str:
    """A point as it is typed, with all its digits."""
    return " ".join(f"{key}={bare(value)}" for key, value in point.items())


def costs(seen: SeenSearch) -> Iterator[Fact]:
    """What it has taken so far, what pruning has saved, when it will be over, why it does not go on."""
    told = "what pruning has saved is not known" if seen.saved is None else f"pruning has saved {duration(seen.saved)}"
    saved = f"; {told} ({_count(seen.pruned, 'model')})" if seen.pruned else ""
    yield "slots used", f"{duration(seen.seconds)}{saved}"
    if seen.seconds_left is not None:
        yield "left", f"{duration(seen.seconds_left)}, with {min(seen.busy, seen.at_once)} at once as now"
    if seen.held is not None:
        yield "held", visible(f"{seen.held}: {way_out(seen.sweep_id)}")
    elif seen.why_waiting is not None:
        yield "waits", visible(seen.why_waiting)


def _chosen(chosen: Chosen) -> str:
    options = ", ".join(f"{name} {bare(value)}" for name, value in chosen.options.items())
    return visible(f"{chosen.name} ({options})" if options else chosen.name)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def heading(overrides: Sequence[str]) -> str:
    """The overrides of a base, as a title."""
    return visible(" ".join(overrides))
