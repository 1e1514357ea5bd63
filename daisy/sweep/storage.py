"""Where the studies of a search are kept: in a journal in the sweep's folder, or in a database."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daisy.errors import ConfigurationError, StudyError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import URL

KEY = "sweep.storage"
EXAMPLE = "postgresql://USER:PASSWORD@HOST/NAME"
A_FILE = "name a file as sqlite:////FOLDER/NAME.db"
SECRET = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|token)[^=&]*=)[^&#]*", re.IGNORECASE)
DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}  # where a URL names none: those of the extras
INSTALL = {"psycopg": "daisy-launcher[postgres]", "pymysql": "daisy-launcher[mysql]"}
WITH_CONNECT_TIMEOUT = {"psycopg", "psycopg2", "pymysql", "mysqldb"}
CONNECT_TIMEOUT = 20  # seconds
SQLITE_TIMEOUT = 60  # seconds for its lock
TRIES = 10  # to make the tables, when others are making them too
PAUSE = 0.3  # seconds between two
NO_RECORD = (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError)


def opened(url: str | None, journal: Path) -> "BaseStorage":
    """The storage at a database's URL, else in the file `journal`, which is made where it is not there.

    Raises ConfigurationError where the URL is none that can be used, StudyError where what it names does not answer, and where
    the journal is damaged or can't be read.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # else it prints a line for each study and trial
    with refusals(url, journal):
        return _database(url) if url is not None else _journal(journal)


@contextmanager
def refusals(url: str | None, journal: Path) -> Iterator[None]:
    """What the disk or the database refuses in the block becomes a StudyError, without a password."""
    if url is None:  # a journal: without SQLAlchemy, whose import is a tenth of what a job costs
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StudyError(f"{error.filename or journal}: {reason}: make room or give rights there") from error
        return
    import sqlalchemy.exc
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise _refused(url, error) from None


def hidden(url: str) -> str:
    """A URL as it may be shown: its password, also one that was not escaped, is `***`."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    head, at, tail = rest.rpartition("@")
    user, colon, _ = head.partition(":")
    shown = f"{user}:***@{tail}" if colon else f"{head}{at}{tail}"
    return SECRET.sub(r"\1***", f"{scheme}{separator}{shown}")


def _journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage

    from daisy.sweep.journal import Journal, damaged

    backend = Journal(path)
    try:
        return JournalStorage(backend)
    except NO_RECORD as error:  # each line is JSON, but one says what can't be
        raise damaged(path) from error


def _database(text: str) -> "BaseStorage":
    """As Optuna opens it, but that no connection stays open while a model trains."""
    import sqlalchemy.exc
    from optuna.storages import RDBStorage, get_storage

    url = _url(text)
    # Optuna fills in a template, so that a brace is no character of its own.
    escaped = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    left = TRIES
    while True:
        try:
            return get_storage(RDBStorage(escaped, dict(_engine_options(url))))
        except ImportError as error:
            raise _not_installed(text, url) from error
        except RuntimeError as error:  # tables of another version of Optuna
            told = f"{KEY}={hidden(text)}: {' '.join(str(error).split())}"
            raise ConfigurationError(f"{told} (or use another database)") from None
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError, sqlalchemy.exc.OperationalError) as error:
            left -= 1
            if not left or not _others_make_the_tables(error):
                raise
            time.sleep(PAUSE)


def _url(text: str) -> "URL":
    """The URL, with the driver of Daisy's extras where it names none and the database's usual one is not installed."""
    import sqlalchemy.exc

    try:
        url = sqlalchemy.make_url(text)
        dialect = url.get_dialect()
    except (sqlalchemy.exc.ArgumentError, ValueError):  # also a port that is no number
        raise ConfigurationError(f"{KEY}={hidden(text)} is no URL of a database: write it as {EXAMPLE}") from None
    if "@" in (url.host or ""):
        raise ConfigurationError(f"{KEY}={hidden(text)} has several @: write %40 for one that belongs to the password")
    if dialect.name == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError(f"{KEY}={text} is gone with its process: {A_FILE}")
    if dialect.name == "sqlite" and not str(url.database).startswith(("/", "file:")):
        raise ConfigurationError(f"{KEY}={text} is another file in each folder that somebody works in: {A_FILE}")
    if "+" not in url.drivername and dialect.name in DRIVERS:
        try:
            dialect.import_dbapi()
        except ImportError:
            return url.set(drivername=f"{url.drivername}+{DRIVERS[dialect.name]}")
    return url


def _engine_options(url: "URL") -> Mapping[str, Any]:
    from sqlalchemy.pool import NullPool

    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": SQLITE_TIMEOUT}}
    driver = url.get_dialect().driver
    limits = {"connect_timeout": CONNECT_TIMEOUT} if driver in WITH_CONNECT_TIMEOUT else {}
    # A database takes some hundred connections, and each of that many jobs would keep one for the hours that it trains.
    return {"poolclass": NullPool, "connect_args": limits}


def _others_make_the_tables(error: Exception) -> bool:
    """Many processes that begin a database at once make the same tables; all but one are refused."""
    return "already exists" in str(error) or "duplicate" in str(error).lower()


def _not_installed(text: str, url: "URL") -> ConfigurationError:
    driver = url.get_dialect().driver
    package = INSTALL.get(driver)
    way_out = f"pip install '{package}'" if package else f"install {driver}"
    return ConfigurationError(f"{KEY}={hidden(text)} needs a package that is not installed: {way_out}")


def _refused(text: str, error: Exception) -> StudyError:
    """What the database says, without the password where it says it again."""
    import sqlalchemy

    cause = error.__cause__ or error
    reason = " ".join(str(getattr(cause, "orig", None) or cause).split())
    password = sqlalchemy.make_url(text).password
    if password:
        reason = reason.replace(str(password), "***")
    return StudyError(f"{KEY}={hidden(text)}: {reason}: check the URL, and that the database is up")
