"""Any place of a topic: rows that are the same whoever asks, in whatever order, over gaps and odd timestamps."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.records import Mark, Record
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.window import TopicWindow
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

READ = IsolationLevel.READ_UNCOMMITTED


def _ranges(cluster: FakeCluster) -> list[OffsetRange]:
    return [OffsetRange(source, 0, log[-1].offset + 1 if log else 0) for source, log in cluster.logs.items()]


def _window(cluster: FakeCluster, **options: int) -> TopicWindow:
    return TopicWindow(cluster, _ranges(cluster), READ, lambda: None, **options)


def _merged(logs: list[list[Record]]) -> list[Record]:
    """By time, a record no older than those before it in its partition; the order that rows must have."""
    keyed = []
    for number, log in enumerate(logs):
        time = 0
        for record in log:
            time = max(time, record.timestamp or 0)
            keyed.append((time, number, record.offset, record))
    return [record for *_, record in sorted(keyed, key=lambda each: each[:3])]


async def _at(window: TopicWindow, row: int) -> Record | None:
    if window[row] is None:
        await window.fetch(row)
    return window[row]


@settings(max_examples=60, deadline=None)
@given(
    logs=st.lists(st.lists(st.integers(1, 40), max_size=60), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    rows=st.sampled_from([3, 10, 400]),
)
def test_every_row_is_the_same_whatever_order_it_is_asked_in(logs: list[list[int]], seed: int, rows: int) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t", len(logs))
    for partition, times in enumerate(logs):
        for time in times:
            cluster.add("t", b"v", partition=partition, timestamp=time)
    window = _window(cluster)
    window._rows_a_frame = rows
    wanted = _merged(list(cluster.logs.values()))
    order = list(range(len(window)))
    random.Random(seed).shuffle(order)

    async def look() -> list[Record | None]:
        for row in order:
            window._rows_a_frame = rows
            await _at(window, row)
        return [window[row] for row in range(len(window))]

    assert asyncio.run(look()) == wanted


@settings(max_examples=100, deadline=None)
@given(
    logs=st.lists(st.lists(st.integers(1, 40), max_size=60), min_size=1, max_size=4),
    count=st.integers(1, 30),
    gaps=st.sets(st.integers(0, 59)),
)
def test_the_newest_rows_are_fetched_at_once_and_rightly(logs: list[list[int]], count: int, gaps: set[int]) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t", len(logs))
    for partition, times in enumerate(logs):
        for time in times:
            cluster.add("t", b"v", partition=partition, timestamp=time)
    window = _window(cluster)
    for log in cluster.logs.values():
        log[:] = [record for record in log if record.offset not in gaps]
    wanted = _merged(list(cluster.logs.values()))

    async def look() -> None:
        await window.fetch_newest(count)
        await window._prove()
        if len(window):
            fetched = [window[row] for row in range(len(window)) if window._frame_of(row)]
            shown = [record for record in fetched if record]
            assert shown == wanted[len(wanted) - len(shown) :]
            frame = window._frame_of(len(window) - 1)
            assert frame is not None
            assert frame.complete

    asyncio.run(look())


def test_an_offset_without_a_record_stands_where_it_is(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t", 2)
    for n in range(40):
        cluster.add("t", b"%d" % n, partition=n % 2, timestamp=1000 + n)
    gone = {3, 4, 19}  # offsets, of the first partition
    log = next(iter(cluster.logs.values()))
    log[:] = [record for record in log if record.offset not in gone]
    window = TopicWindow(cluster, [OffsetRange(source, 0, 20) for source in cluster.logs], READ, lambda: None)
    aio.run(window.fetch(0))
    found = [None if (record := window[row]) is None else int(record.value or b"") for row in range(40)]
    wanted = [n for n in range(40) if n % 2 or n // 2 not in gone]
    assert [n for n in found if n is not None] == wanted
    assert [row for row, n in enumerate(found) if n is None] == [8, 9, 39]
    assert all(window.is_gap(row) for row in (8, 9, 39))


def test_several_records_of_one_moment_cost_no_more(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t", 3)
    for n in range(3000):
        cluster.add("t", b"%d" % n, partition=n % 3, timestamp=1000 + n // 30)
    window = _window(cluster)
    aio.run(window.fetch_newest(100))
    assert cluster.calls.count("open_reader") == 1
    assert window[len(window) - 100] is not None


def test_newest_rows_are_shown_before_the_time_index_is_asked(aio: LoopRunner) -> None:
    """A record of the future, far back in one partition, makes all behind it newest: that is found out behind."""
    cluster = FakeCluster()
    cluster.add_topic("t", 2)
    for n in range(1000):
        cluster.add("t", b"%d" % n, partition=n % 2, timestamp=9999 if n == 20 else 1000 + n)
    wanted = _merged(list(cluster.logs.values()))
    told: list[int] = []
    window = TopicWindow(cluster, _ranges(cluster), READ, lambda: told.append(1))

    async def look() -> None:
        await window.fetch_newest(100)
        assert "list_offsets" not in cluster.calls
        assert window[999] == cluster.logs[TopicPartition("t", 1)][-1]
        running = asyncio.get_running_loop().create_task(window.run())
        await until(lambda: bool(told))
        await asyncio.sleep(0)
        shown = [window[row] for row in range(1000) if window._frame_of(row)]
        assert shown == wanted[-len(shown) :]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    aio.run(look())


def test_one_partition_is_addressed_by_offset_alone(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    for n in range(5000):
        cluster.add("t", b"%d" % n, timestamp=n)
    window = _window(cluster)

    async def look() -> None:
        record = await _at(window, 4321)
        assert record is not None
        assert record.offset == 4321
        assert "list_offsets" not in cluster.calls  # no look at the time index
        assert await window.row_of(TopicPartition("t", 0), 17) == 17
        assert await window.row_at(99) == 99

    aio.run(look())


def test_offsets_without_a_record_are_told_as_gaps(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    for n in range(100):
        cluster.add("t", b"%d" % n, timestamp=n)
    log = cluster.logs[TopicPartition("t", 0)]
    log[:] = [record for record in log if not 20 <= record.offset < 50]
    window = _window(cluster)

    async def look() -> None:
        await _at(window, 0)
        rows = [window[row] for row in range(100)]
        assert [r.offset for r in rows if r] == [*range(20), *range(50, 100)]
        assert sum(window.is_gap(row) for row in range(100)) == 30

    aio.run(look())


def test_a_partition_that_cannot_be_read_is_no_gap(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t", 2)
    for n in range(10):
        cluster.add("t", b"%d" % n, partition=n % 2, timestamp=n)
    ranges = _ranges(cluster)
    cluster.broken[TopicPartition("t", 1)] = Failure(FailureKind.UNREACHABLE, "No leader.")
    window = TopicWindow(cluster, ranges[:1], READ, lambda: None)
    broken = TopicWindow(cluster, ranges[1:], READ, lambda: None)

    async def look() -> None:
        assert await _at(window, 0)
        await broken.fetch(0)
        assert broken[0] is None
        assert not broken.is_gap(0)
        assert broken.troubles[0].failure.message == "No leader."

    aio.run(look())


def test_memory_is_bounded_and_what_was_dropped_comes_again(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    for n in range(400):
        cluster.add("t", bytes(10_000), timestamp=n)
    window = _window(cluster, budget=1_000_000)
    window._rows_a_frame = 20

    async def look() -> None:
        for row in range(0, 400, 20):
            await _at(window, row)
            window._rows_a_frame = 20
        assert window._nbytes <= 1_300_000
        assert window[0] is None  # it was dropped
        record = await _at(window, 0)
        assert record is not None
        assert record.offset == 0

    aio.run(look())


def test_asking_for_a_row_fetches_it_and_the_ones_ahead(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    for n in range(3000):
        cluster.add("t", b"%d" % n, timestamp=n)
    told: list[int] = []
    window = TopicWindow(cluster, _ranges(cluster), READ, lambda: told.append(1))

    async def look() -> None:
        running = asyncio.get_running_loop().create_task(window.run())
        assert window[2999] is None
        await until(lambda: window._frame_of(2799 - 200))  # older rows are next when one comes from the newest
        assert told
        assert [window[row] is None for row in (2999, 2800)] == [False, False]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    aio.run(look())


def test_marks_come_behind_the_rows_and_only_where_there_may_be_transactions(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    for n in range(1000):
        cluster.add("t", b"%d" % n, timestamp=n)
    told: list[int] = []
    window = TopicWindow(cluster, _ranges(cluster), READ, lambda: told.append(1))

    async def look() -> None:
        running = asyncio.get_running_loop().create_task(window.run())
        await window.fetch_newest(100)
        readers = cluster.calls.count("open_reader")
        assert [window.mark_of(row) for row in range(900, 1000)] == [None] * 100
        frame = window._frame_of(999)
        assert frame is not None
        await until(lambda: frame.marks is not None)
        assert cluster.calls.count("open_reader") == readers
        assert not told
        assert window.mark_of(5) is None  # not fetched: asking fetches nothing
        assert window._frame_of(5) is None
        frame.marks = {7: Mark.ABORTED}
        assert window.mark_of(frame.start + 7) is Mark.ABORTED
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    aio.run(look())


def test_who_reads_committed_records_needs_no_marks(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("t")
    cluster.add("t", b"v")
    window = TopicWindow(cluster, _ranges(cluster), IsolationLevel.READ_COMMITTED, lambda: None)

    async def look() -> None:
        await _at(window, 0)
        running = asyncio.get_running_loop().create_task(window.run())
        calls = len(cluster.calls)
        assert window.mark_of(0) is None
        await asyncio.sleep(0.3)
        assert len(cluster.calls) == calls
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    aio.run(look())


def test_the_rows_of_a_real_topic(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    chance = random.Random(7)
    records = [
        Sent(
            chance.randrange(3), b"k%d" % n, b"v%d" % n, timestamp=NOW - 100_000 + n * 20 + chance.randrange(-200, 200)
        )
        for n in range(3000)
    ]
    sent = direct.produce(broker.bootstrap, topic_name, records)
    logs: list[list[Sent]] = [sorted((s for s in sent if s.partition == p), key=lambda s: s.offset) for p in range(3)]
    keyed = []
    for partition, log in enumerate(logs):
        time = 0
        for each in log:
            time = max(time, each.timestamp)
            keyed.append((time, partition, each.offset))
    wanted = [(partition, offset) for _, partition, offset in sorted(keyed)]

    async def look() -> None:
        cluster = KafkaCluster(Profile("t", broker.bootstrap), Credentials())
        sources = [TopicPartition(topic_name, p) for p in range(3)]
        ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END))
        window = TopicWindow(cluster, [OffsetRange(s, 0, int(ends[s])) for s in sources], READ, lambda: None)  # type: ignore[arg-type]
        for row in (2999, 0, 1500, 700, 2400, *chance.sample(range(3000), 40)):
            record = await _at(window, row)
            assert record is not None
            assert (record.partition, record.offset) == wanted[row]
        partition, offset = wanted[1234]
        assert await window.row_of(TopicPartition(topic_name, partition), offset) == 1234
        await cluster.close()

    aio.run(look())
