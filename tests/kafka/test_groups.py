"""Committed offsets are looked up without touching their group."""

import confluent_kafka
import pytest
from confluent_kafka import Consumer

from kexplorer.model.failure import Failure, FailureKind
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
