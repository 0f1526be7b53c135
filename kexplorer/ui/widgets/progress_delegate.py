"""A table's cell with a bar as wide as it, and the text beside it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from kexplorer.ui.theme import tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_HEIGHT, _TEXT = 8, "100 %"  # pixels of the bar; the widest text


class ProgressDelegate(CellDelegate):
    """`fraction` is that of a row, 0 to 1. Where the cell has no text there is no bar."""

    def __init__(self, fraction: Callable[[int], float], parent: QObject) -> None:
        super().__init__(parent)
        self._fraction = fraction

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        text = self.text(index)
        if not text:
            return
        look = tokens(option.palette)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        words = QFontMetrics(option.font).horizontalAdvance(_TEXT) + PADDING
        area = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        painter.setFont(option.font)
        painter.setPen(QColor(look.on_accent if selected else look.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        top, width = area.center().y() - _HEIGHT // 2 + 1, max(area.width() - words, 0)
        done = round(width * min(self._fraction(index.row()), 1.0))
        painter.fillRect(area.left(), top, width, _HEIGHT, QColor(look.accent_hover if selected else look.line))
        painter.fillRect(area.left(), top, done, _HEIGHT, QColor(look.on_accent if selected else look.accent))
