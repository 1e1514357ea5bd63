"""Interpreters: conda, docker and apptainer to the letter of the command, and docker with a fake that runs it on this host."""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from daisy.configuration import Environment
from daisy.errors import ConfigurationError
from daisy.framework import Command
from daisy.framework import device as devices
from daisy.framework.device import device_here
from daisy.framework.interpreter import Interpreter, Wanted, interpreter_of

COMMAND = Command.of("python", "/c/train.py", "--out", "/m/a b", environment={"TF_LEVEL": "2"})
FAKE_DOCKER = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] in ("pull", "kill"):
    sys.exit(0)
words, environment, folder = sys.argv[2:], dict(os.environ), "/"
while words and words[0].startswith("--"):
    word = words.pop(0)
    if word in ("--rm", "--init"):
        continue
    value = words.pop(0)
    if word == "--env" and "=" in value:
        name, _, text = value.partition("=")
        environment[name] = text
    if word == "--workdir":
        folder = value
image, program, *rest = words
assert image == "registry.example/suffix:1", image
os.chdir(folder)
os.execve({python!r}, [program, *rest], environment)
"""


@pytest.fixture
def env(tmp_path: Path) -> Any:
    """Makes an env with these Pythons, whose folders are there."""

    def made(device: str = "cpu", **python: str) -> Environment:
        for name in ("m", "d", "e"):
            (tmp_path / name).mkdir(exist_ok=True)
        return Environment("local", tmp_path / "m", tmp_path / "d", None, python, tmp_path / "e", device)

    return made


def test_conda_to_the_letter(env: Any) -> None:
    by_name = interpreter_of(env(mine="conda:nmt"), Wanted("mine"))
    assert by_name.wrap(COMMAND, Path("/m")) == [
        "conda", "run", "--no-capture-output", "--name", "nmt", "python", "/c/train.py", "--out", "/m/a b",
    ]  # fmt: skip
    by_folder = interpreter_of(env(mine="conda:/opt/nmt"), Wanted("mine"))
    assert by_folder.wrap(COMMAND, Path("/m"))[3:6] == ["--prefix", "/opt/nmt", "python"]


def test_docker_to_the_letter(env: Any, tmp_path: Path) -> None:
    (tmp_path / "companion").mkdir()
    wanted = Wanted("mine", None, (tmp_path / "companion", tmp_path / "not there"))
    python = interpreter_of(env(mine="docker:nmt:2"), wanted)
    folder = tmp_path / "m" / "model"
    mounted = [
        ("--mount", f"type=bind,source={tmp_path / name},target={tmp_path / name}") for name in ("companion", "d", "e", "m")
    ]
    assert python.wrap(COMMAND, folder) == [
        "docker", "run", "--rm", "--init", "--user", f"{os.getuid()}:{os.getgid()}", "--workdir", str(folder),
        *(word for pair in mounted for word in pair),
        "--env", "HOME=/tmp", "--env", "TF_LEVEL=2",
        "nmt:2", "python", "/c/train.py", "--out", "/m/a b",
    ]  # fmt: skip


def test_containers_get_the_gpus_where_env_says_so(env: Any) -> None:
    docker = interpreter_of(env("gpu", mine="docker:nmt"), Wanted("mine")).wrap(COMMAND, Path("/"))
    assert docker[-9:] == ["--gpus", "all", "--env", "CUDA_VISIBLE_DEVICES", "nmt", *COMMAND.arguments]
    apptainer = interpreter_of(env("gpu", mine="apptainer:/images/nmt.sif"), Wanted("mine")).wrap(COMMAND, Path("/"))
    assert apptainer[:5] == ["apptainer", "exec", "--nv", "--pwd", "/"]
    assert apptainer[-5:] == ["/images/nmt.sif", *COMMAND.arguments]
    assert "--nv" not in interpreter_of(env("cpu", mine="apptainer:x"), Wanted("mine")).wrap(COMMAND, Path("/"))


def test_a_path_with_a_comma_is_mounted_whole() -> None:
    python = Interpreter("image", "docker", folders=(Path("/a,b"),))
    assert '"source=/a,b"' in python.wrap(COMMAND, Path("/a,b/c"))[9]
    apptainer = Interpreter("image", "apptainer", folders=(Path("/a b"),))
    assert "type=bind,source=/a b,destination=/a b" in apptainer.wrap(COMMAND, Path("/a b"))


@pytest.mark.parametrize("named", ["docker:", "conda:", "apptainer:"])
def test_a_kind_without_a_name(env: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"write {named}NAME"):
        interpreter_of(env(mine=named), Wanted("mine"))


def test_the_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    assert [device_here(wanted) for wanted in ("auto", "cpu", "gpu")] == ["cpu", "cpu", "gpu"]
    (tmp_path / "nvidia0").touch()
    assert device_here("auto") == "gpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device_here("auto") == "cpu"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that runs the command on this host; the file with what it was asked."""
    folder, log = tmp_path / "bin", tmp_path / "docker.log"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(FAKE_DOCKER.format(python=sys.executable, log=str(log)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def test_a_model_is_trained_in_docker(project: Any, docker: Path) -> None:
    image = "env.python.suffix=docker:registry.example/suffix:1"
    done = project.daisy("framework=suffix", "dataset=tiny", image)
    assert done.code == 0, done.err
    every = [json.loads(line) for line in docker.read_text().splitlines()]
    asked = [words for words in every if words[0] == "run"]
    assert len(asked) == 2  # training and validation
    # A container is no child of `docker run`: whatever ended that, the container of that name is ended before the lock is free.
    assert every == [words for run in asked for words in (run, ["kill", run[run.index("--name") + 1]])]
    assert asked[0][1:3] != asked[1][1:3]
    assert all(f"type=bind,source={project.root},target={project.root}" in words for words in asked)
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["command"][:2] == ["docker", "run"]


def test_a_framework_that_describes_itself_in_docker(project: Any, docker: Path) -> None:
    """It is asked in a folder that a container can have too: docker refuses to mount `/`."""
    adapter = (
        "from daisy.framework import Adapter, Command\n"
        "class Mine(Adapter):\n"
        "    def train(self, options, paths, resume): return Command.of('true')\n"
        "    def predict(self, options, paths, checkpoint, source, output): return Command.of('true', source, output)\n"
        "    def read_line(self, line): return None\n"
        "    def best_checkpoint(self, paths): return None\n"
        "    def describe(self, paths): return Command.of('python', paths.companion / 'describe.py')\n"
    )
    project.add_framework("mine", adapter, {"describe.py": 'print(\'{"version": "7"}\')\n'})
    env = project.root / "conf" / "env" / "local.yaml"
    env.write_text(env.read_text().replace("python: {}", "python: {mine: 'docker:registry.example/suffix:1'}"))
    listed = project.daisy("frameworks").out
    assert "7" in next(line for line in listed.splitlines() if line.startswith("mine")), listed
    asked = [json.loads(line) for line in docker.read_text().splitlines()]
    assert asked and not any(word.startswith("type=bind,source=/,") for words in asked for word in words)


def test_an_image_can_be_chosen_in_yaml_too(project: Any, docker: Path) -> None:
    (project.root / "conf" / "env" / "local.yaml").write_text(
        "models_dir: models\ndata_dir: data\nmirror: null\npython:\n  suffix: docker:registry.example/suffix:1\n"
    )
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    assert "docker:registry.example/suffix:1" in project.daisy("frameworks").out


def test_a_login_node_without_docker(project: Any) -> None:
    """Nothing can be said of the image there: the job finds out, and says so."""
    done = project.daisy("framework=suffix", "dataset=tiny", "env.python.suffix=docker:image", environment={"PATH": "/nowhere"})
    assert done.code == 1
    assert "docker: No such file or directory" in done.out + done.err
    assert "Traceback" not in done.err
