"""The verbs. Each imports only what it needs: Hydra, pandas and Optuna only where a configuration is composed or analysed."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from daisy import __version__
from daisy.cli import usage
from daisy.cli.complete import complete_model
from daisy.configuration import Environment, Project, find_project
from daisy.errors import ConfigurationError
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

REBUILD = "rebuild"
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


def _project() -> Project:
    return find_project(Path.cwd(), os.environ)


def _environment(env: list[str] | None, overrides: Sequence[str] = ()) -> Environment:
    from daisy.configuration.environment import overridden

    return overridden(_project(), [*_of_env(env), *overrides], Path.cwd())


def _of_env(words: list[str] | None) -> list[str]:
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


def _as_typed(words: list[str] | None) -> str:
    """The same --env for the next command."""
    return "".join(f" --env {shlex.quote(word)}" for word in words or [])


def _model(wanted: str, env: list[str] | None) -> ModelFolder:
    from daisy import registry

    return registry.find(_environment(env).models_dir, wanted, _as_typed(env))


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
    models_dir = _environment(env).models_dir
    print_list(models_dir, Filter(dataset=dataset, framework=framework, state=state, last=last), json, watch)


@app.command(context_settings=TAKES_A_MODEL)
def show(model: Model, env: Env = None) -> None:
    """Show one model: configuration, command, accuracy, times, hints."""
    from daisy.cli.damage import told_of_damage
    from daisy.cli.screen import console
    from daisy.monitor.show import show as print_model
    from daisy.monitor.show import show_place
    from daisy.registry import place_of

    named = place_of(_environment(env).models_dir, model)
    if named is not None and named[0].begun(named[1]).model is None:
        show_place(*named, console())
        return
    folder = _model(model, env)
    with told_of_damage(folder):
        print_model(folder, console(), _as_typed(env))


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

    print_difference(_project(), _model(first, env), _model(second, env), json)


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

    folder = _model(model, env)
    follow_log(folder, folder.job_out if job else folder.run_out, lines, follow)


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
        rebuild_study(find_sweep(_environment(env).models_dir, sweep))
        return

    if available:
        from daisy.cli.comparing import print_available

        print_available(_project(), json)
        return
    print_sweeps(_environment(env).models_dir, json)


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

    found = find_sweep(_environment(env).models_dir, sweep)
    if not found.is_search:
        from daisy.cli.comparing import print_sweep

        given = {"--by": by, "--last": last, "--epoch": epoch, "--plot": plot, "--best": best, "--watch": watch or None}
        if of_searches := [name for name, value in given.items() if value is not None]:
            raise ConfigurationError(f"{of_searches[0]} is for searches, and {found.sweep_id} is none: leave it out")
        print_sweep(found, json)
        return
    from daisy.cli import searches
    from daisy.monitor.search_table import MOST_SHOWN, NUMBER, Wanted

    if plot is not None or best is not None:
        if json or watch:
            raise ConfigurationError("--plot and --best write a file, --json and --watch show the search: leave one of them out")
        if best is not None:
            searches.keep_best(found, best)
        if plot is not None:
            searches.draw_search(found, plot)
        return
    wanted = Wanted(by or NUMBER, last, MOST_SHOWN if last is None else None)
    asked = searches.Asked(wanted, epoch, importances, _as_typed(env))
    show_it = searches.print_search_json if json else searches.watch_search if watch else searches.print_search
    show_it(found, asked)


@app.command(context_settings=TAKES_A_MODEL)
def wait(sweep: Sweep, env: Env = None) -> int:
    """Stay with a sweep until all its models have ended. Ctrl-C ends the view only."""
    from daisy.cli.on_slurm import wait_for
    from daisy.folder import find_sweep

    return wait_for(find_sweep(_environment(env).models_dir, sweep.partition("/")[0]), _as_typed(env))


@app.command(context_settings=TAKES_A_MODEL)
def cancel(
    models: Annotated[list[str], typer.Argument(metavar="MODEL|SWEEP...", help="SWEEP/17, a model, or all of a sweep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    env: Env = None,
) -> int:
    """Take away what waits, and stop what runs."""
    from daisy.cli.cancelling import cancel_all

    return cancel_all(_environment(env), models, yes, _as_typed(env))


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

        return resume_sweep(_environment(env), model)
    from daisy.cli.run import resume_model

    where = _environment(env) if env else None
    return resume_model(_project(), _model(model, env), where, force, _as_typed(env))


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

    project, folder = _project(), _model(model, env)
    changes = list(overrides or [])
    texts = overrides_of(project, folder.read_config(), changes, Path.cwd())
    if not changes:
        texts.append("again=true")  # to train the very same once more is what was asked for
    return launch(project, compose(project, [*texts, *_of_env(env)]), lambda plan: print_since(project, folder, plan))


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

    print_predictions(_project(), _model(model, env), file, split, output, attention, tokens)


@app.command()
def data(
    dataset: Annotated[str | None, typer.Argument(help="A dataset: cs/finnish. Without one: the names of all.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Its options: dataset.size=low ...")] = None,
    env: Env = None,
) -> None:
    """Prepare a dataset and show what is in it; or show which datasets there are."""
    from daisy.cli.listing import print_dataset

    if dataset is None:
        print(*_project().options("dataset"), sep="\n")
        return
    print_dataset(_project(), dataset, [*(overrides or []), *_of_env(env)])


@app.command()
def frameworks(
    framework: Annotated[str | None, typer.Argument(help="A framework, to be shown with its own options. Without: all.")] = None,
    env: Env = None,
) -> None:
    """Show the frameworks: which of them can be used here, and what they support; or one, and its own options."""
    from daisy.cli.frameworks import print_framework, print_frameworks

    if framework is None:
        print_frameworks(_project(), _environment(env))
    else:
        print_framework(_project(), _environment(env), framework)


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
    set_up(_project(), _environment(env, overrides or []), framework, source, dry_run, anew)


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
