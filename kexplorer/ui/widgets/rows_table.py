"""A table of rows of one kind."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.theme import Tokens, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate


class _Delegate(CellDelegate):
    def __init__(self, model: RowsModel[Any], table: QTableView) -> None:
        super().__init__(table)
        self._model = model

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(self._model.row(index.row()), index.column())))


class RowsTable(QTableView):
    """Cells are selected one by one or in blocks; Ctrl+C copies them, tabs between columns. Rows and columns grow with
    the type."""

    def __init__(self, model: RowsModel[Any], name: str) -> None:
        super().__init__()
        self._unit = self.fontMetrics().averageCharWidth()  # pixels, that the columns were fitted to
        self.setModel(model)
        self.setItemDelegate(_Delegate(model, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for section, column in enumerate(model.columns):
            self.setColumnWidth(section, column.width * self._unit)
        self._fit()
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def copy(self) -> None:
        rows: dict[int, list[QModelIndex]] = {}
        for index in sorted(self.selectedIndexes(), key=lambda i: (i.row(), i.column())):
            rows.setdefault(index.row(), []).append(index)
        if rows:
            lines = ("\t".join(str(index.data()) for index in cells) for cells in rows.values())
            QGuiApplication.clipboard().setText("\n".join(lines))

    def save_sort(self) -> list[object]:
        header = self.horizontalHeader()
        return [header.sortIndicatorSection(), header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder]

    def restore_sort(self, state: object) -> None:
        match state:
            case [int(section), bool(descending)] if 0 <= section < self.model().columnCount():
                order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
                self.sortByColumn(section, order)

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height(self.font()))
        before, self._unit = self._unit, self.fontMetrics().averageCharWidth()
        if self._unit != before:
            for section in range(self.model().columnCount()):
                self.setColumnWidth(section, round(self.columnWidth(section) * self._unit / before))
