"""Two texts side by side: what differs is marked by colour and by a sign in the margin, and both scroll as one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHBoxLayout, QWidget

from kexplorer.formats.difference import NO_LINE, Difference, Mark
from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.code_view import CodeView

_DIGITS = 8  # of the margin: a sign, a blank and a number of six digits
_ABOVE = 3  # lines before a difference that one jumps to
_PALE, _STRONG = 0.09, 0.16  # of a line that differs, and of the difference that is looked at; text stays legible
_UNDERLINE = 2  # pixels, below the part of a line that differs
_PADDING = 8


class SideRows:
    """One side of the pairs; empty where it has no line."""

    def __init__(self, lines: Sequence[str], numbers: Sequence[int], marks: Sequence[Mark], widest: int) -> None:
        self._lines, self._numbers, self._marks = lines, numbers, marks
        self.widest = widest

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, row: int) -> str:
        return self._lines[self._numbers[row]] if self.is_there(row) else ""

    def is_there(self, row: int) -> bool:
        return self._numbers[row] != NO_LINE

    def continues(self, row: int) -> bool:
        return False

    def label(self, row: int) -> str:
        return f"{self._marks[row]} {self._numbers[row] + 1}".strip() if self.is_there(row) else ""


class SideView(CodeView):
    placed = Signal(int)  # pixels above what is on screen

    def __init__(self) -> None:
        super().__init__()
        self._found: Difference | None = None
        self._own: SideRows | None = None
        self._other: SideRows | None = None
        self.current = range(0)  # rows of the difference that is looked at

    def show_side(self, found: Difference, own: SideRows, other: SideRows, *, json: bool) -> None:
        self._found, self._own, self._other = found, own, other
        self.current = range(0)
        self.show_rows(own, json=json)

    def restyle(self) -> None:
        super().restyle()
        look = tokens(self.palette())
        self._tints = {
            Mark.CHANGED: QColor(look.warn),
            Mark.REMOVED: QColor(look.bad),
            Mark.ADDED: QColor(look.good),
        }

    @property
    def _gutter(self) -> int:
        return round(_DIGITS * self._unit) + 2 * _PADDING

    def place(self, top: int, *, shift: int = 0, repaint: bool = False) -> None:
        super().place(top, shift=shift, repaint=repaint)
        self.placed.emit(self.top)

    def _paint_selection(self, painter: QPainter, row: int) -> None:
        self._paint_difference(painter, row)
        super()._paint_selection(painter, row)

    def _paint_difference(self, painter: QPainter, row: int) -> None:
        if self._found is None or self._own is None or self._other is None:
            return
        mark = self._found.marks[row]
        if mark is Mark.SAME:
            return
        y, height, width = self.y_of(row), self.row_height(), self.viewport().width()
        if not self._own.is_there(row):
            painter.fillRect(0, y, width, height, self._margin)
            return
        tint = QColor(self._tints[mark])
        tint.setAlphaF(_STRONG if row in self.current else _PALE)
        painter.fillRect(0, y, width, height, tint)
        if mark is Mark.CHANGED:
            text = self._own[row]
            start, end = _differing(text, self._other[row])
            origin = self._gutter + _PADDING - self.left
            left, right = self._advance(text[:start]), self._advance(text[:end])
            place = round(origin + left), y + height - _UNDERLINE, max(2, round(right - left)), _UNDERLINE
            painter.fillRect(*place, self._tints[mark])


def _differing(text: str, other: str) -> tuple[int, int]:
    """The part of `text` that is left without the beginning and the end that both have."""
    most = min(len(text), len(other))
    start = next((n for n in range(most) if text[n] != other[n]), most)
    same = next((n for n in range(most - start) if text[-1 - n] != other[-1 - n]), most - start)
    return start, len(text) - same


class DifferenceView(QWidget):
    """`current` is the number of the difference that is looked at, from 0; -1 for none."""

    moved = Signal(int)
    notice = Signal(str)  # a sentence for the status bar

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.current = -1
        self._found: Difference | None = None
        self.left, self.right = SideView(), SideView()
        self.left.setAccessibleName("Left value")
        self.right.setAccessibleName("Right value")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        for side, other in ((self.left, self.right), (self.right, self.left)):
            side.notice.connect(self.notice)
            side.placed.connect(lambda top, other=other: other.place(top) if other.top != top else None)
            side.horizontalScrollBar().valueChanged.connect(other.horizontalScrollBar().setValue)
            row.addWidget(side, 1)
        self.setFocusProxy(self.left)

    def show_difference(
        self, found: Difference, left: Sequence[str], right: Sequence[str], widest: int, *, json: bool
    ) -> None:
        """`widest`: characters of the longest line of both, so that their scroll bars are alike."""
        self._found, self.current = found, -1
        one = SideRows(left, found.left, found.marks, widest)
        other = SideRows(right, found.right, found.marks, widest)
        self.left.show_side(found, one, other, json=json)
        self.right.show_side(found, other, one, json=json)
        if found.blocks:
            self.go(1)

    def go(self, by: int) -> None:
        """To the next difference or the one before; from the last to the first."""
        if self._found is None or not self._found.blocks:
            return
        blocks, marks = self._found.blocks, self._found.marks
        self.current = (self.current + by) % len(blocks)
        start = end = blocks[self.current]
        while end < len(marks) and marks[end] is not Mark.SAME:
            end += 1
        for side in (self.left, self.right):
            side.current = range(start, end)
            side.place(max(0, start - _ABOVE) * side.row_height(), repaint=True)
        self.moved.emit(self.current)
