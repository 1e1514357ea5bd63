"""Verbs of sweeps: how far they are, what they came to, waiting for them, taking them back."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from daisy.cli.app import TAKES_A_MODEL, Env, Sweep, app, as_typed, environment_of, project_here
from daisy.errors import ConfigurationError

REBUILD = "rebuild"


@app.command(context_settings=TAKES_A_MODEL)
def sweeps(
    what: Annotated[str | None, typer.Argument(metavar="[rebuild", help="Make the study of a search again.")] = None,
    sweep: Annotated[str | None, typer.Argument(metavar="SWEEP]", help="Which one's.")] = None,
    available: Annotated[bool, typer.Option("--available", help="Those that can be launched: sweeps/NAME.yaml.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    env: Env = None,
) -> None:
    """Show all sweeps, the newest last, and how far each is; or which named sweeps there are.

    `daisy sweeps rebuild SWEEP` makes the study of a search again from the folders of its trials.
    """
    from daisy.cli.listing import print_sweeps

    if what not in (None, REBUILD):
        told = f"there is only `daisy sweeps {REBUILD} SWEEP`; `daisy sweep {what}` shows one"
        raise ConfigurationError(f"daisy sweeps {what}: {told}")
    if what is not None:
        from daisy.cli.searches import rebuild_study
        from daisy.folder import find_sweep

        if sweep is None:
            raise ConfigurationError(f"daisy sweeps {REBUILD}: SWEEP is missing: name one of those that `daisy sweeps` lists")
        if json or available:
            raise ConfigurationError(f"daisy sweeps {REBUILD} SWEEP makes one study: leave --json and --available out")
        rebuild_study(find_sweep(environment_of(env).models_dir, sweep))
        return

    if available:
        from daisy.cli.comparing import print_available

        print_available(project_here(), json)
        return
    print_sweeps(environment_of(env).models_dir, json)


@app.command(context_settings=TAKES_A_MODEL)
def sweep(
    sweep: Sweep,
    by: Annotated[Literal["number", "goal"] | None, typer.Option(help="The order of a search's trials: the best first.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the newest so many trials of a search.")] = None,
    epoch: Annotated[int | None, typer.Option(min=0, help="Compare the trials of a search at this epoch.")] = None,
    importances: Annotated[
        bool, typer.Option("--importances/--no-importances", help="Which keys of a search matter; takes a second.")
    ] = True,
    plot: Annotated[Path | None, typer.Option(help="Draw a search: FILE.html, FILE.png or FILE.svg.")] = None,
    best: Annotated[Path | None, typer.Option(help="Write the best of a search as a named sweep: sweeps/NAME.yaml.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show a search again every two seconds, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    env: Env = None,
) -> None:
    """Show what a named sweep compares: each variant over its seeds, in an ablation against the full model.

    Of a search: how far it is, what is best, its trials, which of its keys matter.
    """
    from daisy.folder import find_sweep

    found = find_sweep(environment_of(env).models_dir, sweep)
    if not found.is_search:
        from daisy.cli.comparing import print_sweep

        given = {"--by": by, "--last": last, "--epoch": epoch, "--plot": plot, "--best": best}
        given |= {"--watch": watch or None, "--no-importances": None if importances else True}
        if of_searches := [name for name, value in given.items() if value is not None]:
            raise ConfigurationError(f"{of_searches[0]} is for searches, and {found.sweep_id} is none: leave it out")
        print_sweep(found, json)
        return
    from daisy.cli import searches
    from daisy.monitor.search_table import MOST_SHOWN, NUMBER, Wanted

    if plot is not None or best is not None:
        if json or watch:
            raise ConfigurationError("--plot and --best write a file, --json and --watch show the search: leave one of them out")
        shown = {"--by": by, "--last": last, "--epoch": epoch, "--no-importances": None if importances else True}
        if of_screens := [name for name, value in shown.items() if value is not None]:
            raise ConfigurationError(f"{of_screens[0]} is for the screen, and --plot and --best write a file: leave it out")
        if best is not None:
            searches.keep_best(found, best)
        if plot is not None:
            searches.draw_search(found, plot)
        return
    if json and watch:
        raise ConfigurationError("--json is told once, and --watch shows the search again and again: leave one of them out")
    if json and (by is not None or last is not None):
        raise ConfigurationError("--json tells all trials, by number: leave --by and --last out")
    wanted = Wanted(by or NUMBER, last, MOST_SHOWN if last is None else None)
    view = searches.View(wanted, epoch, importances, as_typed(env))
    show_it = searches.print_search_json if json else searches.watch_search if watch else searches.print_search
    show_it(found, view)


@app.command(context_settings=TAKES_A_MODEL)
def wait(sweep: Sweep, env: Env = None) -> int:
    """Stay with a sweep until all its models have ended. Ctrl-C ends the view only."""
    from daisy.cli.on_slurm import wait_for
    from daisy.folder import find_sweep

    return wait_for(find_sweep(environment_of(env).models_dir, sweep.partition("/")[0]), as_typed(env))


@app.command(context_settings=TAKES_A_MODEL)
def cancel(
    models: Annotated[list[str], typer.Argument(metavar="MODEL|SWEEP...", help="SWEEP/17, a model, or all of a sweep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    env: Env = None,
) -> int:
    """Take away what waits, and stop what runs."""
    from daisy.cli.cancelling import cancel_all

    return cancel_all(environment_of(env), models, yes, as_typed(env))
