"""What is aborted or held back is marked, and topics without transactions are not read twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.model.cluster import Reader
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Mark, RecordColumns
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, OffsetSpec, TopicPartition
from kexplorer.services import transactions
from kexplorer.services.transactions import Held, Marks, PageMarks
from tests.rig.loops import LoopRunner
from tests.rig.waiting import until
from tests.services.fake_cluster import FakeCluster

COMMITTED, UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


class Transactional(FakeCluster):
    """`aborted` records and those at `stable[partition]` or behind are for uncommitted readers alone. `reads`: the
    ranges and isolation of every reader. Fails a test that reads committed behind the last stable offset: a broker
    would have nothing to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted: set[tuple[TopicPartition, int]] = set()
        self.stable: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}  # where a marker is the last
        self.reads: list[tuple[IsolationLevel, list[tuple[int, int, int | None]]]] = []
        self.before_read: Callable[[IsolationLevel], None] = lambda _: None

    def write(self, offsets: Sequence[int], partition: int = 0, size: int = 1) -> None:
        """Records at these offsets; what lies between is gaps."""
        source = TopicPartition("t", partition)
        made = {r.offset: r for r in (self.add("t", bytes(size), partition=partition) for _ in range(offsets[-1] + 1))}
        self.logs[source] = [made[offset] for offset in offsets]

    def page(self, source: TopicPartition = P0, start: int = 0, end: int = 2**62) -> RecordColumns:
        return RecordColumns(r for r in self.logs[source] if start <= r.offset < end)

    async def list_offsets(
        self, wanted: Mapping[TopicPartition, OffsetSpec], isolation: IsolationLevel = UNCOMMITTED
    ) -> dict[TopicPartition, int | Failure | None]:
        found = await super().list_offsets(wanted, isolation)
        known = self.stable if isolation is COMMITTED else self.ends
        for source in known.keys() & wanted.keys():
            if wanted[source] is Edge.END and not isinstance(found[source], Failure):
                found[source] = known[source]
        return found

    @contextlib.asynccontextmanager
    async def open_reader(
        self, ranges: Sequence[OffsetRange], isolation: IsolationLevel = UNCOMMITTED
    ) -> AsyncIterator[Reader]:
        self.before_read(isolation)
        self.reads.append((isolation, [(r.source.partition, r.start, r.end) for r in ranges]))
        everything = dict(self.logs)
        if isolation is COMMITTED:
            for each in ranges:
                assert each.end is not None
                assert each.end <= self.stable.get(each.source, 2**62)
            self.logs |= {
                source: [r for r in log if (source, r.offset) not in self.aborted] for source, log in self.logs.items()
            }
        try:
            async with super().open_reader(ranges, isolation) as reader:
                yield reader
        finally:
            self.logs = everything


@pytest.fixture
def cluster() -> Transactional:
    made = Transactional()
    made.add_topic("t", 2)
    return made


def _marks(aio: LoopRunner, cluster: Transactional, records: RecordColumns) -> dict[int, Mark]:
    return {offset: mark for (_, offset), mark in aio.run(Marks(cluster).of(records)).items()}


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.tuples(st.sampled_from("wwwwca"), st.integers(0, 3)), min_size=1, max_size=80),
    pages=st.lists(st.tuples(st.integers(0, 80), st.integers(1, 30)), max_size=6),
)
def test_whatever_was_written_each_page_is_marked_rightly(
    events: list[tuple[str, int]], pages: list[tuple[int, int]]
) -> None:
    """Producer 0 writes without transactions; the others write, commit and abort."""
    cluster = Transactional()
    cluster.add_topic("t")
    under_way: dict[int, list[int]] = {}
    records: list[int] = []
    end = 0
    for what, producer in events:
        if what == "w" or producer == 0:
            records.append(end)
            if producer:
                under_way.setdefault(producer, []).append(end)
        elif producer in under_way:
            written = under_way.pop(producer)
            cluster.aborted |= {(P0, offset) for offset in written if what == "a"}
        else:
            continue
        end += 1
    cluster.write(records or [0])
    end = max(end, 1)
    cluster.stable[P0] = stable = min((offsets[0] for offsets in under_way.values()), default=end)
    cluster.ends[P0] = end
    marks = Marks(cluster)
    for start, size in [*pages, (max(end - 10, 0), 10), (0, end)]:
        page = cluster.page(P0, start, start + size)
        held = {r.offset: Mark.HELD for r in page if r.offset >= stable}
        aborted = {r.offset: Mark.ABORTED for r in page if r.offset < stable and (P0, r.offset) in cluster.aborted}
        found = asyncio.run(marks.of(page))
        assert {offset: mark for (_, offset), mark in found.items()} == held | aborted


def test_pages_back_from_the_end_of_a_log_without_gaps_are_not_read_again(
    aio: LoopRunner, cluster: Transactional
) -> None:
    cluster.write(range(1000))
    cluster.write(range(500), partition=1)
    marks = Marks(cluster)

    async def scroll() -> None:
        for end in range(1000, 0, -100):
            page = cluster.page(P0, end - 100, end)
            page.extend(cluster.page(P1, end // 2 - 50, end // 2))
            assert await marks.of(page) == {}

    aio.run(scroll())
    assert cluster.reads == []
    assert cluster.calls.count("list_offsets") == 2


def test_a_page_in_the_middle_of_an_aborted_transaction_has_no_gap_and_is_marked(
    aio: LoopRunner, cluster: Transactional
) -> None:
    """Its marker lies far behind: at offset 900."""
    cluster.write([*range(900), *range(901, 1000)])
    cluster.aborted = {(P0, offset) for offset in range(200, 900)}
    assert _marks(aio, cluster, cluster.page(P0, 300, 400)) == dict.fromkeys(range(300, 400), Mark.ABORTED)


def test_what_lies_behind_the_last_gap_is_not_read_again(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(10), *range(11, 100)])
    cluster.aborted = {(P0, 4), (P0, 7)}
    assert _marks(aio, cluster, cluster.page()) == {4: Mark.ABORTED, 7: Mark.ABORTED}
    assert cluster.reads == [(COMMITTED, [(0, 0, 10)]), (UNCOMMITTED, [(0, 0, 10)])]


def test_gaps_of_compaction_are_read_again_and_nothing_is_marked(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(0, 50, 5), *range(50, 60)])
    assert _marks(aio, cluster, cluster.page()) == {}
    assert [isolation for isolation, _ in cluster.reads] == [COMMITTED]


def test_an_open_transaction(aio: LoopRunner, cluster: Transactional) -> None:
    """What lies behind its first record waits as well, whoever wrote it; a marker is at offset 20."""
    cluster.write([*range(20), *range(21, 40)])
    cluster.aborted = {(P0, 3)}
    cluster.stable[P0] = 30
    assert _marks(aio, cluster, cluster.page()) == {3: Mark.ABORTED, **dict.fromkeys(range(30, 40), Mark.HELD)}


def test_a_marker_behind_the_last_stable_offset(aio: LoopRunner, cluster: Transactional) -> None:
    """One transaction is open from offset 30 on; another one that began before it was aborted behind that, at 45."""
    cluster.write([*range(45), *range(46, 50)])
    cluster.aborted = {(P0, 25), (P0, 28)}
    cluster.stable[P0] = 30
    aborted = dict.fromkeys((25, 28), Mark.ABORTED)
    assert _marks(aio, cluster, cluster.page(P0, 20, 30)) == aborted
    assert _marks(aio, cluster, cluster.page(P0, 20, 33)) == {**aborted, **dict.fromkeys((30, 31, 32), Mark.HELD)}


def test_a_transaction_that_begins_at_the_end_that_was_known(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write(range(10))
    marks = Marks(cluster)

    async def follow() -> None:
        assert await marks.of(cluster.page()) == {}
        cluster.stable[P0] = cluster.add("t", b"open").offset
        assert await marks.of(cluster.page(P0, 5)) == {(P0, 10): Mark.HELD}
        assert not await marks.moved()
        cluster.stable[P0] = cluster.add("t", b"behind the end of it").offset
        assert await marks.moved()

    aio.run(follow())
    assert cluster.reads == []


def test_records_that_are_removed_meanwhile_were_not_aborted(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(20), 30])
    cluster.aborted = {(P0, 15)}
    page = cluster.page()

    def remove(isolation: IsolationLevel) -> None:
        cluster.logs[P0] = [r for r in cluster.logs[P0] if r.offset >= 10]

    cluster.before_read = remove
    assert _marks(aio, cluster, page) == {15: Mark.ABORTED}


def test_what_cannot_be_read_has_no_mark(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(5), 9])
    cluster.write([*range(5), 9], partition=1)
    cluster.aborted = {(P0, 1), (P1, 1)}
    page = cluster.page()
    page.extend(cluster.page(P1))

    def break_one(isolation: IsolationLevel) -> None:
        cluster.broken[P1] = Failure(FailureKind.UNREACHABLE, "No leader.")

    cluster.before_read = break_one
    assert aio.run(Marks(cluster).of(page)) == {(P0, 1): Mark.ABORTED}


def test_matches_of_a_search_that_lie_far_apart_are_read_alone(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(900), 999], size=10_000)
    cluster.aborted = {(P0, 10), (P0, 11), (P0, 500)}
    matches = RecordColumns(cluster.logs[P0][offset] for offset in (10, 12, 500, 501, 800))
    assert _marks(aio, cluster, matches) == {10: Mark.ABORTED, 500: Mark.ABORTED}
    ranges = [each for isolation, each in cluster.reads if isolation is COMMITTED]
    assert ranges == [[(0, 10, 13)], [(0, 500, 502)], [(0, 800, 801)]]


def test_nothing_is_asked_for_nothing(aio: LoopRunner, cluster: Transactional) -> None:
    assert _marks(aio, cluster, RecordColumns()) == {}
    assert cluster.calls == []


class OnePage:
    def __init__(self, records: RecordColumns) -> None:
        self.records = records
        self.marks: dict[int, Mark] | None = None


def test_pages_are_marked_when_they_are_looked_at(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(30), 40])
    cluster.aborted = {(P0, 25)}
    told: list[int] = []

    async def look() -> None:
        marks = PageMarks(cluster, lambda: told.append(1))
        running = asyncio.get_running_loop().create_task(marks.run())
        seen, unseen = OnePage(cluster.page(P0, 20)), OnePage(cluster.page(P0, 0, 20))
        assert marks.of(seen, 5) is None
        await until(lambda: told)
        assert (marks.of(seen, 4), marks.of(seen, 5)) == (None, Mark.ABORTED)
        assert len(told) == 1
        assert unseen.marks is None
        reads = len(cluster.reads)
        assert marks.of(unseen, 0) is None
        await until(lambda: len(cluster.reads) == reads + 1 and unseen.marks is not None)
        assert marks.of(seen, 5) is Mark.ABORTED
        assert len(told) == 1  # nothing new to paint
        running.cancel()
        await asyncio.wait([running])

    aio.run(look())


def test_marks_of_a_transaction_that_ends_are_taken_back(
    aio: LoopRunner, cluster: Transactional, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "_AGAIN", 0.02)
    cluster.write(range(10))
    cluster.stable[P0] = 8

    async def look() -> None:
        marks = PageMarks(cluster, lambda: None)
        running = asyncio.get_running_loop().create_task(marks.run())
        page = OnePage(cluster.page())
        marks.of(page, 0)
        await until(lambda: marks.of(page, 9) is Mark.HELD)
        marker, _ = cluster.add("t", b""), cluster.add("t", b"")
        cluster.logs[P0].remove(marker)
        cluster.stable[P0] = 12
        cluster.aborted = {(P0, 8)}
        await until(lambda: marks.of(page, 9) is None)
        assert page.marks == {8: Mark.ABORTED}
        running.cancel()
        await asyncio.wait([running])

    aio.run(look())


def test_a_look_that_fails_is_made_again(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write([*range(10), 11])
    cluster.aborted = {(P0, 2)}

    async def look() -> None:
        marks = PageMarks(cluster, lambda: None)
        running = asyncio.get_running_loop().create_task(marks.run())
        page = OnePage(cluster.page())
        cluster.failures["list_offsets"] = Failure(FailureKind.UNREACHABLE, "No broker answers.")
        marks.of(page, 2)
        await until(lambda: "list_offsets" in cluster.calls)
        del cluster.failures["list_offsets"]
        await until(lambda: marks.of(page, 2) is Mark.ABORTED)
        running.cancel()
        await asyncio.wait([running])

    aio.run(look())


def test_who_is_held_and_since_when(aio: LoopRunner, cluster: Transactional) -> None:
    for n in range(2000):
        cluster.add("t", b"v", timestamp=1_700_000_000_000 + 1000 * n)
    cluster.write(range(10), partition=1)
    assert aio.run(transactions.held(cluster, [P0, P1])) == []
    assert cluster.reads == []
    cluster.stable[P0] = 1234
    (found,) = aio.run(transactions.held(cluster, [P0, P1]))
    assert found == Held(P0, 1234, 2000, 1_700_001_234_000)
    assert found.count == 766
    assert transactions.sentence([found], UTC) == (
        "An open transaction holds readers of committed records at offset 1,234 of partition 0 "
        "(log end offset 2,000), since 2023-11-14 22:33:54."
    )


def test_the_longest_wait_is_named_first(aio: LoopRunner, cluster: Transactional) -> None:
    found = [Held(P0, 5, 9, None), Held(P1, 7, 9, 1_700_000_000_000)]
    assert transactions.sentence(found, UTC) == (
        "An open transaction holds readers of committed records at offset 7 of partition 1 (log end offset 9), "
        "since 2023-11-14 22:13:20. 1 more partition is held."
    )
    assert transactions.sentence([], UTC) == ""


def test_a_record_that_arrives_while_one_asks_is_not_held(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write(range(10))
    asked = cluster.list_offsets

    async def ask(
        wanted: Mapping[TopicPartition, OffsetSpec], isolation: IsolationLevel = UNCOMMITTED
    ) -> dict[TopicPartition, int | Failure | None]:
        found = await asked(wanted, isolation)
        cluster.add("t", b"v")
        return found

    cluster.list_offsets = ask  # type: ignore[method-assign]
    assert aio.run(transactions.held(cluster, [P0])) == []


def test_a_partition_that_cannot_be_asked_is_left_out(aio: LoopRunner, cluster: Transactional) -> None:
    cluster.write(range(10))
    cluster.write(range(10), partition=1)
    cluster.stable = {P0: 5, P1: 5}
    cluster.broken[P1] = Failure(FailureKind.UNREACHABLE, "No leader.")
    assert [each.source for each in aio.run(transactions.held(cluster, [P0, P1]))] == [P0]
