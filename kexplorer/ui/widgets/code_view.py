"""A read-only view of text or bytes of any size: own-drawn, with selection and exact copies."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from kexplorer.formats import json_text
from kexplorer.formats.json_text import Token
from kexplorer.formats.numbers import size
from kexplorer.ui.theme import mono_font, tokens
from kexplorer.ui.widgets.row_area import RowArea
from kexplorer.ui.widgets.text_rows import LONGEST_ROW, HexRows, Rows, TextRows, shown

MOST_COPIED = 16_000_000  # characters
_MOST_WRAPPED = 500_000  # characters that are broken anew at each change of width
_PADDING = 8
_ROWS_BEFORE = 50  # of a long line are read for the colours of those in sight

Position = tuple[int, int]  # row, character
Piece = tuple[str, QColor]


class CodeView(RowArea):
    """Qt's text widgets change some characters (hard spaces, line ends) and freeze on long lines; this one keeps the
    text as it is and its work is bounded by what is on screen."""

    notice = Signal(str)  # a sentence for the status bar

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self._rows: Rows = HexRows(b"")
        self._json = False
        self._wrap = True
        self._from: Position = (0, 0)  # of the selection
        self._to: Position = (0, 0)
        self.restyle()

    def restyle(self) -> None:
        self._font = mono_font(self.font().pointSizeF())
        self._plain = QFont(self._font)  # for ASCII: without shaping it is drawn in half the time
        self._plain.setStyleStrategy(QFont.StyleStrategy.PreferNoShaping)
        self._metrics = QFontMetricsF(self._font)
        self._unit = self._metrics.horizontalAdvance("0")
        self._height = round(self._metrics.height() * 1.15)
        look = tokens(self.palette())
        self._base, self._margin, self._muted = QColor(look.base), QColor(look.alternate), QColor(look.muted)
        self._text, self._selection = QColor(look.text), QColor(look.accent_quiet)
        self._selection.setAlphaF(0.35)
        self._colours = {
            Token.KEY: QColor(look.syntax_key),
            Token.STRING: QColor(look.syntax_string),
            Token.NUMBER: QColor(look.syntax_number),
            Token.LITERAL: QColor(look.syntax_literal),
            Token.PUNCTUATION: QColor(look.muted),
        }

    # ---- content

    def show_rows(self, rows: Rows, *, json: bool = False) -> None:
        """Shows `rows` from their beginning; with `json` in colours."""
        self._rows, self._json = rows, json
        self._from = self._to = (0, 0)
        self.horizontalScrollBar().setValue(0)
        self._break_lines()
        self.place(0, repaint=True)

    def rows_added(self) -> None:
        self._break_lines()
        self.place(self.top, repaint=True)

    def set_wrap(self, wrap: bool) -> None:
        """Breaks lines at the edge of the view, or else at 1,000 characters."""
        self._wrap = wrap
        self._break_lines()
        self.place(self.top, repaint=True)

    def _break_lines(self) -> None:
        if isinstance(self._rows, TextRows):
            fit = int((self.viewport().width() - self._gutter - 2 * _PADDING) / self._unit)
            wrap = self._wrap and self._rows.characters <= _MOST_WRAPPED
            self._rows.wrap(max(20, min(fit, LONGEST_ROW)) if wrap else LONGEST_ROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._break_lines()
        super().resizeEvent(event)

    def row_count(self) -> int:
        return len(self._rows)

    def row_height(self) -> int:
        return self._height

    def content_width(self) -> int:
        return round(self._gutter + 2 * _PADDING + self._rows.widest * self._unit)

    @property
    def _gutter(self) -> int:
        digits = 8 if isinstance(self._rows, HexRows) else 5
        return round(digits * self._unit) + 2 * _PADDING

    # ---- selection

    def select_all(self) -> None:
        last = max(0, len(self._rows) - 1)
        self._select((0, 0), (last, len(self._rows[last]) if len(self._rows) else 0))

    def selected_text(self) -> str:
        """Exactly what the selected rows hold, whatever is drawn for it."""
        parts = []
        room = MOST_COPIED
        for row, start, end in self._selected_parts():
            part = self._rows[row][start:end]
            end_of_line = row < self._selected()[1][0] and not self._rows.continues(row)
            parts.append(part + "\n" if end_of_line else part)
            room -= len(part)
            if room < 0:
                break
        return "".join(parts)

    def copy(self) -> None:
        if self._from == self._to:
            return
        text = self.selected_text()
        QGuiApplication.clipboard().setText(text)
        cut = " (the first of it; a file holds all)" if len(text) > MOST_COPIED else ""
        self.notice.emit(f"Copied {size(len(text.encode('utf-8', 'surrogatepass')))}{cut}.")

    def _selected(self) -> tuple[Position, Position]:
        return min(self._from, self._to), max(self._from, self._to)

    def _selected_parts(self) -> Iterator[tuple[int, int, int]]:
        (first, start), (last, end) = self._selected()
        for row in range(first, min(last, len(self._rows) - 1) + 1):
            length = len(self._rows[row])
            yield row, start if row == first else 0, end if row == last else length

    def _select(self, start: Position, end: Position) -> None:
        self._from, self._to = start, end
        self.viewport().update()

    def _position(self, at: QPointF) -> Position:
        row = max(0, min(self.row_at(int(at.y())), len(self._rows) - 1))
        if not len(self._rows):
            return (0, 0)
        text = self._rows[row]
        x = at.x() + self.left - self._gutter - _PADDING
        before = bisect_left(range(len(text) + 1), x, key=lambda n: self._advance(text[:n]))
        if 0 < before <= len(text) and x - self._advance(text[: before - 1]) < self._advance(text[:before]) - x:
            before -= 1
        return row, min(before, len(text))

    def _advance(self, text: str) -> float:
        return self._drawn_width(shown(text))

    def _drawn_width(self, drawn: str) -> float:
        return len(drawn) * self._unit if drawn.isascii() else self._metrics.horizontalAdvance(drawn)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            at = self._position(event.position())
            held = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self._select(self._from if held else at, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            y = event.position().y()
            beyond = min(0, y) or max(0, y - self.viewport().height())
            if beyond:
                self.place(self.top + int(beyond))
            self._select(self._from, self._position(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Selects a word: letters, digits and what names and numbers are written with."""
        row, at = self._position(event.position())
        text = self._rows[row] if len(self._rows) else ""
        start = end = min(at, max(0, len(text) - 1))
        while start > 0 and _of_word(text[start - 1]):
            start -= 1
        while end < len(text) and _of_word(text[end]):
            end += 1
        self._select((row, start), (row, end))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        top_row = self.row_at(0)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.horizontalScrollBar().setValue(self.left + (40 if key == Qt.Key.Key_Right else -40))
        elif (row := self.row_after(key, top_row)) is not None:
            self.place(row * self._height)
        else:
            event.ignore()

    # ---- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        area = event.rect()
        painter = QPainter(self.viewport())
        painter.fillRect(area, self._base)
        rows = self.rows_in(area.y(), area.height())
        painter.setFont(self._plain)
        painter.setClipRect(self._gutter, area.y(), self.viewport().width() - self._gutter, area.height())
        for row, pieces in self._pieces(rows).items():
            self._paint_selection(painter, row)
            self._paint_row(painter, row, pieces)
        painter.setClipping(False)
        painter.fillRect(0, area.y(), self._gutter - _PADDING // 2, area.height(), self._margin)
        painter.setPen(self._muted)
        for row in rows:
            label = self._rows.label(row)
            left = self._gutter - 1.5 * _PADDING - len(label) * self._unit
            painter.drawText(QPointF(left, self._baseline(row)), label)
        painter.end()

    def _baseline(self, row: int) -> float:
        return self.y_of(row) + (self._height - self._metrics.height()) / 2 + self._metrics.ascent()

    def _paint_selection(self, painter: QPainter, row: int) -> None:
        (first, start), (last, end) = self._selected()
        if not first <= row <= last or self._from == self._to:
            return
        text = self._rows[row]
        origin = self._gutter + _PADDING - self.left
        left = self._advance(text[:start]) if row == first else 0.0
        to_end = row < last and not self._rows.continues(row)  # the selected line end is drawn as one cell more
        right = self._advance(text[:end] if row == last else text) + (self._unit if to_end else 0)
        painter.fillRect(round(origin + left), self.y_of(row), round(right - left), self._height, self._selection)

    def _paint_row(self, painter: QPainter, row: int, pieces: Sequence[Piece]) -> None:
        """Draws what is in sight of the row, a piece for each colour."""
        x = float(self._gutter + _PADDING - self.left)
        edge, baseline = self.viewport().width(), self._baseline(row)
        for piece, colour in pieces:
            drawn = shown(piece)
            most = int((edge - x) / self._unit) + 2  # hardly any character is narrower
            in_sight = drawn[:most]
            width = self._drawn_width(in_sight)
            if x + width > self._gutter and not piece.isspace():
                painter.setPen(colour)
                if drawn.isascii():
                    hidden = max(0, int((self._gutter - x) / self._unit))  # characters beyond the left edge
                    painter.drawText(QPointF(x + hidden * self._unit, baseline), in_sight[hidden:])
                else:
                    painter.setFont(self._font)
                    painter.drawText(QPointF(x, baseline), in_sight)
                    painter.setFont(self._plain)
            if len(drawn) > most:
                return
            x += width

    def _pieces(self, rows: range) -> dict[int, list[Piece]]:
        """The rows' text by colour. A line is coloured as a whole: a string that began rows ago is still a string."""
        if not self._json:
            return {row: [(self._rows[row], self._text)] for row in rows}
        pieces: dict[int, list[Piece]] = {row: [] for row in rows}
        start = rows.start
        while rows.start - start < _ROWS_BEFORE and start > 0 and self._rows.continues(start - 1):
            start -= 1
        while start < rows.stop:
            stop = start + 1
            while stop < rows.stop and self._rows.continues(stop - 1):
                stop += 1
            self._colour_line(range(start, stop), pieces)
            start = stop
        return pieces

    def _colour_line(self, rows: range, pieces: dict[int, list[Piece]]) -> None:
        texts = [self._rows[row] for row in rows]
        spans = json_text.tokens("".join(texts))
        left, right, colour = 0, 0, self._text
        at = 0  # of the row, in the line
        for row, text in zip(rows, texts, strict=True):
            done, end = at, at + len(text)
            while done < end:
                if done >= right:
                    left, right, kind = next(spans, (end, sys.maxsize, None))
                    colour = self._colours[kind] if kind else self._text
                    continue
                stop, ink = (min(left, end), self._text) if done < left else (min(right, end), colour)
                if row in pieces:
                    pieces[row].append((text[done - at : stop - at], ink))
                done = stop
            at = end


def _of_word(character: str) -> bool:
    return character.isalnum() or character in "_-."
