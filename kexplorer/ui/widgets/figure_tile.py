"""One number of a row of them, with its name above and what it means below."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from kexplorer.ui.theme import tokens

_PADDING, _RADIUS, _EDGE = 12, 8, 4  # pixels
_LARGE = 1.9  # times the size of the text


class FigureTile(QWidget):
    """Quiet as long as its tone is: "text" or "muted". "warn" and "bad" colour number, word and left edge."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.figure, self.word, self.tone = "–", "", "muted"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_figure("–", "", "muted")

    def show_figure(self, figure: str, word: str, tone: str) -> None:
        """`word` says the figure's meaning or its trouble, and is never left out with a coloured tone."""
        self.figure, self.word, self.tone = figure, word, tone
        self.setAccessibleName(f"{self._name}: {figure} {word}".strip())
        self.update()

    def sizeHint(self) -> QSize:
        height = self.fontMetrics().height() * 2 + QFontMetrics(self._large()).height() + 2 * _PADDING
        return QSize(self.fontMetrics().averageCharWidth() * 19, height)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 13, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        loud = self.tone in ("warn", "bad")
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(look.line), 1))
        painter.setBrush(QColor(look.base))
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
        if loud:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(getattr(look, self.tone)))
            painter.drawRoundedRect(QRectF(0, _RADIUS, _EDGE, self.height() - 2 * _RADIUS), _EDGE / 2, _EDGE / 2)
        left, width = _PADDING + 2, self.width() - 2 * _PADDING - 2
        line, large = self.fontMetrics().height(), QFontMetrics(self._large()).height()
        self._line(painter, self.font(), look.muted, QRectF(left, _PADDING, width, line), self._name)
        colour = getattr(look, self.tone)
        self._line(painter, self._large(), colour, QRectF(left, _PADDING + line, width, large), self.figure)
        below = colour if loud else look.muted
        self._line(painter, self.font(), below, QRectF(left, _PADDING + line + large, width, line), self.word)
        painter.end()

    def _large(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * _LARGE)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _line(self, painter: QPainter, font: QFont, colour: str, area: QRectF, text: str) -> None:
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)
