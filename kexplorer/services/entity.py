"""The life of one entity: its records are found by worker processes, and folded to a state after each of them."""

from __future__ import annotations

import json
import re
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kexplorer.formats.column import as_json, compile_column
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.folding import EventReader, Fold, State
from kexplorer.formats.json_tree import quoted
from kexplorer.formats.jsonl import line_of
from kexplorer.formats.partitioning import predicted
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.state_changes import Changed, StateLines, changes, state_lines
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, RecordColumns, Trouble
from kexplorer.model.search import FilterKind, FilterSpec, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.schemas import Schemas
from kexplorer.services.search import Search
from kexplorer.store.daemon import in_daemon
from kexplorer.store.part_file import PartFile

MOST_EVENTS = 100_000
MOST_BYTES = 256 << 20  # of their keys, values and headers
_EVERY = 256  # events of which one state is kept; those between are folded again when they are looked at
_SEGMENTS = 2  # such runs of events whose states are all kept
_MOST_CHANGES = 1_000  # that are listed by their path
_LONGEST = 1 << 30  # characters of a state in a file
_PIECE = 0.02  # seconds that a thread folds at a time, so that progress is told
_WHOLE = re.compile("0|[1-9][0-9]{0,99}")
_PATIENCE = 600.0  # seconds for one piece; a way out, not a limit that anybody meets


@dataclass(frozen=True, slots=True)
class EntityKey:
    """The records whose key is `text`; with a `path` those in which this expression of the filter language, such as
    value.order.id or key.id, gives the text or the number `text`. Bytes that are no UTF-8 stand in `text` as Python's
    "surrogateescape" has them."""

    text: str
    path: str = ""

    def filter(self) -> FilterSpec:
        """Raises `Failure`(INVALID) for a path that is no expression."""
        if not self.path:
            return FilterSpec(self.text, FilterKind.EQUALS, where=Where.KEY)
        literal = quoted(self.text)
        if literal is None:
            text = "The entity's name has half a character."
            raise Failure(FailureKind.INVALID, text, "Type or paste it again.")
        found = f"({self.path}) == {literal}"
        if _WHOLE.fullmatch(self.text):
            found = f"{found} or ({self.path}) == {self.text}"
        spec = FilterSpec(found, FilterKind.EXPRESSION)
        compile_column(self.path, 0)  # its mistakes are told by their columns in the path
        compile_filter(spec)
        return spec


@dataclass(frozen=True, slots=True)
class Scope:
    """A search for the records of an entity. `left_out`: partitions that are not looked at, because clients that
    partition as Java's do would not have put the key there."""

    query: SearchQuery
    troubles: tuple[Trouble, ...]
    left_out: tuple[TopicPartition, ...] = ()


async def scope_of(
    cluster: Cluster, topics: Sequence[str], key: EntityKey, now: int, *, everywhere: bool = False
) -> Scope:
    """Up to the ends as they are now. `everywhere`: in all partitions, though that of the key may be known."""
    spec = key.filter()
    sources = await browser.partitions_of(cluster, topics)
    likely = sources if everywhere or key.path else _likely(sources, key)
    ranges, troubles = await browser.whole(cluster, likely, IsolationLevel.READ_UNCOMMITTED)
    query = SearchQuery(tuple(ranges), spec, now, newest_first=False, limit=MOST_EVENTS)
    return Scope(query, tuple(troubles), tuple(each for each in sources if each not in set(likely)))


def _likely(sources: Sequence[TopicPartition], key: EntityKey) -> list[TopicPartition]:
    counts: dict[str, int] = {}
    for each in sources:
        counts[each.topic] = max(counts.get(each.topic, 0), each.partition + 1)
    data = key.text.encode("utf-8", "surrogateescape")
    return [each for each in sources if each.partition == predicted(data, counts[each.topic])]


async def collect(search: Search, tell: Callable[[int], None]) -> tuple[RecordColumns, bool]:
    """The records in the order of their time, those of a partition in their own; and whether there are more than are
    kept. `tell` hears how many there are. The search is closed behind it."""
    found = RecordColumns()
    try:
        while (batch := await search.next_batch()) is not None:
            found.extend(batch.records)
            tell(len(found))
            if found.nbytes > MOST_BYTES:
                break
    finally:
        await search.close()
    ordered = await in_daemon("order events", lambda: in_order(found), _PATIENCE)
    return ordered, found.nbytes > MOST_BYTES or search.report().enough


def in_order(records: RecordColumns) -> RecordColumns:
    """Pieces of a partition come as workers end them."""
    rows: dict[TopicPartition, list[int]] = {}
    offsets = array("q")
    for row, (_, source, offset) in enumerate(records.positions()):
        rows.setdefault(source, []).append(row)
        offsets.append(offset)
    return records.select([row for of in rows.values() for row in sorted(of, key=offsets.__getitem__)]).by_time()


@dataclass(frozen=True, slots=True)
class Step:
    """What one record did. Where it cannot be folded, `failure` says why and the state stays."""

    record: Record
    before: State
    after: State
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """`changed` are the first of what differs."""

    step: Step
    changed: tuple[Changed, ...]
    lines: StateLines


class History:
    """The states of an entity by the number of its event, from 0. Only some are kept: memory does not grow with the
    size of the state times the number of events."""

    def __init__(self, records: RecordColumns, fold: Fold, reader: EventReader) -> None:
        self.records = records
        self.times = array("q")  # of each event, none before the one in front of it; milliseconds
        self.tombstones: set[int] = set()
        self.failed: dict[int, Failure] = {}
        self._fold, self._reader = fold, reader
        self._kept: list[State] = [MISSING]  # before events 0, _EVERY, 2 * _EVERY, …
        self._built = 0
        self._last: State = MISSING
        self._segments: OrderedDict[int, list[State]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.records)

    async def build(self, tell: Callable[[int], None]) -> None:
        """Folds all events, in threads; `tell` hears now and then how many are done."""
        while self._built < len(self.records):
            await in_daemon("fold events", self._advance, _PATIENCE)
            tell(self._built)

    def _advance(self) -> None:
        until = time.monotonic() + _PIECE
        while self._built < len(self.records) and time.monotonic() < until:
            row = self._built
            step = self._step(row, self._last)
            if step.failure:
                self.failed[row] = step.failure
            if step.record.value is None:
                self.tombstones.add(row)
            now = step.record.timestamp or 0
            self.times.append(max(now, self.times[-1]) if self.times else now)
            self._last = step.after
            self._built += 1
            if self._built % _EVERY == 0:
                self._kept.append(self._last)

    def row_at(self, ms: int) -> int:
        """The last event at or before a time, -1 if there was none yet."""
        return bisect_right(self.times, ms) - 1

    async def step(self, row: int) -> Step:
        states = await self._states(row // _EVERY)
        at = row % _EVERY
        return Step(self.records[row], states[at], states[at + 1], self.failed.get(row))

    async def look(self, row: int, pinned: int | None = None) -> Look:
        """At an event, compared with the state before it or with that after the event `pinned`."""
        step = await self.step(row)
        base = step.before if pinned is None else (await self.step(pinned)).after

        def work() -> Look:
            return Look(step, tuple(changes(base, step.after, _MOST_CHANGES)), state_lines(base, step.after))

        return await in_daemon("compare states", work, _PATIENCE)

    def lines(self) -> Iterator[str]:
        """The whole history as lines of JSON, for a file: takes its time. An event that could not be folded has the
        reason; where there is no state, there is no "state"."""
        state: State = MISSING
        for row in range(len(self.records)):
            step = self._step(row, state)
            state = step.after
            yield self._line(step)

    def _line(self, step: Step) -> str:
        record = step.record
        line = line_of(record)[:-1]  # without its closing brace
        if step.failure:
            line += f',"failure":{json.dumps(str(step.failure), ensure_ascii=False)}'
        return line + ("}" if step.after is MISSING else f',"state":{as_json(step.after, _LONGEST)}}}')

    async def _states(self, number: int) -> list[State]:
        """Before the first event of a segment and after each of its events."""
        if (found := self._segments.get(number)) is None:
            found = self._segments[number] = await in_daemon("fold events", lambda: self._segment(number), _PATIENCE)
            if len(self._segments) > _SEGMENTS:
                self._segments.popitem(last=False)
        self._segments.move_to_end(number)
        return found

    def _segment(self, number: int) -> list[State]:
        states = [self._kept[number]]
        for row in self._rows(number):
            states.append(self._step(row, states[-1]).after)
        return states

    def _rows(self, number: int) -> range:
        return range(number * _EVERY, min((number + 1) * _EVERY, len(self.records)))

    def _step(self, row: int, before: State) -> Step:
        record = self.records[row]
        try:
            return Step(record, before, self._fold.apply(before, self._reader.read(record)))
        except Failure as failure:
            return Step(record, before, before, failure)


def reader(schemas: Schemas | None) -> EventReader:
    """It asks the registry for what is not known, so it is only used off the window's thread."""
    return EventReader((schemas or Schemas()).for_workers())


async def save_history(history: History, path: Path, *, replace: bool) -> int:
    """Writes `History.lines` into a file, which gets its name when it is whole. Returns its size in bytes. Raises
    `Failure`. A call that is cancelled leaves nothing."""
    file = PartFile(path, replace=replace)
    lines = history.lines()
    try:
        with file.telling():
            while await in_daemon("save a history", lambda: _write(file, lines), _PATIENCE):
                pass
        size = await in_daemon("save a history", file.close, _PATIENCE)
        file.take_name()
    except BaseException:
        file.discard()
        raise
    return size


def _write(file: PartFile, lines: Iterator[str]) -> bool:
    """Some more lines; whether there may be others."""
    until = time.monotonic() + _PIECE
    for line in lines:
        file.file.write(line.encode("utf-8", "backslashreplace") + b"\n")  # half a character, as JSON escapes it
        if time.monotonic() > until:
            return True
    return False
