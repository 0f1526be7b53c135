"""What single fields of a record are edited with. Each takes a field's JSON and gives another one.

`typed` with what a person made of it, `emptied` where that is nothing at all. `show_json(None)`: it is left out."""

from __future__ import annotations

import json
import re

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from kexplorer.formats.form_fields import FieldKind, FormField
from kexplorer.formats.json_edit import compact
from kexplorer.ui.theme import mono_font

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LONGEST = 5_000  # characters: a line edit lays out the whole of it for each key
_NUMBERS = (FieldKind.INTEGER, FieldKind.NUMBER)


class LineField(QLineEdit):
    """A number that is none becomes a text in JSON: which the schema then refuses, rather than the program."""

    typed = Signal(str)
    emptied = Signal()

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field
        self._as_json = False
        self.setFont(mono_font(self.font().pointSizeF()))
        self.textEdited.connect(self._edited)

    def show_json(self, written: str | None) -> None:
        text, self._as_json = _line(self._field, written)
        long = len(text) > _LONGEST
        self.setReadOnly(long)
        self.setText("" if long else text)
        self.setPlaceholderText("Too long for a line: edit it as JSON" if long else hint(self._field, written))

    def _edited(self, text: str) -> None:
        if not text.strip() and not self._field.required and (self._as_json or self._field.kind in _NUMBERS):
            self.emptied.emit()
        elif self._as_json:
            self.typed.emit(text)
        elif self._field.kind in _NUMBERS and _NUMBER.fullmatch(text.strip()):
            self.typed.emit(text.strip())
        else:
            self.setPlaceholderText(hint(self._field, '""'))
            self.typed.emit(json.dumps(text, ensure_ascii=False))


class CheckField(QCheckBox):
    typed = Signal(str)

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field
        self.clicked.connect(self._clicked)

    def show_json(self, written: str | None) -> None:
        states = {"true": Qt.CheckState.Checked, "false": Qt.CheckState.Unchecked}
        with QSignalBlocker(self):
            self.setTristate(written not in states)
            self.setCheckState(states.get(written or "", Qt.CheckState.PartiallyChecked))
        self.setText(written if written in states else hint(self._field, written))

    def _clicked(self) -> None:
        self.setTristate(False)
        written = "true" if self.isChecked() else "false"
        self.setText(written)
        self.typed.emit(written)


class ChoiceField(QComboBox):
    typed = Signal(str)

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field
        for choice in field.choices:
            self.addItem(_line(field, choice)[0], choice)
        self.activated.connect(lambda at: self.typed.emit(self.itemData(at)))

    def show_json(self, written: str | None) -> None:
        at = self.findData(written)
        self.setCurrentIndex(at)
        self.setPlaceholderText("" if at >= 0 else hint(self._field, written))

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # it scrolls the form: a value must not change in passing


FieldEditor = LineField | CheckField | ChoiceField


def field_editor(field: FormField) -> FieldEditor:
    match field.kind:
        case FieldKind.BOOLEAN:
            return CheckField(field)
        case FieldKind.CHOICE:
            return ChoiceField(field)
    return LineField(field)


def hint(field: FormField, written: str | None) -> str:
    """What is said in place of a value."""
    if written is None:
        return "Not set" if field.default is None else f"Default: {field.default}"
    return "Empty text" if written == '""' else written


def _line(field: FormField, written: str | None) -> tuple[str, bool]:
    """And whether that is JSON. A text that would not be the same in one line is."""
    if written is None or (written == "null" and field.nullable):
        return "", field.kind is FieldKind.JSON
    if field.kind is not FieldKind.JSON:
        if written[0] == '"' and (content := str(json.loads(written))).isprintable():
            return content, False
        if field.kind is not FieldKind.TEXT and _NUMBER.fullmatch(written):
            return written, False
    return compact(written), True
