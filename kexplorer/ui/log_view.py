"""What the program and the client library had to say."""

from __future__ import annotations

import logging

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kexplorer.ui.icons import icon
from kexplorer.ui.models.log import LEVEL_ROLE, TEXT_ROLE, LogHandler, LogModel
from kexplorer.ui.theme import Tokens, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate
from kexplorer.ui.widgets.empty_state import EmptyState

_LEVELS = {"Everything": logging.INFO, "Warnings and errors": logging.WARNING, "Errors": logging.ERROR}


class LogView(QWidget):
    """The last 2,000 records; stays at the end as long as the end is in sight."""

    def __init__(self, handler: LogHandler) -> None:
        super().__init__()
        self.model = LogModel(handler, self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setItemDelegate(_LogDelegate(self.table))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(row_height(self.font()) - 2)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        em = self.fontMetrics().averageCharWidth()
        for column, characters in enumerate((15, 11, 26)):
            header.resizeSection(column, em * characters)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self._level = QComboBox()
        self._level.addItems(list(_LEVELS))
        self._level.currentTextChanged.connect(lambda text: self.model.set_level(_LEVELS[text]))
        self._copy = _flat("Copy", "copy", "Copy the selected lines, or all of them (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._clear = _flat("Clear", "trash", "Forget these lines")
        self._clear.clicked.connect(self.model.clear)
        self._empty = EmptyState("log", "Nothing logged at this level", "What goes on between window and brokers.")
        keys = QKeySequence(QKeySequence.StandardKey.Copy)
        copy = QShortcut(keys, self.table, context=Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)  # beside a slot in the constructor PySide ignores `context`
        self._lay_out()
        self._at_end = True
        self.table.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.model.updated.connect(self._updated)
        self._updated()

    def copy(self) -> None:
        """The selected records in full, or all that are shown, to the clipboard."""
        rows = self.table.selectionModel().selectedRows()
        indexes = sorted(rows, key=QModelIndex.row) or [self.model.index(i, 0) for i in range(self.model.rowCount())]
        QGuiApplication.clipboard().setText("\n".join(index.data(TEXT_ROLE) for index in indexes))

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 6, 12, 6)
        bar.addWidget(self._level)
        bar.addStretch()
        bar.addWidget(self._copy)
        bar.addWidget(self._clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.table)
        layout.addWidget(self._empty, 1)

    def _updated(self) -> None:
        some = self.model.rowCount() > 0
        self.table.setVisible(some)
        self._empty.setVisible(not some)
        self._copy.setEnabled(some)
        self._clear.setEnabled(some)
        if self._at_end:
            self.table.scrollToBottom()

    def _scrolled(self, value: int) -> None:
        if self.table.verticalScrollBar().isSliderDown() or self.underMouse():
            self._at_end = value == self.table.verticalScrollBar().maximum()


class _LogDelegate(CellDelegate):
    """Levels in their colour, the rest muted but for the message."""

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        level = index.data(LEVEL_ROLE)
        by_level = look.bad if level >= logging.ERROR else look.warn if level >= logging.WARNING else look.muted
        return (look.muted, by_level, look.muted, look.text)[index.column()]


def _flat(text: str, icon_name: str, tip: str) -> QPushButton:
    button = QPushButton(QIcon(icon(icon_name)), text)
    button.setFlat(True)
    button.setToolTip(tip)
    return button
