"""Any place of a topic at once: rows from the oldest to the newest record, fetched where somebody looks.

A row number says how many offsets lie before a record when all partitions are merged by time. For one partition it is
the distance from the start of the range. For several, the brokers' time index gives it: the offsets at a time t, one a
partition, are a *cut*; the sum of what lies before them is the row at which t begins. Between two cuts lie the same
offsets whoever asks, so a frame of rows between two cuts is exact, whatever order frames are fetched in.

A broker's time index finds the first record whose timestamp is t or later. A record therefore counts as no older than
those before it in its partition, which keeps the order of offsets within each.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.records import Mark, Peek, Record, RecordColumns, Trouble
from kexplorer.model.topics import AtTime, IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services.transactions import PageMarks

WINDOW_BYTES = 256 << 20
_FRAME_BYTES = 4 << 20  # what a frame aims to hold
_FRAME_ROWS = 400  # of a frame while the size of records is unknown, and at most
_LEAST_ROWS = 10
_TROUBLES = 100  # the last ones, which are kept


@dataclass(frozen=True, slots=True)
class _Cut:
    """`offsets` of each partition at `time` (milliseconds since 1970); `row` offsets lie before them."""

    row: int
    time: int
    offsets: tuple[int, ...]


@dataclass(slots=True)
class _Frame:
    """Rows from `start` below `end`. Unless each is the record of its number, `places` tells which is; -1 stands
    for an offset without one. Not `complete`: some partition could not be read."""

    start: int
    end: int
    records: RecordColumns
    complete: bool
    places: array[int] | None = None
    marks: dict[int, Mark] | None = None

    def record_of(self, row: int) -> int:
        """The number of a row's record; -1 if it has none."""
        return row - self.start if self.places is None else self.places[row - self.start]


class TopicWindow:
    """A `RowSource` on `ranges`, whose ends are fixed. `changed` is called when rows that were asked for have come.
    Keeps the frames that were looked at last, in about `budget` bytes. `run()` must run while it is looked at."""

    dropped = 0

    def __init__(
        self,
        cluster: Cluster,
        ranges: Sequence[OffsetRange],
        isolation: IsolationLevel,
        changed: Callable[[], None],
        budget: int = WINDOW_BYTES,
    ) -> None:
        self._cluster = cluster
        self._isolation = isolation
        self._changed = changed
        self._budget = budget
        self._sources = [each.source for each in ranges]
        starts = tuple(each.start for each in ranges)
        ends = tuple(max(each.end or each.start, each.start) for each in ranges)
        self._starts, self._ends = starts, ends
        self._total = sum(ends) - sum(starts)
        self._cuts: list[_Cut] = []  # by row; filled at the first look when there are several partitions
        self._frames: OrderedDict[int, _Frame] = OrderedDict()  # by start, the last used at the end
        self._frame_starts: list[int] = []
        self._rows_a_frame = _FRAME_ROWS
        self._nbytes = 0
        self._wanted: int | None = None
        self._unproven: _Cut | None = None  # where the newest rows begin, if times are in order
        self._wake = asyncio.Event()
        self._marks = PageMarks(cluster, changed)
        self.troubles: list[Trouble] = []

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, row: int) -> Record | None:
        """None until it was fetched, which asking for it starts, and for an offset that has no record."""
        frame = self._frame_of(row)
        if frame is None:
            if self._wanted is None:
                self._wanted = row
                self._wake.set()
            return None
        self._frames.move_to_end(frame.start)
        at = frame.record_of(row)
        return frame.records[at] if at >= 0 else None

    def peek(self, row: int, limit: int) -> Peek | None:
        """As `RecordColumns.peek`; None where indexing gives None, and asking starts fetching just so."""
        frame = self._frame_of(row)
        if frame is None:
            return None if self[row] is None else self.peek(row, limit)
        self._frames.move_to_end(frame.start)
        at = frame.record_of(row)
        return frame.records.peek(at, limit) if at >= 0 else None

    def is_gap(self, row: int) -> bool:
        """It was fetched, and there is no record: compaction, a transaction's marker, or an aborted record."""
        frame = self._frame_of(row)
        return frame is not None and frame.complete and frame.record_of(row) < 0

    def mark_of(self, row: int) -> Mark | None:
        """None for a committed record, and until that is known: asking starts looking, `changed` is called when there
        are marks."""
        frame = self._frame_of(row)
        if frame is None or self._isolation is IsolationLevel.READ_COMMITTED:
            return None
        at = frame.record_of(row)
        return self._marks.of(frame, at) if at >= 0 else None

    async def run(self) -> None:
        """Fetches what is asked for, one frame after the other and the next one ahead, and marks what is looked at,
        until it is cancelled."""
        marking = asyncio.get_running_loop().create_task(self._marks.run())
        try:
            await self._fetch_what_is_wanted()
        finally:
            marking.cancel()
            await asyncio.wait([marking])

    async def _fetch_what_is_wanted(self) -> None:
        last = self._total
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._prove()
            row, self._wanted = self._wanted, None
            if row is None or self._frame_of(row):
                continue
            frame = await self.fetch(row)
            self._changed()  # whoever is still looking asks for the next
            await asyncio.sleep(0)
            ahead = frame.end if row > last else frame.start - 1
            last = row
            if self._wanted is None and 0 <= ahead < self._total and self._frame_of(ahead) is None:
                await self.fetch(ahead)

    async def fetch(self, row: int) -> _Frame:
        """Fetches the frame that holds `row`."""
        low, high = await self._around(row)
        frame = await self._read(low, high)
        self._keep(frame)
        return frame

    async def fetch_newest(self, count: int) -> None:
        """Fetches the last rows, `count` if they are spread evenly, with one question to the brokers: the newest of
        each partition are read, and those count that are younger than the oldest read of any. That is right unless
        times are out of order, which `run()` finds out."""
        if not self._total:
            return
        low = tuple(max(start, end - count) for start, end in zip(self._starts, self._ends, strict=True))
        found, complete = await self._records(low, self._ends)
        cut = self._cut_within(low, found, count) if complete else None
        if cut is None:  # gaps, or too much at the same time: the long way
            await self.fetch(self._total - 1)
            return
        self._keep(self._frame(cut, _Cut(self._total, 0, self._ends), found, complete=True))
        if cut.time:
            self._unproven = cut
            self._wake.set()

    def _cut_within(self, low: tuple[int, ...], found: RecordColumns, count: int) -> _Cut | None:
        """The earliest cut that `found`, all records from `low` to the ends, tells of by itself; time 0: a sure one."""
        before = sum(low) - sum(self._starts)
        if len(self._sources) == 1 or not before:
            return _Cut(before, 0, low)
        firsts: dict[TopicPartition, int] = {}
        for ms, source, _ in found.positions():
            firsts.setdefault(source, ms)
        cut_off = [source for source, start, at in zip(self._sources, self._starts, low, strict=True) if at > start]
        if any(source not in firsts for source in cut_off):
            return None
        time = 1 + max(firsts[source] for source in cut_off)
        begins: dict[TopicPartition, int] = {}
        younger = 0
        for ms, source, offset in found.positions():
            if ms >= time:
                begins.setdefault(source, offset)
            younger += source in begins
        if 2 * younger < count:
            return None
        offsets = tuple(begins.get(source, end) for source, end in zip(self._sources, self._ends, strict=True))
        return _Cut(sum(offsets) - sum(self._starts), time, offsets)

    async def _prove(self) -> None:
        """Whether the time index has the cut that the newest rows begin at; if not, they are fetched once more."""
        cut, self._unproven = self._unproven, None
        if cut is None or (await self._look(cut.time)).offsets == cut.offsets:
            return
        if (await self.fetch(self._total - 1)).start != cut.row:
            self._drop(cut.row)
        self._changed()

    async def row_at(self, ms: int) -> int:
        """The row of the first record at `ms` (milliseconds since 1970) or later; the number of rows if none is."""
        return (await self._look(ms)).row

    def row_from(self, ranges: Iterable[OffsetRange]) -> int:
        """The row behind all that lies before `ranges`; partitions that are not among them count as not begun."""
        begun = {each.source: each.start for each in ranges}
        parts = zip(self._sources, self._starts, self._ends, strict=True)
        return sum(min(max(begun.get(source, start), start), end) - start for source, start, end in parts)

    async def row_of(self, source: TopicPartition, offset: int) -> int:
        """The row of a record, or of the next one in its partition; raises ValueError for a partition not shown."""
        part = self._sources.index(source)
        offset = min(max(offset, self._starts[part]), self._ends[part])
        if len(self._sources) == 1:
            return offset - self._starts[0]
        async with self._cluster.open_reader(
            [OffsetRange(source, offset, self._ends[part])], self._isolation
        ) as reader:
            record = None
            while record is None and (batch := await reader.next_batch()) is not None:
                record = batch.records[0] if batch.records else None
        if record is None:
            return self._total
        row = (await self._look(record.timestamp or 0)).row
        while row < self._total:
            if self._frame_of(row) is None:
                await self.fetch(row)
            frame = self._frame_of(row)
            if frame is None:
                break
            for at, (_, its_source, its_offset) in enumerate(frame.records.positions()):
                if its_source == source and its_offset == record.offset:
                    return frame.start + (at if frame.places is None else frame.places.index(at))
            row = frame.end
        return self._total

    # frames

    def _frame_of(self, row: int) -> _Frame | None:
        at = bisect_right(self._frame_starts, row) - 1
        frame = self._frames[self._frame_starts[at]] if at >= 0 else None
        return frame if frame and row < frame.end else None

    def _drop(self, start: int) -> None:
        if old := self._frames.pop(start, None):
            self._nbytes -= old.records.nbytes
            self._frame_starts.remove(start)

    def _keep(self, frame: _Frame) -> None:
        self._drop(frame.start)
        self._frames[frame.start] = frame
        self._nbytes += frame.records.nbytes
        if frame.records:
            fit = _FRAME_BYTES * len(frame.records) // max(frame.records.nbytes, 1)
            self._rows_a_frame = max(_LEAST_ROWS, min(fit, _FRAME_ROWS))
        while self._nbytes > self._budget and len(self._frames) > 1:
            _, old = self._frames.popitem(last=False)
            self._nbytes -= old.records.nbytes
        self._frame_starts = sorted(self._frames)

    async def _read(self, low: _Cut, high: _Cut) -> _Frame:
        found, complete = await self._records(low.offsets, high.offsets)
        return self._frame(low, high, found, complete)

    async def _records(self, low: tuple[int, ...], high: tuple[int, ...]) -> tuple[RecordColumns, bool]:
        """As they come, and whether all partitions could be read."""
        ranges = [
            OffsetRange(source, start, end)
            for source, start, end in zip(self._sources, low, high, strict=True)
            if start < end
        ]
        found, complete = RecordColumns(), True
        async with self._cluster.open_reader(ranges, self._isolation) as reader:
            while (batch := await reader.next_batch()) is not None:
                if found:
                    found.extend(batch.records)
                else:
                    found = batch.records
                complete = complete and not batch.troubles
                self.troubles = [*self.troubles, *batch.troubles][-_TROUBLES:]
        return found, complete

    def _frame(self, low: _Cut, high: _Cut, records: RecordColumns, complete: bool) -> _Frame:
        """Of `records`, those from `low` on, which stay where they are: sorting copies of them takes milliseconds. An
        offset without a record stands before the next record of its partition."""
        rows, order = high.row - low.row, records.time_order(low.time)
        if len(self._sources) == 1 and len(order) == rows:
            return _Frame(low.row, high.row, records, complete)
        places, at_all = array("i"), list(records.positions())
        following = dict(zip(self._sources, low.offsets, strict=True))
        for at in order:
            _, source, offset = at_all[at]
            if (gap := offset - following[source]) >= 0:
                places.extend([-1] * gap)
                places.append(at)
                following[source] = offset + 1
        places.extend([-1] * (rows - len(places)))
        return _Frame(low.row, high.row, records, complete, places)

    # cuts

    async def _around(self, row: int) -> tuple[_Cut, _Cut]:
        """Two cuts with `row` between them, and about a frame of rows; what is already kept is left out."""
        at = bisect_right(self._frame_starts, row)
        floor = self._frames[self._frame_starts[at - 1]].end if at else 0
        roof = self._frame_starts[at] if at < len(self._frame_starts) else self._total
        if len(self._sources) == 1:
            return self._plain(row, floor, roof)
        await self._find_ends()
        low, high = self._known(row)
        uneven = False
        while high.row - low.row > self._rows_a_frame and (span := high.time - low.time) > 1:
            low, high = await self._narrow(row, low, high, uneven)
            uneven = 4 * (high.time - low.time) > span
        if high.row - low.row > self._rows_a_frame:
            return self._within_a_millisecond(row, low, high)
        return low, high

    def _plain(self, row: int, floor: int, roof: int) -> tuple[_Cut, _Cut]:
        size = self._rows_a_frame
        start = max(floor, row - row % size)
        end = min(roof, start + size)
        if row >= end:
            start, end = row, min(roof, row + size)
        first = self._starts[0]
        return _Cut(start, 0, (first + start,)), _Cut(end, 0, (first + end,))

    async def _find_ends(self) -> None:
        """The first and the last cut: a millisecond before anything, and one after everything."""
        if self._cuts:
            return
        firsts, lasts = await asyncio.gather(self._times(self._starts), self._times(self._one_before_the_ends()))
        first = min(firsts, default=0)
        self._cuts = [_Cut(0, first - 1, self._starts)]
        span = max(max(lasts, default=first) - first + 1, 1)
        while (cut := await self._look(first + span)).row < self._total:  # times out of order, or gaps at the ends
            span *= 4
        self._cuts.append(_Cut(self._total, cut.time, self._ends))

    def _one_before_the_ends(self) -> tuple[int, ...]:
        return tuple(max(start, end - 1) for start, end in zip(self._starts, self._ends, strict=True))

    async def _times(self, offsets: tuple[int, ...]) -> list[int]:
        """The timestamp of the first record of each partition at its offset or later, where there is one."""
        parts = zip(self._sources, offsets, self._ends, strict=True)
        waiting = [OffsetRange(source, start, end) for source, start, end in parts if start < end]
        times: dict[TopicPartition, int] = {}
        async with self._cluster.open_reader(waiting, self._isolation) as reader:
            while len(times) < len(waiting) and (batch := await reader.next_batch()) is not None:
                for timestamp, source, _ in batch.records.positions():
                    times.setdefault(source, timestamp)
        return list(times.values())

    def _known(self, row: int) -> tuple[_Cut, _Cut]:
        at = min(max(bisect_right(self._cuts, row, key=lambda cut: cut.row), 1), len(self._cuts) - 1)
        return self._cuts[at - 1], self._cuts[at]

    async def _narrow(self, row: int, low: _Cut, high: _Cut, uneven: bool) -> tuple[_Cut, _Cut]:
        """Looks at once a little before and a little behind the time where `row` should be if records came evenly. If
        they are `uneven`, around the middle, so that it ends however they are spread."""
        span = high.time - low.time
        frame = self._rows_a_frame / (high.row - low.row)
        share, aside = (
            (1 / 2, 1 / 8) if uneven else ((row + 0.5 - low.row) / (high.row - low.row), max(1 / 32, frame / 3))
        )
        at, away = low.time + span * share, max(span * aside, 1)
        times = {min(max(round(ms), low.time + 1), high.time - 1) for ms in (at - away, at + away)}
        for cut in await asyncio.gather(*map(self._look, sorted(times))):
            if cut.row > row:
                return low, cut
            low = cut
        return low, high

    def _within_a_millisecond(self, row: int, low: _Cut, high: _Cut) -> tuple[_Cut, _Cut]:
        """More records of one millisecond than fit into a frame: they stand partition after partition."""
        start = low.row
        offsets = list(low.offsets)
        for part, (begin, end) in enumerate(zip(low.offsets, high.offsets, strict=True)):
            if row < start + end - begin:
                within = (row - start) - (row - start) % self._rows_a_frame
                until = min(within + self._rows_a_frame, end - begin)
                above = offsets.copy()
                offsets[part], above[part] = begin + within, begin + until
                return _Cut(start + within, low.time, tuple(offsets)), _Cut(start + until, low.time, tuple(above))
            start += end - begin
            offsets[part] = end
        return low, high

    async def _look(self, ms: int) -> _Cut:
        """The cut at a time, remembered for the next search."""
        found = await self._cluster.list_offsets(
            {source: AtTime(max(ms, 0)) for source in self._sources}, self._isolation
        )
        offsets = []
        for source, start, end in zip(self._sources, self._starts, self._ends, strict=True):
            at = found[source]
            offsets.append(min(max(at, start), end) if isinstance(at, int) else end)
        cut = _Cut(sum(offsets) - sum(self._starts), ms, tuple(offsets))
        at = bisect_right(self._cuts, cut.row, key=lambda known: known.row)
        if 0 < at < len(self._cuts):
            before, behind = self._cuts[at - 1], self._cuts[at]
            if before.row < cut.row and before.time < ms < behind.time:
                self._cuts.insert(at, cut)
        return cut
