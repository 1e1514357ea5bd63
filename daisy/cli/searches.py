"""`daisy sweep SWEEP` of a search: how far it is, its pictures, its best as a named sweep; `daisy sweeps rebuild SWEEP`."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from daisy.cli.listing import ASK_EVERY, MOST_CAUSES, WATCH_EVERY
from daisy.cli.screen import console, fact
from daisy.errors import ConfigurationError, ModelError
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.launch.evidence import Cluster
from daisy.launch.searching import Searching
from daisy.launch.searching import rebuild as made_again
from daisy.monitor import failures
from daisy.monitor.at_epoch import AtEpoch, at_epoch
from daisy.monitor.columns import lines
from daisy.monitor.importances import Importances, bars, importances_of
from daisy.monitor.search_table import Wanted, columns, not_shown
from daisy.monitor.search_words import Fact, about, best_in_words, costs, heading, progress
from daisy.monitor.searching import see
from daisy.monitor.seen import SeenBase, SeenSearch
from daisy.monitor.words import near

Find = Callable[[SeenBase], Sequence[Importances]]
FAILED = ("failed", "refused")
YAML = ".yaml"  # Hydra knows no other


@dataclass(frozen=True)
class View:
    """What somebody wants to see of a search; `env` is what other verbs need to find it (` --env NAME`)."""

    trials: Wanted = field(default_factory=Wanted)
    epoch: int | None = None
    importances: bool = True
    env: str = ""


def print_search(sweep: SweepFolder, view: View) -> None:
    """What is known of a search. What takes a second to find out comes last: all else is there at once."""
    out, seen = console(), see(sweep, Cluster())
    for part in Screen(out, sweep, view, lambda base: importances_of(sweep, base)).lines(seen):
        out.print(part, soft_wrap=True)
        sys.stdout.flush()
    _warn(seen)


def print_search_json(sweep: SweepFolder, view: View) -> None:
    """The same for other programs."""
    from daisy.monitor.search_json import as_json

    seen = see(sweep, Cluster(), reports=True)
    found = {base.number: importances_of(sweep, base) for base in seen.bases} if view.importances else {}
    at = at_epoch(sweep.models_dir, seen, view.epoch) if view.epoch is not None else None
    told = as_json(seen, found, [group for base in seen.bases for group in _causes(sweep, base)], at)
    sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    _warn(seen)


def watch_search(sweep: SweepFolder, view: View) -> None:
    """Show it again and again, until Ctrl-C: in place on a terminal, one below the other elsewhere."""
    known: dict[tuple[int, int], Sequence[Importances]] = {}

    def importances(base: SeenBase) -> Sequence[Importances]:
        """They change only when one more trial is done."""
        key = (base.number, sum(bool(trial.values) for trial in base.trials))
        if key not in known:
            known[key] = importances_of(sweep, base)
        return known[key]

    out = console()
    screen = Screen(out, sweep, view, importances)
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        live = stack.enter_context(Live(console=out, auto_refresh=False, screen=True)) if out.is_terminal else None
        cluster = Cluster()
        while True:
            seen = see(sweep, cluster)
            if cluster.age > ASK_EVERY:
                cluster = Cluster()  # slurmctld has others to answer, too
            if live is not None:
                live.update(Group(*screen.fitting(seen)), refresh=True)
            else:
                out.print(Group(*screen.lines(seen)), soft_wrap=True)
                sys.stdout.flush()
            time.sleep(WATCH_EVERY)


class Screen:
    """A search as lines."""

    def __init__(self, out: Console, sweep: SweepFolder, view: View, importances: Find) -> None:
        self._out, self._sweep, self._view, self._importances = out, sweep, view, importances
        self._utf = out.encoding.startswith("utf")

    def lines(self, seen: SeenSearch, room: int | None = None) -> Iterator[Text]:
        """All lines; with so much `room` only so many trials of each base."""
        view, wanted = self._view, self._view.trials
        wanted = wanted if room is None else replace(wanted, room=room)
        at = at_epoch(self._sweep.models_dir, seen, view.epoch) if view.epoch is not None else None
        yield Text.assemble((seen.sweep_id, "bold"), f"  search, sweeps/{visible(seen.name)}.yaml")
        yield from _facts([*about(seen), *costs(seen)])
        for base in seen.bases:
            yield Text()
            if base.overrides:
                yield Text(heading(base.overrides), style="bold")
            yield from _facts(progress(base))
            yield from self._trials(base, len(seen.repeats), wanted, at)
            yield from self._failures(base)
            if view.importances:
                yield from self._matters(base)
        yield from self._next(seen)

    def fitting(self, seen: SeenSearch) -> list[Text]:
        """The same, with as many trials as this screen has room for beside all else."""
        width, height = self._out.size
        bare = sum(1 + max(0, line.cell_len - 1) // width for line in self.lines(seen, room=1))
        return list(self.lines(seen, room=1 + max(0, height - bare) // len(seen.bases)))

    def _trials(self, base: SeenBase, repeats: int, wanted: Wanted, at: AtEpoch | None) -> Iterator[Text]:
        trials = wanted.choose(base, at)
        if not trials:
            return
        table, width = columns(base, trials, repeats, at), self._out.width
        yield Text()
        yield from lines(table, width, rule="─" if self._utf else "-")
        if left_out := len(base.trials) - len(trials):
            what = "are not shown" if left_out > 1 else "is not shown"
            yield Text(f"{left_out} more {what}: --last {len(base.trials)} shows all", style="dim")
        if missing := not_shown(base, trials, table, width):
            yield Text(f"there is no room for {', '.join(missing)}: --json has them, or a wider terminal", style="dim")

    def _failures(self, base: SeenBase) -> Iterator[Text]:
        found = _causes(self._sweep, base)
        if found:
            yield Text()
        for group in found[:MOST_CAUSES]:
            yield Text.assemble(("failed  ", "red"), visible(group.words))
            yield from (Text(f"        {visible(line)}", style="dim") for line in group.lines)
        if len(found) > MOST_CAUSES:
            yield Text(f"        ... and {len(found) - MOST_CAUSES} other causes", style="dim")

    def _matters(self, base: SeenBase) -> Iterator[Text]:
        for one in self._importances(base):
            yield Text()
            if one.shares:
                yield Text.assemble((f"which keys matter for {one.goal}", "bold"), (f"  PED-ANOVA of {one.trials} trials", "dim"))
                yield from list(lines(bars(one, self._utf), self._out.width))[2:]
            else:
                yield Text.assemble((f"which keys matter for {one.goal}", "bold"), (f"  {visible(one.why_none or '')}", "dim"))

    def _next(self, seen: SeenSearch) -> Iterator[Text]:
        """What to type next: with the best model of the first base that has one."""
        best = next((one for base in seen.bases for one in base.best if one.models), None)
        if best is not None:
            yield Text()
            yield Text(f"`daisy again {best.models[0]}{self._view.env}` trains one like the best", style="dim")


def _facts(facts: Iterable[Fact]) -> Iterator[Text]:
    for name, told in facts:
        yield Text.assemble((f"  {name:<12}", "dim"), told)


def _causes(sweep: SweepFolder, base: SeenBase) -> list[failures.Group]:
    """The failed trials of a base by their causes: models that failed, and points that no model could be made of."""
    rows = [model.row for trial in base.trials for model in trial.models if model.row is not None]
    failed = {row.model_id for row in rows if row.state == "failed"}
    others = [trial for trial in base.trials if trial.state in FAILED and not any(one.model in failed for one in trial.models)]
    reasons = [(f"trial {trial.number}", trial.trial.reason) for trial in others]
    return [*failures.causes(sweep.models_dir, rows), *failures.trials(reasons)]


def _warn(seen: SeenSearch) -> None:
    for warning in seen.warnings:
        print(f"daisy: warning: {visible(warning)}", file=sys.stderr)


def draw_search(sweep: SweepFolder, path: Path) -> None:
    """`--plot FILE`. Raises ConfigurationError and ModelError where that can't be."""
    from daisy.monitor import plots

    plots.check(path)
    seen = see(sweep, Cluster(), reports=True)
    drawn = plots.draw(path, seen, Searching(sweep).space)
    fact(console(), "drawn", f"{near(path)} ({len(drawn.titles) - len(drawn.left_out)} pictures)")
    for why in drawn.left_out:
        print(f"daisy: warning: not drawn: {visible(why)}", file=sys.stderr)
    _warn(seen)


def keep_best(sweep: SweepFolder, path: Path) -> None:
    """`--best FILE`: the best point of each base as a named sweep. Raises ConfigurationError and ModelError."""
    from daisy.files import write_new
    from daisy.sweep.kept import Kept, as_list

    if path.suffix != YAML:
        raise ConfigurationError(f"--best {visible(str(path))}: name a file that ends in .yaml, such as sweeps/best.yaml")
    seen, searching = see(sweep, Cluster()), Searching(sweep)
    kept = [(base, best) for base in seen.bases for best in base.best]
    if not kept:
        raise ModelError(f"no trial of {seen.sweep_id} is done: there is no best one yet")
    own, groups = searching.info["search"]["bases"], searching.composer.parser.options
    points = [Kept(own[base.number], best.point) for base, best in kept]
    what = best_in_words(kept[0][1]) if len(kept) == 1 else f"{len(kept)} points"
    about = f"The best of the search {seen.sweep_id} (sweeps/{seen.name}.yaml): {what}"
    text = as_list(searching.origin, points, groups, about)
    try:
        write_new(path, text)
    except FileExistsError:
        raise ConfigurationError(f"--best {visible(str(path))}: this file is there already; name another one") from None
    except OSError as error:
        raise ConfigurationError(f"--best {visible(str(path))} can't be written ({error.strerror}): name another file") from None
    folder = (searching.project.root / "sweeps").resolve()
    is_there = path.resolve().is_relative_to(folder)
    name = path.resolve().relative_to(folder).with_suffix("").as_posix() if is_there else path.stem
    moved = "" if is_there else "once it is in the project's sweeps/, "
    fact(console(), "written", f"{near(path)}: {moved}`daisy -m +sweep={name}` launches it")


def rebuild_study(sweep: SweepFolder) -> None:
    """Make the study again, and tell what it has. Raises ModelError where nothing is searched, LaunchError while models run."""
    if not sweep.is_search:
        raise ModelError(f"{sweep.sweep_id} is no search: it has no study; `daisy sweep {sweep.sweep_id}` shows what it compares")
    from daisy.sweep.study import told

    searching = made_again(sweep)
    out = console()
    out.print(Text.assemble((sweep.sweep_id, "bold"), ": its study was made again from the folders"), soft_wrap=True)
    for base in range(searching.bases):
        of = " ".join(searching.origin.bases[base]) if searching.bases > 1 else "trials"
        fact(out, of, told(searching.study(base).trials()))
