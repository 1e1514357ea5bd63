"""`daisy list` while Slurm does not say what is in its queue: nobody takes a model for dead, and the screen says why."""

import json
from pathlib import Path

import pytest
from registry.filled import begun
from slurm.fake import HANG, UNREACHABLE, FakeSlurm
from slurm.on_slurm import OnSlurm, project_on
from slurm.test_fake_evidence import RUBBISH, elsewhere
from support import DaisyProject

from daisy.cli import main
from daisy.files import write_json
from daisy.launch import slurm

NOTE = "Slurm does not answer (squeue): whether its jobs run is not known"


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """A fake cluster."""
    return FakeSlurm(tmp_path / "slurm").install()


@pytest.fixture
def on_fake(fake: FakeSlurm, project: DaisyProject, tmp_path: Path) -> OnSlurm:
    """A project with five models that run as jobs on nodes of the fake cluster, as far as their folders say."""
    models_dir = project.root / "models"
    models_dir.mkdir()
    for number in range(1, 6):
        fake.put(f"7_{number}", "RUNNING", node=f"n{number}")
        attempt = begun(models_dir, number).attempt_file(1)
        write_json(attempt, vars(elsewhere(job=f"7_{number}", host=f"n{number}")))
        fake.account(f"7_{number}", "CANCELLED by 1000")  # of older jobs with the same numbers: it speaks of none of these
    return project_on(fake, project, tmp_path)  # type: ignore[arg-type]


def states(on_fake: OnSlurm) -> list[str]:
    """Of all models, as data."""
    listed = on_fake.daisy("list", "--json")
    assert listed.code == 0 and "Traceback" not in listed.err, listed.err
    return [row["state"] for row in json.loads(listed.out)]


def test_while_slurm_answers_all_of_them_run(on_fake: OnSlurm) -> None:
    listed = on_fake.daisy("list")
    assert listed.code == 0 and listed.out.startswith("5 running") and NOTE not in listed.out
    assert states(on_fake) == ["running"] * 5


@pytest.mark.parametrize("mode", [UNREACHABLE, *RUBBISH.values()], ids=["unreachable", *RUBBISH])
def test_squeue_says_nothing_of_use(on_fake: OnSlurm, fake: FakeSlurm, mode: str) -> None:
    fake.break_("squeue", mode)
    listed = on_fake.daisy("list")
    assert listed.code == 0 and listed.err == "", listed.err
    assert NOTE in listed.out.splitlines() and listed.out.count(NOTE) == 1
    assert sum(" unknown " in line for line in listed.out.splitlines()) == 5
    assert not any(word in listed.out for word in (" stopped ", " failed ", "CANCELLED"))
    asked = len(fake.calls("squeue"))
    assert asked == 1 and not any("7_" in word for call in fake.calls("sacct") for word in call)
    assert states(on_fake) == ["unknown"] * 5
    fake.mend()
    assert states(on_fake) == ["running"] * 5


def test_squeue_hangs(
    on_fake: OnSlurm, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, which does not wait as long as a person would."""
    for name, value in on_fake.project.environment(on_fake.environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(on_fake.project.root)
    monkeypatch.setattr(slurm, "ANSWERS_WITHIN", 0.3)
    fake.break_("squeue", HANG)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    told = capsys.readouterr()
    assert ended.value.code == 0 and told.err == ""
    assert NOTE in told.out.splitlines() and sum(" unknown " in line for line in told.out.splitlines()) == 5


def test_no_squeue_on_this_machine(on_fake: OnSlurm) -> None:
    """The models' folders are on a disk that other machines share."""
    listed = on_fake.project.daisy("list", environment={"PATH": "/nonexistent"})
    assert listed.code == 0 and NOTE in listed.out.splitlines() and listed.out.count(" unknown ") == 5
