"""A fake Slurm for what a real one can't do on demand: commands that hang, fail, print nothing or print rubbish.

Its commands are in a folder that a test puts first on PATH. They speak Slurm's own text (22.05), as far as Daisy asks for it:
test_fake_text.py holds it against the real one. Jobs run nothing; a test says what has become of them.
"""

import fcntl
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMANDS = ("sbatch", "srun", "squeue", "sacct", "scancel", "scontrol")
HANG, UNREACHABLE, NOTHING, DISABLED = "hang", "unreachable", "nothing", "disabled"
CONTACT = "Unable to contact slurm controller (connect failure)"
UNREACHABLE_TEXT = {
    "squeue": f"slurm_load_jobs error: {CONTACT}",
    "sbatch": f"sbatch: error: Batch job submission failed: {CONTACT}",
    "scancel": f"scancel: error: Kill job error on job id 1: {CONTACT}",
    "scontrol": f"slurm_load_ctl_conf error: {CONTACT}",
    "sacct": "sacct: error: Sending PersistInit msg: Connection refused\nsacct: error: Problem talking to the database: "
    "Connection refused",
}
DISABLED_TEXT = "Slurm accounting storage is disabled"
HEADERS = {
    "%i": "JOBID", "%j": "NAME", "%T": "STATE", "%r": "REASON", "%N": "NODELIST", "%M": "TIME", "%o": "COMMAND", "%k": "COMMENT",
}  # fmt: skip
OVER = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")
NO_SUCH_JOB = "slurm_load_jobs error: Invalid job id specified"


class FakeSlurm:
    """The state of a fake cluster, in a folder of its own; `run`, `environment` as of a real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"

    def install(self) -> "FakeSlurm":
        """Write its commands, and a state without jobs."""
        self.bin.mkdir(parents=True)
        for name in COMMANDS:
            script = self.bin / name
            words = [sys.executable, "-S", "-E", str(Path(__file__).resolve()), str(self.folder), name]
            script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            script.chmod(0o755)
        state = {
            "next": 101, "jobs": [], "accounted": {}, "modes": {}, "cluster": "fake", "max_array": 1001, "most": None,
            "refusals": [], "calls": [],
        }  # fmt: skip
        (self.folder / "state.json").write_text(json.dumps(state))
        return self

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process use it."""
        return {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}

    @contextmanager
    def state(self) -> Iterator[dict]:
        """Its state, to read and to change; one process at a time."""
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.folder / "state.json"
            state = json.loads(path.read_text())
            yield state
            path.write_text(json.dumps(state))

    def break_(self, command: str, mode: str) -> None:
        """From now on a command hangs, can't reach Slurm, prints nothing, ...: or prints this text, and all is well."""
        with self.state() as state:
            state["modes"][command] = mode

    def mend(self) -> None:
        """All commands answer again."""
        with self.state() as state:
            state["modes"] = {}

    def put(self, job_id: str, state: str, name: str = "daisy-0", comment: str = "(null)", node: str = "n1", **more: str) -> None:
        """A job in the queue; one that is over is what squeue still remembers of it."""
        job = {"id": job_id, "state": state, "name": name, "comment": comment, "node": node, "user": os.getuid(), "time": "1:05"}
        job |= {"reason": "None", "command": "(null)", **more}
        with self.state() as content:
            content["jobs"] = [other for other in content["jobs"] if other["id"] != job_id] + [job]

    def account(self, job_id: str, state: str, node: str = "n1") -> None:
        """What the accounting says of a job."""
        with self.state() as content:
            content["accounted"][job_id] = [state, node]

    def refuse(self, *texts: str | None) -> None:
        """What sbatch says to each of the next submissions; None where it takes one, HANG where it hangs."""
        with self.state() as state:
            state["refusals"] = list(texts)

    def jobs(self) -> list[dict]:
        """The jobs in its queue."""
        with self.state() as state:
            return [job for job in state["jobs"] if job["state"] not in OVER]

    def calls(self, command: str) -> list[list[str]]:
        """How a command was called so far."""
        with self.state() as state:
            return [call[1:] for call in state["calls"] if call[0] == command]


def answer(fake: FakeSlurm, command: str, words: list[str]) -> int:
    """What one of its commands does; the exit code."""
    with fake.state() as state:
        state["calls"].append([command, *words])
        mode = state["modes"].get(command)
        if command == "sbatch" and "--test-only" not in words and state["refusals"][:1] == [HANG]:
            mode = HANG
    if mode == HANG:
        time.sleep(100_000)
    if mode == UNREACHABLE:
        return fail(UNREACHABLE_TEXT[command])
    if mode == DISABLED:
        return fail(DISABLED_TEXT)
    if mode is not None:
        if mode != NOTHING:
            sys.stdout.buffer.write(mode.encode("utf-8", "surrogateescape"))
        return 0
    with fake.state() as state:
        return int(globals()[command](state, words))


def fail(text: str) -> int:
    """Slurm's words, and its exit code."""
    print(text, file=sys.stderr)
    return 1


def option(words: list[str], name: str) -> str | None:
    """The value of `--name value` or `--name=value`."""
    for place, word in enumerate(words):
        if word == f"--{name}":
            return words[place + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return None


def squeue(state: dict, words: list[str]) -> int:
    wanted = option(words, "jobs")
    pattern = option(words, "format") or "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
    jobs = [job for job in state["jobs"] if str(job["user"]) == (option(words, "user") or str(job["user"]))]
    if option(words, "states") != "all":
        jobs = [job for job in jobs if job["state"] not in OVER]
    if wanted is not None:
        jobs = [job for job in jobs if job["id"] == wanted or job["id"].partition("_")[0] == wanted]
        if not jobs:
            return fail(NO_SUCH_JOB)
    if "--noheader" not in words:
        jobs = [None, *jobs]
    keys = {"%i": "id", "%j": "name", "%T": "state", "%r": "reason", "%N": "node", "%M": "time", "%o": "command", "%k": "comment"}
    for job in jobs:
        cells = {column: HEADERS[column] if job is None else job[key] for column, key in keys.items()}
        line = re.sub(r"%\w", lambda match, cells=cells: cells[match[0]], pattern)
        sys.stdout.buffer.write(f"{line}\n".encode("utf-8", "surrogateescape"))
    return 0


def sacct(state: dict, words: list[str]) -> int:
    print("JobID|State|NodeList")
    for job_id in (option(words, "jobs") or "").split(","):
        if job_id in state["accounted"]:
            told, node = state["accounted"][job_id]
            print(f"{job_id}|{told}|{node}")
            if "--allocations" not in words:
                print(f"{job_id}.batch|{told}|{node}")
    return 0


def scancel(state: dict, words: list[str]) -> int:
    for word in words:
        for job in state["jobs"]:
            if word in (job["id"], job["id"].partition("_")[0]):
                job["state"] = "CANCELLED"
                state["accounted"][job["id"]] = [f"CANCELLED by {job['user']}", "None assigned"]
    return 0


def scontrol(state: dict, words: list[str]) -> int:
    if words[-2:] == ["show", "config"]:
        print(f"Configuration data as of 2026-11-24T19:25:28\nClusterName             = {state['cluster']}")
        print(f"MaxArraySize            = {state['max_array']}")
        return 0
    if words[-3:-1] == ["show", "job"]:
        for job in state["jobs"]:
            if job["id"] == words[-1]:
                preempted = "2026-11-24T19:25:28" if job["state"] == "PREEMPTED" else "None"
                print(
                    f"JobId={job['id']} JobName={job['name']} UserId=root({job['user']}) GroupId=root(0) JobState={job['state']} "
                    f"Reason={job['reason']} PreemptTime={preempted} Command={job['command']} Comment={job['comment']} Power= "
                )
                return 0
        return fail(NO_SUCH_JOB)
    if words[0] == "update":
        facts = dict(word.split("=", 1) for word in words[1:])
        for job in state["jobs"]:
            if job["id"] == facts["jobid"]:
                job |= {name: value for name, value in facts.items() if name in ("comment", "dependency")}
                return 0
        return fail(f"Invalid job id specified for job {facts['jobid']}")
    raise SystemExit(f"the fake scontrol was never taught {words}: teach it in tests/slurm/fake.py")


def sbatch(state: dict, words: list[str]) -> int:
    script = next(word for word in words if not word.startswith("-"))
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", Path(script).read_text(), re.MULTILINE))
    first, last = (asked.get("array", "0-0").partition("%")[0].split("-") * 2)[:2]
    tasks = int(last) - int(first) + 1
    if "--test-only" in words:
        print("sbatch: Job 1 to start at 2026-11-24T19:28:00 using 1 processors on nodes n1 in partition main", file=sys.stderr)
        return 0
    if state["refusals"] and (text := state["refusals"].pop(0)) is not None:
        return fail(text)
    there = sum(1 for job in state["jobs"] if job["state"] not in OVER)
    if state["most"] is not None and there + tasks > state["most"]:
        return fail(
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS "
            "policy (job submit limit, user's size and/or time limits)"
        )
    if tasks > state["max_array"]:
        return fail("sbatch: error: Batch job submission failed: Invalid job array specification")
    job_id = state["next"]
    state["next"] += tasks
    for task in range(tasks):
        own = f"{job_id}_{task}" if "array" in asked else str(job_id)
        reason = "JobHeldUser" if "hold" in asked else "Dependency"
        job = {"id": own, "state": "PENDING", "reason": reason, "user": os.getuid(), "time": "0:00", "node": ""}
        job |= {"name": shlex.split(asked["job-name"])[0], "comment": shlex.split(asked.get("comment", "'(null)'"))[0]}
        state["jobs"].append({**job, "command": str(Path(script).resolve())})
    print(job_id if "--parsable" in words else f"Submitted batch job {job_id}")
    return 0


if __name__ == "__main__":
    sys.exit(answer(FakeSlurm(Path(sys.argv[1])), sys.argv[2], sys.argv[3:]))
