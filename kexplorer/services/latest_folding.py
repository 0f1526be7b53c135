"""From the events of a bucket to the latest state of each of its entities; in a worker process.

Which of two events is later: in a partition the one with the higher offset. Partitions that share a key, which the
usual partitioners do not make, are put together by timestamps: a record counts as no older than those of its key before
it in the same partition, and at the same time the name and the number of the partition decide. Where the last value is
all that is wanted, the timestamp of each partition's last record decides.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from kexplorer.formats.column import as_json
from kexplorer.formats.folding import EventReader, Fold, State, make_fold
from kexplorer.formats.latest_rows import Row, unpack
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.schemas import Schema, SchemaSource, Unavailable
from kexplorer.model.failure import Failure
from kexplorer.model.folding import FoldSpec
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.schemas import Part, SchemaKey
from kexplorer.model.topics import TopicPartition
from kexplorer.store.latest import Folded, LatestFile, failed

_LONGEST_STATE = 16 << 20  # characters
_MOST_BYTES = 32 << 20  # of events that are held at one time, but for those of a single entity

_Event = tuple[TopicPartition, Row]


@dataclass(frozen=True, slots=True)
class FoldBucket:
    """Folds one bucket of `file`; goes to workers by pipe. `fold` None: the state of an entity is its last value, byte
    for byte."""

    file: LatestFile
    fold: FoldSpec | None = None
    schemas: SchemaSource | None = None

    def __call__(self, bucket: int) -> None:
        """Raises `Failure`."""
        try:
            turns = self.file.size(bucket) // _MOST_BYTES + 1
            for turn in range(turns):
                rows = self._rows(bucket, turn, turns)
                self.file.add(_last(rows) if self.fold is None else self._folded(make_fold(self.fold), rows))
            self.file.drop(bucket)
        except (sqlite3.Error, OSError) as error:
            raise failed(self.file.path, error) from error

    def _rows(self, bucket: int, turn: int, turns: int) -> Iterator[_Event]:
        """Those of a part of its entities, where values are so large that all would not fit into memory."""
        for source, data in self.file.chunks(bucket):
            yield from ((source, row) for row in unpack(data) if turns == 1 or hash(row[0]) % turns == turn)

    def _folded(self, fold: Fold, rows: Iterable[_Event]) -> Iterator[Folded]:
        events: dict[bytes, list[_Event]] = {}
        for event in rows:
            events.setdefault(event[1][0], []).append(event)
        reader = EventReader(self.schemas or _NoSchemas())
        return (_state_of(fold, reader, _in_order(of)) for of in events.values())


class _NoSchemas:
    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        return Unavailable("the connection has no schema registry")

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return None


def _last(rows: Iterator[_Event]) -> Iterable[Folded]:
    found: dict[bytes, _Event] = {}
    for source, of in groupby(rows, key=itemgetter(0)):
        last: dict[bytes, Row] = {}
        for _, row in of:
            before = last.get(row[0])
            last[row[0]] = _counting(row, before[4] + row[4]) if before else row
        for key, row in last.items():
            if (known := found.get(key)) is None:
                found[key] = source, row
            else:
                later = (source, row) if _time(row) >= _time(known[1]) else known
                found[key] = later[0], _counting(later[1], known[1][4] + row[4])
    return ((key, source, row[1], row[2], row[4], row[3], "") for key, (source, row) in found.items())


def _time(row: Row) -> int:
    return -1 if row[2] is None else row[2]


def _counting(row: Row, events: int) -> Row:
    return (*row[:4], events, *row[5:])


def _in_order(events: list[_Event]) -> list[_Event]:
    """Of one entity; each partition's own are together and in order."""
    if events[0][0] == events[-1][0]:
        return events
    timed, before, latest = [], None, -1
    for source, row in events:
        latest = max(latest, _time(row)) if source == before else _time(row)
        before = source
        timed.append((latest, source, row))
    timed.sort(key=itemgetter(0, 1))
    return [(source, row) for _, source, row in timed]


def _state_of(fold: Fold, reader: EventReader, events: list[_Event]) -> Folded:
    state: State = MISSING
    trouble, wrong = "", 0
    for source, (_, offset, ms, value, _, key, headers) in events:
        kind = TimestampType.NOT_AVAILABLE if ms is None else TimestampType.CREATE_TIME
        known = None if headers is None else tuple((name, content) for name, content in headers)
        try:
            state = fold.apply(state, reader.read(Record(source, offset, ms, kind, key, value, known)))
        except Failure as failure:
            wrong += 1
            trouble = f"{source.topic}, partition {source.partition}, offset {offset}: {failure.message}"
    if wrong > 1:
        trouble = f"{wrong:,} events could not be folded; the last: {trouble}"
    source, (key, offset, ms, *_) = events[-1]
    text = None if state is MISSING else as_json(state, _LONGEST_STATE).encode("utf-8", "surrogateescape")
    if text and len(text) >= _LONGEST_STATE:
        trouble = "The state is too long: only its beginning is kept."
    return key, source, offset, ms, len(events), text, trouble
