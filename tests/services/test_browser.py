"""The newest page and following, on the broker of the run: what comes is what was produced, byte for byte."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Batch, Record, RecordColumns, TimestampType
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.browser import NewestPage
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.pages import newest
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

COMMITTED = IsolationLevel.READ_COMMITTED
UNCOMMITTED = IsolationLevel.READ_UNCOMMITTED


def _sent(record: Record) -> Sent:
    assert record.timestamp is not None
    assert record.headers is not None
    return Sent(record.partition, record.key, record.value, record.headers, record.timestamp, record.offset)


def _page(
    aio: LoopRunner, broker: Broker, topic: str, count: int, isolation: IsolationLevel = UNCOMMITTED
) -> NewestPage:
    async def ask() -> NewestPage:
        async with direct.connected(broker.bootstrap) as cluster:
            return await newest(cluster, topic, count, isolation)

    return aio.run(ask())


ODD = [
    Sent(0, None, None),
    Sent(0, b"", b""),
    Sent(0, b"tombstone", None),
    Sent(0, b"\x00\xff\xfe", bytes(range(256))),
    Sent(0, "Schlüssel".encode(), "🦀 <b>not bold</b>".encode()),
    Sent(0, b"k", b"v", (("a", b"1"), ("a", b"2"), ("b", None), ("c", b""), ("a", b"1"))),
    Sent(0, b"k", b"v", (("bin", bytes(range(256))), ("größe", "höhe".encode()), ("", b"empty name"))),
    Sent(0, b"k", b"v", tuple((f"h{n}", b"x" * n) for n in range(300))),
    Sent(0, b"k", b"v", timestamp=NOW + 1),
    Sent(0, b"big", b"x" * 900_000, timestamp=NOW + 2),
]


def test_odd_records_come_as_they_were_sent(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    sent = direct.produce(broker.bootstrap, topic_name, ODD)
    page = _page(aio, broker, topic_name, 100)
    assert [_sent(record) for record in page.records] == sent
    assert page.ends == {TopicPartition(topic_name, 0): len(ODD)}
    assert not page.troubles
    assert page.left_out == 0


@pytest.mark.parametrize("partitions", [1, 6])
def test_the_newest_are_the_newest(aio: LoopRunner, broker: Broker, topic_name: str, partitions: int) -> None:
    direct.create(broker.bootstrap, topic_name, partitions)
    sent = direct.produce(broker.bootstrap, topic_name, direct.rows(700, partitions))
    page = _page(aio, broker, topic_name, 100)
    assert [_sent(record) for record in page.records] == sent[-100:]
    assert sum(page.ends.values()) == 700


def test_all_in_one_partition_of_six(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 6)
    sent = direct.produce(broker.bootstrap, topic_name, [Sent(4, b"k", b"%d" % n) for n in range(150)])
    assert [_sent(record) for record in _page(aio, broker, topic_name, 100).records] == sent[-100:]


def test_count_larger_than_the_topic(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    sent = direct.produce(broker.bootstrap, topic_name, direct.rows(20, 3))
    assert [_sent(record) for record in _page(aio, broker, topic_name, 10_000).records] == sent


def test_empty_topic(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 6)
    page = _page(aio, broker, topic_name, 100)
    assert len(page.records) == 0
    assert not page.troubles
    assert set(page.ends.values()) == {0}


@pytest.mark.kafka
def test_timestamps_at_the_edges(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """1970, the far future, and the broker's own clock. (The client takes 0 for "now" when it produces.)"""
    direct.create(broker.bootstrap, topic_name, 3, message_timestamp_after_max_ms=2**62, retention_ms=-1)
    direct.produce(
        broker.bootstrap, topic_name, [Sent(p, b"k", b"v", timestamp=t) for p, t in enumerate((1, 2**53, NOW))]
    )
    records = list(_page(aio, broker, topic_name, 10).records)
    assert [record.timestamp for record in records] == [1, NOW, 2**53]
    assert {record.timestamp_type for record in records} == {TimestampType.CREATE_TIME}

    stamped = f"{topic_name}-append"
    direct.create(broker.bootstrap, stamped, 1, message_timestamp_type="LogAppendTime", retention_ms=-1)
    direct.produce(broker.bootstrap, stamped, [Sent(0, b"k", b"v", timestamp=1)])
    (record,) = _page(aio, broker, stamped, 10).records
    assert record.timestamp_type is TimestampType.LOG_APPEND_TIME
    assert record.timestamp is not None
    assert abs(record.timestamp / 1000 - time.time()) < 60


def test_header_names_that_are_not_text(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """The client cannot read such headers; the record and its neighbours still come. Its answer for such a record is
    broken in a way that CPython notices only until the call is specialised: so many records come first."""
    direct.create(broker.bootstrap, topic_name)
    plain = [Sent(0, b"k", b"plain %d" % n, (("x", b"1"),)) for n in range(500)]
    direct.produce(broker.bootstrap, topic_name, plain)
    for n in range(20):
        direct.produce_raw_header(broker.bootstrap, topic_name, b"poison %d" % n, b"\xff\xfe")
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"after", (("x", b"2"),))])
    headers = {record.value: record.headers for record in _page(aio, broker, topic_name, 1000).records}
    assert len(headers) == 521
    assert [headers.pop(b"poison %d" % n) for n in range(20)] == [None] * 20
    assert headers.pop(b"after") == (("x", b"2"),)
    assert set(headers.values()) == {(("x", b"1"),)}


@pytest.fixture
def transactional(broker: Broker, topic_name: str) -> Iterator[Callable[[list[Sent], bool], list[Sent]]]:
    """Writes records in a transaction and commits or aborts it."""
    writers = [direct.producer(broker.bootstrap, transactional_id=topic_name)]
    writers[0].init_transactions(30)

    def write(records: list[Sent], commit: bool) -> list[Sent]:
        (writer,) = writers
        writer.begin_transaction()
        sent = direct.send(writer, topic_name, records)
        (writer.commit_transaction if commit else writer.abort_transaction)(30)
        return sent

    yield write
    writers.clear()


@pytest.mark.kafka
@pytest.mark.parametrize("partitions", [1, 6])
def test_transactions(
    aio: LoopRunner,
    broker: Broker,
    topic_name: str,
    partitions: int,
    transactional: Callable[[list[Sent], bool], list[Sent]],
) -> None:
    """Markers take offsets and are no records; aborted records are there for those who read uncommitted."""
    direct.create(broker.bootstrap, topic_name, partitions)
    everything, committed = [], []
    for n in range(20):
        keep = n % 2 == 0
        sent = transactional(direct.rows(20, partitions, start=20 * n), keep)
        everything += sent
        committed += sent if keep else []
    for isolation, expected in ((UNCOMMITTED, everything), (COMMITTED, committed)):
        page = _page(aio, broker, topic_name, 150, isolation)
        assert [_sent(record) for record in page.records] == expected[-150:]
        whole = _page(aio, broker, topic_name, 10_000, isolation)
        assert [_sent(record) for record in whole.records] == expected


@pytest.mark.kafka
def test_nothing_but_aborted_records(
    aio: LoopRunner, broker: Broker, topic_name: str, transactional: Callable[[list[Sent], bool], list[Sent]]
) -> None:
    direct.create(broker.bootstrap, topic_name)
    transactional(direct.rows(50), False)
    page = _page(aio, broker, topic_name, 100, COMMITTED)
    assert len(page.records) == 0
    assert not page.troubles
    assert len(_page(aio, broker, topic_name, 100).records) == 50


@pytest.mark.kafka
def test_open_transaction_ends_the_committed_log(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    before = direct.produce(broker.bootstrap, topic_name, direct.rows(5))
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name)
    writer.init_transactions(30)
    writer.begin_transaction()
    pending = direct.send(writer, topic_name, direct.rows(5, start=5))
    page = _page(aio, broker, topic_name, 100, COMMITTED)
    assert [_sent(record) for record in page.records] == before
    assert page.ends == {TopicPartition(topic_name, 0): 5}
    assert [_sent(record) for record in _page(aio, broker, topic_name, 100).records] == before + pending
    writer.abort_transaction(30)


@pytest.mark.kafka
def test_gaps_of_compaction(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Thousands of offsets hold a few dozen records: the page reads back until it has what was asked for."""
    direct.create(
        broker.bootstrap,
        topic_name,
        cleanup_policy="compact",
        segment_bytes=1_048_576,
        segment_ms=500,
        min_cleanable_dirty_ratio=0.001,
        max_compaction_lag_ms=1000,
    )
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k%d" % n, b"kept", timestamp=NOW + n) for n in range(40)])
    direct.produce(
        broker.bootstrap, topic_name, [Sent(0, b"same", b"%d" % n, timestamp=NOW + 100) for n in range(20_000)]
    )
    limit = time.monotonic() + 60
    while True:  # the cleaner leaves the active segment alone: each new record rolls it
        now = int(time.time() * 1000)
        direct.produce(broker.bootstrap, topic_name, [Sent(0, b"same", b"last", timestamp=now)])
        page = _page(aio, broker, topic_name, 100_000)
        if len(page.records) < 100 or time.monotonic() > limit:
            break
        time.sleep(0.5)
    keys = [record.key for record in page.records]
    assert 41 <= len(keys) < 100
    assert keys[:40] == [b"k%d" % n for n in range(40)]
    assert sum(page.ends.values()) > 20_000
    while True:
        newest = [record.offset for record in _page(aio, broker, topic_name, 30).records]
        again = _page(aio, broker, topic_name, 100_000)
        if len(again.records) == len(page.records) or time.monotonic() > limit:
            break
        page = again  # the cleaner came between
    assert newest == [record.offset for record in page.records][-30:]


@pytest.mark.kafka
def test_purged_records_are_not_asked_for(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    sent = direct.produce(broker.bootstrap, topic_name, direct.rows(100, 2))
    direct.delete_records(broker.bootstrap, topic_name, {0: 40, 1: 50})
    page = _page(aio, broker, topic_name, 1000)
    assert [_sent(record) for record in page.records] == [s for s in sent if s.partition == 0 and s.offset >= 40]
    assert not page.troubles


def test_a_topic_that_does_not_exist(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    with pytest.raises(Failure) as raised:
        _page(aio, broker, topic_name, 100)
    assert raised.value.kind is FailureKind.NOT_FOUND
    assert topic_name in raised.value.message
    assert topic_name not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


@pytest.mark.parametrize("partitions", [1, 6])
def test_following_brings_each_record_once(aio: LoopRunner, broker: Broker, topic_name: str, partitions: int) -> None:
    direct.create(broker.bootstrap, topic_name, partitions)
    before = direct.produce(broker.bootstrap, topic_name, direct.rows(60, partitions))
    writer = direct.producer(broker.bootstrap)
    seen = RecordColumns()

    async def take(batch: Batch) -> None:
        assert not batch.troubles
        seen.extend(batch.records)

    async def follow() -> list[Sent]:
        async with direct.connected(broker.bootstrap) as cluster:
            page = await newest(cluster, topic_name, 10)
            following = asyncio.create_task(browser.follow(cluster, page.ends, take))
            produced = await _produce_in_pieces(writer, topic_name, partitions)
            await until(lambda: len(seen) >= len(produced))
            await asyncio.sleep(0.3)  # a record that came twice would come now
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            return produced

    produced = aio.run(follow())
    assert len(before) == 60
    got = [_sent(record) for record in seen]
    assert len(got) == len(produced)
    for partition in range(partitions):
        assert [s for s in got if s.partition == partition] == [s for s in produced if s.partition == partition]


async def _produce_in_pieces(writer: Producer, topic: str, partitions: int) -> list[Sent]:
    produced: list[Sent] = []
    for n in range(10):
        produced += await asyncio.to_thread(direct.send, writer, topic, direct.rows(300, partitions, start=300 * n))
        await asyncio.sleep(0.05)
    return produced
