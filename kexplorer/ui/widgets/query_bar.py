"""What is searched for: a text, a regular expression, or an expression over the record's fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial
from typing import Protocol

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from kexplorer.formats.field_names import FieldNames
from kexplorer.formats.filters import compile_filter
from kexplorer.model.failure import Failure
from kexplorer.model.filter_state import filter_of, filter_state
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.ui.icons import icon
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.filter_shelf import KINDS, FilterShelf
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.query_completer import QueryCompleter
from kexplorer.ui.widgets.range_box import mark_invalid
from kexplorer.ui.widgets.search_order import SearchOrder

_CHECK_AFTER = 200  # ms without a key
_REMEMBERED = 50
_HINTS = {
    FilterKind.CONTAINS: "Search for a text",
    FilterKind.EQUALS: "Search for a whole key, value or header",
    FilterKind.REGEX: "Search by a regular expression, such as order-[0-9]+",
    FilterKind.EXPRESSION: 'Search by fields, such as value.total > 100 and headers.region == "eu"',
}
_KEYS = "Up and Down bring back earlier searches."
_WALKS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class SavedFilters(Protocol):
    """Filters by name. Each call returns all there are then; it may wait for a disk, and raises `Failure`."""

    async def load(self) -> dict[str, FilterSpec]: ...

    async def save(self, name: str, spec: FilterSpec) -> dict[str, FilterSpec]: ...

    async def delete(self, name: str) -> dict[str, FilterSpec]: ...


class QueryBar(QWidget):
    """Tells what is wrong with the filter as it is typed. Enter searches, Escape closes, Up and Down bring back what
    was searched for. Without `saved`, filters cannot be given a name. `tasks` are to be closed with the panel."""

    searched = Signal(FilterSpec)
    closed = Signal()

    def __init__(self, saved: SavedFilters | None = None) -> None:
        super().__init__()
        self._store = saved
        self._saved: Mapping[str, FilterSpec] = {}
        self._history: list[FilterSpec] = []  # the last one first
        self._recalled = -1  # the place in the history of what the edit shows
        self._shown = ""  # what the edit had before somebody typed
        self.tasks = Tasks(self._show_failure)
        self._kind, self._where = QComboBox(), QComboBox()
        for kind, text in KINDS.items():
            self._kind.addItem(text, kind)
        for where in Where:
            self._where.addItem(where.value.capitalize(), where)
        self._case = QToolButton()
        self._case.setText("Aa")
        self._case.setCheckable(True)
        self._case.setChecked(True)
        self._case.setToolTip("Upper and lower case differ")
        self._kind.setAccessibleName("Kind of filter")
        self._where.setAccessibleName("Where to look")
        self.edit = _Edit()
        self.edit.setAccessibleName("Filter")
        self.completer = QueryCompleter(self.edit)
        self.order = SearchOrder()
        self.shelf_button = icon_button("star", "Saved and recent filters (Alt+Down)")
        self.search_button = QPushButton(icon("search"), "Search")
        close = icon_button("close", "Close the search (Esc)")
        self._error = plain_label(role="bad", wrap=True)
        self._error.hide()
        self._check_timer = QTimer(self, interval=_CHECK_AFTER, singleShot=True)
        self._lay_out(close)
        self._check_timer.timeout.connect(self._check_typed)
        self.completer.closed.connect(self._check_timer.start)
        self._kind.currentIndexChanged.connect(self._kind_changed)
        self.edit.textEdited.connect(lambda _: self._check_timer.start())
        self.edit.returnPressed.connect(self._search)
        self.edit.escaped.connect(self.closed)
        self.edit.recalled.connect(self._recall)
        self.edit.shelf_requested.connect(self.open_shelf)
        self.shelf_button.clicked.connect(self.open_shelf)
        self.search_button.clicked.connect(self._search)
        close.clicked.connect(self.closed)
        self.setFocusProxy(self.edit)
        self._kind_changed()

    def _lay_out(self, close: QToolButton) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self._kind, self._where, self._case):
            row.addWidget(widget)
        row.addWidget(self.edit, 1)
        for button in (self.shelf_button, self.order, self.search_button, close):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._error)

    # what a person chose

    def spec(self) -> FilterSpec:
        if self.kind is FilterKind.EXPRESSION:
            return FilterSpec(self.edit.text(), self.kind)
        return FilterSpec(self.edit.text(), self.kind, self._case.isChecked(), Where(self._where.currentData()))

    @property
    def kind(self) -> FilterKind:
        return FilterKind(self._kind.currentData())  # Qt made a plain str of it

    def show_spec(self, spec: FilterSpec) -> None:
        self._kind.setCurrentIndex(self._kind.findData(spec.kind))
        self._where.setCurrentIndex(self._where.findData(spec.where))
        self._case.setChecked(spec.case_sensitive)
        self.edit.setText(spec.text)
        self._shown = spec.text
        self._recalled = self._history.index(spec) if spec in self._history else -1
        self.check()

    @property
    def newest_first(self) -> bool:
        return self.order.newest_first

    @property
    def limit(self) -> int | None:
        """After how many matches the search ends; None: all of them are wanted."""
        return self.order.limit

    def set_known(self, known: FieldNames) -> None:
        """What is offered to complete. It may go on learning."""
        self.completer.known = known

    def check(self) -> bool:
        """Whether it can be searched for; if not, what is wrong is shown."""
        failure = None
        try:
            compile_filter(self.spec())
        except Failure as wrong:
            failure = wrong
        self._show_wrong(failure)
        return failure is None

    def _check_typed(self) -> None:
        """What is still being completed is not wrong yet."""
        if self.completer.shown:
            self._show_wrong(None)
        else:
            self.check()

    def _show_wrong(self, failure: Failure | None) -> None:
        mark_invalid(self.edit, failure is not None)
        self._error.setText(str(failure or ""))
        self._error.setVisible(failure is not None)

    def save_state(self) -> dict[str, object]:
        return {
            "history": [filter_state(each) for each in self._history],
            "newest_first": self.newest_first,
            "limit": self.limit,
        }

    def restore_state(self, state: object) -> None:
        """Takes what `save_state` gave, or a list of texts; anything else is ignored."""
        values = state if isinstance(state, dict) else {"history": state}
        if isinstance(history := values.get("history"), list):
            self._history = [spec for each in history if (spec := filter_of(each))][:_REMEMBERED]
        self.order.newest_first = values.get("newest_first") is not False
        limit = values.get("limit")
        self.order.limit = limit if isinstance(limit, int) else None

    # saved and recent filters

    @cached_property
    def shelf(self) -> FilterShelf:
        made = FilterShelf(self, saves=self._store is not None)
        made.chosen.connect(self._take)
        made.forget_requested.connect(self._forget)
        made.save_requested.connect(self._save)
        made.delete_requested.connect(self._delete)
        return made

    def open_shelf(self) -> None:
        self.completer.close()
        self.shelf.show_filters(self._saved, self._history)
        self.shelf.open_below(self.shelf_button, can_save=bool(self.edit.text()) and self.check())
        if self._store is not None:
            self._change(self._store.load)

    def _save(self, name: str) -> None:
        if self._store is not None:
            self._change(partial(self._store.save, name, self.spec()))

    def _delete(self, name: str) -> None:
        if self._store is not None:
            self._change(partial(self._store.delete, name))

    def _change(self, work: Callable[[], Awaitable[dict[str, FilterSpec]]]) -> None:
        async def changed() -> None:
            self._saved = await work()
            self.shelf.show_failure(None)
            self.shelf.show_filters(self._saved, self._history)

        self.tasks.start("filters", changed())

    def _forget(self, spec: FilterSpec) -> None:
        self._history = [each for each in self._history if each != spec]
        self._recalled = -1
        self.shelf.show_filters(self._saved, self._history)

    def _take(self, spec: FilterSpec) -> None:
        self.show_spec(spec)
        self.edit.setFocus(Qt.FocusReason.PopupFocusReason)

    def _show_failure(self, failure: Failure) -> None:
        if self.shelf.isVisible():
            self.shelf.show_failure(failure)
        else:
            self._error.setText(str(failure))
            self._error.show()

    def _recall(self, by: int) -> None:
        """Goes back in the history by 1 or -1, unless there is something that was typed."""
        text = self.edit.text()
        if text and text != self._shown:
            return
        place = min((self._recalled if text else -1) + by, len(self._history) - 1)
        if place >= 0:
            self.show_spec(self._history[place])
        elif text:
            self.edit.clear()
            self.check()
        self._recalled = max(place, -1)

    # what happens in it

    def _kind_changed(self) -> None:
        by_fields = self.kind is FilterKind.EXPRESSION
        self._where.setVisible(not by_fields)
        self._case.setVisible(self.kind in (FilterKind.CONTAINS, FilterKind.REGEX))
        self.completer.enabled = by_fields
        self.completer.close()
        self.edit.setPlaceholderText(_HINTS[self.kind])
        self.edit.setToolTip(f"Ctrl+Space offers what can stand here. {_KEYS}" if by_fields else _KEYS)
        if self.edit.text():
            self.check()

    def _search(self) -> None:
        self._check_timer.stop()
        if not self.edit.text() or not self.check():
            return
        spec = self.spec()
        self._history = [spec, *(each for each in self._history if each != spec)][:_REMEMBERED]
        self._recalled, self._shown = 0, spec.text
        self.searched.emit(spec)


class _Edit(QLineEdit):
    escaped = Signal()
    recalled = Signal(int)  # 1 for what is older
    shelf_requested = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, plain = Qt.Key(event.key()), event.modifiers() in _PLAIN
        if key == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif key in _WALKS and plain:
            self.recalled.emit(_WALKS[key])
        elif key == Qt.Key.Key_Down and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.shelf_requested.emit()
        else:
            super().keyPressEvent(event)
