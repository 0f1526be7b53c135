"""Rows to send: from lines of JSON as an export writes them, from CSV, and from a folder of files. Read a piece at a
time; a row that is wrong is told of with its place, and the ones behind it are read."""

from __future__ import annotations

import csv
import json
import os
import re
from array import array
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from kexplorer.formats.functions import milliseconds
from kexplorer.formats.outgoing import LineReader, keyless
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lines import PLACE_BITS, BlocksOfLines, LineBlock, LineFormat, LinePlace
from kexplorer.model.produce import Outgoing, RowBatch, Rows, RowsSource, RowTrouble
from kexplorer.store.daemon import in_daemon

_LONGEST = 64 << 20  # bytes of a line, a cell or a file: no broker takes more
_BLOCK = 256 << 10  # bytes that are read at once
_PLACE = 4 << 20  # bytes that another process reads at once
_PLACES = 32  # that are found at once, with a thread for that
_MANY = 8 << 20  # bytes of an input that is worth processes of its own: they take half a second to start
_MOST_TROUBLES = 1000  # that a check of all rows keeps
_CHECKED = 2000  # rows at a time
_DAY = 86_400.0  # seconds
_MAYBE_EMPTY = re.compile(rb"\n\s")


class RowsFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """Which columns become what; "" and () for none. Without `value`, the columns that are not used for anything else
    become a JSON object of texts. An empty cell of key, value or a header is null if `empty_is_null`."""

    key: str = ""
    value: str = ""
    headers: tuple[str, ...] = ()
    partition: str = ""
    timestamp: str = ""
    delimiter: str = ","
    empty_is_null: bool = True


@dataclass(frozen=True, slots=True)
class RowsFile:
    """A file or folder of rows. `topic` is where all go; "" where each row of JSON names its own."""

    path: Path
    format: RowsFormat = RowsFormat.JSONL
    topic: str = ""
    keep_partition: bool = False
    keep_timestamp: bool = True
    mapping: CsvMapping = field(default_factory=CsvMapping)

    @property
    def name(self) -> str:
        return self.path.name

    def open(self) -> Rows:
        """Raises `Failure` for a file that cannot be read, or whose columns are not those of the mapping."""
        if self.format != RowsFormat.JSONL and not self.topic:
            raise Failure(FailureKind.INVALID, "The rows name no topic.", "Choose the topic that they go to.")
        try:
            match self.format:
                case RowsFormat.JSONL:
                    return _Lines(self)
                case RowsFormat.CSV:
                    return _Csv(self)
                case RowsFormat.FOLDER:
                    return _Folder(self)
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def lines(self, answered: Container[int] = ()) -> BlocksOfLines | None:
        """The same as blocks that are not read yet, without the rows that are `answered`; None where that is not worth
        it. Raises as `open` does."""
        if self.format is not RowsFormat.JSONL or not self.topic:
            return None
        try:
            if self.path.stat().st_size < _MANY:
                return None
            return _Blocks(self, answered)
        except OSError as error:
            raise _unreadable(self.path, error) from None


@dataclass(frozen=True, slots=True)
class Checked:
    """All rows of an input, looked at: `good` can be sent, `bad` cannot; the first 1,000 of those are `troubles`."""

    good: int
    bad: int
    troubles: tuple[RowTrouble, ...]


async def preview(source: RowsSource, most: int = 20) -> RowBatch:
    """The first rows, and what is wrong with those."""

    def read() -> RowBatch:
        rows = source.open()
        try:
            return rows.next(most) or RowBatch([], array("q"), [])
        finally:
            rows.close()

    return await in_daemon("rows", read, 30.0)


async def check_all(source: RowsSource) -> Checked:
    """Reads all rows and sends none. A caller that is cancelled leaves a thread behind, until that has read them."""

    def read() -> Checked:
        good = bad = 0
        troubles: list[RowTrouble] = []
        rows = source.open()
        try:
            while (batch := rows.next(_CHECKED)) is not None:
                good += len(batch.outgoing)
                bad += len(batch.troubles)
                troubles += batch.troubles[: _MOST_TROUBLES - len(troubles)]
        finally:
            rows.close()
        return Checked(good, bad, tuple(troubles))

    return await in_daemon("rows", read, _DAY)


async def csv_columns(path: Path, delimiter: str = ",") -> tuple[str, ...]:
    """The names in the first line."""

    def read() -> tuple[str, ...]:
        try:
            with _text_of(path) as file:
                return tuple(next(csv.reader(file, delimiter=delimiter), []))
        except OSError as error:
            raise _unreadable(path, error) from None
        except (csv.Error, UnicodeDecodeError) as error:
            raise Failure(FailureKind.INVALID, f"{path.name} is no CSV: {error}.", "Choose another file.") from None

    return await in_daemon("rows", read, 30.0)


class _Lines:
    """An empty line is none."""

    def __init__(self, source: RowsFile) -> None:
        self._file: BinaryIO = source.path.open("rb")
        keep = {"keep_partition": source.keep_partition, "keep_timestamp": source.keep_timestamp}
        self._reader = LineReader(source.topic, **keep)
        self._row = 0

    def next(self, most: int) -> RowBatch | None:
        lines = self._file.readlines(_BLOCK) if most >= 1000 else list(islice(self._file, most))
        if not lines:
            return None
        first, self._row = self._row + 1, self._row + len(lines)
        numbers = array("q", range(first, self._row + 1))
        outgoing = self._reader.block(b"".join(lines))
        if outgoing is not None and len(outgoing) == len(lines):
            return RowBatch(outgoing, numbers, [])
        batch = RowBatch([], array("q"), [])
        for number, line in zip(numbers, lines, strict=True):
            if not line.strip():
                continue
            try:
                if len(line) > _LONGEST:
                    raise _too_long()
                batch.outgoing.append(self._reader.line(line))
                batch.rows.append(number)
            except Failure as failure:
                batch.troubles.append(RowTrouble(number, f"line {number}", failure))
        return batch

    def close(self) -> None:
        self._file.close()


class _Blocks:
    """Keeps `model.lines.BlocksOfLines`."""

    def __init__(self, source: RowsFile, answered: Container[int]) -> None:
        self.format = LineFormat(source.topic, source.keep_partition, source.keep_timestamp)
        self._file: BinaryIO = source.path.open("rb")
        self._path = str(source.path)
        self._places: list[LinePlace] = []
        self._answered = answered
        self._row = 0

    def next_places(self) -> list[LinePlace]:
        before = len(self._places)
        while len(self._places) < before + _PLACES:
            start = self._file.tell()
            self._file.seek(start + _PLACE - 1)
            self._file.readline()
            end = min(self._file.tell(), os.fstat(self._file.fileno()).st_size)
            if end <= start:
                break
            self._places.append(LinePlace(self._path, start, end))
        return self._places[before:]

    def rows_of(self, numbers: Sequence[int]) -> list[int]:
        found: dict[int, int] = {}
        row = 0
        for number, place in enumerate(self._places[: (max(numbers) >> PLACE_BITS) + 1]):
            self._file.seek(place.start)
            text = self._file.read(place.end - place.start)
            lines = (at for at, line in enumerate(text.split(b"\n"), row + 1) if line.strip())
            found |= dict(enumerate(lines, number << PLACE_BITS))
            row += text.count(b"\n")
        return [found[number] for number in numbers]

    def next(self) -> LineBlock | None:
        text = self._file.read(_BLOCK) + self._file.readline()
        if not text:
            return None
        first, self._row = self._row + 1, self._row + text.count(b"\n") + (not text.endswith(b"\n"))
        rows = array("q", range(first, self._row + 1))
        if self._answered or text[:1].isspace() or _MAYBE_EMPTY.search(text) or len(text) > _LONGEST:
            return self._sifted(text, rows)
        return LineBlock(text, rows, keyless(text, keep_partition=self.format.keep_partition), [])

    def _sifted(self, text: bytes, rows: array[int]) -> LineBlock:
        troubles: list[RowTrouble] = []
        kept: list[tuple[int, bytes]] = []
        skipped = 0
        for row, line in zip(rows, text.removesuffix(b"\n").split(b"\n"), strict=True):
            if len(line) > _LONGEST:
                troubles.append(RowTrouble(row, f"line {row}", _too_long()))
            elif row in self._answered:
                skipped += 1
            elif line.strip():
                kept.append((row, line))
        text = b"\n".join([line for _, line in kept])
        unordered = keyless(text, keep_partition=self.format.keep_partition)
        return LineBlock(text, array("q", [row for row, _ in kept]), unordered, troubles, skipped)

    def close(self) -> None:
        self._file.close()


class _Csv:
    def __init__(self, source: RowsFile) -> None:
        self._mapping, self._topic = source.mapping, source.topic
        csv.field_size_limit(_LONGEST)
        self._file = _text_of(source.path)
        try:
            self._reader = csv.reader(self._file, delimiter=source.mapping.delimiter, strict=True)
            self._columns = {name: at for at, name in enumerate(next(self._reader, []))}
            self._check_columns(source.path)
        except (csv.Error, UnicodeDecodeError) as error:
            self._file.close()
            raise Failure(FailureKind.INVALID, f"{source.name} is no CSV: {error}.", "Choose another.") from None
        except Failure:
            self._file.close()
            raise
        self._row = 0

    def next(self, most: int) -> RowBatch | None:
        batch = RowBatch([], array("q"), [])
        before = self._row
        while self._row - before < most:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader, None)
                if cells is None:
                    break
                if not cells:  # an empty line
                    continue
                self._row += 1
                batch.outgoing.append(self._outgoing(cells))
                batch.rows.append(self._row)
            except Failure as failure:
                batch.troubles.append(RowTrouble(self._row, f"line {line}", failure))
            except (csv.Error, UnicodeDecodeError) as error:
                self._row += 1
                wrong = Failure(FailureKind.INVALID, f"This is no CSV: {error}.", "Correct it.")
                batch.troubles.append(RowTrouble(self._row, f"line {line}", wrong))
        return batch if self._row > before else None

    def close(self) -> None:
        self._file.close()

    def _check_columns(self, path: Path) -> None:
        mapping = self._mapping
        used = [mapping.key, mapping.value, mapping.partition, mapping.timestamp, *mapping.headers]
        for name in used:
            if name and name not in self._columns:
                known = ", ".join(self._columns) or "none"
                text = f"{path.name} has no column “{name}”."
                raise Failure(FailureKind.INVALID, text, f"It has {known}.")
        self._others = [name for name in self._columns if name not in used]

    def _outgoing(self, cells: Sequence[str]) -> Outgoing:
        if len(cells) != len(self._columns):
            text = f"The row has {len(cells)} cells, the first line {len(self._columns)}."
            raise Failure(FailureKind.INVALID, text, "Correct it, or choose another delimiter.")
        mapping = self._mapping
        value = self._cell(cells, mapping.value) if mapping.value else self._object(cells)
        headers = [(name, self._cell(cells, name)) for name in mapping.headers]
        return Outgoing(
            self._topic,
            self._cell(cells, mapping.key),
            value,
            headers,
            self._number(cells, mapping.partition),
            self._time(cells, mapping.timestamp),
        )

    def _cell(self, cells: Sequence[str], column: str) -> bytes | None:
        if not column:
            return None
        text = cells[self._columns[column]]
        return None if not text and self._mapping.empty_is_null else text.encode()

    def _number(self, cells: Sequence[str], column: str) -> int | None:
        text = cells[self._columns[column]] if column else ""
        if not text:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise Failure(FailureKind.INVALID, f"“{text}” in column {column} is no whole number.", "Correct it.")
        return int(text)

    def _time(self, cells: Sequence[str], column: str) -> int | None:
        """Milliseconds since 1970, or ISO 8601 (UTC if it names no zone)."""
        text = cells[self._columns[column]] if column else ""
        found = None if text.removeprefix("-").isdigit() else milliseconds(text)
        return self._number(cells, column) if found is None else found

    def _object(self, cells: Sequence[str]) -> bytes:
        return json.dumps({name: cells[self._columns[name]] for name in self._others}, ensure_ascii=False).encode()


class _Folder:
    """Each file is a value, with its name as the key; in the order of names, without those of folders inside."""

    def __init__(self, source: RowsFile) -> None:
        self._topic = source.topic
        self._names = sorted(entry.name for entry in os.scandir(source.path) if entry.is_file())
        self._folder = source.path
        self._pending: Iterator[tuple[int, str]] = iter(enumerate(self._names, 1))

    def next(self, most: int) -> RowBatch | None:
        batch = RowBatch([], array("q"), [])
        nbytes = taken = 0
        for row, name in islice(self._pending, most):
            taken += 1
            try:
                data = self._read(self._folder / name)
            except Failure as failure:
                batch.troubles.append(RowTrouble(row, name, failure))
                continue
            nbytes += len(data)
            batch.outgoing.append(Outgoing(self._topic, os.fsencode(name), data))
            batch.rows.append(row)
            if nbytes > _BLOCK:
                break
        return batch if taken else None

    def close(self) -> None:
        """Files are closed when they are read."""

    def _read(self, path: Path) -> bytes:
        try:
            if path.stat().st_size > _LONGEST:
                raise Failure(FailureKind.INVALID, f"{path.name} is larger than 64 MB.", "No broker takes that.")
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None


def _text_of(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _too_long() -> Failure:
    return Failure(FailureKind.INVALID, "The line is longer than 64 MB.", "No broker takes that.")


def _unreadable(path: Path, error: OSError) -> Failure:
    text = f"{path} cannot be read: {error.strerror or error}."
    return Failure(FailureKind.INVALID, text, "Choose another, or change its permissions.")
