"""What a person can get wrong on the command line: one line that names it and the way out, exit code 2, nothing made."""

import socket
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from support import CHECKOUT, DaisyProject

from daisy.cli import main
from daisy.configuration import Configuration, find_project
from daisy.configuration.compose import compose

Refused = Callable[..., str]


def files(root: Path) -> set[Path]:
    return set(root.rglob("*"))


@pytest.fixture
def refused(project: DaisyProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command line in this process; its error, which is one line, after which the project is as it was."""
    monkeypatch.chdir(project.root)

    def run(*arguments: str) -> str:
        before = files(project.root)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr().err.splitlines()
        assert ended.value.code == 2
        assert len(told) == 1 and told[0].startswith("daisy: "), told
        assert files(project.root) == before
        return told[0]

    return run


@cache
def composed(override: str) -> Configuration:
    return compose(find_project(CHECKOUT, {}), [override], CHECKOUT)


FOLLOWED = [
    # what was typed, what is told, and what is typed then
    ("arch.kernal=6", "arch.kernal=6: there is no key arch.kernal - did you mean arch.kernel?", "arch.kernel=6"),
    ("+arch.kernal=6", "there is no key arch.kernal - did you mean arch.kernel?", "arch.kernel=6"),
    ("++arch.kernal=6", "there is no key arch.kernal - did you mean arch.kernel?", "arch.kernel=6"),
    ("arch={kernal:6}", "there is no key arch.kernal - did you mean arch.kernel?", "arch={kernel:6}"),
    ("+arch={kernal:6}", "there is no key arch.kernal - did you mean arch.kernel?", "arch={kernel:6}"),
    ("architecture.kernel=6", "there is no key architecture.kernel - did you mean arch.kernel?", "arch.kernel=6"),
    ("sed=2", "there is no key sed - did you mean seed?", "seed=2"),
    ("env.modles_dir=x", "there is no key env.modles_dir - did you mean env.models_dir?", "env.models_dir=x"),
    ("train.lr=0.1", "there is no key train.lr; train has epochs, seconds, batch_size, learning_rate", "train.learning_rate=0.1"),
    ("arch.kernel=six", "arch.kernel=six: arch.kernel must be a whole number from 1, or a list", "arch.kernel=[6]"),
    ("arch.kernel=", "arch.kernel= has no value: write arch.kernel=VALUE", "arch.kernel=6"),
    ("train.seconds=", "write train.seconds=VALUE, or train.seconds=null for none", "train.seconds=null"),
    ("arch.kernel=-1", "arch.kernel must be a whole number from 1", "arch.kernel=1"),
    ("arch.kernel=true", "arch.kernel must be a whole number from 1", "arch.kernel=1"),
    ("arch.kernel=6.5", "arch.kernel must be a whole number from 1", "arch.kernel=6"),
    ("arch.kernel=[6,x]", "a list of them with one per layer", "arch.kernel=[6,4]"),
    ("arch.kernel=[]", "a list of them with one per layer", "arch.kernel=[6]"),
    ("arch.kernel={a:6}", "arch.kernel must be a whole number from 1", "arch.kernel=6"),
    ("arch.kernel='\\${x}'", "arch.kernel must be a whole number from 1", "arch.kernel=6"),
    ("arch.kernel=2,4", "names several values: give one, or a list in brackets", "arch.kernel=[2,4]"),
    ("framework=arcadio,suffix", "framework=arcadio,suffix names several values: give one", "framework=suffix"),
    ("arch=conv", "arch is a section of the configuration, not a value - did you mean architecture=conv?", "architecture=conv"),
    ("arch=null", "arch is a section of the configuration, not a value - set one of its keys: encoder", "arch.encoder=conv"),
    ("env.python=python3", "write env.python.NAME=VALUE", "env.python.suffix=python3"),
    ("dataset=cs/finish", "there is no dataset=cs/finish - did you mean dataset=cs/finnish", "dataset=cs/finnish"),
    ("framework=nematu", "there is no framework=nematu", "framework=suffix"),
    ("framework=sufix", "did you mean framework=suffix?", "framework=suffix"),
    ("train={epochs:3}", "single keys are set as train.KEY=VALUE", "train.epochs=3"),
    ("~architecture", "architecture can't be left out; choose another with architecture=NAME", "architecture=rnn"),
    ("dataset@x=cs/finnish", "leave out @x", "dataset=cs/finnish"),
    ("train.batch_size=0", "train.batch_size=0: train.batch_size must be a whole number from 1", "train.batch_size=1"),
    ("arch.dropout=1", "arch.dropout must be a number from 0 below 1", "arch.dropout=0.99"),
    ("train.learning_rate=nan", "train.learning_rate must be a number above 0", "train.learning_rate=1"),
    ("train.seconds=inf", "train.seconds must be a number above 0, or null", "train.seconds=1e9"),
    ("train.validate=every", "train.validate must be best or each", "train.validate=each"),
    ("arch.attention=yes", "arch.attention must be true or false", "arch.attention=false"),
    ("seed=4294967296", "seed must be a whole number from 0 below 4294967296", "seed=4294967295"),
    ("arch.filters=???", "arch.filters is not set (???): add arch.filters=VALUE", "arch.filters=3"),
    ("arch.filters=${nope}", "arch.filters: Interpolation key 'nope' not found", "arch.filters=${seed}"),
    ("seed=${oc.env:DAISY_NOPE}", "seed: KeyError raised while resolving", "seed=3"),
    ("train.epochs=null", "set train.epochs or train.seconds", "train.seconds=1"),
    ("hydra.run.dir=x", "set env.models_dir instead of hydra's keys", "env.models_dir=x"),
    ("arch kernel=6", "write KEY=VALUE", "arch.kernel=6"),
    (f"arch.kernel={'9' * 5000}", "is no override that Hydra can read", "arch.kernel=9"),
]


@pytest.mark.parametrize(("typed", "told", "then"), FOLLOWED, ids=[case[0][:40] for case in FOLLOWED])
def test_a_mistake_is_told_and_the_way_out_is_one(typed: str, told: str, then: str, refused: Refused) -> None:
    assert told in refused(typed)
    assert composed(then).values


NOT_USED = [
    (["framework=suffix", "arch.kernel=6"], "suffix does not use arch.kernel: leave it out"),
    (["framework=suffix", "seed=2"], "suffix does not use seed"),
    (["framework=suffix", "train.patience=0"], "suffix does not use train.patience"),  # though 0 is the default
    (["framework=suffix", "architecture=rnn"], "suffix does not use arch.encoder (set by architecture=rnn)"),
    (["framework=suffix", "architecture=conv"], "suffix uses nothing of architecture=conv"),
    (["framework=suffix", "train.validate=each"], "use train.validate=best"),
    (["architecture=rnn", "arch.kernel=4"], "there is no key arch.kernel; arch has encoder"),
    (["+train.warmup=4"], "arcadio does not use train.warmup"),
    (["+colour=red"], "arcadio does not use colour"),
    (["+mine.colour=red"], "arcadio does not use mine.colour"),
    (["framework.options.beam=4"], "write +framework.options.beam=4 if the framework has it"),
    (["+framework.options.width=4"], "has no option width - there are: beam, normalize"),
    (["framework=suffix", "+framework.options.width=4"], "suffix does not use framework.options.width"),
    (["~arch.kernel"], "arch.kernel is missing from the configuration: add +arch.kernel=VALUE"),
    (["framework.name=nowhere"], "framework nowhere has no adapter: write frameworks/nowhere.py"),
    (["arch.kernel=[2,4]", "arch.filters=[1,2,3]"], "arch.kernel has 2, arch.filters has 3"),
    (["arch.kernel=[2,4]", "arch.layers=3"], "arch.kernel has 2 values and arch.layers=3"),
]


@pytest.mark.parametrize(("typed", "told"), NOT_USED, ids=[" ".join(case[0]) for case in NOT_USED])
def test_an_option_that_would_change_nothing_is_refused(typed: list[str], told: str, refused: Refused) -> None:
    assert told in refused(*typed)


def test_flags_that_are_not_there_are_refused(refused: Refused) -> None:
    assert "unrecognized arguments: --colour" in refused("--colour")
    assert "expected one argument" in refused("--cfg")
    assert "invalid choice: 'model'" in refused("--cfg", "model")
    assert "add it" in refused("--resolve")


def test_an_interpreter_that_is_not_there(refused: Refused, project: DaisyProject) -> None:
    plain_file = project.root / "python"
    plain_file.write_text("")
    plain_file.chmod(stat.S_IRUSR)
    for value, told in (
        ("/nowhere/python", "env.python.suffix=/nowhere/python: there is no such file"),
        ("python2.2", "env.python.suffix=python2.2: there is no such command on PATH"),
        ("./python", "can't be executed"),
    ):
        line = refused("framework=suffix", "dataset=tiny", f"env.python.suffix={value}")
        assert told in line and "set env.python.suffix=PATH, or leave it out" in line


def test_own_files_that_are_not_there(refused: Refused, project: DaisyProject) -> None:
    line = refused("framework=suffix", "dataset=tiny", "dataset.dev=dve.tsv")
    assert f"dataset.dev: there is no file {project.root / 'dve.tsv'}" in line and "correct the path" in line


# The real command: a process of its own


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["arch.kernal=6"], "did you mean arch.kernel?"),
        (["dataset=cs/finish"], "did you mean dataset=cs/finnish"),
        (["framework=suffix", "dataset=tiny", "arch.kernel=6"], "suffix does not use arch.kernel"),
        (["arch.kernel=2,4"], "arch.kernel=2,4 names several values: give one, or a list in brackets"),
        (["-m", "--cfg", "job", "arch.kernel=2,4"], "leave one of them out"),
        (["--dry-run", "arch.kernel=2"], "--dry-run goes with -m"),
        (["-m", "dataset=tiny", "arch.kernel=2,0"], "of model 2 of 2 (dataset=tiny arch.kernel=0): arch.kernel=0"),
        (["--cfg", "hydra", "arch.kernal=6"], "did you mean arch.kernel?"),
        (["--info", "arch.kernal=6"], "invalid choice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_command_ends_with_two_and_one_line(typed: list[str], told: str, project: DaisyProject) -> None:
    before = files(project.root)
    done = project.daisy(*typed)
    assert (done.code, done.out) == (2, "")
    assert told in done.one_line
    assert files(project.root) == before


def test_a_dataset_that_can_not_be_downloaded(project: DaisyProject, tmp_path: Path) -> None:
    mirror = tmp_path / "empty mirror"
    mirror.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{closed_port()}"
    typed = ["framework=suffix", "dataset=cs/finnish", f"env.mirror={mirror}", f"dataset.url={url}"]
    done = project.daisy(*typed)
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("daisy: ") and "Traceback" not in done.err
    for part in ("finnish-train-high could not be fetched", str(mirror), url, "set env.mirror=FOLDER"):
        assert part in last
    assert not project.models() and not (project.root / "models").exists()


def test_outside_a_project_the_way_to_one_is_told(project: DaisyProject, tmp_path: Path) -> None:
    done = project.daisy("arch.kernel=6", cwd=tmp_path)
    assert done.code == 2
    assert "`daisy init .` makes one here" in done.one_line
    done = project.daisy("arch.kernel=6", environment={"DAISY_PROJECT": str(tmp_path)})
    assert f"`daisy init {tmp_path}` makes a project there" in done.one_line
