"""An own-drawn list of any number of records, newest or oldest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from itertools import islice
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.records import Mark, Peek, Record, RecordColumns, RecordRing
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.record_cells import (
    GAP,
    Cell,
    as_tsv,
    keys_as_text,
    marked,
    spoken,
    values_as_text,
)
from kexplorer.ui.widgets.record_columns import RecordColumnSet
from kexplorer.ui.widgets.record_header import RecordHeader
from kexplorer.ui.widgets.record_rows import Row, RowPainter
from kexplorer.ui.widgets.row_area import RowArea
from kexplorer.ui.widgets.row_selection import RowSelection

MOST_COPIED = 10_000  # records in one go to the clipboard
_MOST_CACHED = 1_000  # rows whose cells are kept; several screens
_SHIFT, _CTRL, _NONE = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.NoModifier,
)


class RowSource(Protocol):
    """Rows from 0, the oldest that is kept; `dropped` rows came before it. None is a row that is not there yet."""

    @property
    def dropped(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> Record | None: ...
    def peek(self, row: int, limit: int, /) -> Peek | None:
        """What is painted: at most `limit` bytes of the record's key, value and headers."""
        ...

    def is_gap(self, row: int, /) -> bool:
        """It is known that there is no record."""
        ...

    def mark_of(self, row: int, /) -> Mark | None: ...


class RecordList(RowArea):
    """Shows the rows of a `RowSource`; only those on screen are ever asked for.

    Records are remembered by their absolute row (`source.dropped + row`), so that selection and current row stay with
    them while others come and go. At the newest end the view follows; anywhere else what is on screen stays put.
    The owner calls `rows_changed()` after the source grew, shrank or filled a gap, at most some 20 times a second.
    """

    current_changed = Signal(object)  # Record | None
    activated = Signal(object)  # Record: Enter or double click
    context_menu_requested = Signal(QPoint)  # global position; the record under it is selected
    following_changed = Signal(bool)
    notice = Signal(str)  # a sentence for the status bar

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Messages")
        self._source: RowSource = RecordRing(0)
        self._total = self._dropped = 0  # absolute rows, as of the last rows_changed()
        self._newest_first = True
        self._stays = self._held = False
        self._following = True
        self._zone: tzinfo = UTC
        self._selection = RowSelection()  # of absolute rows, as are the next three
        self._current: int | None = None
        self._anchor: int | None = None  # where a range with Shift starts
        self._hovered: int | None = None
        self._missing = False  # a placeholder was painted
        self._cells: dict[int, tuple[Cell, ...]] = {}
        self._rows = RowPainter(self)
        self._columns = RecordColumnSet()
        self._header = RecordHeader(self._columns, self._rows, self)
        self._header.set_zone(self._zone)
        self._header.layout_changed.connect(self._show_columns)
        self._copy_actions = self._make_copy_actions()
        self._key_actions = list(self._copy_actions)  # whose shortcuts work while the list has the focus
        self.horizontalScrollBar().valueChanged.connect(self._header.setOffset)

    # ---- what is shown

    def set_source(self, source: RowSource, *, stays: bool = False) -> None:
        """Shows another source from its newest record; nothing is selected. `stays`: what is on screen is not moved by
        rows that come, not even at the newest end."""
        self._source = source
        self._stays = stays
        self._total, self._dropped = source.dropped + len(source), source.dropped
        self._selection.clear()
        self._cells.clear()
        self._columns.forget()
        self._anchor = self._hovered = None
        if self._current is not None:
            self._current = None
            self.current_changed.emit(None)
        self.place(self._newest_end, repaint=True)

    def rows_changed(self) -> None:
        before, total, dropped = self._total, self._source.dropped + len(self._source), self._source.dropped
        was_short = not self.longest_way
        shift = (total - before if self._newest_first else self._dropped - dropped) * self._rows.height
        self._total, self._dropped = total, dropped
        self._selection.remove(0, dropped)
        if self._current is not None and self._current < dropped:
            self._current = None  # no signal: whoever shows the record may go on showing it
        moves = self._following and not self._stays and not self._held
        top = self._newest_end if moves else self.top + shift
        changed = self._missing or (was_short and total != before)
        self.place(top, shift=shift, repaint=changed)

    def set_newest_first(self, newest_first: bool) -> None:
        self._newest_first = newest_first
        self.place(self._newest_end, repaint=True)

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of all times in the table; its name stands in the header."""
        self._zone = zone
        self._cells.clear()
        self._header.set_zone(zone)
        self.viewport().update()

    def shown_records(self) -> RecordColumns:
        """Those on screen."""
        places = self.rows_in(0, self.viewport().height())
        return RecordColumns(peek.record for place in places if (peek := self._peek(self._absolute(place))) is not None)

    def marks_changed(self) -> None:
        self.viewport().update()

    def jump_to_newest(self) -> None:
        self._held = False
        self.place(self._newest_end)

    @property
    def following(self) -> bool:
        """The newest record is on screen, and the next ones will be when they come."""
        return self._following

    # ---- selection

    @property
    def current_record(self) -> Record | None:
        return None if self._current is None else self._record(self._current)

    @property
    def selected_count(self) -> int:
        return len(self._selection)

    def selected_records(self, most: int = MOST_COPIED) -> list[Record]:
        """The first `most` of them in the order of the source, without those that are not there."""
        return [record for row in islice(self._selection, most) if (record := self._record(row)) is not None]

    def select(self, row: int) -> None:
        """Makes the source's row `row` the current and only selected one, and scrolls to it."""
        self._go(self._source.dropped + row, _NONE)

    def select_all(self) -> None:
        if self._total > self._dropped:
            self._selection.replace(self._dropped, self._total)
            self.viewport().update()

    def copy_actions(self) -> list[QAction]:
        """What Ctrl+C and its like do, for a menu."""
        return self._copy_actions

    def _make_copy_actions(self) -> list[QAction]:
        actions = []
        for text, keys, convert in (
            ("Copy value", "Ctrl+C", values_as_text),
            ("Copy key", "", keys_as_text),
            (
                "Copy rows as a table",
                "Ctrl+Shift+C",
                lambda records: as_tsv(records, self._zone, self._columns.contents()),
            ),
        ):
            action = QAction(icon("copy"), text, self)
            action.setShortcut(keys)  # for the menu to show; keyPressEvent takes them, so no other action is in the way
            action.triggered.connect(lambda _, convert=convert: self._copy(convert))
            actions.append(action)
        return actions

    def _copy(self, convert: Callable[[Sequence[Record]], str]) -> None:
        if not (wanted := self.selected_count):
            return
        records = self.selected_records()
        QGuiApplication.clipboard().setText(convert(records))
        of = "" if len(records) == wanted else f" of {count(wanted)}"
        self.notice.emit(f"Copied from {count(len(records))}{of} selected records.")

    def _go(self, row: int, modifiers: Qt.KeyboardModifier) -> None:
        """Moves the current row, and the selection as the keys that are held say."""
        if self._total == self._dropped:
            return
        row = max(self._dropped, min(row, self._total - 1))
        if modifiers & _SHIFT and self._anchor is not None:
            self._selection.replace(min(row, self._anchor), max(row, self._anchor) + 1)
        else:
            self._anchor = row
            if modifiers & _CTRL:
                self._selection.toggle(row)
            else:
                self._selection.replace(row, row + 1)
        self._held = True  # who selects a row wants to read it: it is not moved away by those that come
        changed, self._current = row != self._current, row
        self.reveal(self._place_of(row))
        self.viewport().update()
        if changed:
            peek = self._peek(row)
            self.setAccessibleDescription(spoken(peek, self._zone) if peek else "")
            self.current_changed.emit(self._record(row))

    # ---- rows: absolute ones, and their places on screen counted from the top

    def row_count(self) -> int:
        return self._total - self._dropped

    def row_height(self) -> int:
        return self._rows.height

    def content_width(self) -> int:
        return self._header.length()

    @property
    def _newest_end(self) -> int:
        return 0 if self._newest_first else self.longest_way

    def _place_of(self, row: int) -> int:
        return self._total - 1 - row if self._newest_first else row - self._dropped

    def _absolute(self, place: int) -> int:
        return self._total - 1 - place if self._newest_first else place + self._dropped

    def _record(self, row: int) -> Record | None:
        at = row - self._source.dropped  # which may have moved on since rows_changed()
        return self._source[at] if 0 <= at < len(self._source) else None

    def _peek(self, row: int) -> Peek | None:
        at = row - self._source.dropped
        return self._source.peek(at, self._columns.limit) if 0 <= at < len(self._source) else None

    def _cells_of(self, row: int) -> tuple[Cell, ...] | None:
        cells = self._cells.get(row)
        if cells is None and (peek := self._peek(row)) is not None:
            if len(self._cells) >= _MOST_CACHED:
                self._cells.clear()
            cells = self._cells[row] = self._columns.cells(peek, self._zone)
        if not 0 <= (at := row - self._source.dropped) < len(self._source):
            return cells
        if cells is None and self._source.is_gap(at):
            return GAP + (Cell(""),) * (len(self._columns) - len(GAP))
        mark = self._source.mark_of(at)
        return cells if cells is None or mark is None else marked(cells, mark)

    def place(self, top: int, *, shift: int = 0, repaint: bool = False) -> None:
        super().place(top, shift=shift, repaint=repaint)
        following = self.top == self._newest_end
        if following != self._following:
            self._following = following
            self._held = self._held and not following
            self.following_changed.emit(following)

    # ---- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        area = event.rect()
        rows = []
        missing = False
        for place in self.rows_in(area.y(), area.height()):
            row = self._absolute(place)
            cells = self._cells_of(row)
            missing = missing or cells is None
            states = (bool(row % 2), row == self._hovered, row in self._selection, row == self._current)
            rows.append(Row(self.y_of(place), cells, *states))
        self._missing = missing or (self._missing and area != self.viewport().rect())
        painter = QPainter(self.viewport())
        self._rows.paint(painter, area, rows, self._header.places(), self.hasFocus())
        painter.end()

    def restyle(self) -> None:
        self._rows = RowPainter(self)
        self._header.set_painter(self._rows)

    def resizeEvent(self, event: QResizeEvent) -> None:
        height = self._header.sizeHint().height()
        self.setViewportMargins(0, height, 0, 0)
        body = self.viewport().geometry()
        self._header.setGeometry(body.x(), body.y() - height, body.width(), height)
        super().resizeEvent(event)

    def _show_columns(self) -> None:
        if self._columns.show(self._header.shown()):
            self._cells.clear()
        self.place(self.top, repaint=True)

    # ---- mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.row_at(event.position().toPoint().y())
        if event.button() == Qt.MouseButton.LeftButton and place < self.row_count():
            self._go(self._absolute(place), event.modifiers())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (record := self.current_record):
            self.activated.emit(record)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.row_at(event.position().toPoint().y())
        if event.buttons() & Qt.MouseButton.LeftButton and self._anchor is not None:
            self._go(self._absolute(place), _SHIFT)
        self._hover(self._absolute(place) if 0 <= place < self.row_count() else None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(None)

    def _hover(self, row: int | None) -> None:
        if row == self._hovered:
            return
        before, self._hovered = self._hovered, row
        for each in (before, row):
            if each is not None:
                self.update_row(self._place_of(each))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            place = self.row_at(self.viewport().mapFromGlobal(at).y())
            if 0 <= place < self.row_count() and self._absolute(place) not in self._selection:
                self._go(self._absolute(place), _NONE)
        elif self._current is not None:
            at = self.viewport().mapToGlobal(QPoint(20, self.y_of(self._place_of(self._current)) + self._rows.height))
        if self._current is not None:
            self.context_menu_requested.emit(at)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        action = next((each for each in self._key_actions if each.shortcut() == event.keyCombination()), None)
        if action:
            action.trigger()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if record := self.current_record:
                self.activated.emit(record)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = self._rows.height * (2 if key == Qt.Key.Key_Right else -2)
            self.horizontalScrollBar().setValue(self.left + step)
        elif (
            place := self.row_after(key, None if self._current is None else self._place_of(self._current))
        ) is not None:
            self._go(self._absolute(place), event.modifiers() & _SHIFT)
        else:
            event.ignore()
