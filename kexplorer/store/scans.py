"""Searches that are not finished, in SQLite: what was looked at, and where something was found. No payloads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.search import FilterKind, FilterSpec, Interval, SavedSearch, SearchQuery, Undecoded, Where
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.store.database import Database

MOST_SEARCHES = 50  # the oldest are forgotten
MOST_FOUND = 100_000  # positions of one search
_SCHEMA = """
CREATE TABLE IF NOT EXISTS search (
    id INTEGER PRIMARY KEY AUTOINCREMENT, profile TEXT NOT NULL, query TEXT NOT NULL,
    records INTEGER NOT NULL DEFAULT 0, nbytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS done (
    search INTEGER NOT NULL REFERENCES search ON DELETE CASCADE, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    first INTEGER NOT NULL, behind INTEGER NOT NULL, PRIMARY KEY (search, topic, partition, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS found (
    search INTEGER NOT NULL REFERENCES search ON DELETE CASCADE, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    position INTEGER NOT NULL, PRIMARY KEY (search, topic, partition, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS undecoded (
    search INTEGER PRIMARY KEY REFERENCES search ON DELETE CASCADE, records INTEGER NOT NULL,
    topic TEXT NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL, why TEXT NOT NULL);
"""

_HINT = "Searches go on, but can't be taken up again. Move the file away; it only holds unfinished searches."


@dataclass(frozen=True, slots=True)
class Step:
    """What scanning some pieces of one partition brought: everything that is done of it by now, and the offsets of the
    new matches."""

    source: TopicPartition
    done: Sequence[Interval]
    found: Sequence[int]


class ScanStore:
    """A file that only its owner can read. Every call works in a daemon thread, since a disk may hang, and raises
    `Failure` for what it cannot do."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path, "searches.db", _SCHEMA, hint=_HINT)
        self.path = self._database.path

    async def begin(self, profile: str, query: SearchQuery) -> int:
        """A new search; the answer is its id."""

        def work(database: sqlite3.Connection) -> int:
            made = database.execute("INSERT INTO search (profile, query) VALUES (?, ?)", (profile, _text(query)))
            kept = "SELECT id FROM search ORDER BY id DESC LIMIT ?"
            database.execute(f"DELETE FROM search WHERE id NOT IN ({kept})", (MOST_SEARCHES,))  # noqa: S608
            return made.lastrowid or 0

        return await self._database.run(work)

    async def add(
        self, search: int, steps: Sequence[Step], records: int, nbytes: int, undecoded: Undecoded | None = None
    ) -> None:
        """All of it or nothing. `records`, `nbytes` and `undecoded` are the totals by now."""

        def work(database: sqlite3.Connection) -> None:
            database.execute("UPDATE search SET records = ?, nbytes = ? WHERE id = ?", (records, nbytes, search))
            if undecoded:
                row = (search, undecoded.records, *undecoded.source, undecoded.offset, undecoded.why)
                database.execute("REPLACE INTO undecoded VALUES (?, ?, ?, ?, ?, ?)", row)
            for step in steps:
                where = (search, *step.source)
                database.execute("DELETE FROM done WHERE search = ? AND topic = ? AND partition = ?", where)
                database.executemany("INSERT INTO done VALUES (?, ?, ?, ?, ?)", [(*where, *each) for each in step.done])
                rows = [(*where, offset) for offset in step.found]
                database.executemany("INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?)", rows)
            (found,) = database.execute("SELECT count(*) FROM found WHERE search = ?", (search,)).fetchone()
            if found > MOST_FOUND:
                raise Failure(
                    FailureKind.REFUSED,
                    f"More than {MOST_FOUND:,} matches: from here on the search will not be taken up again.",
                    "Look for something rarer.",
                )

        await self._database.run(work)

    async def load(self, search: int) -> SavedSearch:
        """`Failure`(NOT_FOUND) if it was finished or forgotten."""

        def work(database: sqlite3.Connection) -> SavedSearch:
            row = database.execute("SELECT * FROM search WHERE id = ?", (search,)).fetchone()
            if row is None:
                raise Failure(FailureKind.NOT_FOUND, f"There is no search {search} to take up again.", "Start it anew.")
            done: dict[TopicPartition, list[Interval]] = {}
            asked = "SELECT topic, partition, first, behind FROM done WHERE search = ? ORDER BY first"
            for topic, partition, first, behind in database.execute(asked, (search,)):
                done.setdefault(TopicPartition(topic, partition), []).append((first, behind))
            found: dict[TopicPartition, list[int]] = {}
            asked = "SELECT topic, partition, position FROM found WHERE search = ? ORDER BY position"
            for topic, partition, position in database.execute(asked, (search,)):
                found.setdefault(TopicPartition(topic, partition), []).append(position)
            undecoded = None
            asked = "SELECT records, topic, partition, position, why FROM undecoded WHERE search = ?"
            for records, topic, partition, position, why in database.execute(asked, (search,)):
                undecoded = Undecoded(records, TopicPartition(topic, partition), position, why)
            return SavedSearch(row[0], row[1], _query(row[2]), row[3], row[4], done, found, undecoded)

        return await self._database.run(work)

    async def unfinished(self, profile: str) -> list[SavedSearch]:
        """The newest first, without what was done and found."""

        def work(database: sqlite3.Connection) -> list[SavedSearch]:
            rows = database.execute("SELECT * FROM search WHERE profile = ? ORDER BY id DESC", (profile,)).fetchall()
            return [SavedSearch(row[0], row[1], _query(row[2]), row[3], row[4]) for row in rows]

        return await self._database.run(work)

    async def forget(self, search: int) -> None:
        await self._database.run(lambda database: database.execute("DELETE FROM search WHERE id = ?", (search,)))


def _text(query: SearchQuery) -> str:
    spec = query.filter
    return json.dumps(
        {
            "ranges": [[*each.source, each.start, each.end] for each in query.ranges],
            "filter": [spec.text, spec.kind, spec.case_sensitive, spec.where],
            "asked_at": query.asked_at,
            "isolation": query.isolation.value,
            "newest_first": query.newest_first,
            "limit": query.limit,
            "topic_ids": query.topic_ids,
        }
    )


def _query(text: str) -> SearchQuery:
    found: dict[str, Any] = json.loads(text)
    sought, kind, case_sensitive, where = found["filter"]
    return SearchQuery(
        tuple(OffsetRange(TopicPartition(t, p), start, end) for t, p, start, end in found["ranges"]),
        FilterSpec(sought, FilterKind(kind), case_sensitive, Where(where)),
        found["asked_at"],
        IsolationLevel(found["isolation"]),
        found["newest_first"],
        found["limit"],
        tuple((topic, id_) for topic, id_ in found.get("topic_ids", ())),
    )
