"""A table's cell with a small bar beside its text."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from kexplorer.ui.models.brokers import BAR, Bar, BrokersModel
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_WIDTH, _HEIGHT = 6, 6  # of the bar: characters, pixels


class BarDelegate(CellDelegate):
    """The text as in every cell, and to the right of it the bar that the model tells by its role `BAR`."""

    def __init__(self, model: BrokersModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return str(getattr(look, self._model.tone(self._model.row(index.row()), index.column())))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        width = QFontMetrics(option.font).averageCharWidth() * _WIDTH
        whole = QRect(option.rect)
        option.rect = whole.adjusted(whole.width() - width - 2 * PADDING, 0, 0, 0)
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        option.rect = whole.adjusted(0, 0, -width - PADDING, 0)
        super().paint(painter, option, index)
        option.rect = whole
        if bar := self._model.data(index, BAR):
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            track = QRectF(whole.right() - PADDING - width, whole.center().y() - _HEIGHT / 2 + 1, width, _HEIGHT)
            _draw(painter, track, bar, tokens(option.palette), selected=selected)


def _draw(painter: QPainter, track: QRectF, bar: Bar, look: Tokens, *, selected: bool) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.accent_hover if selected else look.line))
    painter.drawRoundedRect(track, _HEIGHT / 2, _HEIGHT / 2)
    painter.setBrush(QColor(look.on_accent if selected else getattr(look, bar.tone)))
    width = max(track.width() * (bar.end - bar.start), 2)  # an even skew is a mark in the middle
    filled = QRectF(track.left() + track.width() * bar.start, track.top(), width, track.height())
    painter.drawRoundedRect(filled, min(width, _HEIGHT) / 2, _HEIGHT / 2)
    painter.restore()
