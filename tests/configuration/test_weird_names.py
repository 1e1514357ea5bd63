"""Names that try to leave their folder, or the screen, or both."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from support import DaisyProject

from daisy.cli import main
from daisy.configuration import config_id, find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError

TINY = "defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\n"
REFUSED = [
    "dataset=../../x",
    "dataset=/etc/passwd",
    "dataset=tiny/../../x",
    "dataset=" + "x" * 300,
    "dataset='a\nb'",
    "dataset='a\0b'",
    "dataset='\x1b[31mred'",
    "dataset=😀",
    "dataset='😀'",
    "framework=../../frameworks/suffix",
    "framework.name=../../x",
    "framework.name=/x",
    "framework.name='a b'",
    "framework.name='a\nb'",
    "framework.name=a__b",
    "framework.name=" + "x" * 300,
    "framework.name=-x",
    "framework.name='😀'",
    "framework.name=''",
    "seed='1\n2'",
    "arch.kernel=6\n",
    "+arch.x='\0'",
    "env.models_dir='a\0b'",
    "env.models_dir='a\nb' seed=x",
    "ke\ny=3",
    "../x=3",
]


@pytest.mark.parametrize("override", REFUSED, ids=[f"{override!r:.40}" for override in REFUSED])
def test_a_weird_name_is_refused_in_one_line(
    override: str, project: DaisyProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    around = set(project.root.parent.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main(override.split(" ") if override.endswith("seed=x") else [override])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert len(told.splitlines()) == 1 and told.startswith("daisy: "), told
    assert "\x1b" not in told and "\0" not in told
    assert set(project.root.parent.rglob("*")) == around


def test_bytes_that_are_no_text_are_refused(project: DaisyProject) -> None:
    for argument in (b"dataset.origin='\xff'", b"env.models_dir='\xff'", b"dataset='\xff'", b"\xff=1"):
        done = subprocess.run(
            [os.fsencode(part) for part in project.command("framework=suffix", "dataset=tiny")] + [argument],
            cwd=project.root,
            env=project.environment(),
            capture_output=True,
        )
        assert done.returncode == 2 and b"Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (project.root / "models").exists()


@pytest.mark.parametrize(
    "name", ["a'; echo foo", "a=b", "a,b", "we ird", "ä😀", "-x", "a..b", "a__2", "x" * 240, "%s{0}", "a\tb"]
)
def test_a_weird_dataset_file_trains_in_a_clean_folder(name: str, project: DaisyProject) -> None:
    (project.root / "conf" / "dataset" / f"{name}.yaml").write_text(TINY)
    there = find_project(project.root, {})
    composed = compose(there, ["framework=suffix", f'dataset="{name}"'])
    assert composed.dataset == name
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", config_id(composed, list(composed.flat())), re.ASCII)


def test_a_real_run_with_a_weird_dataset(project: DaisyProject) -> None:
    name = "..; touch pwned; ä😀 " + "x" * 150
    (project.root / "conf" / "dataset" / f"{name}.yaml").write_text(TINY)
    around = set(project.root.parent.iterdir()) | set(project.root.iterdir())
    done = project.daisy("framework=suffix", f"dataset='{name}'")
    assert done.code == 0, done.err
    (model,) = project.models()
    assert re.fullmatch(r"r\d+__suffix__[A-Za-z0-9._-]{1,100}", model.name, re.ASCII)
    assert json.loads((model / "daisy" / "config.json").read_text())["choices"]["dataset"] == name
    made = (set(project.root.parent.iterdir()) | set(project.root.iterdir())) - around
    assert {path.name for path in made} <= {"models", "data", ".daisy"}


def test_a_file_name_that_breaks_lines_breaks_no_message(project: DaisyProject) -> None:
    (project.root / "conf" / "dataset" / "a\nb.yaml").write_text(TINY)
    with pytest.raises(ConfigurationError) as caught:
        compose(find_project(project.root, {}), ["dataset=nowhere"])
    assert r"a\nb" in str(caught.value) and "\n" not in str(caught.value)


def test_a_project_in_a_weird_folder(project: DaisyProject) -> None:
    weird = project.root.rename(project.root.parent / "a'; echo ${foo} 50% ä😀")
    there = DaisyProject(weird)
    done = there.daisy("framework=suffix", "dataset=tiny")
    assert done.code == 0, done.err
    assert len(there.models()) == 1


def test_paths_start_where_they_were_typed(project: DaisyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    there, inside = find_project(project.root, {}), project.root / "notes"
    monkeypatch.setenv("DAISY_TEST_SCRATCH", "/scratch")
    for typed, expected in (
        ("env.models_dir=m", inside / "m"),
        ("env.models_dir=../m", project.root / "m"),
        ("env.models_dir=/m", Path("/m")),
        ("env.models_dir='~/m'", Path.home() / "m"),
        ('env.models_dir="it\'s"', inside / "it's"),
        ("env.models_dir='${oc.env:DAISY_TEST_SCRATCH}/m'", Path("/scratch/m")),
    ):
        assert compose(there, [typed], inside).env.models_dir == expected, typed
    assert compose(there, ["env.mirror=http://a/b"], inside).env.mirror == "http://a/b"
    for typed, python in (
        ("env.python.suffix=../py", str(project.root / "py")),
        ("env.python.suffix=python3", "python3"),
        ("env.python.suffix='${oc.env:DAISY_TEST_SCRATCH}/py'", "/scratch/py"),
        ("++env.python.suffix=python3", "python3"),
    ):
        assert compose(there, [typed], inside).env.python == {"suffix": python}, typed
