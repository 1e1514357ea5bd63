"""Verbs of models: look at them, go on with them, use them."""

from pathlib import Path
from typing import Annotated

import typer

from daisy.cli.app import TAKES_A_MODEL, Env, Model, app, as_typed, environment_of, model_of, overrides_of_env, project_here
from daisy.cli.complete import complete_model
from daisy.errors import ConfigurationError


@app.command("list")
def list_models(
    last: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset's.")] = None,
    framework: Annotated[str | None, typer.Option(help="Only this framework's.")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, running, done, failed, stopped, pruned or unknown.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show again every two seconds, until Ctrl-C.")] = False,
    env: Env = None,
) -> None:
    """Show all models, the newest last, and what waits."""
    from daisy.cli.listing import print_list
    from daisy.folder import STATES
    from daisy.monitor.table import Filter

    states = ("waiting", *STATES, "unknown")
    if state is not None and state not in states:
        raise ConfigurationError(f"--state {state}: there is no such state; there are: {', '.join(states)}")
    models_dir = environment_of(env).models_dir
    print_list(models_dir, Filter(dataset=dataset, framework=framework, state=state, last=last), json, watch)


@app.command(context_settings=TAKES_A_MODEL)
def show(model: Model, env: Env = None) -> None:
    """Show one model: configuration, command, accuracy, times, hints."""
    from daisy.cli.damage import told_of_damage
    from daisy.cli.screen import console
    from daisy.monitor.show import show as print_model
    from daisy.monitor.show import show_place
    from daisy.registry import place_of

    named = place_of(environment_of(env).models_dir, model)
    if named is not None and named[0].begun(named[1]).model is None:
        show_place(*named, console())
        return
    folder = model_of(model, env)
    with told_of_damage(folder):
        print_model(folder, console(), as_typed(env))


@app.command(context_settings=TAKES_A_MODEL)
def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A model: id, unique part of it, or -1.", autocompletion=complete_model)
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.", autocompletion=complete_model)],
    json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    env: Env = None,
) -> None:
    """Show what differs between two models: configuration, code, data, env, result."""
    from daisy.cli.differing import print_difference

    print_difference(project_here(), model_of(first, env), model_of(second, env), json)


@app.command(context_settings=TAKES_A_MODEL)
def tail(
    model: Model,
    job: Annotated[bool, typer.Option("--job", help="Daisy's own lines (job.out) instead of the framework's.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Begin with the last so many.")] = 10,
    follow: Annotated[bool, typer.Option(help="Go on while the model trains.")] = True,
    env: Env = None,
) -> None:
    """Follow a model's log."""
    from daisy.monitor.tail import tail as follow_log

    folder = model_of(model, env)
    follow_log(folder, folder.job_out if job else folder.run_out, lines, follow)


@app.command(context_settings=TAKES_A_MODEL)
def resume(
    model: Annotated[str, typer.Argument(metavar="MODEL|SWEEP", help="A model, or a sweep.", autocompletion=complete_model)],
    force: Annotated[bool, typer.Option("--force", help="Also where nobody can know from here whether it runs.")] = False,
    env: Env = None,
) -> int:
    """Go on with a stopped or failed model from its last checkpoint, in the same folder; or with what waits in a sweep."""
    from daisy.folder import is_sweep_id

    if is_sweep_id(model):
        from daisy.cli.sweep import resume_sweep

        return resume_sweep(environment_of(env), model)
    from daisy.cli.run import resume_model

    where = environment_of(env) if env else None
    return resume_model(project_here(), model_of(model, env), where, force, as_typed(env))


@app.command(context_settings=TAKES_A_MODEL)
def again(
    model: Model,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="What is to differ: KEY=VALUE ...; ~KEY takes back what was set.")
    ] = None,
    env: Env = None,
) -> int:
    """Train a new model from a saved configuration, with a modification."""
    from daisy.cli.differing import print_since
    from daisy.cli.run import launch
    from daisy.configuration.again import overrides_of
    from daisy.configuration.compose import compose

    project, folder = project_here(), model_of(model, env)
    changes = list(overrides or [])
    texts = overrides_of(project, folder.read_config(), changes, Path.cwd())
    if not changes:
        texts.append("again=true")  # to train the very same once more is what was asked for
    return launch(project, compose(project, [*texts, *overrides_of_env(env)]), lambda plan: print_since(project, folder, plan))


@app.command(context_settings=TAKES_A_MODEL)
def predict(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="A file with a form on each line, or a form, a tab and its target; - for standard input.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="dev or test, instead of a file. What test gives is kept with the model.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write there instead of printing.")] = None,
    attention: Annotated[
        Path | None, typer.Option("--attention", help="Write the attention weights there, as JSON lines.")
    ] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="The file's lines are tokens with blanks between them.")] = False,
    env: Env = None,
) -> None:
    """Run a trained model on any input, and score it where targets are given."""
    from daisy.cli.predicting import print_predictions

    print_predictions(project_here(), model_of(model, env), file, split, output, attention, tokens)
