"""Places in a topic: as they are typed, and the offsets that they are."""

import asyncio
import time
from datetime import UTC, timedelta, timezone

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ClientPartition

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, Edge, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.ranges import (
    Ago,
    AtOffset,
    AtOffsets,
    Committed,
    Newest,
    Now,
    Place,
    Resolved,
    parse_place,
    resolve,
)
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster

NOW = 1_700_000_100_000
SOURCES = [TopicPartition("t", p) for p in range(3)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("beginning", Edge.START),
        ("END", Edge.END),
        (" now ", Now()),
        ("newest:1000", Newest(1000)),
        ("offset:123", AtOffset(123)),
        ("0:10,1:20", AtOffsets(((0, 10), (1, 20)))),
        ("7:0", AtOffsets(((7, 0),))),
        ("0:10, 1:20", AtOffsets(((0, 10), (1, 20)))),
        ("last:15m", Ago(900_000)),
        ("last:7d", Ago(7 * 86_400_000)),
        ("group:billing", Committed("billing")),
        ("group:a:b c", Committed("a:b c")),
        ("2026-11-23T10:00:00+01:00", AtTime(1_795_424_400_000)),
        ("2026-11-23T09:00:00Z", AtTime(1_795_424_400_000)),
        ("2026-11-23T09:00:00.250Z", AtTime(1_795_424_400_250)),
        ("2026-11-23 11:00", AtTime(1_795_424_400_000)),
        ("2026-11-23", AtTime(1_795_384_800_000)),
    ],
)
def test_what_is_typed(text: str, place: Place) -> None:
    assert parse_place(text, timezone(timedelta(hours=2))) == place


def test_times_without_a_zone_are_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert parse_place("2026-11-23T04:00:00") == AtTime(1_795_424_400_000)
        assert parse_place("2026-07-01T05:00:00") == parse_place("2026-07-01T09:00:00", UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        *("", "middle", "beginning:1", "newest", "newest:", "newest:-1", "newest:x", "newest:٣", "offset:-1"),
        *("offset:9223372036854775808", "0:1,0:2", "last:15", "last:0m", "last:1y", "group:", "group: "),
        *("2026-13-01", "2026-11-23T25:00", "yesterday", "1960-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_errors_name_the_input_and_the_remedy(text: str) -> None:
    with pytest.raises(Failure) as raised:
        parse_place(text, UTC)
    assert raised.value.kind is FailureKind.INVALID
    assert f"“{text.strip()}”" in raised.value.message
    assert "newest:1000" in raised.value.hint


@pytest.fixture
def cluster() -> FakeCluster:
    """Partition 0 has offsets 0 to 99, a second apart, the last at `NOW` - 1 s; 1 has 50 to 59 of the same times;
    2 is empty."""
    made = FakeCluster()
    made.add_topic("t", 3)
    made.starts[SOURCES[1]] = 50
    for n in range(100):
        made.add("t", b"v", timestamp=NOW - 100_000 + 1000 * n)
    for n in range(10):
        made.add("t", b"v", partition=1, timestamp=NOW - 100_000 + 1000 * n)
    made.commits["billing"] = {SOURCES[0]: 40, SOURCES[1]: 20}
    return made


def _resolved(aio: LoopRunner, cluster: FakeCluster, start: Place | None, end: Place | None) -> Resolved:
    return aio.run(resolve(cluster, SOURCES, start, end, IsolationLevel.READ_UNCOMMITTED, NOW))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [(0, 100), (50, 60), (0, 0)]),
        (Edge.END, Edge.END, [(100, 100), (60, 60), (0, 0)]),
        (Newest(4), None, [(96, 100), (56, 60), (0, 0)]),
        (Newest(40), None, [(60, 100), (50, 60), (0, 0)]),
        (None, Newest(4), [(0, 96), (50, 56), (0, 0)]),
        (AtOffset(55), None, [(55, 100), (55, 60), (0, 0)]),
        (AtOffset(70), AtOffset(80), [(70, 80), (60, 60), (0, 0)]),
        (None, AtOffset(10**18), [(0, 100), (50, 60), (0, 0)]),
        (AtOffset(80), AtOffset(70), [(80, 80), (60, 60), (0, 0)]),
        (AtTime(NOW - 95_000), AtTime(NOW - 92_500), [(5, 8), (55, 58), (0, 0)]),
        (AtTime(NOW - 10_000), None, [(90, 100), (60, 60), (0, 0)]),
        (Ago(10_000), None, [(90, 100), (60, 60), (0, 0)]),
        (Ago(10**15), Now(), [(0, 100), (50, 60), (0, 0)]),
        (None, AtTime(NOW - 10_000), [(0, 90), (50, 60), (0, 0)]),
    ],
)
def test_places_are_offsets(
    aio: LoopRunner,
    cluster: FakeCluster,
    start: Place | None,
    end: Place | None,
    expected: list[tuple[int, int]],
) -> None:
    found = _resolved(aio, cluster, start, end)
    assert found.ranges == tuple(OffsetRange(s, *bounds) for s, bounds in zip(SOURCES, expected, strict=True))


def test_offsets_by_partition_leave_out_the_others(aio: LoopRunner, cluster: FakeCluster) -> None:
    found = _resolved(aio, cluster, AtOffsets(((0, 10),)), AtOffsets(((0, 20), (1, 55))))
    assert found == Resolved((OffsetRange(SOURCES[0], 10, 20),), ())


def test_now_is_before_what_comes_later(aio: LoopRunner, cluster: FakeCluster) -> None:
    cluster.add("t", b"too late", timestamp=NOW + 5)
    assert _resolved(aio, cluster, None, Now()).ranges[0] == OffsetRange(SOURCES[0], 0, 100)


def test_what_retention_took_is_named(aio: LoopRunner, cluster: FakeCluster) -> None:
    found = _resolved(aio, cluster, AtOffset(10), None)
    assert found.ranges[1] == OffsetRange(SOURCES[1], 50, 60)
    (trouble,) = found.troubles
    assert (trouble.source, trouble.offset) == (SOURCES[1], 10)
    assert "10 to 49" in trouble.failure.message


def test_a_group_without_a_commit_is_the_trouble_of_that_partition(aio: LoopRunner, cluster: FakeCluster) -> None:
    found = _resolved(aio, cluster, Committed("billing"), None)
    assert found.ranges == (OffsetRange(SOURCES[0], 40, 100), OffsetRange(SOURCES[1], 50, 60))
    assert [(t.source, t.failure.kind) for t in found.troubles] == [
        (SOURCES[1], FailureKind.NOT_FOUND),
        (SOURCES[2], FailureKind.NOT_FOUND),
    ]
    assert "billing" in found.troubles[1].failure.message


def test_a_partition_that_fails_is_its_own_trouble(aio: LoopRunner, cluster: FakeCluster) -> None:
    broken = cluster.broken[SOURCES[0]] = Failure(FailureKind.UNREACHABLE, "No leader.")
    found = _resolved(aio, cluster, AtTime(NOW), None)
    assert [each.source for each in found.ranges] == SOURCES[1:]
    assert [(t.source, t.failure) for t in found.troubles] == [(SOURCES[0], broken)]


@pytest.mark.kafka
def test_on_a_broker(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """A time without later records is the end, a group is read without joining it, ends respect isolation."""
    direct.create(broker.bootstrap, topic_name, 2)
    direct.produce(broker.bootstrap, topic_name, direct.rows(100, 2))
    sources = [TopicPartition(topic_name, p) for p in range(2)]
    group = f"{topic_name}-team"
    member = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group}, logger=direct.QUIET)
    member.commit(offsets=[ClientPartition(topic_name, 0, 17)], asynchronous=False)
    member.close()
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name)
    writer.init_transactions(20)
    writer.begin_transaction()
    direct.send(writer, topic_name, direct.rows(10, 2, start=100))  # and stays open

    async def ask(start: Place, isolation: IsolationLevel) -> Resolved:
        async with direct.connected(broker.bootstrap) as cluster:
            return await resolve(cluster, sources, start, None, isolation, direct.NOW)

    def bounds(found: Resolved) -> list[tuple[int, int | None]]:
        return [(each.start, each.end) for each in found.ranges]

    uncommitted, committed = IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED
    assert bounds(aio.run(ask(AtTime(direct.NOW + 50), uncommitted))) == [(25, 55), (25, 55)]
    assert bounds(aio.run(ask(AtTime(direct.NOW + 10**6), uncommitted))) == [(55, 55), (55, 55)]
    assert bounds(aio.run(ask(Newest(5), committed))) == [(45, 50), (45, 50)]
    found = aio.run(ask(Committed(group), uncommitted))
    assert bounds(found) == [(17, 55)]
    assert [t.source for t in found.troubles] == [sources[1]]
    known = direct.groups_of(broker.bootstrap)
    nobody = aio.run(ask(Committed(f"{topic_name}-nobody"), uncommitted))
    assert [t.failure.kind for t in nobody.troubles] == [FailureKind.NOT_FOUND] * 2
    assert direct.groups_of(broker.bootstrap) == known
    writer.abort_transaction(20)


def test_a_group_nobody_can_be_asked_about(aio: LoopRunner) -> None:
    async def ask() -> None:
        async with direct.connected("127.0.0.1:1") as cluster:
            await asyncio.wait_for(cluster.committed("  ", SOURCES), 1)

    with pytest.raises(Failure) as raised:
        aio.run(ask())
    assert raised.value.kind is FailureKind.INVALID
