"""`daisy setup`: a framework's own Python, its checkout, what it says of itself. With real environments; no network."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from daisy.framework.contract import Command
from daisy.framework.describe import _key
from daisy.framework.interpreter import Interpreter
from daisy.framework.pythons import find_python
from daisy.framework.setup import Step, _do
from daisy.framework.source import look_at

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
ADAPTER = """
from daisy.framework import Adapter, Checkpoint, Command, Description, Setup

class Mine(Adapter):
    encoders = ("conv",)
    checkout_has = ("code.py",)

    def train(self, options, paths, resume):
        options.framework_options({{"width": "arch.kernel"}})
        return Command.of("python", paths.companion / "train.py", paths.model_out, options["arch.kernel"])

    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("python", paths.companion / "predict.py", source, output)

    def read_line(self, line):
        return None

    def best_checkpoint(self, paths):
        path = paths.model_out / "model"
        return Checkpoint(path) if path.exists() else None

    def setup(self, companion):
        return Setup(python=({version!r},), requirements=companion / "requirements.txt", download=12, disk=34)

    def describe(self, paths):
        return Command.of("python", paths.companion / "describe.py", *([paths.source] if paths.source else []))
"""
FILES = {
    "train.py": "import sys, pathlib\npathlib.Path(sys.argv[1], 'model').write_text(sys.prefix)\n",
    "predict.py": "import sys, shutil\nshutil.copy(sys.argv[1], sys.argv[2])\n",
    "describe.py": (
        "import json, pathlib, sys\n"
        "count = pathlib.Path(__file__).with_name('asked')\n"
        "count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        "print('a warning')\nprint(json.dumps({'version': '1.5', 'options': ['beam', 'width']}))\n"
    ),
    "requirements.txt": "# nothing is needed\n",
}


def add(project: Any, version: str = THIS, **files: str) -> None:
    project.add_framework("mine", ADAPTER.format(version=version), {**FILES, **files})


def own(project: Any) -> Path:
    return Path(project.root / "environments" / "mine")


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
    assert f"commit {git(checkout, 'rev-parse', 'HEAD')}, with a patch" in shown
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


def test_the_newest_python_is_the_one_with_the_greatest_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for patch in ("2.99.9", "2.99.17"):
        python = tmp_path / "versions" / patch / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\necho 2.99\n")
        python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_python(["2.99"]) == tmp_path / "versions" / "2.99.17" / "bin" / "python"


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


def test_all_that_a_step_prints_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    _do(Step("printing", [sys.executable, "-c", "print('head' + 200_000 * 'x' + 'tail')"]), log)
    text = log.read_text()
    assert "head" in text and text.rstrip().endswith("xtail") and len(text) > 200_000


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
