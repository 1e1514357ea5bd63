"""Hydra's own multirun, for sweepers that are not ours: Daisy's checks before it, Daisy's words for what goes wrong in it."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import TaskFunction
from omegaconf.errors import OmegaConfBaseException

from daisy.configuration import check
from daisy.configuration.compose import chosen_values, environment_of, hydra, hydra_says
from daisy.configuration.launchers import LAUNCHER, LOCAL, SLURM, check_options, check_place, chosen, is_of_sweepers
from daisy.configuration.model import Environment
from daisy.configuration.overrides import Parser, text_of
from daisy.configuration.project import Project
from daisy.configuration.typed import plain
from daisy.errors import ConfigurationError


def environment_for(project: Project, texts: Sequence[str], cwd: Path) -> Environment:
    """The env that the overrides make. Raises ConfigurationError."""
    return environment_of(project, [text for text in texts if text.lstrip("+~").startswith(("env=", "env."))], cwd)


def overrides_for(project: Project, texts: Sequence[str], env: Environment, cwd: Path) -> list[str]:
    """The overrides as Hydra's multirun takes them, with a launcher of ours. Raises ConfigurationError.

    What has several values is the sweeper's to understand; the keys are checked where no group is chosen by it.
    """
    own = [text for text in texts if is_of_sweepers(text)]
    launcher = chosen(own, LAUNCHER)
    if launcher not in (None, LOCAL, SLURM):
        raise ConfigurationError(f"{LAUNCHER}={launcher}: Daisy's models are launched by {LOCAL} or {SLURM}: choose one of them")
    if launcher is None:
        launcher = LOCAL if env.slurm is None else SLURM
        own.append(f"{LAUNCHER}={launcher}")
    check_place(launcher, env.name, env.slurm)
    check_options(launcher, own)
    parser = Parser(project, cwd)
    given = [parser.for_sweeper(text) for text in texts if not is_of_sweepers(text)]
    choices = [override for override in given if override.key_or_group in parser.options]
    if not any(choice.is_sweep_override() for choice in choices):
        base = chosen_values(project, [text_of(choice) for choice in choices])
        check.keys([override for override in given if override not in choices], base)
    return [*own, *(text_of(override) for override in given)]


def multirun(project: Project, texts: Sequence[str], task_function: TaskFunction, folder: Path) -> None:
    """Run the sweeper that the overrides choose; what it writes goes to `folder`. Raises ConfigurationError.

    This is what hydra.main does, but for the traceback that it prints of each error, and its reading of sys.argv.
    """
    places = [f"hydra.sweep.dir={plain(str(folder))}", "hydra.output_subdir=null", "hydra.mode=MULTIRUN"]
    with hydra(project):
        running = GlobalHydra.instance().hydra
        assert running is not None
        try:
            running.multirun(config_name="config", task_function=task_function, overrides=[*texts, *places])
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigurationError(hydra_says(error)) from error
