"""How far groups are behind, in offsets and in time, also where a log has no records at its offsets."""

from __future__ import annotations

import time

import pytest

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import GroupType, Member
from kexplorer.model.lag import GroupLag, Reading, TimeLag
from kexplorer.model.topics import Edge, TopicPartition
from kexplorer.services import group_lag
from kexplorer.services.group_lag import look, time_lag
from tests.kafka import direct
from tests.kafka.direct import NOW, Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

A, B = TopicPartition("orders", 0), TopicPartition("orders", 1)
MEMBER = Member("m-1", "mailer", "10.0.0.1", (B,))


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster("shop")
    found.add_topic("orders", 2)
    for number in range(10):
        found.add("orders", b"value", partition=number % 2, timestamp=1000 * number)
    found.commits = {"billing": {A: 2, B: 9}, "mail": {A: 5}}
    found.members = {"mail": (MEMBER,)}
    return found


def _look(aio: LoopRunner, cluster: Cluster, *names: str, stable: bool = False) -> dict[str, GroupLag]:
    found = aio.run(look(cluster, names, stable=stable))
    return {name: each for name, each in found.items() if isinstance(each, GroupLag)}


def test_groups_are_looked_at_together(aio: LoopRunner, cluster: FakeCluster) -> None:
    before = time.time()
    found = _look(aio, cluster, "billing", "mail", "billing")
    assert found["billing"].readings == (Reading(A, 2, 0, 5), Reading(B, 9, 0, 5))
    assert found["billing"].lag == 3
    assert found["mail"].readings == (Reading(A, 5, 0, 5), Reading(B, None, 0, 5, None, MEMBER))
    assert before <= found["mail"].at <= time.time()
    assert sorted(cluster.calls) == ["describe_groups", "group_offsets", "list_offsets", "list_offsets", "list_offsets"]


def test_what_was_committed_is_read_before_the_ends_of_the_log(aio: LoopRunner, cluster: FakeCluster) -> None:
    _look(aio, cluster, "billing")
    assert "list_offsets" not in cluster.calls[:2]


def test_last_stable_offsets_are_read_on_demand(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.stable[A] = 3
    (first, _) = _look(aio, cluster, "billing", stable=True)["billing"].readings
    assert (first.end, first.stable) == (5, 3)
    (first, _) = _look(aio, cluster, "billing")["billing"].readings
    assert first.stable is None


def test_what_is_not_told_is_the_trouble_of_its_group_or_partition(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.broken_groups["mail"] = Failure(FailureKind.AUTHORIZATION, "You may not.")
    cluster.broken[A] = Failure(FailureKind.UNREACHABLE, "No leader.")
    found = _look(aio, cluster, "billing", "mail")
    assert found["mail"].trouble is cluster.broken_groups["mail"]
    assert [(reading.source, reading.committed) for reading in found["mail"].readings] == [(B, None)]
    first, second = found["billing"].readings
    assert first.trouble is cluster.broken[A]
    assert (first.committed, first.lag) == (2, None)
    assert (second.trouble, second.lag) == (None, -4)
    cluster.failures["describe_groups"] = Failure(FailureKind.TIMEOUT, "No answer.")
    with pytest.raises(Failure, match="No answer"):
        _look(aio, cluster, "billing")


def test_groups_that_commit_nothing_have_no_readings(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.group_types["share"] = GroupType.SHARE
    found = _look(aio, cluster, "share")["share"]
    assert (found.group.type, found.readings, found.lag) == (GroupType.SHARE, (), None)
    assert aio.run(look(cluster, [])) == {}


def test_time_lag_is_that_of_the_record_that_is_read_next(aio: LoopRunner, cluster: FakeCluster) -> None:
    readings = _look(aio, cluster, "billing", "mail")["billing"].readings
    found = aio.run(time_lag(cluster, readings))
    assert (found[A].next, found[A].newest, found[A].behind) == (4000, 8000, 4.0)
    assert found[A].seconds == pytest.approx(time.time() - 4, abs=60)
    assert found[B].seconds == 0.0, "beyond the end nothing is left to read"
    assert cluster.open_readers == 0


def test_only_partitions_that_are_behind_most_are_read(aio: LoopRunner, cluster: FakeCluster) -> None:
    readings = [Reading(A, 4, 0, 5), Reading(B, 0, 0, 5)]
    assert set(aio.run(time_lag(cluster, readings, most=1))) == {B}
    assert aio.run(time_lag(cluster, [Reading(A, None, 0, 5), Reading(B, 3, None, None)])) == {}


def test_what_cannot_be_read_has_no_time_lag(
    aio: LoopRunner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.broken[A] = Failure(FailureKind.UNREACHABLE, "No leader.")
    found = aio.run(time_lag(cluster, [Reading(A, 1, 0, 5), Reading(B, 1, 0, 5)]))
    assert (found[A].trouble, found[A].seconds) == (cluster.broken[A], None)
    assert found[B].next == 3000
    monkeypatch.setattr(group_lag, "_READING", 0.05)
    cluster.delay = 1.0
    late = aio.run(time_lag(cluster, [Reading(B, 1, 0, 5)]))[B]
    assert late.trouble is not None
    assert late.trouble.kind is FailureKind.TIMEOUT


def test_time_lag_across_markers_and_gaps(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Of each partition: markers only; a gap and then records; a marker at the end; a tombstone; nothing left."""
    at = broker.bootstrap
    direct.create(at, topic_name, 4)
    writer = direct.producer(at, transactional_id=topic_name)
    writer.init_transactions(30)
    for first in (0, 10):
        writer.begin_transaction()
        rows = [Sent(p, b"k", b"v", timestamp=NOW + first + p) for p in (0, 1, 2) if first == 0 or p in (1, 2)]
        direct.send(writer, topic_name, rows)
        writer.commit_transaction(30)
    direct.produce(at, topic_name, [Sent(3, b"k", None, timestamp=NOW + 5), Sent(3, b"k", b"v", timestamp=NOW + 7)])
    sources = [TopicPartition(topic_name, partition) for partition in range(4)]
    committed = dict(zip(sources, (1, 1, 0, 0), strict=True))

    async def ask() -> dict[TopicPartition, TimeLag]:
        async with direct.connected(at) as cluster:
            starts, ends = [await cluster.list_offsets(dict.fromkeys(sources, edge)) for edge in Edge]
            readings = [Reading(s, committed[s], _known(starts[s]), _known(ends[s])) for s in sources]
            assert [reading.lag for reading in readings] == [1, 3, 4, 2]
            return await time_lag(cluster, readings)

    markers, gap, ends, tombstone = (aio.run(ask())[source] for source in sources)
    assert (markers.unreadable, markers.next, markers.seconds) == (1, None, 0.0)
    assert (gap.unreadable, gap.next, gap.newest) == (0, NOW + 11, NOW + 11)
    assert (ends.next, ends.newest, ends.behind) == (NOW + 2, NOW + 12, 0.01)
    assert (tombstone.next, tombstone.newest) == (NOW + 5, NOW + 7)


def _known(answer: int | Failure | None) -> int:
    assert isinstance(answer, int)
    return answer
