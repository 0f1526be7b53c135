"""The table of the topics panel."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from kexplorer.ui.models.topic_columns import ALIGNMENTS, CONSUMERS, HEALTH, NOT_TOLD, SIZE
from kexplorer.ui.models.topics import TopicsModel
from kexplorer.ui.theme import Tokens, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate

_WIDTHS = (20, 11, 12, 12, 10, 10, 10, 14, 12, 16)  # of the columns, in characters; the first takes what is left, too
_FLAGS = tuple(map(int, ALIGNMENTS))
Index = QModelIndex | QPersistentModelIndex


class _TopicDelegate(CellDelegate):
    """Health says "ok" quietly and anything else in the colour of trouble."""

    def __init__(self, model: TopicsModel, table: QTableView) -> None:
        super().__init__(table)
        self._model = model

    def text(self, index: Index) -> str:
        return self._model.text(index.row(), index.column())

    def alignment(self, index: Index) -> int:
        return _FLAGS[index.column()]

    def colour(self, index: Index, look: Tokens) -> str:
        column = index.column()
        if column == HEALTH:
            return look.muted if self.text(index) == "ok" else look.bad
        if column in (SIZE, CONSUMERS) and self.text(index) == NOT_TOLD:
            return look.muted
        return look.text


class TopicTable(QTableView):
    """Rows and columns grow with the type."""

    def __init__(self, model: TopicsModel) -> None:
        super().__init__()
        self._unit = self.fontMetrics().averageCharWidth()  # pixels, that the columns were fitted to
        self.setModel(model)
        self.setItemDelegate(_TopicDelegate(model, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Topics")
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        for section, characters in enumerate(_WIDTHS):
            self.setColumnWidth(section, characters * self._unit)
        header.sectionResized.connect(lambda section: self._stretch() if section else None)
        self._fit()
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stretch()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height(self.font()))
        before, self._unit = self._unit, self.fontMetrics().averageCharWidth()
        if self._unit != before:
            for section in range(1, len(_WIDTHS)):
                self.setColumnWidth(section, round(self.columnWidth(section) * self._unit / before))
        self._stretch()

    def _stretch(self) -> None:
        """The names have what the other columns leave, yet enough to be told apart."""
        others = sum(self.columnWidth(section) for section in range(1, len(_WIDTHS)))
        self.setColumnWidth(0, max(self._unit * _WIDTHS[0], self.viewport().width() - others))
