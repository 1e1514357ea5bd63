"""`python -m daisy -m KEY=VALUES ...`: many models from one command line."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from daisy.cli.ending import exit_code, tell_end
from daisy.cli.plans import asked_search, plans_of
from daisy.cli.screen import console, fact
from daisy.configuration import Environment, Project
from daisy.configuration.compose import composer
from daisy.configuration.environment import flag
from daisy.errors import ConfigurationError
from daisy.files import safe_name
from daisy.folder import SweepFolder, find_sweep
from daisy.framework.lines import visible
from daisy.job import Stopped, stoppable
from daisy.launch.local import LocalLauncher
from daisy.launch.planning import Plan
from daisy.launch.recovery import RUNNER
from daisy.launch.resuming import ready, resumed
from daisy.launch.slots import at_once
from daisy.launch.submit import SLURM, Submission, foreseen, launcher_of, submit
from daisy.launch.submit_search import AskedSearch
from daisy.monitor.sweeping import LiveSweep, PlainSweep
from daisy.sweep import Ablation, Named, Origin, Search, asks_for_a_sweep, named, origin_of

MOST_NAMED = 20  # models that are told one by one
LONGEST_NAME = 40  # characters


def launch_sweep(project: Project, texts: Sequence[str], dry_run: bool, wait: bool = False) -> int:
    """Compose, check and submit all the models that a command line asks for, and run them; the exit code.

    On Slurm the prompt comes back as soon as they are submitted, unless somebody wants to `wait`.
    """
    try:
        with stoppable():
            asked = _asked(project, texts)
    except Stopped as stop:
        return nothing_launched(stop)
    if isinstance(asked, AskedSearch):
        from daisy.cli.search import launch_search

        return launch_search(project, asked, name_of(asked.named), dry_run, wait)
    return launch_plans(project, asked.plans, asked.name, dry_run, wait, asked.origin)


def launch_plans(
    project: Project, plans: Sequence[Plan], name: str, dry_run: bool = False, wait: bool = False, origin: Origin | None = None
) -> int:
    """Submit models that can be trained, and run them, or leave that to Slurm; the exit code."""
    try:
        with stoppable():
            if dry_run:
                _show(foreseen(plans, origin))
                return 0
            submission = submit(project, plans, name, sys.argv, origin)
    except Stopped as stop:
        return nothing_launched(stop)
    _tell(submission)
    if submission.named is not None:
        fact(console(), "compared by", f"daisy sweep {submission.named.sweep_id}")
    if submission.stopped is not None and submission.sweep is not None:
        also = "what was submitted runs" if submission.filled is not None else "none of it was begun"
        print(f"daisy: stopped by {submission.stopped.words}; {also}; `daisy resume {submission.sweep.sweep_id}` goes on, `daisy "
              f"cancel {submission.sweep.sweep_id}` takes it away", file=sys.stderr)  # fmt: skip
        return submission.stopped.exit_code
    if submission.filled is not None:
        from daisy.cli.on_slurm import tell_submitted, wait_for

        env = plans[0].configuration.env
        typed = flag(project, env.name, "models_dir", env.models_dir)
        launched = submission.sweep if submission.plans else None  # of a named sweep that is all there nothing is
        tell_submitted(submission.filled, launched, typed)
        own = [launched] if launched is not None else []
        served = [*own, *_trained_by(submission, env.models_dir)] if wait else []
        return max((wait_for(sweep, typed) for sweep in served), default=0)
    if submission.sweep is None or not submission.plans:
        return 0
    return run_sweep(submission.sweep, plans[0].configuration.env)


def _trained_by(submission: Submission, models_dir: Path) -> list[SweepFolder]:
    """The other sweeps in which something of this command waits or runs."""
    places = [there.where for there in submission.skipped if there.state == "waiting"]
    running = [there.folder for there in submission.skipped if there.state == "running" and there.folder is not None]
    places += [str(sweep["id"]) for folder in running if (sweep := folder.read_config().get("sweep"))]
    return [find_sweep(models_dir, sweep_id) for sweep_id in dict.fromkeys(place.partition("/")[0] for place in places)]


def name_of(asked: Named) -> str:
    """What a named sweep's folder is called."""
    return safe_name(asked.name.replace("/", "-")[:LONGEST_NAME])


def nothing_launched(stop: Stopped) -> int:
    """Somebody asked to stop before anything was launched; the exit code."""
    print(f"daisy: stopped by {stop.words} before anything was launched", file=sys.stderr)
    return stop.exit_code


def resume_sweep(env: Environment, wanted: str, wait: bool = False) -> int:
    """`daisy resume SWEEP`: run what waits in it, and what its workers left when they died; the exit code."""
    sweep = find_sweep(env.models_dir, wanted)
    if sweep.info().get("launcher") == SLURM:
        from daisy.cli.on_slurm import tell_submitted, wait_for

        tell_submitted(resumed(sweep), sweep)
        return wait_for(sweep) if wait else 0
    ready(sweep, RUNNER)
    return run_sweep(sweep, Environment.from_json(sweep.info()["env"]))


def run_sweep(sweep: SweepFolder, env: Environment) -> int:
    """Run what waits in a sweep on this host, to its end; the exit code."""
    out = console()
    watcher = (LiveSweep if out.is_terminal else PlainSweep)(sweep, at_once(env), out)
    launcher = LocalLauncher(sweep, env, watcher)
    try:
        ended = launcher.run()
    finally:
        watcher.close()
    tell_end(sweep, ended)
    if launcher.interrupted is not None:
        return 128 + launcher.interrupted
    return exit_code(sweep, ended)


@dataclass(frozen=True)
class _Asked:
    """What a command line asks for: its models, the sweep's name, and the named sweep that they are of."""

    plans: Sequence[Plan]
    name: str
    origin: Origin | None = None


def _asked(project: Project, texts: Sequence[str]) -> "_Asked | AskedSearch":
    """All models, checked before the first one is launched."""
    with composer(project, Path.cwd()) as composing:
        if not asks_for_a_sweep(texts):
            sets = composing.parser.expanded(texts)
            plans = plans_of(project, composing, sets)
            return _Asked(plans, _name(_swept(sets)))
        asked = named(project, composing.parser, texts)
        if isinstance(asked.definition, Search):
            return asked_search(project, composing, asked, asked.definition)
        plans = plans_of(project, composing, asked.sets())
        return _Asked(plans, name_of(asked), _origin(asked, plans))


def _swept(sets: Sequence[Sequence[str]]) -> list[str]:
    """The keys that have several values."""
    values = Counter(text for overrides in sets for text in overrides)
    return [text.partition("=")[0].lstrip("+~") for text in sets[0] if values[text] < len(sets)]


def _origin(asked: Named, plans: Sequence[Plan]) -> Origin:
    if asked.definition.kind == Ablation.kind:
        _check_ablation(asked, plans)
    return origin_of(asked, [planned.identity for planned in plans])


def _check_ablation(asked: Named, plans: Sequence[Plan]) -> None:
    """Raise ConfigurationError where a variant would be the full model once more: it would look as if nothing were lost."""
    repeats = len(asked.repeats)
    for begin in range(0, len(plans), len(asked.variants) * repeats):
        for number, variant in enumerate(asked.variants[1:], 1):
            full, other = plans[begin], plans[begin + number * repeats]
            if full.what_runs == other.what_runs:
                framework, overrides = full.configuration.framework, " ".join(variant.overrides)
                raise ConfigurationError(
                    f"{variant.name} ({overrides}) is the full model itself: {framework} is run with the same commands; take it "
                    "out of the sweep, or let the full model have what it takes away"
                )


def _name(swept: Sequence[str]) -> str:
    """What tells a sweep from others: the keys that have several values."""
    name = "-".join(key.rpartition(".")[2] for key in swept) or "one"
    return safe_name(name[:LONGEST_NAME].strip("-_"))


def _show(submission: Submission) -> None:
    """`--dry-run`: the models that would be launched, and those that would not."""
    _tell(submission)
    plans = submission.plans
    out, width = console(), len(str(len(plans)))
    for number, planned in enumerate(plans, 1):
        out.print(Text(f"{number:>{width}}  {planned.configuration.framework}  {planned.config_id}"), soft_wrap=True)
    if plans and launcher_of(plans) == SLURM:
        from daisy.cli.on_slurm import show_jobs

        show_jobs(plans)
    out.print(Text(f"{len(plans)} model{'' if len(plans) == 1 else 's'}; nothing was launched (--dry-run)", style="dim"))


def _tell(submission: Submission) -> None:
    """What is launched and what is not, and why."""
    out = console()
    for skipped in submission.skipped[:MOST_NAMED]:
        why = f" ({visible(skipped.evidence)})" if skipped.evidence else ""
        out.print(Text.assemble((f"  {skipped.state:<11}", "dim"), f" {skipped.where}{why}"), soft_wrap=True)
    if len(submission.skipped) > MOST_NAMED:
        out.print(Text(f"  ... and {len(submission.skipped) - MOST_NAMED} more", style="dim"))
    if submission.skipped:
        counts = Counter(skipped.state for skipped in submission.skipped)
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        out.print(
            Text(f"{len(submission.skipped)} not launched again ({told}); again=true trains them once more"), soft_wrap=True
        )
    if submission.sweep is not None:
        count = len(submission.plans)
        out.print(
            Text.assemble((submission.sweep.sweep_id, "bold"), f": {count} model{'' if count == 1 else 's'}"), soft_wrap=True
        )
