"""What is needed to run a framework's commands for one model, got together from the model's folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daisy import dataset as datasets
from daisy.configuration import Configuration, Project, from_json
from daisy.dataset import Dataset
from daisy.errors import TrainingFailed
from daisy.folder import ModelFolder
from daisy.framework import Adapter, Command, Options, Paths
from daisy.framework.form import build_form
from daisy.framework.interpreter import Interpreter, endable
from daisy.framework.process import RunningCommand
from daisy.framework.ready import choose, ready


@dataclass(frozen=True)
class Toolbox:
    """What is needed to run the framework's commands for one model; `slot` is a descriptor that holds the place to run."""

    folder: ModelFolder
    configuration: Configuration
    adapter: Adapter
    options: Options
    paths: Paths
    interpreter: Interpreter
    dataset: Dataset
    slot: int | None = None

    def start(self, command: Command, held: Sequence[int] = ()) -> RunningCommand:
        """Run a command of the adapter; `held` as for RunningCommand."""
        wrapped, last = endable(self.wrapped(command))
        held = [*held, *([self.slot] if self.slot is not None else [])]
        return RunningCommand(wrapped, command.environment, self._where(command), held=held, last=last)

    def wrapped(self, command: Command) -> list[str]:
        """The argument list that is run for a command."""
        return self.interpreter.wrap(command, self._where(command))

    def _where(self, command: Command) -> Path:
        return command.folder or self.folder.model_out


def equipped(folder: ModelFolder, project: Project, report: Callable[[str], None], slot: int | None = None) -> Toolbox:
    """The toolbox of a model: its framework found, its dataset prepared, also in the framework's form.

    Raises DaisyError where one of these is not there.
    """
    config = folder.read_config()
    configuration = _where_it_is_now(from_json(config), folder, project)
    chosen = choose(project, configuration.values["framework"])
    found = ready(project, chosen, configuration.env)
    options = Options(configuration, found.description)
    dataset = _dataset(configuration, config["dataset"], project, report)
    companion = chosen.file.companion
    paths = Paths(dataset.folder, dataset.folder, folder.model_out, companion, found.source_folder, dataset.sizes)
    paths = build_form(chosen.adapter, options, paths, dataset, found.interpreter, configuration)
    return Toolbox(folder, configuration, chosen.adapter, options, paths, found.interpreter, dataset, slot)


def _where_it_is_now(configuration: Configuration, folder: ModelFolder, project: Project) -> Configuration:
    """A model's env as it was frozen; that of today where the model's folder has been moved since."""
    if configuration.env.models_dir == folder.path.parent:
        return configuration
    from daisy.configuration.environment import environment

    return replace(configuration, env=environment(project, configuration.env.name))


def _dataset(configuration: Configuration, frozen: Mapping[str, Any], project: Project, report: Callable[[str], None]) -> Dataset:
    """The very dataset that the model was configured with, even if its sources were edited since."""
    folder = configuration.env.data_dir / frozen["folder"]
    is_there = folder.is_dir()
    dataset = datasets.load(folder) if is_there else datasets.prepare_for(configuration, project.root, report)
    if dataset.checksum != frozen["checksum"]:
        raise TrainingFailed(
            f"the dataset {dataset.name} is another one than the model was configured with",
            "`daisy again` trains a new model on the dataset as it is now",
        )
    return dataset
