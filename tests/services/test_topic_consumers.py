"""Who reads a topic: every group that committed there or has a member there, and none else."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Member
from kexplorer.model.topics import TopicPartition
from kexplorer.services.topic_consumers import Looked, TopicReader, readers_of
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

FIRST, SECOND = TopicPartition("orders", 0), TopicPartition("orders", 1)


def _shop() -> FakeCluster:
    cluster = FakeCluster("shop")
    cluster.add_topic("orders", 2)
    cluster.add_topic("other")
    for n in range(20):
        cluster.add("orders", b"v", partition=n % 2)
    cluster.starts[SECOND] = 4
    return cluster


def _readers(aio: LoopRunner, cluster: FakeCluster) -> tuple[dict[str, TopicReader], Looked]:
    readers: dict[str, TopicReader] = {}
    told: list[Looked] = []

    def found(some: Sequence[TopicReader], looked: Looked) -> None:
        readers.update({reader.group.id: reader for reader in some})
        told.append(looked)

    aio.run(readers_of(cluster, "orders", found))
    return readers, told[-1]


def test_groups_that_committed_or_have_members_there(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits = {"billing": {FIRST: 7}, "elsewhere": {TopicPartition("other", 0): 1}}
    cluster.members["mail"] = (Member("m-1", "mailer", "10.0.0.7", (SECOND,)),)
    readers, looked = _readers(aio, cluster)
    assert sorted(readers) == ["billing", "mail"]
    assert (looked.done, looked.groups) == (3, 3)
    billing, mail = readers["billing"], readers["mail"]
    assert (billing.lag, billing.members) == (3, 0)
    assert [reading.committed for reading in billing.readings] == [7, None]
    assert mail.lag is None
    assert mail.members == 1
    assert [reading.member.client if reading.member else None for reading in mail.readings] == [None, "mailer"]


def test_lag_begins_at_the_log_start_and_tells_what_is_beyond_the_end(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits = {"late": {SECOND: 1}, "ahead": {FIRST: 50}}
    readers, _ = _readers(aio, cluster)
    late = readers["late"].readings[1]
    assert (late.lag, late.lost) == (6, 3)
    ahead = readers["ahead"]
    assert ahead.readings[0].lag == -40
    assert ahead.lag == 0


def test_one_broken_partition_leaves_the_others(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits = {"billing": {FIRST: 7, SECOND: 5}}
    cluster.broken[SECOND] = Failure(FailureKind.UNREACHABLE, "Its leader is away.")
    readers, _ = _readers(aio, cluster)
    billing = readers["billing"]
    assert billing.lag == 3
    assert billing.trouble is cluster.broken[SECOND]


def test_many_groups_come_in_pieces(aio: LoopRunner) -> None:
    cluster = _shop()
    cluster.commits = {f"group {n:03}": {FIRST: n % 10} for n in range(125)}
    counts: list[int] = []
    aio.run(readers_of(cluster, "orders", lambda some, _: counts.append(len(some))))
    assert counts == [0, 50, 50, 25]
