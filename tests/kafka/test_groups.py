"""Groups and what they committed are looked up without touching them."""

import time

import confluent_kafka
import pytest
from confluent_kafka import Consumer

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group, Groups, GroupState, GroupType
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster as Rig
from tests.rig.loops import LoopRunner


def _ask(aio: LoopRunner, bootstrap: str, group: str, *sources: TopicPartition) -> dict[TopicPartition, object]:
    async def ask() -> dict[TopicPartition, object]:
        async with direct.connected(bootstrap) as cluster:
            return dict(await cluster.committed(group, sources))

    return aio.run(ask())


def test_what_was_committed_is_found_and_nobody_joins(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(10, 2))
    member = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic_name})
    member.commit(offsets=[confluent_kafka.TopicPartition(topic_name, 1, 3)], asynchronous=False)
    member.close()
    first, second = TopicPartition(topic_name, 0), TopicPartition(topic_name, 1)
    assert _ask(aio, broker.bootstrap, topic_name, first, second) == {first: None, second: 3}
    nobody = f"{topic_name}-nobody"
    assert _ask(aio, broker.bootstrap, nobody, first) == {first: None}
    assert nobody not in direct.groups_of(broker.bootstrap)


@pytest.mark.kafka
def test_a_group_is_listed_with_its_members(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(4, 2))
    config = {"bootstrap.servers": broker.bootstrap, "group.id": topic_name, "client.id": "reader one"}
    member = Consumer({**config, "auto.offset.reset": "earliest"})
    member.subscribe([topic_name])
    until = time.monotonic() + 30
    while not member.assignment() and time.monotonic() < until:
        member.poll(0.2)

    async def ask() -> tuple[Groups, dict[str, Group | Failure]]:
        async with direct.connected(broker.bootstrap) as cluster:
            return await cluster.groups(), await cluster.describe_groups([topic_name, f"{topic_name}-nobody"])

    listed, described = aio.run(ask())
    member.close()
    assert listed.troubles == ()
    assert (GroupState.STABLE, GroupType.CLASSIC) in [(g.state, g.type) for g in listed.listed if g.id == topic_name]
    group = described[topic_name]
    assert isinstance(group, Group)
    assert group.state.active
    assert group.coordinator is not None
    (only,) = group.members
    assert only.client == "reader one"
    assert set(only.assigned) == {TopicPartition(topic_name, 0), TopicPartition(topic_name, 1)}
    nobody = described[f"{topic_name}-nobody"]
    assert isinstance(nobody, Failure) or not nobody.members


@pytest.mark.slow
def test_a_cluster_that_has_no_coordinator_yet_is_asked_again(aio: LoopRunner) -> None:
    """The client library's own call for this ends the process then."""
    with Rig(listeners=("PLAINTEXT",)) as fresh:
        direct.create(fresh.bootstrap(), "orders")
        source = TopicPartition("orders", 0)
        assert _ask(aio, fresh.bootstrap(), "billing", source) == {source: None}


def test_a_group_id_that_the_client_would_cut_is_refused(aio: LoopRunner, broker: Broker) -> None:
    with pytest.raises(Failure, match="starts with a blank") as raised:
        _ask(aio, broker.bootstrap, " billing", TopicPartition("orders", 0))
    assert raised.value.kind is FailureKind.INVALID
