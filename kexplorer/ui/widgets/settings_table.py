"""A table of settings that are edited in place, and what Kafka says of the current one."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QLineEdit,
    QScrollArea,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from kexplorer.ui.models.configuration import VALUE, ConfigurationModel, Setting, choices, in_words, value_text
from kexplorer.ui.theme import Tokens
from kexplorer.ui.widgets.cell_delegate import CellDelegate
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

Index = QModelIndex | QPersistentModelIndex

_LINES = 5  # of a setting's documentation; more of it is scrolled


class SettingsTable(RowsTable):
    """Enter, F2 and a double click edit the value of the current row."""

    def __init__(self, model: ConfigurationModel) -> None:
        super().__init__(model, "Configuration")
        self.setItemDelegateForColumn(VALUE, _ValueDelegate(model, self))
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.DoubleClicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        starts = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2)
        if starts and self.state() != QAbstractItemView.State.EditingState:
            self.edit_current()
        else:
            super().keyPressEvent(event)

    def edit_current(self) -> None:
        index = self.currentIndex().siblingAtColumn(VALUE)
        if index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.setCurrentIndex(index)
            self.edit(index)


class _ValueDelegate(CellDelegate):
    def __init__(self, model: ConfigurationModel, table: RowsTable) -> None:
        super().__init__(table)
        self._model = model

    def colour(self, index: Index, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(self._model.row(index.row()), index.column())))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        row = self._model.row(index.row())
        editor: QComboBox | QLineEdit
        if offered := choices(row.entry):
            editor = QComboBox(parent)
            editor.addItems(list(offered))
        else:
            editor = QLineEdit(parent)
        editor.setAccessibleName(row.name)
        editor.setStyleSheet("min-height: 0; border-radius: 0")  # else it is higher than its row
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Once: what is being typed stays when the table changes below it."""
        if not editor.property("begun"):
            editor.setProperty("begun", True)
            super().setEditorData(editor, index)


class AboutSetting(QScrollArea):
    """What Kafka says of a setting."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        page.setProperty("panel", True)
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._name = plain_label(role="heading", selectable=True)
        self._text = plain_label(wrap=True, selectable=True)
        self._facts = plain_label(role="muted", wrap=True, selectable=True)
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        for label in (self._name, self._facts, self._text):
            column.addWidget(label)
        column.addStretch()
        self.setWidget(page)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * (_LINES + 2) + 24)

    @property
    def text(self) -> str:
        return self._text.text()

    def show_setting(self, row: Setting | None) -> None:
        self._name.setText(row.name if row else "")
        self._text.setText((row.meaning or "The broker does not tell what it means.") if row else "")
        self._text.setProperty("role", "" if row else "muted")
        if row is None:
            self._facts.setText("Select a setting to read what it means.")
            return
        facts = [row.edit.wrong] if row.edit and row.edit.wrong else []
        if row.edit and not row.edit.wrong:
            facts.append(f"Now {_with_words(row.name, value_text(row.entry, row.entry.value), row.entry.value)}.")
        if row.entry.default is not None:
            facts.append(f"Default {_with_words(row.name, row.entry.default or '(empty)', row.entry.default)}.")
        facts.append(f"Set by: {row.entry.source.value}.")
        self._facts.setText(" ".join(facts))


def _with_words(name: str, text: str, value: str | None) -> str:
    words = in_words(name, value)
    return f"{text} ({words})" if words else text
