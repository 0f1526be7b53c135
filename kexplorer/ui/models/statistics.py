"""The statistics of each partition of a topic as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, size, timestamp
from kexplorer.model.statistics import Statistics
from kexplorer.model.topics import TopicPartition
from kexplorer.ui.models.rows import Column, RowsModel


@dataclass(frozen=True, slots=True)
class PartitionCount:
    """What is shown of one partition; worked out once, not at each repaint."""

    partition: int
    records: int
    nbytes: int
    median: int
    high: int
    largest: int
    null_keys: int
    tombstones: int
    distinct: int
    exact: bool
    first: int | None
    last: int | None
    zone: tzinfo


def _counted(source: TopicPartition, found: Statistics, zone: tzinfo) -> PartitionCount:
    values = found.values
    return PartitionCount(
        source.partition,
        found.records,
        found.nbytes,
        values.quantile(0.5),
        values.quantile(0.99),
        values.largest,
        found.null_keys,
        found.tombstones,
        found.distinct.estimate(),
        found.distinct.exact,
        found.times.first,
        found.times.last,
        zone,
    )


def _distinct(row: PartitionCount) -> str:
    return count(row.distinct) if row.exact else f"about {count(row.distinct)}"


COLUMNS: tuple[Column[PartitionCount], ...] = (
    Column("Partition", lambda r: str(r.partition), lambda r: r.partition, 13),
    Column("Records", lambda r: count(r.records), lambda r: r.records, 12, True),
    Column("Bytes", lambda r: size(r.nbytes), lambda r: r.nbytes, 10, True, "Of keys and values"),
    Column("Value p50", lambda r: size(r.median), lambda r: r.median, 11, True, "Half of the values are no larger"),
    Column("Value p99", lambda r: size(r.high), lambda r: r.high, 11, True, "99 % of the values are no larger"),
    Column("Largest", lambda r: size(r.largest), lambda r: r.largest, 10, True, "The largest value"),
    Column("Null keys", lambda r: count(r.null_keys), lambda r: r.null_keys, 11, True),
    Column("Tombstones", lambda r: count(r.tombstones), lambda r: r.tombstones, 13, True, "Records without a value"),
    Column("Distinct keys", _distinct, lambda r: r.distinct, 16, True),
    Column("First", lambda r: timestamp(r.first, r.zone), lambda r: r.first or 0, 25, tip="Earliest timestamp"),
    Column("Last", lambda r: timestamp(r.last, r.zone), lambda r: r.last or 0, 25, tip="Latest timestamp"),
)


class StatisticsModel(RowsModel[PartitionCount]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, lambda r: r.partition, lambda _: "", lambda *_: "text", parent)
        self._rows: dict[int, PartitionCount] = {}
        self.zone: tzinfo = UTC

    def set_parts(self, parts: Mapping[TopicPartition, Statistics]) -> None:
        """Only what has more records than before is looked at."""
        known = self._rows
        self._rows = {}
        for source, found in parts.items():
            before = known.get(source.partition)
            same = before is not None and (before.records, before.zone) == (found.records, self.zone)
            self._rows[source.partition] = before if before and same else _counted(source, found, self.zone)
        self.set_rows(self._rows.values())
