"""Batches of records as they stand in a log and in the answer to a fetch, and the records in them.

Format: https://kafka.apache.org/documentation/#recordbatch (magic 2, since Kafka 0.11). Whatever else is met, what is
damaged and what would be too large raises `NotUnderstood`: the client library then reads it, or says what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cramjam
import google_crc32c

from kexplorer.model.records import Header, TimestampType

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AT, _CRC_FROM = 12, 21  # where the bytes begin that the length and the check sum are of
_CODEC, _LOG_APPEND, _TRANSACTIONAL, _CONTROL = 7, 8, 16, 32  # bits of the attributes
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_INTO = {
    _GZIP: cramjam.gzip.decompress_into,
    _SNAPPY: cramjam.snappy.decompress_raw_into,
    _LZ4: cramjam.lz4.decompress_into,
    _ZSTD: cramjam.zstd.decompress_into,
}
_XERIAL = b"\x82SNAPPY\0"  # what Java's snappy streams begin with; two numbers follow, then blocks with their lengths
_ROOM, _MOST_ROOM = 1 << 20, 64 << 20  # bytes: a few of them may unpack to any number
_ABORT = b"\0\0\0\0"  # the key of a control record: version 0, type 0

Row = tuple[int, tuple[int, int], bytes | None, bytes | None, Sequence[Header] | None]
"""Offset, number of the `TimestampType` and milliseconds since 1970, key, value, headers (None: a name is no text)."""


class NotUnderstood(Exception):  # noqa: N818  (nothing is wrong with it)
    """Not to be read without the client library."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Offsets `start` to `next` - 1, of which `count` have a record. `packed` are the records, maybe compressed; it is
    part of the answer's memory."""

    start: int
    next: int
    count: int
    leader_epoch: int
    attributes: int
    first_ms: int
    latest_ms: int
    producer: int
    packed: memoryview

    @property
    def compression(self) -> str:
        """As the setting compression.type names it."""
        codec = self.attributes & _CODEC
        return _CODECS[codec] if codec < len(_CODECS) else f"codec {codec}"

    @property
    def transactional(self) -> bool:
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Holds the end of a transaction and no records."""
        return bool(self.attributes & _CONTROL)

    @property
    def aborts(self) -> bool:
        """Of a control batch: whether it ends its transaction by aborting it."""
        return row(self, self.packed, 0)[2] == _ABORT


def batches_in(data: memoryview) -> Iterator[RecordBatch]:
    """Those that are there to their end: brokers cut off what is too much."""
    at = 0
    while at + _HEADER.size <= len(data):
        start, length, epoch, magic, crc, attributes, last, first_ms, latest_ms, producer, _, _, count = (
            _HEADER.unpack_from(data, at)
        )
        if magic != 2:
            raise NotUnderstood(f"message format {magic}")
        end = at + _LENGTH_AT + length
        if end > len(data):
            return
        if length < _HEADER.size - _LENGTH_AT or not 0 <= count <= last + 1:
            raise NotUnderstood("a damaged batch")
        if google_crc32c.value(bytes(data[at + _CRC_FROM : end])) != crc:
            raise NotUnderstood("a wrong check sum")
        packed = data[at + _HEADER.size : end]
        next_ = start + last + 1
        yield RecordBatch(start, next_, count, epoch, attributes, first_ms, latest_ms, producer, packed)
        at = end


def visible(batches: Sequence[RecordBatch], aborted: Sequence[tuple[int, int]]) -> Iterator[tuple[RecordBatch, bool]]:
    """Whether readers get the records of a batch: none of control batches, none of the transactions in `aborted`
    (producer and first offset, as the broker tells readers of committed records for the same answer)."""
    begun = sorted(aborted, key=lambda each: each[1], reverse=True)
    open_: set[int] = set()
    for batch in batches:
        while begun and begun[-1][1] < batch.next:
            open_.add(begun.pop()[0])
        if batch.control and batch.aborts:
            open_.discard(batch.producer)
        yield batch, not batch.control and not (batch.transactional and batch.producer in open_)


class Unpacker:
    """Decompresses into memory that is used again: cleared pages would take a fifth of the time."""

    def __init__(self) -> None:
        self._room = bytearray(_ROOM)

    def records_of(self, batch: RecordBatch) -> memoryview:
        """Valid until the next call."""
        codec = batch.attributes & _CODEC
        if not codec:
            return batch.packed
        if codec not in _INTO:
            raise NotUnderstood(f"compression {codec}")
        while True:
            try:
                return self._unpacked(codec, batch.packed)
            except cramjam.DecompressionError as error:  # there is no room, if nothing else is wrong with it
                if len(self._room) >= _MOST_ROOM:
                    raise NotUnderstood(str(error)) from None
                self._room = bytearray(4 * len(self._room))

    def _unpacked(self, codec: int, packed: memoryview) -> memoryview:
        room = memoryview(self._room)
        if codec != _SNAPPY or packed[: len(_XERIAL)] != _XERIAL:
            return room[: _INTO[codec](packed, self._room)]
        at, end = len(_XERIAL) + 8, 0
        while at < len(packed):
            (length,) = struct.unpack_from(">i", packed, at) if at + 4 <= len(packed) else (-1,)
            at += 4 + length
            if length < 0 or at > len(packed):
                raise NotUnderstood("a damaged snappy stream")
            end += cramjam.snappy.decompress_raw_into(packed[at - length : at], room[end:])
        return room[:end]


def starts_in(data: memoryview, count: int) -> list[int]:
    """Where each of `count` records begins, and where the last one ends."""
    starts, at = [], 0
    try:
        for _ in range(count):
            starts.append(at)
            length = data[at]
            if length < 0x80:  # most are told in one byte or two
                at += 1 + (length >> 1)
            elif (high := data[at + 1]) < 0x80:
                at += 2 + ((high << 7 | length & 0x7F) >> 1)
            else:
                length, at = _varint(data, at)
                at += length
    except IndexError:
        raise NotUnderstood("a damaged batch") from None
    if at != len(data):
        raise NotUnderstood("a damaged batch")
    return [*starts, at]


def row(batch: RecordBatch, data: memoryview, at: int) -> Row:
    """The record that begins at `at`."""
    try:
        length, at = _varint(data, at)
        end = at + length
        later, at = _varint(data, at + 1)  # behind attributes that mean nothing
        delta, at = _varint(data, at)
        key, at = _cell(data, at)
        value, at = _cell(data, at)
        headers, at = _headers(data, at)
    except IndexError:
        raise NotUnderstood("a damaged record") from None
    offset, ms = batch.start + delta, batch.first_ms + later
    kind = TimestampType.CREATE_TIME
    if batch.attributes & _LOG_APPEND:
        kind, ms = TimestampType.LOG_APPEND_TIME, batch.latest_ms
    if at != end or not batch.start <= offset < batch.next or not -(1 << 63) <= ms < 1 << 63:
        raise NotUnderstood("a damaged record")
    return offset, (kind, ms), key, value, headers


def _headers(data: memoryview, at: int) -> tuple[Sequence[Header] | None, int]:
    count, at = _varint(data, at)
    if not count:
        return (), at
    headers: list[Header] = []
    readable = True
    for _ in range(count):
        name, at = _cell(data, at)
        value, at = _cell(data, at)
        try:
            headers.append(((name or b"").decode(), value))
        except UnicodeDecodeError:
            readable = False
    return headers if readable else None, at


def _cell(data: memoryview, at: int) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    if length < 0:
        return None, at
    if at + length > len(data):
        raise IndexError
    return bytes(data[at : at + length]), at + length


def _varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    byte = data[at]
    number, shift = byte & 0x7F, 7
    while byte >= 0x80:
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise IndexError
    return (number >> 1) ^ -(number & 1), at + 1
