"""Two records side by side: what Kafka says of them, and what differs in their values."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.formats.decode import FIRST_LOOK, Decoded, decode
from kexplorer.formats.difference import Difference, difference, without_comma
from kexplorer.formats.hexdump import hex_lines, line_count
from kexplorer.formats.numbers import count, size, timestamp
from kexplorer.formats.text import preview, visible
from kexplorer.model.records import Header, Record
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.icons import icon
from kexplorer.ui.widgets.difference_view import DifferenceView
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas

_MOST_BYTES = 4_000_000  # of a value that are compared
_MOST_LINES = 200_000
_LONGEST_LINE = 1_000  # characters; a longer one goes on in the next


@dataclass(frozen=True, slots=True)
class _Compared:
    whats: tuple[Decoded, Decoded]
    lines: tuple[list[str], list[str]]
    widest: int  # characters
    found: Difference
    cut: bool  # not all of the values was compared


async def compare_records(
    parent: QWidget | None, left: Record, right: Record, schemas: Schemas | None = None, zone: tzinfo = UTC
) -> None:
    """Shows the dialog until it is closed. `schemas`: those of the records' cluster."""
    dialog = CompareDialog(left, right, schemas, zone, parent)
    try:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(dialog.ask_for_schemas())
            await answer_of(dialog)
            asking.cancel()
    finally:
        dialog.deleteLater()


class CompareDialog(QDialog):
    """Values are decoded and compared in a thread of their own."""

    compared = Signal()  # the difference is shown
    _done = Signal(int, object)  # from the thread

    def __init__(
        self,
        left: Record,
        right: Record,
        schemas: Schemas | None = None,
        zone: tzinfo = UTC,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare two records")
        self.resize(1100, 720)
        self._records = (left, right)
        self._schemas = schemas
        self._number = 0  # of the comparison that is to be shown
        self._notes, self._differences = "", 0
        self.view = DifferenceView()
        self.view.moved.connect(self._tell)
        self.said = ElidedLabel()
        self.said.setProperty("role", "muted")
        self.view.notice.connect(self.said.show_text)
        self._waiting = EmptyState("clock", "Comparing …")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._waiting)
        self._pages.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._facts(zone))
        column.addWidget(self._pages, 1)
        column.addLayout(self._bar())
        self._done.connect(self._show)
        self._start()

    def _facts(self, zone: tzinfo) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(12, 12, 12, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        grid.setColumnStretch(3, 1)
        self._values = (ElidedLabel(), ElidedLabel())
        self.differing: list[str] = []  # names of facts
        left, right = (_facts(record, zone) for record in self._records)
        for row, (name, (text, fact)) in enumerate(left.items()):
            other_text, other = right[name]
            if fact != other:
                self.differing.append(name)
                unequal = plain_label("≠", "warn")
                unequal.setAccessibleName(f"{name} differs")
                grid.addWidget(unequal, row, 1)
            grid.addWidget(plain_label(name, "muted"), row, 0)
            for place, shown in ((2, text), (3, other_text)):
                label = self._values[place - 2] if name == "Value" else ElidedLabel()
                label.show_text(shown)
                grid.addWidget(label, row, place)
        return grid

    def _bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self.said, 1)
        self._moves = [QPushButton(icon("chevron-up"), "Previous"), QPushButton(icon("chevron-down"), "Next")]
        for button, key, by in zip(self._moves, ("Shift+F7", "F7"), (-1, 1), strict=True):
            action = QAction(self, shortcut=QKeySequence(key))
            action.triggered.connect(lambda _, by=by: self.view.go(by))
            self.addAction(action)
            button.clicked.connect(action.trigger)
            button.setToolTip(f"{button.text()} difference ({key})")
            button.setEnabled(False)
            button.setAutoDefault(False)
            bar.addWidget(button)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        bar.addWidget(close)
        return bar

    # ---- the comparison

    async def ask_for_schemas(self) -> None:
        """Compares anew if a value could not be read without a schema that is there now."""
        if self._schemas is None:
            return
        looks = (_decoded(record, self._schemas, FIRST_LOOK) for record in self._records)
        if keys := [what.awaits for what in looks if what.awaits is not None]:
            await self._schemas.prepare(keys)
            self._start()

    def _start(self) -> None:
        self._number += 1
        number, (left, right), schemas = self._number, self._records, self._schemas

        def work() -> None:
            found = _compared(left, right, schemas)
            with suppress(RuntimeError):  # the dialog was closed meanwhile
                self._done.emit(number, found)

        Thread(target=work, name="compare two values", daemon=True).start()

    @Slot(int, object)
    def _show(self, number: int, compared: _Compared) -> None:
        if number != self._number:
            return
        for label, what, record in zip(self._values, compared.whats, self._records, strict=True):
            label.show_text(_of_value(record.value, what.why))
        found, (left, right) = compared.found, compared.lines
        notes = []
        if compared.cut:
            notes.append(f"Only the first {size(_MOST_BYTES)} and {count(_MOST_LINES)} lines are compared.")
        if found.coarse:
            notes.append("Some parts differ too much to be lined up.")
        if not found.blocks and self._records[0].value != self._records[1].value and not compared.cut:
            notes.append("The bytes differ, but not what they say.")
        self._notes = " ".join(notes)
        self._differences = len(found.blocks)
        self._tell(-1)
        json = all(what.is_json for what in compared.whats)
        self.view.show_difference(found, left, right, compared.widest, json=json)
        for button in self._moves:
            button.setEnabled(bool(found.blocks))
        self._pages.setCurrentWidget(self.view)
        self.view.setFocus()
        self.compared.emit()

    @Slot(int)
    def _tell(self, current: int) -> None:
        number = self._differences
        told = f"{count(number)} differences." if number > 1 else "1 difference." if number else "No differences."
        if number > 1 and current >= 0:
            told = f"{count(current + 1)} of {told}"
        self.said.show_text(f"{told} {self._notes}".strip())


def _facts(record: Record, zone: tzinfo) -> dict[str, tuple[str, object]]:
    """By name: the text, and what decides whether it differs."""
    return {
        "Topic": (visible(record.topic), record.topic),
        "Partition": (str(record.partition), record.partition),
        "Offset": (count(record.offset), record.offset),
        "Time": (timestamp(record.timestamp, zone) or "none", record.timestamp),
        "Key": (_short(record.key), record.key),
        "Headers": (_headers(record.headers), record.headers),
        "Value": (_of_value(record.value), record.value),
    }


def _short(data: bytes | None) -> str:
    text, kind, _ = preview(data)
    return text or kind.value


def _headers(headers: tuple[Header, ...] | None) -> str:
    if headers is None:
        return "cannot be read"
    return ", ".join(f"{visible(name[:60])}={_short(value)}" for name, value in headers[:50]) or "none"


def _of_value(data: bytes | None, why: str = "") -> str:
    return " · ".join(filter(None, ("" if data is None else size(len(data)), why))) or "null"


def _compared(left: Record, right: Record, schemas: Schemas | None) -> _Compared:
    whats = (_decoded(left, schemas, _MOST_BYTES), _decoded(right, schemas, _MOST_BYTES))
    one, other = (list(islice(_lines(what), _MOST_LINES)) for what in whats)
    cut = not all(what.complete for what in whats) or _MOST_LINES in (len(one), len(other))
    alike = without_comma if all(what.is_json for what in whats) else str
    widest = max(map(len, (*one, *other)), default=0)
    return _Compared(whats, (one, other), widest, difference(one, other, alike), cut)


def _decoded(record: Record, schemas: Schemas | None, limit: int) -> Decoded:
    headers = record.headers or ()
    return decode(record.value, limit, schemas=schemas, topic=record.topic, headers=headers, key=record.key)


def _lines(what: Decoded) -> Iterator[str]:
    if what.text is None:
        rows = hex_lines(what.payload, 0, min(line_count(len(what.payload)), _MOST_LINES))
        yield from (f"{row.hex}  {row.ascii}" for row in rows)
        return
    try:
        lines = list(islice(what.pretty() or what.text.split("\n"), _MOST_LINES))
    except ValueError:  # no JSON or XML further down
        lines = what.text.split("\n")
    for line in lines:
        yield from (line[at : at + _LONGEST_LINE] for at in range(0, len(line) or 1, _LONGEST_LINE))
