"""A table of rows of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyleOptionHeader, QTableView, QWidget

from kexplorer.ui.models.rows import RowsModel
from kexplorer.ui.theme import Tokens, row_height
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_ARROW = "\u00a0" * 4  # as wide as the arrow of the sorted column


class _Delegate(CellDelegate):
    def __init__(self, model: RowsModel[Any], table: QTableView) -> None:
        super().__init__(table)
        self._model = model

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(self._model.row(index.row()), index.column())))


def rows_in_sight(table: QTableView) -> range:
    """Rows on the screen, all of them while the table is higher than its rows."""
    if not (rows := table.model().rowCount()):
        return range(0)
    last = table.rowAt(table.viewport().height() - 1)
    return range(max(table.rowAt(0), 0), rows if last < 0 else last + 1)


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of rows that follow each other."""
    for _, run in groupby(enumerate(rows), lambda each: each[1] - each[0]):
        numbers = [number for _, number in run]
        yield numbers[0], numbers[-1]


class _Header(QHeaderView):
    """WORKAROUND: with a style sheet the title of the sorted column ends where the arrow begins, but keeps its place:
    one that stands at the right would be cut.
    https://github.com/qt/qtbase/blob/6.11/src/widgets/styles/qstylesheetstyle.cpp"""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, section: int) -> None:
        super().initStyleOptionForIndex(option, section)
        sorted_by_it = option.sortIndicator != QStyleOptionHeader.SortIndicator.None_
        if sorted_by_it and option.textAlignment & Qt.AlignmentFlag.AlignRight:
            option.text += _ARROW


class RowsTable(QTableView):
    """Cells are selected one by one or in blocks; Ctrl+C copies them, tabs between columns. Rows and columns grow with
    the type."""

    def __init__(self, model: RowsModel[Any], name: str) -> None:
        super().__init__()
        self._unit = self.fontMetrics().averageCharWidth()  # pixels, that the columns were fitted to
        self._columns = model.columns
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
        header = _Header(self)
        self.setHorizontalHeader(header)
        header.setStretchLastSection(True)
        for section, column in enumerate(model.columns):
            self.setColumnWidth(section, column.width * self._unit)
        self._fit()
        self._all: list[
            QPersistentModelIndex
        ] = []  # the rows, while they are laid out anew and all of them are selected
        model.layoutAboutToBeChanged.connect(self._note_all)
        model.layoutChanged.connect(self._select_noted)
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

    def _note_all(self) -> None:
        """WORKAROUND: where all of a large table is selected, Qt selects all that is in it after a change of layout:
        a filter that is cleared would have rows selected, and perhaps deleted, that nobody has chosen.
        https://github.com/qt/qtbase/blob/6.11/src/corelib/itemmodels/qitemselectionmodel.cpp"""
        model, rows = self.model(), self.model().rowCount()
        if rows and len(self.selectionModel().selectedRows()) == rows:
            self._all = [QPersistentModelIndex(model.index(row, 0)) for row in range(rows)]

    def _select_noted(self) -> None:
        if not (noted := self._all):
            return
        self._all, selection, last = [], QItemSelection(), self.model().columnCount() - 1
        for first, end in _runs(sorted(index.row() for index in noted if index.isValid())):
            selection.select(self.model().index(first, 0), self.model().index(end, last))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

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

    def fit_columns(self) -> None:
        """Those with short texts leave their room to the others; none but the last grows beyond its own width."""
        header = self.horizontalHeader()
        for section, column in enumerate(self._columns):
            needed = max(self.sizeHintForColumn(section) + 2 * PADDING, header.sectionSizeHint(section))
            self.setColumnWidth(section, min(needed, column.width * self._unit))

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height(self.font()))
        before, self._unit = self._unit, self.fontMetrics().averageCharWidth()
        if self._unit != before:
            for section in range(self.model().columnCount()):
                self.setColumnWidth(section, round(self.columnWidth(section) * self._unit / before))
