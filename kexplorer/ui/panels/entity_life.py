"""The life of an entity: its events on a time axis; of one of them the record, the state after it and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from kexplorer.formats.column import as_json, shown
from kexplorer.formats.difference import Mark
from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.state_changes import Changed
from kexplorer.formats.text import visible
from kexplorer.model.failure import Failure
from kexplorer.services.entity import History, Look
from kexplorer.ui.icons import icon
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.event_timeline import EventTimeline
from kexplorer.ui.widgets.inspector import Inspector
from kexplorer.ui.widgets.labels import icon_button, plain_label
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.state_view import StateView
from kexplorer.ui.widgets.time_box import TimeBox

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas

_MOST_COPIED = 64 << 20  # characters
_TIME = 25  # characters of a column that shows a time whole
_TONES = {Mark.ADDED: "good", Mark.REMOVED: "bad", Mark.CHANGED: "warn"}
_WORDS = {Mark.ADDED: "added", Mark.REMOVED: "removed", Mark.CHANGED: "changed"}


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    what: Changed

    @property
    def path(self) -> str:
        return visible(self.what.path) or "(the whole state)"


_COLUMNS: tuple[Column[_Row], ...] = (
    Column("What", lambda row: _WORDS[row.what.mark], lambda row: row.number, 9),
    Column("Field", lambda row: row.path, lambda row: row.path, 16),
    Column("Before", lambda row: shown(row.what.before).text, lambda row: shown(row.what.before).text, _TIME),
    Column("After", lambda row: shown(row.what.after).text, lambda row: shown(row.what.after).text, _TIME),
)


class LifeView(QWidget):
    """Shows one history."""

    notice = Signal(str)  # a sentence for the status bar

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self._tasks = tasks
        self._zone: tzinfo = UTC
        self._schemas: Schemas | None = None
        self.history: History | None = None
        self.look: Look | None = None  # what is on the screen
        self._looking = False
        self.timeline = EventTimeline()
        self.timeline.moved.connect(lambda _: self._go())
        self.inspector = Inspector(tasks)
        self.inspector.notice.connect(self.notice)
        self.state = StateView()
        self.state.notice.connect(self.notice)
        self._model = RowsModel(_COLUMNS, lambda row: row.what.path, _tip, _tone, self)
        self.changes = RowsTable(self._model, "What the event changed")
        self.place, self.told = ElidedLabel(), ElidedLabel()
        self.told.setProperty("role", "heading")
        self.why = plain_label("", "bad", wrap=True, selectable=True)
        self.why.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.timeline)
        column.addLayout(self._steps())
        column.addWidget(self._body(), 1)
        self.setFocusProxy(self.timeline)

    def _steps(self) -> QHBoxLayout:
        self.back, self.on = icon_button("chevron-left", "Event before"), icon_button("chevron-right", "Event after")
        self.back.clicked.connect(lambda: self.step(-1))
        self.on.clicked.connect(lambda: self.step(1))
        self.time = TimeBox()
        self.time.setPlaceholderText("State at a time")
        self.time.setAccessibleName("State at a time")
        self.time.setToolTip("2026-11-23T10:00:00 or milliseconds since 1970; Enter goes there")
        self.time.returnPressed.connect(self.go_to_time)
        self.bad = QPushButton(icon("warning", "warn"), "")
        self.bad.setFlat(True)
        self.bad.clicked.connect(self._next_failed)
        self.pin = QPushButton(icon("pin"), "Compare from here")
        self.pin.setCheckable(True)
        self.pin.setToolTip("Marks this event with A: what follows is compared with the state after it (Ctrl+D)")
        self.pin.clicked.connect(self.pin_here)
        row = QHBoxLayout()
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(self.back)
        row.addWidget(self.on)
        row.addWidget(self.place, 1)
        for widget in (self.bad, self.time, self.pin):
            row.addWidget(widget)
        return row

    def _body(self) -> QSplitter:
        above = QWidget()
        column = QVBoxLayout(above)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (self.told, self.why):
            label.setContentsMargins(12, 6, 12, 6)
            column.addWidget(label)
        column.addWidget(self.state, 1)
        self.right = QSplitter(Qt.Orientation.Vertical)
        self.right.setChildrenCollapsible(False)
        self.right.addWidget(above)
        self.right.addWidget(self.changes)
        self.right.setSizes([500, 220])
        self.split = QSplitter()
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.inspector)
        self.split.addWidget(self.right)
        self.split.setSizes([420, 620])
        return self.split

    # ---- what is shown

    def show_history(self, history: History, schemas: Schemas | None) -> None:
        """At its last event. There is one at least."""
        self.history, self._schemas = history, schemas
        self.timeline.show_events(history.times, history.tombstones, history.failed)
        self.timeline.set_current(len(history) - 1)
        number = len(history.failed)
        self.bad.setText(f"{count(number)} event{' is' if number == 1 else 's are'} not folded")
        self.bad.setToolTip("Goes to the next one that could not be folded: the state stays as it was before it")
        self.bad.setVisible(bool(number))
        self._go()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.timeline.set_zone(zone)
        self.inspector.set_zone(zone)
        self.time.set_zone(zone)
        self._tell()

    def step(self, by: int) -> None:
        if self.history is not None:
            self.go_to(self.timeline.current + by)

    def go_to(self, row: int) -> None:
        if self.history is not None and 0 <= row < len(self.history) and row != self.timeline.current:
            self.timeline.set_current(row)
            self._go()

    def go_to_time(self) -> None:
        """To the last event at or before what is typed."""
        try:
            ms = self.time.milliseconds()
        except Failure as failure:
            self.notice.emit(str(failure))
            return
        if ms is None or self.history is None:
            return
        row = self.history.row_at(ms)
        if row < 0:
            first = timestamp(self.history.times[0], self._zone)
            self.notice.emit(f"There was no event yet: the first is of {first}.")
        self.go_to(max(row, 0))

    def pin_here(self) -> None:
        """Compares with the state after this event from now on, or no longer."""
        if self.history is not None:
            self.timeline.set_pinned(self.timeline.current if self.timeline.pinned < 0 else -1)
            self._go()

    def _next_failed(self) -> None:
        if self.history is not None and (rows := sorted(self.history.failed)):
            self.go_to(next((row for row in rows if row > self.timeline.current), rows[0]))

    def _go(self) -> None:
        self._tell()
        if not self._looking:
            self._looking = True
            self._tasks.start("look", self._look())

    async def _look(self) -> None:
        """One after the other: whoever drags the handle is shown what it stands on by then, and where it rests."""
        seen: object = None
        try:
            while (history := self.history) is not None:
                row, pinned = self.timeline.current, self.timeline.pinned
                if seen == (history, row, pinned):
                    return
                seen = (history, row, pinned)
                self._show(await history.look(row, pinned if pinned >= 0 else None))
        finally:
            self._looking = False  # at once: a task that has ended counts as running until the loop's next turn

    def _show(self, found: Look) -> None:
        self.look = found
        if self.inspector.record != found.step.record:
            self.inspector.show_record(found.step.record, self._schemas)
        self.state.show_state(found.lines)
        self._model.set_rows(_Row(number, each) for number, each in enumerate(found.changed))
        self._tell_state(found)

    def _tell(self) -> None:
        if (history := self.history) is None:
            return
        row, last = self.timeline.current, len(history) - 1
        record = history.records.peek(row, 0).record
        when = timestamp(record.timestamp, self._zone) or "without a time"
        where = f"{visible(record.topic)}, partition {record.partition}, offset {count(record.offset)}"
        self.place.show_text(f"Event {count(row + 1)} of {count(last + 1)} · {when} · {where}")
        self.back.setEnabled(row > 0)
        self.on.setEnabled(row < last)
        self.pin.setChecked(self.timeline.pinned >= 0)
        self.pin.setText("Compare from here" if self.timeline.pinned < 0 else "Compare no more")

    def _tell_state(self, look: Look) -> None:
        pinned, failure = self.timeline.pinned, look.step.failure
        against = f", beside A (event {count(pinned + 1)})" if pinned >= 0 else ""
        number = len(look.changed)
        what = "nothing changed" if not number else f"{count(number)} change{'' if number == 1 else 's'}"
        state = "No state after this event" if look.step.after is MISSING else "State after this event"
        self.told.show_text(f"{state}{against}: {what}{'; the beginning is shown' if look.lines.cut else ''}")
        self.why.setText(f"This event is not folded, the state stays. {failure}" if failure else "")
        self.why.setVisible(failure is not None)

    def state_json(self) -> str:
        """Of the state that is shown; "" where there is none."""
        return as_json(self.look.step.after, _MOST_COPIED) if self.look and self.look.step.after is not MISSING else ""


def _tip(row: _Row) -> str:
    before, after = (shown(each).text or "nothing" for each in (row.what.before, row.what.after))
    return f"{row.path}: {before} → {after}"


def _tone(row: _Row, column: int) -> str:
    return _TONES[row.what.mark] if column == 0 else "text"
