"""What is searched for: a text, a regular expression, or an expression over the record's fields."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.filters import compile_filter
from kexplorer.model.failure import Failure
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.range_box import mark_invalid

_CHECK_AFTER = 200  # ms without a key
_REMEMBERED = 20
_HINTS = {
    FilterKind.CONTAINS: "Search for a text",
    FilterKind.REGEX: "Search by a regular expression, such as order-[0-9]+",
    FilterKind.EXPRESSION: 'Search by fields, such as value.total > 100 and headers.region == "eu"',
}


class QueryBar(QWidget):
    """Tells what is wrong with the filter as it is typed. Enter searches, Escape closes."""

    searched = Signal(FilterSpec)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._kind, self._where = QComboBox(), QComboBox()
        for kind, text in zip(FilterKind, ("Text", "Regular expression", "Fields"), strict=True):
            self._kind.addItem(text, kind)
        for where in Where:
            self._where.addItem(where.value.capitalize(), where)
        self._case = QToolButton()
        self._case.setText("Aa")
        self._case.setCheckable(True)
        self._case.setChecked(True)
        self._case.setToolTip("Upper and lower case differ")
        self.edit = _Edit()
        self._history = QStringListModel(self)
        self.edit.setCompleter(QCompleter(self._history, self.edit))
        self.search_button = QPushButton(icon("search"), "Search")
        close = icon_button("close", "Close the search (Esc)")
        close.clicked.connect(self.closed)
        self._error = plain_label(role="bad", wrap=True)
        self._error.hide()
        self._check_timer = QTimer(self, interval=_CHECK_AFTER, singleShot=True)
        self._check_timer.timeout.connect(self.check)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self._kind, self._where, self._case):
            row.addWidget(widget)
        row.addWidget(self.edit, 1)
        row.addWidget(self.search_button)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._error)
        self._kind.currentIndexChanged.connect(self._kind_changed)
        self.edit.textEdited.connect(lambda _: self._check_timer.start())
        self.edit.returnPressed.connect(self._search)
        self.edit.escaped.connect(self.closed)
        self.search_button.clicked.connect(self._search)
        self.setFocusProxy(self.edit)
        self._kind_changed()

    def spec(self) -> FilterSpec:
        kind: FilterKind = self._kind.currentData()
        if kind is FilterKind.EXPRESSION:
            return FilterSpec(self.edit.text(), kind)
        return FilterSpec(self.edit.text(), kind, self._case.isChecked(), self._where.currentData())

    def show_spec(self, spec: FilterSpec) -> None:
        self._kind.setCurrentIndex(self._kind.findData(spec.kind))
        self._where.setCurrentIndex(self._where.findData(spec.where))
        self._case.setChecked(spec.case_sensitive)
        self.edit.setText(spec.text)

    def check(self) -> bool:
        """Whether it can be searched for; if not, what is wrong is shown."""
        failure = None
        try:
            compile_filter(self.spec())
        except Failure as wrong:
            failure = wrong
        mark_invalid(self.edit, failure is not None)
        self._error.setText(str(failure or ""))
        self._error.setVisible(failure is not None)
        return failure is None

    def save_state(self) -> list[str]:
        """The filters that were searched for, the last one first."""
        return list(self._history.stringList())

    def restore_state(self, state: object) -> None:
        if isinstance(state, list):
            self._history.setStringList([each for each in state if isinstance(each, str)][:_REMEMBERED])

    def _kind_changed(self) -> None:
        kind: FilterKind = self._kind.currentData()
        by_bytes = kind is not FilterKind.EXPRESSION
        self._where.setEnabled(by_bytes)
        self._case.setEnabled(by_bytes)
        self.edit.setPlaceholderText(_HINTS[kind])
        if self.edit.text():
            self.check()

    def _search(self) -> None:
        self._check_timer.stop()
        if not self.edit.text() or not self.check():
            return
        others = [text for text in self._history.stringList() if text != self.edit.text()]
        self._history.setStringList([self.edit.text(), *others][:_REMEMBERED])
        self.searched.emit(self.spec())


class _Edit(QLineEdit):
    escaped = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)
