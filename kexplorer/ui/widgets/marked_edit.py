"""Text that is typed exactly as it is, with the place of a mistake underlined and JSON in colours."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QColor, QPalette, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from kexplorer.ui.theme import mono_font, tokens
from kexplorer.ui.widgets.json_colours import JsonColours

_MOST_COLOURED = 60_000  # characters: 0.1 s


class MarkedEdit(QPlainTextEdit):
    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self._colours = JsonColours(self, self.palette())

    def exact_text(self) -> str:
        """As typed: Qt's own way to ask for it makes plain spaces of hard ones."""
        return self.document().toRawText().replace("\u2029", "\n")

    def begin(self, text: str) -> None:
        """Another text, without a signal and without a way back."""
        with QSignalBlocker(self):
            self._colours.colour(None)
            self.setPlainText(text)
        self.document().setModified(False)

    def write(self, text: str) -> None:
        """In place of all there is; can be undone."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)

    def colour(self, *, json: bool) -> None:
        """Nothing of a large text."""
        coloured = json and self.document().characterCount() <= _MOST_COLOURED
        self._colours.colour(self.document() if coloured else None)

    def mark(self, offset: int) -> None:
        """Underlines the place; at the end of the text what is before it."""
        cursor = QTextCursor(self.document())
        at = in_utf16(self.exact_text(), offset)
        end = cursor.document().characterCount() - 1
        cursor.setPosition(min(at, max(end - 1, 0)))
        cursor.movePosition(QTextCursor.MoveOperation.NextCharacter, QTextCursor.MoveMode.KeepAnchor)
        mark = QTextEdit.ExtraSelection()
        mark.cursor = cursor
        mark.format = QTextCharFormat()
        mark.format.setUnderlineColor(QColor(tokens(self.palette()).bad))
        mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        self.setExtraSelections([mark])

    def unmark(self) -> None:
        self.setExtraSelections([])

    def restyle(self, palette: QPalette, points: float) -> None:
        self.setFont(mono_font(points))
        with QSignalBlocker(self):
            self._colours.restyle(palette)


def in_utf16(text: str, offset: int) -> int:
    """Qt counts the halves of characters beyond U+FFFF."""
    return len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2
