"""What became of each row of a bulk send, as lines of JSON: for a person, and to go on where it was interrupted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Deliveries, RowTrouble

_BIT = tuple(1 << bit for bit in range(8))


class Answered:
    """Numbers of rows, from 1: a bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def add(self, row: int) -> None:
        at = row >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits) + len(self._bits) // 2))
        self._count += not self._bits[at] & _BIT[row & 7]
        self._bits[at] |= _BIT[row & 7]

    def __contains__(self, row: object) -> bool:
        if not isinstance(row, int):
            return False
        at = row >> 3
        return at < len(self._bits) and bool(self._bits[at] & _BIT[row & 7])

    def __len__(self) -> int:
        return self._count


class ReportFile:
    """Appends to `path`, a line a row: {"row": 1, "partition": 0, "offset": 7, "latency_ms": 1.5}, or with "error"
    instead of an offset. The first line names the input."""

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self._source = source
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Raises `Failure` if it cannot be written."""
        try:
            self._file = self.path.open("a+b")
            if not self._file.tell():
                self._put([json.dumps({"input": self._source})])
                return
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":  # an interrupted run left half a line
                self._file.write(b"\n")
        except OSError as error:
            raise _unwritten(self.path, error) from None

    def write(self, news: Deliveries, rows: Sequence[int]) -> None:
        """`rows` are the numbers of rows by those of records."""
        failures = news.failures
        columns = zip(news.numbers, news.partitions, news.offsets, news.latencies, strict=True)
        if not failures:
            self._put(
                f'{{"row":{rows[number]},"partition":{partition},"offset":{offset},"latency_ms":{latency:.3f}}}'
                for number, partition, offset, latency in columns
            )
            return
        self._put(
            _failed(rows[number], failure)
            if (failure := failures.get(number))
            else f'{{"row":{rows[number]},"partition":{partition},"offset":{offset},"latency_ms":{latency:.3f}}}'
            for number, partition, offset, latency in columns
        )

    def write_troubles(self, troubles: Sequence[RowTrouble]) -> None:
        self._put(_failed(each.row, each.failure) for each in troubles)

    def close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                raise _unwritten(self.path, error) from None

    def _put(self, lines: Iterable[str]) -> None:
        """They are with the operating system when this returns: a run that is killed has told of them."""
        if self._file is None:
            return
        try:
            self._file.write("".join(f"{line}\n" for line in lines).encode())
            self._file.flush()
        except OSError as error:
            raise _unwritten(self.path, error) from None


def read_report(path: Path, source: str) -> Answered:
    """The rows that were acknowledged, by a report on the input of that name. Raises `Failure` if it is about another
    one, or none at all."""
    answered = Answered()
    try:
        with path.open("rb") as file:
            if _read(file.readline()).get("input") != source:
                text = f"{path.name} is no report on {source}."
                raise Failure(FailureKind.INVALID, text, "Choose the report of its last run.")
            for line in file:
                found = _read(line)  # half a line is nothing: of a run that was killed
                row, offset = found.get("row"), found.get("offset")
                if isinstance(row, int) and isinstance(offset, int) and row > 0:
                    answered.add(row)
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror or error}."
        raise Failure(FailureKind.INVALID, text, "Choose another report.") from None
    return answered


def _read(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _failed(row: int, failure: Failure) -> str:
    return json.dumps({"row": row, "error": str(failure)}, ensure_ascii=False)


def _unwritten(path: Path, error: OSError) -> Failure:
    text = f"The report {path} cannot be written: {error.strerror or error}."
    return Failure(FailureKind.REFUSED, text, "Choose another place for it.")
