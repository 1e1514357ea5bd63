"""Verbs of what models are trained with: data, frameworks, projects."""

import os
from pathlib import Path
from typing import Annotated

import typer

from daisy.cli.app import Env, app, environment_of, overrides_of_env, project_here
from daisy.errors import ConfigurationError


@app.command()
def data(
    dataset: Annotated[str | None, typer.Argument(help="A dataset: cs/finnish. Without one: the names of all.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Its options: dataset.size=low ...")] = None,
    env: Env = None,
) -> None:
    """Prepare a dataset and show what is in it; or show which datasets there are."""
    from daisy.cli.listing import print_dataset

    if dataset is None:
        print(*project_here().options("dataset"), sep="\n")
        return
    print_dataset(project_here(), dataset, [*(overrides or []), *overrides_of_env(env)])


@app.command()
def frameworks(
    framework: Annotated[str | None, typer.Argument(help="A framework, to be shown with its own options. Without: all.")] = None,
    env: Env = None,
) -> None:
    """Show the frameworks: which of them can be used here, and what they support; or one, and its own options."""
    from daisy.cli.frameworks import print_framework, print_frameworks

    if framework is None:
        print_frameworks(project_here(), environment_of(env))
    else:
        print_framework(project_here(), environment_of(env), framework)


@app.command()
def setup(
    framework: Annotated[str, typer.Argument(help="A framework: nematus, fairseq, ...")],
    overrides: Annotated[list[str] | None, typer.Argument(help="The env that it is for: env=NAME env.KEY=VALUE ...")] = None,
    source: Annotated[Path | None, typer.Option("--source", help="A checkout of it that is there already.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Make again what is there already.")] = False,
    env: Env = None,
) -> None:
    """Make a framework's own Python environment, and try it out."""
    from daisy.cli.frameworks import set_up

    for override in overrides or []:
        if not override.lstrip("+").startswith(("env=", "env.")):
            raise ConfigurationError(
                f"{override}: only env=NAME and env.KEY=VALUE may follow {framework}; write other settings into "
                f"conf/framework/{framework}.yaml"
            )
    set_up(project_here(), environment_of(env, overrides or []), framework, source, dry_run, anew)


@app.command("check-adapter")
def check_adapter(
    adapter: Annotated[str, typer.Argument(help="frameworks/NAME.py, or a framework's name.")],
    log: Annotated[list[Path] | None, typer.Option("--log", help="What a run of the framework printed (run.out).")] = None,
    model_out: Annotated[Path | None, typer.Option("--model-out", help="What a training left.")] = None,
) -> int:
    """Check that an adapter keeps to the contract. Without --log and --model-out, the newest done model's are taken."""
    from daisy.cli.checking import print_check

    return print_check(adapter, log or [], model_out, Path.cwd(), os.environ)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A folder; what is in it already stays as it is.")]) -> None:
    """Make a project: a folder of your own for conf/, sweeps/ and frameworks/."""
    from daisy.cli.init import make_project

    make_project(folder)
