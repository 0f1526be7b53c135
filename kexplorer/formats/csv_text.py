"""Records as comma-separated values (RFC 4180), for spreadsheets and what reads tables.

JSON lines are the format to read back: here a text that begins with "base64:" and bytes that are no UTF-8 look alike.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from kexplorer.formats.jsonl import base64_pieces, headers_text, size_of, text_pieces
from kexplorer.formats.scalars import moment
from kexplorer.model.records import Record

Column = tuple[str, Callable[[Record], str | None]]
"""A title and what stands below it. Called in whatever thread writes the file; must not raise."""

_COLUMNS = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
_LARGE = 1 << 16  # bytes
_QUOTED = re.compile('[",\r\n]')
_FORMULA = "=+-@\t\r\n\0＝＋－＠"


class CsvWriter:
    """Writes a line of titles and a line a record to `file`, which stays open. UTF-8 without a mark, lines end in CRLF.

    Times are ISO 8601 in UTC with milliseconds, or the number of milliseconds outside of the years 1 to 9999. Headers
    are JSON as in `formats.jsonl`. Null is an empty cell, an empty text is one in quotes. With `guard` a cell that a
    spreadsheet would run as a formula gets an apostrophe in front, negative numbers included. Sources of that: OWASP,
    CSV Injection; OWASP ASVS 5.0, 1.2.10.
    """

    def __init__(self, file: BinaryIO, *, guard: bool = True, columns: Sequence[Column] = ()) -> None:
        self._file = file
        self._guard = guard
        self._columns = columns
        self._put([*_COLUMNS, *(title for title, _ in columns)])

    def write(self, records: Iterable[Record]) -> None:
        for record in records:
            before = [
                record.topic,
                str(record.partition),
                str(record.offset),
                None if record.timestamp is None else moment(record.timestamp, 3).strip('"'),
            ]
            behind = [None if record.headers is None else headers_text(record)]
            behind += [cell(record) for _, cell in self._columns]
            if size_of(record) <= _LARGE:
                self._put([*before, _text(record.key), _text(record.value), *behind])
            else:
                self._file.write(self._joined(before) + b",")
                self._put_large(record.key)
                self._file.write(b",")
                self._put_large(record.value)
                self._file.write(b",")
                self._put(behind)

    def finish(self) -> None:
        """A line is whole by itself."""

    def _put(self, cells: Iterable[str | None]) -> None:
        self._file.write(self._joined(cells) + b"\r\n")

    def _joined(self, cells: Iterable[str | None]) -> bytes:
        return ",".join(map(self._cell, cells)).encode(errors="backslashreplace")  # of halves of characters in JSON

    def _put_large(self, data: bytes | None) -> None:
        """In quotes, and in pieces: other threads are not held up."""
        if not data:
            self._file.write(b"" if data is None else b'""')
            return
        texts = text_pieces(data)
        if texts is None:
            self._file.write(b'"base64:')
            self._file.writelines(base64_pieces(data))
        else:
            self._file.write(b"\"'" if self._guard and texts[0][0] in _FORMULA else b'"')
            self._file.writelines(text.replace('"', '""').encode() for text in texts)
        self._file.write(b'"')

    def _cell(self, text: str | None) -> str:
        if not text:
            return "" if text is None else '""'
        if self._guard and text[0] in _FORMULA:
            text = f"'{text}"
        if not _QUOTED.search(text):
            return text
        doubled = text.replace('"', '""')
        return f'"{doubled}"'


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(data or b'').decode()}"
