"""A trail on one time axis: it is moved and zoomed along the time, and tells what is below the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import QBuffer, QEvent, QIODevice, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import preview, visible
from kexplorer.model.correlation import Step
from kexplorer.ui.panels.correlation_lanes import Lanes, Span, gap_words
from kexplorer.ui.theme import interface_font, tokens
from kexplorer.ui.widgets.labels import plain_label

_AWAY = 14  # pixels between the mouse and what is told
_ZOOM = 0.8  # of the time is left by a notch of the wheel
_NARROWEST = 2.0  # milliseconds, or steps
_TITLE, _SHARPNESS = 44, 2  # pixels above an exported picture, and of it for each on the screen
_LONGEST = 110  # characters of a value in a hint


class CorrelationChart(QWidget):
    """`picked` with the number of a step, `opened` when it is double-clicked; `zoomed` tells whether it shows another
    time than all of it. Left and right go from step to step."""

    picked = Signal(int)
    opened = Signal(int)
    zoomed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._zone: tzinfo = UTC
        self._topics: Sequence[str] = ()
        self._even = False
        self._selected: int | None = None
        self._hovered: int | None = None
        self._grabbed: tuple[QPointF, Span] | None = None
        self._picture: QPixmap | None = None  # of all but what is selected and pointed at
        self.lanes = Lanes((), (), self._zone, even=False)
        self.shown: Span = self.lanes.whole
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Trail")
        self.hint = plain_label(parent=self)
        self.hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hint.setContentsMargins(10, 7, 10, 7)
        self.hint.hide()

    def sizeHint(self) -> QSize:
        return QSize(720, self.lanes.height())

    # what is shown

    def show_steps(self, steps: Sequence[Step], topics: Sequence[str]) -> None:
        """Keeps the time that is shown, unless it is all of it."""
        self._topics = topics
        self._lay_out(steps)

    def set_labels(self, labels: Sequence[str]) -> None:
        """What each of the steps is called, in a word."""
        self.lanes.labels = labels
        self._paint_anew()

    def set_even(self, even: bool) -> None:
        """Every step as long as every other, or as the time it took."""
        self._even = even
        self.shown = self.lanes.whole
        self._lay_out(self.lanes.steps)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self._lay_out(self.lanes.steps)

    def select(self, number: int | None) -> None:
        """Shows a step as the current one, and moves to it."""
        self._selected = number
        if number is not None:
            self._move_to(number)
        self.update()

    def show_all(self) -> None:
        self._show(self.lanes.whole)

    def words_of(self, number: int) -> str:
        step = self.lanes.steps[number]
        record = step.record
        lines = [
            f"{timestamp(record.timestamp, self._zone) or 'no timestamp'}   {gap_words(step.gap)}".rstrip(),
            f"{visible(record.topic)}, partition {record.partition}, offset {count(record.offset)}",
        ]
        if record.key is not None:
            lines.append(f"key {preview(record.key, _LONGEST).text}")
        lines.append("tombstone" if record.value is None else preview(record.value, _LONGEST).text)
        return "\n".join(lines)

    def _lay_out(self, steps: Sequence[Step]) -> None:
        follows = self.shown == self.lanes.whole
        labels = self.lanes.labels if steps is self.lanes.steps else ()
        self.lanes = Lanes(steps, self._topics, self._zone, even=self._even)
        self.lanes.labels = labels
        self._hovered = None
        if self._selected is not None and self._selected >= len(steps):
            self._selected = None
        self.setMinimumHeight(self.lanes.height())
        self._show(self.lanes.whole if follows else self.shown)

    def _show(self, shown: Span) -> None:
        first, last = self.lanes.whole
        span = min(max(shown[1] - shown[0], min(_NARROWEST, last - first)), last - first)
        start = min(max(shown[0], first), last - span)
        self.shown = (start, start + span) if span < last - first else self.lanes.whole
        self.zoomed.emit(self.shown != self.lanes.whole)
        self.hint.hide()
        self._paint_anew()

    def _paint_anew(self) -> None:
        self._picture = None
        self.update()

    def _move_to(self, number: int) -> None:
        """A step that is out of sight comes to the middle."""
        field = self.lanes.field(self.rect())
        place = self.lanes.place(number, field, self.shown)
        if place is not None and not field.left() <= place.x() <= field.right():
            away = (place.x() - field.center().x()) / field.width() * (self.shown[1] - self.shown[0])
            self._show((self.shown[0] + away, self.shown[1] + away))

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = tokens(self.palette())
        if self._picture is None:  # a hundred arrows take longer than the mouse needs from one dot to the next
            self._picture = QPixmap(self.size() * self.devicePixelRatioF())
            self._picture.setDevicePixelRatio(self.devicePixelRatioF())
            painter = QPainter(self._picture)
            painter.setFont(self.font())
            self.lanes.paint(painter, self.rect(), look, self.shown)
            painter.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        for number, selected in ((self._selected, True), (self._hovered, False)):
            if number is not None:
                self.lanes.mark(painter, self.rect(), look, self.shown, number, selected=selected)
        painter.end()

    def png(self, title: str) -> bytes:
        size = QSize(self.width(), self.height() + _TITLE)
        image = QImage(size * _SHARPNESS, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(_SHARPNESS)
        painter = QPainter(image)
        self._paint_picture(painter, title)
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, PySide text
        return bytes(buffer.data().data())

    def svg(self, title: str) -> bytes:
        from PySide6.QtSvg import QSvgGenerator  # noqa: PLC0415  (hardly anybody wants it)

        buffer, generator = QBuffer(), QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(QSize(self.width(), self.height() + _TITLE))
        generator.setViewBox(QRect(0, 0, self.width(), self.height() + _TITLE))
        generator.setTitle(title)
        painter = QPainter(generator)
        self._paint_picture(painter, title)
        painter.end()
        return bytes(buffer.data().data())

    def _paint_picture(self, painter: QPainter, title: str) -> None:
        look = tokens(self.palette())
        painter.fillRect(QRect(0, 0, self.width(), self.height() + _TITLE), QColor(look.base))
        painter.setFont(interface_font(11))
        painter.setPen(QColor(look.text))
        words = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, self.width() - 24)
        painter.drawText(QPointF(12, 26), words)
        painter.setFont(self.font())
        area = QRect(0, _TITLE, self.width(), self.height())
        self.lanes.paint(painter, area, look, self.shown)

    # mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        field = self.lanes.field(self.rect())
        first, last = self.shown
        at = first + (event.position().x() - field.left()) / field.width() * (last - first)
        factor = _ZOOM ** (event.angleDelta().y() / 120)
        self._show((at - (at - first) * factor, at + (last - at) * factor))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grabbed = event.position(), self.shown
        if (number := self._nearest(event.position())) is not None:
            self._pick(number)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        number = self._nearest(event.position())
        if number is None:
            self.show_all()
        else:
            self._pick(number)
            self.opened.emit(number)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed and event.buttons() & Qt.MouseButton.LeftButton:
            start, (first, last) = self._grabbed
            field = self.lanes.field(self.rect())
            moved = (start.x() - event.position().x()) / field.width() * (last - first)
            self._show((first + moved, last + moved))
        else:
            self.hover(event.position().toPoint())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self.lanes.steps) - 1
        now = -1 if self._selected is None else self._selected
        ways = {
            Qt.Key.Key_Left: max(now - 1, 0),
            Qt.Key.Key_Right: min(now + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if last >= 0 and event.key() in ways:
            self._pick(ways[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected is not None:
            self.opened.emit(self._selected)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_picture"):
            self._paint_anew()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture = None
        self.hint.hide()

    def hover(self, at: QPoint) -> None:
        self._point_at(self._nearest(QPointF(at)))

    def _nearest(self, at: QPointF) -> int | None:
        return self.lanes.nearest(at, self.rect(), self.shown)

    def _pick(self, number: int) -> None:
        self.select(number)
        self.picked.emit(number)

    def _point_at(self, number: int | None) -> None:
        if number == self._hovered:
            return
        self._hovered = number
        self.hint.setVisible(number is not None)
        self.update()
        if number is None:
            return
        look = tokens(self.palette())
        self.hint.setStyleSheet(
            f"background: {look.control}; color: {look.text}; border: 1px solid {look.control_line};border-radius: 6px;"
        )
        self.hint.setText(self.words_of(number))
        self.hint.adjustSize()
        place = self.lanes.place(number, self.lanes.field(self.rect()), self.shown) or QPointF()
        left, top = place.x() + _AWAY, place.y() + _AWAY
        if left + self.hint.width() > self.width():
            left = place.x() - _AWAY - self.hint.width()
        if top + self.hint.height() > self.height():
            top = place.y() - _AWAY - self.hint.height()
        self.hint.move(max(int(left), 0), max(int(top), 0))
