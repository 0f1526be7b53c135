"""The events of one entity on a time axis: a tick for each, and a handle that stands on one of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from kexplorer.formats.numbers import count, timestamp
from kexplorer.services.histogram import round_borders
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.histogram_bars import clock

_EDGE = 14  # pixels beside the axis: half a flag
_HEAD, _BODY = 18, 34  # pixels: flags and the handle's knob, ticks
_TICK = 16  # pixels of a tick where there is one event; more of them in one place are higher
_KNOB = 5.0
_PAGE = 10  # events


class EventTimeline(QWidget):
    """`current` is the event under the handle, `pinned` the one that it is compared with; -1 for none. Tombstones and
    events that could not be folded have their own ticks, in colour and in height."""

    moved = Signal(int)  # a person went to that event

    def __init__(self) -> None:
        super().__init__()
        self.current = self.pinned = -1
        self._zone: tzinfo = UTC
        self._times: Sequence[int] = array("q")
        self._tombstones: list[int] = []
        self._failed: list[int] = []
        self._steps = 0  # of a wheel, in eighths of a degree
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Events over time")

    def sizeHint(self) -> QSize:
        return QSize(400, _HEAD + _BODY + self.fontMetrics().height() + 10)

    # ---- what is shown

    def show_events(self, times: Sequence[int], tombstones: Iterable[int], failed: Iterable[int]) -> None:
        """`times` never fall, in milliseconds since 1970; the others are numbers of events."""
        self._times, self._tombstones, self._failed = times, sorted(tombstones), sorted(failed)
        self.current = self.pinned = -1
        self.update()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.update()

    def set_current(self, row: int) -> None:
        self.current = row
        self.setAccessibleDescription(self._words(row))
        self.update()

    def set_pinned(self, row: int) -> None:
        self.pinned = row
        self.update()

    # ---- places

    def x_of(self, row: int) -> float:
        first, last = self._span
        return _EDGE + (self._times[row] - first) / max(last - first, 1) * (self.width() - 2 * _EDGE)

    @property
    def _span(self) -> tuple[int, int]:
        """A single moment has some room around it."""
        first, last = self._times[0], self._times[-1]
        return (first, last) if last > first else (first - 1000, last + 1000)

    def row_near(self, x: float) -> int:
        """The event that is next to a place; of several in one place the last."""
        first, last = self._span
        at = first + (x - _EDGE) / max(self.width() - 2 * _EDGE, 1) * (last - first)
        after = bisect_left(self._times, at)
        if after == len(self._times) or (after and at - self._times[after - 1] <= self._times[after] - at):
            after = bisect_left(self._times, self._times[after - 1] + 1) - 1
        else:
            after = bisect_left(self._times, self._times[after] + 1) - 1
        return after

    def _words(self, row: int) -> str:
        if not 0 <= row < len(self._times):
            return ""
        gone, bad = (_any(rows, row, row + 1) for rows in (self._tombstones, self._failed))
        what = "could not be folded, " if bad else "tombstone, " if gone else ""
        return f"Event {count(row + 1)} of {count(len(self._times))}, {what}{timestamp(self._times[row], self._zone)}"

    # ---- a person

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(self.row_near(event.position().x()) if self._times else -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._times:
            self._go(self.row_near(event.position().x()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._steps += event.angleDelta().y() or event.angleDelta().x()
        by, self._steps = int(self._steps / 120), self._steps - int(self._steps / 120) * 120
        if by:
            self._go(self.current - by)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._times) - 1
        ways = {
            Qt.Key.Key_Left: self.current - 1,
            Qt.Key.Key_Right: self.current + 1,
            Qt.Key.Key_PageUp: self.current - _PAGE,
            Qt.Key.Key_PageDown: self.current + _PAGE,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if (to := ways.get(Qt.Key(event.key()))) is None:
            super().keyPressEvent(event)
        else:
            self._go(to)

    def _go(self, row: int) -> None:
        row = min(max(row, 0), len(self._times) - 1)
        if row >= 0 and row != self.current:
            self.set_current(row)
            self.moved.emit(row)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            near = self.row_near(event.pos().x()) if self._times else -1
            QToolTip.showText(event.globalPos(), self._words(near), self)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, look = QPainter(self), tokens(self.palette())
        painter.fillRect(self.rect(), QColor(look.base))
        if self._times:
            area = QRect(_EDGE, _HEAD, self.width() - 2 * _EDGE, _BODY)
            self._paint_between(painter, area, look)
            painter.fillRect(area.left(), area.bottom() + 1, area.width(), 1, QColor(look.control_line))
            self._paint_ticks(painter, area, look)
            self._paint_axis(painter, area, look)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self.pinned >= 0:
                self._paint_flag(painter, area, look)
            if self.current >= 0:
                self._paint_handle(painter, area, look)
        painter.end()

    def _paint_between(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        """What is compared."""
        if self.pinned >= 0 and self.current >= 0:
            left, right = sorted((self.x_of(self.pinned), self.x_of(self.current)))
            tint = QColor(look.accent)
            tint.setAlpha(28)
            painter.fillRect(QRectF(left, area.top(), right - left, area.height()), tint)

    def _paint_ticks(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        """A column of pixels at a time: there may be more events than pixels."""
        first, last = self._span
        plain, gone, bad = QColor(look.series[0]), QColor(look.muted), QColor(look.bad)
        row, wide = 0, 2 if len(self._times) < area.width() // 4 else 1
        while row < len(self._times):
            x = round(self.x_of(row))
            behind = first + (x + 0.5 - _EDGE) / max(area.width(), 1) * (last - first)
            end = max(bisect_left(self._times, behind, row), row + 1)
            height = min(_TICK + 4 * (end - row).bit_length() - 4, area.height())
            failed, tombstone = _any(self._failed, row, end), _any(self._tombstones, row, end)
            if failed or tombstone:
                height = area.height()
            colour = bad if failed else gone if tombstone else plain
            painter.fillRect(x - wide // 2, area.bottom() + 1 - height, wide, height, colour)
            row = end

    def _paint_axis(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        first, last = self._span
        metrics = painter.fontMetrics()
        apart = metrics.horizontalAdvance("0000-00-00 ") + 32
        ticks = round_borders(first, last, self._zone, max(area.width() // apart, 2))
        painter.setPen(QColor(look.muted))
        for ms in ticks:
            if first <= ms <= last:
                words = clock(ms, ticks[1] - ticks[0], self._zone)
                x = area.left() + round((ms - first) / (last - first) * area.width())
                width = metrics.horizontalAdvance(words)
                left = min(max(x - width // 2, 0), self.width() - width)
                painter.fillRect(x, area.bottom() + 2, 1, 3, QColor(look.muted))
                painter.drawText(left, area.bottom() + 6 + metrics.ascent(), words)

    def _paint_flag(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        x, ink = self.x_of(self.pinned), QColor(look.series[1])
        painter.fillRect(QRectF(x - 0.75, 2, 1.5, area.bottom()), ink)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawRoundedRect(QRectF(x - 7, 1, 14, 14), 3, 3)
        painter.setPen(QColor("#1f2430"))  # dark on amber, in both themes
        painter.drawText(QRectF(x - 7, 1, 14, 14), Qt.AlignmentFlag.AlignCenter, "A")

    def _paint_handle(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        x = self.x_of(self.current)
        painter.fillRect(QRectF(x - 1, _HEAD / 2, 2, area.bottom() + 1 - _HEAD / 2), QColor(look.text))
        painter.setPen(Qt.PenStyle.NoPen)
        if self.hasFocus():
            ring = QColor(look.accent)
            ring.setAlpha(70)
            painter.setBrush(ring)
            painter.drawEllipse(QPointF(x, _HEAD / 2), _KNOB + 4, _KNOB + 4)
        painter.setBrush(QColor(look.accent if self.hasFocus() else look.text))
        painter.drawEllipse(QPointF(x, _HEAD / 2), _KNOB, _KNOB)


def _any(rows: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(rows, start)
    return at < len(rows) and rows[at] < end
