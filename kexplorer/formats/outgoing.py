"""Lines of an export, and of files that others wrote like it, as records to send."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, cast

import msgspec

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing

_INT64 = (1 << 63) - 1
_KNOWN = 1000  # headers that are kept: most records of a file have the same as others
_HINT = 'A row holds key, value (a text, null or {"base64": ...}), headers ([[name, value], ...]) and timestamp.'


class Base64(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    base64: bytes

    def __len__(self) -> int:
        return len(self.base64)


_Bytes = str | Base64 | None
Headers = tuple[tuple[str, Any], ...]


class _Row(msgspec.Struct):
    """Of an export's line what can be sent; whatever else is in it is passed over."""

    value: _Bytes
    key: _Bytes = None
    headers: list[tuple[str, _Bytes]] | None = []
    timestamp: Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64)] | None = None
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] | None = None
    topic: str = ""


class Row(msgspec.Struct, gc=False):
    """As `LineReader.rows` reads it. Rows with the same headers share one tuple of them."""

    value: _Bytes
    key: _Bytes = None
    headers: msgspec.Raw = msgspec.Raw(b"[]")  # which that replaces by `Headers`
    timestamp: Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64)] | None = None
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] | None = None
    topic: str = ""


class _Place(msgspec.Struct, gc=False):
    key: _Bytes = None
    partition: int | None = None


_DECODER = msgspec.json.Decoder(_Row)
_ROWS = msgspec.json.Decoder(Row)
_HEADERS = msgspec.json.Decoder(list[tuple[str, _Bytes]])
_PLACES = msgspec.json.Decoder(_Place)


class _KnownHeaders(dict[bytes, Headers]):
    """By how they stand in a line."""

    def __missing__(self, raw: bytes) -> Headers:
        if len(self) >= _KNOWN:
            self.clear()
        headers = self[raw] = tuple((name, _plain(value)) for name, value in _HEADERS.decode(raw))
        return headers


class LineReader:
    """`topic` is where all rows go, "" for the one that each names. Rows keep their partition and timestamp if that is
    asked for."""

    def __init__(self, topic: str, *, keep_partition: bool, keep_timestamp: bool) -> None:
        self.topic = topic
        self.keep_partition = keep_partition
        self.keep_timestamp = keep_timestamp
        self._headers = _KnownHeaders()

    def rows(self, lines: bytes) -> list[Row] | None:
        """Whole lines at once, several times as fast as one by one; None if one of them is wrong. Partitions stay, kept
        or not."""
        last, headers = msgspec.Raw(b"[]"), cast(msgspec.Raw, ())
        try:
            rows = _ROWS.decode_lines(lines)
            for row in rows:
                if row.headers != last:  # most have those of the row before
                    last = row.headers
                    headers = cast(msgspec.Raw, self._headers[bytes(last)])
                row.headers = headers
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not self.keep_timestamp:
            for row in rows:
                row.timestamp = None
        return rows

    def block(self, lines: bytes) -> list[Outgoing] | None:
        """As `rows`, of records to send."""
        if self.topic:
            rows = self.rows(lines)
            return None if rows is None else list(map(self.outgoing, rows))
        try:
            return [self._outgoing(row) for row in _DECODER.decode_lines(lines)]
        except (msgspec.DecodeError, UnicodeError, RecursionError, Failure):
            return None

    def line(self, line: bytes) -> Outgoing:
        """Raises `Failure`(INVALID) that says what is wrong and where in the line."""
        try:
            return self._outgoing(_DECODER.decode(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Failure(FailureKind.INVALID, f"This is no row: {error}.", _HINT) from None

    def outgoing(self, row: Row) -> Outgoing:
        headers: Any = row.headers
        partition = row.partition if self.keep_partition else None
        return Outgoing(self.topic, _plain(row.key), _plain(row.value), headers, partition, row.timestamp)

    def _outgoing(self, row: _Row) -> Outgoing:
        topic = self.topic or row.topic
        if not topic:
            raise Failure(FailureKind.INVALID, "The row names no topic.", "Choose a topic for all rows.")
        headers: Any = row.headers
        if headers is None:
            raise _unreadable_headers()
        if headers:
            for _, value in headers:
                if value.__class__ is Base64:
                    headers = [(name, _plain(value)) for name, value in headers]
                    break
        key, value = row.key, row.value
        return Outgoing(
            topic,
            key.base64 if key.__class__ is Base64 else key,  # type: ignore[arg-type]
            value.base64 if value.__class__ is Base64 else value,  # type: ignore[arg-type]
            headers,
            row.partition if self.keep_partition else None,
            row.timestamp if self.keep_timestamp else None,
        )


def keyless(lines: bytes, *, keep_partition: bool) -> bool:
    """Whether the order of these rows is nobody's business: each has null as its key, and none a partition that is
    kept. False for rows that cannot be read."""
    named = [b'"key"', b'"partition"'] if keep_partition else [b'"key"']
    if all(lines.count(name) == lines.count(name + b": null") + lines.count(name + b":null") for name in named):
        return True  # without reading any
    try:
        places = _PLACES.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    ordered = [each for each in places if each.key is not None or (keep_partition and each.partition is not None)]
    return not ordered


def rows_size(rows: Sequence[Row]) -> int:
    """Bytes of keys and values, of texts characters."""
    return sum(sum(map(len, filter(None, map(attrgetter(part), rows)))) for part in ("key", "value"))


def _plain(read: _Bytes) -> bytes | str | None:
    return read.base64 if isinstance(read, Base64) else read


def _unreadable_headers() -> Failure:
    text = "The row has headers that could not be read when it was written."
    return Failure(FailureKind.INVALID, text, "Write [] instead of null to send it without.")
