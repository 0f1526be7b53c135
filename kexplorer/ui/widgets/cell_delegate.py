"""One line of text in a table's cell, in line with its header."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from kexplorer.ui.theme import Tokens, tokens

PADDING = 8  # pixels, as the header's in the style sheet


class CellDelegate(QStyledItemDelegate):
    """Draws the text itself, which costs half of what Qt's own delegate does; `colour` may be overridden."""

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return look.text

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        text = QFontMetrics(option.font).elidedText(index.data() or "", Qt.TextElideMode.ElideRight, area.width())
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        alignment = index.data(Qt.ItemDataRole.TextAlignmentRole) or Qt.AlignmentFlag.AlignVCenter
        painter.save()
        painter.setFont(option.font)
        highlighted = option.palette.color(QPalette.ColorRole.HighlightedText)
        painter.setPen(highlighted if selected else QColor(self.colour(index, tokens(option.palette))))
        painter.drawText(area, int(alignment | Qt.TextFlag.TextSingleLine), text)
        painter.restore()
