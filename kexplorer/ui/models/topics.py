"""The topics of a cluster as a table: names at once, the rest as it comes."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.catalog import TopicOffsets
from kexplorer.services.topic_admin import TopicSizes
from kexplorer.services.topic_readers import ReaderCounts
from kexplorer.ui.models.topic_columns import ALIGNMENTS, COLUMNS, CONSUMERS, NOT_TOLD, SIZE, TopicRow

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


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
        self._untold: dict[int, str] = {}  # of a column: why it has nothing
        self._partly: dict[int, str] = {}  # why it may have too little
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
        for name, row in self._all.items():
            row.size = None if isinstance(found, Failure) else sizes.get(name, 0)
        self._tell(SIZE, found, "; ".join(f"without broker {broker}: {failure}" for broker, failure in missing.items()))

    def set_consumers(self, found: ReaderCounts | Failure) -> None:
        """A failure is told by the column in the place of numbers."""
        groups = found.groups if isinstance(found, ReaderCounts) else {}
        for name, row in self._all.items():
            row.consumers = None if isinstance(found, Failure) else groups.get(name, 0)
        self._tell(CONSUMERS, found, str(next(iter(found.troubles), "")) if isinstance(found, ReaderCounts) else "")

    def _tell(self, column: int, found: object, partly: str) -> None:
        self._untold[column] = str(found) if isinstance(found, Failure) else ""
        self._partly[column] = partly
        self._changed(0, len(self._shown) - 1)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, column, column)

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
            told = self._lacks(section)
            return html.escape(f"{column.tip}. {told}" if told else column.tip) or None
        return ALIGNMENTS[section] if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._shown[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return ALIGNMENTS[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return html.escape(self._lacks(column) or str(row.trouble or "")) or None
        return None

    def text(self, row: int, column: int) -> str:
        if self._untold.get(column):
            return NOT_TOLD
        text = COLUMNS[column].text(self._shown[row])
        return f"≥ {text}" if text and self._partly.get(column) else text

    def _lacks(self, column: int) -> str:
        return self._untold.get(column) or self._partly.get(column, "")

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
        if ranked and any(found for found, _ in ranked):
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
