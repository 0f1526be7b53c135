"""The colours of JSON in a text that is being edited."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from kexplorer.formats import json_text
from kexplorer.formats.json_text import Token
from kexplorer.ui.theme import tokens

_LONGEST_LINE = 20_000  # characters; Qt colours a line anew at each key


class JsonColours(QSyntaxHighlighter):
    """`on` while the text is JSON."""

    def __init__(self, document: QTextDocument, palette: QPalette) -> None:
        super().__init__(document)
        self.on = False
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

    def switch(self, on: bool) -> None:
        if on != self.on:
            self.on = on
            self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        if self.on and len(text) <= _LONGEST_LINE:
            for start, end, token in json_text.tokens(text):
                self.setFormat(start, end - start, self._formats[token])
