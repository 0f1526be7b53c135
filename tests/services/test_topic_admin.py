"""What is known before topics are changed."""

from __future__ import annotations

import pytest

from kexplorer.formats.partitioning import Partitioner, partition_for
from kexplorer.model.changes import CreateTopic
from kexplorer.model.cluster import ConfigEntry, ConfigSource, LogDir, ReplicaSize
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, Edge, Partition, Topic, TopicPartition
from kexplorer.services import topic_admin
from kexplorer.services.ranges import Ago, AtOffset, AtOffsets, Newest, Place
from kexplorer.services.topic_admin import KeySample, PurgePart, TopicSizes
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

P0, P1, P2 = (TopicPartition("orders", number) for number in range(3))


@pytest.fixture
def cluster() -> FakeCluster:
    """Three partitions with 10, 5 and no records, a second apart; the first two of all are gone."""
    made = FakeCluster("shop")
    made.add_topic("orders", 3)
    for number in range(10):
        made.add("orders", b"v", b"k%d" % number, timestamp=1000 * number)
    for number in range(5):
        made.add("orders", b"v", timestamp=1000 * number, partition=1)
    made.starts[P0] = 2
    return made


@pytest.mark.parametrize(
    ("until", "before"),
    [
        (Edge.END, (10, 5, 0)),
        (Edge.START, (2, 0, 0)),
        (AtTime(3000), (3, 3, 0)),
        (AtTime(9999), (10, 5, 0)),
        (AtOffset(4), (4, 4, 0)),
        (AtOffset(0), (2, 0, 0)),
        (AtOffset(99), (10, 5, 0)),
        (AtOffsets(((0, 7),)), (7, 0, 0)),
        (Newest(3), (7, 2, 0)),
        (Ago(7000), (3, 3, 0)),
    ],
)
def test_what_a_purge_takes(aio: LoopRunner, cluster: FakeCluster, until: Place, before: tuple[int, ...]) -> None:
    parts = aio.run(topic_admin.purge_parts(cluster, ["orders"], until, 10_000))
    assert [part.before for part in parts] == list(before)
    assert [part.span for part in parts] == [before[0] - 2, before[1], 0]


def test_a_partition_that_cannot_be_asked_is_left_alone(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.broken[P1] = Failure(FailureKind.UNREACHABLE, "no leader")
    cluster.placed[P2] = Partition(2, None, (1,), ())
    parts = aio.run(topic_admin.purge_parts(cluster, ["orders"], Edge.END, 0))
    assert parts[0] == PurgePart(P0, 2, 10, 10)
    assert [part.failure is None for part in parts] == [True, False, False]
    assert [part.span for part in parts] == [8, 0, 0]


def test_a_topic_that_is_not_there(aio: LoopRunner, cluster: FakeCluster) -> None:
    with pytest.raises(Failure, match="no topic payments in shop"):
        aio.run(topic_admin.purge_parts(cluster, ["payments"], Edge.END, 0))


def _entry(name: str, value: str | None, source: ConfigSource, default: bool = False) -> ConfigEntry:
    return ConfigEntry(name, value, default, False, value is None, source)


def test_a_definition_has_what_the_topic_itself_sets(aio: LoopRunner, cluster: FakeCluster) -> None:
    entries = [
        _entry("retention.ms", "1000", ConfigSource.TOPIC),
        _entry("cleanup.policy", "delete", ConfigSource.DEFAULT, default=True),
        _entry("segment.ms", "5000", ConfigSource.STATIC_BROKER),
        _entry("max.message.bytes", "7", ConfigSource.UNKNOWN),
        _entry("secret", None, ConfigSource.TOPIC),
    ]
    cluster.configs["orders"] = {entry.name: entry for entry in entries}
    found = aio.run(topic_admin.definition(cluster, "orders"))
    assert found == CreateTopic("orders", 3, 1, {"retention.ms": "1000", "max.message.bytes": "7"})


def _keyed(by: Partitioner, partitions: int, keys: int) -> tuple[FakeCluster, Topic]:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", partitions)
    for number in range(keys):
        key = b"customer-%d" % number
        cluster.add("orders", b"v", key, partition=partition_for(key, partitions, by))
        cluster.add("orders", b"v", None, partition=number % partitions)
    return cluster, Topic("orders", tuple(Partition(number, 1, (1,), (1,)) for number in range(partitions)))


@pytest.mark.parametrize("by", Partitioner)
def test_keys_that_move_are_counted_by_the_partitioner_in_use(aio: LoopRunner, by: Partitioner) -> None:
    cluster, topic = _keyed(by, 4, 300)
    sample = aio.run(topic_admin.sample_keys(cluster, topic))
    assert (len(sample.keys), sample.by, sample.explained) == (300, by, 300)
    moving = sum(partition_for(key, 4, by) != partition_for(key, 6, by) for key in sample.keys)
    assert sample.moving_to(6) == moving
    assert 150 < moving < 250  # 2 of 3
    assert sample.moving_to(4) == 0
    assert cluster.open_readers == 0


def test_only_the_newest_are_sampled(aio: LoopRunner) -> None:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders")
    for number in range(2500):
        cluster.add("orders", b"v", b"%d" % number)
    topic = Topic("orders", (Partition(0, 1, (1,), (1,)),))
    keys = aio.run(topic_admin.sample_keys(cluster, topic)).keys
    assert set(keys) == {b"%d" % number for number in range(500, 2500)}


def test_a_topic_without_keys_has_none_that_move(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add_topic("empty", 2)
    topic = Topic("empty", tuple(Partition(number, 1, (1,), (1,)) for number in range(2)))
    assert aio.run(topic_admin.sample_keys(cluster, topic)) == KeySample((), 2)


def test_sizes_count_every_replica(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.disks = {
        1: (LogDir("/a", {P0: ReplicaSize(100, 0), P1: ReplicaSize(10, 0)}), LogDir("/b", {P2: ReplicaSize(1, 0)})),
        2: (LogDir("/a", {P0: ReplicaSize(90, 5), TopicPartition("audit", 0): ReplicaSize(7, 0)}),),
    }
    assert aio.run(topic_admin.topic_sizes(cluster, [1, 2])) == TopicSizes({"orders": 201, "audit": 7})
    down = Failure(FailureKind.TIMEOUT, "no answer")
    cluster.disks[2] = down
    assert aio.run(topic_admin.topic_sizes(cluster, [1, 2])) == TopicSizes({"orders": 111}, {2: down})
    cluster.disks[1] = down
    with pytest.raises(Failure, match="no answer"):
        aio.run(topic_admin.topic_sizes(cluster, [1, 2]))


def test_settings_of_two_topics_side_by_side() -> None:
    left = {e.name: e for e in (_entry("a", "1", ConfigSource.TOPIC), _entry("b", "2", ConfigSource.DEFAULT, True))}
    right = {e.name: e for e in (_entry("b", "2", ConfigSource.TOPIC), _entry("c", "3", ConfigSource.TOPIC))}
    found = topic_admin.compare(left, right)
    assert [(each.name, each.differs) for each in found] == [("a", True), ("b", False), ("c", True)]
