"""Ranges of offsets: exactly what is in them, whatever the panel, the task or the log does meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from confluent_kafka import Message

from kexplorer.kafka.reader import FetchSizes, RangeReader, ReadHandle
from kexplorer.kafka.reading import Client, Reading
from kexplorer.model.cluster import ConnectionState, Link, Reader
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, RecordColumns, TimestampType, Trouble
from kexplorer.model.topics import OffsetRange, TopicPartition
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner


async def _drain(reader: Reader) -> tuple[list[Record], list[Trouble]]:
    records: list[Record] = []
    troubles: list[Trouble] = []
    while (batch := await reader.next_batch()) is not None:
        records += batch.records
        troubles += batch.troubles
    return records, troubles


def _read(
    aio: LoopRunner, broker: Broker, ranges: Sequence[OffsetRange]
) -> tuple[list[tuple[int, int]], list[Trouble]]:
    async def ask() -> tuple[list[Record], list[Trouble]]:
        async with direct.connected(broker.bootstrap) as cluster, cluster.open_reader(ranges) as reader:
            return await _drain(reader)

    records, troubles = aio.run(ask())
    return [(record.partition, record.offset) for record in records], troubles


def test_ranges_are_exact(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(3000, 3))
    ranges = [
        OffsetRange(TopicPartition(topic_name, 0), 10, 20),
        OffsetRange(TopicPartition(topic_name, 1), 999, 1000),
        OffsetRange(TopicPartition(topic_name, 2), 500, 500),
    ]
    found, troubles = _read(aio, broker, ranges)
    assert sorted(found) == [(0, n) for n in range(10, 20)] + [(1, 999)]
    assert not troubles


def test_as_much_is_fetched_at_once_as_a_page_of_such_records_needs() -> None:
    sizes = FetchSizes()
    page, whole = (OffsetRange(TopicPartition("t", 0), 0, end) for end in (400, 1_000_000))
    unknown = sizes.of([page])
    record = Record(page.source, 0, 1, TimestampType.CREATE_TIME, None, b"small", ())
    sizes.learn(["t"], RecordColumns([record]))
    assert sizes.of([page]) < unknown == sizes.of([page, whole]) == sizes.of([replace(page, end=None)])
    sizes.learn(["t"], RecordColumns([replace(record, value=bytes(10_000))]))
    assert sizes.of([page]) == unknown


@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_what_the_client_gives_at_once_may_be_of_any_partitions(
    broker: Broker, topic_name: str, partitions: int
) -> None:
    direct.create(broker.bootstrap, topic_name, partitions)
    direct.produce(broker.bootstrap, topic_name, direct.rows(60, partitions))
    client = Client({"bootstrap.servers": broker.bootstrap, "group.id": "nobody"}, lambda error: None)
    kept: list[tuple[int, int]] = []

    def keep(source: TopicPartition, messages: list[Message]) -> None:
        kept.extend((source.partition, message.offset()) for message in messages)  # type: ignore[misc]

    ranges = [OffsetRange(TopicPartition(topic_name, p), 0, 60 // partitions) for p in range(partitions)]
    reading = Reading(client, ranges, lambda: "", keep)
    reading.begin()
    messages = [message for _ in range(60) if (message := client.consumer().poll(10)) is not None]
    reading._take(messages)
    assert sorted(kept) == [(p, n) for p in range(partitions) for n in range(60 // partitions)]
    client.close()


def test_nothing_to_read_ends_at_once(aio: LoopRunner, broker: Broker) -> None:
    assert _read(aio, broker, []) == ([], [])


def test_a_warm_reader_starts_afresh(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Positions, pauses and prefetched records of one read are none of the next one's."""
    direct.create(broker.bootstrap, topic_name, 3)
    direct.produce(broker.bootstrap, topic_name, direct.rows(3000, 3))

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            for start in (0, 700, 100, 100):
                ranges = [OffsetRange(TopicPartition(topic_name, p), start, start + 50 * (p + 1)) for p in range(3)]
                async with cluster.open_reader(ranges) as reader:
                    first = await reader.next_batch()
                    assert first is not None
                async with cluster.open_reader(ranges) as reader:  # behind one that was left half read
                    records, _ = await _drain(reader)
                found = sorted((record.partition, record.offset) for record in records)
                assert found == [(p, start + n) for p in range(3) for n in range(50 * (p + 1))]

    aio.run(ask())


def test_readers_side_by_side(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(2000))

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:

            async def one(start: int) -> list[int]:
                async with cluster.open_reader(
                    [OffsetRange(TopicPartition(topic_name, 0), start, start + 200)]
                ) as reader:
                    return [record.offset for record in (await _drain(reader))[0]]

            found = await asyncio.gather(*(one(start) for start in range(0, 1600, 200)))
        assert [offset for each in found for offset in each] == list(range(1600))

    aio.run(ask())


def test_a_reader_that_is_not_asked_loses_nothing(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """A paused view: for a while nobody pulls."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(2000))

    async def ask() -> list[int]:
        offsets: list[int] = []
        async with (
            direct.connected(broker.bootstrap) as cluster,
            cluster.open_reader([OffsetRange(TopicPartition(topic_name, 0), 0, 2000)]) as reader,
        ):
            while (batch := await reader.next_batch()) is not None:
                assert not batch.troubles
                offsets += [record.offset for record in batch.records]
                await asyncio.sleep(0.6)
        return offsets

    assert aio.run(ask(), 60) == list(range(2000))


def test_a_cancelled_pull_loses_nothing(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(5000))

    async def ask() -> list[int]:
        offsets: list[int] = []
        async with (
            direct.connected(broker.bootstrap) as cluster,
            cluster.open_reader([OffsetRange(TopicPartition(topic_name, 0), 0, 5000)]) as reader,
        ):
            while True:
                try:
                    batch = await asyncio.wait_for(reader.next_batch(), 0.0005)
                except TimeoutError:
                    continue
                if batch is None:
                    return offsets
                offsets += [record.offset for record in batch.records]

    assert aio.run(ask(), 60) == list(range(5000))


def test_silence_counts_only_while_somebody_asks(
    aio: LoopRunner, broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view that was paused for longer than a stall takes is not stalled when it goes on."""
    monkeypatch.setattr("kexplorer.kafka.reading.STALL", 0.5)
    direct.create(broker.bootstrap, topic_name, 1)
    direct.produce(broker.bootstrap, topic_name, direct.rows(10))

    async def ask() -> tuple[list[Record], list[Trouble]]:
        async with (
            direct.connected(broker.bootstrap) as cluster,
            cluster.open_reader([OffsetRange(TopicPartition(topic_name, 0), 0, 10)]) as reader,
        ):
            await asyncio.sleep(1)
            return await _drain(reader)

    records, troubles = aio.run(ask())
    assert len(records) == 10
    assert not troubles


@pytest.mark.kafka
def test_a_purge_overtakes_the_reader(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """It says which records are gone, once, and goes on behind them; the other partition does not notice."""
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(400, 2))
    direct.delete_records(broker.bootstrap, topic_name, {0: 120})
    found, troubles = _read(aio, broker, [OffsetRange(TopicPartition(topic_name, p), 50, 200) for p in range(2)])
    assert sorted(found) == [(0, n) for n in range(120, 200)] + [(1, n) for n in range(50, 200)]
    (trouble,) = troubles
    assert trouble.source == TopicPartition(topic_name, 0)
    assert trouble.failure.kind is FailureKind.NOT_FOUND
    assert "50 to 119" in trouble.failure.message


@pytest.mark.kafka
def test_a_range_that_is_gone_altogether(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100))
    direct.delete_records(broker.bootstrap, topic_name, {0: 80})
    found, troubles = _read(aio, broker, [OffsetRange(TopicPartition(topic_name, 0), 10, 60)])
    assert found == []
    assert ["10 to 59" in trouble.failure.message for trouble in troubles] == [True]


@pytest.mark.kafka
def test_a_purge_while_records_flow(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(60_000, size=1000))

    async def ask() -> tuple[list[int], list[Trouble]]:
        offsets: list[int] = []
        troubles: list[Trouble] = []
        async with (
            direct.connected(broker.bootstrap) as cluster,
            cluster.open_reader([OffsetRange(TopicPartition(topic_name, 0), 0, 60_000)]) as reader,
        ):
            purged = False
            while (batch := await reader.next_batch()) is not None:
                offsets += [record.offset for record in batch.records]
                troubles += batch.troubles
                if not purged and offsets:
                    purged = True
                    await asyncio.to_thread(direct.delete_records, broker.bootstrap, topic_name, {0: 59_000})
        return offsets, troubles

    offsets, troubles = aio.run(ask())
    assert offsets == sorted(set(offsets))
    assert offsets[-1000:] == list(range(59_000, 60_000))
    assert len(troubles) <= 1
    read = offsets.index(59_000)
    assert offsets[:read] == list(range(read))
    assert (read < 59_000) == bool(troubles)
    if troubles:
        assert f"{read} to 58999" in troubles[0].failure.message


@pytest.mark.kafka
def test_a_topic_that_was_recreated_shorter(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(5))
    found, troubles = _read(aio, broker, [OffsetRange(TopicPartition(topic_name, 0), 40, 50)])
    assert found == []
    (trouble,) = troubles
    assert trouble.failure.kind is FailureKind.NOT_FOUND
    assert "ends at 5" in trouble.failure.message


def test_a_partition_that_does_not_exist_is_its_own_trouble(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(5))
    found, troubles = _read(aio, broker, [OffsetRange(TopicPartition(topic_name, p), 0, 5) for p in (0, 7)])
    assert found == [(0, n) for n in range(5)]
    (trouble,) = troubles
    assert trouble.source == TopicPartition(topic_name, 7)
    assert trouble.failure.kind is FailureKind.NOT_FOUND


@pytest.mark.kafka
def test_a_log_that_ends_before_the_range(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Recreated or truncated between looking at its end and reading: what is there comes, the rest is named."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(5))
    found, troubles = _read(aio, broker, [OffsetRange(TopicPartition(topic_name, 0), 2, 50)])
    assert found == [(0, 2), (0, 3), (0, 4)]
    assert ["ends at 5" in trouble.failure.message for trouble in troubles] == [True]


@pytest.mark.kafka
def test_a_topic_is_deleted_while_it_is_followed(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Each partition says so, and the connection is not blamed."""
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(10, 2))

    async def ask() -> tuple[list[Record], list[Trouble]]:
        async with direct.connected(broker.bootstrap) as cluster:
            await cluster.metadata()
            ranges = [OffsetRange(TopicPartition(topic_name, p), 0, None) for p in range(2)]
            async with cluster.open_reader(ranges) as reader:
                records: list[Record] = []
                while len(records) < 10:
                    batch = await reader.next_batch()
                    assert batch is not None
                    records += batch.records
                client = direct.admin(broker.bootstrap)
                await asyncio.wrap_future(client.delete_topics([topic_name])[topic_name])
                _, troubles = await _drain(reader)
            assert cluster.state == ConnectionState(Link.UP)
            return records, troubles

    records, troubles = aio.run(ask())
    assert len(records) == 10
    assert sorted(trouble.source.partition for trouble in troubles) == [0, 1]
    assert {trouble.failure.kind for trouble in troubles} == {FailureKind.NOT_FOUND}


@pytest.mark.parametrize(
    "bad",
    [
        OffsetRange(TopicPartition("t", -1), 0, 1),
        OffsetRange(TopicPartition("t", 2**31), 0, 1),
        OffsetRange(TopicPartition("t", 0), -1001, 1),
        OffsetRange(TopicPartition("t", 0), 0, 2**63),
        OffsetRange(TopicPartition("no topic", 0), 0, 1),
    ],
)
def test_ranges_that_the_client_would_misunderstand(aio: LoopRunner, bad: OffsetRange) -> None:
    """-1001 means "unknown" to the client, -1000 "what the group has committed"."""

    async def ask() -> None:
        async with direct.connected("127.0.0.1:1") as cluster, cluster.open_reader([bad]):
            pass

    with pytest.raises(Failure) as raised:
        aio.run(ask())
    assert raised.value.kind is FailureKind.INVALID


@pytest.mark.slow
def test_a_view_paused_for_longer_than_a_group_would_allow(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """`max.poll.interval.ms` is for members of groups; a reader is none."""
    direct.create(broker.bootstrap, topic_name)
    direct.produce(broker.bootstrap, topic_name, direct.rows(10))
    handle = ReadHandle(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "session.timeout.ms": 1000,
            "max.poll.interval.ms": 1000,
        },
        lambda error: None,
    )

    async def ask() -> None:
        reader = RangeReader(handle, [OffsetRange(TopicPartition(topic_name, 0), 0, None)], lambda: "", FetchSizes())
        reader.start()
        assert await _count(reader, 10) == 10
        await asyncio.sleep(3)
        await asyncio.to_thread(direct.produce, broker.bootstrap, topic_name, [Sent(0, b"k", b"v")] * 5)
        assert await _count(reader, 5) == 5
        reader.stop()

    aio.run(ask())
    handle.close()


async def _count(reader: RangeReader, wanted: int) -> int:
    found = 0
    async with asyncio.timeout(10):
        while found < wanted:
            batch = await reader.next_batch()
            assert batch is not None
            assert not batch.troubles
            found += len(batch.records)
    return found
