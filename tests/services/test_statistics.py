"""A topic is counted piece by piece, whole or in a sample, and what could not be read is told."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import RecordColumns, Trouble
from kexplorer.model.search import Piece
from kexplorer.model.statistics import PieceStatistics, Statistics
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.statistics import Counting
from tests.rig.loops import LoopRunner

FIRST, SECOND = TopicPartition("orders", 0), TopicPartition("orders", 1)


class _Scan:
    """Every offset has a record, of a hundred bytes. `most`: how far a piece comes; `broken` cannot be read."""

    def __init__(self, most: int = 1 << 30, broken: TopicPartition | None = None) -> None:
        self.most, self.broken = most, broken
        self.seen: list[tuple[TopicPartition, int, int]] = []

    def __call__(self, piece: Piece) -> PieceStatistics:
        source, start = piece.range.source, piece.range.start
        if source == self.broken:
            raise Failure(FailureKind.UNREACHABLE, "The broker is away.")
        reached = min(piece.range.end or 0, start + self.most)
        self.seen.append((source, start, reached))
        found = Statistics(records=reached - start)
        found.values.add({100: reached - start})
        return PieceStatistics(piece, reached, found.records, found.nbytes, RecordColumns(), statistics=found)


def _executor() -> Executor:
    return ThreadPoolExecutor(2)


async def _counted(counting: Counting) -> Counting:
    while await counting.step():
        pass
    return counting


def test_all_of_it_is_counted_once(aio: LoopRunner) -> None:
    scan = _Scan(most=700)
    ranges = [OffsetRange(FIRST, 10, 5010), OffsetRange(SECOND, 0, 300)]
    done = aio.run(_counted(Counting(ranges, scan, _executor)))
    assert done.whole.records == 5300
    assert {source: part.records for source, part in done.parts.items()} == {FIRST: 5000, SECOND: 300}
    assert done.extent().complete
    assert done.extent().fraction == 1
    assert not done.troubles


def test_a_sample_is_spread_from_the_first_offset_to_the_last(aio: LoopRunner) -> None:
    scan = _Scan()
    ranges = [OffsetRange(FIRST, 0, 900_000), OffsetRange(SECOND, 50, 100_050)]
    done = aio.run(_counted(Counting(ranges, scan, _executor, sample=10_000)))
    assert abs(done.whole.records - 10_000) < 200
    assert abs(done.parts[FIRST].records - 9 * done.parts[SECOND].records) < 300
    places = sorted((start, end) for source, start, end in scan.seen if source == FIRST)
    assert places[0][0] == 0
    assert places[-1][1] == 900_000
    gaps = [after[0] - before[1] for before, after in pairwise(places)]
    assert max(gaps) - min(gaps) < 100
    assert not done.extent().complete
    assert done.extent().fraction == 1


def test_a_sample_of_a_small_topic_is_all_of_it(aio: LoopRunner) -> None:
    done = aio.run(_counted(Counting([OffsetRange(FIRST, 0, 5000)], _Scan(), _executor, sample=10_000)))
    assert done.extent().complete
    assert done.whole.records == 5000


def test_what_cannot_be_read_is_told_and_the_rest_counted(aio: LoopRunner) -> None:
    ranges = [OffsetRange(FIRST, 0, 9000), OffsetRange(SECOND, 0, 9000)]
    known = Trouble(FIRST, Failure(FailureKind.NOT_FOUND, "Some are gone."))
    done = aio.run(_counted(Counting(ranges, _Scan(broken=SECOND), _executor, known=[known])))
    assert done.whole.records == 9000
    assert not done.extent().complete
    assert [trouble.source for trouble in done.troubles] == [FIRST, SECOND, SECOND]


def test_ending_it_keeps_what_was_counted(aio: LoopRunner) -> None:
    async def work() -> Counting:
        counting = Counting([OffsetRange(FIRST, 0, 100_000_000)], _Scan(most=1000), _executor)
        while not counting.whole.records:
            await counting.step()
        await counting.close()
        assert not await counting.step()
        return counting

    done = aio.run(work())
    assert 0 < done.whole.records < 100_000_000
    assert 0 < done.extent().fraction < 1
