"""How many records come in each span of time, without reading them: the brokers' time index tells the first offset at a
time, and the differences are counted.

What is counted are offsets: those that compaction removed and those of transaction markers count as well. The index
finds the first record whose timestamp is t or later, so a record counts as no older than those before it in its
partition, in or before the range. That goes for markers too, whose time is the broker's: old records that somebody
copied in transactions count as new. Counts are never negative, and they add up to the offsets of the ranges.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import TypeVar, cast

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.records import Trouble
from kexplorer.model.topics import AtTime, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.coverage import length

T = TypeVar("T")

BINS = 64  # at most: an hour in minutes fits, wherever it begins
_AT_ONCE = 4  # questions to the cluster
_SAMPLE = 10  # offsets that are read at an end of a partition, to learn its time
_LATEST = (1 << 63) - 1  # ms

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_STEPS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28, 91, 182, 364, 3640)),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL = datetime(1, 1, 1)  # noqa: DTZ001  (a Monday; what a clock shows, in whatever zone)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` offsets lie at `borders[i] <= time < borders[i + 1]` (milliseconds since 1970). Without any record
    that has a time there are no borders. Not `complete`: bins are still wider than they will be.

    `earlier` offsets come before the first border, or before the first record with a timestamp. `later` offsets have a
    time that is more than a day ahead of now, or come behind such a record in their partition. `troubles` tell which
    partitions are left out."""

    borders: tuple[int, ...]
    counts: tuple[int, ...]
    earlier: int
    later: int
    complete: bool
    troubles: tuple[Trouble, ...]


async def histograms(
    cluster: Cluster,
    ranges: Iterable[OffsetRange],
    isolation: IsolationLevel,
    zone: tzinfo,
    now: int,
    start: int | None = None,
    end: int | None = None,
) -> AsyncIterator[Histogram]:
    """The same histogram ever finer; the last one is complete. `ranges` have ends; `now`, `start` and `end` (exclusive)
    are milliseconds since 1970, and the latter two by default the times of the oldest and the newest record, which are
    read. Bins begin where clocks in `zone` show a round time. A few questions to the cluster are open at a time. Raises
    the `Failure` of a question that failed as a whole."""
    count = _Count(cluster, ranges, isolation)
    span = await count.span(start, end, now)
    if span is None:
        yield count.without_times()
        return
    first, last = span
    beside = max(_SECOND - (last - first), 0) // 2  # a topic of one record is no bar as wide as the window
    async for found in count.refine(round_borders(first - beside, last + beside, zone, BINS)):
        yield found


def round_borders(first: int, last: int, zone: tzinfo, most: int) -> tuple[int, ...]:
    """Borders of at most `most` bins (2 or more), at round times of the clock in `zone`, so that the first is no later
    than `first` and the last one is after `last` (milliseconds since 1970)."""
    step = next((each for each in _STEPS if (last - first) // each + 2 <= most), 2 * _STEPS[-1])
    while (last - first) // step + 2 > most:
        step *= 2
    try:
        return _by_the_clock(first, last, zone, step) if step > _HOUR else _even(first, last, step, _ahead(first, zone))
    except (OverflowError, ValueError):  # no date: producers may send any 64-bit integer
        return _even(first, last, step, 0)


def _even(first: int, last: int, step: int, ahead: int) -> tuple[int, ...]:
    begin = (first + ahead) // step * step - ahead
    return tuple(range(begin, last + step + 1, step))


def _by_the_clock(first: int, last: int, zone: tzinfo, step: int) -> tuple[int, ...]:
    """A day has 23 hours or 25 where the clocks are changed."""
    local = (_EPOCH + first * _MS).astimezone(zone).replace(tzinfo=None)
    wall = _WALL + (local - _WALL) // (step * _MS) * (step * _MS)
    borders = [_ms(wall, zone)]
    while borders[-1] <= last:
        wall += step * _MS
        borders.append(_ms(wall, zone))
    return tuple(borders)


def _ms(wall: datetime, zone: tzinfo) -> int:
    return (wall.replace(tzinfo=zone) - _EPOCH) // _MS


def _ahead(ms: int, zone: tzinfo) -> int:
    """Milliseconds that clocks in `zone` are ahead of UTC."""
    return ((_EPOCH + ms * _MS).astimezone(zone).utcoffset() or timedelta()) // _MS


Cut = Mapping[TopicPartition, int]  # the offset at a time, by partition


class _Count:
    """What is known of the ranges; a partition that fails leaves them."""

    def __init__(self, cluster: Cluster, ranges: Iterable[OffsetRange], isolation: IsolationLevel) -> None:
        self._cluster = cluster
        self._isolation = isolation
        bounds = [(each.source, each.start, each.end) for each in ranges if each.end is not None]
        self._starts = {source: start for source, start, end in bounds if start < end}
        self._ends = {source: end for source, start, end in bounds if start < end}
        self._cuts: dict[int, Cut] = {}  # by the number of the border
        self._troubles: list[Trouble] = []

    async def span(self, start: int | None, end: int | None, now: int) -> tuple[int, int] | None:
        """The times of the oldest and of the newest record; None if no record has any."""
        timed = await self._look(1, self._starts, self._ends)  # those without a timestamp are before
        parts = [OffsetRange(source, timed[source], end) for source, end in self._ends.items()]
        oldest, newest = await _all(
            (
                self._times(parts if start is None else [], newest=False),
                self._times(parts if end is None else [], newest=True),
            )
        )
        times = [*oldest, *newest]
        first = min(oldest, default=None) if start is None else start
        if first is None or (end is None and not times):
            return None
        if end is not None:
            return first, max(first, end - 1)
        likely = [ms for ms in times if ms <= now + _DAY] or times
        return first, await self._reach(first, max(first, *likely), now)

    async def refine(self, borders: Sequence[int]) -> AsyncIterator[Histogram]:
        """Halves all bins, then their halves; a bin without any offset needs no question."""
        last = len(borders) - 1
        low, high = await _all(self._look(borders[number], self._starts, self._ends) for number in (0, last))
        self._cuts = {0: low, last: {source: max(low[source], high[source]) for source in self._starts}}
        todo = deque([(0, last)] if last > 1 else [])
        while todo:
            now = [todo.popleft() for _ in range(min(len(todo), _AT_ONCE))]
            cuts = await _all(self._look(borders[(a + b) // 2], self._cuts[a], self._cuts[b]) for a, b in now)
            for (a, b), cut in zip(now, cuts, strict=True):
                half = (a + b) // 2
                self._cuts[half] = cut
                todo += [(c, d) for c, d in ((a, half), (half, b)) if d - c > 1]
            if todo:
                yield self._histogram(borders, complete=False)
        yield self._histogram(borders, complete=True)

    def without_times(self) -> Histogram:
        return Histogram((), (), sum(self._ends.values()) - sum(self._starts.values()), 0, True, tuple(self._troubles))

    def _histogram(self, borders: Sequence[int], *, complete: bool) -> Histogram:
        known = sorted(self._cuts)
        before = [sum(self._cuts[number][source] for source in self._starts) for number in known]
        return Histogram(
            tuple(borders[number] for number in known),
            tuple(b - a for a, b in pairwise(before)),
            before[0] - sum(self._starts.values()),
            sum(self._ends.values()) - before[-1],
            complete,
            tuple(self._troubles),
        )

    async def _look(self, ms: int, lows: Cut, highs: Cut) -> Cut:
        """The offset at a time, by partition, between what is known of earlier times and of later ones."""
        asked = {s: AtTime(min(max(ms, 0), _LATEST)) for s in self._starts if lows[s] < highs[s]}
        found = await self._cluster.list_offsets(asked, self._isolation) if asked else {}
        cut = dict(lows)
        for source, at in found.items():
            if not isinstance(at, Failure):
                cut[source] = highs[source] if at is None else min(max(at, lows[source]), highs[source])
            elif source in self._starts:
                del self._starts[source], self._ends[source]
                self._troubles.append(Trouble(source, at))
        return cut

    async def _times(self, parts: Sequence[OffsetRange], *, newest: bool) -> list[int]:
        """The time of the first record of each part, or the latest of its last ones. Where a part begins or ends with
        offsets that have no record, such as those of an aborted transaction, it is read further."""
        times: dict[TopicPartition, int] = {}
        size = _SAMPLE
        while parts := [part for part in parts if length(part)]:
            split = [_split(part, size, newest) for part in parts]
            seen: set[TopicPartition] = set()
            async with self._cluster.open_reader([piece for piece, _ in split], self._isolation) as reader:
                while (batch := await reader.next_batch()) is not None:
                    for ms, source, _ in batch.records.positions():
                        seen.add(source)
                        if ms > 0:
                            times[source] = max(times.get(source, 0), ms) if newest else times.get(source, ms)
                    seen |= {trouble.source for trouble in batch.troubles}
            parts = [rest for _, rest in split if rest.source not in seen]
            size *= 10
        return list(times.values())

    async def _reach(self, first: int, newest: int, now: int) -> int:
        """`newest`, or as much later as records elsewhere are newer than those at the ends."""
        horizon = max(newest, now + _DAY)
        behind: dict[int, int] = {}  # offsets whose time is later, by time
        ms, step = newest, max((newest - first) // 16, _SECOND)
        while True:
            cut = await self._look(ms + 1, self._starts, self._ends)
            behind[ms] = sum(end - cut[source] for source, end in self._ends.items())
            if not behind[ms] or ms >= horizon:
                return min(behind, key=lambda tried: (behind[tried], tried))
            ms, step = min(newest + step, horizon), 4 * step


async def _all(asked: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The answers, all of them waited for: what fails leaves nothing running."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return cast("list[T]", answers)


def _split(part: OffsetRange, size: int, newest: bool) -> tuple[OffsetRange, OffsetRange]:
    """`size` offsets at the end or at the start, and the rest."""
    size = min(size, length(part))
    at = part.start + (length(part) - size if newest else size)
    before, behind = replace(part, end=at), replace(part, start=at)
    return (behind, before) if newest else (before, behind)
