"""The table of latest states: a few pages of it are in memory, whatever its length."""

from __future__ import annotations

import html
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, tzinfo
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import preview, visible
from kexplorer.model.latest import Entity, Order

PAGE = 200  # rows that are read in one go
_MOST_PAGES = 20
_LONGEST = 512  # characters of a cell
_NOWHERE = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
Index = QModelIndex | QPersistentModelIndex


class _Column(IntEnum):
    KEY, EVENTS, TIME, TOPIC, PARTITION, OFFSET, STATE = range(7)


TOPIC = _Column.TOPIC
MONOSPACED = (_Column.KEY, _Column.STATE)
WIDTHS = (24, 10, 26, 20, 11, 11, 30)  # characters
_TITLES = ("Key", "Events", "Last event", "Topic", "Partition", "Offset", "State")
ORDERS: dict[int, Order] = {_Column.KEY: Order.KEY, _Column.EVENTS: Order.EVENTS, _Column.TIME: Order.TIME}
_NUMBERS = (_Column.EVENTS, _Column.PARTITION, _Column.OFFSET)
_LAST = len(_TITLES) - 1


class LatestModel(QAbstractTableModel):
    """Asks for the pages that are looked at: `page_wanted` with the first row; `show_page` brings one. Where it is to
    be sorted, it says so."""

    page_wanted = Signal(int)
    order_wanted = Signal(object, bool)  # Order, descending

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._zone: tzinfo = UTC
        self._rows = 0
        self._pages: OrderedDict[int, Sequence[Entity]] = OrderedDict()
        self._asked: set[int] = set()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.refresh()

    def set_rows(self, rows: int) -> None:
        """Other rows, or the same in another order."""
        self.beginResetModel()
        self._rows = rows
        self._pages.clear()
        self._asked.clear()
        self.endResetModel()

    def show_page(self, first: int, entities: Sequence[Entity]) -> None:
        self._asked.discard(first)
        self._pages[first] = entities
        while len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)
        if entities:
            self.dataChanged.emit(self.index(first, 0), self.index(first + len(entities) - 1, _LAST))

    def refresh(self) -> None:
        """The same rows, told otherwise."""
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(self._rows - 1, _LAST))

    def entity(self, row: int) -> Entity | None:
        """None while it is not there; then it is asked for."""
        first = row - row % PAGE
        page = self._pages.get(first)
        if page is not None:
            self._pages.move_to_end(first)
            return page[row - first] if row - first < len(page) else None
        if first not in self._asked:
            self._asked.add(first)
            self.page_wanted.emit(first)
        return None

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in _NUMBERS else Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in _NUMBERS else Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        entity = self.entity(index.row())
        if role == Qt.ItemDataRole.ToolTipRole:
            return html.escape(entity.error) if entity and entity.error else None
        return self._text(entity, index.column()) if entity else "…"

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if column in ORDERS:
            self.order_wanted.emit(ORDERS[column], order == Qt.SortOrder.DescendingOrder)

    def tone(self, row: int, column: int) -> str:
        """The colour token of a cell."""
        entity = self.entity(row)
        if entity is None or (column == _Column.STATE and entity.state is None):
            return "muted"
        return "warn" if column == _Column.STATE and entity.error else "text"

    def _text(self, entity: Entity, column: int) -> str:
        if column in MONOSPACED:
            data = entity.state if column == _Column.STATE else entity.key
            return "deleted" if data is None else preview(data, _LONGEST).text if data else "(empty)"
        match column:
            case _Column.EVENTS:
                return count(entity.events)
            case _Column.TIME:
                return timestamp(entity.ms, self._zone)
            case _Column.TOPIC:
                return visible(entity.source.topic)
        return count(entity.offset if column == _Column.OFFSET else entity.source.partition)
