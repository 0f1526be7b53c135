"""Offsets per span of time: they add up, whatever timestamps a log has, and cost few questions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import AtTime, Edge, IsolationLevel, OffsetRange, OffsetSpec, TopicPartition
from kexplorer.services.browser import whole
from kexplorer.services.histogram import BINS, Histogram, histograms, round_borders
from kexplorer.services.ranges import resolve
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

NOW = 1_795_424_400_000  # 2026-11-23 09:00 UTC
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
READ = IsolationLevel.READ_UNCOMMITTED
BERLIN = ZoneInfo("Europe/Berlin")


def _cluster(*logs: Sequence[int | None]) -> FakeCluster:
    """Topic "t" with a partition per list of timestamps."""
    made = FakeCluster()
    made.add_topic("t", len(logs))
    for partition, times in enumerate(logs):
        for ms in times:
            made.add("t", b"v", partition=partition, timestamp=ms)
    return made


def _ranges(cluster: FakeCluster) -> list[OffsetRange]:
    return [
        OffsetRange(source, cluster.starts[source], log[-1].offset + 1 if log else cluster.starts[source])
        for source, log in cluster.logs.items()
    ]


async def _all(
    cluster: FakeCluster,
    ranges: list[OffsetRange] | None = None,
    *,
    zone: tzinfo = UTC,
    start: int | None = None,
    end: int | None = None,
) -> list[Histogram]:
    asked = _ranges(cluster) if ranges is None else ranges
    return [found async for found in histograms(cluster, asked, READ, zone, NOW, start, end)]


def _bins(found: Histogram) -> dict[int, int]:
    """Of those with any offsets: by the time at which they begin."""
    return {start: n for start, n in zip(found.borders, found.counts, strict=False) if n}


def test_offsets_are_counted_over_all_partitions(aio: LoopRunner) -> None:
    begin = NOW - HOUR
    cluster = _cluster([begin + n * 1000 for n in range(1800)], [], [begin + n * MINUTE for n in range(60)])
    found = aio.run(_all(cluster))[-1]
    assert found.complete
    assert found.borders == tuple(range(begin, NOW + 1, MINUTE))
    assert found.counts == (61,) * 30 + (1,) * 30
    assert (found.earlier, found.later, found.troubles) == (0, 0, ())


def test_something_is_shown_soon_and_becomes_finer(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR + n * 1000 for n in range(3600)])

    async def look() -> None:
        shown = None
        async for found in histograms(cluster, _ranges(cluster), READ, UTC, NOW):
            if shown is None:
                assert cluster.calls.count("list_offsets") <= 6
                assert sum(found.counts) == 3600
            else:
                assert set(shown.borders) < set(found.borders)
                assert not shown.complete
            shown = found
        assert shown is not None
        assert shown.complete

    aio.run(look())
    assert cluster.calls.count("list_offsets") <= BINS + 4
    assert cluster.open_readers == 0


def test_questions_do_not_grow_with_partitions_and_empty_times_are_not_asked_about(aio: LoopRunner) -> None:
    cluster = _cluster(*[[NOW - HOUR, NOW] for _ in range(40)])
    found = aio.run(_all(cluster))[-1]
    assert _bins(found) == {NOW - HOUR: 40, NOW: 40}
    assert cluster.calls.count("list_offsets") < 20


def test_few_questions_are_open_at_a_time(aio: LoopRunner) -> None:
    class Busy(FakeCluster):
        open = most = 0

        async def list_offsets(
            self,
            wanted: Mapping[TopicPartition, OffsetSpec],
            isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        ) -> dict[TopicPartition, int | Failure | None]:
            self.open += 1
            self.most = max(self.most, self.open)
            found = await super().list_offsets(wanted, isolation)
            self.open -= 1
            return found

    cluster = Busy()
    cluster.add_topic("t")
    for n in range(1000):
        cluster.add("t", b"v", timestamp=NOW - 60_000 + 60 * n)
    aio.run(_all(cluster))
    assert 1 < cluster.most <= 4


@settings(max_examples=100, deadline=None)
@given(
    logs=st.lists(
        st.lists(st.one_of(st.none(), st.integers(-5, 50), st.integers(NOW - DAY, NOW + 3 * DAY)), max_size=40),
        min_size=1,
        max_size=3,
    ),
    gaps=st.sets(st.integers(0, 39)),
)
def test_counts_add_up_and_are_never_negative_whatever_the_timestamps(
    logs: list[list[int | None]], gaps: set[int]
) -> None:
    cluster = _cluster(*logs)
    ranges = _ranges(cluster)
    for log in cluster.logs.values():
        log[:] = [record for record in log if record.offset not in gaps]
    total = sum((each.end or 0) - each.start for each in ranges)
    for found in asyncio.run(_all(cluster, ranges)):
        assert found.earlier + sum(found.counts) + found.later == total
        assert all(n >= 0 for n in (found.earlier, *found.counts, found.later))
        assert all(a < b for a, b in pairwise(found.borders))
        assert len(found.borders) <= BINS + 1


@pytest.mark.parametrize("seed", range(10))
def test_counts_add_up_even_if_the_log_changes_meanwhile(aio: LoopRunner, seed: int) -> None:
    chance = random.Random(seed)

    class Changing(FakeCluster):
        async def list_offsets(
            self,
            wanted: Mapping[TopicPartition, OffsetSpec],
            isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        ) -> dict[TopicPartition, int | Failure | None]:
            return {source: chance.choice((None, *range(110))) for source in wanted}

    cluster = Changing()
    cluster.add_topic("t")
    for n in range(100):
        cluster.add("t", b"v", timestamp=NOW - 60_000 + 600 * n)
    for found in aio.run(_all(cluster, end=NOW)):
        assert found.earlier + sum(found.counts) + found.later == 100
        assert all(n >= 0 for n in (found.earlier, *found.counts, found.later))


def test_a_record_is_no_older_than_those_before_it(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR, NOW - MINUTE, NOW - 30 * MINUTE, NOW])
    assert _bins(aio.run(_all(cluster))[-1]) == {NOW - HOUR: 1, NOW - MINUTE: 2, NOW: 1}


def test_the_newest_record_may_be_far_from_the_end(aio: LoopRunner) -> None:
    up = [NOW - 10 * HOUR + n * MINUTE for n in range(300)]
    found = aio.run(_all(_cluster(up + up[::-1])))[-1]
    assert (found.earlier, found.later) == (0, 0)
    assert up[-1] < found.borders[-1] <= NOW


def test_one_record_of_the_far_future_takes_only_those_behind_it_along(aio: LoopRunner) -> None:
    times: list[int | None] = [NOW - HOUR + n * MINUTE for n in range(60)]
    found = aio.run(_all(_cluster([*times, 10**15, NOW, NOW], times)))[-1]
    assert sum(found.counts) == 120
    assert found.later == 3
    assert found.borders[-1] <= NOW + MINUTE


def test_a_topic_that_is_all_in_the_future_is_shown_all_the_same(aio: LoopRunner) -> None:
    found = aio.run(_all(_cluster([2**63 - 1 - n for n in range(5, 0, -1)])))[-1]
    assert sum(found.counts) == 5
    assert found.later == 0


def test_records_without_a_timestamp_are_earlier_than_all_others(aio: LoopRunner) -> None:
    found = aio.run(_all(_cluster([None, -7, 0, NOW - HOUR, NOW])))[-1]
    assert found.earlier == 3
    assert found.borders[0] == NOW - HOUR
    assert sum(found.counts) == 2


def test_a_record_without_a_timestamp_does_not_tell_where_time_begins(aio: LoopRunner) -> None:
    class Compacting(FakeCluster):
        async def list_offsets(
            self,
            wanted: Mapping[TopicPartition, OffsetSpec],
            isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        ) -> dict[TopicPartition, int | Failure | None]:
            found = await super().list_offsets(wanted, isolation)
            log = self.logs[TopicPartition("t", 0)]
            log[:] = [record for record in log if record.offset]
            return found

    cluster = Compacting()
    cluster.add_topic("t")
    for ms in (NOW - HOUR, None, -1, NOW - MINUTE, NOW):
        cluster.add("t", b"v", timestamp=ms)
    found = aio.run(_all(cluster))[-1]
    assert found.borders[0] == NOW - MINUTE


@pytest.mark.parametrize(("times", "earlier"), [([], 0), ([None, None, -1], 3)])
def test_without_any_time_there_are_no_bins(aio: LoopRunner, times: list[int | None], earlier: int) -> None:
    (found,) = aio.run(_all(_cluster(times)))
    assert found == Histogram((), (), earlier, 0, True, ())


def test_ends_of_partitions_may_have_no_records(aio: LoopRunner) -> None:
    """Such as those of a long transaction that was aborted, for a reader of committed records."""
    cluster = _cluster([NOW - HOUR + n * 1000 for n in range(3600)])
    ranges = _ranges(cluster)
    log = cluster.logs[TopicPartition("t", 0)]
    log[:] = [record for record in log if 500 <= record.offset < 2000]
    found = aio.run(_all(cluster, ranges))[-1]
    assert found.borders[0] <= NOW - HOUR + 500_000 < found.borders[1]
    assert (found.earlier, sum(found.counts)) == (500, 3100)


def test_only_the_range_counts(aio: LoopRunner) -> None:
    source = TopicPartition("t", 0)
    cluster = _cluster([NOW - HOUR + n * MINUTE for n in range(60)])
    found = aio.run(_all(cluster, [OffsetRange(source, 10, 20)]))[-1]
    assert sum(found.counts) == 10
    assert found.borders[0] == NOW - 50 * MINUTE
    assert NOW - 41 * MINUTE < found.borders[-1] <= NOW - 40 * MINUTE


def test_a_span_that_is_given_is_not_looked_for(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR + n * MINUTE for n in range(60)])
    found = aio.run(_all(cluster, start=NOW - 30 * MINUTE, end=NOW - 15 * MINUTE))[-1]
    assert (found.borders[0], found.borders[-1]) == (NOW - 30 * MINUTE, NOW - 15 * MINUTE)
    assert (found.earlier, sum(found.counts), found.later) == (30, 15, 15)


def test_the_range_of_some_bins_holds_what_they_counted(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR + n * 977 for n in range(3600)], [NOW - HOUR + n * n for n in range(1500)][::-1])
    found = aio.run(_all(cluster))[-1]
    places = AtTime(found.borders[10]), AtTime(found.borders[25])
    part = aio.run(resolve(cluster, list(cluster.logs), *places, READ, NOW))
    assert sum((each.end or 0) - each.start for each in part.ranges) == sum(found.counts[10:25]) > 0


def test_a_partition_that_fails_is_left_out_and_told(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - MINUTE, NOW], [NOW - MINUTE, NOW])
    broken = cluster.broken[TopicPartition("t", 1)] = Failure(FailureKind.UNREACHABLE, "No leader.")
    found = aio.run(_all(cluster))[-1]
    assert sum(found.counts) == 2
    assert [(each.source.partition, each.failure) for each in found.troubles] == [(1, broken)]


def test_a_partition_that_fails_on_the_way_is_left_out_from_then_on(aio: LoopRunner) -> None:
    cluster = _cluster(*[[NOW - HOUR + n * MINUTE for n in range(60)]] * 2)

    async def look() -> list[Histogram]:
        shown = []
        async for found in histograms(cluster, _ranges(cluster), READ, UTC, NOW):
            shown.append(found)
            cluster.broken[TopicPartition("t", 1)] = Failure(FailureKind.UNREACHABLE, "No leader.")
        return shown

    first, *_, last = aio.run(look())
    assert (sum(first.counts), sum(last.counts)) == (120, 60)
    assert len(last.troubles) == 1
    assert last.complete


def test_what_fails_as_a_whole_is_raised(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR, NOW])
    cluster.failures["list_offsets"] = Failure(FailureKind.TIMEOUT, "No answer.")
    with pytest.raises(Failure, match="No answer"):
        aio.run(_all(cluster))


def test_a_failure_leaves_nothing_running(aio: LoopRunner) -> None:
    class Failing(FakeCluster):
        asked = 0

        async def list_offsets(
            self,
            wanted: Mapping[TopicPartition, OffsetSpec],
            isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        ) -> dict[TopicPartition, int | Failure | None]:
            self.asked += 1
            if self.asked == 10:
                raise Failure(FailureKind.TIMEOUT, "No answer.")
            return await super().list_offsets(wanted, isolation)

    cluster = Failing()
    cluster.add_topic("t")
    for n in range(1000):
        cluster.add("t", b"v", timestamp=NOW - 60_000 + 60 * n)
    cluster.delay = 0.01

    async def look() -> None:
        before = asyncio.all_tasks()
        with pytest.raises(Failure):
            await _all(cluster)
        assert asyncio.all_tasks() == before

    aio.run(look())


def test_cancelling_leaves_nothing_running(aio: LoopRunner) -> None:
    cluster = _cluster([NOW - HOUR + n * 1000 for n in range(3600)])
    ask = cluster.list_offsets

    async def halting(wanted: Mapping[TopicPartition, OffsetSpec], isolation: IsolationLevel) -> object:
        if cluster.calls.count("list_offsets") == 7:
            await asyncio.Event().wait()
        return await ask(wanted, isolation)

    cluster.list_offsets = halting  # type: ignore[assignment, method-assign]

    async def look() -> None:
        before = asyncio.all_tasks()
        task = asyncio.ensure_future(_all(cluster))
        await until(lambda: cluster.calls.count("list_offsets") == 7)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert asyncio.all_tasks() == before

    aio.run(look())


@pytest.mark.parametrize(
    ("first", "span", "zone", "step"),
    [
        (NOW + 3, 40, UTC, 1),
        (NOW + 3, 50 * 1000, UTC, 1000),
        (NOW + 3, HOUR, UTC, MINUTE),
        (NOW + 3, 12 * HOUR, timezone(timedelta(hours=5, minutes=45)), 15 * MINUTE),
        (NOW + 3, 6 * DAY, BERLIN, 3 * HOUR),
        (NOW + 3, 40 * DAY, BERLIN, DAY),
        (NOW + 3, 300 * DAY, UTC, 7 * DAY),
        (0, NOW, UTC, 364 * DAY),
    ],
)
def test_bins_begin_at_round_times(first: int, span: int, zone: tzinfo, step: int) -> None:
    borders = round_borders(first, first + span, zone, BINS)
    assert borders[0] <= first < borders[1]
    assert borders[-2] <= first + span < borders[-1]
    assert {b - a for a, b in pairwise(borders)} == {step}
    clock = datetime.fromtimestamp(borders[0] / 1000, zone)
    if step <= DAY:
        assert (clock.hour * HOUR + clock.minute * MINUTE + clock.second * 1000) % max(step, 1000) == 0
    if step == 7 * DAY:
        assert (clock.strftime("%A"), clock.hour) == ("Monday", 0)


def test_days_are_those_of_the_zone_when_clocks_are_changed() -> None:
    first = int(datetime(2026, 10, 20, 12, tzinfo=BERLIN).timestamp() * 1000)
    borders = round_borders(first, first + 20 * DAY, BERLIN, 30)
    assert all(datetime.fromtimestamp(each / 1000, BERLIN).hour == 0 for each in borders)
    assert {b - a for a, b in pairwise(borders)} == {DAY, DAY + HOUR}


@given(first=st.integers(-(2**62), 2**62), span=st.integers(0, 2**62), most=st.integers(2, 100))
def test_there_are_never_more_bins_than_wanted(first: int, span: int, most: int) -> None:
    borders = round_borders(first, first + span, BERLIN, most)
    assert borders[0] <= first
    assert first + span < borders[-1]
    assert 1 <= len(borders) - 1 <= most


def test_the_histogram_of_a_real_topic(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Three partitions with a record a second, one with many at one time, one empty; the newest records are counted
    where their times are."""
    direct.create(broker.bootstrap, topic_name, 5)
    begin = direct.NOW // MINUTE * MINUTE - HOUR
    records = [Sent(n % 3, b"k", b"v", timestamp=begin + n * 1000) for n in range(1800)]
    records += [Sent(3, b"k", b"v", timestamp=begin + 40 * MINUTE + 30_000) for _ in range(500)]
    records += [Sent(0, b"k", b"v", timestamp=begin + HOUR - 1)]
    direct.produce(broker.bootstrap, topic_name, records)
    sources = [TopicPartition(topic_name, p) for p in range(5)]

    async def look() -> list[Histogram]:
        async with direct.connected(broker.bootstrap) as cluster:
            ranges, _ = await whole(cluster, sources, READ)
            return [found async for found in histograms(cluster, ranges, READ, UTC, direct.NOW)]

    shown = aio.run(look())
    assert all(sum(found.counts) == 2301 for found in shown)
    wanted = {begin + n * MINUTE: 60 for n in range(30)}
    assert _bins(shown[-1]) == wanted | {begin + 40 * MINUTE: 500, begin + 59 * MINUTE: 1}
    assert shown[-1].troubles == ()


@pytest.mark.kafka
def test_transactions_of_a_real_topic(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    """Aborted records and markers at both ends are no records for a reader of committed ones, and yet offsets."""
    direct.create(broker.bootstrap, topic_name)
    writer = direct.producer(broker.bootstrap, transactional_id=topic_name)
    writer.init_transactions(20)
    sent: list[list[Sent]] = []
    for count, commit in ((25, False), (10, True), (25, False)):
        writer.begin_transaction()
        time_of = int(time.time() * 1000)
        sent.append(direct.send(writer, topic_name, [Sent(0, b"k", b"v", timestamp=time_of)] * count))
        writer.commit_transaction(20) if commit else writer.abort_transaction(20)

    async def look(isolation: IsolationLevel) -> Histogram:
        async with direct.connected(broker.bootstrap) as cluster:
            source = TopicPartition(topic_name, 0)
            end = (await cluster.list_offsets({source: Edge.END}, isolation))[source]
            assert isinstance(end, int)
            asked = [OffsetRange(source, 0, end)]
            return [found async for found in histograms(cluster, asked, isolation, UTC, direct.NOW)][-1]

    found = aio.run(look(IsolationLevel.READ_COMMITTED))
    assert found.earlier + sum(found.counts) + found.later == 63
    assert found.borders[0] <= sent[1][0].timestamp < found.borders[1]
    assert found.earlier + found.counts[0] >= 25
    assert found.later == 0


def test_times_that_no_broker_can_be_asked_for_are_not_asked(aio: LoopRunner) -> None:
    asked: list[int] = []

    class Strict(FakeCluster):
        async def list_offsets(
            self,
            wanted: Mapping[TopicPartition, OffsetSpec],
            isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        ) -> dict[TopicPartition, int | Failure | None]:
            asked.extend(spec.ms for spec in wanted.values() if isinstance(spec, AtTime))
            return await super().list_offsets(wanted, isolation)

    cluster = Strict()
    cluster.add_topic("t")
    for ms in (1, 5 * DAY, 2**63 - 1):
        cluster.add("t", b"v", timestamp=ms)
    aio.run(_all(cluster, zone=timezone(timedelta(hours=14))))
    assert asked
    assert all(0 <= ms < 2**63 for ms in asked)
