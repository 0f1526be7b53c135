"""An expression in a line of its own: completed, and told what is wrong with it as it is typed."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from kexplorer.formats.field_names import FieldNames
from kexplorer.model.failure import Failure
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.query_completer import QueryCompleter
from kexplorer.ui.widgets.range_box import mark_invalid

_CHECK_AFTER = 200  # ms without a key
_SUBJECT = re.compile(r"^The (?:filter|plan, key [^:]*?)(?:, (?=column)|: )", re.DOTALL)


def without_subject(failure: Failure) -> Failure:
    """What is told beside the input that it is about need not name it."""
    text = _SUBJECT.sub("", failure.message)
    return Failure(failure.kind, text[:1].upper() + text[1:], failure.hint)


class ExpressionEdit(QWidget):
    """`check` raises `Failure` for what is no such expression; an empty line always is right. With `completes`, fields,
    functions and operators are offered."""

    changed = Signal()

    def __init__(self, name: str, placeholder: str, check: Callable[[str], object], *, completes: bool = True) -> None:
        super().__init__()
        self._check = check
        self.failure: Failure | None = None
        self.line = QLineEdit()
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(name)
        self.line.setFont(mono_font(self.font().pointSizeF()))
        self.completer = QueryCompleter(self.line)
        self.completer.enabled = completes
        if completes:
            self.line.setToolTip("Ctrl+Space offers what can stand here.")
        self._told = plain_label(role="bad", wrap=True, selectable=True)
        self._told.hide()
        self._timer = QTimer(self, interval=_CHECK_AFTER, singleShot=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.line)
        column.addWidget(self._told)
        self.setFocusProxy(self.line)
        self._timer.timeout.connect(self._check_typed)
        self.completer.closed.connect(self._timer.start)
        self.line.textEdited.connect(self._edited)

    @property
    def text(self) -> str:
        """ "" for a line of blanks."""
        text = self.line.text()
        return text if text.strip() else ""

    def show_text(self, text: str) -> None:
        if text != self.text:
            self.line.setText(text)
            self.line.setCursorPosition(0)
        self.check()

    def set_known(self, known: FieldNames) -> None:
        """What is offered to complete. It may go on learning."""
        self.completer.known = known

    def check(self) -> Failure | None:
        """What is wrong with it, which is shown, too."""
        found = None
        try:
            if self.text:
                self._check(self.text)
        except Failure as failure:
            found = without_subject(failure)
        self.show_problem(found)
        return found

    def show_problem(self, failure: Failure | None) -> None:
        self.failure = failure
        mark_invalid(self.line, failure is not None)
        self._told.setText(str(failure or ""))
        self._told.setVisible(failure is not None)

    def _edited(self) -> None:
        self._timer.start()
        self.changed.emit()

    def _check_typed(self) -> None:
        """What is still being completed is not wrong yet."""
        if self.completer.shown:
            self.show_problem(None)
        else:
            self.check()
