"""The topics of a cluster as a table: names at once, the rest as it comes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.catalog import TopicOffsets
from kexplorer.services.topic_admin import TopicSizes

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_NO_REST = re.compile(r" 00 \w+$")  # "7 d 00 h" is seven days


@dataclass(slots=True, eq=False)
class TopicRow:
    """What is known of a topic so far; None is not known yet."""

    topic: Topic
    offsets: TopicOffsets | None = None
    configs: Mapping[str, ConfigEntry] | Failure | None = None
    size: int | None = None  # bytes on disk, all replicas
    favourite: bool = False

    def config(self, name: str) -> str | None:
        entry = self.configs.get(name) if isinstance(self.configs, Mapping) else None
        return entry.value if entry else None

    @property
    def retention_ms(self) -> int | None:
        text = self.config("retention.ms")
        return int(text) if text else None

    @property
    def health(self) -> str:
        topic = self.topic
        if topic.trouble:
            return topic.trouble.kind
        if topic.leaderless:
            return f"{topic.leaderless} without leader"
        if topic.under_replicated:
            return f"{topic.under_replicated} under-replicated"
        if self.offsets and self.offsets.failed:
            return f"{self.offsets.failed} unreadable"
        return "ok"

    @property
    def trouble(self) -> Failure | None:
        """Why something of this row is missing."""
        if self.topic.trouble:
            return self.topic.trouble
        if self.offsets and self.offsets.trouble:
            return self.offsets.trouble
        return self.configs if isinstance(self.configs, Failure) else None


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    text: Callable[[TopicRow], str]
    order: Callable[[TopicRow], Any]
    numeric: bool = False
    tip: str = ""


def _retention(row: TopicRow) -> str:
    ms = row.retention_ms
    return "" if ms is None else "for ever" if ms < 0 else _NO_REST.sub("", duration(ms / 1000))


def _retention_order(row: TopicRow) -> float:
    ms = row.retention_ms
    return -1.0 if ms is None else float("inf") if ms < 0 else float(ms)


def _name(row: TopicRow) -> str:
    return f"★ {row.topic.name}" if row.favourite else row.topic.name


COLUMNS = (
    _Column("Topic", _name, lambda row: row.topic.name.lower()),
    _Column("Partitions", lambda row: count(len(row.topic.partitions)), lambda row: len(row.topic.partitions), True),
    _Column(
        "Replication",
        lambda row: str(row.topic.replication),
        lambda row: row.topic.replication,
        True,
        "Replicas of each",
    ),
    _Column(
        "Offset span",
        lambda row: count(row.offsets.span) if row.offsets else "",
        lambda row: row.offsets.span if row.offsets else -1,
        True,
        "End minus start over all partitions: at most so many records, fewer after compaction or transactions",
    ),
    _Column(
        "Size",
        lambda row: "" if row.size is None else size(row.size),
        lambda row: -1 if row.size is None else row.size,
        True,
        "Bytes on disk, all replicas",
    ),
    _Column(
        "Rate",
        lambda row: rate(row.offsets.rate) if row.offsets and row.offsets.rate is not None else "",
        lambda row: (row.offsets.rate or 0.0) if row.offsets else -1.0,
        True,
        "Records a second since the last look",
    ),
    _Column("Retention", _retention, _retention_order, True, "retention.ms"),
    _Column(
        "Cleanup",
        lambda row: row.config("cleanup.policy") or "",
        lambda row: row.config("cleanup.policy") or "",
        tip="cleanup.policy",
    ),
    _Column(
        "Health",
        lambda row: row.health,
        lambda row: (row.health != "ok", row.health),
        tip="Partitions without a leader, or with fewer in-sync replicas than replicas",
    ),
)
SIZE, HEALTH = 4, len(COLUMNS) - 1
NOT_TOLD = "not told"
_ALIGNMENTS = tuple(
    (Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter
    for column in COLUMNS
)


class TopicsModel(QAbstractTableModel):
    """Rows are sorted when a person asks, and when topics come or go, never because a number moved: a row that jumps
    away cannot be clicked."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: dict[str, TopicRow] = {}
        self._sorted: list[TopicRow] = []  # what is shown without a filter
        self._shown: list[TopicRow] = []
        self._row_of: dict[str, int] = {}
        self._rank: Callable[[str], int | None] = lambda _: 0
        self._internal = False
        self._favourites: frozenset[str] = frozenset()
        self._favourites_first = False
        self._no_sizes: str = ""  # why there are none
        self._partly_sized: str = ""
        self._sort = (COLUMNS[0], Qt.SortOrder.AscendingOrder)

    def set_topics(self, topics: Iterable[Topic]) -> None:
        """What is known of topics that stay is kept."""
        rows = {topic.name: self._all.get(topic.name) or TopicRow(topic) for topic in topics}
        for topic in topics:
            rows[topic.name].topic = topic
            rows[topic.name].favourite = topic.name in self._favourites
        same = rows.keys() == self._all.keys()
        self._all = rows
        if same:
            self._changed(0, len(self._shown) - 1)
        else:
            self._arrange()

    def set_offsets(self, found: Mapping[str, TopicOffsets]) -> None:
        for name, offsets in found.items():
            if row := self._all.get(name):
                row.offsets = offsets
        self._touched(found)

    def set_configs(self, found: Mapping[str, Mapping[str, ConfigEntry] | Failure]) -> None:
        for name, configs in found.items():
            if row := self._all.get(name):
                row.configs = configs
        self._touched(found)

    def set_sizes(self, found: TopicSizes | Failure) -> None:
        """A failure is told by the column in the place of sizes."""
        sizes = found.bytes if isinstance(found, TopicSizes) else {}
        missing = found.missing if isinstance(found, TopicSizes) else {}
        self._no_sizes = str(found) if isinstance(found, Failure) else ""
        self._partly_sized = "; ".join(f"without broker {broker}: {failure}" for broker, failure in missing.items())
        for name, row in self._all.items():
            row.size = None if self._no_sizes else sizes.get(name, 0)
        self._changed(0, len(self._shown) - 1)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, SIZE, SIZE)

    def set_favourites(self, names: frozenset[str]) -> None:
        self._favourites = names
        for name, row in self._all.items():
            row.favourite = name in names
        self._arrange()
        self._changed(0, len(self._shown) - 1)

    def show_favourites_first(self, on: bool) -> None:
        self._favourites_first = on
        self._arrange()

    def set_filter(self, rank: Callable[[str], int | None]) -> None:
        """`rank` says of a name how well it fits; None: it is not shown. Greater ranks come first."""
        self._rank = rank
        self._show()

    def show_internal(self, on: bool) -> None:
        self._internal = on
        self._arrange()

    def row(self, number: int) -> TopicRow:
        return self._shown[number]

    def row_of(self, topic: str) -> int:
        """-1 while it is not shown."""
        return self._row_of.get(topic, -1)

    @property
    def total(self) -> int:
        """Topics that would be shown without a filter."""
        return len(self._sorted)

    def unknown(self) -> Sequence[Topic]:
        """Topics whose offsets were not looked up yet, in the order of the rows."""
        return [row.topic for row in self._shown if row.offsets is None]

    def without_configs(self, names: Iterable[str]) -> list[str]:
        """Those of `names` whose configuration was not read yet."""
        return [name for name in names if name in self._all and self._all[name].configs is None]

    # Qt's questions

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            told = (self._no_sizes or self._partly_sized) if section == SIZE else ""
            return html.escape(f"{column.tip}. {told}" if told else column.tip) or None
        return _ALIGNMENTS[section] if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == SIZE and (self._no_sizes or self._partly_sized):
                return NOT_TOLD if row.size is None else f"≥ {size(row.size)}"
            return COLUMNS[index.column()].text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENTS[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            told = (self._no_sizes or self._partly_sized) if index.column() == SIZE else ""
            return html.escape(told or str(row.trouble or "")) or None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort = (COLUMNS[column], order)
        self._arrange()

    # inside

    def _arrange(self) -> None:
        """Sorts anew, so that a filter has only to leave rows out."""
        column, order = self._sort
        rows = [row for row in self._all.values() if self._internal or not row.topic.internal]
        rows.sort(key=lambda row: row.topic.name)
        rows.sort(key=column.order, reverse=order == Qt.SortOrder.DescendingOrder)
        if self._favourites_first:
            rows.sort(key=lambda row: not row.favourite)
        self._sorted = rows
        self._show()

    def _show(self) -> None:
        """Filters anew. The view keeps its place only while the topics stay the same."""
        rank = self._rank
        ranked = [(found, row) for row in self._sorted if (found := rank(row.topic.name)) is not None]
        if any(found for found, _ in ranked):
            ranked.sort(key=lambda each: -each[0])
            if self._favourites_first:
                ranked.sort(key=lambda each: not each[1].favourite)
        rows = [row for _, row in ranked]
        row_of = {row.topic.name: i for i, row in enumerate(rows)}
        if row_of.keys() == self._row_of.keys():
            self._reorder(rows, row_of)
        else:
            self.beginResetModel()
            self._shown, self._row_of = rows, row_of
            self.endResetModel()

    def _reorder(self, rows: list[TopicRow], row_of: dict[str, int]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        after = [self.index(row_of[self._shown[i.row()].topic.name], i.column()) for i in before]
        self._shown, self._row_of = rows, row_of
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _touched(self, names: Iterable[str]) -> None:
        rows = [self._row_of[name] for name in names if name in self._row_of]
        if rows:
            self._changed(min(rows), max(rows))

    def _changed(self, first: int, last: int) -> None:
        if first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))
