"""`daisy setup` of a framework that runs from a checkout: a pinned commit, a folder of one's own, its patch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from framework.settable import add, own

from daisy.framework.source import look_at


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "code.py").write_text("1\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout.strip()


def with_source(project: Any, source: str) -> None:
    (project.root / "conf" / "framework" / "mine.yaml").write_text(f"name: mine\nsource: {source}\noptions: {{}}\n")


def test_a_url_with_a_pinned_commit(project: Any, checkout: Path) -> None:
    add(project)
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "code.py").write_text("not committed\n")
    with_source(project, f"file://{checkout}")
    assert "pin the commit that is meant, URL@COMMIT" in project.daisy("setup", "mine").one_line
    with_source(project, f"file://{checkout}@{commit}")
    done = project.daisy("setup", "mine")
    assert done.code == 0, done.err
    assert f"git will fetch all of file://{checkout}, size unknown" in done.out
    fetched = own(project) / f"source-{commit[:12]}"
    assert (fetched / "code.py").read_text() == "1\n"
    assert project.daisy("framework=mine", "dataset=tiny").code == 0
    (model,) = project.models()
    recorded = json.loads((model / "daisy" / "config.json").read_text())["source"]
    assert recorded == {"folder": str(fetched), "commit": commit, "patch": None}
    assert not (model / "daisy" / "source.patch").exists()

    with_source(project, f"file://{checkout}@{'0' * 40}")
    other = project.daisy("framework=mine", "dataset=tiny", "arch.kernel=3")
    assert "mine is not set up here: `daisy setup mine` fetches" in other.one_line
    assert "checking out 000000000000" in project.daisy("setup", "mine").err


def test_a_commit_that_is_not_there(project: Any, checkout: Path) -> None:
    """It is found before an environment is made."""
    add(project)
    with_source(project, f"file://{checkout}@{'0' * 40}")
    done = project.daisy("setup", "mine")
    assert done.code == 2 and "checking out 000000000000: git ended with exit code 128" in done.err
    assert not list(own(project).glob("venv-*"))


def test_a_checkout_of_ones_own_with_its_patch(project: Any, checkout: Path) -> None:
    add(project)
    with_source(project, "https://example.org/mine.git@0123456789")
    (checkout / "code.py").write_text("2\n")
    done = project.daisy("setup", "mine", "--source", str(checkout))
    assert done.code == 0, done.err
    assert project.daisy("framework=mine", "dataset=tiny").code == 0
    (model,) = project.models()
    assert "+2" in (model / "daisy" / "source.patch").read_text()
    shown = project.daisy("show", "-1").out
    assert f"commit {git(checkout, 'rev-parse', 'HEAD')[:12]}, with a patch (daisy/source.patch)" in shown
    (checkout / "code.py").write_text("3\n")
    again = project.daisy("framework=mine", "dataset=tiny")
    assert "its source's patch is another one" in again.out


def test_a_path_on_the_command_line_starts_there(project: Any, checkout: Path) -> None:
    add(project)
    with_source(project, "null")
    assert project.daisy("setup", "mine").code == 0
    done = project.daisy("framework=mine", "dataset=tiny", "framework.source=checkout", cwd=checkout.parent)
    assert done.code == 2  # no project there
    named = {"DAISY_PROJECT": str(project.root)}
    done = project.daisy("framework=mine", "dataset=tiny", "framework.source=checkout", cwd=checkout.parent, environment=named)
    assert done.code == 0, done.err
    wrong = project.daisy("framework=mine", "dataset=tiny", "framework.source=./nowhere")
    assert "give the path of mine's checkout" in wrong.one_line


def test_another_env_names_a_python_of_its_own(project: Any, checkout: Path) -> None:
    add(project)
    with_source(project, f"file://{checkout}@{git(checkout, 'rev-parse', 'HEAD')}")
    assert project.daisy("setup", "mine").code == 0
    made = json.loads((own(project) / "setup.json").read_text())
    env = project.root / "conf" / "env"
    text = (env / "local.yaml").read_text()
    (env / "cluster.yaml").write_text(text.replace("python: {}", f"python: {{mine: {sys.executable}}}"))
    assert project.daisy("setup", "mine", "env=cluster").code == 0
    assert json.loads((own(project) / "setup.json").read_text()) == made


def test_new_files_of_a_checkout_are_in_its_patch(checkout: Path) -> None:
    (checkout / "new.py").write_text("brand = 1\n")
    (checkout / "ignored.log").write_text("x\n")
    (checkout / ".gitignore").write_text("*.log\n")
    (checkout / "new.pyc").write_bytes(b"x")
    patch = look_at(checkout).patch.decode()
    assert "+brand = 1" in patch and "ignored.log" not in patch and "new.pyc" not in patch
    (checkout / "plain").mkdir()
    (checkout / "plain" / "code.py").write_text("1\n")
    assert look_at(checkout / "plain").commit is None


def test_a_source_for_a_framework_that_names_a_path(project: Any, checkout: Path) -> None:
    add(project)
    with_source(project, str(checkout))
    done = project.daisy("setup", "mine", "--source", str(checkout))
    assert done.code == 2 and f"framework.source={checkout} names a checkout already" in done.one_line


@pytest.mark.parametrize("there", [None, "README"])
def test_a_source_that_is_no_checkout_of_it(project: Any, tmp_path: Path, there: str | None) -> None:
    """It is refused before anything is made."""
    add(project)
    with_source(project, "https://example.org/mine.git@0123456789")
    other = tmp_path / "other"
    other.mkdir()
    if there is not None:
        (other / there).write_text("another framework\n")
    done = project.daisy("setup", "mine", "--source", str(other))
    assert done.code == 2
    assert f"--source {other}: there is no code.py in it, so it is no checkout of mine; give the path of one" in done.one_line
    assert not own(project).exists()
