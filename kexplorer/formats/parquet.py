"""Records as a Parquet file, by Apache Arrow's own writer: the extra `parquet`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, BinaryIO

from kexplorer.formats.jsonl import size_of
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Record

_GROUP_BYTES = 16_000_000  # of keys, values and headers in a row group: what is kept in memory until it is written
_GROUP_ROWS = 100_000
_ROWS = 500  # that become columns at once: other threads wait for as long


class ParquetWriter:
    """Writes to `file`, which stays open: topic dictionary<string>, partition int32, offset int64, timestamp
    timestamp[ms, UTC], key and value binary, headers list<struct<name: string, value: binary>>. Null is null; headers
    that the client cannot read are null.

    A row group ends once it has 16 MB of payload or 100,000 rows. Raises `Failure`(UNSUPPORTED) without the extra.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._arrow, parquet = _modules()
        self._schema = _schema(self._arrow)
        self._sink = _Sink(file)
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._rows = self._nbytes = 0

    def write(self, records: Iterable[Record]) -> None:
        batch: list[Record] = []
        for record in records:
            batch.append(record)
            self._rows += 1
            self._nbytes += size_of(record)
            full = self._nbytes >= _GROUP_BYTES or self._rows >= _GROUP_ROWS
            if full or len(batch) >= _ROWS:
                self._batches.append(self._columns(batch))
                batch = []
            if full:
                self._end_group()
        if batch:
            self._batches.append(self._columns(batch))

    def finish(self) -> None:
        """Writes the last rows and the footer, without which nothing can be read."""
        if self._batches:
            self._end_group()
        self._writer.close()

    def abandon(self) -> None:
        """Nothing more is written to `file`: when it is collected, Arrow's writer would still add its footer."""
        self._sink.file = None

    def _end_group(self) -> None:
        self._writer.write_table(self._arrow.Table.from_batches(self._batches))
        self._batches, self._rows, self._nbytes = [], 0, 0

    def _columns(self, rows: list[Record]) -> Any:
        columns: list[list[Any]] = [
            [r.topic for r in rows],
            [r.partition for r in rows],
            [r.offset for r in rows],
            [r.timestamp for r in rows],
            [r.key for r in rows],
            [r.value for r in rows],
            [r.headers for r in rows],
        ]
        arrays = [self._arrow.array(column, of.type) for column, of in zip(columns, self._schema, strict=True)]
        return self._arrow.record_batch(arrays, schema=self._schema)


class _Sink:
    """What Arrow takes for a file of Python's; it is never closed by Arrow."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.file: BinaryIO | None = file

    def write(self, data: bytes) -> int:
        return self.file.write(data) if self.file else len(data)

    def flush(self) -> None:
        """The owner of the file does it, once."""


def check_installed() -> None:
    """Raises `Failure`(UNSUPPORTED) without the extra. Imports it, which takes a second the first time."""
    _modules()


def _modules() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        hint = 'Install the extra: pip install "kexplorer[parquet]"; or choose another format.'
        raise Failure(FailureKind.UNSUPPORTED, "Parquet needs Apache Arrow, which is not installed.", hint) from None


def _schema(arrow: Any) -> Any:
    header = arrow.struct([("name", arrow.string()), ("value", arrow.binary())])
    return arrow.schema(
        [
            ("topic", arrow.dictionary(arrow.int32(), arrow.string())),
            ("partition", arrow.int32()),
            ("offset", arrow.int64()),
            ("timestamp", arrow.timestamp("ms", "UTC")),
            ("key", arrow.binary()),
            ("value", arrow.binary()),
            ("headers", arrow.list_(header)),
        ]
    )
