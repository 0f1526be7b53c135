"""Offers what can stand at the cursor of a line edit. The focus stays in the edit: typing goes on undisturbed."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout

from kexplorer.formats.completion import Completions, Kind, complete
from kexplorer.formats.field_names import FieldNames
from kexplorer.ui.widgets.offer_list import Offer, OfferList, Sheet

_WIDEST, _NARROWEST, _AROUND = 640, 280, 8  # pixels; the last those around the list
_MARKS = {
    Kind.FIELD: (".a", "syntax_key"),
    Kind.FUNCTION: ("ƒ", "syntax_literal"),
    Kind.OPERATOR: ("=", "muted"),
    Kind.VALUE: ("“”", "syntax_string"),
}
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 9, Qt.Key.Key_PageUp: -9}
_NOTHING = Completions(0, 0, ())


class QueryCompleter(QObject):
    """Down and Up choose, Tab and Enter accept, Escape closes, Ctrl+Space asks. Enter is left to the edit as long as
    nothing is chosen, which is so wherever what was typed may be all that is meant."""

    closed = Signal()

    def __init__(self, edit: QLineEdit) -> None:
        super().__init__(edit)
        self.known = FieldNames()
        self.enabled = False
        self._edit = edit
        self._found = _NOTHING
        self._cursor = 0
        edit.installEventFilter(self)
        edit.textEdited.connect(self._edited)
        edit.cursorPositionChanged.connect(self._moved)

    @cached_property
    def rows(self) -> OfferList:
        made = OfferList()
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        made.setAccessibleName("Completions")
        made.clicked.connect(lambda index: self._accept(index.row()))
        return made

    @cached_property
    def _sheet(self) -> Sheet:
        made = Sheet(self._edit)
        made.hide()
        column = QVBoxLayout(made)
        column.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(*(_AROUND // 2 - 1,) * 4)
        column.addWidget(self.rows)
        return made

    @property
    def shown(self) -> bool:
        return "_sheet" in vars(self) and not self._sheet.isHidden()

    def ask(self) -> None:
        """Offers what there is, or closes where there is nothing."""
        self._cursor = self._edit.cursorPosition()
        self._found = complete(self._edit.text(), self._cursor, self.known) if self.enabled else _NOTHING
        if self._found.items:
            self.rows.show_offers([Offer(text, hint, *_MARKS[kind]) for text, kind, hint in self._found.items])
            self.rows.select(0 if self._found.eager else -1)
            self._place()
        else:
            self.close()

    def close(self) -> None:
        if self.shown:
            self._sheet.hide()
            self._sheet.setParent(self._edit)  # or it would go with a window that its tab has left
            self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusOut, QEvent.Type.Hide):
            self.close()
        elif event.type() == QEvent.Type.Resize and self.shown:
            self._place()
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._pressed(event)
        elif isinstance(event, QKeyEvent) and self.shown and event.key() == Qt.Key.Key_Escape:
            event.accept()  # of a shortcut on Escape
            return True
        return super().eventFilter(watched, event)

    def _pressed(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.ask()
            return self.enabled
        return self.shown and self._pressed_in_list(key)

    def _pressed_in_list(self, key: Qt.Key) -> bool:
        enters = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if by := _STEPS.get(key):
            self._step(by)
        elif key == Qt.Key.Key_Tab or (enters and self.rows.row >= 0):
            self._accept(max(self.rows.row, 0))
        elif key == Qt.Key.Key_Escape or enters:
            self.close()
            return not enters
        else:
            return False
        return True

    def _step(self, by: int) -> None:
        rows, row = len(self._found.items), self.rows.row
        if abs(by) > 1:
            row = min(max(row + by, 0), rows - 1)
        elif row < 0:
            row = 0 if by > 0 else rows - 1
        else:
            row = (row + by) % rows
        self.rows.select(row)

    def _accept(self, row: int) -> None:
        found, text = self._found, self._edit.text()
        item = found.items[row]
        space = " " if item.kind is Kind.OPERATOR else ""
        self._cursor = -1
        self._edit.setSelection(found.start, found.end - found.start)
        self._edit.insert(item.text + ("" if text[found.end :].startswith(" ") else space))
        if space and text[found.end :].startswith(" "):
            self._edit.cursorForward(False)
        self._edit.textEdited.emit(self._edit.text())

    def _edited(self, text: str) -> None:
        if text.strip():
            self.ask()
        else:
            self.close()

    def _moved(self, _before: int, now: int) -> None:
        if now != self._cursor:
            self.close()

    def _place(self) -> None:
        """Below the word that it completes, inside of the window; above it where there is more room."""
        edit, sheet, window = self._edit, self._sheet, self._edit.window()
        if sheet.parentWidget() is not window:
            sheet.setParent(window)
        width = min(max(self.rows.ideal_width() + _AROUND, _NARROWEST), _WIDEST, window.width() - 16)
        sheet.resize(width, self.rows.height() + _AROUND)
        typed = edit.fontMetrics().horizontalAdvance(edit.text()[self._found.start : self._cursor])
        left = max(edit.cursorRect().center().x() - typed, 0) - OfferList.TEXT_LEFT - _AROUND // 2
        corner = edit.mapTo(window, QPoint(left, edit.height() + 2))
        if corner.y() + sheet.height() > window.height() and corner.y() > window.height() // 2:
            corner.setY(corner.y() - edit.height() - 4 - sheet.height())
        corner.setX(max(8, min(corner.x(), window.width() - width - 8)))
        sheet.move(corner)
        sheet.show()
        sheet.raise_()
