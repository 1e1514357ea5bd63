"""`python -m daisy -m hydra/sweeper=NAME ...`: a sweeper that is not ours chooses the models, and Daisy trains them."""

import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from daisy.cli.ending import tell_end
from daisy.cli.on_slurm import tell_submitted
from daisy.cli.screen import console, fact
from daisy.configuration import Environment, Project
from daisy.configuration.launchers import SWEEPER, chosen
from daisy.configuration.multirun import environment_for, multirun, overrides_for
from daisy.files import safe_name
from daisy.folder import SweepFolder
from daisy.framework.lines import visible
from daisy.job import Stopped, stoppable
from daisy.launch import lanes
from daisy.launch.course import Ended, Watcher
from daisy.launch.hydra_launcher import Models
from daisy.launch.slots import at_once
from daisy.launch.submit import SLURM, Submission
from daisy.monitor.sweeping import LiveSweep, PlainSweep
from daisy.monitor.words import near

FOLDER = ".sweepers"  # in models_dir: what sweepers write
NOTE = "multirun.yaml"


def launch_with_sweeper(project: Project, texts: Sequence[str]) -> int:
    """Let a sweeper choose models, and train them as it asks for them, until it has enough; the exit code."""
    env = environment_for(project, texts, Path.cwd())
    overrides = overrides_for(project, texts, env, Path.cwd())
    name = safe_name((chosen(texts, SWEEPER) or "sweeper").replace("_", "-"))
    # Two that start in the same second have a folder each.
    folder = env.models_dir / FOLDER / f"s{time.time():.0f}__{name}__{secrets.token_hex(3)}"
    screen = BatchScreen(console(), env)
    try:
        with stoppable():
            multirun(project, overrides, Models(project, name, sys.argv, screen), folder)
    except Stopped as stop:
        going_on = f"{screen.on_slurm} goes on, on Slurm; " if screen.on_slurm else ""
        print(f"daisy: stopped by {stop.words}; {going_on}the same command goes on from here", file=sys.stderr)
        return stop.exit_code
    finally:
        _tidy(folder)
    if folder.exists():
        fact(console(), "sweeper", f"what {name} has written is in {near(folder)}")
    return 0


def _tidy(folder: Path) -> None:
    """Remove what a sweeper has left where that is nothing but Hydra's own note of the command line."""
    if folder.is_dir() and [path.name for path in folder.iterdir()] in ([], [NOTE]):
        (folder / NOTE).unlink(missing_ok=True)
        folder.rmdir()
        with suppress(OSError):  # another sweeper's is there
            folder.parent.rmdir()


class BatchScreen:
    """What a person sees of the batches that a sweeper asks for."""

    def __init__(self, out: Console, env: Environment) -> None:
        self._out, self._env = out, env
        self.on_slurm: str | None = None  # the sweep that runs there now

    def stage(self, text: str) -> None:
        """A line."""
        self._out.print(Text(f"  {visible(text)}", style="dim"), soft_wrap=True)

    def submitted(self, submission: Submission) -> None:
        """How many are launched, and how many are there already."""
        if submission.skipped:
            counts = Counter(skipped.state for skipped in submission.skipped)
            told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
            self.stage(f"{len(submission.skipped)} not launched again ({told})")
        if submission.sweep is not None:
            count = len(submission.plans)
            told = f": {count} model{'' if count == 1 else 's'}"
            self._out.print(Text.assemble((submission.sweep.sweep_id, "bold"), told), soft_wrap=True)
        if submission.filled is not None:
            tell_submitted(submission.filled, submission.sweep)
            self.on_slurm = submission.sweep.sweep_id if submission.sweep is not None else None

    @contextmanager
    def watching(self, sweep: SweepFolder) -> Iterator[Watcher]:
        """A live table, or lines."""
        on_slurm = sweep.info().get("launcher") == SLURM
        places = lanes.at_once_of(sweep) if on_slurm else at_once(self._env)
        watcher = (LiveSweep if self._out.is_terminal else PlainSweep)(sweep, places, self._out)
        try:
            yield watcher
        finally:
            watcher.close()

    def over(self, sweep: SweepFolder, ended: Sequence[Ended]) -> None:
        """How many ended how."""
        self.on_slurm = None
        tell_end(sweep, ended)
