"""`python -m daisy KEY=VALUE ...`: compose, check, train one model; Hydra's own flags that only show something."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from daisy.configuration import Configuration, Environment, Project, find_project
from daisy.configuration.launchers import LAUNCHER, LOCAL, SLURM, SWEEPER, check_sweepers_overrides, chosen, is_of_sweepers
from daisy.configuration.project import is_of_a_sweep
from daisy.dataset import DownloadBar
from daisy.errors import ConfigurationError, DaisyError
from daisy.folder import Attempt, ModelFolder
from daisy.job import Observer, Outcome, Stopped, Unshaken, run, stoppable
from daisy.launch.planning import Plan, plan
from daisy.launch.slots import Slot, a_slot
from daisy.launch.starting import Launch, already, check_resumable, start, take_up
from daisy.launch.submit import submit_model

HYDRA_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


class Flags(argparse.ArgumentParser):
    """The flags that stand among overrides; a wrong one is an error of ours."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise ConfigurationError(f"{message}; overrides are KEY=VALUE, `daisy --help` shows verbs and flags")


def parser() -> Flags:
    """Hydra's flags that Daisy takes."""
    flags = Flags(add_help=False, allow_abbrev=False)
    flags.add_argument("--cfg", choices=("job", "hydra", "all"))
    flags.add_argument("--package", "-p")
    flags.add_argument("--resolve", action="store_true")
    flags.add_argument("--info", nargs="?", const="all", choices=HYDRA_INFO)
    flags.add_argument("--hydra-help", action="store_true")
    flags.add_argument("--multirun", "-m", action="store_true")
    flags.add_argument("--dry-run", action="store_true")
    flags.add_argument("--wait", action="store_true")
    flags.add_argument("overrides", nargs="*")
    return flags


def run_overrides(arguments: Sequence[str]) -> int:
    """One command line of overrides; the exit code."""
    flags = parser().parse_intermixed_args([*arguments])
    project = find_project(Path.cwd(), os.environ)
    if flags.multirun:
        if flags.cfg or flags.info or flags.package or flags.resolve:
            raise ConfigurationError("-m launches models, --cfg and --info show one configuration: leave one of them out")
        if chosen(flags.overrides, SWEEPER) is not None:
            if flags.dry_run:
                raise ConfigurationError("--dry-run: which models a sweeper takes is known only when it has chosen; leave it out")
            from daisy.cli.sweeper import launch_with_sweeper

            return launch_with_sweeper(project, flags.overrides)
        check_sweepers_overrides(flags.overrides)
        from daisy.cli.sweep import launch_sweep

        return launch_sweep(project, flags.overrides, flags.dry_run, flags.wait)
    from daisy.configuration.compose import compose, composed_yaml

    if flags.cfg in ("hydra", "all") or flags.info or flags.hydra_help:
        if flags.cfg == "hydra" and flags.resolve and chosen(flags.overrides, LAUNCHER) in (LOCAL, SLURM):
            raise ConfigurationError("--cfg hydra shows nothing of env, which these options come from: --cfg all --resolve does")
        # Its checks: Hydra's own messages are long.
        composed_yaml(project, [text for text in flags.overrides if not is_of_sweepers(text)], None, False)
        return _hydra_itself(project, list(arguments))
    check_sweepers_overrides(flags.overrides)
    if flags.cfg is None:
        _check_no_sweep(flags.overrides)
    if flags.cfg == "job":
        sys.stdout.write(composed_yaml(project, flags.overrides, flags.package, flags.resolve))
        return 0
    if flags.package or flags.resolve:
        raise ConfigurationError("--package and --resolve go with --cfg job: add it")
    configuration = compose(project, flags.overrides)
    if configuration.env.slurm is not None:
        return launch_on_slurm(project, configuration, dry_run=flags.dry_run, wait=flags.wait)
    if flags.dry_run or flags.wait:
        flag = "--dry-run" if flags.dry_run else "--wait"
        raise ConfigurationError(f"{flag} goes with -m or env=slurm; `--cfg job` shows what one model's configuration is")
    return launch(project, configuration)


def _check_no_sweep(texts: Sequence[str]) -> None:
    """Raise ConfigurationError where a named sweep is asked for without -m."""
    for text in texts:
        if is_of_a_sweep(text):
            raise ConfigurationError(f"{text}: a sweep is many models: add -m, or --cfg job to see what they are made of")


def launch_on_slurm(
    project: Project,
    configuration: Configuration,
    before: Callable[[Plan], None] | None = None,
    dry_run: bool = False,
    wait: bool = False,
) -> int:
    """Submit one model, which is a sweep of one; the exit code."""
    from daisy.cli.screen import observer
    from daisy.cli.sweep import launch_plans

    try:
        with stoppable(), DownloadBar() as bar:
            planned = plan(project, configuration, observer().stage, bar)
    except Stopped as stop:
        print(f"daisy: stopped by {stop.words} before anything was launched", file=sys.stderr)
        return stop.exit_code
    if before is not None:
        before(planned)
    return launch_plans(project, [planned], "one", dry_run, wait)


def launch(project: Project, configuration: Configuration, before: Callable[[Plan], None] | None = None) -> int:
    """Train the model of a configuration here and now; the exit code. `before` says something of it where it is trained."""
    if configuration.env.slurm is not None:
        return launch_on_slurm(project, configuration, before)
    from daisy.cli.screen import console, observer, told_already

    watcher = observer()
    try:
        with stoppable():
            with DownloadBar() as bar:
                planned = plan(project, configuration, watcher.stage, bar)
            if (there := already(planned)) is not None:  # nothing that a slot is needed for
                told_already(console(), there)
                return 0
            if before is not None:
                with suppress(OSError):  # a screen that has gone away
                    before(planned)
            with a_slot(configuration.env, watcher.stage) as slot:
                launched = start(planned)
                if isinstance(launched, Launch):
                    return train(project, launched.folder, launched.attempt, watcher, slot)
            told_already(console(), launched)
            return 0
    except Stopped as stop:  # before training; after that the job has written it down
        print(f"daisy: stopped by {stop.words}; the same command goes on from here", file=sys.stderr)
        return stop.exit_code


def resume_model(project: Project, folder: ModelFolder, where: Environment | None, force: bool, typed: str) -> int:
    """Go on with a model where it was, or in the env that is named; the exit code. `typed` is what verbs need to find it."""
    from daisy.cli.screen import observer

    check_resumable(folder, force, typed)  # before it waits for a slot
    env = where or Environment.from_json(folder.read_config()["env"])
    if env.slurm is not None:
        from daisy.cli.on_slurm import tell_submitted

        submission = submit_model(project, folder, env, sys.argv)
        assert submission.filled is not None
        tell_submitted(submission.filled, submission.sweep)
        return 0
    watcher = observer()
    with stoppable(), a_slot(env, watcher.stage) as slot:
        return train(project, folder, take_up(folder, force, typed), watcher, slot)


def train(project: Project, folder: ModelFolder, attempt: Attempt, watcher: Observer, slot: Slot) -> int:
    """Train a model in its folder, with a beginning and an end on the screen; the exit code."""
    from daisy.cli.screen import begin, end
    from daisy.configuration.environment import flag

    watcher = Unshaken(watcher)
    with suppress(OSError):  # a screen that has gone away: training does not need it
        begin(folder, attempt.number)
    try:
        outcome: Outcome = run(folder, attempt, project, watcher, slot.descriptor)
    finally:
        watcher.over()
    end(folder, outcome, flag(project, folder.read_config()["env"]["name"], "models_dir", folder.path.parent))
    return outcome.exit_code


def _hydra_itself(project: Project, arguments: list[str]) -> int:
    """What only shows something of Hydra: --info, --hydra-help, --cfg hydra."""
    from hydra import main as hydra_main

    from daisy.configuration.compose import register

    register(project)

    def nothing(_: object) -> None:
        raise DaisyError("Hydra was asked to show something and ran a job: report this as a bug")

    sys.argv = ["daisy", *arguments]
    hydra_main(config_path=str(project.shipped / "conf"), config_name="config", version_base="1.3")(nothing)()
    return 0
