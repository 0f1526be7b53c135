"""Records that readers of committed records do not get: aborted ones, and those that an open transaction holds back.

Kafka's client does not tell which records belong to a transaction, nor how that ended. A second read does: what
`read_committed` leaves out below the last stable offset was aborted. It is saved where no transaction can be. Each that
ended left a marker behind its records, which takes an offset: records without a gap up to the end belong to none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import zip_longest
from typing import Protocol

from kexplorer.formats import numbers
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.records import Mark, Position, RecordColumns
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition

_RUN_BYTES = 256 << 10  # records no further apart than this are read as one run
_REST = 0.15  # seconds without a new page after which the last ones are marked
_AGAIN = 5.0  # seconds between looks whether what was held is so still
_PAGES = 4  # that are marked at a rest; more than fit on a screen


@dataclass(frozen=True, slots=True)
class Held:
    """A partition whose readers of committed records get nothing from `last_stable` to `end`, its log end offset (high
    watermark). `since` is the timestamp of the first record held (milliseconds since 1970), if it is known."""

    source: TopicPartition
    last_stable: int
    end: int
    since: int | None

    @property
    def count(self) -> int:
        """Offsets held, those of gaps and markers among them."""
        return self.end - self.last_stable


async def held(cluster: Cluster, sources: Sequence[TopicPartition]) -> list[Held]:
    """The partitions where an open transaction holds readers now. Those that cannot be asked are left out."""
    asked = dict.fromkeys(sources, Edge.END)
    ends = await cluster.list_offsets(asked)  # first, or records that arrive between the questions would seem held
    stable = await cluster.list_offsets(asked, IsolationLevel.READ_COMMITTED)
    lagging = {}
    for source in sources:
        at, end = stable[source], ends[source]
        if isinstance(at, int) and isinstance(end, int) and at < end:
            lagging[source] = (at, end)
    if not lagging:
        return []
    since: dict[TopicPartition, int] = {}
    firsts = [OffsetRange(source, at, at + 1) for source, (at, _) in lagging.items()]
    async with cluster.open_reader(firsts) as reader:
        while (batch := await reader.next_batch()) is not None:
            since |= {source: ms for ms, source, _ in batch.records.positions() if ms}
    return [Held(source, at, end, since.get(source)) for source, (at, end) in lagging.items()]


def sentence(found: Sequence[Held], zone: tzinfo) -> str:
    """What `held` found, for a person: the partition that has been held longest, and how many more there are."""
    if not found:
        return ""
    worst = min(found, key=lambda each: (each.since is None, each.since or 0, -each.count))
    since = "" if worst.since is None else f", since {numbers.timestamp(worst.since, zone)[:19]}"
    others = len(found) - 1
    more = f" {numbers.count(others)} more partition{' is' if others == 1 else 's are'} held." if others else ""
    return (
        f"An open transaction holds readers of committed records at offset {numbers.count(worst.last_stable)} of "
        f"partition {worst.source.partition} (log end offset {numbers.count(worst.end)}){since}.{more}"
    )


@dataclass(slots=True)
class _Part:
    """What is known of a partition: below `stable`, its last stable offset, no transaction is open; from `clear` to
    where it ended then every offset has a record. `held`: it ended behind `stable`."""

    stable: int
    clear: int
    held: bool


class Marks:
    """Finds the marks of records that were read uncommitted. Remembers where transactions are ruled out."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._parts: dict[TopicPartition, _Part] = {}

    async def of(self, records: RecordColumns) -> dict[Position, Mark]:
        """Those of them that are not committed: of a page, or of what is on screen, for all that lies close together
        is read again. What cannot be read has no mark. Raises `Failure` like the cluster's calls."""
        offsets: dict[TopicPartition, list[int]] = {}
        for _, source, offset in records.positions():
            offsets.setdefault(source, []).append(offset)
        for each in offsets.values():
            each.sort()
        await self._ask(source for source, each in offsets.items() if each[-1] >= self._stable(source))
        marks: dict[Position, Mark] = {}
        runs: list[list[tuple[TopicPartition, list[int]]]] = []
        for source, each in offsets.items():
            if (part := self._parts.get(source)) is not None:
                marks |= {(source, offset): Mark.HELD for offset in each if offset >= part.stable}
                part.clear = _without_gaps(each, part.clear)
                doubtful = [offset for offset in each if offset < min(part.stable, part.clear)]
                near = max(1, _RUN_BYTES * len(records) // records.nbytes)
                runs.append([(source, run) for run in _runs(doubtful, near)])
        for at_once in zip_longest(*runs):  # a reader has one range of each partition
            marks |= dict.fromkeys(await self._aborted(dict(filter(None, at_once))), Mark.ABORTED)
        return marks

    async def moved(self) -> bool:
        """Whether the last stable offset of a partition that is held has moved on: a transaction has ended."""
        before = {source: part.stable for source, part in self._parts.items() if part.held}
        await self._ask(before)
        return any(self._stable(source) != stable for source, stable in before.items())

    def _stable(self, source: TopicPartition) -> int:
        part = self._parts.get(source)
        return -1 if part is None else part.stable

    async def _ask(self, sources: Iterable[TopicPartition]) -> None:
        if not (asked := dict.fromkeys(sources, Edge.END)):
            return
        stable = await self._cluster.list_offsets(asked, IsolationLevel.READ_COMMITTED)
        ends = await self._cluster.list_offsets(asked)  # behind the markers of all that ended before `stable` was asked
        for source in asked:
            at, end = stable[source], ends[source]
            known = self._parts.get(source)
            if not isinstance(at, int) or not isinstance(end, int):
                self._parts.pop(source, None)
            elif known is None or known.stable != at:
                self._parts[source] = _Part(at, end, at < end)
            else:  # what was ruled out below it stays so
                known.held = at < end

    async def _aborted(self, run: Mapping[TopicPartition, list[int]]) -> set[Position]:
        """Of a run of offsets a partition: those that are there only for who reads uncommitted."""
        wanted = {(source, offset) for source, offsets in run.items() for offset in offsets}
        visible, failed = await self._read(run, IsolationLevel.READ_COMMITTED)
        hidden = {each for each in wanted - visible if each[0] not in failed}
        if hidden:  # or retention or compaction has removed them since they were read
            there, _ = await self._read(run, IsolationLevel.READ_UNCOMMITTED)
            hidden &= there
        return hidden

    async def _read(
        self, run: Mapping[TopicPartition, list[int]], isolation: IsolationLevel
    ) -> tuple[set[Position], set[TopicPartition]]:
        """What there is in the run, and the partitions where that is not known."""
        found: set[Position] = set()
        failed: set[TopicPartition] = set()
        ranges = [OffsetRange(source, offsets[0], offsets[-1] + 1) for source, offsets in run.items()]
        async with self._cluster.open_reader(ranges, isolation) as reader:
            while (batch := await reader.next_batch()) is not None:
                found.update((source, offset) for _, source, offset in batch.records.positions())
                failed.update(trouble.source for trouble in batch.troubles)
        return found, failed


def _without_gaps(offsets: Sequence[int], end: int) -> int:
    """From where on every offset up to `end` is there; `end` if the one before it is not. `offsets` rise."""
    for offset in reversed(offsets):
        if offset < end - 1:
            break
        end = min(end, offset)
    return end


def _runs(offsets: Sequence[int], near: int) -> list[list[int]]:
    """`offsets`, which rise, cut where they lie further apart than `near`."""
    runs: list[list[int]] = []
    for offset in offsets:
        if runs and offset - runs[-1][-1] <= near:
            runs[-1].append(offset)
        else:
            runs.append([offset])
    return runs


class Page(Protocol):
    """Rows, and the marks among them; None: nobody has looked yet."""

    @property
    def records(self) -> RecordColumns: ...

    marks: dict[int, Mark] | None


class PageMarks:
    """Marks pages that are looked at, once that has come to rest, and calls `changed` when there are other marks than
    before. `run()` must run meanwhile."""

    def __init__(self, cluster: Cluster, changed: Callable[[], None]) -> None:
        self._marks = Marks(cluster)
        self._changed = changed
        self._wanted: deque[Page] = deque(maxlen=_PAGES)
        self._held: deque[Page] = deque(maxlen=_PAGES)  # those marked last that have records held
        self._wake = asyncio.Event()

    def of(self, page: Page, row: int) -> Mark | None:
        """None for a committed record, and until the page was marked, which asking for it starts."""
        if page.marks is not None:
            return page.marks.get(row)
        if not any(page is each for each in self._wanted):
            self._wanted.append(page)
            self._wake.set()
        return None

    async def run(self) -> None:
        while True:
            await self._rest()
            while self._wanted:
                with contextlib.suppress(Failure):  # it is asked for again when it is painted again
                    await self._mark(self._wanted.pop())

    async def _rest(self) -> None:
        """Returns when pages are to be marked and no others were asked for meanwhile."""
        try:
            async with asyncio.timeout(_AGAIN if self._held else None):
                await self._wake.wait()
        except TimeoutError:
            with contextlib.suppress(Failure):
                if await self._marks.moved():
                    self._wanted.extend(self._held)
            return
        while self._wake.is_set():
            self._wake.clear()
            await asyncio.sleep(_REST)

    async def _mark(self, page: Page) -> None:
        before, page.marks = page.marks, page.marks or {}  # so that painting it meanwhile asks no more
        self._held = deque((each for each in self._held if each is not page), _PAGES)
        try:
            found = await self._marks.of(page.records)
        except BaseException:
            page.marks = before
            raise
        at = enumerate(page.records.positions())
        marks = {row: found[source, offset] for row, (_, source, offset) in at if (source, offset) in found}
        if Mark.HELD in marks.values():
            self._held.append(page)
        if page.marks != marks:
            page.marks = marks
            self._changed()
