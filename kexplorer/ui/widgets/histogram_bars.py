"""Bars of offsets over time, with marks where a search found something: their places, their looks and their words."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import tzinfo
from itertools import pairwise
from statistics import mode

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from kexplorer.formats.numbers import count, timestamp
from kexplorer.services.histogram import Histogram, round_borders
from kexplorer.ui.theme import Tokens

Span = tuple[int, int]  # milliseconds since 1970, the end exclusive

_SHORTEST = 2  # pixels of a bar
_MATCHES = 4  # pixels of the shortest mark of matches
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1))


class Bars:
    """A histogram with at least one bin. `matches` are the times at which something was found."""

    def __init__(self, shown: Histogram, matches: array[int], zone: tzinfo) -> None:
        self.shown = shown
        self.zone = zone
        self.any_matches = bool(matches)
        ordered = array("q", sorted(matches))
        at = [bisect_left(ordered, border) for border in shown.borders]
        self._matched = [b - a for a, b in pairwise(at)]

    @property
    def whole(self) -> Span:
        return self.shown.borders[0], self.shown.borders[-1]

    def add_matches(self, times: Iterable[int]) -> None:
        self.any_matches = True
        first, last = self.whole
        for ms in times:
            if first <= ms < last:
                self._matched[self._number(ms)] += 1

    # places

    def bin_of(self, ms: float, beyond: int = 0) -> Span:
        """The bin of a time, or the one so many beyond it; the nearest one where there is none."""
        at = min(max(self._number(ms) + beyond, 0), len(self.shown.counts) - 1)
        return self.shown.borders[at], self.shown.borders[at + 1]

    def bin_at(self, x: float, area: QRect) -> Span:
        first, last = self.whole
        return self.bin_of(first + (x - area.left()) / max(area.width(), 1) * (last - first))

    def x(self, ms: int, area: QRect) -> int:
        first, last = self.whole
        return area.left() + round((min(max(ms, first), last) - first) / (last - first) * area.width())

    def _number(self, ms: float) -> int:
        return bisect_right(self.shown.borders, ms) - 1

    # painting

    def paint(
        self, painter: QPainter, area: QRect, look: Tokens, brush: Span | None, hover: Span | None, cursor: Span | None
    ) -> None:
        if brush:
            self._paint_column(painter, area, brush, _clear(look.accent, 32))
        for span, alpha in ((hover, 16), (cursor, 40)):
            if span:
                self._paint_column(painter, area, span, _clear(look.text, alpha))
        painter.fillRect(area.left(), area.bottom() + 1, area.width(), 1, QColor(look.line))
        self._paint_bars(painter, area, look, brush, hover or cursor)
        for ms in brush or ():
            edge = min(self.x(ms, area), area.right())
            painter.fillRect(edge, area.top(), 1, area.height(), QColor(look.accent))
        if cursor:
            foot = QRect(area.left(), area.bottom(), area.width(), 2)
            self._paint_column(painter, foot, cursor, QColor(look.text))

    def _paint_column(self, painter: QPainter, area: QRect, span: Span, colour: QColor) -> None:
        left, right = self.x(span[0], area), self.x(span[1], area)
        painter.fillRect(left, area.top(), max(right - left, 1), area.height(), colour)

    def _paint_bars(
        self, painter: QPainter, area: QRect, look: Tokens, brush: Span | None, pointed: Span | None
    ) -> None:
        """The area of a bar, not its height, is what it counts: while counting goes on, bins differ in width."""
        spans = list(pairwise(self.shown.borders))
        density = [n / (end - start) for n, (start, end) in zip(self.shown.counts, spans, strict=True)]
        highest = max(density) or 1.0
        for number, (start, end) in enumerate(spans):
            left, right = self.x(start, area), self.x(end, area)
            width = max(right - left - (1 if right - left > 3 else 0), 1)
            offsets, found = self.shown.counts[number], self._matched[number]
            height = max(round(density[number] / highest * area.height()), _SHORTEST if offsets else 0)
            brushed = brush is None or brush[0] <= start < brush[1]
            strength = 255 if pointed == (start, end) else 150 if brushed else 60
            painter.fillRect(left, area.bottom() + 1 - height, width, height, _clear(look.series[0], strength))
            if found:
                part = max(height * found // max(offsets, found), _MATCHES)
                painter.fillRect(left, area.bottom() + 1 - part, width, part, QColor(look.series[1]))

    def paint_axis(self, painter: QPainter, area: QRect, look: Tokens) -> None:
        """Below `area`: round times, as many as there is room for."""
        metrics = painter.fontMetrics()
        first, last = self.whole
        apart = metrics.horizontalAdvance("00:00:00.000") + 24
        ticks = round_borders(first, last, self.zone, max(area.width() // apart, 2))
        painter.setPen(QColor(look.muted))
        for ms in ticks:
            if first <= ms <= last:
                words, x = clock(ms, ticks[1] - ticks[0], self.zone), min(self.x(ms, area), area.right())
                width = metrics.horizontalAdvance(words)
                left = min(max(x - width // 2, area.left()), area.right() + 1 - width)
                painter.fillRect(x, area.bottom() + 2, 1, 3, QColor(look.muted))
                painter.drawText(left, area.bottom() + 5 + metrics.ascent(), words)

    # words

    def words_of(self, span: Span) -> str:
        first, last = (bisect_left(self.shown.borders, ms) for ms in span)
        offsets = sum(self.shown.counts[first:last])
        words = f"{span_words(*span, self.zone)} · {count(offsets)} offset{'' if offsets == 1 else 's'}"
        return f"{words} · {count(sum(self._matched[first:last]))} found" if self.any_matches else words

    def words_of_all(self) -> str:
        words = self.words_of(self.whole)
        if not self.shown.complete:
            return words
        step = mode(b - a for a, b in pairwise(self.shown.borders))  # days with other hours than 24 are few
        unit, size = next((unit, size) for unit, size in _UNITS if step % size == 0)
        return f"{words} · up to {count(max(self.shown.counts))} in {count(step // size)} {unit}"

    def notes(self) -> list[str]:
        """The whole, and what is not in the bars."""
        shown, lines = self.shown, [f"In all: {self.words_of_all()}."]
        if shown.earlier:
            lines.append(f"Offsets earlier than all bars, or without a timestamp: {count(shown.earlier)}.")
        if shown.later:
            lines.append(f"Offsets later than all bars, or behind such a record: {count(shown.later)}.")
        return lines + [f"Partition {each.source.partition}: {each.failure}" for each in shown.troubles[:10]]


def why_empty(histogram: Histogram) -> str:
    if histogram.earlier:
        return f"No record of this part has a timestamp ({count(histogram.earlier)} offsets)."
    if histogram.troubles:
        return f"Nothing could be counted. {histogram.troubles[0].failure}"
    return "There are no records in this part of the topic."


def span_words(start: int, end: int, zone: tzinfo) -> str:
    """As short as it can be: "2026-11-23 14:05–14:10", "2026-11-23 23:00 – 2026-11-24 01:00"."""
    first, last = timestamp(start, zone), timestamp(end, zone)
    for ending in (".000", ":00", " 00:00"):
        if not (first.endswith(ending) and last.endswith(ending)):
            break
        first, last = first.removesuffix(ending), last.removesuffix(ending)
    day, blank, time_of_day = last.partition(" ")
    return f"{first}–{time_of_day}" if blank and first.startswith(day) else f"{first} – {last}"


def clock(ms: int, step: int, zone: tzinfo) -> str:
    """What stands below a tick: the day where one begins, else the time, as exactly as `step` (milliseconds) needs."""
    day, _, time_of_day = timestamp(ms, zone).partition(" ")
    if step > 43_200_000 or time_of_day in ("", "00:00:00.000"):
        return day
    return time_of_day[: 5 if step >= 60_000 else 8 if step >= 1000 else 12]


def _clear(colour: str, alpha: int) -> QColor:
    """`alpha` from 0 to 255."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made
