"""The members of a group over time: a lane each, with what it held, and when it came and went."""

from __future__ import annotations

import html
from bisect import bisect_left
from datetime import UTC, tzinfo

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip

from kexplorer.formats.numbers import count, duration, timestamp
from kexplorer.model.rebalances import Lane, Span, Timeline, What
from kexplorer.services.histogram import round_borders
from kexplorer.ui.models.group import assigned_words
from kexplorer.ui.theme import Tokens, row_height, tokens
from kexplorer.ui.widgets.histogram_bars import clock

_PADDING = 12
_MARK = 4.0  # pixels from a mark's middle to its edge
_SHORTEST, _LONGEST = 10.0, 7 * 86_400.0  # seconds that are shown
_FIRST = 60.0, 300.0  # seconds that are shown, at least and at most, until a person zooms
_STEP = 1.5  # of a zoom
_WIDEST_NAME = 0.25  # of the width
_FAINT, _STRONG = 50, 170  # how opaque the bar of the least and the most partitions is
_TONES = {What.JOINED: "good", What.LEFT: "bad", What.RESTARTED: "warn"}


class Lanes(QAbstractScrollArea):
    """Follows the newest look until a person moves it. Dragging and Left and Right move it in time, Ctrl with the wheel
    and + and - zoom, End follows again."""

    moved = Signal()  # another part is shown, or it follows or doesn't any more

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self.zone: tzinfo = UTC
        self.following = True
        self._timeline = timeline
        self._width = _FIRST[0]
        self._zoomed = False
        self._end = 0.0
        self._grabbed: QPoint | None = None
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Members over time")
        self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(600, 8 * self._row())

    @property
    def shown(self) -> tuple[float, float]:
        """From when to when, in seconds since 1970."""
        return self._end - self._width, self._end

    def refresh(self) -> None:
        """The timeline has grown."""
        if self.following:
            self._end = self._timeline.until
            if not self._zoomed:
                self._width = min(max(self._end - self._timeline.began, _FIRST[0]), _FIRST[1])
        rows = len(self._lanes())
        self.verticalScrollBar().setPageStep(self._area().height())
        self.verticalScrollBar().setRange(0, max(rows * self._row() - self._area().height(), 0))
        self.setAccessibleDescription(f"{count(rows)} member{'' if rows == 1 else 's'}")
        self.viewport().update()

    def follow(self) -> None:
        self.following = True
        self._changed()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """More than 1 shows less. The time `at` stays where it is, else the newest one."""
        width = min(max(self._width / factor, _SHORTEST), _LONGEST)
        if at is not None and not self.following:
            self._end = at + (self._end - at) * width / self._width
        self._width, self._zoomed = width, True
        self._changed()

    def show_time(self, at: float) -> None:
        """In the middle; nothing moves where it can be seen already."""
        start, end = self.shown
        if not start <= at <= end:
            self._go_to(at + self._width / 2)

    def _go_to(self, end: float) -> None:
        self._end = max(end, self._timeline.began + self._width / 10)
        self.following = self._end >= self._timeline.until
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.moved.emit()

    # places

    def _row(self) -> int:
        return row_height(self.font())

    def _lanes(self) -> list[Lane]:
        """Those that were there in the time that is shown."""
        return [each for each in self._timeline.lanes.values() if self._seen(each.spans)]

    def _area(self) -> QRect:
        """Where time is drawn to scale: beside the names, above the axis."""
        names = [self.fontMetrics().horizontalAdvance(each.name) + 2 for each in self._timeline.lanes.values()]
        whole = self.viewport().rect()
        left = min(max(names, default=0), round(whole.width() * _WIDEST_NAME)) + 2 * _PADDING
        return whole.adjusted(left, 0, -_PADDING, -self.fontMetrics().height() - 10)

    def _x(self, at: float, area: QRect) -> int:
        start, end = self.shown
        return area.left() + round((min(max(at, start), end) - start) / self._width * area.width())

    def _time(self, x: float, area: QRect) -> float:
        return self.shown[0] + (x - area.left()) / max(area.width(), 1) * self._width

    def _top(self, number: int) -> int:
        return number * self._row() - self.verticalScrollBar().value()

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        look, area, lanes = tokens(self.palette()), self._area(), self._lanes()
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(look.base))
        painter.setClipRect(self.viewport().rect().adjusted(0, 0, 0, area.bottom() - self.viewport().height()))
        for span in self._seen(self._timeline.unrest):
            self._fill(painter, span, QRect(area.left(), 0, area.width(), area.height()), _clear(look.warn, 40))
        most = max((len(span.held or ()) for lane in lanes for span in self._seen(lane.spans)), default=1)
        first = max(self.verticalScrollBar().value() // self._row(), 0)
        for number in range(first, min(first + area.height() // self._row() + 2, len(lanes))):
            self._paint_lane(painter, look, area, lanes[number], self._top(number), most)
        painter.setClipping(False)
        if not lanes and self._timeline.until:
            painter.setPen(QColor(look.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "Nobody was in the group.")
        self._paint_axis(painter, look, area)
        painter.end()

    def _seen(self, spans: list[Span]) -> list[Span]:
        start, end = self.shown
        return [span for span in spans[bisect_left(spans, start, key=lambda span: span.end) :] if span.start <= end]

    def _fill(self, painter: QPainter, span: Span, row: QRect, colour: QColor) -> QRect:
        left, right = self._x(span.start, row), self._x(span.end, row)
        place = QRect(left, row.top(), max(right - left, 2), row.height())
        painter.fillRect(place, colour)
        return place

    def _paint_lane(self, painter: QPainter, look: Tokens, area: QRect, lane: Lane, top: int, most: int) -> None:
        row = QRect(area.left(), top, area.width(), self._row())
        name = QRect(_PADDING, top, area.left() - 2 * _PADDING, row.height())
        painter.setPen(QColor(look.text if lane.here else look.muted))
        words = self.fontMetrics().elidedText(lane.name, Qt.TextElideMode.ElideMiddle, name.width())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, words)
        painter.fillRect(_PADDING, row.bottom(), area.right() - _PADDING, 1, _clear(look.line, 120))
        for span in self._seen(lane.spans):
            self._paint_span(painter, look, span, row.adjusted(0, 5, 0, -5), most)
        for at, what in lane.marks:
            if self.shown[0] <= at <= self.shown[1]:
                _paint_mark(painter, QPointF(self._x(at, area), row.center().y()), what, look)

    def _paint_span(self, painter: QPainter, look: Tokens, span: Span, row: QRect, most: int) -> None:
        """Nothing held is a frame, an assignment that is being made a thin line."""
        if span.held is None:
            self._fill(painter, span, QRect(row.left(), row.center().y(), row.width(), 1), QColor(look.warn))
            return
        held = len(span.held)
        strength = _FAINT + (_STRONG - _FAINT) * held // max(most, 1) if held else 0
        place = self._fill(painter, span, row, _clear(look.series[0], strength))
        painter.fillRect(place.left(), place.top(), 1, place.height(), QColor(look.base if held else look.control_line))
        if not held:
            painter.setPen(QColor(look.control_line))
            painter.drawRect(place.adjusted(0, 0, -1, -1))
        painter.setPen(QColor(look.text if held else look.muted))
        for words in (f"{count(held)} partition{'' if held == 1 else 's'}", count(held)):
            if self.fontMetrics().horizontalAdvance(words) + 8 <= place.width():
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
                break

    def _paint_axis(self, painter: QPainter, look: Tokens, area: QRect) -> None:
        metrics = painter.fontMetrics()
        painter.fillRect(area.left(), area.bottom() + 1, area.width(), 1, QColor(look.line))
        first, last = (round(1000 * each) for each in self.shown)
        most = max(area.width() // (metrics.horizontalAdvance("00:00:00") + 24), 2)
        ticks = round_borders(first, last, self.zone, most)
        painter.setPen(QColor(look.muted))
        for ms in ticks:
            x, words = self._x(ms / 1000, area), clock(ms, ticks[1] - ticks[0], self.zone)
            width = metrics.horizontalAdvance(words)
            if first <= ms <= last and x + width // 2 <= self.viewport().width():
                painter.fillRect(x, area.bottom() + 2, 1, 3, QColor(look.muted))
                painter.drawText(x - width // 2, area.bottom() + 5 + metrics.ascent(), words)

    # what a person does

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            words = "<br>".join(map(html.escape, self.words_at(event.pos()).splitlines()))
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        return super().viewportEvent(event)

    def words_at(self, place: QPoint) -> str:
        """Who is there, since when, and with which partitions."""
        area, lanes = self._area(), self._lanes()
        number = (place.y() + self.verticalScrollBar().value()) // self._row()
        if not 0 <= number < len(lanes) or place.y() > area.bottom():
            return ""
        lane = lanes[number]
        who = f"{lane.name}\n{lane.member.id}\n{lane.member.host.lstrip('/')}"
        at = self._time(place.x(), area)
        span = next((each for each in lane.spans if each.start <= at <= each.end), None)
        if place.x() < area.left() or span is None:
            return who
        held = "An assignment was being made." if span.held is None else assigned_words(span.held) or "No partition."
        first, last = (timestamp(round(1000 * each), self.zone)[11:19] for each in (span.start, span.end))
        return f"{who}\n{first} – {last} ({duration(span.end - span.start)})\n{held}"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position().toPoint()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None:
            return
        now, area = event.position().toPoint(), self._area()
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() - now.y() + self._grabbed.y())
        if now.x() != self._grabbed.x():
            self._go_to(self._end - self._time(now.x(), area) + self._time(self._grabbed.x(), area))
        self._grabbed = now

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None
        self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(_STEP ** (turned.y() / 120), self._time(event.position().x(), self._area()))
        elif turned.x():
            self._go_to(self._end - turned.x() / 120 * self._width / 10)
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                self._go_to(self._end + self._width / (-4 if event.key() == Qt.Key.Key_Left else 4))
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(_STEP)
            case Qt.Key.Key_Minus:
                self.zoom(1 / _STEP)
            case Qt.Key.Key_End:
                self.follow()
            case _:
                super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh()


def _paint_mark(painter: QPainter, at: QPointF, what: What, look: Tokens) -> None:
    """A triangle joined, a cross left, a ring started anew: not by their colour alone."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = QColor(getattr(look, _TONES[what]))
    painter.setPen(QPen(colour, 2))
    dx, dy = QPointF(_MARK, 0), QPointF(0, _MARK)
    if what is What.JOINED:
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([at - dx - dy, at + dx, at - dx + dy]))
    elif what is What.LEFT:
        painter.drawLine(at - dx - dy, at + dx + dy)
        painter.drawLine(at - dx + dy, at + dx - dy)
    else:
        painter.drawEllipse(at, _MARK, _MARK)
    painter.restore()


def _clear(colour: str, alpha: int) -> QColor:
    """`alpha` from 0 to 255."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made
