"""A few numbers side by side as quiet columns; what one of them counts is told above when it is pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from kexplorer.ui.theme import tokens

_PADDING = 12
_LINES = 6  # of text, that the columns are high
_WIDEST = 48  # pixels of a column
_SHORTEST = 2  # pixels of a column that counts anything


class ChartColumn(NamedTuple):
    """`label` stands below where there is room, `words` are said of it."""

    value: float
    label: str
    words: str


class ColumnsChart(QWidget):
    """Left and Right walk through the columns. `series` chooses the colour."""

    def __init__(self, title: str, series: int = 0) -> None:
        super().__init__()
        self._title = title
        self._series = series
        self._columns: Sequence[ChartColumn] = ()
        self._note = ""
        self._current: int | None = None
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_columns(self, columns: Sequence[ChartColumn], note: str) -> None:
        """`note` is said while none is pointed at."""
        self._columns, self._note = columns, note
        if self._current is not None and self._current >= len(columns):
            self._current = None
        self._tell()

    @property
    def words(self) -> str:
        return self._note if self._current is None else self._columns[self._current].words

    def sizeHint(self) -> QSize:
        line = self.fontMetrics().lineSpacing()
        return QSize(line * 14, line * (_LINES + 2) + 3 * _PADDING)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, line = tokens(self.palette()), self.fontMetrics().lineSpacing()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(look.base))
        head = QRect(_PADDING, _PADDING // 2, self.width() - 2 * _PADDING, line)
        painter.setPen(QColor(look.text))
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self._title)
        room = head.width() - self.fontMetrics().horizontalAdvance(self._title) - _PADDING
        painter.setPen(QColor(look.muted))
        words = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, max(room, 0))
        painter.drawText(head, Qt.AlignmentFlag.AlignRight, words)
        area = self._area()
        painter.fillRect(area.left(), area.bottom() + 1, area.width(), 1, QColor(look.line))
        highest = max((column.value for column in self._columns), default=0) or 1
        for number, column in enumerate(self._columns):
            place = self._place(number)
            if number == self._current:
                shade = QColor(look.text)
                shade.setAlpha(16)
                painter.fillRect(place, shade)
            height = max(round(column.value / highest * area.height()), _SHORTEST if column.value else 0)
            colour = QColor(look.series[self._series])
            colour.setAlpha(255 if number == self._current else 170)
            gap = 1 if place.width() > 3 else 0
            painter.fillRect(place.left(), area.bottom() + 1 - height, place.width() - gap, height, colour)
        self._paint_labels(painter, QColor(look.muted))
        painter.end()

    def _paint_labels(self, painter: QPainter, colour: QColor) -> None:
        """From the left, each that does not touch the one before."""
        metrics, area = self.fontMetrics(), self._area()
        painter.setPen(colour)
        free = area.left()
        for number, column in enumerate(self._columns):
            width = metrics.horizontalAdvance(column.label)
            left = max(self._place(number).center().x() - width // 2, area.left())
            if column.label and left >= free and left + width <= area.right() + 1:
                painter.drawText(left, area.bottom() + 4 + metrics.ascent(), column.label)
                free = left + width + _PADDING // 2

    def _area(self) -> QRect:
        line = self.fontMetrics().lineSpacing()
        return self.rect().adjusted(_PADDING, line + _PADDING, -_PADDING, -line - _PADDING)

    def _place(self, number: int) -> QRect:
        area = self._area()
        width = min(area.width() / max(len(self._columns), 1), _WIDEST)
        left, right = round(number * width), round((number + 1) * width)
        return QRect(area.left() + left, area.top(), max(right - left, 1), area.height())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        found = (n for n in range(len(self._columns)) if self._place(n).left() <= at.x() <= self._place(n).right())
        self._point_at(next(found, None))

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._columns:
            super().keyPressEvent(event)
            return
        before = self._current if self._current is not None else -1 if step > 0 else len(self._columns)
        self._point_at(min(max(before + step, 0), len(self._columns) - 1))

    def _point_at(self, number: int | None) -> None:
        if number != self._current:
            self._current = number
            self._tell()

    def _tell(self) -> None:
        self.setAccessibleDescription(self.words)
        self.update()
