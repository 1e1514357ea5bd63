"""Making a framework's own Python: what is to be done is decided and told first, then done."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daisy.configuration import Environment, Project
from daisy.errors import FrameworkError
from daisy.files import remove_left_over
from daisy.framework.contract import Setup
from daisy.framework.describe import describe
from daisy.framework.installed import Installed
from daisy.framework.interpreter import Interpreter, Wanted, interpreter_of
from daisy.framework.process import RunningCommand, printed_by
from daisy.framework.pythons import find_python
from daisy.framework.ready import Chosen, Ready
from daisy.framework.source import Source, look_at, pinned, source_of

LOG = "setup.log"
WHOLE = ".daisy-whole"  # in an environment and in a checkout: its last step was done


@dataclass(frozen=True)
class Step:
    """One command of a setup, and what it does in words. `makes`: a folder that is whole after this step."""

    words: str
    arguments: Sequence[str]
    begins: Path | None = None
    makes: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What a setup is going to do."""

    chosen: Chosen
    env: Environment
    project: Project
    announcement: Sequence[str]
    steps: Sequence[Step]
    installed: Installed | None = None
    asked: str | None = field(default=None)


def planned(project: Project, env: Environment, chosen: Chosen, source: Path | None = None, anew: bool = False) -> Plan:
    """What `daisy setup` has to do for a framework in an env. Raises FrameworkError where it can't be done here."""
    name, setup = chosen.framework, chosen.adapter.setup(chosen.file.companion)
    asked = chosen.adapter.framework.get("source")
    if source is not None and not source.is_dir():
        raise FrameworkError(f"--source {source}: there is no such folder; give the path of {name}'s checkout")
    if source is not None and not asked:
        raise FrameworkError(f"--source {source}: {name} does not run from a checkout; leave it out")
    named = env.python.get(name)
    folder = Installed.folder(env, name)
    announcement: list[str] = []
    steps: list[Step] = []
    python: str | None = None
    if named is not None:
        more = _named_steps(named, setup)
        steps += more
        announcement.append(f"{name}: env.python.{name}={named} runs it" + (f"; {more[0].words}" if more else ""))
    elif setup is None:
        announcement.append(f"{name} runs in the Python that runs Daisy: there is nothing to make")
    else:
        venv, python_steps = _venv_steps(name, folder, setup, anew)
        python = str(venv / "bin" / "python")
        steps += python_steps
        announcement.append(_announced(name, venv, setup, bool(python_steps)))
    checkout = source.resolve() if source is not None else None
    if asked and checkout is None and (wanted := pinned(asked, name)) is not None:
        checkout = folder / f"source-{wanted.commit[:12]}"
        if anew or not (checkout / WHOLE).exists():
            steps += _clone_steps(wanted.url, wanted.commit, checkout)
            announcement.append(f"  its source: {wanted.url} at commit {wanted.commit[:12]}, into {checkout}")
    installed = None
    if python is not None or checkout is not None:
        place = python or str(interpreter_of(env, Wanted(name)))
        installed = Installed(place, asked if checkout is not None else None, str(checkout) if checkout is not None else None)
    return Plan(chosen, env, project, announcement, steps, installed, asked)


def carry_out(plan: Plan, begin: Callable[[Step], None]) -> Ready:
    """Do what was planned, try the framework out, and keep that it is there.

    Safe to interrupt and to do twice, also at once. Raises FrameworkError where a step fails; what is half made is made
    anew the next time.
    """
    from filelock import FileLock

    folder = Installed.folder(plan.env, plan.chosen.framework)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", mode=0o666):
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
    packages = [
        line for line in setup.requirements.read_text(encoding="utf-8").splitlines() if line.strip()[:1] not in ("", "#", "-")
    ]
    return (
        f"{name}: pip will download {len(packages)} pinned packages, about {setup.download:,} MB, "
        f"and put about {setup.disk:,} MB into {venv}"
    )


def _venv_steps(name: str, folder: Path, setup: Setup, anew: bool) -> tuple[Path, list[Step]]:
    """Where the environment is, and what is missing to it. Its name tells its content: a new one never disturbs a running job."""
    python = find_python(setup.python)
    if python is None:
        versions = " or ".join(setup.python)
        raise FrameworkError(
            f"{name} needs Python {versions}, and none is found here: install it (`uv python install {setup.python[0]}`), "
            f"or set env.python.{name} to a path, conda:NAME, docker:IMAGE or apptainer:IMAGE"
        )
    content = [str(python), setup.requirements.read_text(encoding="utf-8"), list(setup.first), setup.dependencies]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]
    venv = folder / f"venv-{key}"
    if (venv / WHOLE).exists() and not anew:
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
        which = "--prefix" if "/" in place else "--name"
        run = ["conda", "run", "--no-capture-output", which, place, "python", "-m", "pip", "install", "--no-input"]
        dependencies = [] if setup.dependencies else ["--no-deps"]
        return [
            Step(
                f"conda will make {place} with Python {setup.python[0]}, about {setup.disk:,} MB",
                ["conda", "create", "--yes", which, place, f"python={setup.python[0]}", "pip"],
            ),
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
    if plan.installed is not None and named is None and chosen.adapter.setup(chosen.file.companion) is not None:
        interpreter = Interpreter(plan.installed.python)
    else:
        folders = (chosen.file.companion, *([source.folder] if source is not None else []))
        interpreter = interpreter_of(env, Wanted(chosen.framework, None, folders))
    return Ready(interpreter, source, describe(chosen.adapter, chosen.file.companion, interpreter, source, env, chosen.framework))


def _source(plan: Plan) -> Source | None:
    if plan.installed is not None and plan.installed.source is not None:
        return look_at(Path(plan.installed.source))
    return source_of(plan.project, plan.env, plan.chosen.framework, plan.asked)
