"""The latest state of every entity in a file that lives as long as one looks at it: SQLite, private, not durable."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.latest import Entity, Order, View
from kexplorer.model.topics import TopicPartition
from kexplorer.store.daemon import in_daemon
from kexplorer.store.files import make_private_directory

T = TypeVar("T")

_BUSY = 60.0  # seconds that a worker waits for another one's turn to write
_DISK = 600.0  # seconds that a look at all rows may take
_LEFT_BEHIND = 7 * 86_400.0  # seconds after which a file is that of a program that was killed
_SHOWN = 4_000  # bytes of a state that a table needs
_ALL = (1 << 31) - 1  # bytes: more is no value of SQLite
_AT_ONCE = 500  # rows of an export that are read in one go
_MODES = ("journal_mode = PERSIST", "synchronous = OFF", "cache_size = -16000", "temp_store = FILE")
_SCHEMA = """
PRAGMA page_size = 16384;
CREATE TABLE chunk (bucket INTEGER NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, start INTEGER NOT NULL,
    rows BLOB NOT NULL);
CREATE INDEX chunk_of ON chunk (bucket, topic, partition, start);
CREATE INDEX chunk_from ON chunk (topic, partition, start);
CREATE TABLE entity (id INTEGER PRIMARY KEY, key BLOB NOT NULL, topic TEXT NOT NULL,
    partition INTEGER NOT NULL, position INTEGER NOT NULL, ms INTEGER, events INTEGER NOT NULL, state BLOB,
    error TEXT NOT NULL);
CREATE TABLE shown (number INTEGER PRIMARY KEY, entity INTEGER NOT NULL);
"""
_ORDERS = {Order.KEY: "key", Order.TIME: "ms", Order.EVENTS: "events"}

Folded = tuple[bytes, TopicPartition, int, int | None, int, bytes | None, str]
"""The entity's key; place, milliseconds since 1970 and number of its events; its state, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class LatestFile:
    """What workers write to: it is nothing but its path. All of it blocks; but for `put` it raises `sqlite3.Error`
    and `OSError`."""

    path: Path

    def put(self, source: TopicPartition, start: int, chunks: Mapping[int, bytes]) -> None:
        """As `Spool.put`. Raises `Failure`."""

        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "DELETE FROM chunk WHERE topic = ? AND partition = ? AND start = ?",
                (source.topic, source.partition, start),
            )
            rows = [(bucket, *source, start, data) for bucket, data in chunks.items()]
            database.executemany("INSERT INTO chunk VALUES (?, ?, ?, ?, ?)", rows)

        try:
            self.change(work)
        except (sqlite3.Error, OSError) as error:
            raise failed(self.path, error) from error

    def chunks(self, bucket: int) -> Iterator[tuple[TopicPartition, bytes]]:
        """What was put into a bucket: by partition, in the order of offsets."""
        asked = "SELECT topic, partition, rows FROM chunk WHERE bucket = ? ORDER BY topic, partition, start"
        with closing(self.open()) as database:
            for topic, partition, rows in database.execute(asked, (bucket,)):
                yield TopicPartition(topic, partition), rows

    def size(self, bucket: int) -> int:
        """Bytes of all chunks of a bucket."""
        with closing(self.open()) as database:
            asked = "SELECT total(length(rows)) FROM chunk WHERE bucket = ?"
            return int(database.execute(asked, (bucket,)).fetchone()[0])

    def add(self, found: Iterable[Folded]) -> None:
        rows = [(key, *source, *rest) for key, source, *rest in found]
        asked = "INSERT INTO entity (key, topic, partition, position, ms, events, state, error)"
        self.change(lambda database: database.executemany(f"{asked} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows))

    def drop(self, bucket: int) -> None:
        """Its chunks are not needed any more."""
        self.change(lambda database: database.execute("DELETE FROM chunk WHERE bucket = ?", (bucket,)))

    def open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)
        for mode in _MODES:
            database.execute(f"PRAGMA {mode}")
        return database

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with closing(self.open()) as database:
            database.execute("BEGIN IMMEDIATE")
            found = work(database)
            database.execute("COMMIT")
            return found


class LatestTable:
    """Owns the file. Looks at it in daemon threads, one after the other, and raises `Failure` for what it cannot do."""

    def __init__(self, file: LatestFile) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._looking: sqlite3.Connection | None = None

    async def show(self, view: View) -> int:
        """Puts the rows of a view into their order; how many they are. One that comes later ends an earlier one."""
        self._interrupt()

        def work(database: sqlite3.Connection) -> int:
            ways, values = [] if view.deleted else ["state IS NOT NULL"], []
            if view.text:
                ways.append("(instr(key, ?) OR instr(state, ?))")
                values = [view.text.encode("utf-8", "surrogateescape")] * 2
            way = f"WHERE {' AND '.join(ways)}" if ways else ""
            order = f"{_ORDERS[view.order]} {'DESC' if view.descending else 'ASC'}, key"
            database.execute("DELETE FROM shown")
            made = f"INSERT INTO shown (entity) SELECT id FROM entity {way} ORDER BY {order}"  # noqa: S608
            return max(database.execute(made, values).rowcount, 0)

        def run(database: sqlite3.Connection) -> int:
            database.execute("BEGIN IMMEDIATE")
            found = work(database)
            database.execute("COMMIT")
            return found

        return await self._look(run, interruptible=True)

    async def rows(self, first: int, count: int) -> list[Entity]:
        """Rows of the view, from 0 on, with the beginnings of their states."""
        return await self._look(lambda database: _rows(database, first, count, _SHOWN))

    async def whole(self, entity: int) -> Entity:
        """One with all of its state."""

        def work(database: sqlite3.Connection) -> Entity:
            asked = f"SELECT {_COLUMNS} FROM entity WHERE id = ?"  # noqa: S608
            return _entity(database.execute(asked, (_ALL, entity)).fetchone())

        return await self._look(work)

    async def counts(self) -> tuple[int, int]:
        """Entities that are there, and those that were deleted."""
        asked = "SELECT count(state), count(*) - count(state) FROM entity"
        found: tuple[int, int] = await self._look(lambda database: database.execute(asked).fetchone())
        return found

    async def export(self, write: Callable[[Sequence[Entity]], None]) -> int:
        """Hands all rows of the view to `write`, in a thread, some at a time; how many they were."""

        def work(database: sqlite3.Connection) -> int:
            first = 0
            while rows := _rows(database, first, _AT_ONCE, _ALL):
                write(rows)
                first += len(rows)
            return first

        return await self._look(work)

    async def close(self) -> None:
        """Removes the file, once nobody looks at it."""
        self._interrupt()

        def work() -> None:
            with self._lock:
                shutil.rmtree(self.file.path.parent, ignore_errors=True)

        await in_daemon("latest-close", work, _DISK)

    def _interrupt(self) -> None:
        if looking := self._looking:
            with contextlib.suppress(sqlite3.ProgrammingError):  # it has ended by itself
                looking.interrupt()

    async def _look(self, work: Callable[[sqlite3.Connection], T], *, interruptible: bool = False) -> T:
        def locked() -> T:
            with self._lock, closing(self.file.open()) as database:
                self._looking = database if interruptible else None
                try:
                    return work(database)
                finally:
                    self._looking = None

        try:
            return await in_daemon("latest", locked, _DISK)
        except (sqlite3.Error, OSError, TimeoutError) as error:
            raise failed(self.file.path, error) from error


def make_table(folder: Path | None = None) -> LatestTable:
    """A new one in a private folder of its own. Blocks."""
    parent = folder or platformdirs.user_cache_path("kexplorer", appauthor=False)
    try:
        make_private_directory(parent)
        _remove_left_behind(parent)
        file = LatestFile(Path(tempfile.mkdtemp(prefix="latest-", dir=parent)) / "latest.db")
        with closing(sqlite3.connect(file.path)) as database:
            database.executescript(_SCHEMA)
    except (sqlite3.Error, OSError) as error:
        raise failed(parent, error) from error
    return LatestTable(file)


def failed(path: Path, error: BaseException) -> Failure:
    return Failure(
        FailureKind.REFUSED, f"{path} could not be used: {error}.", "Check the disk, and how much room it has."
    )


def _remove_left_behind(folder: Path) -> None:
    """What a program that was killed could not remove. A file that is in use is written to whenever it is sorted."""
    for each in folder.glob("latest-*"):
        with contextlib.suppress(OSError):
            if time.time() - max(found.stat().st_mtime for found in (each, *each.iterdir())) > _LEFT_BEHIND:
                shutil.rmtree(each, ignore_errors=True)


_COLUMNS = "id, key, topic, partition, position, ms, events, substr(state, 1, ?), length(state), error"


def _rows(database: sqlite3.Connection, first: int, count: int, most: int) -> list[Entity]:
    asked = f"SELECT {_COLUMNS} FROM shown JOIN entity ON id = entity WHERE number > ? AND number <= ? ORDER BY number"  # noqa: S608
    return [_entity(row) for row in database.execute(asked, (most, first, first + count))]


def _entity(row: tuple[int, bytes, str, int, int, int | None, int, bytes | None, int | None, str]) -> Entity:
    id_, key, topic, partition, offset, ms, events, state, size, error = row
    return Entity(id_, key, TopicPartition(topic, partition), offset, ms, events, state, size or 0, error)
