"""What all verbs share: the command line that they are of, their words, the project and the env that they are about."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from daisy import __version__
from daisy.cli.complete import complete_model
from daisy.configuration import Environment, Project, find_project
from daisy.folder import ModelFolder

app = typer.Typer(
    name="daisy",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="""Compose, train, watch, keep and compare models.

    daisy \\[KEY=VALUE ...]   trains one model: [bold]daisy dataset=cs/finnish arch.kernel=4[/bold]

    daisy -m \\[KEY=VALUE,VALUE ...]   trains many: [bold]daisy -m arch.kernel=2,4,6 seed=1,2,3[/bold]

    daisy \\[KEY=VALUE ...] --cfg job   shows the configuration that this composes to.

    MODEL is a model's id, a unique part of it, -1 for the newest, or SWEEP/17.""",
)

TAKES_A_MODEL = {"ignore_unknown_options": True}  # so that -1 is no option
Model = Annotated[str, typer.Argument(help="Id, unique part of it, -1, or SWEEP/17.", autocompletion=complete_model)]
Sweep = Annotated[str, typer.Argument(help="A sweep's id, a unique part of it, or -1.")]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME|KEY=VALUE",
        help="The env that is meant (default: the project's), or a key of it: models_dir=PATH. May be given again.",
    ),
]


def _version(value: bool) -> None:
    if value:
        print(f"daisy {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of Daisy itself."""


def project_here() -> Project:
    """The project of the current folder."""
    return find_project(Path.cwd(), os.environ)


def environment_of(env: list[str] | None, overrides: Sequence[str] = ()) -> Environment:
    """The env that is meant, without Hydra where it is known already."""
    from daisy.configuration.environment import overridden

    return overridden(project_here(), [*overrides_of_env(env), *overrides], Path.cwd())


def overrides_of_env(words: list[str] | None) -> list[str]:
    """What was given as --env, as overrides."""
    if not words:
        return []  # without Hydra
    from daisy.configuration.keys import KEYS
    from daisy.configuration.typed import plain

    overrides = []
    for word in words:
        name, is_key, value = word.removeprefix("env.").partition("=")
        if is_key and name != "env":
            key = f"env.{name}"
            is_text = key not in KEYS or KEYS[key].kind == "text"  # a number in quotes is none
            overrides.append(f"{key}={plain(value) if is_text and value != 'null' else value}")
        else:
            overrides.append(f"env={value if is_key else name}")
    return overrides


def as_typed(words: list[str] | None) -> str:
    """The same --env for the next command."""
    return "".join(f" --env {shlex.quote(word)}" for word in words or [])


def model_of(wanted: str, env: list[str] | None) -> ModelFolder:
    """The model that is meant. Raises ModelError."""
    from daisy import registry

    return registry.find(environment_of(env).models_dir, wanted, as_typed(env))
