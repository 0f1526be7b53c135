"""A SQLite file of the program: private, used in daemon threads, one transaction a call."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import make_private_directory

T = TypeVar("T")

_DISK = 10.0  # seconds
_MEND = "Check the disk and the file's permissions; a damaged file can be moved away."


class Database:
    """Made when it is first used, at `path` or under `name` where the platform wants it; only its owner can read it.

    `durable`: what a call wrote is on disk when it returns; otherwise it may lack the last moments after a power cut,
    and is read by others while it is written. `hint` says what to do when it cannot be used, and `called` what it is.
    """

    def __init__(
        self,
        path: Path | None,
        name: str,
        schema: str,
        *,
        durable: bool = False,
        hint: str = _MEND,
        called: str = "",
    ) -> None:
        self.path = path or platformdirs.user_state_path("kexplorer", appauthor=False) / name
        self._schema = schema
        self._modes = ("synchronous = FULL",) if durable else ("journal_mode = WAL", "synchronous = NORMAL")
        self._hint = hint
        self._called = called
        self._lock = threading.Lock()

    async def run(self, work: Callable[[sqlite3.Connection], T], consequence: str = "", *, writes: bool = True) -> T:
        """What `work` returns, whose transaction is committed then. Raises `Failure`, with what follows from it as
        `consequence`."""

        def locked() -> T:
            with self._lock, self._open(writes=writes) as database:
                return work(database)

        try:
            return await in_daemon(self.path.stem, locked, _DISK)
        except TimeoutError:
            raise self._failed("the disk did not answer", consequence) from None
        except (sqlite3.Error, OSError, ValueError, KeyError, TypeError) as error:
            raise self._failed(str(error), consequence) from error

    @contextmanager
    def _open(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        """SQLite gives the files beside the database its permissions."""
        make_private_directory(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            if sys.platform != "win32" and os.fstat(handle).st_uid != os.geteuid():
                raise OSError("it belongs to another user")
        finally:
            os.close(handle)
        with closing(sqlite3.connect(self.path, timeout=_DISK / 2)) as database, database:
            for mode in (*self._modes, "foreign_keys = ON"):
                database.execute(f"PRAGMA {mode}")
            database.executescript(self._schema)
            database.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield database

    def _failed(self, why: str, consequence: str) -> Failure:
        message = f"{self._called} {self.path} could not be used: {why}. {consequence}".strip()
        return Failure(FailureKind.REFUSED, message, self._hint)
