"""How the rows of the message table are drawn: column by column, text straight to the painter, no item views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette
from PySide6.QtWidgets import QWidget

from kexplorer.ui.theme import mono_font, row_height, tokens
from kexplorer.ui.widgets.record_cells import Cell, Column

PADDING = 8


class Row(NamedTuple):
    """`y` is its top in the viewport; `cells` None means that the record is not there yet."""

    y: int
    cells: tuple[Cell, ...] | None
    alternate: bool
    hovered: bool
    selected: bool
    current: bool


class Place(NamedTuple):
    """Where a column is: the number of its cell, what it is, its left edge and its width in pixels."""

    column: int
    look: Column
    x: int
    width: int


class RowPainter:
    """Holds the fonts and colours of `widget` as they were when it was made; make another when they change."""

    def __init__(self, widget: QWidget) -> None:
        self.font = widget.font()
        self.mono = mono_font(self.font.pointSizeF())
        self.plain_mono = QFont(self.mono)  # ASCII in a font of one width needs no shaping: half the time
        self.plain_mono.setStyleStrategy(QFont.StyleStrategy.PreferNoShaping)
        self.small = QFont(self.font)
        self.small.setPointSizeF(self.font.pointSizeF() * 0.85)
        self.height = row_height(self.font)
        self._metrics, mono_metrics = QFontMetricsF(self.font), QFontMetricsF(self.mono)
        self._small_metrics = QFontMetricsF(self.small)
        self._mark_widths: dict[str, float] = {}
        self._mono_width = mono_metrics.horizontalAdvance("0")
        self._figure = self._metrics.horizontalAdvance("0")  # of all ten: the font has tabular figures
        self._comma = self._metrics.horizontalAdvance(",")
        self._baselines = [(self.height - m.height()) / 2 + m.ascent() for m in (self._metrics, mono_metrics)]
        look, palette = tokens(widget.palette()), widget.palette()
        self._base, self._alternate, self._hover = QColor(look.base), QColor(look.alternate), QColor(look.hover)
        self._text, self._muted, self._line = QColor(look.text), QColor(look.muted), QColor(look.control_line)
        self._on_selection = palette.color(QPalette.ColorRole.HighlightedText)
        self._accent = self._selection = QColor(look.accent)
        self._quiet_selection = QColor(look.accent_quiet)

    def figure_of(self, column: Column) -> float:
        """Pixels of a character in which the width of `column` is counted."""
        return self._mono_width if column.mono else self._figure

    def paint(self, painter: QPainter, area: QRect, rows: Sequence[Row], places: Sequence[Place], focus: bool) -> None:
        self._backgrounds(painter, area, rows, focus)
        for place in places:
            painter.setClipRect(place.x, area.y(), place.width, area.height())
            if place.look.number:
                self._numbers(painter, rows, place)
            else:
                self._texts(painter, rows, place)
            self._placeholders(painter, rows, place)
        painter.setClipping(False)

    def _numbers(self, painter: QPainter, rows: Sequence[Row], place: Place) -> None:
        painter.setFont(self.font)
        baseline = self._baselines[False]
        left, room = place.x + PADDING, place.width - 2 * PADDING
        for row in rows:
            if row.cells is None:
                continue
            text = row.cells[place.column].text
            commas = text.count(",")
            free = room - (len(text) - commas) * self._figure - commas * self._comma
            if free < 0:  # digits are never cut off without a sign of it
                text, free = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, room), 0
            painter.setPen(self._on_selection if row.selected else self._text)
            painter.drawText(QPointF(left + free, row.y + baseline), text)

    def _texts(self, painter: QPainter, rows: Sequence[Row], place: Place) -> None:
        mono = place.look.mono
        usual, baseline = self.plain_mono if mono else self.font, self._baselines[mono]
        painter.setFont(usual)
        for row in rows:
            if row.cells is None:
                continue
            text, mark, number = row.cells[place.column]
            left = float(place.x + PADDING)
            if mark:
                left += self._mark(painter, left, row, mark) + PADDING
                painter.setFont(usual)
            if not text:
                continue
            room = place.x + place.width - PADDING - left
            fitting = self._fitting(text, room, mono)
            if number:
                left += max(0.0, room - len(fitting) * self._mono_width)
            painter.setPen(self._on_selection if row.selected else self._text)
            if text.isascii() or not mono:
                painter.drawText(QPointF(left, row.y + baseline), fitting)
            else:
                painter.setFont(self.mono)
                painter.drawText(QPointF(left, row.y + baseline), fitting)
                painter.setFont(usual)

    def _backgrounds(self, painter: QPainter, area: QRect, rows: Sequence[Row], focus: bool) -> None:
        """Each pixel once: a second coat of the whole area costs a millisecond."""
        for row in rows:
            if row.selected:
                colour = self._selection if focus else self._quiet_selection
            else:
                colour = self._hover if row.hovered else self._alternate if row.alternate else self._base
            painter.fillRect(area.x(), row.y, area.width(), self.height, colour)
            if row.current and focus and not row.selected:
                painter.fillRect(0, row.y, 3, self.height, self._accent)
        below = rows[-1].y + self.height if rows else area.y()
        painter.fillRect(area.x(), below, area.width(), area.bottom() + 1 - below, self._base)

    def _fitting(self, text: str, room: float, mono: bool) -> str:
        """`text`, cut to about `room` pixels."""
        if mono:
            most = max(1, int(room / self._mono_width))
            return text if len(text) <= most else text[: most - 1] + "…"
        if len(text) * self._figure <= room:  # a time: no character is wider than a figure
            return text
        return self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)

    def _mark(self, painter: QPainter, left: float, row: Row, mark: str) -> float:
        """Draws the word in a rounded frame, so that nobody takes it for data; its width in pixels."""
        width = self._mark_widths.get(mark) or self._small_metrics.horizontalAdvance(mark) + 12
        self._mark_widths[mark] = width
        height = self._small_metrics.height() + 2
        bounds = QRectF(left + 0.5, row.y + (self.height - height) / 2 + 0.5, width - 1, height - 1)
        painter.setFont(self.small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._on_selection if row.selected else self._line)
        painter.drawRoundedRect(bounds, 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(self._on_selection if row.selected else self._muted)
        painter.drawText(bounds, Qt.AlignmentFlag.AlignCenter, mark)
        return width

    def _placeholders(self, painter: QPainter, rows: Sequence[Row], place: Place) -> None:
        """A quiet bar where a record is still to come."""
        thick, room = max(4, self.height // 4), place.width - 2 * PADDING
        for row in rows:
            if row.cells is None:
                width = room if place.look.number else room * 2 // 3
                bounds = QRect(place.x + PADDING, row.y + (self.height - thick) // 2, width, thick)
                painter.fillRect(bounds, self._hover)
