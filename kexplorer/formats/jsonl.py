"""A record as a line of JSON from which it can be written again, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, BinaryIO, Literal

import msgspec

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record, TimestampType
from kexplorer.model.topics import TopicPartition


class _Base64(msgspec.Struct, forbid_unknown_fields=True):
    base64: bytes  # msgspec writes and reads it as such


_Bytes = str | _Base64 | None
_Headers = list[tuple[str, _Bytes]] | None
_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Line(msgspec.Struct):
    topic: str
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
    offset: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    timestamp: _Int64 | None
    timestamp_type: Literal["CreateTime", "LogAppendTime"] | None
    key: _Bytes
    value: _Bytes
    headers: _Headers


_NAMES: dict[TimestampType, Literal["CreateTime", "LogAppendTime"]] = {
    TimestampType.CREATE_TIME: "CreateTime",
    TimestampType.LOG_APPEND_TIME: "LogAppendTime",
}
_TYPES = {name: kind for kind, name in _NAMES.items()}
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(_Line).decode
_REMEDY = "Each line holds topic, partition, offset, timestamp, timestamp_type, key, value and headers."


class JsonlWriter:
    """Writes lines to `file`, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, records: Iterable[Record]) -> None:
        for record in records:
            self._file.write(_json(_line(record)) + b"\n")

    def finish(self) -> None:
        """A line is whole by itself."""


def line_of(record: Record) -> str:
    """One line, without its end. Bytes are a text where they are UTF-8, else {"base64": ...}; null is null. `headers`
    is a list of [name, value] in their order, null where the client cannot read them."""
    return _json(_line(record)).decode()


def headers_text(record: Record) -> str:
    """The headers alone, as they are in a line."""
    return _json(_headers(record)).decode()


def read_line(line: str | bytes) -> Record:
    """The record of a line that `line_of` wrote. Members that a line doesn't need are passed over.

    Raises `Failure`(INVALID) that says what is wrong with it.
    """
    try:
        read = _DECODE(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Failure(FailureKind.INVALID, f"This line is no record: {error}.", _REMEDY) from None
    return Record(
        TopicPartition(read.topic, read.partition),
        read.offset,
        read.timestamp,
        _TYPES[read.timestamp_type] if read.timestamp_type else TimestampType.NOT_AVAILABLE,
        _bytes(read.key),
        _bytes(read.value),
        None if read.headers is None else tuple((name, _bytes(value)) for name, value in read.headers),
    )


def _line(record: Record) -> _Line:
    return _Line(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        _NAMES.get(record.timestamp_type),
        _text(record.key),
        _text(record.value),
        _headers(record),
    )


def _headers(record: Record) -> _Headers:
    return None if record.headers is None else [(name, _text(value)) for name, value in record.headers]


def _text(data: bytes | None) -> _Bytes:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return _Base64(data or b"")


def _bytes(read: _Bytes) -> bytes | None:
    return read.encode() if isinstance(read, str) else read.base64 if read else None


def _json(line: _Line | _Headers) -> bytes:
    """With escapes for what a terminal would obey, what turns the direction of writing and what ends a line for some
    readers."""
    data = _ENCODE(line)
    if data.isascii() and b"\x7f" not in data:  # six times as fast as to look at each character
        return data
    text = data.decode()
    return text.translate({ord(c): json.dumps(c)[1:-1] for c in set(text) if not c.isprintable()}).encode()
