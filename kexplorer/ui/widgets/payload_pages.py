"""The text of a key or value, and where it has a schema a form of its fields: one of them is shown."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QToolButton, QWidget

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encoding import Encoder
from kexplorer.formats.typed import NotFitting
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.marked_edit import MarkedEdit, in_utf16
from kexplorer.ui.widgets.record_form import RecordForm


class PayloadPages(QStackedWidget):
    """Both edit the text of `edit`. `switch` is what chooses, to be put beside; `turned` when another one is shown,
    `refused` with a sentence where there can be no form."""

    turned = Signal()
    refused = Signal(str)

    def __init__(self, edit: MarkedEdit, name: str, tasks: Tasks) -> None:
        super().__init__()
        self._edit, self._name, self._tasks = edit, name, tasks
        self._encoder: Encoder | None = None
        self._form: RecordForm | None = None
        self.as_form, self.as_json = _segment("Form", "first"), _segment("JSON", "last")
        self.as_form.setToolTip("Edit the fields of the schema one by one")
        self.as_json.setToolTip("Edit the whole as text")
        self.as_json.setChecked(True)
        self.switch = QWidget()
        self._lay_out()
        self.addWidget(edit)
        self.setFocusProxy(edit)

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        row = QHBoxLayout(self.switch)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for button in (self.as_form, self.as_json):
            button.setAccessibleName(f"{self._name} as {'a form' if button is self.as_form else 'JSON'}")
            button.clicked.connect(self._turn)
            group.addButton(button)
            row.addWidget(button)
        self.switch.hide()

    @property
    def form(self) -> RecordForm | None:
        """Where that is what is shown."""
        return self._form if self._form and self.currentWidget() is self._form else None

    def offer(self, encoder: Encoder | None, *, by_schema: bool) -> None:
        """What the text is written by; None where that is not known yet, or never will be."""
        self.switch.setVisible(by_schema)
        if encoder is not self._encoder:
            self._encoder = encoder
            self._show(self._edit)
            self._turn()

    def refresh(self) -> None:
        """Shows the text as it is now."""
        if (form := self.form) is not None and self._edit.exact_text() != form.text:
            self._fill(form)

    def _turn(self) -> None:
        if self.as_form.isChecked() and self._encoder:
            self._tasks.start(f"form {self._name}", self._make_form(self._encoder))
        else:
            self._tasks.cancel(f"form {self._name}")
            self._show(self._edit)

    async def _make_form(self, encoder: Encoder) -> None:
        try:
            fields = await asyncio.to_thread(encoder.fields)
        except Unreadable as why:
            self._refuse(f"There is no form: {why}.")
            return
        if self._form is None:
            self._form = RecordForm()
            self._form.edited.connect(self._edited)
            self.addWidget(self._form)
        await self._form.set_fields(fields)
        self._fill(self._form)

    def _fill(self, form: RecordForm) -> None:
        try:
            form.show_text(self._edit.exact_text())
        except NotFitting as wrong:
            self._refuse(f"There is no form of it: {wrong.reason}.")
        else:
            self._show(form)

    def _edited(self) -> None:
        """Puts the form's text in place of what differs: it can be undone, and is coloured line by line."""
        old, new = self._edit.exact_text(), self._form.text if self._form else ""
        most = min(len(old), len(new))
        start = next((at for at in range(most) if old[at] != new[at]), most)
        end = next((at for at in range(most - start) if old[-1 - at] != new[-1 - at]), most - start)
        cursor = QTextCursor(self._edit.document())
        cursor.setPosition(in_utf16(old, start))
        cursor.setPosition(in_utf16(old, len(old) - end), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(new[start : len(new) - end])

    def _refuse(self, sentence: str) -> None:
        self.as_json.setChecked(True)
        self._show(self._edit)
        self.refused.emit(sentence)

    def _show(self, page: QWidget) -> None:
        if page is not self.currentWidget():
            self.setCurrentWidget(page)
            self.setFocusProxy(page)
            self.turned.emit()


def _segment(text: str, place: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setProperty("segment", place)
    return button
