"""Verbs start without Hydra: the resolved env is kept in the project, and is never an old one."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import CHECKOUT, DaisyProject

from daisy.configuration import Environment, find_project
from daisy.configuration import compose as composing
from daisy.configuration.environment import CACHE, environment
from daisy.errors import ConfigurationError

HEAVY = {"hydra", "omegaconf", "antlr4", "yaml", "pandas", "numpy", "optuna", "submitit", "sqlalchemy", "simplemma"}


class Composed:
    """Counts how often the env is composed."""

    times = 0


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Composed]:
    count, real = Composed(), composing.environment_of

    def counting(*arguments: object) -> Environment:
        count.times += 1
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(composing, "environment_of", counting)
    yield count


def resolved(project: DaisyProject, name: str | None = None) -> Environment:
    return environment(find_project(project.root, {}), name)


def env_file(project: DaisyProject, text: str, name: str = "local") -> None:
    (project.root / "conf" / "env" / f"{name}.yaml").write_text(text)


def test_it_is_composed_once_and_then_read(project: DaisyProject, composed: Composed) -> None:
    first = resolved(project)
    assert first.models_dir == project.root / "models"
    assert [resolved(project) for _ in range(3)] == [first] * 3
    assert composed.times == 1


def test_each_env_has_its_place(project: DaisyProject, composed: Composed) -> None:
    env_file(project, "models_dir: big\ndata_dir: data\npython: {arcadio: /py}\n", "big")
    for _ in range(2):
        assert resolved(project).models_dir == project.root / "models"
        assert resolved(project, "big").models_dir == project.root / "big"
        assert resolved(project, "big").python == {"arcadio": "/py"}
    assert composed.times == 2
    with pytest.raises(ConfigurationError, match="there is no env=huge; there are: big, local"):
        resolved(project, "huge")


def test_a_changed_file_is_seen(project: DaisyProject) -> None:
    assert resolved(project).models_dir == project.root / "models"
    env_file(project, "models_dir: other\ndata_dir: data\n")
    assert resolved(project).models_dir == project.root / "other"
    env_file(project, "defaults: [base/here@_here_]\ndata_dir: data\n")
    (project.root / "conf" / "env" / "base").mkdir(exist_ok=True)
    env_file(project, "models_dir: below\n", "base/here")
    assert resolved(project).models_dir == project.root / "below"
    env_file(project, "models_dir: deeper\n", "base/here")
    assert resolved(project).models_dir == project.root / "deeper"
    env_file(project, "models_dir: big\ndata_dir: data\n", "big")
    shipped = (CHECKOUT / "conf" / "config.yaml").read_text()
    (project.root / "conf" / "config.yaml").write_text(shipped.replace("env: local", "env: big"))
    assert resolved(project).models_dir == project.root / "big"
    (project.root / "conf" / "config.yaml").unlink()
    assert resolved(project).models_dir == project.root / "deeper"


@pytest.mark.parametrize(
    "written", ["${oc.env:DAISY_TEST_PLACE}", "${oc.env:'DAISY_TEST_PLACE'}", "${oc.env: DAISY_TEST_PLACE, x}"]
)
def test_a_changed_variable_is_seen(written: str, project: DaisyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file(project, f'models_dir: "{written}/models"\ndata_dir: data\n')
    for place in ("/one", "/other", "/one"):
        monkeypatch.setenv("DAISY_TEST_PLACE", place)
        assert resolved(project).models_dir == Path(place) / "models"


def test_a_changed_home_is_seen(project: DaisyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file(project, "models_dir: ~/models\ndata_dir: data\n")
    for home in ("/home/one", "/home/other"):
        monkeypatch.setenv("HOME", home)
        assert resolved(project).models_dir == Path(home) / "models"


def test_a_project_that_was_moved_is_seen(project: DaisyProject) -> None:
    resolved(project)
    moved = DaisyProject(project.root.rename(project.root.parent / "moved"))
    assert resolved(moved).models_dir == moved.root / "models"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_text("{"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("null"),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "envs": 3})),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "envs": {"": {}}})),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "envs": {"": None}})),
        lambda path: path.write_text(path.read_text()[:-20]),
        lambda path: (path.unlink(), path.mkdir(exist_ok=True)),
        lambda path: (shutil.rmtree(path.parent), path.parent.write_text("")),
    ],
    ids=["empty", "cut", "bytes", "list", "null", "no envs", "empty env", "null env", "torn", "a folder", "no folder"],
)
def test_a_damaged_cache_is_made_again(damage: object, project: DaisyProject) -> None:
    first = resolved(project)
    path = project.root / CACHE
    assert path.is_file()
    damage(path)  # type: ignore[operator]
    assert resolved(project) == first
    assert resolved(project) == first
    if path.parent.is_dir() and not path.is_dir():
        assert json.loads(path.read_text())["envs"][""]["name"] == "local"


def test_what_is_wrong_with_another_group_does_not_matter(project: DaisyProject) -> None:
    (project.root / "conf" / "architecture").mkdir(exist_ok=True)
    (project.root / "conf" / "architecture" / "conv.yaml").write_text("# @package arch\nkernel: ${nope}\n")
    assert resolved(project).models_dir == project.root / "models"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data_dir: data\n", "env.models_dir is missing from env=local: set it in conf/env/local.yaml"),
        ("models_dir: null\ndata_dir: data\n", "env.models_dir=None: env.models_dir must be a text"),
        ("models_dir: [a]\ndata_dir: data\n", "env.models_dir=['a']: env.models_dir must be a text"),
        ("models_dir: ???\ndata_dir: data\n", "env.models_dir is not set (???)"),
        ("models_dir: ${nope}\ndata_dir: data\n", "env.models_dir: Interpolation key 'nope' not found"),
        ("models_dir: m\ndata_dir: data\nmiror: /m\n", "there is no key env.miror - did you mean env.mirror?"),
        ("models_dir: [\n", "local.yaml"),
        ("", "env.models_dir is missing from env=local"),
    ],
)
def test_a_mistake_in_an_env_is_told_by_verbs_too(text: str, told: str, project: DaisyProject) -> None:
    env_file(project, text)
    with pytest.raises(ConfigurationError) as caught:
        resolved(project)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert not (project.root / CACHE).exists()


def test_a_project_that_can_not_be_written_to(project: DaisyProject) -> None:
    without_rights: list[str] = []
    if os.geteuid() == 0:  # root may write everywhere, unless it gives that right up
        if shutil.which("setpriv") is None:
            pytest.skip("root can write to any folder, and setpriv, which takes that right away, is not installed")
        without_rights = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]
    project.root.chmod(0o555)
    try:
        done = subprocess.run(
            [*without_rights, *project.command("list")],
            cwd=project.root,
            env=project.environment(),
            capture_output=True,
            text=True,
        )
    finally:
        project.root.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "no models in" in done.stdout
    assert not (project.root / CACHE.parent).exists()


def test_a_listing_imports_nothing_heavy_when_the_cache_is_warm(project: DaisyProject) -> None:
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    assert project.daisy("list").code == 0
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "daisy", "list"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "tiny" in done.stdout
    imported = {name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}
    assert {"typer", "rich"} <= imported
    assert not imported & HEAVY
