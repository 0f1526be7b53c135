"""The headers of a message that is being written."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kexplorer.model.records import Header
from kexplorer.ui.models.headers import KIND, NAME, VALUE, Draft, HeaderKind, HeadersModel, Index
from kexplorer.ui.theme import Tokens, mono_font, row_height
from kexplorer.ui.widgets.cell_delegate import CellDelegate
from kexplorer.ui.widgets.labels import icon_button, plain_label


class HeadersEditor(QWidget):
    """Enter and F2 edit a cell, Insert adds a header below, Delete removes it, Alt+Up and Alt+Down move it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model = HeadersModel(self)
        self.table = _Table(self.model)
        self.add = icon_button("plus", "Add a header (Insert)")
        self.remove = icon_button("trash", "Remove this header (Delete)")
        self.up = icon_button("chevron-up", "Move this header up (Alt+Up)")
        self.down = icon_button("chevron-down", "Move this header down (Alt+Down)")
        caption = plain_label("Headers", "heading")
        caption.setBuddy(self.table)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(caption)
        row.addStretch()
        for button in (self.up, self.down, self.remove, self.add):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        self.add.clicked.connect(self.table.add)
        self.remove.clicked.connect(self.table.remove)
        self.up.clicked.connect(lambda: self.table.move_current(-1))
        self.down.clicked.connect(lambda: self.table.move_current(1))
        self.table.selectionModel().currentChanged.connect(lambda *_: self._update())
        for signal in (self.model.dataChanged, self.model.rowsInserted, self.model.rowsRemoved, self.model.rowsMoved):
            signal.connect(lambda *_: self._changed())
        self.model.modelReset.connect(self._changed)
        self._update()

    def headers(self) -> tuple[Header, ...]:
        """Raises `Failure`, which names the first header that cannot be sent."""
        return self.model.headers()

    def set_headers(self, headers: Iterable[Header]) -> None:
        self.model.set_headers(headers)

    def _changed(self) -> None:
        self._update()
        self.changed.emit()

    def _update(self) -> None:
        row, rows = self.table.currentIndex().row(), self.model.rowCount()
        self.remove.setEnabled(row >= 0)
        self.up.setEnabled(row > 0)
        self.down.setEnabled(0 <= row < rows - 1)


class _Table(QTableView):
    def __init__(self, model: HeadersModel) -> None:
        super().__init__()
        self._headers = model
        self.setModel(model)
        self.setItemDelegate(_Delegate(model, self))
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.DoubleClicked | trigger.SelectedClicked | trigger.AnyKeyPressed)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAlternatingRowColors(True)
        self.setAccessibleName("Headers")
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        self._fit()

    def add(self) -> None:
        """Below the current one, and its name is edited."""
        row = self.currentIndex().row() + 1 or self._headers.rowCount()
        self._headers.add(row, Draft())
        self.setCurrentIndex(self._headers.index(row, NAME))
        self.edit(self.currentIndex())

    def remove(self) -> None:
        if self.currentIndex().isValid():
            self._headers.remove(self.currentIndex().row())

    def move_current(self, by: int) -> None:
        if self.currentIndex().isValid():
            self._headers.move(self.currentIndex().row(), by)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, alt = event.key(), event.modifiers() == Qt.KeyboardModifier.AltModifier
        editing = self.state() == QAbstractItemView.State.EditingState
        if editing:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2) and not event.modifiers():
            self.edit(self.currentIndex())
        elif key == Qt.Key.Key_Insert:
            self.add()
        elif key == Qt.Key.Key_Delete:
            self.remove()
        elif alt and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_current(-1 if key == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        unit = self.fontMetrics().averageCharWidth()
        self.verticalHeader().setDefaultSectionSize(row_height(self.font()))
        self.setColumnWidth(NAME, 20 * unit)
        self.setColumnWidth(KIND, 10 * unit)


class _Delegate(CellDelegate):
    def __init__(self, model: HeadersModel, table: QTableView) -> None:
        super().__init__(table)
        self._headers = model

    def colour(self, index: Index, look: Tokens) -> str:
        return str(getattr(look, self._headers.tone(index)))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor: QComboBox | QLineEdit
        if index.column() == KIND:
            editor = QComboBox(parent)
            editor.addItems([kind.value for kind in HeaderKind])
        else:
            editor = QLineEdit(parent)
            if index.column() == VALUE:
                editor.setFont(mono_font(option.font.pointSizeF()))
        editor.setAccessibleName(("Name", "Kind", "Value")[index.column()])
        editor.setStyleSheet("min-height: 0; border-radius: 0")  # else it is higher than its row
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))
        else:
            super().setEditorData(editor, index)
