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
from daisy.framework.installed import Installed
from daisy.framework.process import RunningCommand, printed_by
from daisy.framework.pythons import find_python
from daisy.framework.ready import Chosen, Ready, ready
from daisy.framework.source import MARK as WHOLE
from daisy.framework.source import pinned

LOG = "setup.log"


@dataclass(frozen=True)
class Request:
    """A framework that is to be set up in an env; with a checkout that is there already, or all anew, where that is said."""

    project: Project
    env: Environment
    chosen: Chosen
    source: Path | None = None
    anew: bool = False

    @property
    def folder(self) -> Path:
        """All that is set up for the framework."""
        return Installed.folder(self.env, self.chosen.framework)


@dataclass(frozen=True)
class Step:
    """One command of a setup, and what it does in words. `makes`: a folder that is whole after this step."""

    words: str
    arguments: Sequence[str]
    begins: Path | None = None
    makes: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What a setup is going to do, and what is kept of it where it makes anything of its own."""

    announcement: Sequence[str]
    steps: Sequence[Step]
    installed: Installed | None = None


def planned(request: Request) -> Plan:
    """What `daisy setup` has to do, as it is here now. Raises FrameworkError where it can't be done here."""
    name, asked = request.chosen.framework, request.chosen.adapter.framework.get("source")
    if request.source is not None:
        _check_source(request, request.source, asked)
    before = Installed.read(request.env, name)
    python, announcement, steps = _python(request, before)
    checkout = request.source.resolve() if request.source is not None else None
    if asked and checkout is None and (wanted := pinned(str(asked), name)) is not None:
        at = Path(before.source) if before is not None and before.source is not None else None
        checkout, whole = _place(request, f"source-{wanted.commit[:12]}", at)
        if not whole:
            steps = [*_clone_steps(wanted.url, wanted.commit, checkout), *steps]  # first: a wrong commit is soon found
            announcement.append(
                f"  its source: git will fetch all of {wanted.url}, size unknown, at commit {wanted.commit[:12]}, into {checkout}"
            )
    installed = None
    if python is not None or checkout is not None:
        installed = Installed(python, asked if checkout is not None else None, str(checkout) if checkout is not None else None)
    return Plan(announcement, steps, installed)


def _check_source(request: Request, source: Path, asked: str | None) -> None:
    """Before an environment of gigabytes is made for it."""
    name = request.chosen.framework
    if not source.is_dir():
        raise FrameworkError(f"--source {source}: there is no such folder; give the path of {name}'s checkout")
    if not asked:
        raise FrameworkError(f"--source {source}: {name} does not run from a checkout; leave it out")
    if pinned(str(asked), name) is None:
        raise FrameworkError(
            f"--source {source}: framework.source={asked} names a checkout already; change that, or leave it out"
        )
    lacking = [file for file in request.chosen.adapter.checkout_has if not (source / file).exists()]
    if lacking or not any(source.iterdir()):
        what = f"no {lacking[0]} in it" if lacking else "nothing in it"
        raise FrameworkError(f"--source {source}: there is {what}, so it is no checkout of {name}; give the path of one")


def _python(request: Request, before: Installed | None) -> tuple[str | None, list[str], list[Step]]:
    """The Python of the framework's own, if any; what to say, and what to do for it.

    What another env has set up stays: this one may name a Python, and the other one none.
    """
    name, setup = request.chosen.framework, request.chosen.adapter.setup(request.chosen.file.companion)
    own, named = before.python if before is not None else None, request.env.python.get(name)
    if named is not None:
        words, steps = _named_steps(named, setup)
        return own, [f"{name}: env.python.{name}={named} runs it{words}"], steps
    if setup is None:
        return None, [f"{name} runs in the Python that runs Daisy: there is nothing to make"], []
    venv, steps = _venv_steps(request, setup, own)
    return str(venv / "bin" / "python"), [_announced(name, venv, setup, bool(steps))], steps


def _place(request: Request, stem: str, current: Path | None) -> tuple[Path, bool]:
    """A folder for what is set up, and whether it is whole there: the current one, else another whole one, else a new one.

    What is made anew gets another name: a running job may use what is there.
    """
    folder = request.folder
    there = sorted(path for path in folder.glob(f"{stem}*") if (path / WHOLE).exists())
    if there and not request.anew:
        return (current if current in there else there[-1]), True
    number = 2
    place = folder / stem
    while (place / WHOLE).exists():
        place, number = folder / f"{stem}-{number}", number + 1
    return place, False


def carry_out(request: Request, begin: Callable[[Step], None]) -> Ready:
    """Do what is to be done, try the framework out, and keep that it is there.

    Safe to interrupt and to do twice, also at once: what another process has made meanwhile is not made again. Raises
    FrameworkError where a step fails; what is half made is made anew the next time.
    """
    from filelock import FileLock

    folder = request.folder
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", mode=0o666):
        remove_left_over(folder)
        plan = planned(request)
        log = folder / LOG
        log.write_bytes(b"")
        for step in plan.steps:
            begin(step)
            _do(step, log)
        found = ready(request.project, request.chosen, request.env, plan.installed, afresh=True)
        if plan.installed is not None:
            plan.installed.write(request.env, request.chosen.framework)
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


def _venv_steps(request: Request, setup: Setup, own: str | None) -> tuple[Path, list[Step]]:
    """Where the environment is, and what is missing to it. Its name tells its content: a new one never disturbs a running job."""
    name, python = request.chosen.framework, find_python(setup.python)
    if python is None:
        versions = " or ".join(setup.python)
        raise FrameworkError(
            f"{name} needs Python {versions}, and none is found here: install it (`uv python install {setup.python[0]}`), "
            f"or set env.python.{name} to a path, conda:NAME, docker:IMAGE or apptainer:IMAGE"
        )
    content = [str(python), _requirements(name, setup), list(setup.first), setup.dependencies]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]
    current = Path(own).parent.parent if own is not None else None
    venv, whole = _place(request, f"venv-{key}", current)
    if whole:
        return venv, []
    begin = Step(f"making an environment with {python}", [str(python), "-m", "venv", "--clear", str(venv)], begins=venv)
    return venv, [begin, *_pip_steps([str(venv / "bin" / "python")], setup, makes=venv)]


def _pip_steps(python: Sequence[str], setup: Setup, makes: Path | None = None) -> list[Step]:
    install = [*python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    dependencies = [] if setup.dependencies else ["--no-deps"]
    return [
        *([Step(f"installing {', '.join(setup.first)}", [*install, *setup.first])] if setup.first else []),
        Step("installing the packages", [*install, *dependencies, "-r", str(setup.requirements)], makes=makes),
    ]


def _named_steps(named: str, setup: Setup | None) -> tuple[str, list[Step]]:
    """What env names already is made only where it is known how: conda environments, images."""
    kind, _, place = named.partition(":")
    if kind == "docker" and place:
        words = f"docker will pull {place}, size unknown"
        return f"; {words}", [Step(words, ["docker", "pull", place])]
    if kind == "conda" and place and setup is not None:
        return _conda_steps(place, setup)
    return "", []


def _conda_steps(place: str, setup: Setup) -> tuple[str, list[Step]]:
    install = _pip_steps(["conda", "run", "--no-capture-output", *conda.which(place), "python"], setup)
    packages = f"pip will download {_size(setup.download)} of packages into it"
    if (there := conda.python_in(place)) is not None:
        return f"; conda has {place} already ({there}), which is not made again; {packages}", install
    words = f"conda will make {place} with Python {setup.python[0]}, size unknown"
    create = ["conda", "create", "--yes", *conda.which(place), f"python={setup.python[0]}", "pip"]
    return f"; {words}; {packages}", [Step(words, create), *install]


def _size(megabytes: int) -> str:
    return f"about {megabytes:,} MB" if megabytes else "an unknown size"


def _clone_steps(url: str, commit: str, checkout: Path) -> list[Step]:
    git = ["git", "-c", "advice.detachedHead=false"]
    return [
        Step(f"fetching {url}", [*git, "clone", "--quiet", "--no-checkout", url, str(checkout)], begins=checkout),
        Step(
            f"checking out {commit[:12]}", [*git, "-C", str(checkout), "checkout", "--quiet", "--detach", commit], makes=checkout
        ),
    ]


def _do(step: Step, log: Path) -> None:
    """Run one step, with all that it prints in the log. Raises FrameworkError with its last words."""
    if step.begins is not None:
        (step.begins / WHOLE).unlink(missing_ok=True)  # first: half of it is not whole
        shutil.rmtree(step.begins, ignore_errors=True)
    with log.open("ab", buffering=0) as file:
        file.write(f"$ {' '.join(step.arguments)}\n".encode())
        with RunningCommand(step.arguments, {}, Path("/")) as running:
            text, ending = printed_by(running, also=file.write)
        file.write(b"\n")
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
