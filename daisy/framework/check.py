"""Whether an adapter can honour a configuration: all that can be known before anything starts."""

from dataclasses import dataclass
from pathlib import Path

from daisy.configuration import Configuration
from daisy.dataset import SPLITS
from daisy.errors import ConfigurationError
from daisy.framework.checkpoint import Checkpoint
from daisy.framework.contract import Adapter, Command, Form, Paths
from daisy.framework.description import Description
from daisy.framework.options import Options, refuse_unused, unused


@dataclass(frozen=True)
class Checked:
    """The keys that an adapter did not read; its form and commands, as if all folders were /nonexistent."""

    unused: list[str]
    answers: tuple[Form | None, Command, Command]


def check_adapter(
    adapter: Adapter, configuration: Configuration, companion: Path, installed: Description | None = None
) -> Checked:
    """Ask the adapter for all its commands, as if for a training.

    Raises ConfigurationError for an option that was set and that it does not use, and for a value that it can't honour.
    """
    options = Options(configuration, installed)
    nowhere = Path("/nonexistent")
    paths = Paths(
        nowhere / "dataset", nowhere / "form", nowhere / "model_out", companion, nowhere / "source", dict.fromkeys(SPLITS, 1000)
    )
    checkpoint = Checkpoint(paths.model_out / "checkpoint")
    form = adapter.form(options, paths)
    train = adapter.train(options, paths, None)
    predict = adapter.predict(options, paths, checkpoint, paths.canonical("dev", "source"), nowhere / "output")
    if configuration.value("train.validate") == "each" and not adapter.keeps_epochs:
        raise ConfigurationError(
            f"train.validate=each: {configuration.framework} keeps no checkpoint of each epoch; use train.validate=best"
        )
    not_read = unused(configuration, options.read)
    refuse_unused(configuration, not_read)
    return Checked(not_read, (form, train, predict))
