"""The verbs. Each imports only what it needs: Hydra, pandas and Optuna only where a configuration is composed or analysed."""

from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from daisy.cli import model_verbs, sweep_verbs, tool_verbs, usage
from daisy.cli.app import app
from daisy.errors import ConfigurationError

WITH_VERBS = (model_verbs, sweep_verbs, tool_verbs)  # each adds its own to the app, in this order of --help


def run_verb(arguments: Sequence[str]) -> int:
    """One command line of a verb; the exit code."""
    usage.check(app, arguments)
    try:
        result = app(list(arguments), prog_name="daisy", standalone_mode=False)
    except TyperException as error:
        raise ConfigurationError(usage.told(arguments[0], error.format_message())) from None
    except typer.Abort:
        return 130
    return result if isinstance(result, int) else 0
