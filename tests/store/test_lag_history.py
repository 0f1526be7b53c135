"""What is kept of lag, for how long, by whom, and what is left when the process that writes it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group, GroupState, GroupType
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.topics import TopicPartition
from kexplorer.store import lag_history
from kexplorer.store.lag_history import LagHistory
from kexplorer.store.lag_points import DAY, HOUR, MINUTE, Points, pack, summed_up, thinned, unpack
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait

IDS = {"orders": "id 1"}
LASTS = 15.0


def _seen(at: float, *lags: int | None, group: str = "billing", end: int = 10_000) -> GroupLag:
    readings = [
        Reading(TopicPartition("orders", n), None if lag is None else end - lag, 0, end) for n, lag in enumerate(lags)
    ]
    return GroupLag(Group(group, GroupState.EMPTY, GroupType.CLASSIC, ()), tuple(readings), at)


@pytest.fixture
def history(tmp_path: Path) -> LagHistory:
    return LagHistory(tmp_path / "state" / "lag.db")


def test_what_was_added_is_read(aio: LoopRunner, history: LagHistory) -> None:
    now = time.time()

    async def run() -> None:
        for n in range(5):
            assert await history.add("c", [_seen(now + n, n, None), _seen(now + n, 7, group="mail")], IDS, LASTS) == 2
        assert await history.groups("c") == ["billing", "mail"]
        assert await history.groups("other") == []
        (track,) = await history.read("c", now - 1, now + 99, "billing")
        assert (track.group, track.topic, track.partition, track.topic_id) == ("billing", "orders", 0, "id 1")
        assert list(track.points.lag) == [0, 1, 2, 3, 4]
        assert list(track.points.committed) == [10_000, 9999, 9998, 9997, 9996]
        assert track.points.at[0] == pytest.approx(now, abs=0.001)
        (part,) = await history.read("c", now + 0.5, now + 2.5, "billing", "orders", 0)
        assert list(part.points.lag) == [1, 2]
        assert len(await history.read("c", now - 1, now + 99)) == 2
        await history.forget("c", "billing")
        assert await history.groups("c") == ["mail"]

    aio.run(run())
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(history.path).st_mode) == 0o600


def test_a_topic_made_anew_is_a_track_of_its_own(aio: LoopRunner, history: LagHistory) -> None:
    now = time.time()

    async def run() -> None:
        await history.add("c", [_seen(now, 5)], {"orders": "id 1"}, LASTS)
        await history.add("c", [_seen(now + 5, 0, end=3)], {"orders": "id 2"}, LASTS)
        tracks = await history.read("c", now - 1, now + 9)
        assert [(track.topic_id, list(track.points.lag)) for track in tracks] == [("id 1", [5]), ("id 2", [0])]

    aio.run(run())


def test_with_age_samples_become_minutes_and_hours(aio: LoopRunner, tmp_path: Path) -> None:
    """Three days, a sample a minute and a half; the lag is the minute of the day."""
    begin = (time.time() // DAY - 4) * DAY
    history = LagHistory(tmp_path / "lag.db", raw=10 * DAY, minutes=10 * DAY)
    samples = [begin + n * 90.0 for n in range(3 * 960)]

    async def run() -> None:
        await _fill(history, samples)
        minutes = (await history.read("c", begin, samples[-1] + 1, points=10**6))[0].points
        assert len(minutes) == len(samples)
        assert list(minutes.at) == samples
        assert list(minutes.lag) == [_lag(at) for at in samples]
        coarse = LagHistory(history.path, raw=HOUR, minutes=HOUR)
        track = (await coarse.read("c", begin, samples[-1] + 1))[0]
        assert list(track.points.at) == [begin + n * HOUR for n in range(72)]
        assert [*zip(track.points.low, track.points.high, track.points.lag, strict=True)][:2] == [
            (0, 58, 58),
            (60, 118, 118),
        ]
        assert track.gap == 3 * HOUR
        await coarse.add("c", [_seen(samples[-1] + HOUR / 2, 1)], IDS, LASTS)  # packs, and drops what is too old

    aio.run(run())
    with sqlite3.connect(history.path) as database:
        steps = dict(database.execute("SELECT step, min(start) FROM chunk GROUP BY step"))
    database.close()
    assert steps[HOUR] <= begin
    assert steps[MINUTE] > samples[-1] - 3 * HOUR


def test_every_series_is_packed_in_its_turn(aio: LoopRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag_history, "_AT_ONCE", 1)
    history = LagHistory(tmp_path / "lag.db")
    begin = (time.time() // DAY - 1) * DAY

    async def run() -> None:
        for at in (begin, begin + 700, begin + 1400, begin + 2100):  # with each, what is older than 10 min is due
            await history.add("c", [_seen(at, 1, group=name) for name in ("a", "b", "z")], IDS, 1.0)

    aio.run(run())
    with sqlite3.connect(history.path) as database:
        packed = database.execute("SELECT count(DISTINCT series) FROM chunk").fetchone()
    database.close()
    assert packed == (3,)


def _lag(at: float) -> int:
    return int(at % DAY) // MINUTE


async def _fill(history: LagHistory, times: Sequence[float], group: str = "billing") -> None:
    for first in range(0, len(times), 500):
        seen = [_seen(at, _lag(at), group=group) for at in times[first : first + 500]]
        await history.add("c", seen, IDS, 1.0)


def test_a_series_of_which_nothing_is_left_is_forgotten(aio: LoopRunner, tmp_path: Path) -> None:
    history = LagHistory(tmp_path / "lag.db", raw=HOUR, minutes=HOUR, hours=HOUR)
    now = time.time()

    async def run() -> None:
        await _fill(history, [now - 9 * DAY], "gone")
        for ago in (5 * DAY, 4 * DAY, 0):
            await _fill(history, [now - ago])
        assert await history.groups("c") == ["billing"]

    aio.run(run())


def test_a_group_is_recorded_by_one_at_a_time(aio: LoopRunner, history: LagHistory) -> None:
    other = LagHistory(history.path)
    now = time.time()

    async def run() -> None:
        assert await history.add("c", [_seen(now, 1)], IDS, LASTS) == 1
        both = [_seen(now + 5, 2), _seen(now + 5, 2, group="mail")]
        assert await other.add("c", both, IDS, LASTS) == 1  # mail alone
        assert await history.add("c", [_seen(now + 5, 2)], IDS, LASTS) == 1
        assert await other.add("other", [_seen(now + 5, 2)], IDS, LASTS) == 1
        assert await other.add("c", [_seen(now + 19, 3)], IDS, LASTS) == 0
        assert await other.add("c", [_seen(now + 21, 4)], IDS, LASTS) == 1  # its lease is over
        (track,) = await other.read("c", now - 1, now + 99, "billing")
        assert list(track.points.lag) == [1, 2, 4]

    aio.run(run())


_RECORDER = """
import asyncio, sys, time
from pathlib import Path
from tests.store.test_lag_history import IDS, _seen
from kexplorer.store import lag_history
from kexplorer.store.lag_history import LagHistory

async def run():
    history, at = LagHistory(Path(sys.argv[1])), float(sys.argv[2])
    while True:
        at += 37.0  # an hour is packed every hundred
        await history.add("c", [_seen(at, *[int(at) % 1000] * 20)], IDS, 0.0)
        print(at, flush=True)

asyncio.run(run())
"""


@pytest.mark.slow
def test_what_was_told_to_be_written_outlives_a_kill(aio: LoopRunner, tmp_path: Path) -> None:
    history = LagHistory(tmp_path / "lag.db", raw=100 * DAY)
    begin = at = float(int(time.time() - 20 * DAY))
    for _ in range(3):
        command = [sys.executable, "-c", _RECORDER, str(history.path), str(at)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
            assert recorder.stdout is not None
            for _ in range(60):
                at = float(recorder.stdout.readline())
            readers = aio.run(history.read("c", begin, at + 1))  # while it is written
            assert len(readers) == 20
            recorder.send_signal(signal.SIGKILL)
            at = max([at, *map(float, recorder.stdout.read().split())])
        tracks = aio.run(history.read("c", begin, at + 100, points=10**6))
        times = list(tracks[0].points.at)
        assert [track.points.at.tolist() for track in tracks] == [times] * 20  # each sample whole
        assert times[-1] in (at, at + 37.0)  # the last may be written, and not yet told
        assert times == [begin + 37.0 * (n + 1) for n in range(len(times))]
        at = times[-1]
    check = sqlite3.connect(history.path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


def test_two_processes_write_at_once(aio: LoopRunner, tmp_path: Path) -> None:
    history = LagHistory(tmp_path / "lag.db")
    now = time.time()

    async def run() -> None:
        stores = [LagHistory(history.path) for _ in range(4)]
        for n in range(10):
            seen = [_seen(now + n, n)]
            recorded = await asyncio.gather(*(store.add("c", seen, IDS, LASTS) for store in stores))
            assert sum(recorded) == 1
        (track,) = await history.read("c", now - 1, now + 99)
        assert list(track.points.lag) == list(range(10))

    aio.run(run())


def test_a_file_of_something_else_is_told_and_stays(aio: LoopRunner, tmp_path: Path) -> None:
    history = LagHistory(tmp_path / "lag.db")
    history.path.write_bytes(b"no database" * 1000)
    with pytest.raises(Failure, match=r"lag\.db could not be used") as raised:
        aio.run(history.add("c", [_seen(1.0, 1)], IDS, LASTS))
    assert raised.value.kind is FailureKind.REFUSED
    assert history.path.read_bytes().startswith(b"no database")


def _points(values: Sequence[tuple[float, int]]) -> Points:
    lags = [lag for _, lag in values]
    return Points.of_samples([at for at, _ in values], lags, [100 - lag for lag in lags], [100] * len(lags))


_values = st.lists(st.tuples(st.integers(0, 50_000), st.integers(-5, 10**6)), unique_by=lambda each: each[0]).map(
    lambda told: [(float(at), lag) for at, lag in sorted(told)]
)


@given(_values, st.integers(0, 100))
def test_pieces_put_together_are_the_whole(values: list[tuple[float, int]], cut: int) -> None:
    whole = _points(values)
    assert unpack(pack(whole)) == whole
    for step in (MINUTE, HOUR):
        parts = summed_up(_points(values[:cut]), step)
        parts.extend(summed_up(_points(values[cut:]), step))
        assert parts == summed_up(whole, step)


@given(_values, st.integers(1, 50))
def test_thinning_keeps_the_extremes_and_the_last(values: list[tuple[float, int]], most: int) -> None:
    whole = _points(values)
    found, gap = thinned(whole, most, 0)
    assert len(found) <= most
    assert gap >= 15.0
    if values:
        assert (min(found.low), max(found.high)) == (min(whole.lag), max(whole.lag))
        assert (found.at[-1], found.lag[-1]) == (whole.at[-1], whole.lag[-1])
        assert sorted(found.at) == list(found.at)


def test_damage_is_no_points() -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(b"nonsense")


def test_the_wait_for_a_lock_ends(aio: LoopRunner, history: LagHistory) -> None:
    """Somebody else writes for a moment."""
    aio.run(history.add("c", [_seen(time.time(), 1)], IDS, LASTS))
    holder = sqlite3.connect(history.path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")

    async def run() -> None:
        adding = asyncio.create_task(history.add("c", [_seen(time.time(), 2)], IDS, LASTS))
        assert (await history.groups("c")) == ["billing"]  # readers don't wait
        assert not adding.done()
        holder.execute("COMMIT")
        assert await adding == 1

    aio.run(run())
    holder.close()
    wait(lambda: not history.path.with_name("lag.db-wal").exists())
