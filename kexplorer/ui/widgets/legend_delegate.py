"""The name of a line with a piece of it before the name: a bar in its colour, hollow where the line is muted."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from kexplorer.ui.models.lag_lines import LagLinesModel
from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_WIDTH, _HEIGHT = 14, 8  # pixels


class LegendDelegate(CellDelegate):
    def __init__(self, model: LagLinesModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        row, look, palette = self._model.row(index.row()), tokens(option.palette), option.palette
        area = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        colour = QColor(look.muted if row.colour is None else look.series[row.colour])
        swatch = QRectF(area.left(), area.center().y() - _HEIGHT / 2 + 1, _WIDTH, _HEIGHT)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush if row.hidden else colour)
        if row.colour is None and not row.hidden:
            colour.setAlpha(90)
            painter.setBrush(colour)
        painter.drawRoundedRect(swatch.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
        painter.restore()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(palette.color(QPalette.ColorRole.HighlightedText))
        else:
            painter.setPen(QColor(look.disabled if row.hidden else look.text))
        painter.setFont(option.font)
        area = area.adjusted(_WIDTH + PADDING, 0, 0, 0)
        shown = option.fontMetrics.elidedText(row.key.name, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)
