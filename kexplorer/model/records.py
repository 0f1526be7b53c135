"""Records as they come from a partition, and as columns: a million of them cost few objects and little memory."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import accumulate, chain, islice
from typing import NamedTuple

from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition

Header = tuple[str, bytes | None]


class TimestampType(IntEnum):
    """KIP-32. The numbers are the client's."""

    NOT_AVAILABLE = 0
    CREATE_TIME = 1
    LOG_APPEND_TIME = 2


@dataclass(frozen=True, slots=True)
class Record:
    """One record, byte for byte. `timestamp` is milliseconds since 1970 (any integer a producer sent) or None where the
    log has none. `key`/`value` None is Kafka's null, which differs from b"". `headers` keep order, duplicates and
    null values; None means that the client cannot read this record's headers. `leader_epoch`: of the leader that wrote
    the record to the log, None where brokers do not tell."""

    source: TopicPartition
    offset: int
    timestamp: int | None
    timestamp_type: TimestampType
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] | None
    leader_epoch: int | None = None

    @property
    def topic(self) -> str:
        return self.source.topic

    @property
    def partition(self) -> int:
        return self.source.partition


class Peek(NamedTuple):
    """A record that may hold the beginnings of its key, its value and its headers' values only. `size` is that of key
    and value as they are, in bytes."""

    record: Record
    size: int


class Mark(Enum):
    """Why readers of committed records do not get a record."""

    ABORTED = "aborted"
    HELD = "held"  # at the last stable offset or behind: of an open transaction, or waiting for the end of one


Position = tuple[TopicPartition, int]  # and the offset

_KEY_NULL, _VALUE_NULL, _HEADERS_UNREADABLE = 1, 2, 4
_TYPE_SHIFT = 3
_FLAGS_OF_TYPE = tuple(kind << _TYPE_SHIFT for kind in TimestampType)
_HEADER = struct.Struct("<ii")
_ROW_OVERHEAD = 8 + 8 + 2 + 1 + 4 + 3 * 8  # offset, timestamp, source, flags, leader epoch, three ends
_CHUNKS = 64  # of a full ring; forgetting happens a chunk at a time
_OWN_CHUNK = 64  # rows from which a batch is kept as it came


class RecordColumns:
    """An append-only list of records kept as one blob and a few arrays: about 47 bytes a row beyond the payload and
    nothing for the garbage collector to walk. Indexing builds a `Record`."""

    __slots__ = (
        "_blob",
        "_ends",
        "_epochs",
        "_flags",
        "_offsets",
        "_source_numbers",
        "_source_of",
        "_sources",
        "_timestamps",
    )

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._sources: list[TopicPartition] = []
        self._source_numbers: dict[TopicPartition, int] = {}
        self._source_of = array("H")
        self._offsets = array("q")
        self._timestamps = array("q")
        self._epochs = array("i")  # -1 for none
        self._flags = bytearray()
        self._ends = array("Q", [0])  # of key, value and headers of each row, one after the other
        self._blob = bytearray()
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        self.append(
            record.source,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            record.key,
            record.value,
            record.headers,
            record.leader_epoch,
        )

    def append(
        self,
        source: TopicPartition,
        offset: int,
        timestamp: int | None,
        timestamp_type: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header] | None,
        leader_epoch: int | None = None,
    ) -> None:
        number = self._source_numbers.get(source)
        if number is None:
            number = self._source_numbers[source] = len(self._sources)
            self._sources.append(source)
        blob, ends = self._blob, self._ends
        flags = (0 if timestamp is None else timestamp_type) << _TYPE_SHIFT
        if key is None:
            flags |= _KEY_NULL
        else:
            blob += key
        ends.append(len(blob))
        if value is None:
            flags |= _VALUE_NULL
        else:
            blob += value
        ends.append(len(blob))
        if headers is None:
            flags |= _HEADERS_UNREADABLE
        elif headers:
            blob += _packed(headers)
        ends.append(len(blob))
        self._source_of.append(number)
        self._offsets.append(offset)
        self._timestamps.append(timestamp or 0)
        self._epochs.append(-1 if leader_epoch is None else leader_epoch)
        self._flags.append(flags)

    def append_run(
        self,
        source: TopicPartition,
        offsets: Sequence[int],
        timestamps: Sequence[tuple[int, int]],
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Sequence[Sequence[Header] | None],
        epochs: Sequence[int | None],
    ) -> None:
        """Like `append` for rows of one partition, a column at a time: three times as fast. A timestamp is the number
        of its `TimestampType` and its milliseconds."""
        number = self._source_numbers.setdefault(source, len(self._sources))
        if number == len(self._sources):
            self._sources.append(source)
        self._source_of += array("H", (number,)) * len(offsets)
        self._offsets.frombytes(_int64s(offsets))
        kinds, times = zip(*timestamps, strict=True)
        self._timestamps.frombytes(_int64s(times if all(kinds) else [ms if kind else 0 for kind, ms in timestamps]))
        known = [-1 if epoch is None else epoch for epoch in epochs] if None in epochs else epochs
        self._epochs.frombytes(struct.pack(f"{len(known)}i", *known))
        if kinds.count(kinds[0]) == len(kinds):
            flags = bytearray((_FLAGS_OF_TYPE[kinds[0]],)) * len(kinds)
        else:
            flags = bytearray(map(_FLAGS_OF_TYPE.__getitem__, kinds))
        for column, null in ((keys, _KEY_NULL), (values, _VALUE_NULL), (headers, _HEADERS_UNREADABLE)):
            for row in _nulls(column):
                flags[row] |= null
        self._flags += flags
        packed = [_packed(each) if each else b"" for each in headers] if any(headers) else []
        self._append_cells(_filled(keys), _filled(values), packed)

    def _append_cells(self, *columns: Sequence[bytes]) -> None:
        """Keys, values and headers; a column without a byte costs next to nothing."""
        filled = [column for column in columns if any(column)]
        step, rows = len(filled), len(columns[0])
        cells = list(chain.from_iterable(zip(*filled, strict=True) if step > 1 else filled))
        reached = array("Q", _int64s(list(accumulate(map(len, cells), initial=len(self._blob)))))
        ends, first = array("Q", bytes(24 * rows)), 0
        for number, column in enumerate(columns):
            first += any(column)
            ends[number::3] = reached[first : first + step * rows : step] if step else reached * rows
        self._ends += ends
        self._blob += b"".join(cells)

    def by_time(self, since: int = 0) -> RecordColumns:
        """The rows in their `time_order`."""
        return self if len(self._sources) < 2 else self.select(self.time_order(since))

    def time_order(self, since: int = 0) -> Sequence[int]:
        """The numbers of the rows of all partitions mixed by timestamp, at the same time by partition. A partition's
        own stay in order: a row counts as no older than those before it, and none as older than `since`."""
        if len(self._sources) < 2:
            return range(len(self))
        order = sorted(self._sources)
        rank = [order.index(source) for source in self._sources]
        latest = [since] * len(order)
        keys = []
        for source, ms in zip(self._source_of, self._timestamps, strict=True):
            latest[source] = max(latest[source], ms)
            keys.append(latest[source] * len(order) + rank[source])
        return sorted(range(len(keys)), key=keys.__getitem__)

    def by_partition(self) -> dict[TopicPartition, RecordColumns]:
        if len(self._sources) == 1:
            return {self._sources[0]: self}
        rows: list[list[int]] = [[] for _ in self._sources]
        for row, source in enumerate(self._source_of):
            rows[source].append(row)
        return {source: self.select(of) for source, of in zip(self._sources, rows, strict=True)}

    def select(self, rows: Sequence[int]) -> RecordColumns:
        """These rows, in this order, a column at a time."""
        made, ends, blob = RecordColumns(), self._ends, memoryview(self._blob)  # whose slices copy nothing
        made._sources, made._source_numbers = list(self._sources), dict(self._source_numbers)
        made._source_of = array("H", [self._source_of[row] for row in rows])
        made._offsets = array("q", [self._offsets[row] for row in rows])
        made._timestamps = array("q", [self._timestamps[row] for row in rows])
        made._epochs = array("i", [self._epochs[row] for row in rows])
        made._flags += bytes([self._flags[row] for row in rows])
        cells = [blob[ends[at] : ends[at + 1]] for row in rows for at in range(3 * row, 3 * row + 3)]
        made._ends.frombytes(_int64s(list(accumulate(map(len, cells)))))
        made._blob = bytearray().join(cells)  # fresh memory is slow: once, then
        return made

    def __len__(self) -> int:
        return len(self._offsets)

    def extend(self, other: RecordColumns) -> None:
        """Appends all rows of `other`, a column at a time."""
        numbers = []
        for source in other._sources:
            number = self._source_numbers.setdefault(source, len(self._sources))
            if number == len(self._sources):
                self._sources.append(source)
            numbers.append(number)
        base = len(self._blob)
        self._source_of += array("H", [numbers[number] for number in other._source_of])
        self._offsets.extend(other._offsets)
        self._timestamps.extend(other._timestamps)
        self._epochs.extend(other._epochs)
        self._flags += other._flags
        self._ends += array("Q", [base + end for end in islice(other._ends, 1, None)]) if base else other._ends[1:]
        self._blob += other._blob

    def __getitem__(self, i: int) -> Record:
        return self._record(i)

    def peek(self, i: int, limit: int) -> Peek:
        """No more than `limit` bytes of anything: a value of 50 MB takes 50 ms to copy, and a table shows a line."""
        return Peek(self._record(i, limit), self._ends[3 * i + 2] - self._ends[3 * i])

    def _record(self, i: int, limit: int = sys.maxsize) -> Record:
        if not 0 <= i < len(self):
            raise IndexError(i)
        start, key_end, value_end, end = self._ends[3 * i : 3 * i + 4]
        flags, blob = self._flags[i], memoryview(self._blob)  # a slice of the blob itself would be one more copy
        timestamp_type = TimestampType(flags >> _TYPE_SHIFT)
        return Record(
            source=self._sources[self._source_of[i]],
            offset=self._offsets[i],
            timestamp=self._timestamps[i] if timestamp_type else None,
            timestamp_type=timestamp_type,
            key=None if flags & _KEY_NULL else bytes(blob[start : min(key_end, start + limit)]),
            value=None if flags & _VALUE_NULL else bytes(blob[key_end : min(value_end, key_end + limit)]),
            headers=None if flags & _HEADERS_UNREADABLE else _unpack_headers(blob[value_end:end], limit),
            leader_epoch=None if self._epochs[i] < 0 else self._epochs[i],
        )

    def __iter__(self) -> Iterator[Record]:
        return (self[i] for i in range(len(self)))

    def positions(self) -> Iterator[tuple[int, TopicPartition, int]]:
        sources = self._sources
        return zip(self._timestamps, (sources[n] for n in self._source_of), self._offsets, strict=True)

    @property
    def nbytes(self) -> int:
        """Bytes held, payload and overhead."""
        return len(self._blob) + len(self) * _ROW_OVERHEAD


def _int64s(numbers: Sequence[int]) -> bytes:
    """`array.extend` of a list takes ten times as long as `array.frombytes` of this."""
    return struct.pack(f"{len(numbers)}q", *numbers)


def _nulls(column: Sequence[object | None]) -> list[int]:
    return [row for row, cell in enumerate(column) if cell is None] if None in column else []


def _filled(column: Sequence[bytes | None]) -> Sequence[bytes]:
    return [cell or b"" for cell in column] if None in column else column  # type: ignore[return-value]


def _packed(headers: Sequence[Header]) -> bytes:
    packed = bytearray()
    for name, value in headers:
        encoded = name.encode("utf-8", "surrogatepass")
        packed += _HEADER.pack(len(encoded), -1 if value is None else len(value))
        packed += encoded
        packed += value or b""
    return bytes(packed)


def _unpack_headers(packed: memoryview, limit: int) -> tuple[Header, ...]:
    headers: list[Header] = []
    at = 0
    while at < len(packed):
        name_length, value_length = _HEADER.unpack_from(packed, at)
        at += _HEADER.size
        name = str(packed[at : at + name_length], "utf-8", "surrogatepass")
        at += name_length
        value = None if value_length < 0 else bytes(packed[at : at + min(value_length, limit)])
        at += max(value_length, 0)
        headers.append((name, value))
    return tuple(headers)


class RecordRing:
    """The most recent records that fit into `limit` bytes; older ones are forgotten a chunk at a time and counted.

    `marks` are those of its records that somebody has looked for.

    Rows are numbered from 0 (the oldest kept). `dropped` rows came before row 0, so `dropped + row` never changes its
    meaning while records are appended.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.marks: dict[Position, Mark] = {}
        self.dropped = 0
        self.nbytes = 0
        self._chunks: deque[RecordColumns] = deque()
        self._starts: deque[int] = deque()  # absolute number of each chunk's first row
        self._total = 0

    def __len__(self) -> int:
        return self._total - self.dropped

    def __getitem__(self, row: int) -> Record:
        chunk, i = self._place_of(row)
        return chunk[i]

    def peek(self, row: int, limit: int) -> Peek:
        """As `RecordColumns.peek`."""
        chunk, i = self._place_of(row)
        return chunk.peek(i, limit)

    def is_gap(self, row: int) -> bool:
        """No row is: what never came was not counted."""
        return False

    def mark_of(self, row: int) -> Mark | None:
        if not self.marks:
            return None
        record = self.peek(row, 0).record
        return self.marks.get((record.source, record.offset))

    def add(self, record: Record) -> None:
        chunk = self._open_chunk()
        before = chunk.nbytes
        chunk.add(record)
        self._grew(1, chunk.nbytes - before)

    def extend(self, columns: RecordColumns) -> None:
        """Appends all rows. A large batch becomes a chunk of its own: `columns` is not to be changed afterwards."""
        if len(columns) >= _OWN_CHUNK:
            self._begin(columns)
        elif columns:
            self._open_chunk().extend(columns)
        self._grew(len(columns), columns.nbytes)

    def positions(self) -> Iterator[tuple[int, TopicPartition, int]]:
        """Timestamp (0 where there is none), partition and offset of every row, without building records."""
        for chunk in self._chunks:
            yield from chunk.positions()

    def _place_of(self, row: int) -> tuple[RecordColumns, int]:
        if not 0 <= row < len(self):
            raise IndexError(row)
        absolute = self.dropped + row
        chunk = bisect_right(self._starts, absolute) - 1
        return self._chunks[chunk], absolute - self._starts[chunk]

    def _open_chunk(self) -> RecordColumns:
        if not self._chunks or self._chunks[-1].nbytes > self.limit // _CHUNKS:
            self._begin(RecordColumns())
        return self._chunks[-1]

    def _begin(self, chunk: RecordColumns) -> None:
        self._chunks.append(chunk)
        self._starts.append(self._total)

    def _grew(self, rows: int, nbytes: int) -> None:
        self._total += rows
        self.nbytes += nbytes
        while self.nbytes > self.limit and len(self._chunks) > 1:
            gone = self._chunks.popleft()
            self._starts.popleft()
            self.nbytes -= gone.nbytes
            self.dropped += len(gone)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with one partition while the others go on. `offset` is where, when that is known."""

    source: TopicPartition
    failure: Failure
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one pull of a reader brought: records in the order of their partitions, and what went wrong on the way."""

    records: RecordColumns
    troubles: tuple[Trouble, ...] = ()
