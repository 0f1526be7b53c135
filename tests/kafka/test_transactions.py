"""Marks of what transactions have left on a real broker, compared with what was written and how it ended."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.records import Mark, RecordColumns
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import browser, transactions
from kexplorer.services.transactions import Marks
from kexplorer.services.window import TopicWindow
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

pytestmark = pytest.mark.kafka
COMMITTED, UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
Writers = Callable[[], Producer]


@pytest.fixture
def writer(broker: Broker, topic_name: str) -> Iterator[Writers]:
    """Makes transactional producers."""
    made: list[Producer] = []

    def make() -> Producer:
        producer = direct.producer(broker.bootstrap, transactional_id=f"{topic_name}-{len(made)}")
        producer.init_transactions(30)
        made.append(producer)
        return producer

    yield make
    made.clear()


async def _read(cluster: KafkaCluster, *ranges: OffsetRange) -> RecordColumns:
    found = RecordColumns()
    async with cluster.open_reader(ranges) as reader:
        while (batch := await reader.next_batch()) is not None:
            found.extend(batch.records)
    return found


def _wait_for_markers(aio: LoopRunner, broker: Broker, stable: dict[TopicPartition, int]) -> None:
    """Until these are the last stable offsets: a producer is answered before its markers are written."""

    async def wait() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            while await cluster.list_offsets(dict.fromkeys(stable, Edge.END), COMMITTED) != stable:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    aio.run(wait())


def _count_readers(cluster: KafkaCluster) -> list[IsolationLevel]:
    """The isolation level of every reader that is opened from now on."""
    opened: list[IsolationLevel] = []
    open_reader = cluster.open_reader

    def counted(ranges: list[OffsetRange], isolation: IsolationLevel = UNCOMMITTED) -> object:
        opened.append(isolation)
        return open_reader(ranges, isolation)

    cluster.open_reader = counted  # type: ignore[method-assign,assignment]
    return opened


def test_several_producers_on_the_same_partitions(
    aio: LoopRunner, broker: Broker, topic_name: str, writer: Writers
) -> None:
    """Three that commit and abort, one that does neither, and one without transactions, their batches mixed."""
    direct.create(broker.bootstrap, topic_name, 2)
    chance = random.Random(9)
    wanted: dict[tuple[int, int], Mark | None] = {}
    plain = direct.producer(broker.bootstrap)
    writers = [writer() for _ in range(3)]
    under_way: dict[Producer, list[Sent]] = {}

    def send(to: Producer) -> list[Sent]:
        return direct.send(to, topic_name, [Sent(chance.randrange(2), b"k", b"v") for _ in range(chance.randint(1, 6))])

    for _ in range(120):
        to = chance.choice([plain, *writers])
        if to is not plain and to not in under_way:
            to.begin_transaction()
            under_way[to] = []
        sent = send(to)
        wanted |= {(each.partition, each.offset): None for each in sent}
        if to is plain:
            continue
        under_way[to] += sent
        if chance.random() < 0.4:
            commit = chance.random() < 0.5
            (to.commit_transaction if commit else to.abort_transaction)(30)
            wanted |= {(s.partition, s.offset): None if commit else Mark.ABORTED for s in under_way.pop(to)}
    for to, sent in under_way.items():
        to.abort_transaction(30)
        wanted |= {(s.partition, s.offset): Mark.ABORTED for s in sent}
    late = writer()
    late.begin_transaction()
    first = {p: direct.send(late, topic_name, [Sent(p, b"open", b"v")])[0].offset for p in range(2)}
    behind = [each for _ in range(5) for each in send(plain)]
    wanted |= dict.fromkeys(first.items(), Mark.HELD)
    wanted |= {(each.partition, each.offset): Mark.HELD for each in behind}
    _wait_for_markers(aio, broker, {TopicPartition(topic_name, p): offset for p, offset in first.items()})
    assert {*wanted.values()} == {None, Mark.ABORTED, Mark.HELD}

    async def look() -> None:
        sources = [TopicPartition(topic_name, p) for p in range(2)]
        async with direct.connected(broker.bootstrap) as cluster:
            ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END))
            whole = [OffsetRange(source, 0, int(str(ends[source]))) for source in sources]
            records = await _read(cluster, *whole)
            assert len(records) == len(wanted)
            found = await Marks(cluster).of(records)
            assert {(s.partition, o): found.get((s, o)) for _, s, o in records.positions()} == wanted
            marks = Marks(cluster)
            for _ in range(20):  # pages anywhere
                parts = [(each.source, chance.randrange(each.end or 0)) for each in whole]
                page = await _read(cluster, *(OffsetRange(s, at, min(at + 25, int(str(ends[s])))) for s, at in parts))
                found = await marks.of(page)
                for _, s, o in page.positions():
                    assert found.get((s, o)) == wanted[s.partition, o]
            await _look_at_window(cluster, whole, wanted)

    aio.run(look())
    late.abort_transaction(30)


async def _look_at_window(
    cluster: KafkaCluster, whole: list[OffsetRange], wanted: dict[tuple[int, int], Mark | None]
) -> None:
    changed = asyncio.Event()
    window = TopicWindow(cluster, whole, UNCOMMITTED, changed.set)
    running = asyncio.get_running_loop().create_task(window.run())
    await window.fetch_newest(100)
    rows = range(len(window) - 100, len(window))
    assert [window.mark_of(row) for row in rows] == [None] * 100
    async with asyncio.timeout(20):
        await changed.wait()
    records = {row: record for row in rows if (record := window[row]) is not None}
    assert {row: window.mark_of(row) for row in records} == {
        row: wanted[record.partition, record.offset] for row, record in records.items()
    }
    running.cancel()
    await asyncio.wait([running])


def test_a_page_within_a_large_aborted_transaction(
    aio: LoopRunner, broker: Broker, topic_name: str, writer: Writers
) -> None:
    """No marker is near it, and readers of committed records pass over it without a word."""
    direct.create(broker.bootstrap, topic_name)
    producer = writer()
    producer.begin_transaction()
    direct.send(producer, topic_name, direct.rows(20_000, size=1000))
    producer.abort_transaction(30)
    source = TopicPartition(topic_name, 0)
    _wait_for_markers(aio, broker, {source: 20_001})
    direct.produce(broker.bootstrap, topic_name, direct.rows(300))

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            page = await _read(cluster, OffsetRange(source, 7000, 7100))
            assert await Marks(cluster).of(page) == {(source, n): Mark.ABORTED for n in range(7000, 7100)}
            page = await _read(cluster, OffsetRange(source, 19_950, 20_301))
            assert await Marks(cluster).of(page) == {(source, n): Mark.ABORTED for n in range(19_950, 20_000)}

    aio.run(look())


def test_an_open_transaction_holds_readers_until_it_ends(
    aio: LoopRunner, broker: Broker, topic_name: str, writer: Writers
) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(30, 3))
    producer = writer()
    producer.begin_transaction()
    direct.send(producer, topic_name, [Sent(1, b"open", b"v", timestamp=NOW + 5000)])
    direct.produce(broker.bootstrap, topic_name, direct.rows(6, 3))
    sources = [TopicPartition(topic_name, p) for p in range(3)]

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            (found,) = await transactions.held(cluster, sources)
            assert found == transactions.Held(sources[1], 10, 13, NOW + 5000)
            assert found.count == 3
            marks = Marks(cluster)
            page = await _read(cluster, OffsetRange(sources[1], 0, 13))
            assert await marks.of(page) == {(sources[1], n): Mark.HELD for n in (10, 11, 12)}
            assert not await marks.moved()
            await asyncio.to_thread(producer.abort_transaction, 30)
            while not await marks.moved():  # noqa: ASYNC110  (a producer is answered before its marker is written)
                await asyncio.sleep(0.02)
            assert await marks.of(page) == {(sources[1], 10): Mark.ABORTED}
            assert await transactions.held(cluster, sources) == []

    aio.run(look())


def test_a_topic_without_transactions_is_not_read_twice(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(3000, 3))

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            sources = [TopicPartition(topic_name, p) for p in range(3)]
            marks = Marks(cluster)
            page = await browser.newest(cluster, sources, 100)
            opened = _count_readers(cluster)
            assert await marks.of(page.records) == {}
            assert opened == []
            older = await _read(cluster, *(OffsetRange(source, 800, 970) for source in sources))
            opened.clear()
            assert await marks.of(older) == {}
            assert opened == []

    aio.run(look())


def test_records_that_were_purged_meanwhile_are_not_taken_for_aborted(
    aio: LoopRunner, broker: Broker, topic_name: str, writer: Writers
) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(50))
    producer = writer()
    producer.begin_transaction()
    direct.send(producer, topic_name, direct.rows(10))
    producer.abort_transaction(30)
    source = TopicPartition(topic_name, 0)
    _wait_for_markers(aio, broker, {source: 61})

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            page = await _read(cluster, OffsetRange(source, 0, 61))
            await asyncio.to_thread(direct.delete_records, broker.bootstrap, topic_name, {0: 20})
            assert await Marks(cluster).of(page) == {}
            page = await _read(cluster, OffsetRange(source, 20, 61))
            assert await Marks(cluster).of(page) == {(source, n): Mark.ABORTED for n in range(50, 60)}

    aio.run(look())


def test_gaps_of_compaction_are_no_transactions(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(
        broker.bootstrap,
        topic_name,
        cleanup_policy="compact",
        segment_ms=500,
        min_cleanable_dirty_ratio=0.001,
        max_compaction_lag_ms=1000,
    )
    keys = [b"k%d" % n if n % 50 == 0 else b"same" for n in range(1000)]
    direct.produce(broker.bootstrap, topic_name, [Sent(0, key, b"v") for key in keys])
    source = TopicPartition(topic_name, 0)

    async def look() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            limit = time.monotonic() + 60
            while True:  # the cleaner leaves the active segment alone: each new record rolls it
                last = Sent(0, b"same", b"last", timestamp=int(time.time() * 1000))
                (sent,) = await asyncio.to_thread(direct.produce, broker.bootstrap, topic_name, [last])
                page = await _read(cluster, OffsetRange(source, 0, sent.offset + 1))
                if len(page) < 100:
                    break
                assert time.monotonic() < limit
                await asyncio.sleep(0.5)
            assert len(page) >= 20
            opened = _count_readers(cluster)
            assert await Marks(cluster).of(page) == {}
            assert opened[0] is COMMITTED

    aio.run(look())
