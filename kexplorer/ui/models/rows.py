"""Rows of one kind as a table: sorted by any column, filtered, and copied as text."""

from __future__ import annotations

import html
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """`order` is what rows are sorted by; `width` is in characters."""

    title: str
    text: Callable[[R], str]
    order: Callable[[R], Any]
    width: int
    numeric: bool = False
    tip: str = ""


class RowsModel(QAbstractTableModel, Generic[R]):
    """Rows are known by `key`. They are sorted when a person asks, and when rows come or go, never because a number
    moved. `tip` says more of a row, `tone` is the colour token of a cell."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], Hashable],
        tip: Callable[[R], str],
        tone: Callable[[R, int], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._key, self._tip, self.tone = key, tip, tone
        self._all: list[R] = []
        self._shown: list[R] = []
        self._passes: Callable[[R], bool] = lambda _: True
        self._sort = (self.columns[0], Qt.SortOrder.AscendingOrder)

    def set_rows(self, rows: Iterable[R]) -> None:
        self._all = list(rows)
        passing = {self._key(row): row for row in self._all if self._passes(row)}
        keys = [self._key(row) for row in self._shown]
        if passing.keys() == set(keys):
            self._shown = [passing[key] for key in keys]
            if keys:
                self.dataChanged.emit(self.index(0, 0), self.index(len(keys) - 1, len(self.columns) - 1))
        else:
            self._show()

    def set_filter(self, passes: Callable[[R], bool]) -> None:
        self._passes = passes
        self._show()

    @property
    def total(self) -> int:
        return len(self._all)

    def row(self, number: int) -> R:
        return self._shown[number]

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._shown[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return html.escape(self._tip(row)) or None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort = (self.columns[column], order)
        self._show()

    def _show(self) -> None:
        """Persistent indexes follow their rows, so a selection and the current cell stay."""
        column, order = self._sort
        rows = [row for row in self._all if self._passes(row)]
        rows.sort(key=column.order, reverse=order == Qt.SortOrder.DescendingOrder)
        self.layoutAboutToBeChanged.emit()
        place = {self._key(row): number for number, row in enumerate(rows)}
        before = self.persistentIndexList()
        self._shown, keys = rows, [self._key(self._shown[i.row()]) for i in before]
        after = [
            self.index(place[key], index.column()) if key in place else QModelIndex()
            for index, key in zip(before, keys, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()


def _alignment(column: Column[Any]) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
