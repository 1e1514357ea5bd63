"""What sbatch is given says what a model asks for, in sbatch's own words."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from daisy.configuration.keys import KEYS, SLURM_COLLECTIONS
from daisy.errors import LaunchError
from daisy.launch.lanes import lanes_for
from daisy.launch.sbatch import Lanes, command_of, text_of

WISHES = {
    "cap": "lanes", "array_parallelism": 3, "name": "mine", "timeout_min": 90, "signal_delay_s": 45, "partition": "long,short",
    "account": "lab", "qos": "few", "constraint": "a100&ib", "exclude": "n[3-5]", "nodes": 1, "tasks_per_node": 1,
    "cpus_per_task": 6, "cpus_per_gpu": 3, "gpus_per_node": 2, "gpus_per_task": 2, "gres": "gpu:a100:2", "mem_gb": 7.5,
    "mem_per_cpu": "2G", "mem_per_gpu": "20G", "stderr_to_stdout": True, "setup": ["module load cuda", "export A='x y'"],
    "srun_args": ["--cpu-bind=cores", "--label x"],
    "additional_parameters": {"mail_type": "FAIL", "reservation": "a b", "exclusive": True},
}  # fmt: skip
OPTIONS = {
    "job-name": "mine-1", "time": "90", "partition": "long,short", "account": "lab", "qos": "few", "constraint": "a100&ib",
    "exclude": "n[3-5]", "nodes": "1", "ntasks-per-node": "1", "cpus-per-task": "6", "cpus-per-gpu": "3", "gpus-per-node": "2",
    "gpus-per-task": "2", "gres": "gpu:a100:2", "mem": "7680MB", "mem-per-cpu": "2G", "mem-per-gpu": "20G", "mail-type": "FAIL",
    "reservation": "a b", "exclusive": "", "signal": "USR2@45", "no-requeue": "", "dependency": "singleton",
}  # fmt: skip
NULLS = (
    "partition", "account", "qos", "constraint", "exclude", "cpus_per_task", "cpus_per_gpu", "gpus_per_node", "gpus_per_task",
    "gres", "mem_gb", "mem_per_cpu", "mem_per_gpu", "setup", "srun_args",
)  # fmt: skip


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is made where Slurm's programs are: here are some that nothing calls."""
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\necho it was called >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def told(lanes: Lanes, name: str = "mine-1", count: int = 1) -> tuple[str, dict[str, str]]:
    """The text for one lane, and the options in it, as a shell splits them."""
    text = text_of(lanes, name, Path("/models/.sweeps/s1/slurm"), count)
    lines = [shlex.split(line.removeprefix("#SBATCH ")) for line in text.splitlines() if line.startswith("#SBATCH ")]
    assert all(len(words) == 1 and words[0].startswith("--") for words in lines), lines
    pairs = [words[0].removeprefix("--").partition("=")[::2] for words in lines]
    assert len(dict(pairs)) == len(pairs), "an option is there twice"
    return text, dict(pairs)


def test_each_wish_is_an_option_of_sbatch() -> None:
    known = {key.rpartition(".")[2] for key in (*KEYS, *SLURM_COLLECTIONS) if key.startswith("env.slurm.")}
    assert WISHES.keys() == known, "a key of env.slurm that this test does not know"
    lanes = lanes_for(Path("/models"), WISHES)
    _, options = told(lanes)
    assert {name: options.get(name) for name in OPTIONS} == OPTIONS
    assert options["comment"] == lanes.tag
    assert options.keys() - OPTIONS.keys() == {"comment", "open-mode", "output", "wckey"}
    assert options["output"].startswith("/models/.sweeps/s1/slurm/") and "error" not in options


def test_setup_and_the_arguments_of_srun_are_in_the_shells_part() -> None:
    text, _ = told(lanes_for(Path("/models"), WISHES))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert [line.partition("  #")[0] for line in lines[:-2][-4:]] == ["set -e", "module load cuda", "export A='x y'", "set +e"]
    words = shlex.split(lines[-1])
    assert words[0] == "srun" and {"--cpu-bind=cores", "--label x"} <= set(words[: words.index("-u")])
    assert words[-3:] == ["-m", "submitit.core._submit", "/models/.sweeps/s1/slurm"]
    checked = subprocess.run([shutil.which("bash") or "sh", "-n"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("key", NULLS)
def test_what_is_null_is_left_to_slurm(key: str) -> None:
    text, options = told(lanes_for(Path("/models"), {**WISHES, key: None}))
    name = {"mem_gb": "mem", "setup": "set -e", "srun_args": "cpu-bind"}.get(key, key.replace("_", "-"))
    assert name not in options and "None" not in text and (name in ("set -e", "cpu-bind")) <= (name not in text)
    assert len(options) == len(told(lanes_for(Path("/models"), WISHES))[1]) - (key not in ("setup", "srun_args"))


@pytest.mark.parametrize(("gigabytes", "memory"), [(1, "1024MB"), (0.5, "512MB"), (1.0001, "1025MB"), (64, "65536MB")])
def test_memory_is_rounded_up(gigabytes: float, memory: str) -> None:
    assert told(lanes_for(Path("/models"), {**WISHES, "mem_gb": gigabytes}))[1]["mem"] == memory


def test_stderr_of_its_own() -> None:
    options = told(lanes_for(Path("/models"), {**WISHES, "stderr_to_stdout": False}))[1]
    assert options["error"].startswith("/models/") and options["error"] != options["output"]


@pytest.mark.parametrize(
    ("cap", "name", "count", "array"),
    [("lanes", "mine-2", 4, "0-3%1"), ("lanes", "mine-2", 1, None), ("array", "mine", 9, "0-8%3"), ("array", "mine", 1, None)],
)
def test_the_cap(cap: str, name: str, count: int, array: str | None) -> None:
    """A lane's jobs run one by one, by their name; those of an array so many at once."""
    lanes = lanes_for(Path("/models"), {**WISHES, "cap": cap})
    assert lanes.names == (["mine-0", "mine-1", "mine-2"] if cap == "lanes" else ["mine"])
    options = told(lanes, name, count)[1]
    assert (options["job-name"], options.get("array")) == (name, array)
    assert options.get("dependency") == ("singleton" if cap == "lanes" else None)


@pytest.mark.parametrize("wish", ["a b", "it's", '"x"', "$(touch /tmp/x)", "a;b", "#x", "\\"])
def test_a_wish_is_one_word(wish: str) -> None:
    options = told(lanes_for(Path("/models"), {**WISHES, "constraint": wish, "additional_parameters": {"reservation": wish}}))[1]
    assert options["constraint"] == options["reservation"] == wish


def test_folders_with_any_name() -> None:
    lanes = lanes_for(Path("/my models/it's"), WISHES)
    text = text_of(lanes, "mine-0", Path("/my models/it's/slurm"), 1)
    assert shlex.split(text.splitlines()[-1])[-1] == "/my models/it's/slurm"
    assert command_of(lanes, Path("/co'de"))[-2:] == ["/my models/it's", lanes.tag]
    compile(command_of(lanes, Path("/co'de"))[3], "the command", "exec")


def test_without_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LaunchError, match=r"there is no Slurm on this machine .*: launch on the cluster, or with env=local$"):
        told(lanes_for(Path("/models"), WISHES))
