"""A search over ranges of offsets: cut into pieces, scanned by workers, its matches pulled in batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from kexplorer.model.failure import Failure
from kexplorer.model.records import Batch, RecordColumns, Trouble
from kexplorer.model.search import Interval, Piece, PieceResult, SavedSearch, SearchQuery, Undecoded
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.coverage import Covered, Plan, missing
from kexplorer.services.crew import Crew, Outcome, Scanning
from kexplorer.store.scans import ScanStore, Step

log = logging.getLogger(__name__)

_WAIT = 0.1  # seconds after which a pull of a paused search returns
_STRIKES = 2  # pieces of a partition that fail one after the other; then the rest of it is not tried
_NEAR = 1000  # offsets between matches that are worth reading over when they are read again


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` of the offsets was looked at. `records` and `nbytes` were scanned, `matches` delivered. `rate` is in
    records a second, over the time that the search ran; `left` seconds are needed for the rest, None while unknown."""

    fraction: float
    records: int
    nbytes: int
    matches: int
    seconds: float
    rate: float
    left: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was scanned, what was not, and why. `complete`: every offset of every range was looked at, none had gone,
    and every record could be decoded that had to be. `enough`: it ended because `query.limit` matches were found."""

    progress: Progress
    coverage: tuple[Covered, ...]
    troubles: tuple[Trouble, ...]
    complete: bool
    enough: bool
    undecoded: Undecoded | None = None

    def lines(self) -> Iterator[str]:
        """For a person."""
        p = self.progress
        matches = f"{p.matches:,} match{'' if p.matches == 1 else 'es'}"
        whole = self.complete or (self.undecoded and p.fraction == 1 and not self.troubles)
        state = "everything was scanned" if whole else f"{p.fraction:.1%} of the offsets were scanned"
        if self.enough:
            state = f"ended at the limit, {state}"
        yield f"{matches} in {p.records:,} records, {p.nbytes / 1e6:,.1f} MB, {p.seconds:.1f} s: {state}."
        for covered in self.coverage:
            source, gaps = covered.range.source, missing(covered)
            if gaps:
                offsets = ", ".join(f"{start} to {end - 1}" for start, end in gaps)
                yield f"Not scanned: {source.topic}, partition {source.partition}, offsets {offsets}."
        if self.undecoded:
            yield _words(self.undecoded)
        yield from (str(trouble.failure) for trouble in self.troubles)


def _words(undecoded: Undecoded) -> str:
    records, source = undecoded.records, undecoded.source
    place = f"{source.topic}, partition {source.partition}, offset {undecoded.offset}"
    many = f"{records:,} records" if records > 1 else "1 record"
    return f"{many} could not be decoded, so nobody knows whether they match. First {place}: {undecoded.why}."


class Search:
    """Owns one search and its workers, until `close`. `next_batch` is pulled: what is not asked for is not scanned, but
    for the pieces that workers have already. `open_executor` starts `workers` of them and may take its time. `known`
    are troubles that came with the ranges. With a `store` a search that was not ended can be taken up again: `saved` is
    what `begun` or `ScanStore.load` returned, and `query` is its query."""

    def __init__(
        self,
        query: SearchQuery,
        scan: Scanning,
        open_executor: Callable[[], Executor],
        workers: int = 2,
        *,
        known: Iterable[Trouble] = (),
        store: ScanStore | None = None,
        saved: SavedSearch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.query = query
        self.troubles = list(known)
        self.undecoded = saved.undecoded if saved else None
        self._plan = Plan(query.ranges, query.newest_first, workers, saved.done if saved else {})
        self._crew = Crew(scan, open_executor, workers)
        self._kept = (store, saved.id) if store and saved else None
        self._again = deque(_to_read_again(saved.found, query.newest_first) if saved else ())
        self._reading_again: set[Piece] = set()
        self._before = (saved.records, saved.nbytes) if saved else (0, 0)  # scanned when it was interrupted
        self._records, self._nbytes = self._before
        self._offsets = 0  # looked at since then
        self._matches = 0
        self._strikes: dict[TopicPartition, int] = {}
        self._unsaved: dict[TopicPartition, list[int]] = {}  # offsets of matches
        self._saving: asyncio.Future[None] | None = None
        self._ready: deque[RecordColumns] = deque()
        self._news: list[Trouble] = []
        self.paused = False
        self._ended = False
        self._clock, self._since, self._ran = clock, clock(), 0.0

    def pause(self) -> None:
        """Workers end the pieces that they have and get no more."""
        self._stop_clock()
        self.paused = True

    def resume(self) -> None:
        self._since = self._clock()
        self.paused = False

    async def next_batch(self) -> Batch | None:
        """The next matches of one piece, and what went wrong meanwhile; at the latest after about 0.1 s (then the batch
        may be empty). None once all is done. A call that is cancelled loses nothing."""
        if self._ended:
            return None
        if not self._ready and not self._reached_limit:
            for outcome in await self._crew.step(self._next_piece):
                self._settle(outcome)
        await self._save()
        troubles, self._news = tuple(self._news), []
        if self._ready:
            return Batch(self._within_limit(self._ready.popleft()), troubles)
        if self._reached_limit or (not self._crew.busy and not self._again and not self._plan.left):
            await self.close()
            return Batch(RecordColumns(), troubles) if troubles else None
        if self.paused and not self._crew.busy:
            await asyncio.sleep(_WAIT)
        return Batch(RecordColumns(), troubles)

    async def close(self) -> None:
        """Ends the workers at once; what they have not brought counts as not scanned. A search that is complete is
        forgotten by the store, all others can be taken up again."""
        if self._ended:
            return
        self._stop_clock()
        self._ended = True
        await self._crew.close()
        await self._save()
        if self._kept and (self._complete or self._reached_limit):
            try:
                await self._kept[0].forget(self._kept[1])
            except Failure as failure:
                log.warning("%s", failure)

    def progress(self) -> Progress:
        covered = self._plan.coverage()
        offsets, scanned = sum(each.offsets for each in covered), sum(each.scanned for each in covered)
        seconds = self._seconds
        rate = (self._records - self._before[0]) / seconds if seconds else 0.0
        speed = self._offsets / seconds if seconds else 0.0
        left = (offsets - scanned) / speed if speed and not self._ended else None
        fraction = scanned / offsets if offsets else 1.0
        return Progress(fraction, self._records, self._nbytes, self._matches, seconds, rate, left)

    def coverage(self) -> tuple[Covered, ...]:
        return self._plan.coverage()

    def report(self) -> Report:
        complete = self._complete and not self.troubles and not self.undecoded
        troubles = tuple(self.troubles)
        return Report(self.progress(), self.coverage(), troubles, complete, self._reached_limit, self.undecoded)

    @property
    def _complete(self) -> bool:
        read_again = not self._again and not self._reading_again
        return read_again and all(each.scanned == each.offsets for each in self.coverage())

    @property
    def _reached_limit(self) -> bool:
        return self.query.limit is not None and self._matches >= self.query.limit

    @property
    def _seconds(self) -> float:
        running = not self.paused and not self._ended
        return self._ran + (self._clock() - self._since if running else 0.0)

    def _stop_clock(self) -> None:
        self._ran = self._seconds
        self._since = self._clock()

    def _next_piece(self) -> Piece | None:
        if self.paused or self._reached_limit:
            return None
        if self._again:
            piece = self._again.popleft()
            self._reading_again.add(piece)
            return piece
        return self._plan.next_piece()

    def _settle(self, outcome: Outcome) -> None:
        piece, result = outcome.piece, outcome.result
        again = piece in self._reading_again
        self._reading_again.discard(piece)
        if isinstance(result, Failure):
            self._fail(piece, piece.range.start, result, again)
            return
        self._tell(result.troubles)
        if result.undecoded and not again:  # what is read again was counted before
            first = self.undecoded or replace(result.undecoded, records=0)
            self.undecoded = replace(first, records=first.records + result.undecoded.records)
        rest = (result.reached, piece.range.end or 0)
        if not again:
            self._count(result)
            self._plan.learn(result.reached - piece.range.start, outcome.seconds)
        if len(result.matches):
            self._ready.append(result.matches)
        if result.done:
            self._strikes.pop(piece.range.source, None)
        elif any(trouble.offset == result.reached for trouble in result.troubles):
            self._strike(piece.range.source, again)
        elif again:
            self._again.appendleft(Piece(OffsetRange(piece.range.source, *rest)))
        else:
            self._plan.put_back(piece.range.source, rest)

    def _count(self, result: PieceResult) -> None:
        source, start = result.piece.range.source, result.piece.range.start
        self._plan.mark(source, (start, result.reached))
        self._records += result.records
        self._nbytes += result.nbytes
        self._offsets += result.reached - start
        if self._kept:
            self._unsaved.setdefault(source, []).extend(offset for _, _, offset in result.matches.positions())

    def _fail(self, piece: Piece, offset: int, failure: Failure, again: bool) -> None:
        self._tell([Trouble(piece.range.source, failure, offset)])
        self._strike(piece.range.source, again)

    def _strike(self, source: TopicPartition, again: bool) -> None:
        """What stops one piece after the other would stop all of them, each after its time limit."""
        self._strikes[source] = self._strikes.get(source, 0) + 1
        if self._strikes[source] >= _STRIKES and not again:
            self._plan.drop(source)

    def _tell(self, troubles: Sequence[Trouble]) -> None:
        self.troubles += troubles
        self._news += troubles

    def _within_limit(self, matches: RecordColumns) -> RecordColumns:
        limit = self.query.limit
        if limit is not None and self._matches + len(matches) > limit:
            matches = matches.select(range(limit - self._matches))
            self._ready.clear()
        self._matches += len(matches)
        return matches

    async def _save(self) -> None:
        """Before the matches are handed on: none is lost by an interruption between the two."""
        while self._kept and (self._saving or self._unsaved):
            if self._saving is None:
                store, number = self._kept
                steps = [Step(source, self._plan.done(source), found) for source, found in self._unsaved.items()]
                adding = store.add(number, steps, self._records, self._nbytes, self.undecoded)
                self._saving = asyncio.ensure_future(adding)
                self._unsaved = {}
            try:
                await asyncio.shield(self._saving)
            except Failure as failure:
                self._kept = None
                log.warning("%s", failure)
            self._saving = None
        self._unsaved.clear()


async def begun(store: ScanStore, profile: str, query: SearchQuery) -> SavedSearch:
    """A new search that can be taken up again."""
    return SavedSearch(await store.begin(profile, query), profile, query)


def _to_read_again(found: Mapping[TopicPartition, Sequence[int]], newest_first: bool) -> Iterator[Piece]:
    """What was found before an interruption was kept by its offset alone; matches that are near each other are read in
    one go."""
    for source, offsets in found.items():
        runs: list[Interval] = []
        for offset in offsets:
            if runs and offset - runs[-1][1] < _NEAR:
                runs[-1] = (runs[-1][0], offset + 1)
            else:
                runs.append((offset, offset + 1))
        yield from (Piece(OffsetRange(source, *run)) for run in (reversed(runs) if newest_first else runs))
