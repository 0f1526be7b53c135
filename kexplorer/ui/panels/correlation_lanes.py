"""The picture of a trail: a lane a topic, a dot a record, an arrow from each to the next."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import cache
from itertools import pairwise

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPolygonF

from kexplorer.formats.numbers import count, duration
from kexplorer.model.correlation import Step, lanes_of
from kexplorer.services.histogram import round_borders
from kexplorer.ui.theme import Tokens
from kexplorer.ui.widgets.histogram_bars import clock, span_words

LANE, AXIS = 44, 30  # pixels, at least
_HIGHEST = 92  # pixels of a lane
_LABELS = 190  # pixels for the names of topics
_DOT, _NEAR = 6.0, 14.0  # pixels: a dot's radius, and from where on it is pointed at
_BEND = 22.0  # pixels by which an arrow leaves and reaches a dot sideways
_MANY = 150  # steps that are seen
_GAP_ROOM = 36  # pixels around the words of a gap
_LONGEST, _SHORTEST, _APART = 160, 28, 8  # pixels of a label, and between two
_MARGIN = 0.04  # of the time, at both ends

Span = tuple[float, float]
_Place = tuple[int, QPointF]  # a step's number and the middle of its dot
_Label = tuple[float, int, str]  # the middle of its dot, its width, its words


class Lanes:
    """Where everything is. `even`: every step is as long as every other; else they are as long as the time they took,
    and those without a timestamp are not drawn."""

    def __init__(self, steps: Sequence[Step], topics: Sequence[str], zone: tzinfo, *, even: bool) -> None:
        self.steps, self.zone, self.even = steps, zone, even
        self.labels: Sequence[str] = ()  # of the steps, if they are known
        self.names = lanes_of(steps, topics)
        self._lane = {name: number for number, name in enumerate(self.names)}
        self._counts = Counter(step.record.topic for step in steps)
        self._at = [at for step in steps if (at := float(step.number) if even else _ms(step)) is not None]
        self._untimed = len(steps) - len(self._at)  # which come before all others
        first, last = (self._at[0], self._at[-1]) if self._at else (0.0, 1.0)
        room = max((last - first) * _MARGIN, 0.5 if even else 1.0)
        self.whole: Span = (first - room, last + room)

    def height(self) -> int:
        """Pixels that it takes at least."""
        return len(self.names) * LANE + AXIS

    def field(self, area: QRect) -> QRectF:
        """Where dots can be."""
        labels = min(_LABELS, area.width() // 3)
        lane = min(max((area.height() - AXIS) / max(len(self.names), 1), LANE), _HIGHEST)
        return QRectF(area.left() + labels, area.top(), area.width() - labels - 16, lane * len(self.names))

    def place(self, number: int, field: QRectF, shown: Span) -> QPointF | None:
        """The middle of a step's dot, inside of the field or beside it; None for one that is not drawn."""
        if number < self._untimed:
            return None
        lane = field.height() / len(self.names)
        x = field.left() + (self._at[number - self._untimed] - shown[0]) / (shown[1] - shown[0]) * field.width()
        return QPointF(x, field.top() + lane * (self._lane[self.steps[number].record.topic] + 0.5))

    def nearest(self, at: QPointF, area: QRect, shown: Span) -> int | None:
        """The step whose dot is pointed at."""
        field, best, found = self.field(area), _NEAR, None
        a_pixel = (shown[1] - shown[0]) / field.width()
        there = shown[0] + (at.x() - field.left()) * a_pixel
        first = bisect_left(self._at, there - _NEAR * a_pixel)
        last = bisect_right(self._at, there + _NEAR * a_pixel)
        for number in range(self._untimed + first, self._untimed + last):
            place = self.place(number, field, shown)
            if place is not None and (away := (place - at).manhattanLength()) < best:
                best, found = away, number
        return found

    # painting

    def paint(self, painter: QPainter, area: QRect, look: Tokens, shown: Span) -> None:
        """All but what is pointed at and what is selected."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(area, QColor(look.base))
        field = self.field(area)
        self._paint_lanes(painter, area, field, look)
        self._paint_axis(painter, field, look, shown)
        painter.save()
        painter.setClipRect(field.adjusted(-_DOT - 2, 0, _DOT + 2, 0))
        places = self._places(field, shown)
        if len(places) > _MANY:
            self._paint_many(painter, look, places)
        else:
            self._paint_arrows(painter, look, places)
            for number, place in places:
                self._paint_dot(painter, look, number, place, _DOT)
        if self.labels:
            self._paint_labels(painter, field, look, places)
        painter.restore()

    def mark(self, painter: QPainter, area: QRect, look: Tokens, shown: Span, number: int, *, selected: bool) -> None:
        """Over the picture: a step that is selected or pointed at, with the way to it."""
        field = self.field(area)
        place, before = self.place(number, field, shown), self.place(number - 1, field, shown) if number else None
        if place is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(field.adjusted(-2 * _DOT, 0, 2 * _DOT, 0))
        if before is not None:
            self._paint_arrow(painter, look, number, before, place, strong=True)
        if selected:
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(QColor(look.base))
            painter.drawEllipse(place, _DOT + 5, _DOT + 5)
        self._paint_dot(painter, look, number, place, _DOT if selected else _DOT + 2)
        painter.restore()

    def _places(self, field: QRectF, shown: Span) -> list[_Place]:
        """Of the steps that are seen, and of the next one on either side: arrows lead there."""
        first = max(bisect_left(self._at, shown[0]) - 1, 0)
        last = min(bisect_right(self._at, shown[1]) + 1, len(self._at))
        numbers = range(self._untimed + first, self._untimed + last)
        return [(number, place) for number in numbers if (place := self.place(number, field, shown)) is not None]

    def _paint_labels(self, painter: QPainter, field: QRectF, look: Tokens, places: Sequence[_Place]) -> None:
        """Above the dots of a lane, or above and below in turns where they are close; as far as there is room."""
        font = QFont(painter.font())
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        lanes: dict[float, list[_Label]] = {}
        wide = cache(metrics.horizontalAdvance)  # what happened are a few words, again and again
        for number, place in places:
            if (label := self.labels[number]) and field.left() <= place.x() <= field.right():
                lanes.setdefault(place.y(), []).append((place.x(), wide(label), label))
        for y, labels in lanes.items():
            close = any(right[0] - left[0] < (left[1] + right[1]) / 2 + _APART for left, right in pairwise(labels))
            sides = ((labels[::2], y - _DOT - 7), (labels[1::2], y + _DOT + 2 + metrics.ascent()))
            for side, base in sides if close else ((labels, y - _DOT - 7),):
                for at, text in _fitted(side, field, metrics):
                    _paint_over(painter, QPointF(at, base), text, look)

    def _paint_lanes(self, painter: QPainter, area: QRect, field: QRectF, look: Tokens) -> None:
        lane = field.height() / max(len(self.names), 1)
        heading = QFont(painter.font())
        heading.setWeight(QFont.Weight.DemiBold)
        for number, name in enumerate(self.names):
            top, found = field.top() + lane * number, self._counts[name]
            if number % 2:
                painter.fillRect(QRectF(area.left(), top, area.width(), lane), QColor(look.alternate))
            painter.setPen(QPen(QColor(look.line), 1))
            painter.drawLine(QPointF(field.left(), top + lane / 2), QPointF(field.right(), top + lane / 2))
            middle = top + lane / 2
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.colour(number, look) if found else look.line))
            painter.drawRoundedRect(QRectF(area.left() + 12, middle - 15, 4, 30), 2, 2)
            words = QRectF(area.left() + 24, middle - 18, field.left() - area.left() - 36, 18)
            painter.save()
            painter.setFont(heading)
            painter.setPen(QColor(look.text if found else look.muted))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, int(words.width()))
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, shown)
            painter.restore()
            painter.setPen(QColor(look.muted))
            told = f"{count(found)} record{'' if found == 1 else 's'}" if found else "not met"
            painter.drawText(words.translated(0, 18), Qt.AlignmentFlag.AlignVCenter, told)

    def _paint_axis(self, painter: QPainter, field: QRectF, look: Tokens, shown: Span) -> None:
        painter.setPen(QPen(QColor(look.line), 1))
        painter.drawLine(field.bottomLeft(), field.bottomRight())
        painter.setPen(QColor(look.muted))
        metrics = painter.fontMetrics()
        below = field.bottom() + 8 + metrics.ascent()
        if not self.steps:
            return
        if self.even:
            self._paint_gaps(painter, field, shown, below)
            return
        first, last = int(shown[0]), int(shown[1]) + 1
        ticks = round_borders(first, last, self.zone, max(int(field.width()) // 110, 2))
        for ms in ticks:
            x = field.left() + (ms - shown[0]) / (shown[1] - shown[0]) * field.width()
            words = clock(ms, ticks[1] - ticks[0], self.zone)
            wide = metrics.horizontalAdvance(words)
            if field.left() <= x <= field.right():
                painter.drawLine(QPointF(x, field.bottom()), QPointF(x, field.bottom() + 4))
                painter.drawText(QPointF(min(max(x - wide / 2, field.left()), field.right() - wide), below), words)
        day = span_words(first, last, self.zone)[:10]
        painter.drawText(QPointF(field.left() - _LABELS + 24, below), day)

    def _paint_gaps(self, painter: QPainter, field: QRectF, shown: Span, below: float) -> None:
        """Below each step, how long after the one before it came, as far as there is room."""
        room = field.width() / (shown[1] - shown[0])
        for step in self.steps:
            words = gap_words(step.gap)
            x, wide = field.left() + (step.number - shown[0]) * room, painter.fontMetrics().horizontalAdvance(words)
            if wide + 2 <= room and field.left() <= x <= field.right():
                painter.drawText(QPointF(min(x - wide / 2, field.right() - wide), below), words)

    def _paint_arrows(self, painter: QPainter, look: Tokens, places: Sequence[_Place]) -> None:
        for (_, start), (number, end) in pairwise(places):
            self._paint_arrow(painter, look, number, start, end, strong=False)

    def _paint_arrow(
        self, painter: QPainter, look: Tokens, number: int, start: QPointF, end: QPointF, *, strong: bool
    ) -> None:
        """With the time that it took, if there is room."""
        colour = QColor(look.accent if strong else look.muted)
        colour.setAlpha(255 if strong else 130)
        painter.setPen(QPen(colour, 2.0 if strong else 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(_way(start, end))
        if (end - start).manhattanLength() > 3 * _DOT:
            _paint_head(painter, start, end, colour)
        words = "" if self.even or end.x() - start.x() < _GAP_ROOM else gap_words(self.steps[number].gap)
        if words and painter.fontMetrics().horizontalAdvance(words) + _GAP_ROOM < end.x() - start.x():
            _paint_gap(painter, (start + end) / 2, words, look, strong=strong)

    def _paint_many(self, painter: QPainter, look: Tokens, places: Sequence[_Place]) -> None:
        """So many that nobody can tell their arrows apart: lines and dots without rims, a tenth of the time."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        faint = QColor(look.muted)
        faint.setAlpha(60)
        painter.setPen(QPen(faint, 1))
        painter.drawPolyline(QPolygonF([place for _, place in places]))
        lanes: dict[float, dict[int, QPointF]] = {}
        for _, place in places:
            lanes.setdefault(place.y(), {})[round(place.x())] = place
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, place in {place.y(): (number, place) for number, place in places}.values():
            colour = QColor(self.colour(self._lane[self.steps[number].record.topic], look))
            painter.setPen(QPen(colour, 2 * _DOT, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPoints(QPolygonF(list(lanes[place.y()].values())))
        painter.restore()

    def _paint_dot(self, painter: QPainter, look: Tokens, number: int, place: QPointF, radius: float) -> None:
        record = self.steps[number].record
        colour = QColor(self.colour(self._lane[record.topic], look))
        hollow = record.value is None  # a tombstone
        painter.setPen(QPen(colour if hollow else QColor(look.base), 2))
        painter.setBrush(QColor(look.base) if hollow else colour)
        painter.drawEllipse(place, radius, radius)

    def colour(self, lane: int, look: Tokens) -> str:
        return look.series[lane % len(look.series)]


def gap_words(gap: int | None) -> str:
    """ "+1.5 s"; "" where it is not known."""
    return "" if gap is None else f"+{duration(gap / 1000)}" if gap else "+0 ms"


def _ms(step: Step) -> float | None:
    return None if step.record.timestamp is None else float(step.record.timestamp)


def _fitted(labels: Sequence[_Label], field: QRectF, metrics: QFontMetrics) -> Iterator[tuple[float, str]]:
    """Where each label begins, and as much of it as does not come near to its neighbours."""
    edges = [-math.inf, *((left[0] + right[0]) / 2 for left, right in pairwise(labels)), math.inf]
    for (x, wide, label), left, right in zip(labels, edges, edges[1:], strict=False):
        room = min(min(x - left, right - x) * 2 - _APART, _LONGEST)
        if room >= _SHORTEST or room >= wide:
            text = label if room >= wide else metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, int(room))
            half = (wide if room >= wide else metrics.horizontalAdvance(text)) / 2
            yield min(max(x - half, field.left() - _DOT), field.right() + _DOT - 2 * half), text


def _paint_over(painter: QPainter, at: QPointF, text: str, look: Tokens) -> None:
    """On a ground of its own, so that it can be read over arrows."""
    metrics, ground = painter.fontMetrics(), QColor(look.base)
    ground.setAlpha(200)
    painter.fillRect(
        QRectF(at.x() - 1, at.y() - metrics.ascent() + 2, metrics.horizontalAdvance(text) + 2, metrics.ascent()), ground
    )
    painter.setPen(QColor(look.text))
    painter.drawText(at, text)


def _is_steep(start: QPointF, end: QPointF) -> bool:
    return start.y() != end.y() and end.x() - start.x() < 2 * _BEND


def _way(start: QPointF, end: QPointF) -> QPainterPath:
    path = QPainterPath(start)
    if start.y() == end.y() or _is_steep(start, end):
        path.lineTo(end)
    else:
        middle = (start.x() + end.x()) / 2
        path.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)
    return path


def _paint_head(painter: QPainter, start: QPointF, end: QPointF, colour: QColor) -> None:
    """Bent arrows reach their dots from the left."""
    way = end - start if _is_steep(start, end) else QPointF(1, 0)
    along = way / math.hypot(way.x(), way.y())
    across = QPointF(-along.y(), along.x())
    tip = end - along * (_DOT + 1)
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([tip, tip - along * 7 + across * 4, tip - along * 7 - across * 4]))
    painter.restore()


def _paint_gap(painter: QPainter, middle: QPointF, words: str, look: Tokens, *, strong: bool) -> None:
    metrics = painter.fontMetrics()
    box = QRectF(0, 0, metrics.horizontalAdvance(words) + 12, metrics.height() + 2)
    box.moveCenter(middle)
    painter.setPen(QPen(QColor(look.accent if strong else look.line), 1))
    painter.setBrush(QColor(look.base))
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(QColor(look.text if strong else look.muted))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
