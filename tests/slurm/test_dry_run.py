"""`--dry-run` with env=slurm: all that would be submitted is shown, and nothing of it is there afterwards."""

import shlex
import sys
from pathlib import Path

import pytest
from slurm.fake import FakeSlurm
from slurm.on_slurm import OnSlurm, project_on
from support import DaisyProject

WISHES = (
    "env.max_running=3", "env.slurm.partition=main", "env.slurm.mem_gb=0.5", "env.slurm.timeout_min=7",
    "env.slurm.signal_delay_s=33", "env.slurm.cpus_per_task=1", "env.slurm.additional_parameters={mail-type: NONE}",
    "env.slurm.setup=[\"export A='x y'\"]",
)  # fmt: skip
TOLD = {
    "--partition=main", "--mem=512MB", "--time=7", "--signal=USR2@33", "--cpus-per-task=1", "--mail-type=NONE", "--no-requeue",
    "--dependency=singleton", "--array=0-2%1",
}  # fmt: skip


def shown(on_slurm: OnSlurm, *words: str) -> str:
    """What a dry run prints; afterwards there is nothing in the queue, no sweep, no model, no copy of the code."""
    done = on_slurm.daisy("env=slurm", "framework=sleeper", "dataset=tiny", *words, "--dry-run")
    assert done.code == 0 and done.err == "", done.err
    assert on_slurm.sweeps == [] and on_slurm.project.models() == [] and on_slurm.begun() == []
    left = {path.name for path in (on_slurm.project.root / "models").glob(".*/*") if not path.name.startswith(".")}
    assert not left
    return str(done.out)


def options(text: str) -> list[set[str]]:
    """Those of each sbatch text that is shown."""
    texts = text.split("\nsbatch, for the lane ")[1:]
    return [{" ".join(shlex.split(line)[1:]) for line in one.splitlines() if line.startswith("#SBATCH")} for one in texts]


@pytest.mark.slow
def test_what_would_be_submitted(on_slurm: OnSlurm) -> None:
    """Seven models of one kind in three lanes, and what their tasks run: as a real Slurm would take it."""
    text = shown(on_slurm, "-m", "seed=range(1,8)", *WISHES)
    assert on_slurm.squeue("%i") == []
    lines = text.splitlines()
    for number in range(1, 8):
        suffix = "" if number == 1 else f"_s{number}"
        assert f"{number}  sleeper  tiny{suffix}" in lines
    lanes = on_slurm.lanes
    assert f"sbatch, for the lane {lanes}-0:" in lines
    (wishes,) = options(text)
    assert wishes >= TOLD | {f"--job-name={lanes}-0"}
    assert {"export A='x y'", "set +e"} <= set(lines) and any(line.startswith("srun ") for line in lines)
    assert f"and likewise, each with so many tasks: {lanes}-1 (2), {lanes}-2 (2)" in lines
    command = shlex.split(lines[lines.index("each task runs:") + 1])
    tag = next(word.partition("=")[2] for word in wishes if word.startswith("--comment="))
    assert command[0] == sys.executable and command[-2:] == [str(on_slurm.project.root / "models"), tag]
    assert "sbatch --test-only: Slurm would take these jobs" in lines
    assert lines[-1] == "7 models; nothing was launched (--dry-run)"
    # What is submitted then is what was shown, but that each lane gets its first task before any gets another one.
    assert on_slurm.run("seed=range(1,8)", "framework.options.seconds=0.1", *WISHES).code == 0
    scripts = [set(path.read_text().splitlines()) for path in on_slurm.sweeps[0].slurm.glob("*submission*.sh")]
    asked = {line for line in lines if line.startswith("#SBATCH") and "output" not in line and "array" not in line}
    assert any(asked <= script for script in scripts)
    assert len(on_slurm.ended()) == 7


@pytest.mark.slow
def test_different_wishes_are_different_jobs(on_slurm: OnSlurm) -> None:
    text = shown(on_slurm, "-m", "seed=1,2", "env.slurm.cpus_per_task=${seed}", "env.max_running=2")
    assert [{word for word in one if "cpus" in word} for one in options(text)] == [{"--cpus-per-task=1"}, {"--cpus-per-task=2"}]
    assert text.count("each task runs:") == 2 and text.endswith("2 models; nothing was launched (--dry-run)\n")


@pytest.mark.slow
def test_what_slurm_would_not_take_is_told(on_slurm: OnSlurm) -> None:
    words = ("-m", "env=slurm", "framework=sleeper", "dataset=tiny", "seed=1,2", "env.slurm.partition=nosuch", "--dry-run")
    refused = on_slurm.daisy(*words)
    assert refused.code == 1 and "Invalid partition name" in refused.one_line and "env.slurm.partition" in refused.one_line
    assert on_slurm.sweeps == [] and on_slurm.squeue("%i") == []


@pytest.mark.parametrize("words", [(), ("-m",)])
def test_slurm_is_asked_and_given_nothing(project: DaisyProject, tmp_path: Path, words: tuple[str, ...]) -> None:
    fake = FakeSlurm(tmp_path / "slurm").install()
    on_fake = project_on(fake, project, tmp_path)  # type: ignore[arg-type]
    text = shown(on_fake, *words)
    assert "#SBATCH --job-name=" in text and "1 model; nothing was launched (--dry-run)" in text
    assert fake.jobs() == [] and fake.calls("scancel") == fake.calls("srun") == []
    assert fake.calls("sbatch") and all("--test-only" in call for call in fake.calls("sbatch"))
