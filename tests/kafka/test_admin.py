"""What the cluster is asked beside its records: the answers are the broker's, and a failure never looks like one."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from kexplorer.demo.broker import EmbeddedBroker
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, ClusterMetadata, Edge, IsolationLevel, OffsetSpec, TopicPartition
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner

Answers = dict[TopicPartition, int | Failure | None]


def _offsets(aio: LoopRunner, bootstrap: str, wanted: dict[TopicPartition, OffsetSpec]) -> Answers:
    async def ask() -> Answers:
        async with direct.connected(bootstrap) as cluster:
            return await cluster.list_offsets(wanted)

    return aio.run(ask())


def test_the_list_of_topics_is_the_brokers(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, f"{topic_name}-a", 5)
    direct.create(broker.bootstrap, f"{topic_name}.b_", 1)

    async def ask() -> dict[str, list[tuple[int, int | None, tuple[int, ...], tuple[int, ...]]]]:
        async with direct.connected(broker.bootstrap) as cluster:
            seen = await cluster.metadata()
        assert seen.cluster_id
        assert all(topic.trouble is None for topic in seen.topics)
        assert [topic.name for topic in seen.topics] == sorted(topic.name for topic in seen.topics)
        return {t.name: [(p.id, p.leader, p.replicas, p.isr) for p in t.partitions] for t in seen.topics}

    found = aio.run(ask())
    truth = direct.admin(broker.bootstrap).list_topics(timeout=10)
    assert found == {
        name: [(p.id, p.leader, tuple(p.replicas), tuple(p.isrs)) for _, p in sorted(topic.partitions.items())]
        for name, topic in truth.topics.items()
    }
    assert len(found[f"{topic_name}-a"]) == 5


def test_the_list_of_topics_is_that_of_kafkas_own_tool(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    direct.create(kafka.bootstrap(), topic_name, 3)

    async def ask() -> list[str]:
        async with direct.connected(kafka.bootstrap()) as cluster:
            return [topic.name for topic in (await cluster.metadata()).topics]

    assert aio.run(ask()) == sorted(kafka.tool("org.apache.kafka.tools.TopicCommand", "--list").split())


def test_one_topic_alone(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """And one that is not there is not made by looking at it."""
    direct.create(broker.bootstrap, topic_name, 3)
    missing = f"{topic_name}-not"

    async def ask() -> tuple[ClusterMetadata, ClusterMetadata, ClusterMetadata]:
        async with direct.connected(broker.bootstrap) as cluster:
            return await cluster.metadata(), await cluster.topic(topic_name), await cluster.topic(missing)

    everything, alone, nothing = aio.run(ask())
    assert alone == replace(everything, topics=tuple(t for t in everything.topics if t.name == topic_name))
    assert len(alone.topics[0].partitions) == 3
    assert nothing == replace(everything, topics=())
    assert missing not in direct.admin(broker.bootstrap).list_topics(timeout=10).topics


@pytest.mark.kafka
def test_racks(aio: LoopRunner) -> None:
    async def ask(bootstrap: str) -> list[str]:
        async with direct.connected(bootstrap) as cluster:
            return [broker.rack for broker in (await cluster.metadata()).brokers]

    with KafkaCluster(listeners=("PLAINTEXT",), settings={"broker.rack": "north"}) as kafka:
        assert aio.run(ask(kafka.bootstrap())) == ["north"]


def test_offsets(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, [Sent(0, b"k", b"v", timestamp=NOW + 100 * n) for n in range(10)])
    full, empty = TopicPartition(topic_name, 0), TopicPartition(topic_name, 1)
    assert _offsets(aio, broker.bootstrap, {full: Edge.START, empty: Edge.START}) == {full: 0, empty: 0}
    assert _offsets(aio, broker.bootstrap, {full: Edge.END, empty: Edge.END}) == {full: 10, empty: 0}
    assert _offsets(aio, broker.bootstrap, {full: AtTime(NOW + 250), empty: AtTime(0)}) == {full: 3, empty: None}
    assert _offsets(aio, broker.bootstrap, {full: AtTime(NOW + 901)}) == {full: None}
    assert _offsets(aio, broker.bootstrap, {}) == {}


def test_offsets_of_many_partitions_at_once(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 60)
    wanted: dict[TopicPartition, OffsetSpec] = {TopicPartition(topic_name, p): Edge.END for p in range(60)}
    assert _offsets(aio, broker.bootstrap, wanted) == dict.fromkeys(wanted, 0)


def test_what_does_not_exist_is_its_own_failure(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    there, partition, topic = (
        TopicPartition(topic_name, 0),
        TopicPartition(topic_name, 9),
        TopicPartition(f"{topic_name}-not", 0),
    )
    answers = _offsets(aio, broker.bootstrap, dict.fromkeys((there, partition, topic), Edge.END))
    assert answers[there] == 0
    for missing in (partition, topic):
        answer = answers[missing]
        assert isinstance(answer, Failure)
        assert answer.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize("spec", [AtTime(-1), AtTime(-3), AtTime(2**63)])
def test_times_that_the_client_would_misunderstand(aio: LoopRunner, spec: AtTime) -> None:
    """-1 and -2 mean the edges to the client, -3 the record with the largest timestamp."""
    with pytest.raises(Failure) as raised:
        _offsets(aio, "127.0.0.1:1", {TopicPartition("t", 0): spec})
    assert raised.value.kind is FailureKind.INVALID


@pytest.mark.kafka
def test_committed_readers_see_the_last_stable_offset(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name)
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name)
    writer.init_transactions(30)
    writer.begin_transaction()
    direct.send(writer, topic_name, direct.rows(5))
    source = TopicPartition(topic_name, 0)

    async def ask(isolation: IsolationLevel) -> Answers:
        async with direct.connected(broker.bootstrap) as cluster:
            return await cluster.list_offsets({source: Edge.END}, isolation)

    assert aio.run(ask(IsolationLevel.READ_UNCOMMITTED)) == {source: 5}
    assert aio.run(ask(IsolationLevel.READ_COMMITTED)) == {source: 0}
    writer.abort_transaction(30)


@pytest.mark.kafka
def test_configs(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 1, retention_ms=12345)

    async def ask() -> dict[str, dict[str, ConfigEntry] | Failure]:
        async with direct.connected(broker.bootstrap) as cluster:
            assert await cluster.topic_configs([]) == {}
            return await cluster.topic_configs([topic_name, f"{topic_name}-not"])

    answers = aio.run(ask())
    found = answers[topic_name]
    assert isinstance(found, dict)
    assert found["retention.ms"].value == "12345"
    assert not found["retention.ms"].is_default
    assert found["retention.ms"].source is ConfigSource.TOPIC
    assert found["cleanup.policy"].source is ConfigSource.DEFAULT
    assert found["cleanup.policy"].value == "delete"
    assert found["cleanup.policy"].is_default
    missing = answers[f"{topic_name}-not"]
    assert isinstance(missing, Failure)
    assert missing.kind is FailureKind.NOT_FOUND


def test_a_topic_that_is_made_anew_has_another_id(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    async def ask(*topics: str) -> dict[str, str | Failure | None]:
        async with direct.connected(kafka.bootstrap()) as cluster:
            return await cluster.topic_ids(topics)

    other, missing = f"{topic_name}-other", f"{topic_name}-not"
    for name in (topic_name, other):
        direct.create(kafka.bootstrap(), name)
    first = aio.run(ask(topic_name, other, missing, topic_name))
    told = kafka.tool("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", topic_name)
    assert f"TopicId: {first[topic_name]}\t" in told
    assert isinstance(first[other], str)
    assert first[other] != first[topic_name]
    answer = first[missing]
    assert isinstance(answer, Failure)
    assert answer.kind is FailureKind.NOT_FOUND
    client = direct.admin(kafka.bootstrap())
    client.delete_topics([topic_name])[topic_name].result(20)
    direct.create(kafka.bootstrap(), topic_name)
    second = aio.run(ask(topic_name, other))
    assert isinstance(second[topic_name], str)
    assert second[topic_name] != first[topic_name]
    assert second[other] == first[other]
    assert missing not in client.list_topics(timeout=10).topics


def test_a_broker_without_topic_ids(aio: LoopRunner, topic_name: str) -> None:
    async def ask(bootstrap: str) -> dict[str, str | Failure | None]:
        async with direct.connected(bootstrap) as cluster:
            assert await cluster.topic_ids([]) == {}
            return await cluster.topic_ids([topic_name])

    with EmbeddedBroker() as broker:
        direct.create(broker.bootstrap, topic_name)
        assert aio.run(ask(broker.bootstrap)) == {topic_name: None}


def test_calls_that_are_given_up_log_nothing(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """A panel closes while it loads, over and over; the guard sees the log."""
    direct.create(broker.bootstrap, topic_name, 20)
    wanted: dict[TopicPartition, OffsetSpec] = {TopicPartition(topic_name, p): Edge.END for p in range(20)}

    async def ask() -> Answers:
        async with direct.connected(broker.bootstrap) as cluster:
            for n in range(60):
                calls = [cluster.list_offsets(wanted), cluster.topic_configs([topic_name]), cluster.metadata()]
                tasks = [asyncio.ensure_future(call) for call in calls]
                await asyncio.sleep(n / 10_000)
                for task in tasks:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*tasks)
            return await cluster.list_offsets(wanted)

    assert aio.run(ask()) == dict.fromkeys(wanted, 0)


@pytest.mark.slow
def test_what_has_no_leader_or_is_not_there_fails_by_itself(
    aio: LoopRunner, kafka3: KafkaCluster, topic_name: str
) -> None:
    direct.create(kafka3.bootstrap(), topic_name, 3, replication=1)
    seen = direct.admin(kafka3.bootstrap()).list_topics(topic_name, 10).topics[topic_name].partitions
    gone = {p for p, found in seen.items() if found.leader == 3}
    wanted = [TopicPartition(topic_name, p) for p in range(4)]

    async def ask() -> dict[TopicPartition, int | Failure | None]:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            kafka3.node(3).kill()
            return await cluster.list_offsets(dict.fromkeys(wanted, Edge.END))

    answers = aio.run(ask())
    kinds = {source.partition: a.kind for source, a in answers.items() if isinstance(a, Failure)}
    assert kinds.pop(3) is FailureKind.NOT_FOUND
    assert set(kinds) == gone
    assert set(kinds.values()) <= {FailureKind.UNREACHABLE, FailureKind.TIMEOUT}
    assert all(answers[source] == 0 for source in wanted[:3] if source.partition not in gone)


def test_a_closed_connection_refuses_at_once(aio: LoopRunner, broker: Broker) -> None:
    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            await cluster.metadata()
        with pytest.raises(Failure, match="The connection is closed"):
            async with asyncio.timeout(5):  # the limit of the call itself is longer
                await cluster.topic_configs(["any"])

    aio.run(ask())
