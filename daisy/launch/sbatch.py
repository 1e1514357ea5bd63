"""From what models ask for to jobs in Slurm's queue: the sbatch text, and submitting it, through submitit."""

import math
import os
import shlex
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daisy.errors import LaunchError
from daisy.launch import slurm
from daisy.launch.refused import NO_NODES_NOW, is_for_ever, is_limit, refusal

if TYPE_CHECKING:
    import submitit

START = "import sys; sys.path.insert(0, {code!r}); from daisy.launch.slurm_task import main; main()"
REASON_COMES_WITHIN = 5.0  # seconds
SUBMITITS_NAMES = {"name": "job_name", "timeout_min": "time", "tasks_per_node": "ntasks_per_node"}
OF_DAISY = ("cap", "array_parallelism", "name", "mem_gb", "additional_parameters")


@dataclass(frozen=True)
class Lanes:
    """The places to run of models that ask Slurm for the same. `tag` is the comment of their jobs until they have a model."""

    models_dir: Path
    wishes: Mapping[str, Any] = field(repr=False)  # env.slurm
    tag: str

    @property
    def names(self) -> list[str]:
        """The lanes' names; one alone where the cap is an array's."""
        name = str(self.wishes.get("name", "daisy"))
        return [f"{name}-{number}" for number in range(self.at_once)] if self.are_lanes else [name]

    @property
    def are_lanes(self) -> bool:
        """Whether names hold the cap, or the parallelism of an array."""
        return str(self.wishes.get("cap", "lanes")) == "lanes"

    @property
    def at_once(self) -> int:
        """How many models may run at once."""
        return int(self.wishes.get("array_parallelism", 10))


@dataclass(frozen=True)
class Submitted:
    """A job, or an array of them with so many tasks."""

    job_id: str
    lane: str
    tasks: int
    tag: str


def submit(lanes: Lanes, name: str, folder: Path, code: Path, count: int) -> Submitted:
    """New tasks of a lane, fewer where a limit wants that. Raises LaunchError with what Slurm says where it takes none."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    command = command_of(lanes, code)
    while True:
        executor = _executor(lanes, name, folder)
        try:
            # The process becomes ours: Slurm sees its exit code and it gets Slurm's signals, with nothing between.
            with redirect_stderr(None), slurm.as_at_login():  # submitit prints there what it raises
                jobs = executor.map_array(os.execv, [command[0]] * count, [command] * count)
            return Submitted(str(jobs[0].job_id).partition("_")[0], name, count, lanes.tag)
        except (FailedJobError, FailedSubmissionError) as error:
            said = slurm.said(str(error))
            if count == 1 or not is_limit(said):
                raise refusal(said) from None
            count //= 2


def command_of(lanes: Lanes, code: Path) -> list[str]:
    """What each task runs."""
    return [sys.executable, "-P", "-c", START.format(code=str(code)), str(lanes.models_dir), lanes.tag]


def text_of(lanes: Lanes, name: str, folder: Path, count: int) -> str:
    """What sbatch is given for a lane with so many tasks."""
    executor = _executor(lanes, name, folder)
    if count > 1:
        executor.parameters["map_count"] = count
    command = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(folder))}"
    return executor._make_submission_file_text(command, "")


def check(lanes: Lanes, folder: Path, probe: bool = True) -> str | None:
    """Raise LaunchError where Slurm would not take such jobs, or would take them and never start them.

    Of jobs that no node can run now Slurm alone knows whether one ever can, and only once it has them: a `probe` is submitted
    then, and cancelled. Without it what Slurm says is returned.
    """
    text = text_of(lanes, lanes.names[0], folder, 1)
    with tempfile.TemporaryDirectory(prefix="daisy-") as temporary:
        script = Path(temporary) / "script.sh"
        script.write_text(text)
        why = slurm.would_take(script)
        if why is None:
            return None
        if is_limit(why):
            return why  # jobs that are there already may train what is launched now
        if NO_NODES_NOW not in why:
            raise refusal(why)
        if not probe:
            return why
        script.write_text(_probe_text(text))
        try:
            reason = _reason(script)
        except LaunchError:  # it does not even take it
            raise refusal(why) from None
        if is_for_ever(reason):
            raise refusal(why)
    return why


def _probe_text(text: str) -> str:
    """The same wishes, for a job that does nothing."""
    lines = [line for line in text.splitlines() if line.startswith("#") and not line.startswith("#SBATCH --dependency")]
    return "\n".join([*lines, "#SBATCH --output=/dev/null", "exit 0", ""])


def _reason(script: Path) -> str:
    """Why a job that is submitted, and cancelled again, can't start now."""
    job_id = slurm.submit(script)
    try:
        until = time.monotonic() + REASON_COMES_WITHIN
        while (reason := slurm.reason_of(job_id)) in ("", "None") and time.monotonic() < until:
            time.sleep(0.2)
        return reason
    finally:
        slurm.cancel([job_id])


def _executor(lanes: Lanes, name: str, folder: Path) -> "submitit.SlurmExecutor":
    """submitit's, with what the models ask for."""
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise LaunchError("there is no Slurm on this machine (no sbatch): launch on the cluster, or with env=local")
    import submitit

    # Its advice on which parameters go together: sbatch decides.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"submitit\.")
    executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=0)
    try:
        executor.update_parameters(**_parameters(lanes, name))
    except (ValueError, TypeError) as error:
        raise LaunchError(f"submitit does not take env.slurm as it is ({str(error).splitlines()[0]}): mend it") from None
    return executor


def _parameters(lanes: Lanes, name: str) -> dict[str, Any]:
    """In submitit's names; what is null is left to Slurm."""
    wishes = lanes.wishes
    own = {SUBMITITS_NAMES.get(key, key): value for key, value in wishes.items() if key not in OF_DAISY and value is not None}
    own.setdefault("stderr_to_stdout", True)
    memory = wishes.get("mem_gb")
    if memory is not None:
        own["mem"] = f"{math.ceil(memory * 1024)}MB"
    own["additional_parameters"] = {"no-requeue": True, **(wishes.get("additional_parameters") or {})}
    if wishes.get("setup"):
        own["setup"] = ["set -e  # a line that fails ends the job", *wishes["setup"], "set +e"]
    own.update(job_name=name, comment=lanes.tag, array_parallelism=1 if lanes.are_lanes else lanes.at_once)
    if lanes.are_lanes:
        own["dependency"] = "singleton"
    return own


def keep_a_successor(submitted: Sequence[Submitted], live: Sequence[slurm.Job]) -> None:
    """Where a limit leaves no more jobs than may run at once, the last of them starts after another one.

    Jobs submit others as they start: if all of them had begun, none could submit one, and nobody were left when they end.
    """
    begun = [job.job_id for job in live if not job.pending] + [job.job_id for job in submitted[:-1]]
    if submitted and begun and len(begun) == len(live) + len(submitted) - 1 and all(job.tasks == 1 for job in submitted):
        slurm.start_after(submitted[-1].job_id, begun[0])
