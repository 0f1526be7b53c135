"""The latest state of every entity in some ranges: read by workers into buckets, then folded a bucket at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldSpec
from kexplorer.model.latest import PieceLatest
from kexplorer.model.records import Trouble
from kexplorer.model.topics import IsolationLevel, OffsetRange
from kexplorer.services.coverage import Plan, length
from kexplorer.services.crew import Crew, Outcome, Scanning
from kexplorer.services.settling import Settling
from kexplorer.store.daemon import in_daemon
from kexplorer.store.latest import LatestTable

__all__ = ["Gathered", "Gathering", "LatestQuery", "LatestTable", "OpenGathering"]

_OF_BUCKET = 50_000  # events, about
_MOST_BUCKETS = 4096
_WAIT = 0.1  # seconds that a step waits for workers
_START = 30.0  # seconds that starting them may take


@dataclass(frozen=True, slots=True)
class LatestQuery:
    """`ranges` have ends. `key` is the expression that names the entity, "" for the record's key. `fold` None: the
    state of an entity is its last value, byte for byte."""

    ranges: tuple[OffsetRange, ...]
    key: str = ""
    fold: FoldSpec | None = None
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED

    @property
    def buckets(self) -> int:
        """Into so many the events are put: few enough in each to be held in memory."""
        return min(max(sum(map(length, self.ranges)) // _OF_BUCKET, 1), _MOST_BUCKETS)


@dataclass(frozen=True, slots=True)
class Gathered:
    """`fraction` of the offsets was read, and `folded` of the buckets. `keyless` records name no entity."""

    fraction: float
    folded: float
    records: int
    keyless: int
    seconds: float

    @property
    def complete(self) -> bool:
        return self.fraction >= 1 and self.folded >= 1


class Gathering:
    """Owns its workers until `close`. `step` is pulled; once it is done, `table` has the states. Whoever made it closes
    the table, too. `known` are troubles that came with the ranges."""

    def __init__(
        self,
        query: LatestQuery,
        table: LatestTable,
        scan: Scanning,
        fold: Callable[[int], None],
        open_executor: Callable[[], Executor],
        workers: int = 2,
        *,
        known: Iterable[Trouble] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.query = query
        self.table = table
        self.troubles = list(known)
        self._plan = Plan(query.ranges, False, workers, {})
        self._crew = Crew(scan, open_executor, workers)
        self._fold, self._open_executor, self._workers = fold, open_executor, workers
        self._executor: Executor | None = None
        self._folding: set[asyncio.Future[None]] = set()
        self._given = self._folded = 0  # buckets
        self._all, self._read = sum(map(length, query.ranges)), 0  # offsets
        self._records = self._keyless = 0
        self._settling = Settling(self._plan, self.troubles)
        self._clock, self._began, self._ended = clock, clock(), 0.0

    async def step(self) -> bool:
        """Waits for workers, about 0.1 s. False once all is done, or closed. Raises `Failure` where a bucket could not
        be folded."""
        if self._ended:
            return False
        if self._plan.left or self._crew.busy:
            for outcome in await self._crew.step(self._plan.next_piece):
                self._settle(outcome)
            return True
        if self._folded < self.query.buckets:
            await self._crew.close()
            await self._fold_some()
            return True
        await self.close()
        return False

    async def close(self) -> None:
        """Ends the workers at once."""
        if self._ended:
            return
        self._ended = self._clock()
        await self._crew.close()
        for future in self._folding:
            future.cancel()
        if self._executor:
            self._executor.shutdown(wait=False)

    def progress(self) -> Gathered:
        fraction = self._read / self._all if self._all else 1.0
        seconds = (self._ended or self._clock()) - self._began
        return Gathered(fraction, self._folded / self.query.buckets, self._records, self._keyless, seconds)

    async def _fold_some(self) -> None:
        if self._executor is None:
            self._executor = await in_daemon("latest-start", self._open_executor, _START)
        while len(self._folding) <= self._workers and self._given < self.query.buckets:
            started: Future[None] = self._executor.submit(self._fold, self._given)
            self._folding.add(asyncio.wrap_future(started))
            self._given += 1
        done, self._folding = await asyncio.wait(self._folding, timeout=_WAIT, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            try:
                future.result()
            except BrokenExecutor as error:
                hint = "There may be too little memory. Take a smaller part of the topic."
                raise Failure(FailureKind.UNREADABLE, f"A worker process died: {error}.", hint) from error
            self._folded += 1

    def _settle(self, outcome: Outcome) -> None:
        if (result := self._settling.take(outcome, PieceLatest)) is not None:
            self._records += result.records
            self._keyless += result.keyless
            self._read += result.reached - outcome.piece.range.start


OpenGathering = Callable[[LatestQuery, Sequence[Trouble]], Awaitable[Gathering]]
"""Gathers what is in the ranges of a query; the troubles came with them."""
