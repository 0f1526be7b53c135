"""Offsets over time as a strip of bars, in which a part of the time is chosen.

Painted by hand, not with pyqtgraph: the strip stands above a table that must be there at once, and importing pyqtgraph
takes the window's thread 0.4 s on an idle machine. It also draws 64 bars in 5 ms where QPainter needs one.
"""

from __future__ import annotations

import html
from array import array
from collections.abc import Iterable
from datetime import UTC, tzinfo

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolTip, QWidget

from kexplorer.formats.numbers import count
from kexplorer.services.histogram import BINS, Histogram
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.histogram_bars import Bars, Span, why_empty

_SIDE = 12  # pixels to the left and right
_HIGHEST = 34  # pixels of the highest bar
_GRIP = 4  # pixels beside the edge of a brush in which that edge is held
_PATIENCE = 150  # ms that what was shown before stays
_STEPS: dict[int, int] = {  # bins that a key moves
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Home: -BINS,
    Qt.Key.Key_End: BINS,
}
_WHAT = (
    "How many offsets each span of time has. Offsets without a record, of compaction and transactions, count as well. "
    "Drag to choose a time; Esc or a double click clears it. With keys: arrows, Shift and arrows, Enter."
)


class HistogramStrip(QWidget):
    """`range_chosen` with the first time and the end of what was brushed, milliseconds since 1970, the end exclusive;
    `cleared` when that is taken back."""

    range_chosen = Signal(object, object)  # int, int: a signal's own int has 32 bits
    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Offsets over time")
        self._zone: tzinfo = UTC
        self._bars: Bars | None = None
        self._note = ""
        self._matches = array("q")
        self._brush: Span | None = None
        self._chosen: Span | None = None  # the brush that was told
        self._anchor: Span | None = None  # the bin where a drag, or choosing by keys, began
        self._cursor: Span | None = None
        self._hover: Span | None = None
        self._pressed: QPointF | None = None
        self._dragging = False
        self._waiting = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._waiting.timeout.connect(lambda: self.show_note("Counting offsets over time…"))

    # what is shown

    @property
    def brush(self) -> Span | None:
        """What was chosen last."""
        return self._chosen

    @property
    def text(self) -> str:
        """The line above the bars, or the note in their place."""
        if self._bars is None:
            return self._note
        span = self._pointed_at()
        words = self._bars.words_of(span) if span else self._bars.words_of_all()
        if self._pending and not self._dragging:
            words += " · Enter applies"
        return words if self._bars.shown.complete else f"{words} · counting…"

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of all that is written."""
        self._zone = zone
        if self._bars is not None:
            self._bars.zone = zone
        self._changed()

    def show_loading(self) -> None:
        """Another histogram is on its way."""
        self._waiting.start()

    def show_note(self, note: str) -> None:
        """A sentence in place of the bars."""
        self._waiting.stop()
        self._bars, self._note = None, note
        self._let_go()

    def show_histogram(self, histogram: Histogram) -> None:
        if not histogram.borders:
            self.show_note(why_empty(histogram))
            return
        self._waiting.stop()
        finer = self._bars is not None and set(self._bars.shown.borders) <= set(histogram.borders)
        self._bars = Bars(histogram, self._matches, self._zone)
        if finer:
            self._changed()
        else:
            self._let_go()

    def add_matches(self, times: Iterable[int]) -> None:
        """Marks where a search found something, in addition to what it found before (milliseconds since 1970)."""
        new = array("q", times)
        self._matches += new
        if self._bars is not None and new:
            self._bars.add_matches(new)
        self._changed()

    def clear_matches(self) -> None:
        del self._matches[:]
        if self._bars is not None:
            self._bars = Bars(self._bars.shown, self._matches, self._zone)
        self._changed()

    def clear_brush(self) -> None:
        """Takes the brush back without telling."""
        self._chosen = None
        self._let_go()

    def _let_go(self) -> None:
        """Forgets all that points at bins but what was chosen."""
        self._brush = self._chosen
        self._anchor = self._cursor = self._hover = self._pressed = None
        self._dragging = False
        self._changed()

    def _changed(self) -> None:
        self.setAccessibleDescription(self.text)
        self.update()

    # choosing

    @property
    def _pending(self) -> bool:
        """There is a brush that was not told yet."""
        return self._brush is not None and self._brush != self._chosen

    def _pointed_at(self) -> Span | None:
        if self._pending:
            return self._brush
        return self._hover or (self._cursor if self.hasFocus() else None) or self._chosen

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS and self._bars:
            extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._step(self._bars, _STEPS[event.key()], extend=extend)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor:
            self._choose(self._brush if self._brush and self._pending else self._cursor)
        elif event.key() == Qt.Key.Key_Escape and self._brush:
            self._take_back()
        else:
            super().keyPressEvent(event)

    def _step(self, bars: Bars, by: int, *, extend: bool) -> None:
        self._hover = None
        start, end = bars.whole
        self._cursor = bars.bin_of(self._cursor[0] if self._cursor else end if by < 0 else start - 1, by)
        if extend and self._anchor:
            self._brush = _joined(self._anchor, self._cursor)
        else:
            self._anchor, self._brush = self._cursor, self._chosen
        self._changed()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or not self._bars:
            super().mousePressEvent(event)
            return
        x = event.position().x()
        self._pressed = event.position()
        self._anchor = self._cursor = self._bars.bin_at(x, self._area())
        if self._brush and self._on_edge(x):
            start, end = self._brush
            held_start = abs(self._bars.x(start, self._area()) - x) <= _GRIP
            self._anchor = self._bars.bin_of(end - 1 if held_start else start)
        self._changed()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        self._hover = self._bars.bin_at(x, self._area()) if self._bars else None
        if self._pressed and self._anchor and self._hover:
            self._dragging |= abs(x - self._pressed.x()) >= QApplication.startDragDistance()
            if self._dragging:
                self._brush, self._cursor = _joined(self._anchor, self._hover), None
        held = self._dragging or self._on_edge(x)
        self.setCursor(Qt.CursorShape.SizeHorCursor if held else Qt.CursorShape.ArrowCursor)
        self._changed()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed = None
            if self._dragging and self._brush:
                self._choose(self._brush)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._brush = self._chosen
            self._take_back()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self._changed()
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._changed()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if not self._dragging:
            self._brush = self._chosen
        super().focusOutEvent(event)
        self._changed()

    def _choose(self, span: Span) -> None:
        self._dragging = False
        self._brush = self._chosen = span
        self._changed()
        self.range_chosen.emit(*span)

    def _take_back(self) -> None:
        """The brush that is not told yet or, if there is none, the one that was."""
        was_told = self._chosen is not None and not self._pending and not self._dragging
        if was_told:
            self._chosen = None
        self._brush, self._anchor, self._pressed, self._dragging = self._chosen, self._cursor, None, False
        self._changed()
        if was_told:
            self.cleared.emit()

    def _on_edge(self, x: float) -> bool:
        bars = self._bars
        return bars is not None and any(abs(bars.x(ms, self._area()) - x) <= _GRIP for ms in self._brush or ())

    # painting

    def sizeHint(self) -> QSize:
        return QSize(320, _HIGHEST + 8 + 2 * QFontMetrics(self._small()).height())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), html.escape(self._help()).replace("\n", "<br>"), self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        painter = QPainter(self)
        painter.setFont(self._small())
        if self._bars is None:
            painter.setPen(QColor(look.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._note)
        else:
            self._paint_words(painter, look, len(self._bars.shown.troubles))
            cursor = self._cursor if self.hasFocus() else None
            self._bars.paint(painter, self._area(), look, self._brush, self._hover, cursor)
            self._bars.paint_axis(painter, self._area(), look)
        painter.end()

    def _area(self) -> QRect:
        return QRect(_SIDE, QFontMetrics(self._small()).height() + 4, self.width() - 2 * _SIDE, _HIGHEST)

    def _small(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.9)
        return font

    def _paint_words(self, painter: QPainter, look: Tokens, missing: int) -> None:
        metrics = painter.fontMetrics()
        room = QRect(_SIDE, 0, self.width() - 2 * _SIDE, metrics.height() + 2)
        middle = Qt.AlignmentFlag.AlignVCenter
        if missing:
            words = f"{count(missing)} partition{'' if missing == 1 else 's'} not counted"
            painter.setPen(QColor(look.warn))
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | middle, words)
            room.setRight(room.right() - metrics.horizontalAdvance(words) - 16)
        painter.setPen(QColor(look.text if self._pointed_at() else look.muted))
        painter.drawText(room, middle, metrics.elidedText(self.text, Qt.TextElideMode.ElideRight, room.width()))

    def _help(self) -> str:
        return "\n".join([_WHAT, *(self._bars.notes() if self._bars else ())])


def _joined(a: Span, b: Span) -> Span:
    return min(a[0], b[0]), max(a[1], b[1])
