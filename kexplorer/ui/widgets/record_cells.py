"""A record as the cells of one table row, and as text for the clipboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import Kind, preview, visible
from kexplorer.model.records import Header, Mark, Peek, Record

LONGEST = 512  # characters of a cell: what a wide screen can show
CELL_BYTES = 4 * LONGEST + 1  # what a cell reads of its data, and one that tells whether there is more
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is in characters of its font, the least for the last column, which takes what is left. `expression`: it
    fills the column, which a person has added."""

    key: str
    title: str
    width: int
    number: bool = False
    mono: bool = False
    hidden: bool = False
    expression: str = ""


# In the order of the cells.
COLUMNS = (
    Column("topic", "Topic", 16, hidden=True),
    Column("partition", "Partition", 9, number=True),
    Column("offset", "Offset", 12, number=True),
    Column("timestamp", "Timestamp", 23),
    Column("key", "Key", 18, mono=True),
    Column("headers", "Headers", 12, mono=True),
    Column("size", "Size", 9, number=True, hidden=True),
    Column("value", "Value", 30, mono=True),
)


_VALUE = next(number for number, column in enumerate(COLUMNS) if column.key == "value")


class Cell(NamedTuple):
    """`mark` says in a word what the text alone cannot: "null", "empty", "tombstone", "hex". `number`: the text is to
    stand at the right, whatever else the column holds."""

    text: str
    mark: str = ""
    number: bool = False


GAP = tuple(Cell("marker, or compacted away", "gap") if column.key == "value" else Cell("") for column in COLUMNS)


def row_cells(peek: Peek, zone: tzinfo) -> tuple[Cell, ...]:
    """One cell for each of COLUMNS, from a record of which at least CELL_BYTES are there."""
    record = peek.record
    return (
        Cell(visible(record.topic)),
        Cell(str(record.partition)),
        Cell(count(record.offset)),
        Cell(timestamp(record.timestamp, zone)),
        _data_cell(record.key),
        headers_cell(record.headers),
        Cell(count(peek.size)),
        Cell("", "tombstone") if is_tombstone(record) else _data_cell(record.value),
    )


def marked(cells: tuple[Cell, ...], mark: Mark) -> tuple[Cell, ...]:
    """The value has the mark, beside one that it may have already."""
    value = cells[_VALUE]
    word = f"{mark.value} {value.mark}" if value.mark else mark.value
    return (*cells[:_VALUE], value._replace(mark=word), *cells[_VALUE + 1 :])


def spoken(peek: Peek, zone: tzinfo) -> str:
    """The row in one line, for a screen reader."""
    cells = zip(COLUMNS, row_cells(peek, zone), strict=True)
    return ", ".join(" ".join(f"{column.title} {cell.mark} {cell.text}".split()) for column, cell in cells)


def is_tombstone(record: Record) -> bool:
    """A null value under a key: what a compacted topic reads as "delete this key"."""
    return record.value is None and record.key is not None


def mark_of(kind: Kind) -> str:
    return {Kind.NULL: "null", Kind.EMPTY: "empty", Kind.BINARY: "hex"}.get(kind, "")


def _data_cell(data: bytes | None) -> Cell:
    text, kind, _ = preview(data, LONGEST)
    return Cell(text, mark_of(kind))


def headers_cell(headers: tuple[Header, ...] | None) -> Cell:
    if headers is None:
        return Cell("", "unreadable")
    shown = []
    for name, value in headers[:4]:
        text, kind, _ = preview(value, 60)
        shown.append(f"{visible(name[:60])}={text or mark_of(kind)}")
    if len(headers) > 4:
        shown.append(f"+{len(headers) - 4}")
    return Cell("  ".join(shown))


def values_as_text(records: Iterable[Record]) -> str:
    """One value after the other, a line each: text as it is, bytes that are no text as hexadecimal digits."""
    return "\n".join(as_text(record.value) for record in records)


def keys_as_text(records: Iterable[Record]) -> str:
    return "\n".join(as_text(record.key) for record in records)


def as_text(data: bytes | None) -> str:
    """ "" for null."""
    try:
        return (data or b"").decode("utf-8")
    except UnicodeDecodeError:
        return (data or b"").hex()


def as_tsv(records: Iterable[Record], zone: tzinfo, added: Sequence[tuple[str, Callable[[Record], str]]] = ()) -> str:
    """A table for a spreadsheet: fields with tabs or line ends are quoted, and none is taken for a formula. `added`:
    titles and contents of more columns, which come last."""
    out = io.StringIO()
    writer = csv.writer(out, "excel-tab", lineterminator="\n")
    writer.writerow([*(column.title for column in COLUMNS if column.key != "size"), *(title for title, _ in added)])
    for record in records:
        headers = "; ".join(f"{name}={as_text(value)}" for name, value in record.headers or ())
        row = (record.topic, record.partition, record.offset, timestamp(record.timestamp, zone))
        texts = (as_text(record.key), headers, as_text(record.value), *(text_of(record) for _, text_of in added))
        writer.writerow((*row, *(f"'{text}" if text.startswith(_FORMULA) else text for text in texts)))
    return out.getvalue()
