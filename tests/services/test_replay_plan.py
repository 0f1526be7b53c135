"""Before a replay begins: what it would do, what it could not keep, and plans that are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kexplorer.model.failure import Failure
from kexplorer.model.replay import COUNT_HEADER, Place, Plan, Policy, ReplayRun, ReplaySource, ReplayTarget, Rewrite
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.replay_plan import DryRun, check_resumable, dry_run, resolve_plan
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

NOW = 1_700_000_000_000
PLAN = Plan("job", ReplaySource(Place(profile="a"), ("orders",)), ReplayTarget(Place(profile="a"), {"orders": "copy"}))


@pytest.fixture
def cluster() -> FakeCluster:
    """Orders in two partitions, and an empty copy."""
    cluster = FakeCluster()
    cluster.add_topic("orders", 2)
    cluster.add_topic("copy", 2, **{"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": "1000"})
    for n in range(20):
        cluster.add("orders", b'{"id":%d}' % n, b"k%d" % n, partition=n % 2, timestamp=NOW)
    return cluster


def _dry(aio: LoopRunner, cluster: FakeCluster, plan: Plan = PLAN, **options: Any) -> DryRun:
    async def look() -> DryRun:
        return await dry_run(await resolve_plan(plan, cluster, cluster, NOW), cluster, cluster, **options)

    return aio.run(look())


def _source(**changes: Any) -> Plan:
    return replace(PLAN, source=replace(PLAN.source, **changes))


def test_the_ends_are_found_once_and_the_target_is_where_it_was(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.stable[TopicPartition("orders", 1)] = 7  # a transaction is open behind it
    cluster.add("copy", b"before")
    run: ReplayRun = aio.run(resolve_plan(PLAN, cluster, cluster, NOW))
    assert run.ranges == (
        OffsetRange(TopicPartition("orders", 0), 0, 10),
        OffsetRange(TopicPartition("orders", 1), 0, 7),
    )
    assert run.target_starts == {TopicPartition("copy", 0): 1, TopicPartition("copy", 1): 0}
    assert run.same_cluster


def test_records_are_counted_and_shown_before_and_after(aio: LoopRunner, cluster: FakeCluster) -> None:
    plan = replace(_source(filter="value.id >= 10"), rewrite=Rewrite(drop="value.id == 11", key="value.id"))
    found = _dry(aio, cluster, plan)
    assert found.whole
    assert [(part.records, part.bytes) for part in found.parts] == [(5, 60), (5, 60)]
    shown = {sample.record.value: sample.made and sample.made.key for sample in found.samples}
    assert shown[b'{"id":12}'] == b"12"
    assert shown[b'{"id":11}'] is None
    assert "10 records, 120 bytes" in found.lines()[0]
    assert "each record keeps its partition" in "\n".join(found.lines())


def test_other_partitions_say_which_order_holds(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add_topic("wide", 5)
    plan = replace(PLAN, target=replace(PLAN.target, topics={"orders": "wide"}))
    found = _dry(aio, cluster, plan)
    assert "2 partitions become 5; the order of each key is kept" in found.order[0]
    placed = {sample.record.key: sample.partition for sample in found.samples}
    assert placed[b"k0"] in range(5)
    assert len(set(placed.values())) > 2


def test_samples_are_of_all_partitions_and_of_each_trouble(aio: LoopRunner, cluster: FakeCluster) -> None:
    for n in range(60):
        cluster.add("orders", b"{}" if n < 50 else b"no object", partition=0, timestamp=NOW)
    found = _dry(aio, cluster, replace(PLAN, rewrite=Rewrite(fields={"value.id": "1"}), policy=Policy.SKIP))
    shown = {(sample.record.partition, sample.record.offset): sample.trouble for sample in found.samples}
    assert shown.keys() == {*((p, n) for p in range(2) for n in range(10)), (0, 60)}
    assert "no JSON object" in shown[0, 60]


def test_selected_records_are_all_that_is_meant(aio: LoopRunner, cluster: FakeCluster) -> None:
    found = _dry(aio, cluster, _source(selected={TopicPartition("orders", 1): (2, 4)}))
    assert [part.range for part in found.parts] == [OffsetRange(TopicPartition("orders", 1), 2, 5)]
    assert [sample.record.offset for sample in found.samples] == [2, 4]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"value": b"x", "timestamp": 0}, "timestamp is 0"),
        ({"value": b"x", "timestamp": None}, "timestamp is 0"),
        ({"value": b"x", "headers": None}, "not UTF-8"),
        ({"value": b"x", "headers": ((COUNT_HEADER, b"3"),)}, "replayed 3 times already"),
    ],
)
def test_what_cannot_be_written_refuses_the_plan_or_is_left_to_its_policy(
    aio: LoopRunner, cluster: FakeCluster, record: dict[str, Any], told: str
) -> None:
    cluster.add("orders", **record)
    with pytest.raises(Failure, match=f"would stop at orders, partition 0, offset 10.*{told}"):
        _dry(aio, cluster)
    assert any(told in each for each in _dry(aio, cluster, replace(PLAN, policy=Policy.SKIP)).warnings)


@pytest.mark.parametrize(
    ("config", "record", "told"),
    [
        ({"max.message.bytes": "5"}, {}, "Larger than max.message.bytes of copy"),
        ({"cleanup.policy": "compact"}, {"value": None, "key": b"k"}, "A tombstone, which deletes its key"),
        ({"cleanup.policy": "compact"}, {"value": b"x"}, "No key, which the compacted topic copy refuses"),
        ({"retention.ms": "1000"}, {"value": b"x", "timestamp": NOW - 5000}, "Older than retention.ms of copy"),
        ({"message.timestamp.before.max.ms": "1"}, {"value": b"x", "timestamp": NOW - 5}, "before.max.ms of copy"),
        ({"message.timestamp.after.max.ms": "1"}, {"value": b"x", "timestamp": NOW + 5}, "after.max.ms of copy"),
        ({"message.timestamp.type": "LogAppendTime"}, {}, "copy has LogAppendTime: timestamps are not kept"),
    ],
)
def test_what_will_not_be_kept_is_told(
    aio: LoopRunner, cluster: FakeCluster, config: dict[str, str], record: dict[str, Any], told: str
) -> None:
    settings = {"cleanup.policy": "delete", "retention.ms": "-1", **config}
    cluster.remove_topic("copy")
    cluster.add_topic("copy", 2, **settings)
    if record:
        cluster.add("orders", **record)
    assert any(told in each for each in _dry(aio, cluster).warnings)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (replace(PLAN, target=ReplayTarget(Place(profile="a"), {"orders": "orders"})), "would feed itself"),
        (replace(PLAN, target=ReplayTarget(Place(profile="a"), {"orders": "none"})), "The target has no topic none"),
        (replace(PLAN, policy=Policy.QUARANTINE, quarantine="q"), "The target has no topic q"),
        (_source(topics=("orders", "gone")), "no target for gone"),
        (_source(partitions=(0, 9)), "No topic of the source has a partition 9"),
        (_source(start="yesterday"), "“yesterday” is no place"),
        (_source(filter="value.id ="), "The filter, column"),
        (replace(PLAN, rewrite=Rewrite(key="1 +")), "The plan, key change.key"),
        (replace(PLAN, rewrite=Rewrite(partition="7")), "has not"),
    ],
)
def test_a_plan_that_cannot_keep_its_promise_is_refused(
    aio: LoopRunner, cluster: FakeCluster, plan: Plan, told: str
) -> None:
    with pytest.raises(Failure, match=told):
        _dry(aio, cluster, plan)


def test_a_read_only_target_and_records_that_are_gone_refuse_it(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.starts[TopicPartition("orders", 0)] = 5
    with pytest.raises(Failure, match="Records 0 to 4 of partition 0 are gone"):
        _dry(aio, cluster, _source(start="offset:0"))
    cluster.profile = replace(cluster.profile, read_only=True)
    with pytest.raises(Failure, match="read-only"):
        _dry(aio, cluster)


def test_a_topic_known_by_another_name_of_the_cluster_is_a_loop(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.ids["copy"] = cluster.ids["orders"]
    with pytest.raises(Failure, match="would feed itself"):
        _dry(aio, cluster)


def test_a_topic_that_was_made_anew_is_not_gone_on_with(aio: LoopRunner, cluster: FakeCluster) -> None:
    run: ReplayRun = aio.run(resolve_plan(PLAN, cluster, cluster, NOW))
    aio.run(check_resumable(run, cluster))
    cluster.remove_topic("orders")
    cluster.add_topic("orders", 2)
    with pytest.raises(Failure, match="deleted and made anew"):
        aio.run(check_resumable(run, cluster))


def test_many_records_are_estimated(aio: LoopRunner, cluster: FakeCluster) -> None:
    for n in range(6000):
        cluster.add("orders", b"x" * 10, partition=n % 2, timestamp=NOW)
    found = _dry(aio, cluster)
    assert not found.whole
    assert sum(part.records for part in found.parts) == 6020
    assert "about 6,020 records" in found.lines()[0]
    assert _dry(aio, cluster, whole=True).whole
