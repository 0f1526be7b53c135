"""What is told before topics are changed, and plans that are carried out, on three nodes of Kafka."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from kexplorer.formats.partitioning import Partitioner
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.model.changes import AddPartitions, CreateTopic, PurgeRecords, Reassign
from kexplorer.model.topics import AtTime, Edge, Topic, TopicPartition
from kexplorer.services import topic_admin
from kexplorer.services.assignment_plan import plan_assignment
from kexplorer.services.ranges import AtOffsets
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning"),  # of kafka-python
]


def _keyed(count: int) -> list[direct.Sent]:
    return [direct.Sent(-1, b"customer-%d" % n, b"v" * 100, timestamp=direct.NOW + n) for n in range(count)]


async def _until(cluster: Gateway, topic: str, partitions: int) -> Topic:
    """Brokers hear of a change one after the other."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await cluster.topic(topic)).topics
            if found and len(found[0].partitions) == partitions and not found[0].leaderless:
                return found[0]
            await asyncio.sleep(0.1)


def test_a_topic_from_its_definition_to_its_purge(aio: LoopRunner, kafka3: KafkaCluster, topic_name: str) -> None:
    bootstrap, copy = kafka3.bootstrap(), f"{topic_name}-copy"

    async def run() -> None:
        async with direct.connected(bootstrap) as cluster:
            made = CreateTopic(topic_name, 3, 2, {"retention.ms": "-1", "cleanup.policy": "compact,delete"})
            assert await cluster.apply(made) == {topic_name: None}
            await _until(cluster, topic_name, 3)
            like = await topic_admin.definition(cluster, topic_name)
            assert like == made
            assert await cluster.apply(CreateTopic(copy, 1, 1, like.configs)) == {copy: None}
            direct.produce(bootstrap, topic_name, _keyed(300), partitioner="murmur2_random")
            parts = await topic_admin.purge_parts(cluster, [topic_name], AtTime(direct.NOW + 150), 0)
            assert sum(part.span for part in parts) == 150

            sample = await topic_admin.sample_keys(cluster, await topic_admin.describe(cluster, topic_name))
            assert (len(sample.keys), sample.by, sample.explained) == (300, Partitioner.MURMUR2, 300)
            predicted = sample.moving_to(5)
            assert await cluster.apply(AddPartitions(topic_name, 5)) == {topic_name: None}
            await _until(cluster, topic_name, 5)
            before = direct.ends(bootstrap, topic_name, 5)
            direct.produce(bootstrap, topic_name, _keyed(300), partitioner="murmur2_random")
            after = direct.ends(bootstrap, topic_name, 5)
            assert sum(after[p][1] - before[p][1] for p in (3, 4)) <= predicted < 300

            parts = await topic_admin.purge_parts(cluster, [topic_name], AtOffsets(((1, 7),)), 0)
            wanted = {part.source: part.before for part in parts if part.span}
            assert wanted == {TopicPartition(topic_name, 1): 7}
            assert set((await cluster.apply(PurgeRecords(wanted))).values()) == {None}
            parts = await topic_admin.purge_parts(cluster, [topic_name], Edge.END, 0)
            assert sum(part.span for part in parts) == 600 - 7
            assert parts[1].start == 7

    aio.run(run())


def test_a_plan_moves_data_and_nothing_is_lost(aio: LoopRunner, kafka3: KafkaCluster, topic_name: str) -> None:
    bootstrap = kafka3.bootstrap()

    async def run() -> None:
        async with direct.connected(bootstrap) as cluster:
            lopsided = CreateTopic(topic_name, 6, 1, replicas=((1,),) * 6)
            assert await cluster.apply(lopsided) == {topic_name: None}
            found = await _until(cluster, topic_name, 6)
            direct.produce(bootstrap, topic_name, direct.rows(600, 6))
            racks = {broker.id: broker.rack for broker in (await cluster.metadata()).brokers}
            now = {TopicPartition(topic_name, part.id): part.replicas for part in found.partitions}
            plan = plan_assignment(now, racks, 2, balance=True)
            assert set((await cluster.apply(Reassign(dict(plan)))).values()) == {None}
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    moving = await cluster.reassignments()
                    placed = (await cluster.topic(topic_name)).topics[0].partitions
                    now = {TopicPartition(topic_name, part.id): part.replicas for part in placed}
                    if now == plan and not moving.keys() & plan.keys():
                        break
                    await asyncio.sleep(0.2)
            assert Counter(part.replicas[0] for part in placed) == {1: 2, 2: 2, 3: 2}
            assert [high - low for low, high in direct.ends(bootstrap, topic_name, 6).values()] == [100] * 6
            sizes = await topic_admin.topic_sizes(cluster, racks)
            assert sizes.bytes[topic_name] > 600 * 10 * 2
            assert not sizes.missing
            each = await topic_admin.partition_sizes(cluster, racks)
            assert 2 * sum(each[source] for source in plan) >= sizes.bytes[topic_name]

    aio.run(run())
