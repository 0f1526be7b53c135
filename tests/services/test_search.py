"""Every record is looked at exactly once, whatever the pieces are and whatever happens to workers."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Batch, RecordColumns, TimestampType, Trouble
from kexplorer.model.search import FilterSpec, Piece, PieceResult, SearchQuery, Undecoded
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services import coverage, crew, search
from kexplorer.services.search import Search, begun
from kexplorer.store.scans import ScanStore
from tests.rig.loops import LoopRunner

SPEC = FilterSpec("x")
Position = tuple[int, int]  # partition, offset


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "FIRST", 5)
    monkeypatch.setattr(coverage, "LARGEST", 40)
    monkeypatch.setattr(coverage, "_TAIL", 3)
    monkeypatch.setattr(crew, "_WAIT", 0.01)


@dataclass
class Log:
    """Scans a topic in memory in which every second offset is a gap and every `every`th record matches. `before` may
    raise or wait; at most `most` offsets are scanned at a time."""

    every: int = 3
    newest_first: bool = False
    most: int = 1 << 30
    before: Callable[[Piece], object] = lambda piece: None
    seen: Counter[Position] = field(default_factory=Counter)
    scanned: list[Piece] = field(default_factory=list)

    def __call__(self, piece: Piece) -> PieceResult:
        self.before(piece)
        self.scanned.append(piece)
        source, start, end = piece.range.source, piece.range.start, piece.range.end or 0
        reached = min(end, start + self.most)
        offsets = [n for n in range(start, reached) if n % 2 == 0]
        self.seen.update((source.partition, n) for n in offsets)
        matches = RecordColumns()
        for n in offsets:
            if self.matches(n):
                matches.append(source, n, n, TimestampType.CREATE_TIME, None, b"x", ())
        if self.newest_first:
            matches = matches.select(range(len(matches) - 1, -1, -1))
        return PieceResult(piece, reached, len(offsets), 10 * len(offsets), matches)

    def matches(self, offset: int) -> bool:
        return offset % 2 == 0 and offset // 2 % self.every == 0

    def expected(self, query: SearchQuery) -> Counter[Position]:
        return Counter(p for p in _positions(query) if self.matches(p[1]))


def _positions(query: SearchQuery) -> Iterator[Position]:
    for each in query.ranges:
        yield from ((each.source.partition, n) for n in range(each.start, each.end or 0) if n % 2 == 0)


def _query(*bounds: tuple[int, int], newest_first: bool = True, limit: int | None = None) -> SearchQuery:
    ranges = tuple(OffsetRange(TopicPartition("t", p), start, end) for p, (start, end) in enumerate(bounds))
    return SearchQuery(ranges, SPEC, 0, newest_first=newest_first, limit=limit)


async def _drain(found: Search, most: int = 1 << 30) -> list[Position]:
    positions: list[Position] = []
    while len(positions) < most and (batch := await found.next_batch()) is not None:
        positions += [(record.partition, record.offset) for record in batch.records]
    return positions


def _threads() -> Executor:
    return ThreadPoolExecutor(2)


def _whole(aio: LoopRunner, found: Search) -> list[Position]:
    async def run() -> list[Position]:
        try:
            return await _drain(found)
        finally:
            await found.close()

    return aio.run(run())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bounds=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200)).map(lambda b: (b[0], b[0] + b[1])), max_size=4),
    newest_first=st.booleans(),
    most=st.integers(1, 60),
    workers=st.integers(1, 4),
    every=st.integers(1, 5),
)
def test_each_record_once(
    aio: LoopRunner, bounds: list[tuple[int, int]], newest_first: bool, most: int, workers: int, every: int
) -> None:
    query = _query(*bounds, newest_first=newest_first)
    log = Log(every, newest_first, most)
    found = Search(query, log, _threads, workers)
    assert Counter(_whole(aio, found)) == log.expected(query)
    assert log.seen == Counter(_positions(query))
    report = found.report()
    assert report.complete
    assert report.progress.fraction == 1
    assert report.progress.records == log.seen.total()
    assert [c.done for c in report.coverage if c.offsets] == [((s, e),) for s, e in bounds if s < e]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_order_within_a_partition(aio: LoopRunner, newest_first: bool) -> None:
    log = Log(newest_first=newest_first)
    found = _whole(aio, Search(_query((0, 500), newest_first=newest_first), log, lambda: ThreadPoolExecutor(1), 1))
    assert found == sorted(found, reverse=newest_first)


def test_partitions_get_on_evenly(aio: LoopRunner) -> None:
    """A large partition does not wait for a small one, nor the other way round."""
    log = Log()
    found = Search(_query((0, 1000), (0, 100)), log, lambda: ThreadPoolExecutor(1), 1)
    _whole(aio, found)
    half = [piece.range.source.partition for piece in log.scanned if (piece.range.end or 0) <= 50]
    first_of_small = next(n for n, p in enumerate(log.scanned) if p.range.source.partition == 1)
    last_of_small = max(n for n, p in enumerate(log.scanned) if p.range.source.partition == 1)
    assert half
    assert first_of_small < 3
    assert last_of_small > len(log.scanned) // 2


def test_enough_is_enough(aio: LoopRunner) -> None:
    log = Log(every=1, newest_first=True)
    found = Search(_query((0, 100_000), limit=7), log, lambda: ThreadPoolExecutor(1), 1)
    positions = _whole(aio, found)
    assert positions == [(0, n) for n in range(99_998, 99_984, -2)]
    report = found.report()
    assert (report.enough, report.complete) == (True, False)
    assert log.seen.total() < 1000
    assert "ended at the limit" in next(iter(report.lines()))


def test_a_pause_gives_out_no_more(aio: LoopRunner) -> None:
    log = Log()
    query = _query((0, 2000))

    async def run() -> list[Position]:
        found = Search(query, log, _threads)
        positions = await _drain(found, 10)
        found.pause()
        for _ in range(20):
            batch = await found.next_batch()
            assert batch is not None
            positions += [(record.partition, record.offset) for record in batch.records]
        standing = len(log.scanned)
        seconds = found.progress().seconds
        for _ in range(3):
            assert len((await found.next_batch() or Batch(RecordColumns())).records) == 0
        assert len(log.scanned) == standing
        assert found.progress().seconds == seconds
        found.resume()
        positions += await _drain(found)
        await found.close()
        return positions

    assert Counter(aio.run(run())) == log.expected(query)


def test_a_cancelled_pull_loses_nothing(aio: LoopRunner, tmp_path: Path) -> None:
    log = Log(before=lambda piece: threading.Event().wait(0.002))
    query = _query((0, 3000), (0, 1000))

    async def run() -> list[Position]:
        store = ScanStore(tmp_path / "searches.db")
        found = Search(query, log, _threads, store=store, saved=await begun(store, "p", query))
        positions: list[Position] = []
        for wait in itertools.cycle((0.0005, 0.003, 0.02)):
            try:
                async with asyncio.timeout(wait):
                    batch = await found.next_batch()
            except TimeoutError:
                continue
            if batch is None:
                return positions
            positions += [(record.partition, record.offset) for record in batch.records]
        return positions

    assert Counter(aio.run(run(), 60)) == log.expected(query)
    assert log.seen == Counter(_positions(query))


def test_a_piece_that_fails_is_reported_and_the_rest_goes_on(aio: LoopRunner) -> None:
    def before(piece: Piece) -> None:
        if piece.range.source.partition == 0 and piece.range.start <= 50 < (piece.range.end or 0):
            raise Failure(FailureKind.UNREADABLE, "The batch is damaged.")

    query = _query((0, 100), (0, 100))
    log = Log(before=before)
    found = Search(query, log, _threads)
    positions = Counter(_whole(aio, found))
    report = found.report()
    (trouble,) = report.troubles
    assert trouble.source.partition == 0
    ((start, end),) = coverage.missing(report.coverage[0])
    assert start <= 50 < end
    assert positions == Counter({p: 1 for p in log.expected(query) if p[0] == 1 or not start <= p[1] < end})
    assert not report.complete
    text = "\n".join(report.lines())
    assert f"partition 0, offsets {start} to {end - 1}" in text
    assert "damaged" in text
    assert "everything was scanned" not in text


def test_a_partition_that_always_fails_is_given_up(aio: LoopRunner) -> None:
    """Each of its pieces would take its time limit."""
    tried: list[Piece] = []

    def before(piece: Piece) -> None:
        if piece.range.source.partition == 0:
            tried.append(piece)
            raise Failure(FailureKind.TIMEOUT, "No answer.")

    found = Search(_query((0, 10_000), (0, 100)), Log(before=before), _threads)
    _whole(aio, found)
    assert len(tried) <= 5
    first, second = found.report().coverage
    assert (first.fraction, second.fraction) == (0, 1)


def test_what_could_not_be_decoded_is_summed_up(aio: LoopRunner) -> None:
    """The first of them stands for all; such a search looked at everything and is not complete."""
    log = Log()

    def scan(piece: Piece) -> PieceResult:
        result = log(piece)
        return replace(result, undecoded=Undecoded(2, piece.range.source, piece.range.start, "schema 7 is not known"))

    found = Search(_query((0, 100), newest_first=False), scan, lambda: ThreadPoolExecutor(1))
    _whole(aio, found)
    report = found.report()
    assert report.undecoded == Undecoded(2 * len(log.scanned), TopicPartition("t", 0), 0, "schema 7 is not known")
    assert (report.complete, report.troubles, report.progress.fraction) == (False, (), 1)
    first, second = report.lines()
    assert first.endswith("everything was scanned.")
    assert second == (
        f"{2 * len(log.scanned)} records could not be decoded, so nobody knows whether they match. "
        "First t, partition 0, offset 0: schema 7 is not known."
    )


@pytest.mark.expect_log("scanning t, partition 0")
def test_whatever_a_worker_raises_is_the_trouble_of_its_piece(aio: LoopRunner) -> None:
    def before(piece: Piece) -> None:
        if piece.range.start == 0:
            raise ZeroDivisionError("oh")

    found = Search(_query((0, 100)), Log(before=before), _threads)
    _whole(aio, found)
    assert ["ZeroDivisionError: oh" in str(trouble.failure) for trouble in found.troubles] == [True]


def test_a_log_that_ends_too_early_is_not_scanned_twice(aio: LoopRunner) -> None:
    """A trouble that ended a piece where it was reached."""
    query = _query((0, 100))

    def scan(piece: Piece) -> PieceResult:
        reached = min(piece.range.end or 0, max(piece.range.start, 60))
        gone = Trouble(piece.range.source, Failure(FailureKind.NOT_FOUND, "It ends at 60."), reached)
        done = reached == piece.range.end
        return PieceResult(piece, reached, 0, 0, RecordColumns(), () if done else (gone,))

    found = Search(query, scan, _threads)
    _whole(aio, found)
    assert not found.report().complete
    assert 1 <= len(found.troubles) <= 3


class _Mortal(ThreadPoolExecutor):
    """Breaks, with all that is in it, when a piece with `victim` is submitted."""

    def __init__(self, victim: int, deaths: list[int]) -> None:
        super().__init__(2)
        self._victim, self._deaths = victim, deaths

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> Future[object]:  # type: ignore[override]
        (piece,) = (arg for arg in args if isinstance(arg, Piece))
        if piece.range.start <= self._victim < (piece.range.end or 0):
            self._deaths.append(1)
            future: Future[object] = Future()
            future.set_exception(BrokenExecutor("a process was terminated abruptly"))
            return future
        return super().submit(fn, *args, **kwargs)


def test_a_piece_that_kills_its_worker_is_found_out(aio: LoopRunner) -> None:
    query, log = _query((0, 200), (0, 40)), Log()
    deaths: list[int] = []
    found = Search(query, log, lambda: _Mortal(150, deaths))
    positions = Counter(_whole(aio, found))
    assert len(deaths) == 3
    (trouble,) = found.troubles
    ((start, end),) = coverage.missing(found.report().coverage[0])
    assert start <= 150 < end
    assert "died 3 times" in trouble.failure.message
    assert positions == Counter({p: 1 for p in log.expected(query) if p[0] == 1 or not start <= p[1] < end})


def test_an_executor_that_breaks_is_replaced(aio: LoopRunner) -> None:
    query, log = _query((0, 2000)), Log()
    opened: list[ThreadPoolExecutor] = []

    def open_executor() -> Executor:
        opened.append(ThreadPoolExecutor(2))
        return opened[-1]

    async def run() -> list[Position]:
        found = Search(query, log, open_executor)
        positions = await _drain(found, 10)
        opened[0].shutdown()
        positions += await _drain(found)
        await found.close()
        return positions

    assert Counter(aio.run(run())) == log.expected(query)
    assert len(opened) == 2


def test_it_ends_while_its_workers_start(aio: LoopRunner) -> None:
    gate = threading.Event()
    opened: list[ThreadPoolExecutor] = []

    def open_executor() -> Executor:
        gate.wait(10)
        opened.append(ThreadPoolExecutor(1))
        return opened[-1]

    async def run() -> None:
        found = Search(_query((0, 100)), Log(), open_executor)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await found.next_batch()
        asyncio.get_running_loop().call_later(0.05, gate.set)
        await found.close()
        with pytest.raises(RuntimeError):
            opened[0].submit(print)

    aio.run(run())


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("pulls", [0, 1, 5, 30])
def test_what_was_interrupted_is_taken_up_again(
    aio: LoopRunner, tmp_path: Path, pulls: int, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill: nothing is ended in order. All matches come, the old ones too, and no offset that was looked at
    is looked at again but for the matches."""
    query = _query((0, 3000), (100, 400), newest_first=newest_first)
    path = tmp_path / "searches.db"
    monkeypatch.setattr(search, "_NEAR", 1)
    first, second = Log(every=97), Log(every=97)

    async def before() -> int:
        store = ScanStore(path)
        saved = await begun(store, "p", query)
        found = Search(query, first, _threads, store=store, saved=saved)
        for _ in range(pulls):
            await found.next_batch()
        await found._crew.close()  # gone without a word
        return saved.id

    async def after(number: int) -> list[Position]:
        store = ScanStore(path)
        saved = await store.load(number)
        assert saved.query == query
        done = {(s.partition, n) for s, each in saved.done.items() for a, b in each for n in range(a, b)}
        found = Search(saved.query, second, _threads, store=store, saved=saved)
        assert found.progress().records == saved.records
        positions = await _drain(found)
        assert found.report().complete
        assert found.report().progress.records == len(list(_positions(query)))
        again = {p for p in second.seen if p in done}
        assert again == {p for p in done if second.matches(p[1])}
        with pytest.raises(Failure):
            await store.load(number)  # complete, so it is forgotten
        return positions

    number = aio.run(before())
    assert Counter(aio.run(after(number))) == first.expected(query)


@pytest.mark.expect_log("could not be used")
def test_a_search_goes_on_without_its_store(aio: LoopRunner, tmp_path: Path) -> None:
    query, log = _query((0, 300)), Log()

    async def run() -> list[Position]:
        store = ScanStore(tmp_path / "searches.db")
        saved = await begun(store, "p", query)
        store._database.path = tmp_path / "searches.db" / "not-a-directory"
        found = Search(query, log, _threads, store=store, saved=saved)
        positions = await _drain(found)
        assert found.report().complete
        return positions

    assert Counter(aio.run(run())) == log.expected(query)


def test_troubles_of_the_ranges_are_in_the_report(aio: LoopRunner) -> None:
    trouble = Trouble(TopicPartition("t", 9), Failure(FailureKind.UNREACHABLE, "Partition 9 has no leader."))
    found = Search(_query((0, 10)), Log(), _threads, known=[trouble])
    _whole(aio, found)
    assert not found.report().complete
    assert "Partition 9 has no leader." in list(found.report().lines())


def test_nothing_to_search_starts_nothing(aio: LoopRunner) -> None:
    def nobody() -> Executor:
        raise AssertionError

    assert _whole(aio, Search(_query((5, 5), (0, 0)), Log(), nobody)) == []
    assert _whole(aio, Search(_query(), Log(), nobody)) == []


def test_pieces_grow_to_what_a_worker_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "FIRST", 2_000)
    monkeypatch.setattr(coverage, "LARGEST", 500_000)
    plan = coverage.Plan([OffsetRange(TopicPartition("t", 0), 0, 1 << 40)], True, 2, {})
    sizes = []
    for _ in range(8):
        piece = plan.next_piece()
        assert piece is not None
        sizes.append(coverage.length(piece.range))
        plan.learn(sizes[-1], sizes[-1] / 200_000)  # seconds
    assert sizes[0] == 2_000
    assert sizes == sorted(sizes)
    assert sizes[-1] == 400_000  # two seconds


def test_workers_that_come_as_the_search_is_cancelled_are_ended(aio: LoopRunner) -> None:
    executor = ThreadPoolExecutor(1)
    piece = Piece(OffsetRange(TopicPartition("t", 0), 0, 10))

    async def cancel() -> None:
        searching = crew.Crew(Log(), lambda: executor, 1)
        step = asyncio.ensure_future(searching.step(lambda: piece))
        await asyncio.sleep(0)
        assert searching._opening is not None
        searching._opening.add_done_callback(lambda _: step.cancel())  # in the very turn in which they are there
        await asyncio.wait([step])
        assert step.cancelled()
        await searching.close()

    aio.run(cancel())
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(print)


def test_what_could_not_be_decoded_before_an_interruption_still_counts(aio: LoopRunner, tmp_path: Path) -> None:
    log, query = Log(every=50), _query((0, 3000))

    def scan(piece: Piece) -> PieceResult:
        result = log(piece)
        return replace(result, undecoded=Undecoded(result.records, piece.range.source, piece.range.start, "no schema"))

    async def run() -> Search:
        store = ScanStore(tmp_path / "searches.db")
        found = Search(query, scan, _threads, store=store, saved=await begun(store, "p", query))
        while not found.progress().records:
            await found.next_batch()
        assert found.undecoded
        assert found.undecoded.records < 1500
        await found._crew.close()  # gone without a word
        (unfinished,) = await store.unfinished("p")
        again = Search(query, scan, _threads, store=store, saved=await store.load(unfinished.id))
        await _drain(again)
        return again

    report = aio.run(run()).report()
    assert report.undecoded
    assert report.undecoded.records == report.progress.records == 1500  # every second offset has one
