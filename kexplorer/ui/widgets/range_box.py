"""Which part of a topic is read: a usual one from a list, or two places as they are typed."""

from __future__ import annotations

from datetime import UTC, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from kexplorer.model.failure import Failure
from kexplorer.services.ranges import Ago, Newest, Place, parse_place

_MINUTE = 60_000
_USUAL: tuple[tuple[str, Place | None], ...] = (
    ("Whole topic", None),
    ("Last 15 minutes", Ago(15 * _MINUTE)),
    ("Last hour", Ago(60 * _MINUTE)),
    ("Last day", Ago(24 * 60 * _MINUTE)),
    ("Newest 1,000 each", Newest(1000)),
)
_CUSTOM = "From … to …"
PLACES = (
    "beginning, end, now\n"
    "2026-11-23T10:00 or 2026-11-23T10:00:00+01:00\n"
    "last:15m (s, m, h, d, w)\n"
    "offset:123, or 0:10,1:20 for partition:offset\n"
    "newest:1000 of each partition\n"
    "group:NAME, where that group has committed"
)


class RangeBox(QWidget):
    """`changed` when another part is wanted; `failed` with what is wrong with a place that was typed."""

    changed = Signal()
    failed = Signal(object)  # Failure

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start: Place | None = None
        self.end: Place | None = None
        self.failure: Failure | None = None  # what is wrong with the places as they stand
        self._zone: tzinfo = UTC
        self.box = QComboBox(self)
        self.box.setAccessibleName("Part of the topic")
        for text, place in _USUAL:
            self.box.addItem(text, place)
        self.box.addItem(_CUSTOM)
        self.box.activated.connect(self._chosen)
        self.first, self.last = (_place_edit(self, each) for each in ("from the beginning", "to the end"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.box)
        for edit in (self.first, self.last):
            edit.hide()
            edit.returnPressed.connect(self._apply)
            row.addWidget(edit)

    def set_zone(self, zone: tzinfo) -> None:
        """Of times that are typed without one."""
        self._zone = zone
        if self._custom:
            self._read()

    def reset(self) -> None:
        """The whole topic, without telling."""
        self.box.setCurrentIndex(0)
        self._show(0)

    def show_places(self, first: str, last: str) -> None:
        """As if both had been typed."""
        self.first.setText(first)
        self.last.setText(last)
        self.box.setCurrentText(_CUSTOM)
        self._show(self.box.currentIndex())
        if self.failure is None:
            self.changed.emit()

    def save_state(self) -> list[object]:
        return [self.box.currentIndex(), self.first.text(), self.last.text()]

    def restore_state(self, state: object) -> None:
        """Takes what `save_state` gave; anything else is ignored."""
        match state:
            case [int(index), str(first), str(last)] if 0 <= index < self.box.count():
                self.first.setText(first)
                self.last.setText(last)
                self.box.setCurrentIndex(index)
                self._show(index)

    def _chosen(self, index: int) -> None:
        before = (self.start, self.end)
        self._show(index)
        if self._custom:
            self.first.setFocus()
        if (self.start, self.end) != before:
            self.changed.emit()

    @property
    def _custom(self) -> bool:
        return self.box.currentText() == _CUSTOM

    def _show(self, index: int) -> None:
        self.first.setVisible(self._custom)
        self.last.setVisible(self._custom)
        if not self._custom:
            self.failure = None
            self.start, self.end = self.box.itemData(index), None
        else:
            self._read()

    def _apply(self) -> None:
        self._read()
        if self.failure is None:
            self.changed.emit()

    def _read(self) -> None:
        """Takes both places as they are typed; one that is wrong is marked, and nothing is taken."""
        self.failure = None
        places: list[Place | None] = []
        for edit in (self.first, self.last):
            wrong = None
            try:
                places.append(parse_place(edit.text(), self._zone) if edit.text().strip() else None)
            except Failure as failure:
                wrong = failure
            mark_invalid(edit, wrong is not None)
            self.failure = self.failure or wrong
        if self.failure is None:
            self.start, self.end = places
        else:
            self.failed.emit(self.failure)


def mark_invalid(edit: QLineEdit, invalid: bool) -> None:
    """The style sheet gives an invalid field a border in the colour of trouble."""
    if bool(edit.property("invalid")) != invalid:
        edit.setProperty("invalid", invalid)
        edit.style().polish(edit)


def _place_edit(parent: QWidget, placeholder: str) -> QLineEdit:
    edit = QLineEdit(parent)
    edit.setPlaceholderText(placeholder)
    edit.setToolTip(PLACES)
    edit.setAccessibleName(placeholder)
    edit.setMinimumWidth(edit.fontMetrics().averageCharWidth() * 22)
    return edit
