"""The journal of a study: killed writers, full disks and many processes leave it whole; what is wrong is said in one line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from sweep.asking import STUDY, asker, study_of
from sweep.postgres import PASSWORD, Postgres, running, why_not

from daisy.errors import ConfigurationError, DaisyError, FolderError, StudyError
from daisy.sweep.journal import JournalLock, cut_torn_line
from daisy.sweep.storage import hidden, opened, refusals

HOLDER = """
import sys, time
from pathlib import Path
from daisy.sweep.journal import JournalLock
lock = JournalLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""
NO_ROOM = """
import os, resource, sys
from pathlib import Path
from daisy.errors import FolderError
from daisy.sweep.storage import opened, refusals
journal = Path(sys.argv[1])
storage = opened(None, journal)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(journal) + 20, resource.RLIM_INFINITY))
try:
    with refusals(None, journal):
        storage.create_new_trial(0)
except FolderError as error:
    print(error)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of a sweep is."""
    folder = tmp_path / STUDY
    folder.mkdir()
    return folder / "study.log"


def filled(journal: Path, trials: int = 3) -> optuna.Study:
    study = study_of(journal)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1))
    return study


def whole(journal: Path) -> None:
    """Each line is a record, and the last one has its end."""
    content = journal.read_bytes()
    assert content.endswith(b"\n")
    for line in content.splitlines():
        assert "op_code" in json.loads(line)


def test_a_last_line_that_was_torn_anywhere_is_forgotten_and_all_else_is_kept(journal: Path) -> None:
    filled(journal)
    complete = journal.read_bytes()
    last = complete.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(last, len(complete)):
        journal.write_bytes(complete[:end])
        study = study_of(journal)
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
        study.tell(study.ask(), 0.5)
        again = study_of(journal)
        assert [trial.state.name for trial in again.trials] == ["COMPLETE", "COMPLETE", "RUNNING", "COMPLETE"]
        assert journal.read_bytes().startswith(complete[:last])
        whole(journal)


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"", b""), (b"torn", b""), (b"a\nb\n", b"a\nb\n"), (b"a\n" + b"x" * 20_000, b"a\n"), (b"a\n" + b"\0" * 8192, b"a\n")],
)
def test_a_file_is_cut_after_its_last_whole_line(tmp_path: Path, content: bytes, kept: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    cut_torn_line(path)
    assert path.read_bytes() == kept


def test_who_reads_while_a_line_is_torn_and_cut_off_reads_on(journal: Path) -> None:
    filled(journal, 1)
    reader = study_of(journal)
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"gone","study_id":0,"datetime_start":"2024-01-01T')
    assert len(reader.trials) == 1
    study_of(journal).ask()
    assert len(reader.trials) == 2
    reader.ask()
    assert [trial.number for trial in study_of(journal).trials] == [0, 1, 2]
    whole(journal)


def test_a_killed_holder_of_the_lock_gives_it_up_at_once(journal: Path) -> None:
    filled(journal, 1)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(journal)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        waiting = asker(journal, 2)
        time.sleep(3)
        assert len(study_of_without_writing(journal).trials) == 1
        holder.send_signal(signal.SIGKILL)
        began = time.monotonic()
        out, err = waiting.communicate(timeout=20)
        assert time.monotonic() - began < 5
    assert (out, err) == ("1\n", "")


def study_of_without_writing(journal: Path) -> optuna.Study:
    return optuna.load_study(storage=opened(None, journal), study_name=STUDY)


def test_a_lock_that_is_not_given_up_is_an_error_after_a_while(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = filled(journal, 1)
    monkeypatch.setattr("daisy.sweep.journal.LONGEST_WAIT", 0.2)
    other = JournalLock(journal)
    other.acquire()
    with pytest.raises(FolderError, match="has been locked for 0 s: look for a process that was stopped"):
        study.ask()
    other.release()
    study.ask()


@pytest.mark.slow
def test_many_processes_of_which_some_are_killed(journal: Path) -> None:
    """Numbers are unique, nobody sees an error, and what was told is there."""
    askers = [asker(journal, 120) for _ in range(8)]
    told = []
    for victim in askers[:3]:
        assert victim.stdout is not None
        told.append(int(victim.stdout.readline()))  # it asks for its second one now
        victim.kill()
    for number, one in enumerate(askers):
        out, err = one.communicate(timeout=300)
        assert err == ""
        assert one.returncode == (-signal.SIGKILL if number < 3 else 0)
        told += [int(line) for line in out.split()]
    assert len(told) == len(set(told))
    assert len(told) >= 120 - 3 - 5
    trials = study_of(journal).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert all(trials[number].state.name == "COMPLETE" for number in told)
    assert sum(trial.state.name == "RUNNING" for trial in trials) <= 3
    whole(journal)


def test_a_full_disk_is_one_line_and_leaves_the_journal_whole(journal: Path) -> None:
    filled(journal, 2)
    before = journal.read_bytes()
    done = subprocess.run([sys.executable, "-c", NO_ROOM, str(journal)], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout == f"{journal}: File too large: make room or give rights there\n"
    assert len(journal.read_bytes()) == len(before) + 20  # as much as there was room for
    study = study_of(journal)
    assert len(study.trials) == 2
    assert study.ask().number == 2
    assert journal.read_bytes().startswith(before)
    whole(journal)


def test_a_journal_that_nobody_may_write_can_be_read(project_of_another: Path) -> None:
    journal = project_of_another
    os.seteuid(65534)
    try:
        study = study_of_without_writing(journal)
        assert len(study.trials) == 1
        with (
            pytest.raises(FolderError, match=r"study\.log.*: Permission denied: make room or give rights there"),
            refusals(None, journal),
        ):
            study.ask()
    finally:
        os.seteuid(0)


@pytest.fixture
def project_of_another() -> Iterator[Path]:
    """The journal of a user in whose folder others may only read."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        filled(folder / "study.log", 1)
        (folder / "study.log").chmod(0o644)
        yield folder / "study.log"


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"\xff\xfe\n",
        b"7\n",
        b"{}\n",
        b'{"op_code": 99, "worker_id": "x"}\n',
        b'{"op_code": 4, "worker_id": "x"}\n',
        b'{"op_code": 5, "worker_id": "x", "trial_id": 1, "param_name": "x", "param_value_internal": 1, "distribution": "?"}\n',
    ],
)
def test_a_damaged_journal_names_the_way_out(journal: Path, line: bytes) -> None:
    filled(journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:6], line, *lines[6:]]))
    with pytest.raises(FolderError) as caught:
        opened(None, journal)
    assert str(caught.value) == f"{journal} is damaged: run `daisy sweeps rebuild {STUDY}` to make it anew from the models"


def test_a_journal_that_is_damaged_later_names_the_way_out(journal: Path) -> None:
    study = filled(journal)
    with journal.open("ab") as file:
        file.write(b"no json\n")
    with pytest.raises(FolderError, match=f"daisy sweeps rebuild {STUDY}"):
        study.ask(), study.ask()


def test_a_journal_that_was_written_anew_is_not_taken_for_the_old_one(journal: Path) -> None:
    study = filled(journal)
    new = journal.with_name("new")
    filled(new, 1)
    new.replace(journal)
    before = journal.read_bytes()
    for use in (lambda: study.trials, study.ask):
        with pytest.raises(FolderError, match="was written anew by another command meanwhile: try again"):
            use()
    assert journal.read_bytes() == before
    assert len(study_of(journal).trials) == 1


def test_no_folder_for_the_journal(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="No such file or directory: make room or give rights there"):
        opened(None, tmp_path / "nowhere" / "study.log")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://daisy:secret@host:5432/name", "postgresql://daisy:***@host:5432/name"),
        ("postgresql://daisy:se@cr/e:t@host/name", "postgresql://daisy:***@host/name"),
        ("postgresql://daisy:s://ecret@host/name", "postgresql://daisy:***@host/name"),
        ("daisy:secret@host/name", "daisy:***@host/name"),
        (
            "postgresql://host/name?user=a&password=secret&sslmode=require",
            "postgresql://host/name?user=a&password=***&sslmode=require",
        ),
        ("postgresql://daisy@host/name", "postgresql://daisy@host/name"),
        ("sqlite:////folder/name.db", "sqlite:////folder/name.db"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert hidden(url) == shown


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "is no URL of a database: write it as postgresql://USER:PASSWORD@HOST/NAME"),
        ("postgres://daisy:secret@host/name", "is no URL of a database"),
        ("redis://:secret@host", "is no URL of a database"),
        ("postgresql://daisy:secret@host:port/name", "is no URL of a database"),
        ("postgresql+psycopg://daisy:se@cret@host/name", "has several @: write %40 for one that belongs to the password"),
        ("sqlite://", "is gone with its process: name a file as sqlite:////FOLDER/NAME.db"),
        ("sqlite:///name.db", "is another file in each folder that somebody works in: name a file as sqlite:////FOLDER/NAME.db"),
        ("sqlite:////nowhere/name.db", "unable to open database file: check the URL, and that the database is up"),
        ("oracle+oracledb://daisy:secret@host/name", "needs a package that is not installed: install oracledb"),
    ],
)
def test_a_url_that_can_not_be_used(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(DaisyError) as caught:
        opened(url, tmp_path / "study.log")
    message = str(caught.value)
    assert message.startswith(f"sweep.storage={hidden(url)}")
    assert says in message
    assert "cret" not in message
    assert "\n" not in message
    assert not (tmp_path / "study.log").exists()


def test_the_package_of_a_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psycopg", "psycopg2", "pymysql", "MySQLdb"):
        monkeypatch.setitem(sys.modules, name, None)
    for scheme, extra in (("postgresql", "postgres"), ("mysql", "mysql")):
        with pytest.raises(ConfigurationError, match=rf"not installed: pip install 'daisy-launcher\[{extra}\]'"):
            opened(f"{scheme}://daisy:secret@host/name", tmp_path / "study.log")


def test_a_file_of_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a {{b}}.db"
    study = study_of(tmp_path / "study.log", url)
    study.tell(study.ask(), 1.0)
    assert len(study_of(tmp_path / "study.log", url).trials) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a {b}.db"]


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL for all tests of this process."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with running() as found:
        yield found


@pytest.mark.slow
def test_many_processes_on_an_empty_database(server: Postgres, journal: Path) -> None:
    """All make the tables at once, none is refused."""
    database = server.new_database("many")
    askers = [asker(journal, 24, database.url) for _ in range(6)]
    told = []
    for one in askers:
        out, err = one.communicate(timeout=300)
        assert (one.returncode, err) == (0, "")
        told += [int(line) for line in out.split()]
    assert sorted(told) == list(range(24))
    trials = study_of(journal, database.url).trials
    assert all(trials[number].state.name == "COMPLETE" for number in told)
    assert not journal.exists()


def test_no_connection_stays_open_between_what_is_asked(server: Postgres, journal: Path) -> None:
    database = server.new_database("connections")
    study = study_of(journal, database.url)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    assert database.connections() == 0
    study.tell(trial, 0.5)
    assert [trial.value for trial in study_of(journal, database.url).trials] == [0.5]


def test_what_the_database_refuses_is_one_line_without_the_password(server: Postgres, journal: Path) -> None:
    for url, says in (
        (server.url.replace("%20to%20", "%20at%20all%20to%20"), "password authentication failed"),
        (server.url.replace("/postgres", "/nowhere"), 'database "nowhere" does not exist'),
        (server.url.replace(f":{server.port}", ":1"), "Connection refused"),
        (server.url.replace("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
    ):
        with pytest.raises(StudyError) as caught:
            opened(url, journal)
        message = str(caught.value)
        assert says in message
        assert message.endswith(": check the URL, and that the database is up")
        assert PASSWORD not in message
        assert "shown" not in message
        assert "\n" not in message


def test_a_database_that_goes_away(journal: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with running() as short_lived:
        study = study_of(journal, short_lived.url)
    with pytest.raises(DaisyError, match=r"Connection refused.*check the URL"), refusals(short_lived.url, journal):
        study.ask()
