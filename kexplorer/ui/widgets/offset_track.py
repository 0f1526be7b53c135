"""A partition's log drawn to scale: where it begins and ends, how far a group has read, and what it will never read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionViewItem, QWidget

from kexplorer.model.lag import Reading
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_LINE, _BAR, _CAP, _DOT = 2.0, 8.0, 10.0, 3.5  # pixels: what was read, what was not, the log's ends, the mark's radius
_LEAST = 3.0  # pixels of a part that is there, however small
_SAMPLE, _SPACE, _GAP = 24, 6, 16  # pixels of the legend: a sample, between it and its words, and between two entries


class Part(StrEnum):
    """What a track is made of, in the words of its legend."""

    READ = "read"
    NEVER = "nothing committed"
    AHEAD = "to read"
    HELD = "held by an open transaction"
    LOST = "deleted before it was read"
    BEYOND = "committed beyond the end"
    COMMITTED = "committed"


_ORDER = (Part.READ, Part.COMMITTED, Part.AHEAD, Part.LOST, Part.BEYOND, Part.HELD, Part.NEVER)


@dataclass(frozen=True, slots=True)
class Track:
    """Places from 0 to 1 on the stretch that holds both the log and the committed offset. `stable`: the last stable
    offset, where that is not the end."""

    start: float
    end: float
    committed: float | None
    stable: float | None = None

    @property
    def parts(self) -> list[tuple[Part, float, float]]:
        """From left to right, none of them empty."""
        if self.committed is None:
            return [(Part.NEVER, self.start, self.end)] if self.start < self.end else []
        reached = min(max(self.committed, self.start), self.end)
        held = self.end if self.stable is None else max(self.stable, reached)
        found = [
            (Part.LOST, self.committed, self.start),
            (Part.READ, self.start, reached),
            (Part.AHEAD, reached, held),
            (Part.HELD, held, self.end),
            (Part.BEYOND, self.end, self.committed),
        ]
        return [each for each in found if each[1] < each[2]]


def track_of(reading: Reading) -> Track | None:
    """None where the ends of the log are not known."""
    start, end, committed, stable = reading.start, reading.end, reading.committed, reading.stable
    if start is None or end is None:
        return None
    known = (start, end) if committed is None else (start, end, committed)
    low, length = min(known), max(max(known) - min(known), 1)  # an empty log has no length
    held = stable is not None and start <= stable < end

    def place(offset: int | None) -> float | None:
        return None if offset is None else (offset - low) / length

    return Track((start - low) / length, (end - low) / length, place(committed), place(stable) if held else None)


@dataclass(frozen=True, slots=True)
class _Ink:
    read: QColor
    ahead: QColor
    held: QColor
    bad: QColor
    ground: QColor
    edge: QColor


def _ink(look: Tokens, *, selected: bool) -> _Ink:
    if not selected:
        colours = (look.control_line, look.series[0], look.series[1], look.bad, look.base, look.muted)
        return _Ink(*map(QColor, colours))
    white, pale = QColor(look.on_accent), QColor(look.on_accent)
    pale.setAlpha(140)
    return _Ink(pale, white, pale, white, QColor(look.accent), white)


def paint_track(painter: QPainter, area: QRectF, track: Track, look: Tokens, *, selected: bool = False) -> None:
    ink = _ink(look, selected=selected)
    inner = area.adjusted(_DOT, 0, -_DOT, 0)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for part, left, right in track.parts:
        stretch = _stretch(inner, left, right, anchored_right=right >= track.end and part is not Part.BEYOND)
        _paint_part(painter, stretch, part, ink)
    for end in (track.start, track.end):
        _paint_cap(painter, inner.left() + end * inner.width(), inner, ink.edge)
    if track.committed is not None:
        _paint_mark(painter, inner.left() + track.committed * inner.width(), inner, ink, _tone(track, ink))
    painter.restore()


def _tone(track: Track, ink: _Ink) -> QColor:
    outside = track.committed is not None and not track.start <= track.committed <= track.end
    return ink.bad if outside else ink.ahead


def _stretch(area: QRectF, left: float, right: float, *, anchored_right: bool) -> QRectF:
    """Of at least `_LEAST` pixels."""
    x, width = area.left() + left * area.width(), (right - left) * area.width()
    wider = max(_LEAST - width, 0)
    return QRectF(x - (wider if anchored_right else 0), area.center().y(), width + wider, 0)


def _paint_part(painter: QPainter, line: QRectF, part: Part, ink: _Ink) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    bar = line.adjusted(0, -_BAR / 2, 0, _BAR / 2)
    match part:
        case Part.READ:
            painter.setBrush(ink.read)
            painter.drawRect(line.adjusted(0, -_LINE / 2, 0, _LINE / 2))
        case Part.AHEAD:
            painter.setBrush(ink.ahead)
            painter.drawRoundedRect(bar, 2, 2)
        case Part.BEYOND | Part.NEVER:
            painter.setPen(QPen(ink.bad if part is Part.BEYOND else ink.edge, _LINE, Qt.PenStyle.DotLine))
            painter.drawLine(line.topLeft(), line.topRight())
        case Part.HELD | Part.LOST:
            colour = ink.held if part is Part.HELD else ink.bad
            painter.setBrush(QBrush(colour, Qt.BrushStyle.BDiagPattern))
            painter.setPen(QPen(colour, 1))
            painter.drawRoundedRect(bar.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)


def _paint_cap(painter: QPainter, x: float, area: QRectF, colour: QColor) -> None:
    painter.setPen(QPen(colour, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    middle = area.center().y()
    painter.drawLine(QPointF(x, middle - _CAP / 2), QPointF(x, middle + _CAP / 2))


def _paint_mark(painter: QPainter, x: float, area: QRectF, ink: _Ink, tone: QColor) -> None:
    painter.setPen(QPen(tone, 2))
    painter.setBrush(ink.ground)
    painter.drawEllipse(QPointF(x, area.center().y()), _DOT, _DOT)


class TrackDelegate(CellDelegate):
    """Draws the track that `track` tells of a row; the cell's text where there is none. The text is what is copied."""

    def __init__(self, track: Callable[[int], Track | None], parent: QObject) -> None:
        super().__init__(parent)
        self._track = track

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return look.muted

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        track = self._track(index.row())
        if track is None:
            super().paint(painter, option, index)
            return
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        area = QRectF(option.rect).adjusted(PADDING, 0, -PADDING, 0)
        paint_track(painter, area, track, tokens(option.palette), selected=selected)


class TrackLegend(QWidget):
    """Names the parts that are seen, as many as there is room for; the tool tip names all."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: tuple[Part, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_parts(())

    def show_parts(self, seen: Iterable[Part]) -> None:
        wanted = {Part.READ, Part.COMMITTED, Part.AHEAD, *seen}
        parts = tuple(part for part in _ORDER if part in wanted)
        if parts != self._parts:
            self._parts = parts
            self.setAccessibleName(f"The parts of a track: {', '.join(parts)}")
            self.setToolTip(self.accessibleName())
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(sum(map(self._width, self._parts)), self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        look, metrics = tokens(self.palette()), self.fontMetrics()
        ink, left, middle = _ink(look, selected=False), 0.0, self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for part in self._parts:
            if left + self._width(part) > self.width() + _GAP:
                break
            sample = QRectF(left, middle, _SAMPLE, 0)
            if part is Part.COMMITTED:
                _paint_mark(painter, sample.center().x(), sample, ink, ink.ahead)
            else:
                _paint_part(painter, sample, part, ink)
            painter.setPen(QColor(look.muted))
            baseline = middle + (metrics.ascent() - metrics.descent()) / 2
            painter.drawText(QPointF(left + _SAMPLE + _SPACE, baseline), part)
            left += self._width(part)
        painter.end()

    def _width(self, part: Part) -> int:
        return _SAMPLE + _SPACE + self.fontMetrics().horizontalAdvance(part) + _GAP
