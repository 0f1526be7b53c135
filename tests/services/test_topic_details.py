"""A topic's partitions, from a cluster in memory and from three nodes of which one is stopped."""

import asyncio

import pytest

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, TopicPartition
from kexplorer.services.topic_details import PartitionOffsets, Place, TopicDetails
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster


async def _look(details: TopicDetails) -> tuple[list[Place], dict[int, PartitionOffsets]]:
    found: dict[int, PartitionOffsets] = {}
    places = await details.places()
    await details.offsets(places, found.update)
    return places, found


def test_offsets_and_rates(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("orders", 2)
    for _ in range(10):
        cluster.add("orders", b"v")
    cluster.starts[TopicPartition("orders", 0)] = 3
    cluster.stable[TopicPartition("orders", 0)] = 7

    async def ask() -> None:
        details = TopicDetails(cluster, "orders")
        _, first = await _look(details)
        assert first == {0: PartitionOffsets(3, 7, 10), 1: PartitionOffsets(0, 0, 0)}
        cluster.add("orders", b"v")
        await asyncio.sleep(0.01)
        _, second = await _look(details)
        assert second[0].rate is not None
        assert second[0].rate > 0
        assert second[1].rate == 0

    aio.run(ask())


def test_a_broken_partition_is_its_own_trouble(aio: LoopRunner) -> None:
    cluster = FakeCluster()
    cluster.add_topic("orders", 3)
    cluster.placed[TopicPartition("orders", 1)] = Partition(1, None, (2, 1), (1,))
    why = Failure(FailureKind.TIMEOUT, "No answer.")
    cluster.placed[TopicPartition("orders", 2)] = Partition(2, 1, (2, 1), (1,))
    cluster.broken[TopicPartition("orders", 2)] = why
    places, found = aio.run(_look(TopicDetails(cluster, "orders")))
    assert [(p.preferred, p.offline) for p in places] == [(True, ()), (None, (2,)), (False, (2,))]
    assert found == {0: PartitionOffsets(0, 0, 0), 2: PartitionOffsets(trouble=why)}


def test_a_topic_that_is_not_there(aio: LoopRunner) -> None:
    with pytest.raises(Failure) as raised:
        aio.run(TopicDetails(FakeCluster("shop"), "orders").places())
    assert raised.value.kind is FailureKind.NOT_FOUND
    assert "orders in shop" in str(raised.value)


def test_a_stopped_node_is_seen_at_the_next_look(aio: LoopRunner, kafka3: KafkaCluster, topic_name: str) -> None:
    direct.create(kafka3.bootstrap(), topic_name, 3, replication=3)
    direct.produce(kafka3.bootstrap(), topic_name, direct.rows(9, 3))

    async def ask() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            details = TopicDetails(cluster, topic_name)
            places, found = await _look(details)
            assert all(not p.partition.under_replicated and not p.offline and p.leader for p in places)
            assert {p: (o.start, o.stable, o.end) for p, o in found.items()} == dict.fromkeys(range(3), (0, 3, 3))
            kafka3.node(3).stop()
            places, found = await _look(details)
            assert all(p.partition.under_replicated and p.offline == (3,) for p in places)
            assert all(p.partition.leader != 3 for p in places)
            assert {p: (o.start, o.stable, o.end) for p, o in found.items()} == dict.fromkeys(range(3), (0, 3, 3))

    aio.run(ask())
