"""A table's cell with the last values of a number as a line, without axes: only its shape is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_MARGIN, _DOT, _FILL = 5, 2.0, 40  # pixels above and below, radius of the newest value; alpha below the line


class SparklineDelegate(CellDelegate):
    """`values` are those of a row, the oldest first, none below 0; with fewer than two the cell is empty. The cell's
    text, which is what is copied, is not drawn."""

    def __init__(self, values: Callable[[int], Sequence[int]], parent: QObject) -> None:
        super().__init__(parent)
        self._values = values

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        values = self._values(index.row())
        if len(values) > 1:
            look = tokens(option.palette)
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            area = QRectF(option.rect).adjusted(PADDING, _MARGIN, -PADDING, -_MARGIN)
            paint_sparkline(painter, area, values, QColor(look.on_accent if selected else look.series[0]))


def paint_sparkline(painter: QPainter, area: QRectF, values: Sequence[int], colour: QColor) -> None:
    """From 0 at the bottom to the largest value at the top."""
    highest = max(values) or 1
    step = area.width() / (len(values) - 1)
    line = [QPointF(area.left() + n * step, area.bottom() - v / highest * area.height()) for n, v in enumerate(values)]
    below = QColor(colour)
    below.setAlpha(_FILL)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(below)
    painter.drawPolygon(QPolygonF([area.bottomLeft(), *line, area.bottomRight()]))
    painter.setPen(QPen(colour, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(line))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(line[-1], _DOT, _DOT)
    painter.restore()
