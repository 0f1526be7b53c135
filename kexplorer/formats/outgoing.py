"""Lines of an export, and of files that others wrote like it, as records to send."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing

_INT64 = (1 << 63) - 1
_KNOWN = 1000  # headers that are kept: most records of a file have the same as others
_HINT = 'A row holds key, value (a text, null or {"base64": ...}), headers ([[name, value], ...]) and timestamp.'


class _Base64(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    base64: bytes


_Bytes = str | _Base64 | None
Headers = tuple[tuple[str, Any], ...]


class _Row(msgspec.Struct):
    """Of an export's line what can be sent; whatever else is in it is passed over."""

    value: _Bytes
    key: _Bytes = None
    headers: list[tuple[str, _Bytes]] | None = []
    timestamp: Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64)] | None = None
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] | None = None
    topic: str = ""


class _LeanRow(msgspec.Struct, gc=False):
    """A row whose headers are looked at later."""

    value: _Bytes
    key: _Bytes = None
    headers: msgspec.Raw = msgspec.Raw(b"[]")
    timestamp: Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64)] | None = None
    partition: Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)] | None = None
    topic: str = ""


class _Place(msgspec.Struct, gc=False):
    key: _Bytes = None
    partition: int | None = None


_DECODER = msgspec.json.Decoder(_Row)
_LEAN = msgspec.json.Decoder(_LeanRow)
_HEADERS = msgspec.json.Decoder(list[tuple[str, _Bytes]])
_PLACES = msgspec.json.Decoder(_Place)


class LineReader:
    """`topic` is where all rows go, "" for the one that each names. Rows keep their partition and timestamp if that is
    asked for."""

    def __init__(self, topic: str, *, keep_partition: bool, keep_timestamp: bool) -> None:
        self._topic = topic
        self._keep_partition = keep_partition
        self._keep_timestamp = keep_timestamp
        self._headers: dict[bytes, Headers] = {}

    def block(self, lines: bytes) -> list[Outgoing] | None:
        """Whole lines at once, several times as fast as one by one; None if one of them is wrong. Rows with the same
        headers share one tuple of them."""
        try:
            if self._topic:
                return self._lean_rows(_LEAN.decode_lines(lines))
            return [self._outgoing(row) for row in _DECODER.decode_lines(lines)]
        except (msgspec.DecodeError, UnicodeError, RecursionError, Failure):
            return None

    def line(self, line: bytes) -> Outgoing:
        """Raises `Failure`(INVALID) that says what is wrong and where in the line."""
        try:
            return self._outgoing(_DECODER.decode(line))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Failure(FailureKind.INVALID, f"This is no row: {error}.", _HINT) from None

    def _lean_rows(self, rows: list[_LeanRow]) -> list[Outgoing]:
        """As `_outgoing` does."""
        new, topic, known, read = tuple.__new__, self._topic, self._headers.get, self._read_headers
        keep, timed = self._keep_partition, self._keep_timestamp
        return [
            new(
                Outgoing,
                (
                    topic,
                    key if (key := row.key).__class__ is not _Base64 else key.base64,
                    value if (value := row.value).__class__ is not _Base64 else value.base64,
                    read(raw) if (headers := known(raw := bytes(row.headers))) is None else headers,
                    row.partition if keep else None,
                    row.timestamp if timed else None,
                ),
            )
            for row in rows
        ]

    def _read_headers(self, raw: bytes) -> Headers:
        if len(self._headers) >= _KNOWN:
            self._headers.clear()
        headers = self._headers[raw] = tuple((name, _plain(value)) for name, value in _HEADERS.decode(raw))
        return headers

    def _outgoing(self, row: _Row) -> Outgoing:
        topic = self._topic or row.topic
        if not topic:
            raise Failure(FailureKind.INVALID, "The row names no topic.", "Choose a topic for all rows.")
        headers: Any = row.headers
        if headers is None:
            raise _unreadable_headers()
        if headers:
            for _, value in headers:
                if value.__class__ is _Base64:
                    headers = [(name, _plain(value)) for name, value in headers]
                    break
        key, value = row.key, row.value
        return Outgoing(
            topic,
            key.base64 if key.__class__ is _Base64 else key,  # type: ignore[arg-type]
            value.base64 if value.__class__ is _Base64 else value,  # type: ignore[arg-type]
            headers,
            row.partition if self._keep_partition else None,
            row.timestamp if self._keep_timestamp else None,
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


def _plain(read: _Bytes) -> bytes | str | None:
    return read.base64 if isinstance(read, _Base64) else read


def _unreadable_headers() -> Failure:
    text = "The row has headers that could not be read when it was written."
    return Failure(FailureKind.INVALID, text, "Write [] instead of null to send it without.")
