"""Latencies while many messages are sent: the median and the slowest hundredth, over time."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from kexplorer.formats.numbers import duration
from kexplorer.ui.theme import tokens

_KEPT = 240  # points, the newest
_LEGEND = (("p50", 0), ("p99", 1))
_STEPS = (1, 2, 5)


class LatencyChart(QWidget):
    """A point is the latencies of what was acknowledged last, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._points: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self.setMinimumHeight(self.fontMetrics().height() * 4)
        self.setAccessibleName("Latency")

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        return tuple(self._points)

    def clear(self) -> None:
        self._points.clear()
        self.update()

    def add(self, p50: float, p99: float) -> None:
        self._points.append((p50, p99))
        self.setAccessibleDescription(f"p50 {duration(p50 / 1000)}, p99 {duration(p99 / 1000)}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, self.fontMetrics().height() * 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = tokens(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        top = ceiling(max((max(point) for point in self._points), default=0.0))
        label = duration(top / 1000)
        left = self.fontMetrics().horizontalAdvance(label) + 12
        area = QRectF(left, line + 6, max(self.width() - left - 8, 1), max(self.height() - line - 16, 1))
        painter.setPen(QColor(look.line))
        for y in (area.top(), area.center().y(), area.bottom()):
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(QColor(look.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for y, text in ((area.top(), label), (area.bottom(), "0")):
            painter.drawText(QRectF(0, y - line / 2, left - 6, line), right, text)
        at = area.left()
        for name, series in _LEGEND:
            painter.setPen(QPen(QColor(look.series[series]), 2))
            painter.drawLine(QPointF(at, line / 2 + 1), QPointF(at + 14, line / 2 + 1))
            painter.setPen(QColor(look.muted))
            newest = f"  {duration(self._points[-1][series] / 1000)}" if self._points else ""
            text = f"{name}{newest}"
            painter.drawText(QPointF(at + 20, line - 3), text)
            at += 20 + self.fontMetrics().horizontalAdvance(text) + 20
            self._paint_line(painter, area, series, top, QColor(look.series[series]))
        painter.end()

    def _paint_line(self, painter: QPainter, area: QRectF, series: int, top: float, colour: QColor) -> None:
        step = area.width() / (_KEPT - 1)
        points = [
            QPointF(area.left() + number * step, area.bottom() - point[series] / top * area.height())
            for number, point in enumerate(self._points)
        ]
        painter.setPen(QPen(colour, 1.6))
        if len(points) == 1:
            painter.drawPoint(points[0])
        painter.drawPolyline(points)


def ceiling(milliseconds: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    power = 0.1
    while True:
        for step in _STEPS:
            if milliseconds <= step * power:
                return step * power
        power *= 10
