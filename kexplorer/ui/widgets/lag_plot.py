"""A plot over time in the program's look: it is moved and zoomed along the time, and tells what is below the mouse."""

from __future__ import annotations

import math
from datetime import tzinfo

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent
from PySide6.QtWidgets import QLabel

from kexplorer.services.lag_lines import LineKey
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.lag_axes import TimeAxis

_AWAY = 14  # pixels between the mouse and what is told


class TimePlot(pg.PlotWidget):  # type: ignore[misc]
    """`zoomed` tells whether it shows another time than all of it; `picked` the line that was clicked at."""

    zoomed = Signal(bool)
    picked = Signal(object)

    def __init__(self, name: str, left: pg.AxisItem) -> None:
        self.time_axis = TimeAxis()
        super().__init__(axisItems={"bottom": self.time_axis, "left": left})
        self.setAccessibleName(name)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.whole = (0.0, 1.0)  # seconds since 1970
        self.following = True
        self.plotItem.setMenuEnabled(False)
        self.plotItem.hideButtons()
        self.plotItem.setContentsMargins(8, 10, 16, 4)
        self.box = self.plotItem.getViewBox()
        self.box.setMouseEnabled(x=True, y=False)
        self.box.disableAutoRange()
        self.box.sigRangeChangedManually.connect(lambda *_: self._moved())
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.plotItem.addItem(self._cursor, ignoreBounds=True)
        self._hint = plain_label()
        self._hint.setParent(self)
        self._hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._hint.setContentsMargins(8, 5, 8, 5)
        self._hint.hide()
        self._pressed: QPointF | None = None
        self.setMouseTracking(True)
        self.colour()

    @property
    def hint(self) -> QLabel:
        return self._hint

    def sizeHint(self) -> QSize:
        return QSize(720, 320)

    def colour(self) -> Tokens:
        """Takes the colours of the theme."""
        look = tokens(self.palette())
        self.setBackground(look.base)
        font = QFont(self.font())
        for name in ("left", "bottom"):
            axis = self.plotItem.getAxis(name)
            axis.setPen(pg.mkPen(look.line))
            axis.setTextPen(pg.mkPen(look.muted))
            axis.setTickFont(font)
            axis.setStyle(tickLength=0, tickTextOffset=8, hideOverlappingLabels=False)
        self._cursor.setPen(pg.mkPen(look.muted, width=1, style=Qt.PenStyle.DotLine))
        self._hint.setStyleSheet(
            f"background: {look.control}; color: {look.text}; "
            f"border: 1px solid {look.control_line}; border-radius: 6px;"
        )
        return look

    def set_zone(self, zone: tzinfo) -> None:
        self.time_axis.set_zone(zone)

    def set_whole(self, first: float, last: float) -> None:
        """The time of which something may be known. It is shown unless a person has moved or zoomed the plot."""
        self.whole = (first, last)
        self.box.setLimits(xMin=first, xMax=last, minXRange=min(10.0, last - first))  # before what they allow
        if self.following:
            self.box.setXRange(first, last, padding=0)

    def follow(self) -> None:
        """Shows all of it again."""
        self.following = True
        self.box.setXRange(*self.whole, padding=0)
        self.shown_changed()
        self.zoomed.emit(False)

    def shown_changed(self) -> None:
        """Another time is shown."""

    def told_at(self, at: float, y: float) -> tuple[str, LineKey | None]:
        """What is there, and the line that it is about; y as it is drawn. "" for nothing."""
        return "", None

    def _moved(self) -> None:
        first, last = self.box.viewRange()[0]
        span = self.whole[1] - self.whole[0]
        self.following = first <= self.whole[0] + span / 500 and last >= self.whole[1] - span / 500
        self.shown_changed()
        self.zoomed.emit(not self.following)

    # the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._pressed is not None and (event.position() - self._pressed).manhattanLength() < 4:
            _, key = self._told(event.position().toPoint())
            self.picked.emit(key)
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.follow()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.hover(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hint.hide()
        self._cursor.hide()

    def hover(self, at: QPoint) -> None:
        words, _ = self._told(at)
        self._cursor.setVisible(bool(words))
        self._hint.setVisible(bool(words))
        if not words:
            return
        self._cursor.setPos(self._place(at).x())
        self._hint.setText(words)
        self._hint.adjustSize()
        left = at.x() + _AWAY
        if left + self._hint.width() > self.width():
            left = at.x() - _AWAY - self._hint.width()
        self._hint.move(max(left, 0), max(min(at.y() + _AWAY, self.height() - self._hint.height()), 0))

    def _told(self, at: QPoint) -> tuple[str, LineKey | None]:
        if not self.box.sceneBoundingRect().contains(self.mapToScene(at)):
            return "", None
        place = self._place(at)
        return self.told_at(place.x(), place.y())

    def _place(self, at: QPoint) -> QPointF:
        return QPointF(self.box.mapSceneToView(self.mapToScene(at)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_hint"):
            self.colour()


def clear(colour: str, alpha: int) -> QColor:
    found = QColor(colour)
    found.setAlpha(alpha)
    return found


def nearest(times_first: float, step: float, columns: int, at: float) -> int | None:
    """The column of a time; None outside of all."""
    column = math.floor((at - times_first) / step + 0.5)
    return column if 0 <= column < columns else None
