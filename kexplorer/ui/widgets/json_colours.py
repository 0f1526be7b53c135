"""The colours of JSON in a text that is being edited."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from kexplorer.formats import json_text
from kexplorer.formats.json_text import Token
from kexplorer.ui.theme import tokens

_LONGEST_LINE = 20_000  # characters; Qt colours a line anew at each key


class JsonColours(QSyntaxHighlighter):
    """Of the document that it is given while its text is JSON: else each of its lines would cost a call for nothing."""

    def __init__(self, parent: QObject, palette: QPalette) -> None:
        super().__init__(parent)
        self._formats: dict[Token, QTextCharFormat] = {}
        self.restyle(palette)

    def restyle(self, palette: QPalette) -> None:
        look = tokens(palette)
        colours = {
            Token.KEY: look.syntax_key,
            Token.STRING: look.syntax_string,
            Token.NUMBER: look.syntax_number,
            Token.LITERAL: look.syntax_literal,
            Token.PUNCTUATION: look.muted,
        }
        for token, colour in colours.items():
            self._formats[token] = QTextCharFormat()
            self._formats[token].setForeground(QColor(colour))
        self.rehighlight()

    def colour(self, document: QTextDocument | None) -> None:
        if self.document() is not document:
            self.setDocument(document)  # null takes the colours away

    def highlightBlock(self, text: str) -> None:
        if len(text) <= _LONGEST_LINE:
            for start, end, token in json_text.tokens(text):
                self.setFormat(start, end - start, self._formats[token])
