"""The filters that were saved under a name and those that were searched for lately, to take one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.search import FilterKind, FilterSpec, Where
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.offer_list import Offer, OfferList, Sheet

KINDS = {
    FilterKind.CONTAINS: "Text",
    FilterKind.EQUALS: "All of it",
    FilterKind.REGEX: "Regular expression",
    FilterKind.EXPRESSION: "Fields",
}
_WIDTH = 520  # pixels
_LONGEST_NAME = 100  # characters


class FilterShelf(Sheet):
    """Opens below a button. Asks for what it cannot do itself; `show_filters` tells it what came of it."""

    chosen = Signal(FilterSpec)
    save_requested = Signal(str)  # the name
    delete_requested = Signal(str)  # the name
    forget_requested = Signal(FilterSpec)  # one of those searched for lately

    def __init__(self, parent: QWidget, *, saves: bool) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._saved: Mapping[str, FilterSpec] = {}
        self._filters: list[tuple[str, FilterSpec] | None] = []  # of each row: its name or "", None for a heading
        self.name = QLineEdit()
        self.name.setMaxLength(_LONGEST_NAME)
        self.name.setAccessibleName("Name of the filter")
        self.name.textChanged.connect(self._tell_button)
        self.name.returnPressed.connect(self._save)
        self.button = QPushButton("Save")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._save)
        self._trouble = plain_label(role="bad", wrap=True)
        self.rows = _Rows()
        self.rows.setAccessibleName("Saved and recent filters")
        self.rows.chosen.connect(self._take)
        self.rows.clicked.connect(lambda index: self._take(index.row()))
        self.rows.delete_requested.connect(self._delete)
        self.rows.menu_requested.connect(self._show_menu)
        self._hint = plain_label("", role="muted")
        row = QHBoxLayout()
        row.setContentsMargins(9, 8, 9, 8)
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        row.addWidget(self.button)
        for widget in (self.name, self.button):
            widget.setVisible(saves)
        column = QVBoxLayout(self)
        column.setContentsMargins(3, 3, 3, 3)
        column.setSpacing(0)
        column.addLayout(row)
        for label in (self._trouble, self._hint):
            label.setContentsMargins(10, 4, 10, 6)
        column.addWidget(self._trouble)
        column.addWidget(self.rows)
        column.addWidget(self._hint)
        self.setTabOrder(self.rows, self.name)
        self.setTabOrder(self.name, self.button)

    def open_below(self, button: QWidget, *, can_save: bool) -> None:
        self.name.clear()
        self.name.setEnabled(can_save)
        self.name.setPlaceholderText("Save this filter as …" if can_save else "Type a filter to save it")
        self.show_failure(None)
        self._fit()
        self.move(button.mapToGlobal(QPoint(button.width() - self.width(), button.height() + 2)))
        self.show()
        first = next((row for row, each in enumerate(self._filters) if each), -1)
        self.rows.select(first)
        (self.rows if first >= 0 else self.name).setFocus(Qt.FocusReason.PopupFocusReason)

    def show_filters(self, saved: Mapping[str, FilterSpec], recent: Sequence[FilterSpec]) -> None:
        """`recent`: the last one first."""
        row = self.rows.row
        self._saved = saved
        self._filters, offers = [], []
        named = [(name, spec) for name, spec in saved.items()]
        for heading, filters in (("Saved", named), ("Recent", [("", spec) for spec in recent])):
            if filters:
                self._filters += [None, *filters]
                offers += [Offer(heading, heading=True), *(_offer(*each) for each in filters)]
        self.rows.show_offers(offers)
        self.rows.setVisible(bool(offers))
        while row >= 0 and (row >= len(self._filters) or not self._filters[row]):
            row -= 1
        self.rows.select(row)
        self._hint.setText("Delete removes the selected one." if offers else "Filters that you search for appear here.")
        self._tell_button()
        self._fit()

    def show_failure(self, failure: Failure | None) -> None:
        self._trouble.setText(str(failure or ""))
        self._trouble.setVisible(failure is not None)
        self._fit()

    def _fit(self) -> None:
        self.setFixedWidth(_WIDTH)
        self.adjustSize()

    def _tell_button(self) -> None:
        name = self.name.text().strip()
        self.button.setEnabled(bool(name))
        self.button.setText("Replace" if name in self._saved else "Save")

    def _save(self) -> None:
        if self.name.text().strip():
            self.save_requested.emit(self.name.text().strip())
            self.name.clear()

    def _take(self, row: int) -> None:
        if each := self._filter(row):
            self.hide()
            self.chosen.emit(each[1])

    def _delete(self, row: int) -> None:
        if each := self._filter(row):
            name, spec = each
            if name:
                self.delete_requested.emit(name)
            else:
                self.forget_requested.emit(spec)

    def _filter(self, row: int) -> tuple[str, FilterSpec] | None:
        return self._filters[row] if row >= 0 else None

    def _show_menu(self, row: int, place: QPoint) -> None:
        if not self._filter(row):
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, do in (("Use", self._take), ("Delete", self._delete)):
            action = QAction(text, menu)
            action.triggered.connect(lambda _=False, do=do: do(row))
            menu.addAction(action)
        menu.popup(place)


class _Rows(OfferList):
    chosen = Signal(int)  # with Enter
    delete_requested = Signal(int)
    menu_requested = Signal(int, QPoint)  # row, where on the screen

    def __init__(self) -> None:
        super().__init__()
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_requested.emit(self.row)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.row)
        else:
            super().keyPressEvent(event)

    def _menu(self, place: QPoint) -> None:
        index = self.indexAt(place)
        if index.isValid():
            self.menu_requested.emit(index.row(), self.viewport().mapToGlobal(place))


def describe(spec: FilterSpec) -> str:
    """What kind of a filter it is, for a list."""
    if spec.kind is FilterKind.EXPRESSION:
        return KINDS[spec.kind]
    where = "" if spec.where is Where.ANYWHERE else f" in the {spec.where.value}"
    return f"{KINDS[spec.kind]}{where}" + ("" if spec.case_sensitive else ", any case")


def _offer(name: str, spec: FilterSpec) -> Offer:
    if name:
        return Offer(name, spec.text, "★", "accent", typed=False)
    return Offer(spec.text, describe(spec), "↑")
