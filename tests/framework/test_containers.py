"""Frameworks in docker, apptainer and conda: played by programs of the tests' own that run the command here."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from framework.settable import THIS, add

from daisy.framework.contract import Command
from daisy.framework.describe import _key
from daisy.framework.interpreter import Interpreter

CONDA = """#!{python}
import json, sys
with open({log!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run" and sys.argv[-1] == "-V" and not {there}:
    sys.exit(1)
if sys.argv[1:3] == ["env", "list"]:
    print(json.dumps({{"envs": {listed}}}))
if "describe.py" in sys.argv[-1]:
    print(json.dumps({{"version": "1.5", "options": []}}))
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_conda_environment_that_is_there_is_never_made_again(project: Any, tmp_path: Path, there: bool) -> None:
    """`conda create --yes` would remove it."""
    add(project)
    log, program = tmp_path / "asked", tmp_path / "bin" / "conda"
    program.parent.mkdir()
    program.write_text(CONDA.format(python=sys.executable, log=str(log), there=there, listed=[]))
    program.chmod(0o755)
    env = project.root / "conf" / "env" / "local.yaml"
    env.write_text(env.read_text().replace("python: {}", "python: {mine: 'conda:nmt'}"))
    done = project.daisy("setup", "mine", environment={"PATH": f"{program.parent}:{os.environ['PATH']}"})
    assert done.code == 0, done.err
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(words[0] == "create" for words in asked) is not there
    assert any(words[-2:] == ["-r", str(project.root / "frameworks" / "mine" / "requirements.txt")] for words in asked)
    told = "conda has nmt already" if there else f"conda will make nmt with Python {THIS}, size unknown"
    assert told in done.out and "pip will download about 12 MB of packages into it" in done.out


def test_a_conda_environment_that_does_not_answer_is_not_removed(project: Any, tmp_path: Path) -> None:
    add(project)
    program = tmp_path / "bin" / "conda"
    program.parent.mkdir()
    program.write_text(
        CONDA.format(python=sys.executable, log=str(tmp_path / "asked"), there=False, listed=["/opt/conda/envs/nmt"])
    )
    program.chmod(0o755)
    env = project.root / "conf" / "env" / "local.yaml"
    env.write_text(env.read_text().replace("python: {}", "python: {mine: 'conda:nmt'}"))
    done = project.daisy("setup", "mine", environment={"PATH": f"{program.parent}:{os.environ['PATH']}"})
    assert done.code == 2 and "conda has the environment nmt, and no Python answers in it" in done.one_line
    assert "create" not in (tmp_path / "asked").read_text()


DOCKER = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open({log!r}, "a") as file:
    file.write(json.dumps(words) + "\\n")
if words[:2] == ["image", "inspect"]:
    print(open({image!r}).read())
elif words[0] == "run":
    os.chdir(words[words.index("--workdir") + 1])
    os.execv({python!r}, words[words.index("python"):])
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder: `asked` has what its docker was asked, `image` the id of the image that it has."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(python=sys.executable, log=str(tmp_path / "asked"), image=str(tmp_path / "image")))
    program.chmod(0o755)
    (tmp_path / "image").write_text("sha256:1")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_in_docker(project: Any, docker: Path) -> None:
    """It is tried out as it will run: with the project in sight. Another image of the same name is asked again."""
    add(project)
    env = project.root / "conf" / "env" / "local.yaml"
    env.write_text(env.read_text().replace("python: {}", "python: {mine: 'docker:registry.example/mine:1'}"))
    told = project.daisy("setup", "mine", "--dry-run")
    assert "docker will pull registry.example/mine:1, size unknown" in told.out
    done = project.daisy("setup", "mine")
    assert done.code == 0, done.err
    assert "mine is ready: 1.5" in done.out
    asked = [json.loads(line) for line in (docker / "asked").read_text().splitlines()]
    (described,) = [words for words in asked if words[0] == "run"]
    assert f"type=bind,source={project.root},target={project.root}" in described
    times = project.root / "frameworks" / "mine" / "asked"
    project.daisy("frameworks")
    assert times.read_text() == "x"
    (docker / "image").write_text("sha256:2")
    project.daisy("frameworks")
    assert times.read_text() == "xx"


def key(interpreter: Interpreter, companion: Path) -> str:
    return _key(Command.of("python", "describe.py"), companion, interpreter, None)


def test_an_image_in_a_file_that_is_another_one_now(tmp_path: Path) -> None:
    image = tmp_path / "mine.sif"
    image.write_bytes(b"1")
    python = Interpreter(str(image), "apptainer")
    before = key(python, tmp_path)
    assert key(python, tmp_path) == before
    at = image.stat().st_mtime_ns
    image.write_bytes(b"22")
    os.utime(image, ns=(at, at))
    assert key(python, tmp_path) != before


@pytest.mark.parametrize("changed", ["conda-meta", "lib/python3.7/site-packages"])
@pytest.mark.parametrize("by", ["name", "folder"])
def test_a_conda_environment_that_has_other_packages_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, by: str
) -> None:
    place, program = tmp_path / "envs" / "nmt", tmp_path / "bin" / "conda"
    for folder in (program.parent, place / "conda-meta", place / "lib" / "python3.7" / "site-packages"):
        folder.mkdir(parents=True)
    program.write_text(
        CONDA.format(python=sys.executable, log=str(tmp_path / "asked"), there=True, listed=[str(place)])
        + "print('W', file=sys.stderr)"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    python = Interpreter("nmt" if by == "name" else str(place), "conda")
    companion = tmp_path / "companion"
    before = key(python, companion)
    assert key(python, companion) == before
    os.utime(place / changed, ns=(0, 0))
    assert key(python, companion) != before
