"""One dead letter in full: what went wrong, and the record itself."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from kexplorer.formats.dead_letters import stack_trace
from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import visible
from kexplorer.model.dead_letters import DeadLetter, Origin, Way
from kexplorer.model.records import Record
from kexplorer.ui.models.dead_letters import NO_ERROR
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.code_view import CodeView
from kexplorer.ui.widgets.inspector import Inspector
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.text_rows import TextRows, blocks_of_text

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas

_BLOCKS = 32  # of a stack trace: 2 million characters
_NO_TRACE = "No stack trace was kept."


class LetterDetails(QSplitter):
    """`actions` are what can be done with it."""

    def __init__(self, tasks: Tasks, *actions: QAction) -> None:
        super().__init__()
        self._zone: tzinfo = UTC
        self._letter: DeadLetter | None = None
        self.error = plain_label("", "heading", wrap=True, selectable=True)
        self.where = plain_label("", "muted", wrap=True, selectable=True)
        self.trace = CodeView()
        self.trace.setAccessibleName("Stack trace")
        self.inspector = Inspector(tasks)
        head = QVBoxLayout()
        head.setContentsMargins(12, 8, 12, 8)
        head.setSpacing(4)
        head.addWidget(self.error)
        head.addWidget(self.where)
        row = QHBoxLayout()
        row.setSpacing(8)
        for action in actions:
            button = action_button(action, action.text())
            action.changed.connect(partial(_retitle, button, action))
            row.addWidget(button)
        row.addStretch()
        head.addLayout(row)
        failure = QWidget()
        failure.setProperty("panel", True)
        failure.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(failure)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.trace, 1)
        self.setChildrenCollapsible(False)
        self.addWidget(failure)
        self.addWidget(self.inspector)
        self.setSizes([1000, 1000])

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.inspector.set_zone(zone)
        self._tell()

    def show_letter(self, letter: DeadLetter, record: Record, schemas: Schemas | None) -> None:
        self._letter = letter
        self._tell()
        rows = TextRows(blocks_of_text(stack_trace(record.headers or ()) or letter.message or _NO_TRACE))
        rows.read(_BLOCKS)
        self.trace.show_rows(rows)
        self.inspector.show_record(record, schemas)

    def _tell(self) -> None:
        if letter := self._letter:
            self.error.setText(visible(letter.error) or NO_ERROR.capitalize())
            self.where.setText(_told(letter, self._zone))


def _retitle(button: QPushButton, action: QAction) -> None:
    button.setText(action.text())


def _told(letter: DeadLetter, zone: tzinfo) -> str:
    place = f"partition {letter.source.partition}, offset {count(letter.offset)}"
    if letter.way is None:
        return f"At {place}: no header of a dead letter that is known. Name those of your programs in a rule."
    lines = [f"{_from(letter.origin)}. Told by {_by(letter.way)}, at {place}, {timestamp(letter.timestamp, zone)}."]
    if letter.attempts:
        lines.append(f"Replayed {letter.attempts}× already.")
    return " ".join(lines)


def _from(origin: Origin) -> str:
    if not origin.topic:
        return "It is not told which record failed"
    words = f"From {visible(origin.topic)}"
    if origin.partition is not None:
        words += f", partition {origin.partition}"
    if origin.offset is not None:
        words += f", offset {count(origin.offset)}"
    return f"{words}, of the cluster {visible(origin.cluster)}" if origin.cluster else words


def _by(way: Way) -> str:
    return f"the headers of {way.value}" if way in (Way.SPRING, Way.CONNECT) else way.value
