"""How often each value of a column is there, as bars; one of them can become a filter."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from kexplorer.formats.column import Shown
from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.services.ordering import ValueCounts
from kexplorer.ui.theme import mono_font, row_height, tokens
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.row_area import RowArea

_PADDING = 12


class Bar(NamedTuple):
    """`quiet`: no single value but a remark on several records."""

    shown: Shown
    records: int
    expression: str
    quiet: bool = False


def bars_of(counts: ValueCounts) -> list[Bar]:
    """The values, the most frequent first, then what has none of its own."""
    bars = [Bar(each.shown, each.count, each.expression) for each in counts.top]
    if counts.rest:
        bars.append(Bar(Shown(f"{count(counts.others)} other values"), counts.rest, "", quiet=True))
    if counts.missing:
        bars.append(Bar(Shown("no such field"), counts.missing, counts.absent_expression, quiet=True))
    if counts.unread:
        bars.append(Bar(Shown("too large to decode"), counts.unread, "", quiet=True))
    return bars


class BarList(RowArea):
    """Paints `bars`; one row is the current one."""

    current_changed = Signal()
    activated = Signal()  # Enter or double click on the current row

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Values")
        self._bars: list[Bar] = []
        self._total = 1
        self._current = 0

    def show_bars(self, bars: list[Bar], total: int) -> None:
        self._bars, self._total = bars, max(total, 1)
        self.select(0)
        self.place(0, repaint=True)

    @property
    def current(self) -> Bar | None:
        return self._bars[self._current] if self._bars else None

    def select(self, row: int) -> None:
        self._current = max(0, min(row, len(self._bars) - 1))
        if bar := self.current:
            text = bar.shown.text or bar.shown.mark
            self.setAccessibleDescription(f"{text}: {count(bar.records)} records, {self._share(bar)}")
            self.reveal(self._current)
        self.viewport().update()
        self.current_changed.emit()

    def row_count(self) -> int:
        return len(self._bars)

    def row_height(self) -> int:
        return row_height(self.font())

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 84, self.row_height() * 14)

    def _share(self, bar: Bar) -> str:
        percent = 100 * bar.records / self._total
        return f"{percent:.1f} %" if percent >= 0.05 else "< 0.1 %"

    def paintEvent(self, event: QPaintEvent) -> None:
        look, area, height = tokens(self.palette()), event.rect(), self.row_height()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(area, QColor(look.base))
        metrics = QFontMetricsF(self.font())
        figures = metrics.horizontalAdvance(count(self._total)) + 2 * _PADDING
        shares = metrics.horizontalAdvance("100.0 %") + _PADDING
        width = self.viewport().width()
        text_width = round(width * 0.42)
        bar_width = width - text_width - figures - shares - _PADDING
        largest = max((bar.records for bar in self._bars), default=1)
        for row in self.rows_in(area.y(), area.height()):
            bar, y = self._bars[row], self.y_of(row)
            selected = row == self._current
            if selected:
                colour = look.accent if self.hasFocus() else look.accent_quiet
                painter.fillRect(0, y, width, height, QColor(colour))
            text_colour = look.on_accent if selected else look.muted if bar.quiet else look.text
            painter.setPen(QColor(text_colour))
            self._paint_text(painter, bar, QRectF(_PADDING, y, text_width - _PADDING, height))
            painter.setFont(self.font())
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            counts = QRectF(width - shares - figures, y, figures - _PADDING, height)
            painter.drawText(counts, right, count(bar.records))
            painter.drawText(QRectF(width - shares, y, shares - _PADDING, height), right, self._share(bar))
            self._paint_bar(
                painter, bar, QRectF(text_width + _PADDING, y, bar_width * bar.records / largest, height), selected
            )
        painter.end()

    def _paint_text(self, painter: QPainter, bar: Bar, room: QRectF) -> None:
        font = self.font() if bar.quiet or not bar.shown.text else mono_font(self.font().pointSizeF())
        if bar.shown.mark:
            font = QFont(font)
            font.setItalic(True)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        text = metrics.elidedText(bar.shown.text or bar.shown.mark, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(QPointF(room.x(), room.y() + (room.height() - metrics.height()) / 2 + metrics.ascent()), text)

    def _paint_bar(self, painter: QPainter, bar: Bar, room: QRectF, selected: bool) -> None:
        look = tokens(self.palette())
        thick = room.height() * 0.42
        room.setRect(room.x(), room.y() + (room.height() - thick) / 2, max(room.width(), 2), thick)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.on_accent if selected else look.control_line if bar.quiet else look.series[0]))
        painter.drawRoundedRect(room, 2, 2)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().toPoint().y())
        if row < len(self._bars):
            self.select(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.row_at(event.position().toPoint().y()) < len(self._bars):
            self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            if bar := self.current:
                QGuiApplication.clipboard().setText(bar.shown.text)
        elif (row := self.row_after(key, self._current)) is not None:
            self.select(row)
        else:
            event.ignore()


class ValueCountsDialog(QDialog):
    """Opens with a word that it counts; `show_counts` or `show_failure` follows. `title` is the column's."""

    filter_requested = Signal(str)  # an expression

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Values of {title}")
        self.list = BarList()
        self.told = plain_label("Counting …", "muted", wrap=True)
        self.filter = QPushButton("Filter on this value")
        self.filter.setProperty("kind", "primary")
        self.filter.setAutoDefault(False)
        self.filter.setEnabled(False)
        self.filter.clicked.connect(self._request)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        self.list.activated.connect(self._request)
        self.list.current_changed.connect(self._look)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(close)
        buttons.addWidget(self.filter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(plain_label(f"Values of {title}", "heading", wrap=True))
        layout.addWidget(self.told)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        self.list.setFocus()

    def show_counts(self, counts: ValueCounts, of: str) -> None:
        """`of` says which records were looked at: "in the table"."""
        different = len(counts.top) + counts.others
        values = "1 value" if different == 1 else f"{count(different)} different values"
        self.told.setText(f"{values} in the {count(counts.total)} records {of}.")
        self.list.show_bars(bars_of(counts), counts.total)

    def show_failure(self, failure: Failure) -> None:
        self.told.setText(str(failure))

    def _look(self) -> None:
        bar = self.list.current
        self.filter.setEnabled(bool(bar and bar.expression))
        self.filter.setToolTip(bar.expression if bar else "")

    def _request(self) -> None:
        if (bar := self.list.current) and bar.expression:
            self.filter_requested.emit(bar.expression)
            self.accept()
