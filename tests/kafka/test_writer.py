"""What is sent is what arrives, what cannot be sent says why, and nothing is left open."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

import pytest
from confluent_kafka import Producer

from kexplorer.formats.partitioning import PARTITIONERS, predicted
from kexplorer.kafka import properties
from kexplorer.kafka import writer as writer_module
from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.access import Acl, AclOperation, AclResource
from kexplorer.model.changes import CreateAcls, DeleteAcls, DeleteTopics
from kexplorer.model.cluster import Writer
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Delivery, Outgoing, ProducerSettings
from kexplorer.model.producer_presets import PRESETS, Preset
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.records import Record
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.sending import WarmSender, send_all, send_one, send_transaction
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until

DURABLE = ProducerSettings()


async def _delivered(writer: Writer, count: int) -> list[Delivery]:
    """What became of the first `count` records, in the order of sending."""
    found: list[Delivery] = []
    while len(found) < count:
        found += await writer.deliveries()
    return sorted(found, key=lambda delivery: delivery.number)


async def _read(cluster: KafkaCluster, topic: str, partitions: int, isolation: IsolationLevel) -> list[Record]:
    sources = [TopicPartition(topic, number) for number in range(partitions)]
    ends = await cluster.list_offsets(dict.fromkeys(sources, Edge.END), isolation)
    ranges = [OffsetRange(source, 0, end) for source, end in ends.items() if isinstance(end, int)]
    assert len(ranges) == partitions, ends
    found: list[Record] = []
    async with cluster.open_reader(ranges, isolation) as reader:
        while (batch := await reader.next_batch()) is not None:
            assert not batch.troubles
            found += batch.records
    return found


def _as_sent(record: Record) -> Outgoing:
    return Outgoing(record.topic, record.key, record.value, record.headers or (), record.partition, record.timestamp)


def _anything(topic: str, count: int, partitions: int) -> list[Outgoing]:
    """Nulls, empties, binary, texts of any character, duplicate headers, headers without a value."""
    chance = random.Random(20)

    def data() -> bytes | None:
        kind = chance.randrange(5)
        if kind == 0:
            return None
        return (b"", chance.randbytes(chance.randrange(200)), "ключ \0 \U0001f600".encode(), b'{"a":1}')[kind - 1]

    names = ("", "a", "a", "trace-id", "ключ", "x" * 300)
    return [
        Outgoing(
            topic,
            data(),
            data(),
            tuple((chance.choice(names), data()) for _ in range(chance.randrange(4))),
            chance.randrange(partitions),
            direct.NOW + chance.randrange(-100_000, 100_000),
        )
        for _ in range(count)
    ]


def test_what_is_sent_comes_back_byte_for_byte(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 3)
    sent = _anything(topic_name, 10_000, 3)

    async def send() -> tuple[list[Delivery], list[Record]]:
        async with direct.connected(broker.bootstrap) as cluster:
            async with cluster.open_writer(ProducerSettings({"linger.ms": "20"})) as writer:
                for at in range(0, len(sent), 1000):
                    await writer.send(sent[at : at + 1000])
                assert await writer.flush(30) == 0
                told = await _delivered(writer, len(sent))
            return told, await _read(cluster, topic_name, 3, IsolationLevel.READ_UNCOMMITTED)

    told, found = aio.run(send())
    assert [delivery.failure for delivery in told] == [None] * len(sent)
    placed = {(record.partition, record.offset): _as_sent(record) for record in found}
    assert len(placed) == len(sent)
    assert [placed[d.partition or 0, -1 if d.offset is None else d.offset] for d in told] == sent


def test_texts_are_sent_as_utf8(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    outgoing = Outgoing(topic_name, "ключ", "a\0b", [("n", "x\0y"), ("n", "")])

    async def send() -> list[Record]:
        async with direct.connected(broker.bootstrap) as cluster:
            assert (await send_one(cluster, outgoing, DURABLE)).failure is None
            return await _read(cluster, topic_name, 1, IsolationLevel.READ_UNCOMMITTED)

    (record,) = aio.run(send())
    assert (record.key, record.value) == ("ключ".encode(), b"a\0b")
    assert record.headers == (("n", b"x\0y"), ("n", b""))


@pytest.mark.kafka
def test_a_writer_that_was_kept_makes_no_topic_anew(
    aio: LoopRunner, broker: Broker, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.create(broker.bootstrap, topic_name)
    monkeypatch.setattr(writer_module, "_IDLE", 0.0)
    sender, outgoing = WarmSender(), Outgoing(topic_name, None, "x")

    async def send() -> tuple[Delivery, Delivery]:
        async with direct.connected(broker.bootstrap) as cluster:
            first = await sender.send(cluster, outgoing, DURABLE)
            assert (await sender.send(cluster, outgoing, DURABLE)).offset == 1
            await cluster.apply(DeleteTopics((topic_name,)))
            await _gone(cluster, topic_name)
            second = await sender.send(cluster, outgoing, DURABLE)
            assert not (await cluster.topic(topic_name)).topics
            await sender.close()
            return first, second

    first, second = aio.run(send())
    assert (first.failure, first.offset) == (None, 0)
    assert second.failure
    assert second.failure.message.startswith(f"There is no topic {topic_name}.")


async def _gone(cluster: KafkaCluster, topic: str) -> None:
    while (await cluster.topic(topic)).topics:  # noqa: ASYNC110  (nobody tells)
        await asyncio.sleep(0.05)


def test_each_record_that_cannot_be_sent_says_why(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    records = [
        Outgoing(topic_name, None, "good", (), 1),
        Outgoing(topic_name, None, "x", (), 7),
        Outgoing(f"{topic_name}-typo", None, "x"),
        Outgoing("no/topic", None, "x"),
        Outgoing(topic_name, None, "x", (), 0, 0),
        Outgoing(topic_name, None, "x", [("a\0b", b"")]),
        Outgoing(topic_name, None, "\ud800"),
        Outgoing(topic_name, None, "x", (), 0, 1 << 70),
        Outgoing(topic_name, "also good", None),
    ]

    async def send() -> tuple[tuple[Delivery, ...], set[str]]:
        async with direct.connected(broker.bootstrap) as cluster:
            told = await send_all(cluster, records, DURABLE)
            return told, {topic.name for topic in (await cluster.metadata()).topics}

    told, topics = aio.run(send())
    assert f"{topic_name}-typo" not in topics
    assert [delivery.number for delivery in told if delivery.failure is None] == [0, 8]
    assert (told[0].partition, told[0].offset) == (1, 0)
    reasons = [delivery.failure.message for delivery in told if delivery.failure]
    assert reasons[0] == f"{topic_name} has no partition 7."
    assert reasons[1].startswith(f"There is no topic {topic_name}-typo.")
    assert "contains '/'" in reasons[2]
    assert reasons[3].startswith("The timestamp 0 (1970-01-01) cannot be sent")
    assert reasons[4] == "The header's name contains a NUL character."
    assert all(reason.startswith("The record cannot be sent") for reason in reasons[5:])


@pytest.mark.kafka
def test_too_large_names_the_limit(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, max_message_bytes=20_000)

    async def send(settings: ProducerSettings) -> list[str]:
        small = [Outgoing(topic_name, None, b"x" * 9000) for _ in range(20)]  # together more than the topic takes
        async with direct.connected(broker.bootstrap) as cluster:
            told = await send_all(cluster, [*small, Outgoing(topic_name, None, random.randbytes(50_000))], settings)
        assert [delivery.failure for delivery in told[:-1]] == [None] * 20
        return [delivery.failure.message for delivery in told if delivery.failure]

    (reason,) = aio.run(send(ProducerSettings({"linger.ms": "50"})))
    assert reason.endswith("the record is too large (the topic's max.message.bytes is 20,000 bytes, with its framing).")
    (reason,) = aio.run(send(ProducerSettings({"message.max.bytes": "15000"})))
    assert "message.max.bytes of this producer is 15,000" in reason


def test_a_read_only_profile_sends_nothing(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)

    async def send() -> None:
        cluster = KafkaCluster(Profile("test", broker.bootstrap, read_only=True), Credentials())
        try:
            await send_one(cluster, Outgoing(topic_name, None, "x"), DURABLE)
        finally:
            await cluster.close()

    with pytest.raises(Failure, match="Sending is refused: the profile test is read-only"):
        aio.run(send())
    assert direct.ends(broker.bootstrap, topic_name, 1) == {0: (0, 0)}


def test_the_partition_is_predicted(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 7)
    chance = random.Random(5)
    keys = [b"", None, *(chance.randbytes(chance.randrange(1, 40)) for _ in range(150))]
    records = [Outgoing(topic_name, key, b"v") for key in keys]

    async def send(partitioner: str) -> list[int | None]:
        async with direct.connected(broker.bootstrap) as cluster:
            told = await send_all(cluster, records, ProducerSettings({"partitioner": partitioner, "linger.ms": "5"}))
        return [delivery.partition for delivery in told]

    for partitioner in PARTITIONERS:
        expected = [predicted(key, 7, partitioner) for key in keys]
        chosen = aio.run(send(partitioner))
        assert [c if e is not None else None for c, e in zip(chosen, expected, strict=True)] == expected, partitioner


def test_a_transaction_is_committed_or_not(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    topics = [f"{topic_name}-{n}" for n in range(2)]
    for topic in topics:
        direct.create(broker.bootstrap, topic)
    settings = ProducerSettings(transactional_id=topic_name)

    def basket(value: str) -> list[Outgoing]:
        return [Outgoing(topic, "k", value) for topic in topics]

    async def send() -> list[list[bytes | None]]:
        async with direct.connected(broker.bootstrap) as cluster:
            outcome = await send_transaction(cluster, basket("committed"), settings, commit=True)
            assert (outcome.committed, outcome.failure) == (True, None)
            outcome = await send_transaction(cluster, basket("aborted"), settings, commit=False)
            assert (outcome.committed, outcome.failure) == (False, None)
            wrong = [*basket("half"), Outgoing(f"{topic_name}-typo", "k", "half")]
            outcome = await send_transaction(cluster, wrong, settings, commit=True)
            assert not outcome.committed
            assert outcome.failure
            assert outcome.failure.message.startswith("Not committed, the transaction was aborted: There is no topic")
            seen = [await _read(cluster, topic, 1, IsolationLevel.READ_COMMITTED) for topic in topics]
        return [[record.value for record in records] for records in seen]

    assert aio.run(send()) == [[b"committed"], [b"committed"]]


def test_nothing_of_a_transaction_is_left_open(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    source = TopicPartition(topic_name, 0)

    async def leave() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            async with cluster.open_writer(ProducerSettings(transactional_id=topic_name)) as writer:
                await writer.begin()
                await writer.send([Outgoing(topic_name, None, "x")])
                assert await writer.flush(30) == 0
            while True:  # the markers of the abort are written a moment later
                stable = await cluster.list_offsets({source: Edge.END}, IsolationLevel.READ_COMMITTED)
                if stable == await cluster.list_offsets({source: Edge.END}):
                    return

    aio.run(leave())


@pytest.mark.kafka
def test_a_fenced_producer_is_told_of(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    settings = ProducerSettings(transactional_id=topic_name)

    async def fence() -> str:
        async with direct.connected(broker.bootstrap) as cluster, cluster.open_writer(settings) as first:
            await first.begin()
            await first.send([Outgoing(topic_name, None, "first")])
            await first.flush(30)
            other = await send_transaction(cluster, [Outgoing(topic_name, None, "second")], settings, commit=True)
            assert other.committed
            with pytest.raises(Failure) as fenced:
                await first.commit(10)
            with pytest.raises(Failure, match="fenced"):
                await first.begin()
            seen = await _read(cluster, topic_name, 1, IsolationLevel.READ_COMMITTED)
            assert [record.value for record in seen] == [b"second"]
            return fenced.value.message

    assert f"another one has taken the transactional id “{topic_name}” over" in aio.run(fence())


def test_what_a_dead_broker_does_not_take_is_counted(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name)
    settings = ProducerSettings({"queue.buffering.max.messages": "50"})

    async def leave() -> tuple[int, int]:
        async with direct.connected(kafka.bootstrap("PROXY")) as cluster, cluster.open_writer(settings) as writer:
            await writer.send([Outgoing(topic_name, None, "x")])
            assert await writer.flush(30) == 0
            kafka.proxies[0].stall()
            sending = asyncio.create_task(writer.send([Outgoing(topic_name, None, "x")] * 200))
            await until(lambda: writer.undelivered == 50)  # the queue is full: sending waits
            assert not sending.done()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            return writer.sent, await writer.flush(0.2)

    assert aio.run(leave()) == (51, 50)
    assert direct.ends(kafka.bootstrap(), topic_name, 1)[0][1] in range(1, 52)


def test_a_record_that_is_not_acknowledged_in_time_says_so(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name)
    settings = ProducerSettings({"message.timeout.ms": "1500"})

    async def send() -> Delivery:
        async with direct.connected(kafka.bootstrap("PROXY")) as cluster, cluster.open_writer(settings) as writer:
            await writer.send([Outgoing(topic_name, None, "x")])
            assert await writer.flush(30) == 0
            await _delivered(writer, 1)
            kafka.proxies[0].stall()
            await writer.send([Outgoing(topic_name, None, "y")])
            return (await _delivered(writer, 1))[0]

    failure = aio.run(send()).failure
    assert failure
    assert failure.kind == FailureKind.TIMEOUT
    assert failure.message.startswith(f"{topic_name}, partition 0: not acknowledged within 1.5 s")


@pytest.mark.slow
def test_too_few_replicas_are_the_cause_that_is_told(aio: LoopRunner, kafka3: Rig, topic_name: str) -> None:
    direct.create(kafka3.bootstrap(), topic_name, replication=3, min_insync_replicas=3)
    outgoing = Outgoing(topic_name, None, "x")

    async def send() -> tuple[Delivery, Delivery]:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            assert (await send_one(cluster, outgoing, DURABLE)).failure is None
            leader = (await cluster.topic(topic_name)).topics[0].partitions[0].leader
            await asyncio.to_thread(kafka3.node(2 if leader == 1 else 1).kill)
            async with asyncio.timeout(60):
                while await _in_sync(cluster, topic_name) > 2:  # noqa: ASYNC110  (nobody tells)
                    await asyncio.sleep(0.1)
            refused = await send_one(cluster, outgoing, ProducerSettings({"message.timeout.ms": "2000"}))
            return refused, await send_one(cluster, outgoing, ProducerSettings({"acks": "1"}))

    refused, taken = aio.run(send())
    assert refused.failure
    assert refused.failure.message == (
        f"{topic_name}, partition 0: refused, because 2 of its replicas are in sync and min.insync.replicas asks for 3."
    )
    assert taken.failure is None


async def _in_sync(cluster: KafkaCluster, topic: str) -> int:
    with contextlib.suppress(Failure):  # who is asked may be the one that is dead
        return len((await cluster.topic(topic)).topics[0].partitions[0].isr)
    return 3


async def _led(cluster: KafkaCluster, topic: str, without: int) -> None:
    """Until each partition has a leader, not that one, and it tells its end: a new one does when its followers have
    heard of it (KIP-207)."""
    while True:
        with contextlib.suppress(Failure):  # who is asked may be the one that is dead
            partitions = (await cluster.topic(topic)).topics[0].partitions
            ends = await cluster.list_offsets({TopicPartition(topic, each.id): Edge.END for each in partitions})
            led = all(partition.leader not in (None, without) for partition in partitions)
            if led and all(isinstance(end, int) for end in ends.values()):
                return
        await asyncio.sleep(0.1)


def test_who_may_not_write_is_told_so(aio: LoopRunner, kafka: Rig, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name)
    may_only_look = CreateAcls((Acl("User:*", AclResource.TOPIC, topic_name, AclOperation.DESCRIBE),))

    async def send() -> Delivery:
        profile = Profile(
            "alice", kafka.bootstrap("SASL_PLAINTEXT"), SecurityProtocol.SASL_PLAINTEXT, SaslMechanism.PLAIN, "alice"
        )
        async with direct.connected(kafka.bootstrap()) as cluster:
            await cluster.apply(may_only_look)
            alice = KafkaCluster(profile, Credentials("alice-secret"))
            try:
                return await send_one(alice, Outgoing(topic_name, None, "x"), DURABLE)
            finally:
                await alice.close()
                await cluster.apply(DeleteAcls(may_only_look.acls))

    failure = aio.run(send()).failure
    assert failure
    assert failure.kind == FailureKind.AUTHORIZATION
    assert failure.message == f"You may not write to {topic_name}, partition 0."
    assert direct.ends(kafka.bootstrap(), topic_name, 1) == {0: (0, 0)}


@pytest.mark.slow
def test_each_acknowledged_record_is_there_once_when_leaders_die(aio: LoopRunner, kafka3: Rig, topic_name: str) -> None:
    direct.create(kafka3.bootstrap(), topic_name, 6, replication=3, min_insync_replicas=2)
    values = [b"%06d" % n for n in range(30_000)]
    patient = ProducerSettings({"linger.ms": "5", "message.timeout.ms": "120000"})  # an election may take its time

    async def send() -> tuple[list[Delivery], list[Record]]:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            async with cluster.open_writer(patient) as writer:
                for at in range(0, len(values), 500):
                    await writer.send([Outgoing(topic_name, value, value) for value in values[at : at + 500]])
                    if at == 10_000:
                        await until(lambda: writer.undelivered < writer.sent)
                        await asyncio.to_thread(kafka3.node(2).kill)
                    await asyncio.sleep(0)
                assert await writer.flush(130) == 0
                told = await _delivered(writer, len(values))
            async with asyncio.timeout(120):
                await _led(cluster, topic_name, without=2)
            return told, await _read(cluster, topic_name, 6, IsolationLevel.READ_UNCOMMITTED)

    told, found = aio.run(send())
    acknowledged = [values[delivery.number] for delivery in told if not delivery.failure]
    assert len(acknowledged) > 10_000
    there = sorted(record.value or b"" for record in found)
    assert len(set(there)) == len(there)
    assert set(acknowledged) <= set(there)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"acks": "2"}, "acks must be all, -1, 0 or 1"),
        ({"linger.ms": "x"}, "linger.ms must be a whole number"),
        ({"bootstrap.servers": "b:1"}, "bootstrap.servers is not a further property"),
        ({"plugin.library.paths": "x"}, "load code"),
        ({"enable.idempotence": "true", "acks": "1"}, "needs acks=all"),
        ({"enable.idempotence": "true", "max.in.flight.requests.per.connection": "6"}, "at most 5"),
        ({"transactional.id": "x"}, "not among the properties"),
        ({"on_delivery": "x"}, "not among the properties"),
    ],
)
def test_settings_are_checked(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(Failure, match=wrong):
        properties.check_settings(ProducerSettings(given))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_producer_takes_each_preset(preset: Preset) -> None:
    settings = preset.producer_settings("an id")
    Producer(properties.writer_config(Profile("test", "127.0.0.1:1"), Credentials(), settings))


def test_without_acknowledgements_a_record_has_no_offset(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)

    async def send() -> Sequence[Delivery]:
        async with direct.connected(broker.bootstrap) as cluster:
            return await send_all(cluster, [Outgoing(topic_name, None, "x")], ProducerSettings({"acks": "0"}))

    (delivery,) = aio.run(send())
    assert (delivery.failure, delivery.offset) == (None, None)
