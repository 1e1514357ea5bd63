"""Making a framework's own Python: what is to be done is decided and told first, then done."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.configuration import Environment, Project
from daisy.errors import FrameworkError
from daisy.files import remove_left_over
from daisy.framework import conda
from daisy.framework.contract import Setup
from daisy.framework.describe import describe
from daisy.framework.installed import Installed
from daisy.framework.interpreter import Interpreter, Wanted, interpreter_of
from daisy.framework.process import RunningCommand, printed_by
from daisy.framework.pythons import find_python
from daisy.framework.ready import Chosen, Ready
from daisy.framework.source import MARK as WHOLE
from daisy.framework.source import Source, look_at, pinned, source_of

LOG = "setup.log"


@dataclass(frozen=True)
class Step:
    """One command of a setup, and what it does in words. `makes`: a folder that is whole after this step."""

    words: str
    arguments: Sequence[str]
    begins: Path | None = None
    makes: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What a setup is going to do, and of what it was asked for."""

    chosen: Chosen
    env: Environment
    project: Project
    announcement: Sequence[str]
    steps: Sequence[Step]
    installed: Installed | None = None
    asked: str | None = None
    source: Path | None = None
    anew: bool = False


def planned(project: Project, env: Environment, chosen: Chosen, source: Path | None = None, anew: bool = False) -> Plan:
    """What `daisy setup` has to do for a framework in an env. Raises FrameworkError where it can't be done here."""
    name, setup = chosen.framework, chosen.adapter.setup(chosen.file.companion)
    asked = chosen.adapter.framework.get("source")
    if source is not None and not source.is_dir():
        raise FrameworkError(f"--source {source}: there is no such folder; give the path of {name}'s checkout")
    if source is not None and not asked:
        raise FrameworkError(f"--source {source}: {name} does not run from a checkout; leave it out")
    if source is not None and pinned(str(asked), name) is None:
        raise FrameworkError(
            f"--source {source}: framework.source={asked} names a checkout already; change that, or leave it out"
        )
    before = Installed.read(env, name)
    python, announcement, steps = _python(name, setup, env, before, anew)
    checkout = source.resolve() if source is not None else None
    if asked and checkout is None and (wanted := pinned(str(asked), name)) is not None:
        at = Path(before.source) if before is not None and before.source is not None else None
        checkout, whole = _place(Installed.folder(env, name), f"source-{wanted.commit[:12]}", at, anew)
        if not whole:
            steps += _clone_steps(wanted.url, wanted.commit, checkout)
            announcement.append(
                f"  its source, as big as its history: {wanted.url} at commit {wanted.commit[:12]}, into {checkout}"
            )
    installed = None
    if python is not None or checkout is not None:
        installed = Installed(python, asked if checkout is not None else None, str(checkout) if checkout is not None else None)
    return Plan(chosen, env, project, announcement, steps, installed, asked, source, anew)


def _python(
    name: str, setup: Setup | None, env: Environment, before: Installed | None, anew: bool
) -> tuple[str | None, list[str], list[Step]]:
    """The Python of the framework's own, if any; what to say, and what to do for it.

    What another env has set up stays: this one may name a Python, and the other one none.
    """
    own, named = before.python if before is not None else None, env.python.get(name)
    if named is not None:
        steps = _named_steps(named, setup)
        return own, [f"{name}: env.python.{name}={named} runs it" + (f"; {steps[0].words}" if steps else "")], steps
    if setup is None:
        return None, [f"{name} runs in the Python that runs Daisy: there is nothing to make"], []
    venv, steps = _venv_steps(name, Installed.folder(env, name), setup, own, anew)
    return str(venv / "bin" / "python"), [_announced(name, venv, setup, bool(steps))], steps


def _place(folder: Path, stem: str, current: Path | None, anew: bool) -> tuple[Path, bool]:
    """A folder for what is set up, and whether it is whole there: the current one, else another whole one, else a new one.

    What is made anew gets another name: a running job may use what is there.
    """
    there = sorted(path for path in folder.glob(f"{stem}*") if (path / WHOLE).exists())
    if there and not anew:
        return (current if current in there else there[-1]), True
    number = 2
    place = folder / stem
    while (place / WHOLE).exists():
        place, number = folder / f"{stem}-{number}", number + 1
    return place, False


def carry_out(plan: Plan, begin: Callable[[Step], None]) -> Ready:
    """Do what was planned, try the framework out, and keep that it is there.

    Safe to interrupt and to do twice, also at once. Raises FrameworkError where a step fails; what is half made is made
    anew the next time.
    """
    from filelock import FileLock

    folder = Installed.folder(plan.env, plan.chosen.framework)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", mode=0o666):
        plan = planned(plan.project, plan.env, plan.chosen, plan.source, plan.anew)  # another one may have done it meanwhile
        remove_left_over(folder)
        log = folder / LOG
        log.write_bytes(b"")
        for step in plan.steps:
            begin(step)
            _do(step, log)
        found = _tried(plan)
        if plan.installed is not None:
            plan.installed.write(plan.env, plan.chosen.framework)
        return found


def _announced(name: str, venv: Path, setup: Setup, anything: bool) -> str:
    if not anything:
        return f"{name}: its Python is there already, {venv}"
    text = _requirements(name, setup)
    packages = [line for line in text.splitlines() if line.strip()[:1] not in ("", "#", "-")]
    count = f"{len(packages)} package{'' if len(packages) == 1 else 's'}"
    if not setup.download:
        return f"{name}: pip will download {count} and what they need, nobody knows how much, and put it into {venv}"
    return f"{name}: pip will download {count}, about {setup.download:,} MB, and put about {setup.disk:,} MB into {venv}"


def _requirements(name: str, setup: Setup) -> str:
    try:
        return setup.requirements.read_text(encoding="utf-8")
    except OSError:
        raise FrameworkError(
            f"{name}: {setup.requirements} can't be read: write its packages there, one NAME==VERSION a line"
        ) from None


def _venv_steps(name: str, folder: Path, setup: Setup, own: str | None, anew: bool) -> tuple[Path, list[Step]]:
    """Where the environment is, and what is missing to it. Its name tells its content: a new one never disturbs a running job."""
    python = find_python(setup.python)
    if python is None:
        versions = " or ".join(setup.python)
        raise FrameworkError(
            f"{name} needs Python {versions}, and none is found here: install it (`uv python install {setup.python[0]}`), "
            f"or set env.python.{name} to a path, conda:NAME, docker:IMAGE or apptainer:IMAGE"
        )
    content = [str(python), _requirements(name, setup), list(setup.first), setup.dependencies]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]
    current = Path(own).parent.parent if own is not None else None
    venv, whole = _place(folder, f"venv-{key}", current, anew)
    if whole:
        return venv, []
    own = str(venv / "bin" / "python")
    steps = [Step(f"making an environment with {python}", [str(python), "-m", "venv", "--clear", str(venv)], begins=venv)]
    install = [own, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if setup.first:
        steps.append(Step(f"installing {', '.join(setup.first)}", [*install, *setup.first]))
    dependencies = [] if setup.dependencies else ["--no-deps"]
    steps.append(Step("installing the packages", [*install, *dependencies, "-r", str(setup.requirements)], makes=venv))
    return venv, steps


def _named_steps(named: str, setup: Setup | None) -> list[Step]:
    """What env names already is made only where it is known how: conda environments, images."""
    kind, _, place = named.partition(":")
    if kind == "docker" and place:
        return [Step(f"docker will pull {place}", ["docker", "pull", place])]
    if kind == "conda" and place and setup is not None:
        run = ["conda", "run", "--no-capture-output", *conda.which(place), "python", "-m", "pip", "install", "--no-input"]
        dependencies = [] if setup.dependencies else ["--no-deps"]
        made = Step(
            f"conda will make {place} with Python {setup.python[0]}, about {setup.disk:,} MB",
            ["conda", "create", "--yes", *conda.which(place), f"python={setup.python[0]}", "pip"],
        )
        return [
            *([made] if conda.python_in(place) is None else []),
            *([Step(f"installing {', '.join(setup.first)}", [*run, *setup.first])] if setup.first else []),
            Step(f"installing the packages, about {setup.download:,} MB", [*run, *dependencies, "-r", str(setup.requirements)]),
        ]
    return []


def _clone_steps(url: str, commit: str, checkout: Path) -> list[Step]:
    git = ["git", "-c", "advice.detachedHead=false"]
    return [
        Step(f"fetching {url}", [*git, "clone", "--quiet", "--no-checkout", url, str(checkout)], begins=checkout),
        Step(
            f"checking out {commit[:12]}", [*git, "-C", str(checkout), "checkout", "--quiet", "--detach", commit], makes=checkout
        ),
    ]


def _do(step: Step, log: Path) -> None:
    """Run one step. Raises FrameworkError with its last words."""
    if step.begins is not None:
        (step.begins / WHOLE).unlink(missing_ok=True)  # first: half of it is not whole
        shutil.rmtree(step.begins, ignore_errors=True)
    with RunningCommand(step.arguments, {}, Path("/")) as running:
        text, ending = printed_by(running)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(step.arguments)}\n{text}\n")
    if ending is None or not ending.well:
        lines = [line for line in text.strip().splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith(("error", "fatal"))]
        said = (errors or lines or ["it printed nothing"])[-1].strip()
        words = ending.words() if ending is not None else "did not end"
        raise FrameworkError(
            f"{step.words}: {step.arguments[0]} {words}: {said}; {log} has all of it, mend it and run this again"
        )
    if step.makes is not None:
        (step.makes / WHOLE).touch()


def _tried(plan: Plan) -> Ready:
    """The framework as it is now, imported and asked for its version."""
    chosen, env = plan.chosen, plan.env
    source = _source(plan)
    named = env.python.get(chosen.framework)
    own = plan.installed.python if plan.installed is not None and named is None else None
    if own is not None:
        interpreter = Interpreter(own)
    else:
        folders = (chosen.file.companion, *([source.folder] if source is not None else []))
        interpreter = interpreter_of(env, Wanted(chosen.framework, None, folders))
    return Ready(
        interpreter,
        source,
        describe(chosen.adapter, chosen.file.companion, interpreter, source, env, chosen.framework, afresh=True),
    )


def _source(plan: Plan) -> Source | None:
    if plan.installed is not None and plan.installed.source is not None:
        return look_at(Path(plan.installed.source))
    return source_of(plan.project, plan.env, plan.chosen.framework, plan.asked)
