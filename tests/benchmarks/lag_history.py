"""How long it takes to open a month of lag history: 500 partitions, a sample every 5 seconds.

Every sample of the last day, all minutes of 30 days and all hours are in the file, as a recorder would have left them.
Printed are medians of 5 and the size of the file. Run: `.venv/bin/python -m tests.benchmarks.lag_history [series]`
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from kexplorer.model.groups import Group, GroupState, GroupType
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.topics import TopicPartition
from kexplorer.store.lag_history import RAW, LagHistory
from kexplorer.store.lag_points import DAY, HOUR, MINUTE, Points, pack, summed_up

DAYS, EVERY = 30, 5
VARIANTS = 8  # of random walks, over which the partitions are dealt out
RUNS = 5


def _walk(seed: int, begin: int, span: int, step: int) -> Points:
    choose = random.Random(seed * 1_000_003 + begin)
    times = range(begin, begin + span, step)
    lag, end = choose.randrange(5000), begin * 100
    lags, ends = [], []
    for _ in times:
        lag = max(lag + choose.randrange(-50, 51), 0)
        end += choose.randrange(100 * step)
        lags.append(lag)
        ends.append(end)
    return Points.of_samples(times, lags, [end - lag for lag, end in zip(lags, ends, strict=True)], ends)


def _chunks(now: int, series: int) -> Iterator[tuple[int, int, int, bytes]]:
    hour = now // HOUR * HOUR
    for start in range(hour - DAYS * DAY, hour, HOUR):
        spans = [_walk(variant, start, HOUR, MINUTE) for variant in range(VARIANTS)]
        yield from _dealt(MINUTE, start, [pack(each) for each in spans], series)
        if start >= hour - DAY:
            raw = [pack(_walk(variant, start, HOUR, EVERY)) for variant in range(VARIANTS)]
            yield from _dealt(RAW, start, raw, series)
    for start in range((now - DAYS * DAY) // (10 * DAY) * 10 * DAY, hour, 10 * DAY):
        walks = [_walk(variant, start, min(10 * DAY, hour - start), MINUTE) for variant in range(VARIANTS)]
        days = [pack(summed_up(walk, HOUR)) for walk in walks]
        yield from _dealt(HOUR, start, days, series)


def _dealt(step: int, start: int, data: list[bytes], series: int) -> Iterator[tuple[int, int, int, bytes]]:
    for number in range(series):
        yield number + 1, step, start, data[number % VARIANTS]


async def _fill(history: LagHistory, now: int, series: int) -> None:
    group = Group("billing", GroupState.EMPTY, GroupType.CLASSIC, ())
    ids = {"orders": "id 1"}
    seen = []
    for at in range(now // 600 * 600, now, EVERY):
        readings = [Reading(TopicPartition("orders", n), at, 0, at + n) for n in range(series)]
        seen.append(GroupLag(group, tuple(readings), float(at)))
    await history.add("cluster", seen or [GroupLag(group, (), float(now))], ids, 1.0)
    with closing(sqlite3.connect(history.path)) as database, database:
        database.executemany(
            "INSERT OR REPLACE INTO chunk (series, step, start, data) VALUES (?, ?, ?, ?)", _chunks(now, series)
        )


async def _time(history: LagHistory, what: str, **given: object) -> None:
    now, took, worked = time.time(), [], []
    for _ in range(RUNS):
        begin, before = time.perf_counter(), time.process_time()
        tracks = await history.read("cluster", until=now + 1, **given)  # type: ignore[arg-type]
        took.append(time.perf_counter() - begin)
        worked.append(time.process_time() - before)
    points = sum(len(track.points) for track in tracks)
    times = f"{statistics.median(took) * 1000:.0f} ms, {statistics.median(worked) * 1000:.0f} of the processor"
    print(f"{what}: {times}, for {len(tracks)} partitions, {points:,} points")


async def measure(series: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = LagHistory(Path(folder) / "lag.db")
        now = int(time.time())
        await _fill(history, now, series)
        print(f"file: {history.path.stat().st_size / 1e6:,.0f} MB")
        await _time(history, "30 days of all", since=now - DAYS * DAY)
        await _time(history, "30 days of all, 300 points each", since=now - DAYS * DAY, points=300)
        await _time(history, "30 days of one", since=now - DAYS * DAY, group="billing", topic="orders", partition=7)
        await _time(history, "an hour of all", since=now - HOUR)
        await _time(history, "a day of one", since=now - DAY + HOUR, group="billing", topic="orders", partition=7)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
