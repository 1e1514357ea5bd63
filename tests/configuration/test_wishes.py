"""What a person may ask Slurm for, and what would break the lanes that hold the cap: refused before Slurm sees it."""

from pathlib import Path

import pytest
from support import DaisyProject

from daisy.configuration import wishes
from daisy.errors import ConfigurationError

MODELS = Path("/models")
SPELLINGS = [
    "array", "comment", "dependency", "job-name", "no-requeue", "requeue", "signal", "output", "error", "wrap", "wait",
    "test-only", "parsable", "job_name", "no_requeue", "test_only",
    # Cut off, as sbatch takes them, too.
    "arr", "a", "com", "c", "dep", "d", "job", "job_n", "j", "no_req", "req", "sig", "out", "err", "wra", "test", "pars",
]  # fmt: skip


@pytest.mark.parametrize("option", SPELLINGS)
def test_what_makes_a_lane_is_daisys(option: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        wishes.check({"additional_parameters": {"mail-type": "FAIL", option: "x"}}, MODELS)
    assert str(refused.value) == f"env.slurm.additional_parameters.{option}: Daisy sets that itself: leave it out"


@pytest.mark.parametrize("option", ["dependency=afterok:1", "comment=x", "mail type", "--wrap", "", "x\n#SBATCH --array"])
def test_a_name_is_a_name(option: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits and `-` only: mend it"):
        wishes.check({"additional_parameters": {option: "x"}}, MODELS)


@pytest.mark.parametrize(
    "option", ["mail-type", "mail_user", "begin", "exclusive", "reservation", "nice", "signals", "constraint", "licenses", "x11"]
)
def test_whatever_else_sbatch_takes_is_passed_on(option: str) -> None:
    wishes.check({"additional_parameters": {option: "x"}, "name": "daisy", "timeout_min": 60, "signal_delay_s": 120}, MODELS)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "env.slurm.additional_parameters={mail-type: FAIL, dependency: afterok:1}",
            "dependency: Daisy sets that itself: leave it out",
        ),
        ("env.slurm.additional_parameters.job_name=mine", "job_name: Daisy sets that itself: leave it out"),
        ("+env.slurm.additional_parameters.comment=mine", "comment: Daisy sets that itself: leave it out"),
        ("++env.slurm.additional_parameters={arr: 0-99}", "arr: Daisy sets that itself: leave it out"),
        ("env.slurm.additional_parameters={1: FAIL}", "must be a mapping: {mail-type: FAIL}, or null"),
    ],
)
def test_on_the_command_line(project: DaisyProject, override: str, told: str) -> None:
    """Before a Slurm is looked for: it is the same on a machine that has none."""
    words = ("-m", "env=slurm", "dataset=tiny", "framework=suffix", "seed=1,2", override)
    refused = project.daisy(*words, environment={"PATH": "/nonexistent"})
    assert refused.code == 2 and refused.out == ""
    assert "env.slurm.additional_parameters" in refused.one_line and refused.one_line.endswith(told), refused.one_line
    assert project.models() == [] and not (project.root / "models" / ".sweeps").exists()


def test_through_hydras_own_launcher(project: DaisyProject) -> None:
    asked = ("hydra/sweeper=basic", "hydra/launcher=daisy_slurm", "hydra.launcher.additional_parameters={requeue: true}")
    refused = project.daisy("-m", "env=slurm", "dataset=tiny", "framework=suffix", "seed=1,2", *asked)
    assert refused.code == 2 and "Traceback" not in refused.err
    last = refused.err.splitlines()[-1]
    assert last == "daisy: env.slurm.additional_parameters.requeue: Daisy sets that itself: leave it out"
    assert project.models() == []


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": "my lanes"}, "env.slurm.name='my lanes': a job's name has letters, digits, `_`, `-` and `.` only, at most 40"),
        ({"name": "-x"}, "at most 40"),
        ({"name": "x" * 41}, "at most 40"),
        ({"name": "a\n#SBATCH --array=0-9"}, "at most 40"),
        ({"timeout_min": 2, "signal_delay_s": 120}, "each job would be stopped as it begins: lower it"),
        ({"additional_parameters": ["dependency"]}, "must be a mapping: {mail-type: FAIL}, or null"),
        ({"setup": "module load cuda"}, "env.slurm.setup must be a list of texts: [first,second], or null"),
        ({"srun_args": [1]}, "env.slurm.srun_args must be a list of texts: [first,second], or null"),
    ],
)
def test_what_else_would_go_wrong_on_the_cluster(wish: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        wishes.check(wish, MODELS)
    assert str(refused.value).endswith(told) and "\n" not in str(refused.value)


def test_a_percent_sign_in_the_models_folder() -> None:
    with pytest.raises(
        ConfigurationError, match=r"env\.models_dir=/a%j: Slurm takes % in a path for something else: set another"
    ):
        wishes.check({}, Path("/a%j"))
