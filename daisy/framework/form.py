"""The dataset in a framework's own form: built once, by the adapter and its commands."""

from dataclasses import replace
from pathlib import Path

from daisy import dataset as datasets
from daisy.configuration import Configuration
from daisy.dataset import Dataset
from daisy.errors import TrainingFailed
from daisy.framework.contract import Adapter, Paths
from daisy.framework.interpreter import Interpreter, endable
from daisy.framework.lines import visible
from daisy.framework.log import explained
from daisy.framework.options import Options
from daisy.framework.process import RunningCommand, printed_by


def build_form(
    adapter: Adapter,
    options: Options,
    paths: Paths,
    dataset: Dataset,
    interpreter: Interpreter,
    configuration: Configuration,
) -> Paths:
    """The paths with the folder of the dataset in the framework's form; the canonical folder where it has none of its own.

    Raises TrainingFailed where a command that builds it fails.
    """
    form = adapter.form(options, paths)
    if form is None:
        return paths

    def build(folder: Path) -> None:
        inside = replace(paths, form=folder)
        adapter.write_form(options, inside)
        described = adapter.form(options, inside)
        assert described is not None
        for command in described.commands:
            at = command.folder or folder
            wrapped, end = endable(interpreter.wrap(command, at))
            with RunningCommand(wrapped, command.environment, at, last=end) as running:
                log, ending = printed_by(running)
            log = visible(log)
            if ending is None or not ending.well:
                last = (log.strip().splitlines() or ["it printed nothing"])[-1]
                words = ending.words() if ending is not None else "did not end"
                raise TrainingFailed(
                    f"putting the dataset into the framework's form: {command.arguments[0]} {words}: {last}",
                    explained(adapter, log),
                )

    folder = datasets.framework_form(dataset, configuration.framework, form.key, build, data_dir=configuration.env.data_dir)
    return replace(paths, form=folder)
