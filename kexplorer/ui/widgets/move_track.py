"""A partition's log drawn to scale, with where a group is and where it would go on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionViewItem, QWidget

from kexplorer.services.reset_plan import Move
from kexplorer.ui.theme import Tokens, tokens
from kexplorer.ui.widgets.cell_delegate import PADDING, CellDelegate

_LINE, _BAR, _CAP, _DOT = 2.0, 8.0, 10.0, 4.0  # pixels: the log, what is skipped or read again, its ends, a mark
_SAMPLE, _SPACE, _GAP = 18, 6, 16  # pixels of the legend
_LEGEND = ("now", "then", "read again", "skipped")


def paint_move(painter: QPainter, area: QRectF, move: Move, look: Tokens, *, selected: bool = False) -> None:
    """Nothing where the ends of the log are not known."""
    if move.start is None or move.end is None:
        return
    inner = area.adjusted(_DOT + 1, 0, -_DOT - 1, 0)
    known = [offset for offset in (move.start, move.end, move.old, move.new) if offset is not None]
    low, length = min(known), max(max(known) - min(known), 1)  # an empty log has no length

    def place(offset: int) -> QPointF:
        return QPointF(inner.left() + (offset - low) / length * inner.width(), inner.center().y())

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    edge = QColor(look.on_accent if selected else look.control_line)
    painter.setPen(QPen(edge, _LINE))
    painter.drawLine(place(move.start), place(move.end))
    for end in (place(move.start), place(move.end)):
        painter.drawLine(end - QPointF(0, _CAP / 2), end + QPointF(0, _CAP / 2))
    if move.old is not None and move.new is not None and move.old != move.new:
        colour = QColor(look.on_accent) if selected else _colour(move.new > move.old, look)
        colour.setAlpha(150)
        _bar(painter, QRectF(place(min(move.old, move.new)), place(max(move.old, move.new))), colour)
    if move.old is not None:
        _mark(painter, place(move.old), QColor(look.on_accent if selected else look.muted), filled=False, look=look)
    if move.new is not None:
        _mark(painter, place(move.new), QColor(look.on_accent if selected else look.text), filled=True, look=look)
    painter.restore()


def _colour(skips: bool, look: Tokens) -> QColor:
    return QColor(look.series[1] if skips else look.series[0])


def _bar(painter: QPainter, line: QRectF, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(line.adjusted(0, -_BAR / 2, 0, _BAR / 2), 2, 2)


def _mark(painter: QPainter, at: QPointF, colour: QColor, *, filled: bool, look: Tokens) -> None:
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(colour if filled else QColor(look.base))
    painter.drawEllipse(at, _DOT, _DOT)


class MoveDelegate(CellDelegate):
    """Draws the move of each row; the cell's text where there is nothing to draw."""

    def __init__(self, move: Callable[[int], Move], parent: QObject) -> None:
        super().__init__(parent)
        self._move = move

    def colour(self, index: QModelIndex | QPersistentModelIndex, look: Tokens) -> str:
        return look.muted

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        move = self._move(index.row())
        if move.start is None or move.end is None:
            super().paint(painter, option, index)
            return
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        area = QRectF(option.rect).adjusted(PADDING, 0, -PADDING, 0)
        paint_move(painter, area, move, tokens(option.palette), selected=selected)


class MoveLegend(QWidget):
    """Names what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Drawn in each log: {', '.join(_LEGEND)}")

    def sizeHint(self) -> QSize:
        return QSize(sum(map(self._width, _LEGEND)) - _GAP, self.fontMetrics().height() + 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        look, metrics = tokens(self.palette()), self.fontMetrics()
        left, middle = 0.0, self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, text in enumerate(_LEGEND):
            sample = QRectF(left, middle, _SAMPLE, 0)
            if number < 2:
                colour = QColor(look.muted if number == 0 else look.text)
                _mark(painter, sample.center(), colour, filled=number == 1, look=look)
            else:
                _bar(painter, sample, _colour(text == "skipped", look))
            painter.setPen(QColor(look.muted))
            baseline = middle + (metrics.ascent() - metrics.descent()) / 2
            painter.drawText(QPointF(left + _SAMPLE + _SPACE, baseline), text)
            left += self._width(text)
        painter.end()

    def _width(self, text: str) -> int:
        return _SAMPLE + _SPACE + self.fontMetrics().horizontalAdvance(text) + _GAP
