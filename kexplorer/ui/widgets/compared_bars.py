"""One number of several things side by side, as bars of one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from kexplorer.ui.theme import tokens

_PADDING = 12
_GAP = 8
_LEAST = 2  # pixels of a bar


class ComparedBar(NamedTuple):
    """`text` is `value` as a person reads it."""

    name: str
    value: float
    text: str


class ComparedBars(QWidget):
    """`series` chooses the colour."""

    def __init__(self, title: str, series: int = 0) -> None:
        super().__init__()
        self._title = title
        self._series = series
        self._bars: Sequence[ComparedBar] = ()
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Sequence[ComparedBar]) -> None:
        self._bars = bars
        self.setAccessibleDescription(", ".join(f"{bar.name}: {bar.text}" for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 40, self._line() * (len(self._bars) + 1) + 2 * _PADDING)

    def _line(self) -> int:
        return self.fontMetrics().lineSpacing() + 6

    def paintEvent(self, event: QPaintEvent) -> None:
        look, metrics, line = tokens(self.palette()), self.fontMetrics(), self._line()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(look.base))
        painter.setPen(QColor(look.muted))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(_PADDING, _PADDING, self.width() - 2 * _PADDING, line), left, self._title)
        names = max((metrics.horizontalAdvance(bar.name) for bar in self._bars), default=0)
        names = min(names, self.width() // 3)
        texts = max((metrics.horizontalAdvance(bar.text) for bar in self._bars), default=0)
        start = _PADDING + names + _GAP
        room = max(self.width() - start - _GAP - texts - _PADDING, _LEAST)
        top = max((bar.value for bar in self._bars), default=0.0) or 1.0
        for number, bar in enumerate(self._bars, 1):
            y = _PADDING + number * line
            painter.setPen(QColor(look.text))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(QRectF(_PADDING, y, names + 1, line), left, name)
            width = max(room * bar.value / top, _LEAST) if bar.value else 0.0
            painter.drawText(QRectF(start + width + (_GAP if width else 0), y, texts + 1, line), left, bar.text)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.series[self._series]))
            painter.drawRoundedRect(QRectF(start, y + 4, width, line - 8), 2, 2)
        painter.end()
