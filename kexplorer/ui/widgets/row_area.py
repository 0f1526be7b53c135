"""Scrolling by pixels over any number of rows of one height."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

_BAR_RANGE = 2**30  # a scroll bar counts in 32 bits; a hundred million rows have more pixels than that
_LINES_PER_STEP = 3  # rows that one step of a wheel moves


class RowArea(QAbstractScrollArea):
    """The base of own-drawn lists. A subclass says how many rows there are, how high one is and how wide all are, calls
    `place()` when that changes, and paints the rows that `rows_in()` names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setMouseTracking(True)
        self.top = 0  # pixels of the content above the viewport; any size
        self._placing = False
        self._wheel = 0  # eighths of a degree that did not make a pixel yet

    def row_count(self) -> int:
        raise AssertionError("a subclass says how many")

    def row_height(self) -> int:
        raise AssertionError("a subclass says how high")

    def content_width(self) -> int:
        """Pixels; wider than the viewport means a horizontal scroll bar."""
        return 0

    @property
    def longest_way(self) -> int:
        """The largest value of `top`."""
        return max(0, self.row_count() * self.row_height() - self.viewport().height())

    @property
    def left(self) -> int:
        """Pixels of the content to the left of the viewport."""
        return self.horizontalScrollBar().value()

    def rows_in(self, y: int, height: int) -> range:
        """The rows that touch a band of the viewport."""
        first = max(0, (self.top + y) // self.row_height())
        last = (self.top + y + height - 1) // self.row_height()
        return range(first, min(last + 1, self.row_count()))

    def y_of(self, row: int) -> int:
        return row * self.row_height() - self.top

    def row_at(self, y: int) -> int:
        """May lie outside of the rows that exist."""
        return (self.top + y) // self.row_height()

    def update_row(self, row: int) -> None:
        self.viewport().update(0, self.y_of(row), self.viewport().width(), self.row_height())

    def reveal(self, row: int) -> None:
        y, height = row * self.row_height(), self.row_height()
        self.place(min(y, max(self.top, y + height - self.viewport().height())))

    def row_after(self, key: Qt.Key, row: int | None) -> int | None:
        """Where a key of movement leads from `row`, or from the upper edge if that is None; None for other keys."""
        page = max(1, self.viewport().height() // self.row_height() - 1)
        first, last = 0, max(0, self.row_count() - 1)
        match key:
            case Qt.Key.Key_Home:
                return first
            case Qt.Key.Key_End:
                return last
            case Qt.Key.Key_Up | Qt.Key.Key_Down | Qt.Key.Key_PageUp | Qt.Key.Key_PageDown:
                step = 1 if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) else page
                back = key in (Qt.Key.Key_Up, Qt.Key.Key_PageUp)
                wanted = self.row_at(0) if row is None else row - step if back else row + step
                return max(first, min(wanted, last))
            case _:
                return None

    def place(self, top: int, *, shift: int = 0, repaint: bool = False) -> None:
        """Scrolls to `top`. `shift`: so many pixels of rows were put in above what is on screen; with it and `top`
        equal nothing on screen moves and nothing is painted."""
        way = self.longest_way
        before, self.top = self.top, max(0, min(top, way))
        scale = 1 + way // _BAR_RANGE
        self._placing = True
        vertical, across = self.verticalScrollBar(), self.horizontalScrollBar()
        vertical.setRange(0, way // scale)
        vertical.setPageStep(max(1, self.viewport().height() // scale))
        vertical.setSingleStep(max(1, self.row_height() // scale))
        vertical.setValue(self.top // scale)
        across.setRange(0, max(0, self.content_width() - self.viewport().width()))
        across.setPageStep(self.viewport().width())
        across.setSingleStep(self.row_height())
        self._placing = False
        moved = before + shift - self.top
        if repaint or abs(moved) >= self.viewport().height():
            self.viewport().update()
        elif moved:
            self.viewport().scroll(0, moved)  # only what comes into sight is painted

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        if self._placing:
            return
        if dx:
            self.viewport().update()
        if dy:
            bar = self.verticalScrollBar()
            at_end = bar.value() == bar.maximum()
            self.place(self.longest_way if at_end else bar.value() * (1 + self.longest_way // _BAR_RANGE))

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels, angle = event.pixelDelta(), event.angleDelta()
        if pixels.isNull():
            self._wheel += angle.y() * _LINES_PER_STEP * self.row_height()
            pixels = QPoint(angle.x() * self.row_height() // 40, self._wheel // 120)
            self._wheel -= pixels.y() * 120
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not pixels.x():
            pixels = pixels.transposed()
        if pixels.x():
            self.horizontalScrollBar().setValue(self.left - pixels.x())
        if pixels.y():
            self.place(self.top - pixels.y())
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place(self.top, repaint=True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.restyle()
            self.place(self.top, repaint=True)

    def restyle(self) -> None:
        """Fonts or colours changed."""
