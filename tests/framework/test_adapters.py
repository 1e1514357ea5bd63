"""Adapters by name, what is wrong with some of them, and the Python that runs their framework."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from daisy.configuration import Environment, find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError, FrameworkError
from daisy.framework import Adapter, Checkpoint, Command, Description, Options, Paths, lookup, version_of_files
from daisy.framework.interpreter import Interpreter, Wanted, interpreter_of

MINE = Wanted("mine")
GOOD = """
from daisy.framework import Adapter, Command, Description

class Mine(Adapter):
    def train(self, options, paths, resume): return Command.of("true")
    def predict(self, options, paths, checkpoint, source, output): return Command.of("true")
    def read_line(self, line): return None
    def best_checkpoint(self, paths): return None
    def describe(self, paths): return Description("mine 1")
"""


def load(project: Any, name: str = "mine") -> Adapter:
    return lookup.load(lookup.find(find_project(project.root, {}), name))


def test_a_file_is_a_framework(project: Any) -> None:
    project.add_framework("mine", GOOD)
    adapter = load(project)
    nowhere = Path("/nowhere")
    paths = Paths(nowhere, nowhere, nowhere, nowhere)
    assert adapter.describe(paths) == Description("mine 1")
    assert adapter.read_predictions("a b \n\nc\n") == ["a b", "", "c"]
    assert adapter.read_predictions("") == []
    assert adapter.read_predictions("\n") == [""]
    assert adapter.read_predictions("no end") == ["no end"]
    assert adapter.hint("anything") is None
    assert adapter.resume_checkpoint(paths) is None
    assert adapter.epoch_checkpoint(paths, 1) is None
    options = Options(compose(find_project(project.root, {}), ["dataset=tiny"], project.root))
    assert adapter.attention_weights(options, paths, Checkpoint(nowhere), nowhere, nowhere, nowhere) is None


def test_the_projects_own_comes_first(project: Any) -> None:
    known = lookup.adapters(find_project(project.root, {}))
    assert {"suffix", "arcadio"} <= known.keys()
    project.add_framework("suffix", GOOD, {"helper.py": ""})
    found = lookup.find(find_project(project.root, {}), "suffix")
    assert found.path == project.root / "frameworks" / "suffix.py"
    assert found.companion == project.root / "frameworks" / "suffix"
    assert type(lookup.load(found)).__name__ == "Mine"


def test_frameworks_is_not_on_the_path_of_imports(project: Any) -> None:
    """Else `import colorsys` in anyone's helper would find our adapter of that name."""
    project.add_framework("colorsys", GOOD)
    load(project, "colorsys")
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert str(project.root / "frameworks") not in sys.path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class Mine(:\n", r"mine\.py can't be imported \(SyntaxError: .*\): mend it"),
        ("import no_such_package\n", r"can't be imported \(ModuleNotFoundError: No module named 'no_such_package'\): mend it"),
        ("", r"mine\.py has 0 subclasses of daisy\.framework\.Adapter: an adapter has one"),
        ("from daisy.framework import Adapter\n", "has 0 subclasses"),
        (GOOD + "class Other(Mine):\n    pass\n", "has 2 subclasses"),
        (
            GOOD.replace("def read_line", "def read_lines").replace("def describe", "def describes"),
            "lacks describe, read_line: write",
        ),
        ("\0", "can't be imported"),
    ],
    ids=["syntax", "import", "none", "only the base", "two", "lacking", "NUL"],
)
def test_adapters_that_are_none(project: Any, text: str, complaint: str) -> None:
    project.add_framework("mine", text)
    with pytest.raises(FrameworkError, match=complaint) as caught:
        load(project)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 2


def test_a_framework_without_an_adapter(project: Any) -> None:
    with pytest.raises(FrameworkError, match=r"framework mine has no adapter: write frameworks/mine\.py .*suffix"):
        load(project)


def test_a_framework_may_have_its_own_options_only(project: Any) -> None:
    """One that was set and is not read is refused, by the whole command."""
    project.add_framework("mine", GOOD, options="{width: 3}")
    done = project.daisy("framework=mine", "dataset=tiny", "framework.options.width=4")
    assert done.code == 2
    assert "mine does not use framework.options.width" in done.one_line
    assert project.models() == []


def test_commands_are_lists_of_texts() -> None:
    command = Command.of("python", Path("/a b"), 3, 0.5, environment={"A": "b"})
    assert command.arguments == ("python", "/a b", "3", "0.5")
    assert command.environment == {"A": "b"}
    assert Checkpoint(Path("x")).epoch is None


def test_a_version_for_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = version_of_files(tmp_path)
    assert first == version_of_files(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.py").write_text("2")
    second = version_of_files(tmp_path)
    (tmp_path / "b" / "c.py").rename(tmp_path / "b" / "d.py")
    assert len({first, second, version_of_files(tmp_path)}) == 3


def env(**python: str) -> Environment:
    return Environment("local", models_dir=Path("/m"), data_dir=Path("/d"), mirror=None, python=python)


def test_this_python_or_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "my python"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert interpreter_of(env(), MINE) == Interpreter(sys.executable)
    assert interpreter_of(env(mine="this", other="/x"), MINE) == Interpreter(sys.executable)
    assert interpreter_of(env(mine=str(other)), MINE) == Interpreter(str(other))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter_of(env(mine="my python"), MINE) == Interpreter(str(other))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert interpreter_of(env(mine="~/my python"), MINE) == Interpreter(str(other))
    here = Interpreter("/p")
    assert here.wrap(Command.of("python", "x", "python"), tmp_path) == ["/p", "x", "python"]
    assert here.wrap(Command.of("true", "python"), tmp_path) == ["true", "python"]
    assert here.wrap(Command.of(), tmp_path) == []


def test_no_such_python(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("")
    for named, complaint in (
        ("/no/such/python", "there is no such file"),
        (str(tmp_path), "there is no such file"),
        ("no-such-python", "there is no such command on PATH"),
        (str(text), "can't be executed"),
    ):
        with pytest.raises(ConfigurationError, match=complaint) as caught:
            interpreter_of(env(mine=named), MINE)
        assert f"env.python.mine={named}" in str(caught.value)
        assert "set env.python.mine=PATH" in str(caught.value)


def test_an_adapter_that_raises_before_anything_starts_is_one_line(project: Any) -> None:
    project.add_framework("mine", GOOD.replace('return Command.of("true")', 'return options["train.epochs"].nonsense', 1))
    done = project.daisy("framework=mine", "dataset=tiny")
    assert done.code == 2
    assert "mine.py raised AttributeError in line 5" in done.one_line
    assert project.models() == []


def test_one_adapter_that_raises_hides_no_other(project: Any) -> None:
    broken = GOOD + "    def setup(self, companion): return [][0]\n"
    project.add_framework("mine", broken)
    (project.root / "conf" / "framework" / "nameless.yaml").write_text("options: {}\n")
    done = project.daisy("frameworks")
    assert done.code == 0, done.err
    assert any(line.startswith("suffix") and "yes" in line for line in done.out.splitlines())
    assert "mine.py raised IndexError in line 10" in done.out
    assert "has a YAML without a name: write `name: NAME` into it" in done.out
    assert "raised IndexError" in project.daisy("setup", "mine").one_line


def test_an_adapter_that_can_not_read_its_predictions(project: Any) -> None:
    """It is told in a line when a model is asked again."""
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    shipped = Path(lookup.find(find_project(project.root, {}), "suffix").path)
    text = shipped.read_text() + "\n    def read_predictions(self, output):\n        return output.nonsense\n"
    (project.root / "frameworks" / "suffix.py").write_text(text)
    shutil.copytree(shipped.with_suffix(""), project.root / "frameworks" / "suffix")
    done = project.daisy("predict", "-1", "--split", "dev")
    assert done.code == 2 and "suffix.py raised AttributeError in line" in done.one_line


def test_a_checkpoint_that_is_a_folder_is_as_big_as_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "weights" / "part").mkdir(parents=True)
    (tmp_path / "weights" / "part" / "a").write_bytes(bytes(5_000_000))
    (tmp_path / "weights" / "b").write_bytes(bytes(3))
    assert Checkpoint(tmp_path / "weights").bytes == 5_000_003
    assert Checkpoint(tmp_path / "weights" / "b").bytes == 3
