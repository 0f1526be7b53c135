"""What groups had committed before their offsets were set, in SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from kexplorer.model.offset_snapshots import OffsetSnapshot
from kexplorer.model.topics import TopicPartition
from kexplorer.store.database import Database

MOST_OF_GROUP = 50  # the oldest are forgotten
_SCHEMA = """
CREATE TABLE IF NOT EXISTS snapshot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL,
    why TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS of_group ON snapshot (cluster, name, id);
CREATE TABLE IF NOT EXISTS held (
    snapshot INTEGER NOT NULL REFERENCES snapshot ON DELETE CASCADE, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    position INTEGER, PRIMARY KEY (snapshot, topic, partition)) WITHOUT ROWID;
"""


class OffsetSnapshotStore:
    """Keeps `model.offset_snapshots.OffsetSnapshots`. A file that only its owner can read; every call works in a daemon
    thread, since a disk may hang."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path, "offsets.db", _SCHEMA, durable=True)
        self.path = self._database.path

    async def keep(self, cluster: str, group: str, why: str, offsets: Mapping[TopicPartition, int | None]) -> int:
        at = time.time_ns() // 1_000_000

        def work(database: sqlite3.Connection) -> int:
            made = database.execute("INSERT INTO snapshot VALUES (NULL, ?, ?, ?, ?)", (at, cluster, group, why))
            rows = [(made.lastrowid, *source, offset) for source, offset in offsets.items()]
            database.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)
            kept = "SELECT id FROM snapshot WHERE cluster = ? AND name = ? ORDER BY id DESC LIMIT ?"
            old = f"DELETE FROM snapshot WHERE cluster = ? AND name = ? AND id NOT IN ({kept})"  # noqa: S608
            database.execute(old, (cluster, group, cluster, group, MOST_OF_GROUP))
            return made.lastrowid or 0

        return await self._database.run(work, "Nothing was sent: what is to be undone has to be kept first.")

    async def forget(self, snapshot: int) -> None:
        delete = "DELETE FROM snapshot WHERE id = ?"
        await self._database.run(lambda database: database.execute(delete, (snapshot,)), "A snapshot too many is kept.")

    async def of_group(self, cluster: str, group: str) -> list[OffsetSnapshot]:
        def work(database: sqlite3.Connection) -> list[OffsetSnapshot]:
            asked = "SELECT id, at, name, why FROM snapshot WHERE cluster = ? AND name = ? ORDER BY id DESC"
            rows = database.execute(asked, (cluster, group)).fetchall()
            return [OffsetSnapshot(id_, at, name, why, _held(database, id_)) for id_, at, name, why in rows]

        return await self._database.run(work, "Earlier resets can't be undone now.")


def _held(database: sqlite3.Connection, snapshot: int) -> dict[TopicPartition, int | None]:
    asked = "SELECT topic, partition, position FROM held WHERE snapshot = ? ORDER BY topic, partition"
    return {TopicPartition(topic, part): position for topic, part, position in database.execute(asked, (snapshot,))}
