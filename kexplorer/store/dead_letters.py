"""What a person did about dead letters: which are done, and how those of a topic are told, in SQLite."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from kexplorer.model.dead_letters import DeadLetterRule, Place
from kexplorer.store.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS done (
    cluster TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (cluster, topic, partition, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS job (
    cluster TEXT NOT NULL, topic TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (cluster, topic, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule (
    cluster TEXT NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (cluster, name)) WITHOUT ROWID;
"""


class DeadLetterMarks:
    """Keeps `model.dead_letters.DeadLetterStore`. A file that only its owner can read; every call works in a daemon
    thread, since a disk may hang."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path, "dead_letters.db", _SCHEMA)
        self.path = self._database.path

    async def done(self, cluster: str, topic: str) -> set[Place]:
        asked = "SELECT partition, position FROM done WHERE cluster = ? AND topic = ?"
        return await self._database.run(
            lambda database: set(database.execute(asked, (cluster, topic))),
            "Which letters are done is not known now.",
            writes=False,
        )

    async def mark(self, cluster: str, topic: str, places: Iterable[Place], job: str = "") -> None:
        at = time.time_ns() // 1_000_000
        rows = [(cluster, topic, *place, at) for place in places]

        def work(database: sqlite3.Connection) -> None:
            if (
                job
                and not database.execute("INSERT OR IGNORE INTO job VALUES (?, ?, ?)", (cluster, topic, job)).rowcount
            ):
                return
            database.executemany("INSERT OR IGNORE INTO done VALUES (?, ?, ?, ?, ?)", rows)

        await self._database.run(work, "The letters were not marked.")

    async def unmark(self, cluster: str, topic: str, places: Iterable[Place]) -> None:
        delete = "DELETE FROM done WHERE cluster = ? AND topic = ? AND partition = ? AND position = ?"
        rows = [(cluster, topic, *place) for place in places]
        await self._database.run(lambda database: database.executemany(delete, rows), "The letters stay marked.")

    async def rule(self, cluster: str, name: str) -> DeadLetterRule | None:
        asked = "SELECT fields FROM rule WHERE cluster = ? AND name = ?"

        def work(database: sqlite3.Connection) -> DeadLetterRule | None:
            found = database.execute(asked, (cluster, name)).fetchone()
            return DeadLetterRule(**json.loads(found[0])) if found else None

        return await self._database.run(work, "The rule for this topic is not known now.", writes=False)

    async def keep_rule(self, cluster: str, name: str, rule: DeadLetterRule | None) -> None:
        def work(database: sqlite3.Connection) -> None:
            if rule is None:
                database.execute("DELETE FROM rule WHERE cluster = ? AND name = ?", (cluster, name))
            else:
                row = (cluster, name, json.dumps(asdict(rule)))
                database.execute("INSERT OR REPLACE INTO rule VALUES (?, ?, ?)", row)

        await self._database.run(work, "The rule was not kept.")
