"""The topics of a cluster as a table: names at once, the rest as it comes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.formats.numbers import count, duration, rate
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.catalog import TopicOffsets

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_NO_REST = re.compile(r" 00 \w+$")  # "7 d 00 h" is seven days


@dataclass(slots=True, eq=False)
class TopicRow:
    """What is known of a topic so far; None is not known yet."""

    topic: Topic
    offsets: TopicOffsets | None = None
    configs: Mapping[str, ConfigEntry] | Failure | None = None

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


COLUMNS = (
    _Column("Topic", lambda row: row.topic.name, lambda row: row.topic.name.lower()),
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
HEALTH = len(COLUMNS) - 1


class TopicsModel(QAbstractTableModel):
    """Rows are sorted when a person asks, and when topics come or go, never because a number moved: a row that jumps
    away cannot be clicked."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: dict[str, TopicRow] = {}
        self._shown: list[TopicRow] = []
        self._row_of: dict[str, int] = {}
        self._filter = ""
        self._internal = False
        self._sort = (COLUMNS[0], Qt.SortOrder.AscendingOrder)

    def set_topics(self, topics: Iterable[Topic]) -> None:
        """What is known of topics that stay is kept."""
        rows = {topic.name: self._all.get(topic.name) or TopicRow(topic) for topic in topics}
        for topic in topics:
            rows[topic.name].topic = topic
        same = rows.keys() == self._all.keys()
        self._all = rows
        if same:
            self._changed(0, len(self._shown) - 1)
        else:
            self._show()

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

    def set_filter(self, text: str) -> None:
        self._filter = text.strip().lower()
        self._show()

    def show_internal(self, on: bool) -> None:
        self._internal = on
        self._show()

    def row(self, number: int) -> TopicRow:
        return self._shown[number]

    def row_of(self, topic: str) -> int:
        """-1 while it is not shown."""
        return self._row_of.get(topic, -1)

    @property
    def total(self) -> int:
        """Topics that would be shown without a filter."""
        return sum(self._internal or not row.topic.internal for row in self._all.values())

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
            return column.tip or None
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[index.column()].text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[index.column()])
        if role == Qt.ItemDataRole.ToolTipRole and row.trouble:
            return html.escape(str(row.trouble))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort = (COLUMNS[column], order)
        self._show()

    # inside

    def _show(self) -> None:
        """Filters and sorts anew. The view keeps its place only while the topics stay the same."""
        column, order = self._sort
        rows = [row for row in self._all.values() if self._passes(row.topic)]
        rows.sort(key=lambda row: row.topic.name)
        rows.sort(key=column.order, reverse=order == Qt.SortOrder.DescendingOrder)
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

    def _passes(self, topic: Topic) -> bool:
        return (self._internal or not topic.internal) and self._filter in topic.name.lower()

    def _touched(self, names: Iterable[str]) -> None:
        rows = [self._row_of[name] for name in names if name in self._row_of]
        if rows:
            self._changed(min(rows), max(rows))

    def _changed(self, first: int, last: int) -> None:
        if first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))


def _alignment(column: _Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
