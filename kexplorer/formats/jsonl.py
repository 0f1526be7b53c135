"""A record as a line of JSON from which it can be written again, byte for byte."""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Iterable, Iterator
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


class _Head(msgspec.Struct):
    topic: str
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
    offset: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    timestamp: _Int64 | None
    timestamp_type: Literal["CreateTime", "LogAppendTime"] | None


class _Line(_Head):
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
_PIECE = 48 * 1024  # bytes, a multiple of 3; to escape 50 MB in one go would hold other threads up for seconds
_REMEDY = "Each line holds topic, partition, offset, timestamp, timestamp_type, key, value and headers."


class JsonlWriter:
    """Writes lines to `file`, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, records: Iterable[Record]) -> None:
        for record in records:
            if size_of(record) <= _PIECE:
                self._file.write(_json(_line(record)) + b"\n")
            else:
                self._file.writelines(_large_line(record))
                self._file.write(b"\n")

    def finish(self) -> None:
        """A line is whole by itself."""


def line_of(record: Record) -> str:
    """One line, without its end. Bytes are a text where they are UTF-8, else {"base64": ...}; null is null. `headers`
    is a list of [name, value] in their order, null where the client cannot read them."""
    line = _json(_line(record)) if size_of(record) <= _PIECE else b"".join(_large_line(record))
    return line.decode()


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


def size_of(record: Record) -> int:
    """Bytes of key, value and headers."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers or ())
    return len(record.key or b"") + len(record.value or b"") + headers


def text_pieces(data: bytes) -> list[str] | None:
    """The text in pieces of 48 kB, None if it is no UTF-8."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    try:
        return [decode(data[at : at + _PIECE], at + _PIECE >= len(data)) for at in range(0, len(data), _PIECE)]
    except UnicodeDecodeError:
        return None


def base64_pieces(data: bytes) -> Iterator[bytes]:
    return (base64.b64encode(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))


def _large_line(record: Record) -> Iterator[bytes]:
    """The line in pieces."""
    head = _Head(record.topic, record.partition, record.offset, record.timestamp, _NAMES.get(record.timestamp_type))
    yield _json(head)[:-1] + b',"key":'
    yield from _large(record.key)
    yield b',"value":'
    yield from _large(record.value)
    yield b',"headers":'
    if record.headers is None:
        yield b"null}"
        return
    for number, (name, value) in enumerate(record.headers):
        yield (b",[" if number else b"[[") + _json(name) + b","
        yield from _large(value)
        yield b"]"
    yield b"]}" if record.headers else b"[]}"


def _large(data: bytes | None) -> Iterator[bytes]:
    if data is None:
        yield b"null"
    elif (texts := text_pieces(data)) is not None:
        yield b'"'
        yield from (_json(text)[1:-1] for text in texts)
        yield b'"'
    else:
        yield b'{"base64":"'
        yield from base64_pieces(data)
        yield b'"}'


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


def _json(line: _Head | _Headers | str) -> bytes:
    """With escapes for what a terminal would obey, what turns the direction of writing and what ends a line for some
    readers."""
    data = _ENCODE(line)
    if data.isascii() and b"\x7f" not in data:  # six times as fast as to look at each character
        return data
    text = data.decode()
    if text.isprintable():
        return data
    for character in set(text):
        if not character.isprintable():  # few differ, and str.translate() takes ten times as long
            text = text.replace(character, json.dumps(character)[1:-1])
    return text.encode()
