"""The partitions of a topic as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, rate, size
from kexplorer.model.cluster import LogDir, ReplicaSize
from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition
from kexplorer.services.topic_details import PartitionOffsets, Place
from kexplorer.ui.models.rows import Column, RowsModel

_UNKNOWN = PartitionOffsets()
Sizes = Mapping[int, ReplicaSize | Failure]


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """`sizes`: what each broker that has a replica tells of it, as far as it is known."""

    place: Place
    offsets: PartitionOffsets = _UNKNOWN
    sizes: Sizes = field(default_factory=dict)

    @property
    def span(self) -> int | None:
        start, end = self.offsets.start, self.offsets.end
        return None if start is None or end is None else max(end - start, 0)

    @property
    def health(self) -> str:
        partition = self.place.partition
        if partition.leader is None:
            return "no leader"
        if partition.trouble or self.offsets.trouble:
            return f"unreadable: {partition.trouble or self.offsets.trouble}"
        if partition.under_replicated:
            return f"under-replicated, {len(partition.isr)} of {len(partition.replicas)}"
        return "ok"

    @property
    def size(self) -> ReplicaSize | Failure | None:
        """The leader's; of another replica where the leader tells none, and else why none does."""
        leader = self.place.partition.leader
        told = [self.sizes[broker] for broker in sorted(self.sizes, key=lambda broker: broker != leader)]
        return next((each for each in told if isinstance(each, ReplicaSize)), told[0] if told else None)

    @property
    def tip(self) -> str:
        lines = [str(trouble) for trouble in (self.place.partition.trouble, self.offsets.trouble) if trouble]
        return "\n".join(lines + [_on_disk(broker, each) for broker, each in sorted(self.sizes.items())])


def _on_disk(broker: int, found: ReplicaSize | Failure) -> str:
    if isinstance(found, Failure):
        return f"On broker {broker}: {found}"
    behind = f", {count(found.lag)} records behind" if found.lag else ""
    return f"On broker {broker}: {size(found.size)}{behind}"


def _size(row: PartitionRow) -> str:
    match row.size:
        case ReplicaSize() as found:
            return size(found.size)
        case Failure() as failure:
            return failure.kind.value
    return ""


def _leader(row: PartitionRow) -> str:
    number = row.place.partition.leader
    if number is None:
        return "none"
    return f"{number} · {row.place.leader}" if row.place.leader else f"{number} · offline"


def _replicas(row: PartitionRow) -> str:
    gone = row.place.offline
    return ", ".join(f"{r} (offline)" if r in gone else str(r) for r in row.place.partition.replicas)


def _number(number: int | None) -> str:
    return "" if number is None else count(number)


def _order(number: float | None) -> float:
    return -1 if number is None else number


def _replica_order(row: PartitionRow) -> float:
    return row.size.size if isinstance(row.size, ReplicaSize) else -1


def _preferred(row: PartitionRow) -> str:
    if row.place.preferred is None:
        return ""
    return "★ yes" if row.place.preferred else f"no, {row.place.partition.replicas[0]} is"


COLUMNS: tuple[Column[PartitionRow], ...] = (
    Column("Partition", lambda r: str(r.place.partition.id), lambda r: r.place.partition.id, 9),
    Column("Health", lambda r: r.health, lambda r: (r.health != "ok", r.health), 12),
    Column("Leader", _leader, lambda r: _order(r.place.partition.leader), 20, tip="Id and address of the broker"),
    Column("Preferred", _preferred, _preferred, 10, tip="Whether the leader is the first of the replicas"),
    Column("Replicas", _replicas, lambda r: r.place.partition.replicas, 9, tip="Ids of brokers, the preferred first"),
    Column("In sync", lambda r: ", ".join(map(str, r.place.partition.isr)), lambda r: r.place.partition.isr, 8),
    Column("Log start", lambda r: _number(r.offsets.start), lambda r: _order(r.offsets.start), 10, True),
    Column(
        "Last stable",
        lambda r: _number(r.offsets.stable),
        lambda r: _order(r.offsets.stable),
        11,
        True,
        "Committed readers read up to here",
    ),
    Column("Log end", lambda r: _number(r.offsets.end), lambda r: _order(r.offsets.end), 10, True),
    Column(
        "Offset span",
        lambda r: _number(r.span),
        lambda r: _order(r.span),
        11,
        True,
        "End minus start: at most so many records, fewer after compaction or transactions",
    ),
    Column("Size", _size, _replica_order, 10, True, "On the disk of the leader; the tip has the other replicas"),
    Column(
        "Rate",
        lambda r: "" if r.offsets.rate is None else rate(r.offsets.rate),
        lambda r: _order(r.offsets.rate),
        8,
        True,
        "Records a second since the last look",
    ),
)


def _tone(row: PartitionRow, column: int) -> str:
    match COLUMNS[column].title:
        case "Preferred":
            return "warn" if row.place.preferred is False else "muted"
        case "Size":
            return "muted" if isinstance(row.size, Failure) else "text"
        case title if title != "Health":
            return "text"
    if row.health == "ok":
        return "muted"
    return "warn" if row.health.startswith("under") else "bad"


class PartitionsModel(RowsModel[PartitionRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, lambda r: r.place.partition.id, lambda r: r.tip, _tone, parent)
        self._rows: dict[int, PartitionRow] = {}

    def set_places(self, places: Sequence[Place]) -> None:
        """What is known of the offsets is kept, except where nobody leads who could tell them."""
        found = {place.partition.id: place for place in places}
        self._rows = {
            n: PartitionRow(place)
            if place.partition.leader is None or n not in self._rows
            else replace(self._rows[n], place=place)
            for n, place in found.items()
        }
        self.set_rows(self._rows.values())

    def set_offsets(self, found: Mapping[int, PartitionOffsets]) -> None:
        self._rows |= {n: replace(self._rows[n], offsets=offsets) for n, offsets in found.items() if n in self._rows}
        self.set_rows(self._rows.values())

    def set_sizes(self, topic: str, found: Mapping[int, Sequence[LogDir] | Failure]) -> None:
        """What brokers tell of their log directories, by broker."""
        self._rows = {
            n: replace(row, sizes=_sizes_of(TopicPartition(topic, n), row.place.partition.replicas, found))
            for n, row in self._rows.items()
        }
        self.set_rows(self._rows.values())

    @property
    def summary(self) -> str:
        """As in "12 partitions · 2 under-replicated · 1 without leader"."""
        partitions = [row.place.partition for row in self._rows.values()]
        under, without = sum(p.under_replicated for p in partitions), sum(p.leader is None for p in partitions)
        parts = ["1 partition" if len(partitions) == 1 else f"{count(len(partitions))} partitions"]
        parts += [f"{count(under)} under-replicated"] if under else []
        parts += [f"{count(without)} without leader"] if without else []
        away = sum(row.place.preferred is False for row in self._rows.values())
        parts += [f"{count(away)} not led by the preferred broker"] if away else []
        known = [row.size.size for row in self._rows.values() if isinstance(row.size, ReplicaSize)]
        parts += [f"{size(sum(known))} on disk, without replicas"] if known and len(known) == len(self._rows) else []
        return " · ".join(parts)


def _sizes_of(
    source: TopicPartition, replicas: Sequence[int], found: Mapping[int, Sequence[LogDir] | Failure]
) -> dict[int, ReplicaSize | Failure]:
    sizes: dict[int, ReplicaSize | Failure] = {}
    for broker in replicas:
        told = found.get(broker, ())
        if isinstance(told, Failure):
            sizes[broker] = told
            continue
        for each in told:
            if source in each.replicas and not each.replicas[source].future:
                sizes[broker] = each.replicas[source]
            elif each.trouble and broker not in sizes:
                sizes[broker] = each.trouble
    return sizes
