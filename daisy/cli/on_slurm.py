"""What a person sees of models that run on Slurm: what was submitted, what would be, and how far it is."""

import shlex
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from daisy.cli.ending import exit_code, tell_end
from daisy.cli.screen import console, fact
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.job import Stopped, stoppable
from daisy.launch import lanes, sbatch
from daisy.launch.following import Follower
from daisy.launch.holding import way_out
from daisy.launch.lanes import Filled
from daisy.launch.planning import Plan
from daisy.launch.sbatch import Submitted
from daisy.launch.starting import models_dir_of
from daisy.launch.submit import lanes_of
from daisy.monitor.sweeping import LiveSweep, PlainSweep
from daisy.monitor.words import near

UNFROZEN = "CODE"  # the frozen copies, which a dry run does not make


def tell_submitted(filled: Filled, sweep: SweepFolder | None, typed: str = "") -> None:
    """Which jobs now wait in Slurm's queue, and what to type next; `typed` is what verbs need to find it (` --env NAME`)."""
    out = console()
    tags = set(sweep.info()["tags"]) if sweep is not None else set()
    own = [job for job in filled.submitted if job.tag in tags]
    others = sum(job.tasks for job in filled.submitted) - sum(job.tasks for job in own)
    if sweep is not None:
        fact(out, "submitted", f"{_jobs(own)}; at most {lanes.at_once_of(sweep)} of your models run at once")
    if others:
        fact(out, "", f"{others} job{'' if others == 1 else 's'} for other models that wait already")
    for error in filled.less:
        fact(out, "fewer jobs", f"{error}. Those that are there train all that waits, only not so many at once")
    for error in filled.refused.values():
        fact(out, "warning", f"for other models that wait already: {error}")
    for sweep_id, reason in filled.held.items():
        fact(out, "held", f"{sweep_id} launches no more: {visible(reason)}: {way_out(sweep_id)}")
    if sweep is not None:
        fact(out, "folder", near(sweep.path))
        verbs = (f"list{typed}", f"wait {sweep.sweep_id}{typed}", f"cancel {sweep.sweep_id}{typed}")
        fact(out, "next", "   ".join(f"daisy {verb}" for verb in verbs))


def _jobs(submitted: Sequence[Submitted]) -> str:
    """`9 jobs named daisy-0 to daisy-8`."""
    if not submitted:
        return "no more jobs: those that wait already do it"
    names = sorted({job.lane for job in submitted}, key=lambda name: (len(name), name))
    count = sum(job.tasks for job in submitted)
    return f"{count} job{'' if count == 1 else 's'} named {f'{names[0]} to {names[-1]}' if len(names) > 1 else names[0]}"


def show_jobs(plans: Sequence[Plan]) -> None:
    """`--dry-run`: the sbatch text and the commands for each kind of job. Raises LaunchError where Slurm would not take it."""
    out = console()
    models_dir = models_dir_of(plans[0].configuration)
    counts = Counter(lanes.lanes_for(models_dir, planned.configuration.env.slurm or {}).tag for planned in plans)
    for lane in lanes_of(models_dir, plans):
        folder = models_dir / ".sweeps" / "SWEEP" / "slurm"
        shares = lanes.shares(lane, counts[lane.tag])
        for name, count in list(shares.items())[:1]:
            out.print(Text(f"\nsbatch, for the lane {name}:", style="bold"))
            out.print(Text(visible(sbatch.text_of(lane, name, folder, count)).replace("\\n", "\n").rstrip()), soft_wrap=True)
        if len(shares) > 1:
            others = ", ".join(f"{name} ({count})" for name, count in list(shares.items())[1:])
            out.print(Text(f"and likewise, each with so many tasks: {others}"), soft_wrap=True)
        out.print(Text("\neach task runs:", style="bold"))
        out.print(Text(shlex.join(sbatch.command_of(lane, models_dir / ".code" / UNFROZEN))), soft_wrap=True)
        told = sbatch.check(lane, models_dir, probe=False)
        out.print(Text(f"sbatch --test-only: {told or 'Slurm would take these jobs'}\n", style="dim"), soft_wrap=True)


def wait_for(sweep: SweepFolder, typed: str = "") -> int:
    """Stay with a sweep until all its models have ended; the exit code. Ctrl-C ends the view only."""
    out = console()
    watcher = (LiveSweep if out.is_terminal else PlainSweep)(sweep, lanes.at_once_of(sweep), out)
    try:
        with stoppable():
            ended = Follower(sweep, watcher).run()
    except Stopped as stop:
        watcher.close()
        out.print(Text(f"{sweep.sweep_id} goes on; `daisy wait {sweep.sweep_id}{typed}` shows it again"), soft_wrap=True)
        return stop.exit_code
    finally:
        watcher.close()
    tell_end(sweep, ended, typed)
    return exit_code(sweep, ended)
