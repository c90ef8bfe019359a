"""Where studies are kept: a journal file, or a database that SQLAlchemy reaches.

Several processes and machines may share either. A journal in a shared folder needs a file system
with locks (NFS 4, or any local one). The lock is the operating system's, so a killed holder leaves
none behind, and the line that it was writing, if half of it is there, is cut off by the next.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from polyseme.errors import ConfigError
from polyseme.sweeps import process

JOURNAL = "journal://"
CONNECT_SECONDS, BUSY_SECONDS = 10, 60
CLOCK_SECONDS = 30.0
"""By how much a worker's clock may be off."""
CUT = 65536


def location(name: str, url: str) -> str:
    """URL of the studies of a sweep; `url` may be empty."""
    return url or f"{JOURNAL}{process.ROOT / name / 'journal.log'}"


def shown(url: str) -> str:
    """The URL without its password."""
    if url.startswith(JOURNAL):
        return url.removeprefix(JOURNAL)
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "storage"


class Lock(BaseJournalFileLock):
    """Exclusive lock on a file beside the journal; heals the journal's end."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._stream: IO[str] | None = None

    def acquire(self) -> bool:
        """Wait for it."""
        self._stream = self.journal.with_name(f"{self.journal.name}.lock").open("a")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._heal()
        return True

    def release(self) -> None:
        """Let it go."""
        if self._stream:
            self._stream.close()
            self._stream = None

    def _heal(self) -> None:
        """Cut off a last line without an end: its writer was killed."""
        with self.journal.open("rb+") as stream:
            size = stream.seek(0, os.SEEK_END)
            start = max(0, size - CUT)
            stream.seek(start)
            end = stream.read()
            if end and not end.endswith(b"\n"):
                stream.truncate(start + end.rfind(b"\n") + 1)


def open_storage(url: str) -> BaseStorage:
    """Open a storage, made if it is not there, and compare its clock with this machine's.

    Raises:
        ConfigError: it cannot be reached, or the clocks differ.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url.startswith(JOURNAL):
        return _journal(Path(url.removeprefix(JOURNAL)))
    return _database(url)


def unreachable(url: str, error: Exception) -> ConfigError:
    """The one line about a storage that cannot be reached."""
    what = f"cannot be reached: {type(error).__name__}: {str(error).splitlines()[0]}"
    mend = "check storage in the sweep's file, or --storage; journal:///path/to/file needs nothing"
    return ConfigError(what, where=shown(url), mend=mend)


def _journal(path: Path) -> BaseStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        require_clock(path.stat().st_mtime, "the file system of the journal")
        return JournalStorage(JournalFileBackend(str(path), Lock(path)))
    except OSError as error:
        raise unreachable(f"{JOURNAL}{path}", error) from None
    except (ValueError, KeyError) as error:
        what = f"is no journal of Optuna: {error}"
        raise ConfigError(what, where=path, mend="move it away, or name another") from None


def _database(url: str) -> BaseStorage:
    from sqlalchemy.exc import SQLAlchemyError

    is_file = url.startswith("sqlite")
    connect = {"timeout": BUSY_SECONDS} if is_file else {"connect_timeout": CONNECT_SECONDS}
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": connect})
        require_clock(_now(storage), "the database")
    except (SQLAlchemyError, ImportError, ValueError, RuntimeError, OSError) as error:
        raise unreachable(url, error) from None
    return storage


def _now(storage: Any) -> float:
    """Time of the database's machine."""
    from sqlalchemy import text

    with storage.engine.connect() as connection:
        dialect = storage.engine.dialect.name
        ask = {"sqlite": "select strftime('%s', 'now')", "mysql": "select unix_timestamp()"}
        default = "select extract(epoch from current_timestamp)"
        return float(connection.execute(text(ask.get(dialect, default))).scalar_one())


def require_clock(theirs: float, whose: str) -> None:
    """That this machine's clock is right.

    Raises:
        ConfigError: it is off.
    """
    off = time.time() - theirs
    if abs(off) > CLOCK_SECONDS:
        raise ConfigError(
            f"the clock of this worker is {abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'}"
            f" that of {whose}",
            mend="set it right (NTP): times of trials would be wrong",
        )
