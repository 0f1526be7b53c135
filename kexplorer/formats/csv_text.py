"""Records as comma-separated values (RFC 4180), for spreadsheets and what reads tables.

JSON lines are the format to read back: here a text that begins with "base64:" and bytes that are no UTF-8 look alike.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from kexplorer.formats.jsonl import headers_text
from kexplorer.formats.scalars import moment
from kexplorer.model.records import Record

Column = tuple[str, Callable[[Record], str | None]]
"""A title and what stands below it. Called in whatever thread writes the file; must not raise."""

_COLUMNS = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
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
            self._put(
                [
                    record.topic,
                    str(record.partition),
                    str(record.offset),
                    None if record.timestamp is None else moment(record.timestamp, 3).strip('"'),
                    _text(record.key),
                    _text(record.value),
                    None if record.headers is None else headers_text(record),
                    *(cell(record) for _, cell in self._columns),
                ]
            )

    def finish(self) -> None:
        """A line is whole by itself."""

    def _put(self, cells: Iterable[str | None]) -> None:
        line = ",".join(map(self._cell, cells)) + "\r\n"
        self._file.write(line.encode(errors="backslashreplace"))  # halves of characters, as JSON may hold them

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
