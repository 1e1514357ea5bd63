"""A real PostgreSQL on this machine, on loopback, with all its state in one folder, as a user without rights.

python tests/sweep/postgres.py packages        # what Debian's package manager must install, one a line
python tests/sweep/postgres.py missing         # what is not there; exit code 1 where all is
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

PACKAGES = ("postgresql",)
INSTALLED = Path("/usr/lib/postgresql")  # Debian's: a folder for each version
USERS = ("postgres", "nobody")  # it refuses to run as root
PASSWORD = "not to be shown"
IN_A_URL = "not%20to%20be%20shown"


class PostgresError(Exception):
    """PostgreSQL does not come up here; says why."""


@dataclass(frozen=True)
class Postgres:
    """A server that is up, and one of its databases."""

    port: int
    database: str = "postgres"

    @property
    def url(self) -> str:
        """As a person writes it."""
        return f"postgresql://daisy:{IN_A_URL}@127.0.0.1:{self.port}/{self.database}"

    def new_database(self, name: str) -> "Postgres":
        """Another, empty database of it."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'create database "{name}"')  # type: ignore[arg-type]
        return replace(self, database=name)

    def connections(self) -> int:
        """How many connections to this database are open, but the one that asks."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            asked = "select count(*) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
            row = connection.execute(asked, [self.database]).fetchone()
            assert row is not None
            return int(row[0])


def why_not() -> str | None:
    """Why PostgreSQL can't be brought up here; None where it can."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"no PostgreSQL: {error}: pip install 'daisy-launcher[postgres]'"
    return None if programs() else f"no PostgreSQL: apt-get install {' '.join(PACKAGES)}"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl: of the newest version that is installed."""
    there = [path.parent for path in INSTALLED.glob("*/bin/initdb") if (path.parent / "pg_ctl").exists()]
    if there:
        return max(there, key=lambda path: [int(part) if part.isdigit() else 0 for part in path.parent.name.split(".")])
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running() -> Iterator[Postgres]:
    """A server of its own, that ends with the block. Raises PostgresError."""
    bin_folder = programs()
    if bin_folder is None:
        raise PostgresError(f"apt-get install {' '.join(PACKAGES)}")
    # Not in pytest's folders: another user can't enter those, and a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="daisy-postgres-", dir="/tmp"))
    try:
        as_user = _as_user(folder)
        data, port = folder / "data", _free_port()
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "password").chmod(0o644)
        who = ["-U", "daisy", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256"]
        _run([*as_user, bin_folder / "initdb", "-D", data, "--no-sync", "--encoding=UTF8", "--locale=C", *who])
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _run([*as_user, bin_folder / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", options, "start"])
        try:
            yield Postgres(port)
        finally:
            _run([*as_user, bin_folder / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(folder: Path) -> list[str]:
    """What a command begins with that is to run as somebody who may run PostgreSQL; the folder is then theirs."""
    if os.geteuid() != 0:
        return []
    for name in USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    raise PostgresError(f"it does not run as root, and there is none of the users {', '.join(USERS)}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _run(command: list[object]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd="/tmp", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    if done.returncode:
        raise PostgresError(f"{' '.join(words)}: {done.stdout.decode().strip()}")


def main() -> None:
    """The command line, for what prepares a machine."""
    if sys.argv[1:] == ["packages"]:
        print("\n".join(PACKAGES))
    elif sys.argv[1:] == ["missing"]:
        if programs() is not None:
            raise SystemExit(1)
        print("initdb")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
