"""TOML as it is typed: in colours, with the line of a mistake marked."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QSignalBlocker
from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from kexplorer.ui.theme import Tokens, mono_font, tokens

_LONGEST_LINE = 5_000  # characters that are coloured
_PARTS = re.compile(
    r"""(?P<muted>\#.*)
    |^\s*(?P<syntax_literal>\[{1,2}[^\]]*\]{1,2})
    |(?P<syntax_key>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)(?=\s*=)
    |(?P<syntax_string>"(?:\\.|[^"\\])*"?|'[^']*'?)
    |(?P<syntax_number>\b(?:true|false)\b|[+-]?\b\d[\d_.eE+:TZ-]*)""",
    re.VERBOSE,
)


class TomlEdit(QPlainTextEdit):
    def __init__(self) -> None:
        super().__init__()
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self._line = 0  # that is marked
        self._colours = _Colours(self.document(), tokens(self.palette()))
        self._restyle()

    def text(self) -> str:
        return self.toPlainText()

    def begin(self, text: str) -> None:
        """Another text, without a signal and without a way back."""
        if text != self.text():
            with QSignalBlocker(self):
                self.setPlainText(text)
        self.mark(0)

    def write(self, text: str) -> None:
        """In place of all there is; can be undone."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)

    def mark(self, line: int) -> None:
        """From 1; 0 for none."""
        self._line = line
        marks = []
        block = self.document().findBlockByNumber(line - 1)
        if line and block.isValid():
            mark = QTextEdit.ExtraSelection()
            colour = QColor(tokens(self.palette()).bad)
            colour.setAlphaF(0.16)
            mark.format.setBackground(colour)
            mark.format.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
            mark.cursor = QTextCursor(block)
            marks.append(mark)
        self.setExtraSelections(marks)

    @property
    def marked(self) -> int:
        return self._line

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange):
            self._restyle()

    def _restyle(self) -> None:
        font = mono_font(self.fontInfo().pointSizeF())
        if self.document().defaultFont() != font:
            self.document().setDefaultFont(font)
        with QSignalBlocker(self):
            self._colours.restyle(tokens(self.palette()))
        self.mark(self._line)


class _Colours(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument, look: Tokens) -> None:
        super().__init__(document)
        self._look = look

    def restyle(self, look: Tokens) -> None:
        if look is not self._look:
            self._look = look
            self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        for found in _PARTS.finditer(text[:_LONGEST_LINE]):
            if kind := found.lastgroup:
                form = QTextCharFormat()
                form.setForeground(QColor(getattr(self._look, kind)))
                self.setFormat(found.start(kind), found.end(kind) - found.start(kind), form)
