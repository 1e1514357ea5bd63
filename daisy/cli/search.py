"""`python -m daisy -m +sweep=NAME` of a search: each of its jobs asks for its own trial."""

import sys
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from daisy.cli.screen import console, fact
from daisy.cli.sweep import nothing_launched, run_sweep
from daisy.configuration import Project
from daisy.configuration.environment import flag
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.job import Stopped, stoppable
from daisy.launch.searching import Searching, up_to_date
from daisy.launch.submit import SLURM, Submission, launcher_of
from daisy.launch.submit_search import AskedSearch, check, known_search, submit_search, warm_for
from daisy.launch.warm import WarmStart, known_to
from daisy.monitor.search_words import space_in_words
from daisy.sweep import origin_of
from daisy.sweep.study import alone

MOST_WHYS = 3


def launch_search(project: Project, asked: AskedSearch, name: str, dry_run: bool, wait: bool) -> int:
    """Submit a search, or go on with the same one, and run it, or leave that to Slurm; the exit code."""
    if dry_run:
        _show(asked)
        return 0
    try:
        with stoppable():
            submission = submit_search(project, asked, name, sys.argv)
    except Stopped as stop:
        return nothing_launched(stop)
    sweep = submission.sweep
    assert sweep is not None
    _settle(sweep)
    _tell(sweep)
    if asked.search.warm_start and (asked.search.extend or not sweep.trials.numbers()):
        _tell_warm(known_to(sweep))
    if submission.stopped is not None:
        print(f"daisy: stopped by {submission.stopped.words}; the same command goes on", file=sys.stderr)
        return submission.stopped.exit_code
    if submission.filled is not None:
        return _on_slurm(project, asked, submission, sweep, wait)
    if not sweep.waiting():
        return 0
    before = _refused(sweep)
    code = run_sweep(sweep, asked.env)
    return max(code, _tell_refused(_refused(sweep)[len(before) :]))


def _refused(sweep: SweepFolder) -> list[str]:
    """Why points could not be trained, of each that could not."""
    return [trial.refused for trial in sweep.trials.all() if trial.refused is not None]


def _tell_refused(whys: Sequence[str]) -> int:
    """Say that there are some; the exit code."""
    for why, count in Counter(whys).most_common(MOST_WHYS):
        points = f"{count} point{'' if count == 1 else 's'} could not be trained"
        fact(console(), "refused", visible(f"{points}: {why}"))
    return 1 if whys else 0


def _on_slurm(project: Project, asked: AskedSearch, submission: Submission, sweep: SweepFolder, wait: bool) -> int:
    from daisy.cli.on_slurm import tell_submitted, wait_for

    env = asked.env
    typed = flag(project, env.name, "models_dir", env.models_dir)
    assert submission.filled is not None
    tell_submitted(submission.filled, sweep if sweep.waiting() else None, typed)
    return wait_for(sweep, typed) if wait else 0


def _settle(sweep: SweepFolder) -> None:
    """What jobs that are gone could not tell the study any more."""
    searching = up_to_date(sweep)
    with alone(sweep):
        for base in range(searching.bases):
            searching.settle(base)


def _tell(sweep: SweepFolder) -> None:
    """What is searched, and how much of it is there."""
    out, searching = console(), Searching(sweep)
    trials, asked = searching.numbering.trials, len(sweep.trials.numbers())
    repeats = f", {searching.numbering.repeats} models each" if searching.numbering.repeats > 1 else ""
    known = f", {asked} of them asked for already" if asked else ""
    told = f": a search of {trials} trial{'' if trials == 1 else 's'}{repeats}{known}"
    out.print(Text.assemble((sweep.sweep_id, "bold"), told), soft_wrap=True)
    for base, why in sweep.over().items():
        about = f"{' '.join(searching.origin.bases[base])}: " if searching.bases > 1 else ""
        fact(out, "over", visible(f"{about}{why}"))
    fact(out, "shown by", f"daisy sweep {sweep.sweep_id}")


def _tell_warm(warm: WarmStart) -> None:
    for number, text in enumerate(warm.told()):
        fact(console(), "" if number else "warm start", visible(text))


def _foreseen(known: SweepFolder | None, asked: AskedSearch) -> WarmStart:
    """What the search would know of earlier models."""
    if known is None:
        return asked.warm
    return warm_for(known, asked) or known_to(known)


def _show(asked: AskedSearch) -> None:
    """`--dry-run`: the space, and what would be tried."""
    check(asked)
    env = asked.env
    known = known_search(env.models_dir, origin_of(asked.named, []), asked) if env.models_dir.is_dir() else None
    out = console()
    space, search = asked.named.space, asked.search
    assert space is not None
    count = space.count()
    points = f"{count:,} points" if count is not None else "a space without end"
    how = f"sampler {search.sampler.name}, pruner {search.pruner.name}"
    out.print(Text(f"{search.trials} trial{'' if search.trials == 1 else 's'} of {points}, {how}"), soft_wrap=True)
    for number, line in enumerate(space_in_words(search)):
        fact(out, "" if number else "space", line)
    if search.warm_start:
        _tell_warm(_foreseen(known, asked))
    for base, own in zip(asked.named.bases, asked.samples, strict=True):
        if base:
            out.print(Text(visible(" ".join(base)), style="bold"), soft_wrap=True)
        for planned in own:
            out.print(Text(f"  such as  {planned.configuration.framework}  {planned.config_id}"), soft_wrap=True)
    if launcher_of(asked.plans) == SLURM:
        from daisy.cli.on_slurm import show_jobs

        show_jobs(asked.plans[:1])
    goes_on = f"; {known.sweep_id} would go on" if known is not None else ""
    out.print(Text(f"nothing was launched (--dry-run){goes_on}", style="dim"), soft_wrap=True)
