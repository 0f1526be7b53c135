"""Lag over time, in SQLite: every sample of the last day, minutes of a month, hours of a year."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kexplorer.model.lag import GroupLag
from kexplorer.store.database import Database
from kexplorer.store.lag_points import DAY, HOUR, MINUTE, Points, pack, pieces, summed_up, thinned, unpack

RAW = 0
_PACKED = 600  # seconds: points are packed when they are of an earlier such time
_AT_ONCE = 25  # series that are packed in one call, so that none takes long
_MOST_POINTS = 500_000  # read at a time: where all would be more, a coarser step is read
_SAMPLE = 5.0  # seconds between samples, for that estimate alone
_SPAN = {RAW: HOUR, MINUTE: HOUR, HOUR: 10 * DAY}  # seconds that one chunk holds, by its step
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, consumer TEXT NOT NULL, topic TEXT NOT NULL,
    partition INTEGER NOT NULL, topic_id TEXT NOT NULL, UNIQUE (cluster, consumer, topic, partition, topic_id));
CREATE TABLE IF NOT EXISTS point (
    series INTEGER NOT NULL, at INTEGER NOT NULL, lag INTEGER NOT NULL, committed INTEGER NOT NULL,
    ending INTEGER NOT NULL, PRIMARY KEY (series, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (
    series INTEGER NOT NULL, step INTEGER NOT NULL, start INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (step, series, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
    cluster TEXT NOT NULL, consumer TEXT NOT NULL, owner TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (cluster, consumer)) WITHOUT ROWID;
"""
_FORGET_EMPTY = """
DELETE FROM series WHERE NOT EXISTS (
    SELECT 1 FROM point WHERE series = id UNION ALL SELECT 1 FROM chunk WHERE series = id AND step IN (?, ?, ?))"""

_HINT = "Lag is watched, but not recorded. Move the file away; it only holds the history of lag."


@dataclass(frozen=True, slots=True)
class Track:
    """What a group's lag in one partition was; `topic` "" and `partition` -1: of several together. A topic that was
    made anew has another `topic_id`, and a track of its own. Between points further apart than `gap` seconds nothing is
    known."""

    group: str
    topic: str
    partition: int
    topic_id: str
    points: Points
    gap: float


class LagHistory:
    """A file that only its owner can read; others may read it while it is written. Every call works in a daemon thread,
    since a disk may hang, and raises `Failure` for what it cannot do.

    `raw`, `minutes` and `hours` are the seconds for which each kind of point is kept. What one process records of a
    group no other one records as well: whoever comes first has it until its lease ends.
    """

    def __init__(
        self, path: Path | None = None, raw: float = DAY, minutes: float = 30 * DAY, hours: float = 365 * DAY
    ) -> None:
        self._database = Database(path, "lag.db", _SCHEMA, hint=_HINT)
        self.path = self._database.path
        self._keep = {RAW: raw, MINUTE: minutes, HOUR: hours}
        self._owner = uuid.uuid4().hex

    async def add(self, cluster: str, seen: Sequence[GroupLag], topic_ids: Mapping[str, str], lasts: float) -> int:
        """Notes what was seen of groups of the cluster of this id; nobody else will for the next `lasts` seconds.
        Returns of how many groups: not of those that another process records."""
        return await self._database.run(lambda database: self._add(database, cluster, seen, topic_ids, lasts))

    async def clusters(self) -> list[str]:
        """The ids of those of which something was recorded."""
        find = "SELECT DISTINCT cluster FROM series ORDER BY cluster"
        return [name for (name,) in await self._database.run(lambda d: d.execute(find).fetchall(), writes=False)]

    async def groups(self, cluster: str) -> list[str]:
        """Those of which something was recorded, by name."""
        find = "SELECT DISTINCT consumer FROM series WHERE cluster = ? ORDER BY consumer"
        return [
            name for (name,) in await self._database.run(lambda d: d.execute(find, (cluster,)).fetchall(), writes=False)
        ]

    async def read(
        self,
        cluster: str,
        since: float,
        until: float,
        group: str | None = None,
        topic: str | None = None,
        partition: int | None = None,
        points: int = 1000,
    ) -> list[Track]:
        """A track for every partition, `points` in each at most, of `since` to `until` (seconds since 1970). The more
        partitions there are, the coarser is what is read."""
        wanted = {"cluster": cluster, "consumer": group, "topic": topic, "partition": partition}
        return await self._database.run(
            lambda database: self._read(database, wanted, since, until, points), writes=False
        )

    async def forget(self, cluster: str, group: str) -> None:
        """All that was recorded of a group."""

        def work(database: sqlite3.Connection) -> None:
            found = "SELECT id FROM series WHERE cluster = ? AND consumer = ?"
            for table in ("point", "chunk"):
                database.execute(f"DELETE FROM {table} WHERE series IN ({found})", (cluster, group))  # noqa: S608
            database.execute("DELETE FROM series WHERE cluster = ? AND consumer = ?", (cluster, group))

        await self._database.run(work)

    def _add(
        self, database: sqlite3.Connection, cluster: str, seen: Sequence[GroupLag], ids: Mapping[str, str], lasts: float
    ) -> int:
        mine = [lag for lag in seen if self._leased(database, cluster, lag, lasts)]
        rows = []
        for lag in mine:
            known = _series_of(database, cluster, lag.group.id)
            for reading in lag.readings:
                if reading.lag is None:
                    continue
                key = (*reading.source, ids.get(reading.source.topic, ""))
                if key not in known:
                    values = (cluster, lag.group.id, *key)
                    made = database.execute("INSERT INTO series VALUES (NULL, ?, ?, ?, ?, ?)", values)
                    known[key] = made.lastrowid or 0
                rows.append((known[key], int(lag.at * 1000), reading.lag, reading.committed, reading.end))
        database.executemany("INSERT OR IGNORE INTO point VALUES (?, ?, ?, ?, ?)", rows)
        if mine:
            self._thin(database, max(lag.at for lag in mine))
        return len(mine)

    def _leased(self, database: sqlite3.Connection, cluster: str, lag: GroupLag, lasts: float) -> bool:
        now = int(lag.at * 1000)
        take = """
            INSERT INTO lease VALUES (?, ?, ?, ?) ON CONFLICT (cluster, consumer) DO UPDATE
            SET owner = excluded.owner, until = excluded.until WHERE owner = excluded.owner OR until < ?"""
        values = (cluster, lag.group.id, self._owner, now + int(lasts * 1000), now)
        return database.execute(take, values).rowcount > 0

    def _thin(self, database: sqlite3.Connection, now: float) -> None:
        """Packs points that are not of the newest minutes, those of a few series at a time, and drops what is too
        old."""
        before = int(now // _PACKED) * _PACKED
        oldest = "(SELECT min(at) FROM point WHERE series = id)"
        due = f"SELECT id FROM series WHERE {oldest} < ? ORDER BY {oldest} LIMIT ?"  # noqa: S608
        series = [found for (found,) in database.execute(due, (before * 1000, _AT_ONCE))]
        for each in series:
            _pack(database, each, before)
        if not series:
            return
        for step, keep in self._keep.items():
            database.execute("DELETE FROM chunk WHERE step = ? AND start < ?", (step, int(now - keep) - _SPAN[step]))
        database.execute(_FORGET_EMPTY, tuple(self._keep))

    def _read(
        self, database: sqlite3.Connection, wanted: Mapping[str, object], since: float, until: float, points: int
    ) -> list[Track]:
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given)
        find = f"SELECT id, consumer, topic, partition, topic_id FROM series WHERE {where} ORDER BY 2, 3, 4, id"  # noqa: S608
        series = database.execute(find, tuple(given.values())).fetchall()
        step = self._step(len(series), since, until)
        tracks = []
        for number, consumer, topic, partition, topic_id in series:
            if len(found := _points(database, number, step, since, until)):
                shown, gap = thinned(found, points, step)
                tracks.append(Track(consumer, topic, partition, topic_id, shown, gap))
        return tracks

    def _step(self, series: int, since: float, until: float) -> int:
        """The finest that goes back far enough and is not too much."""
        for step, seconds in ((RAW, _SAMPLE), (MINUTE, MINUTE)):
            enough = time.time() - since <= self._keep[step] + _SPAN[step]
            if enough and series * (until - since) / seconds <= _MOST_POINTS:
                return step
        return HOUR


def _series_of(database: sqlite3.Connection, cluster: str, group: str) -> dict[tuple[str, int, str], int]:
    find = "SELECT topic, partition, topic_id, id FROM series WHERE cluster = ? AND consumer = ?"
    return {
        (topic, partition, id_): number for topic, partition, id_, number in database.execute(find, (cluster, group))
    }


def _pack(database: sqlite3.Connection, series: int, before: int) -> None:
    samples = _samples(database, series, 0, before)
    for step, span in _SPAN.items():
        for start, piece in pieces(summed_up(samples, step) if step else samples, span):
            key = (step, series, start)
            find = "SELECT data FROM chunk WHERE step = ? AND series = ? AND start = ?"
            found = database.execute(find, key).fetchone()
            whole = unpack(found[0]) if found else Points()
            whole.extend(piece)
            database.execute(
                "INSERT OR REPLACE INTO chunk (step, series, start, data) VALUES (?, ?, ?, ?)", (*key, pack(whole))
            )
    database.execute("DELETE FROM point WHERE series = ? AND at < ?", (series, before * 1000))


def _points(database: sqlite3.Connection, series: int, step: int, since: float, until: float) -> Points:
    found = Points()
    find = "SELECT data FROM chunk WHERE step = ? AND series = ? AND start > ? AND start < ? ORDER BY start"
    for (data,) in database.execute(find, (step, series, since - _SPAN[step], until)):
        found.extend(unpack(data))
    newest = _samples(database, series, since, until)
    found.extend(summed_up(newest, step) if step else newest)
    return found.between(since, until)


def _samples(database: sqlite3.Connection, series: int, since: float, until: float) -> Points:
    find = "SELECT at / 1000.0, lag, committed, ending FROM point WHERE series = ? AND at >= ? AND at < ? ORDER BY at"
    rows = database.execute(find, (series, since * 1000, until * 1000)).fetchall()
    return Points.of_samples(*zip(*rows, strict=True)) if rows else Points()
