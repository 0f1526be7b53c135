"""A cluster summed up: one in memory, and three nodes of which one is killed."""

import asyncio
import re
from datetime import UTC, datetime

import pytest

from kexplorer.model.cluster import ConfigEntry, LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, ClusterMetadata, Partition, Topic, TopicPartition
from kexplorer.services.overview import BrokerView, Disk, Overview, Totals, disk_of, sum_up
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import PATIENCE_S
from tests.services.fake_cluster import FakeCluster

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO, THREE = (Broker(n, f"kafka{n}", 9092, f"rack{n}") for n in (1, 2, 3))


def _seen(*partitions: Partition, brokers: tuple[Broker, ...] = (ONE, TWO, THREE)) -> ClusterMetadata:
    return ClusterMetadata("id", brokers, (Topic("orders", partitions),), 2)


def test_a_well_cluster_has_numbers_and_nothing_to_tell() -> None:
    picture = sum_up(
        _seen(Partition(0, 1, (1, 2), (1, 2)), Partition(1, 1, (1, 3), (3, 1)), Partition(2, 2, (2, 1), (1, 2))),
        {},
        {},
        {},
        NOW,
    )
    assert picture.totals == Totals(topics=1, partitions=3, replicas=6)
    assert picture.ailing == ()
    assert picture.brokers == (
        BrokerView(1, ONE, 2, 3, 100.0, 50.0),
        BrokerView(2, TWO, 1, 2, 0.0, 0.0, is_controller=True),
        BrokerView(3, THREE, 0, 1, -100.0, -50.0),
    )


def test_the_worst_stands_first_and_each_kind_is_counted() -> None:
    partitions = (
        Partition(0, 1, (1, 2), (1, 2)),
        Partition(1, 1, (1, 2, 3), (1, 2)),  # in sync enough
        Partition(2, 1, (1, 3, 2), (1,)),  # too few
        Partition(3, None, (3,), (3,)),  # nobody leads
    )
    picture = sum_up(_seen(*partitions, brokers=(ONE, TWO)), {}, {"orders": 2}, {}, NOW)
    assert [each.source.partition for each in picture.ailing] == [3, 2, 1]
    assert [each.min_isr for each in picture.ailing] == [None, 2, None]
    assert picture.totals == Totals(1, 0, 4, 9, under_replicated=2, offline=3, leaderless=1, under_min_isr=1)
    assert picture.brokers[-1] == BrokerView(3, None, 0, 3, None, None)


def test_fewer_replicas_than_demanded_are_enough_when_all_are_in_sync() -> None:
    picture = sum_up(_seen(Partition(0, 1, (1, 3), (1, 3)), brokers=(ONE, TWO)), {}, {"orders": 3}, {}, NOW)
    assert picture.totals.under_min_isr == 0
    assert picture.totals.offline == 1


def test_internal_topics_are_counted_apart() -> None:
    part = (Partition(0, 1, (1,), (1,)),)
    seen = ClusterMetadata(None, (ONE,), (Topic("__consumer_offsets", part), Topic("orders", part)))
    assert sum_up(seen, {}, {}, {}, NOW).totals == Totals(2, 1, 2, 2)


def test_a_volume_with_two_directories_counts_once() -> None:
    source, other = TopicPartition("orders", 0), TopicPartition("orders", 1)
    first = LogDir("/a", {source: ReplicaSize(100, 0)}, 1000, 600)
    second = LogDir("/b", {other: ReplicaSize(50, 0)}, 1000, 600)
    assert disk_of([first, second]) == Disk(150, 400, 1000)
    assert disk_of([first, LogDir("/c", {}, 5000, 5000)]) == Disk(100, 400, 6000)
    assert disk_of([LogDir("/a", {source: ReplicaSize(100, 0)})]) == Disk(100)
    broken = Failure(FailureKind.BROKER, "The disk /b is offline.")
    assert disk_of([first, LogDir("/b", {}, trouble=broken)]).trouble is broken


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.brokers = (ONE, TWO, THREE)
    cluster.add_topic("orders", 2, min_insync_replicas="2")
    for n in range(2):
        cluster.placed[TopicPartition("orders", n)] = Partition(n, 1, (1, 2, 3), (1, 2, 3))
    return cluster


def test_since_when_is_kept_from_look_to_look(aio: LoopRunner) -> None:
    cluster = _shop()
    sick = TopicPartition("orders", 1)

    async def look() -> None:
        overview = Overview(cluster)
        assert (await overview.look()).ailing == ()
        assert "topic_configs" not in cluster.calls
        cluster.placed[sick] = Partition(1, 1, (1, 2, 3), (1,))
        first = (await overview.look()).ailing
        assert [(each.source, each.min_isr) for each in first] == [(sick, 2)]
        assert (await overview.look()).ailing == first
        assert cluster.calls.count("topic_configs") == 1
        cluster.placed[sick] = Partition(1, 1, (1, 2, 3), (1, 2, 3))
        assert (await overview.look()).ailing == ()

    aio.run(look())


def test_what_a_topic_demands_is_asked_for_again_after_a_failure(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.placed[TopicPartition("orders", 0)] = Partition(0, 1, (1, 2, 3), (1,))
    cluster.failures["topic_configs"] = Failure(FailureKind.TIMEOUT, "No answer.")

    async def look() -> None:
        overview = Overview(cluster)
        assert (await overview.look()).totals.under_min_isr == 0
        cluster.failures.clear()
        assert (await overview.look()).totals.under_min_isr == 1

    aio.run(look())


def test_the_version_is_what_the_brokers_agreed_on(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.agreed_version = "4.3-IV0"

    async def look() -> None:
        overview = Overview(cluster)
        await overview.measure()
        assert (await overview.look()).version == "4.3-IV0"
        assert "broker_configs" not in cluster.calls

    aio.run(look())


@pytest.mark.parametrize("told", ["3.9-IV0", None])
def test_disks_and_version_as_far_as_they_are_told(aio: LoopRunner, told: str | None) -> None:
    cluster = _shop()
    refused = Failure(FailureKind.AUTHORIZATION, "You may not see the disks.")
    cluster.disks = {1: (LogDir("/a", {TopicPartition("orders", 0): ReplicaSize(7, 0)}, 100, 40),), 2: refused}
    name = "inter.broker.protocol.version"
    cluster.broker_settings[1] = {name: ConfigEntry(name, told, True, True, False)} if told else {}

    async def look() -> None:
        overview = Overview(cluster)
        await overview.measure()
        picture = await overview.look()
        assert [each.disk for each in picture.brokers] == [Disk(7, 60, 100), refused, None]
        assert picture.version == told

    aio.run(look())


def test_a_killed_node_shows(aio: LoopRunner, kafka3: KafkaCluster, topic_name: str) -> None:
    direct.create(kafka3.bootstrap(), topic_name, 3, replication=3, min_insync_replicas=3)
    direct.produce(kafka3.bootstrap(), topic_name, direct.rows(300, 3))

    async def look() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            overview = Overview(cluster)
            await overview.measure()
            picture = await overview.look()
            assert [each.id for each in picture.brokers] == [1, 2, 3]
            assert picture.controller in (1, 2, 3)
            assert picture.version is not None
            assert re.fullmatch(r"\d+\.\d+-IV\d+", picture.version)
            assert kafka3.version.startswith(picture.version.partition("-")[0] + ".")
            assert picture.totals.replicas >= 9
            assert not any(each.source.topic == topic_name for each in picture.ailing)
            for broker in picture.brokers:
                assert isinstance(broker.disk, Disk)
                assert 0 < broker.disk.held <= (broker.disk.used or 0) < (broker.disk.total or 0)
            kafka3.node(3).kill()
            async with asyncio.timeout(PATIENCE_S):
                while not (picture := await overview.look()).totals.under_min_isr:  # noqa: ASYNC110  (nothing tells)
                    await asyncio.sleep(0.1)
            mine = [each for each in picture.ailing if each.source.topic == topic_name]
            assert [(each.min_isr, each.offline) for each in mine] == [(3, (3,))] * 3
            assert picture.brokers[2].address is None
            assert picture.brokers[2].replicas >= 3
            assert picture.totals.offline >= 3

    aio.run(look())
