"""Further properties as lines of key=value, checked while they are typed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.ui.theme import mono_font, tokens
from kexplorer.ui.widgets.labels import plain_label

Check = Callable[[str, str], None]


def parse_lines(text: str, check: Check) -> tuple[dict[str, str], dict[int, Failure]]:
    """The properties, and by line (from 0) what is wrong. Blank lines are nothing."""
    properties: dict[str, str] = {}
    wrong: dict[int, Failure] = {}
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        try:
            if not equals:
                raise Failure(FailureKind.INVALID, f"“{key}” has no value.", "Write key=value.")
            if key in properties:
                raise Failure(FailureKind.INVALID, f"{key} is there twice.", "Remove one of the lines.")
            properties[key] = value
            check(key, value)
        except Failure as failure:
            wrong[number] = failure
    return properties, wrong


class PropertyLines(QWidget):
    """An editor that underlines bad lines and says below what is wrong with each."""

    changed = Signal()

    def __init__(self, check: Check) -> None:
        super().__init__()
        self._check = check
        self.editor = QPlainTextEdit()
        self.editor.setFont(mono_font(self.font().pointSizeF()))
        self.editor.setTabChangesFocus(True)
        self.editor.setPlaceholderText("client.rack=eu-west-1a")
        self.editor.setFixedHeight(self.editor.fontMetrics().lineSpacing() * 4 + 20)
        self.messages = plain_label("", "bad", wrap=True)
        self.messages.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.editor)
        layout.addWidget(self.messages)
        self.setFocusProxy(self.editor)
        self.editor.textChanged.connect(self._typed)

    def set_properties(self, properties: dict[str, str]) -> None:
        self.editor.setPlainText("\n".join(f"{key}={value}" for key, value in properties.items()))

    def properties(self) -> dict[str, str]:
        return parse_lines(self.editor.toPlainText(), self._check)[0]

    def faulty(self) -> bool:
        return bool(parse_lines(self.editor.toPlainText(), self._check)[1])

    def _typed(self) -> None:
        _, wrong = parse_lines(self.editor.toPlainText(), self._check)
        self.messages.setText("\n".join(f"Line {number + 1}: {failure}" for number, failure in wrong.items()))
        self.messages.setVisible(bool(wrong))
        self.editor.setExtraSelections([self._underline(number) for number in wrong])
        self.changed.emit()

    def _underline(self, number: int) -> QTextEdit.ExtraSelection:
        line = QTextCursor(self.editor.document().findBlockByNumber(number))
        line.select(QTextCursor.SelectionType.LineUnderCursor)
        wavy = QTextCharFormat()
        wavy.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        wavy.setUnderlineColor(QColor(tokens(self.palette()).bad))
        selection = QTextEdit.ExtraSelection()
        selection.cursor, selection.format = line, wavy
        return selection
