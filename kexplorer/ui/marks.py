"""Small marks that are painted: the dot of a profile's colour and the state of its connection, told by shape too."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPen, QPixmap, QPolygonF

from kexplorer.model.cluster import Link
from kexplorer.model.profile import COLOURS
from kexplorer.ui.theme import tokens


def profile_colour(name: str, palette: QPalette) -> QColor:
    """The colour that a profile's colour name stands for in the theme of `palette`; the first for an unknown name."""
    return QColor(tokens(palette).series[COLOURS.index(name) if name in COLOURS else 0])


def profile_dot(name: str) -> QIcon:
    """A dot in a profile's colour, as an icon that follows the theme."""
    return QIcon(_DotEngine(name))


class _DotEngine(QIconEngine):
    def __init__(self, colour: str) -> None:
        super().__init__()
        self._colour = colour

    def paint(self, painter: QPainter, rect: QRect, _mode: QIcon.Mode, _state: QIcon.State) -> None:
        paint_dot(painter, QRectF(rect), profile_colour(self._colour, QGuiApplication.palette()))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, pixmap.rect(), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _DotEngine(self._colour)


def paint_dot(painter: QPainter, area: QRectF, colour: QColor) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    side = min(area.width(), area.height()) * 0.6
    painter.drawEllipse(area.center(), side / 2, side / 2)
    painter.restore()


def link_colour(link: Link | None, palette: QPalette) -> QColor:
    look = tokens(palette)
    named = {Link.CONNECTING: look.muted, Link.UP: look.good, Link.DEGRADED: look.warn, Link.DOWN: look.bad}
    return QColor(named[link] if link else look.muted)


def paint_link(painter: QPainter, area: QRectF, link: Link, colour: QColor, turn: int = 0) -> None:
    """A tick for connected, a triangle for degraded, a cross for unreachable, and an arc that stands at `turn` degrees
    for connecting."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    side = min(area.width(), area.height())
    pen = QPen(colour, 0.25, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.translate(area.center())
    painter.scale(side / 2, side / 2)
    match link:
        case Link.UP:
            painter.drawPolyline(QPolygonF([QPointF(-0.6, 0.05), QPointF(-0.15, 0.5), QPointF(0.65, -0.45)]))
        case Link.DEGRADED:
            painter.drawPolygon(QPolygonF([QPointF(0, -0.65), QPointF(0.7, 0.55), QPointF(-0.7, 0.55)]))
        case Link.DOWN:
            painter.drawLine(QPointF(-0.5, -0.5), QPointF(0.5, 0.5))
            painter.drawLine(QPointF(-0.5, 0.5), QPointF(0.5, -0.5))
        case Link.CONNECTING:
            painter.drawArc(QRectF(-0.65, -0.65, 1.3, 1.3), -turn * 16, 270 * 16)
    painter.restore()
