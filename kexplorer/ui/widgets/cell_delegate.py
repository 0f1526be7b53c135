"""One line of text in a table's cell, in line with its header."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from kexplorer.ui.theme import Tokens, tokens

PADDING = 8  # pixels, as the header's in the style sheet

# Looked up once: a flag of Qt costs as much as the text that it is for.
_PANEL = QStyle.PrimitiveElement.PE_PanelItemViewItem
_SELECTED = QStyle.StateFlag.State_Selected
_ELIDE = Qt.TextElideMode.ElideRight
_CENTRED = int(Qt.AlignmentFlag.AlignVCenter)
_SINGLE_LINE = int(Qt.TextFlag.TextSingleLine)
_ALIGNMENT = Qt.ItemDataRole.TextAlignmentRole


class CellDelegate(QStyledItemDelegate):
    """Draws the text itself, which costs half of what Qt's own delegate does; `colour` may be overridden, `text` and
    `alignment` where the model can be asked without the way through Qt."""

    def text(self, index: QModelIndex | QPersistentModelIndex) -> str:
        return index.data() or ""

    def alignment(self, index: QModelIndex | QPersistentModelIndex) -> int:
        return int(index.data(_ALIGNMENT) or _CENTRED)

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return look.text

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        option.widget.style().drawPrimitive(_PANEL, option, painter, option.widget)
        text = self.text(index)
        if not text:
            return
        area = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        palette = option.palette
        if option.state & _SELECTED:
            painter.setPen(palette.color(QPalette.ColorRole.HighlightedText))
        else:
            painter.setPen(QColor(self.colour(index, tokens(palette))))
        painter.setFont(option.font)
        painter.drawText(
            area, self.alignment(index) | _SINGLE_LINE, option.fontMetrics.elidedText(text, _ELIDE, area.width())
        )
