"""A real Slurm on this machine, on loopback, with all its state in one folder: munge, MariaDB, slurmdbd, slurmctld, slurmd.

    python tests/slurm/cluster.py up FOLDER [--nodes N] [--cpus N] [--gpus N] [--without-accounting] [--max-array N] [--port N]
    python tests/slurm/cluster.py down FOLDER
    python tests/slurm/cluster.py packages        # what Debian's package manager must install, one a line
    python tests/slurm/cluster.py missing         # which programs are not there; exit code 1 where all are

No systemd and no cgroups, so a memory kill is FAILED and never OUT_OF_MEMORY. `up` needs root; it prints the environment variable
that a shell needs.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "slurmdbd", "mariadb-server")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd")
LIMIT = 60.0  # seconds for each daemon
DAEMONS = ("slurmctld", "slurmdbd", "mariadb", "munged")  # in the order in which they end; the slurmds before them
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={munge_socket}
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=limits,qos
"""
SLURM_CONF = """\
ClusterName=daisytest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={munge_socket}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=2
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=30
SlurmdTimeout={node_timeout}
MinJobAge=300
KillWait=5
MaxArraySize={max_array}
MaxJobCount=10000
GresTypes=gpu
DefMemPerCPU=100
{accounting}{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=5 PreemptMode=OFF
PartitionName=brief Nodes=ALL MaxTime=5 DefaultTime=1 State=UP PriorityTier=5 PreemptMode=OFF
PartitionName=spare Nodes=ALL MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=1
PartitionName=spare_with_grace Nodes=ALL MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=1 GraceTime=60
"""
DBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={munge_socket}
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/run/slurmdbd.pid
CommunicationParameters=NoInAddrAny
"""
SQL = (
    "create database if not exists slurm_acct_db; create user if not exists 'slurm'@'localhost' identified by 'slurm'; "
    "grant all on slurm_acct_db.* to 'slurm'@'localhost';"
)


class ClusterError(Exception):
    """Slurm does not come up here; says why."""


@dataclass(frozen=True)
class Cluster:
    """One cluster: `folder` has all its state; `cpus` and `gpus` are each node's, as many as one likes."""

    folder: Path
    nodes: int = 1
    cpus: int = 32
    gpus: int = 10
    accounting: bool = True
    max_array: int = 1001
    port: int = 16817
    node_timeout: int = 10  # seconds until a node that does not answer is down

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need to find it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def up(self) -> None:
        """Bring it up; raises ClusterError."""
        if missing := missing_programs():
            raise ClusterError(f"{', '.join(missing)} not installed: apt-get install {' '.join(PACKAGES)}")
        for name in ("log", "run", "state", "spool", "munge", "gpus"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "munge").chmod(0o700)
        self._munge()
        if self.accounting:
            self._database()
        self._configure()
        self.start_controller()
        for number in range(1, self.nodes + 1):
            self.start_node(number)
        self._wait("idle nodes", lambda: self.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split() != [])

    def down(self) -> None:
        """End all of it, and remove its folder."""
        for pid_file in (*sorted((self.folder / "run").glob("slurmd.*.pid")), *(self._pid_file(name) for name in DAEMONS)):
            end(pid_file, signal.SIGKILL)  # nothing of it is kept
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_controller(self) -> None:
        """Start slurmctld, as after a crash of it."""
        self.run("slurmctld", "-f", self.environment["SLURM_CONF"])

    def stop_controller(self, number: int = signal.SIGKILL) -> None:
        """Kill slurmctld."""
        end(self._pid_file("slurmctld"), number)

    def wait_until_saved(self) -> None:
        """Wait until slurmctld has written down all that happened so far: some seconds. What it forgets it would number anew."""
        now, state = time.time(), self.folder / "state" / "job_state"
        self._wait("the controller's state", lambda: state.exists() and state.stat().st_mtime > now)

    def start_node(self, number: int) -> None:
        """Start the slurmd of a node."""
        self.run("slurmd", "-f", self.environment["SLURM_CONF"], "-N", f"n{number}")

    def stop_node(self, number: int) -> None:
        """Kill the slurmd of a node."""
        end(self.folder / "run" / f"slurmd.n{number}.pid", signal.SIGKILL)

    def lose_node(self, number: int, *jobs: str) -> None:
        """Kill the slurmd of a node and all that runs there of these jobs, as when it loses its power.

        Of this cluster alone: others on this machine have jobs of the same numbers.
        """
        self.stop_node(number)
        own = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        for job in jobs:
            raw = self.run("squeue", "--noheader", "--jobs", job, "--format", "%A").strip()
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    environment, words = (path / "environ").read_bytes().split(b"\0"), (path / "cmdline").read_bytes()
                except OSError:
                    continue
                is_of_job = f"SLURM_JOB_ID={raw}".encode() in environment or words.startswith(f"slurmstepd: [{raw}.".encode())
                if own in environment and is_of_job:
                    os.kill(int(path.name), signal.SIGKILL)

    def run(self, *command: str, more: Mapping[str, str] | None = None) -> str:
        """What one of Slurm's commands prints. Raises ClusterError where it fails."""
        environment = {**os.environ, **self.environment, **(more or {})}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
        if done.returncode:
            raise ClusterError(
                f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}; logs are in {self.folder}/log"
            )
        return done.stdout

    @property
    def _munge_socket(self) -> Path:
        return self.folder / "run" / "munge.sock"

    def _pid_file(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.pid"

    def _munge(self) -> None:
        key = self.folder / "munge" / "key"
        if not key.exists():
            key.write_bytes(os.urandom(1024))
            key.chmod(0o600)
        self.run(
            "munged", "--force", f"--key-file={key}", f"--socket={self._munge_socket}", f"--pid-file={self._pid_file('munged')}",
            f"--log-file={self.folder}/log/munged.log", f"--seed-file={self.folder}/munge/seed", "--num-threads=4",
        )  # fmt: skip
        self._wait("munge", lambda: self.run("munge", "-S", str(self._munge_socket), "-n") != "")

    def _database(self) -> None:
        data, sock = self.folder / "mysql", self.folder / "run" / "mysql.sock"
        if not (data / "mysql").is_dir():
            data.mkdir(exist_ok=True)
            self.run(
                "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db",
                "--auth-root-authentication-method=normal",
            )  # fmt: skip
        command = [
            "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={sock}",
            f"--pid-file={self._pid_file('mariadb')}", f"--log-error={self.folder}/log/mariadb.log", "--skip-networking",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-lock-wait-timeout=900",
        ]  # fmt: skip
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )  # fmt: skip
        client = ("--no-defaults", "-uroot", "-S", str(sock))
        self._wait("MariaDB", lambda: self.run("mariadb-admin", *client, "ping") != "")
        self.run("mariadb", *client, "-e", SQL)
        conf = self.folder / "slurmdbd.conf"
        conf.write_text(DBD_CONF.format(**self._facts()))
        conf.chmod(0o600)
        self.run("slurmdbd", more={"MYSQL_UNIX_PORT": str(sock), "SLURM_CONF": str(conf)})

    def _configure(self) -> None:
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.port + 10 + number} CPUs={self.cpus} Boards=1 "
            f"SocketsPerBoard=1 CoresPerSocket={self.cpus} ThreadsPerCore=1 RealMemory=16000 Gres=gpu:{self.gpus} State=UNKNOWN"
            for number in range(1, self.nodes + 1)
        )
        for number in range(self.gpus):  # a GPU must be a character device: these are null devices
            device = self.folder / "gpus" / f"nvidia{number}"
            if not device.exists():
                os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
        gres = f"NodeName=n[1-{self.nodes}] Name=gpu File={self.folder}/gpus/nvidia[0-{self.gpus - 1}]\n"
        (self.folder / "gres.conf").write_text(gres)
        accounting = ACCOUNTING if self.accounting else "AccountingStorageType=accounting_storage/none\n"
        text = SLURM_CONF.format(**self._facts(), accounting=accounting.format(**self._facts()), nodes=nodes)
        (self.folder / "slurm.conf").write_text(text)
        if self.accounting:
            self._wait("slurmdbd", lambda: self.run("sacctmgr", "-n", "list", "cluster") is not None)
            if "daisytest" not in self.run("sacctmgr", "-n", "list", "cluster", "format=cluster"):
                self.run("sacctmgr", "-i", "add", "cluster", "daisytest")

    def _facts(self) -> dict[str, object]:
        return {
            "folder": self.folder, "host": socket.gethostname().split(".")[0], "port": self.port, "dbd_port": self.port + 2,
            "munge_socket": self._munge_socket, "max_array": self.max_array, "node_timeout": self.node_timeout,
        }  # fmt: skip

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        until, why = time.monotonic() + LIMIT, ""
        while time.monotonic() < until:
            try:
                if ready():
                    return
            except (ClusterError, subprocess.TimeoutExpired) as error:
                why = str(error)
            time.sleep(0.1)
        raise ClusterError(f"{what} did not come up within {LIMIT:.0f} s ({why}); logs are in {self.folder}/log")


def missing_programs() -> list[str]:
    """The programs of Slurm's that are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def end(pid_file: Path, number: int = signal.SIGTERM) -> None:
    """End a daemon that its pid file names, and wait until it is gone."""
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, number)
    except (OSError, ValueError):
        return  # it is gone already
    until = time.monotonic() + 10.0
    while time.monotonic() < until and lives(pid):
        time.sleep(0.05)
    if lives(pid):
        os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended may stay in the table where nobody asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main() -> None:
    """The command line."""
    flags = argparse.ArgumentParser()
    flags.add_argument("what", choices=("up", "down", "packages", "missing"))
    flags.add_argument("folder", type=Path, nargs="?")
    flags.add_argument("--nodes", type=int, default=1)
    flags.add_argument("--cpus", type=int, default=32)
    flags.add_argument("--gpus", type=int, default=10)
    flags.add_argument("--max-array", type=int, default=1001)
    flags.add_argument("--port", type=int, default=16817)
    flags.add_argument("--without-accounting", action="store_true")
    asked = flags.parse_args()
    if asked.what == "packages":
        print(*PACKAGES, sep="\n")
        return
    if asked.what == "missing":
        missing = missing_programs()
        print(*missing, sep="\n")
        sys.exit(0 if missing else 1)
    if asked.folder is None:
        flags.error("FOLDER is missing")
    cluster = Cluster(
        asked.folder.resolve(), asked.nodes, asked.cpus, asked.gpus, not asked.without_accounting, asked.max_array, asked.port
    )
    if asked.what == "down":
        cluster.down()
        return
    try:
        cluster.up()
    except ClusterError as error:
        sys.exit(f"{error}")
    print(*(f"export {name}={value}" for name, value in cluster.environment.items()), sep="\n")


if __name__ == "__main__":
    main()
