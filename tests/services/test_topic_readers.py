"""How many groups read each topic, from a cluster in memory."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

from kexplorer.model.changes import AlterOffsets
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import GroupType, Member
from kexplorer.model.topics import TopicPartition
from kexplorer.services.topic_readers import count_readers
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait
from tests.services.fake_cluster import FakeCluster

ORDERS, AUDIT = TopicPartition("orders", 0), TopicPartition("audit", 0)


def _cluster() -> FakeCluster:
    cluster = FakeCluster()
    for name in ("orders", "audit", "unread"):
        cluster.add_topic(name, 2)
    return cluster


def test_groups_that_committed_and_groups_that_only_read_are_counted_once(aio: LoopRunner) -> None:
    cluster = _cluster()
    cluster.commits = {"billing": {ORDERS: 5, TopicPartition("orders", 1): 7}, "search": {ORDERS: 1, AUDIT: 0}}
    cluster.members = {
        "billing": (Member("m1", "c", "h", (ORDERS,)),),
        "fresh": (Member("m2", "c", "h", (AUDIT,)), Member("m3", "c", "h", (AUDIT,))),
    }
    found = aio.run(count_readers(cluster))
    assert dict(found.groups) == {"orders": 2, "audit": 2}
    assert found.troubles == ()


def test_a_group_that_does_not_tell_leaves_the_others_counted(aio: LoopRunner) -> None:
    cluster = _cluster()
    cluster.commits = {"billing": {ORDERS: 5}, "secret": {ORDERS: 5}}
    denied = Failure(FailureKind.AUTHORIZATION, "You may not describe the group secret.")
    cluster.broken_groups["secret"] = denied
    found = aio.run(count_readers(cluster))
    assert dict(found.groups) == {"orders": 1}
    assert found.troubles == (denied,)


def test_a_share_group_is_not_asked_for_offsets_and_counts_by_its_members(aio: LoopRunner) -> None:
    cluster = _cluster()
    cluster.members = {"workers": (Member("m", "c", "h", (ORDERS,)),)}
    cluster.group_types["workers"] = GroupType.SHARE
    cluster.broken_groups["workers"] = Failure(FailureKind.UNSUPPORTED, "A share group commits nothing.")
    found = aio.run(count_readers(cluster))
    assert (dict(found.groups), found.troubles) == ({"orders": 1}, ())


def test_many_groups_are_asked_for_in_pieces(aio: LoopRunner) -> None:
    cluster = _cluster()
    cluster.commits = {f"group {number}": {ORDERS: number} for number in range(450)}
    assert dict(aio.run(count_readers(cluster)).groups) == {"orders": 450}
    assert cluster.calls.count("group_offsets") == 3
    assert "describe_groups" not in cluster.calls, "none of them has members"


@pytest.mark.kafka
@pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning")  # of kafka-python
def test_on_kafka_committed_offsets_and_members_count(
    aio: LoopRunner, kafka: KafkaCluster, topic_name: str, request: pytest.FixtureRequest
) -> None:
    """A group that only committed, and one with a member that never did."""
    at = kafka.bootstrap()
    direct.create(at, topic_name, 2)
    consumer = Consumer(
        {"bootstrap.servers": at, "group.id": f"{topic_name}-reads", "enable.auto.commit": False}, logger=direct.QUIET
    )
    request.addfinalizer(consumer.close)
    consumer.subscribe([topic_name])
    wait(lambda: consumer.poll(0.1) is None and consumer.assignment())

    async def ask() -> None:
        async with direct.connected(at) as cluster:
            source = TopicPartition(topic_name, 1)
            change = AlterOffsets(f"{topic_name}-committed", {source: 0})
            assert set((await cluster.apply(change)).values()) == {None}
            assert (await count_readers(cluster)).groups[topic_name] == 2

    aio.run(ask())
