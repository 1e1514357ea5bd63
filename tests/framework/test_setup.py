"""`daisy setup`: a framework's own Python, and what the framework says of itself. With real environments; no network."""

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from framework.settable import FILES, add, own

from daisy.framework.pythons import find_python
from daisy.framework.setup import Step, _do


def test_from_nothing_to_a_model(project: Any) -> None:
    add(project)
    before = project.daisy("framework=mine", "dataset=tiny")
    assert (before.code, before.one_line) == (
        2,
        "daisy: mine is not set up here: `daisy setup mine` makes its Python, or set env.python.mine to one",
    )
    assert project.models() == []
    told = project.daisy("setup", "mine", "--dry-run")
    assert "pip will download 0 packages, about 12 MB, and put about 34 MB into" in told.out.replace("\n", " ")
    assert not own(project).exists()

    done = project.daisy("setup", "mine")
    assert done.code == 0, done.err
    assert "mine is ready: 1.5" in done.out
    listed = project.daisy("frameworks").out
    row = next(line for line in listed.splitlines() if line.startswith("mine"))
    assert "yes" in row and "1.5" in row and "conv (kernel)" in row

    trained = project.daisy("framework=mine", "dataset=tiny")
    assert trained.code == 0, trained.err
    (model,) = project.models()
    assert (model / "model_out" / "model").read_text().startswith(str(own(project)))
    assert json.loads((model / "daisy" / "config.json").read_text())["versions"]["mine"] == "1.5"


def test_twice_is_once(project: Any) -> None:
    add(project)
    assert project.daisy("setup", "mine").code == 0
    made = json.loads((own(project) / "setup.json").read_text())["python"]
    changed = Path(made).parent.parent.stat().st_mtime_ns
    again = project.daisy("setup", "mine")
    assert again.code == 0 and "its Python is there already" in again.out
    assert Path(made).parent.parent.stat().st_mtime_ns == changed


def test_it_is_asked_once_until_something_changes(project: Any) -> None:
    add(project)
    assert project.daisy("setup", "mine").code == 0
    asked = project.root / "frameworks" / "mine" / "asked"
    assert project.daisy("frameworks").code == 0
    assert asked.read_text() == "x"
    (project.root / "frameworks" / "mine" / "describe.py").write_text(FILES["describe.py"].replace("1.5", "1.6"))
    assert "1.6" in project.daisy("frameworks").out
    assert asked.read_text() == "xx"


def test_options_are_checked_against_what_is_installed(project: Any) -> None:
    add(project)
    project.daisy("setup", "mine")
    wrong = project.daisy("framework=mine", "dataset=tiny", "+framework.options.beem=3")
    assert wrong.code == 2
    assert "mine 1.5 has no option beem - did you mean framework.options.beam?" in wrong.one_line
    taken = project.daisy("framework=mine", "dataset=tiny", "+framework.options.width=3")
    assert "framework.options.width is what mine gets from arch.kernel: set that" in taken.one_line
    assert project.daisy("framework=mine", "dataset=tiny", "+framework.options.beam=3").code == 0


@pytest.mark.slow
def test_what_it_needs_is_not_there(project: Any) -> None:
    add(project, "2.9")
    done = project.daisy("setup", "mine")
    assert done.code == 2 and "mine needs Python 2.9, and none is found here: install it" in done.one_line

    add(project, **{"requirements.txt": "no-such-package-at-all==1.0\n"})
    failed = project.daisy("setup", "mine", environment={"PIP_NO_INDEX": "1"})
    assert failed.code == 2 and "No matching distribution found for no-such-package-at-all==1.0" in failed.err
    assert "Traceback" not in failed.err
    assert not (own(project) / "setup.json").exists()

    add(project, **{"describe.py": "import nothing_like_this\n"})
    tried = project.daisy("setup", "mine")
    assert tried.code == 2 and "No module named 'nothing_like_this'" in tried.err
    assert not (own(project) / "setup.json").exists()

    add(project)
    assert project.daisy("setup", "mine").code == 0


@pytest.mark.slow
def test_killed_in_the_middle(project: Any) -> None:
    add(project)
    process = project.start("setup", "mine")
    until = time.monotonic() + 60
    while not list(own(project).glob("venv-*/bin")):
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (own(project) / "setup.json").exists()
    assert "mine is not set up here" in project.daisy("framework=mine", "dataset=tiny").one_line
    assert project.daisy("setup", "mine").code == 0
    assert project.daisy("framework=mine", "dataset=tiny").code == 0


@pytest.mark.slow
def test_two_at_once(project: Any) -> None:
    add(project)
    both = [project.start("setup", "mine") for _ in range(2)]
    endings = [process.communicate(timeout=120)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], endings
    made = [ending for ending in endings if "making an environment with" in ending]
    assert len(made) == 1, endings  # the other one waited, and found it there
    assert project.daisy("framework=mine", "dataset=tiny").code == 0


def test_what_is_not_a_framework(project: Any) -> None:
    assert "there is no framework sufix - did you mean suffix?" in project.daisy("setup", "sufix").one_line
    done = project.daisy("setup", "suffix")
    assert done.code == 0 and "there is nothing to make" in done.out
    assert "suffix does not run from a checkout" in project.daisy("setup", "suffix", "--source", ".").one_line


def test_for_another_env(project: Any) -> None:
    """`env=NAME` as on the command line of a run, or --env NAME: its folder is where the Python goes."""
    add(project)
    env = project.root / "conf" / "env"
    (env / "cluster.yaml").write_text(
        (env / "local.yaml").read_text().replace("environments_dir: environments", "environments_dir: far")
    )
    for words in (["env=cluster"], ["--env", "cluster"]):
        done = project.daisy("setup", "mine", *words, "--dry-run")
        assert done.code == 0 and str(project.root / "far" / "mine") in done.out
    wrong = project.daisy("setup", "mine", "framework.options.beam=2")
    assert (
        wrong.code == 2 and "only env=NAME and env.KEY=VALUE may follow mine; write other settings into conf/" in wrong.one_line
    )
    assert "did you mean env.environments_dir" in project.daisy("setup", "mine", "env.environment_dir=x").one_line


def test_keys_of_env_on_the_command_line(project: Any) -> None:
    """The command that is told where it is not set up works as it stands."""
    add(project)
    place = project.root / "a place"
    words = [f"env.environments_dir='{place}'"]
    before = project.daisy("framework=mine", "dataset=tiny", *words)
    told = before.one_line
    assert f"`daisy setup mine --env 'environments_dir={place}'` makes its Python" in told
    done = project.daisy(*shlex.split(told.split("`")[1])[1:])
    assert done.code == 0, done.err
    assert (place / "mine" / "setup.json").exists() and not own(project).exists()
    assert project.daisy("framework=mine", "dataset=tiny", *words).code == 0
    assert "its Python is there already" in project.daisy("setup", "mine", *words).out
    named = project.daisy("setup", "mine", f"env.python.mine={sys.executable}", "--dry-run")
    assert f"env.python.mine={sys.executable} runs it" in named.out


def test_a_python_that_an_env_names_is_taken_back(project: Any) -> None:
    add(project)
    env = project.root / "conf" / "env" / "local.yaml"
    env.write_text(env.read_text().replace("python: {}", "python: {mine: this}"))
    assert "env.python.mine=this runs it" in project.daisy("setup", "mine", "--dry-run").out
    for words in (["env.python.mine=null"], ["--env", "python.mine=null"]):
        assert "pip will download" in project.daisy("setup", "mine", *words, "--dry-run").out
    assert "mine is not set up here" in project.daisy("framework=mine", "dataset=tiny", "env.python.mine=null").one_line


def test_anew_leaves_alone_what_is_there(project: Any) -> None:
    """A job may run from it, and a setup that is killed or fails leaves it as it was."""
    add(project)
    assert project.daisy("setup", "mine").code == 0
    first = json.loads((own(project) / "setup.json").read_text())["python"]
    (project.root / "frameworks" / "mine" / "describe.py").write_text("raise SystemExit(3)\n")
    assert project.daisy("setup", "mine", "--anew").code != 0
    assert json.loads((own(project) / "setup.json").read_text())["python"] == first and Path(first).exists()
    add(project)
    assert project.daisy("setup", "mine", "--anew").code == 0
    second = json.loads((own(project) / "setup.json").read_text())["python"]
    assert second != first and Path(first).exists() and Path(second).exists()
    assert project.daisy("setup", "mine").code == 0
    assert json.loads((own(project) / "setup.json").read_text())["python"] == second


def test_setup_tries_it_out_each_time(project: Any) -> None:
    add(project)
    assert project.daisy("setup", "mine").code == 0
    assert project.daisy("setup", "mine").code == 0
    assert (project.root / "frameworks" / "mine" / "asked").read_text() == "xx"


def test_requirements_that_are_not_there(project: Any) -> None:
    add(project)
    (project.root / "frameworks" / "mine" / "requirements.txt").unlink()
    done = project.daisy("setup", "mine")
    assert done.code == 2 and "requirements.txt can't be read: write its packages there" in done.one_line


def test_the_newest_python_is_the_one_with_the_greatest_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for patch in ("2.99.9", "2.99.17"):
        python = tmp_path / "versions" / patch / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\necho 2.99\n")
        python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_python(["2.99"]) == tmp_path / "versions" / "2.99.17" / "bin" / "python"


def test_all_that_a_step_prints_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    _do(Step("printing", [sys.executable, "-c", "print('head' + 200_000 * 'x' + 'tail')"]), log)
    text = log.read_text()
    assert "head" in text and text.rstrip().endswith("xtail") and len(text) > 200_000
