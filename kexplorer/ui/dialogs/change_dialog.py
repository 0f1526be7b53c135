"""The one question before anything in a cluster is changed, and what came of it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QLineEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from kexplorer.model.changes import Change, items_of, refuse_read_only
from kexplorer.model.failure import Failure
from kexplorer.services.changes import Changes, Outcome
from kexplorer.services.previews import Preview, Row
from kexplorer.services.several import carry_out_all, preview_all, together
from kexplorer.ui.dialogs import answer_of
from kexplorer.ui.marks import profile_dot
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.theme import mono_font
from kexplorer.ui.widgets.cell_delegate import PADDING
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import IconLabel, icon_button, plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_MOST_ROWS = 6  # in sight of the table
_WIDTH = 90  # characters
_MOST_SHOWN = 350  # characters of the command
_MOST_LINES, _MOST_IN_TIP = 4, 20  # of warnings, and of what went wrong
_MEASURED = 200  # rows that the columns are fitted to
_SPIN_AFTER = 150  # ms


async def make_change(parent: QWidget | None, changes: Changes, *wanted: Change) -> Outcome | None:
    """Shows what the change would do, or several of one kind, and sends it once a person says so. None: it was not
    sent."""
    dialog = ChangeDialog(parent, changes, wanted)
    try:
        await answer_of(dialog)
        return dialog.outcome
    finally:
        await dialog.tasks.close()
        dialog.deleteLater()


class _Line(NamedTuple):
    number: int
    row: Row


class ChangeDialog(QDialog):
    """Closes by itself when all went well. While the change is under way it can't be closed."""

    def __init__(self, parent: QWidget | None, changes: Changes, wanted: Sequence[Change]) -> None:
        super().__init__(parent)
        self._verb = wanted[0].verb
        self.setWindowTitle(self._verb)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * _WIDTH)
        self.outcome: Outcome | None = None
        self.preview: Preview | None = None  # of all of them together
        self._previews: list[Preview] = []
        self.tasks = Tasks(self._show_failure)
        self._changes = changes
        self._wanted = wanted
        self._sending = False
        self.strip = ErrorStrip(can_retry=False)
        self.said = plain_label("Reading what is there now …", "muted", wrap=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self.line = QLineEdit()
        self.note = plain_label("", "muted", wrap=True)
        self.busy = QProgressBar(maximum=0)
        self.busy.setTextVisible(False)
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(policy)
        self.action = QPushButton(self._verb)
        self.cancel = QPushButton("Cancel")
        self._patience = QTimer(self, singleShot=True, interval=_SPIN_AFTER)
        self._patience.timeout.connect(self.busy.show)
        self._lay_out()
        self.line.textChanged.connect(lambda text: self.action.setEnabled(text == self._typed()))
        self.action.clicked.connect(self._start)
        self.cancel.clicked.connect(self.reject)
        try:
            refuse_read_only(changes.profile, wanted[0])
        except Failure as failure:
            self._refuse(failure)
        else:
            self._wait(True)
            self.tasks.start("look", self._look())

    def _lay_out(self) -> None:
        for hidden in (self.line, self.note, self.busy):
            hidden.hide()
        self.action.setEnabled(False)
        self.action.setAutoDefault(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(plain_label(self._verb, "heading"))
        layout.addLayout(self._where())
        layout.addWidget(self.strip)
        layout.addWidget(self.said)
        layout.addLayout(self.body, 1)
        layout.addWidget(self.line)
        layout.addWidget(self.note)
        layout.addWidget(self.busy)
        layout.addSpacing(8)
        layout.addLayout(buttons)

    def _where(self) -> QHBoxLayout:
        profile = self._changes.profile
        dot = QLabel()
        dot.setPixmap(profile_dot(profile.colour).pixmap(QSize(16, 16)))
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(dot)
        row.addWidget(plain_label(profile.name))
        row.addWidget(plain_label(profile.bootstrap, "muted"))
        if profile.production:
            row.addWidget(plain_label("Production", "bad"))
        row.addStretch()
        return row

    # before

    async def _look(self) -> None:
        self._previews = await preview_all(self._changes, self._wanted)
        preview = together(self._previews, self._changes.profile.name)
        self._wait(False)
        self.preview = preview
        self.said.setText(" ".join(preview.sentences))
        self.said.setProperty("role", "")
        _polish(self.said)
        if preview.rows:
            rows = [_Line(number, row) for number, row in enumerate(preview.rows)]
            self._add_table(rows)
        self._add_lines(preview.warnings)
        self._add_command(preview.command)
        self._offer(preview)
        self._fit()

    def _offer(self, preview: Preview) -> None:
        self.action.setProperty("kind", "danger" if preview.destroys else "primary")
        _polish(self.action)
        if self._typed():
            self.note.setText(f"Type {self._typed()} to go on")
            self.line.setAccessibleName(self.note.text())
            self.cancel.setAutoDefault(False)
            self.cancel.setDefault(False)  # Enter in the line is not meant for it
            self.line.returnPressed.connect(self.action.click)
            self.line.show()
            self.note.show()
            self.line.setFocus()
        else:
            self.action.setEnabled(True)
            first = self.cancel if preview.destroys else self.action
            first.setDefault(True)
            first.setFocus()

    def _typed(self) -> str:
        """What must be typed before the change can be sent, "" for nothing."""
        wanted = self._changes.profile.production and self.preview and self.preview.destroys
        return self.preview.typed if wanted and self.preview else ""

    def _refuse(self, failure: Failure) -> None:
        self.said.hide()
        self.action.hide()
        self.cancel.setText("Close")
        self.cancel.setDefault(True)
        self.strip.show_failure(failure)
        self._fit()

    # the change itself

    def _start(self) -> None:
        """From the first click on nothing else can be clicked."""
        self._sending = True
        for widget in (self.action, self.cancel, self.line):
            widget.setEnabled(False)
        self._wait(True)
        self.tasks.start("send", self._send())

    async def _send(self) -> None:
        try:
            self.outcome = await carry_out_all(self._changes, self._wanted, self._previews)
        finally:
            self._sending = False
            self._wait(False)
            self.cancel.setEnabled(True)
        if self.outcome.done:
            self.accept()
        else:
            self._tell(self.outcome)

    def _tell(self, outcome: Outcome) -> None:
        """What went wrong takes the place of what would happen."""
        _clear(self.body)
        for widget in (self.action, self.line, self.note):
            widget.hide()
        self.cancel.setText("Close")
        self.cancel.setDefault(True)
        count = sum(len(items_of(change)) for change in self._wanted)
        done = f"{count - len(outcome.failures)} of {count} done." if count > 1 else "It was not done."
        self.said.setText(done if outcome.failures else "The broker took it, but:")
        alike: dict[str, list[str]] = {}
        for item, failure in outcome.failures.items():
            alike.setdefault(str(failure), []).append(item)
        told = [f"{_named(items)}: {why}" for why, items in alike.items()]
        self._add_lines(told, "error", "bad")
        self._add_lines(outcome.differs)
        self._fit()

    def reject(self) -> None:
        if not self._sending:
            super().reject()

    def _show_failure(self, failure: Failure) -> None:
        """Nothing was sent."""
        self.strip.show_failure(failure)
        self.cancel.setText("Close")
        self._fit()

    # pieces

    def _wait(self, on: bool) -> None:
        if on:
            self._patience.start()
        else:
            self._patience.stop()
            self.busy.hide()

    def _add_table(self, lines: list[_Line]) -> None:
        titles = ("What", "Now", "Then")
        columns = [Column(title, partial(_cell, at), _number, 24) for at, title in enumerate(titles)]
        model = RowsModel(columns, _number, lambda line: "\n".join(line.row), lambda *_: "text", self)
        model.set_rows(lines)
        table = RowsTable(model, "What changes")
        table.setSortingEnabled(False)
        table.horizontalHeader().setSortIndicatorShown(False)
        rows = min(len(lines), _MOST_ROWS)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for at, title, most in ((0, titles[0], 2), (1, titles[1], 3)):
            texts = [title, *(line.row[at] for line in lines[:_MEASURED])]
            widest = max(map(table.fontMetrics().horizontalAdvance, texts)) + 3 * PADDING
            table.setColumnWidth(at, min(widest, self.width() // most))
        table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows * table.rowHeight(0) + 1)
        self._add(table)

    def _add_lines(self, texts: Sequence[str], icon_name: str = "warning", role: str = "warn") -> None:
        """Those that are too many are in the tool tip of the last line."""
        for text in texts[:_MOST_LINES]:
            self._add_line(text, icon_name, role)
        if rest := texts[_MOST_LINES:]:
            tip = "\n".join(rest[:_MOST_IN_TIP])
            self._add_line(f"{len(rest)} more.", icon_name, role).setToolTip(html.escape(tip))

    def _add_line(self, text: str, icon_name: str, role: str) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel(icon_name, role, 16), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(plain_label(text, wrap=True, selectable=True), 1)
        self._add(box)
        return box

    def _add_command(self, command: str) -> None:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(plain_label("The same with Kafka's own tools", "muted"))
        row.addStretch()
        copy = icon_button("copy", "Copy this command")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(command))
        row.addWidget(copy)
        shown = command if len(command) <= _MOST_SHOWN else f"{command[:_MOST_SHOWN]} … (the copy has all of it)"
        text = plain_label(shown, wrap=True, selectable=True)
        text.setFont(mono_font(self.font().pointSizeF()))
        text.setProperty("panel", True)
        text.setMargin(8)
        self._add(head)
        self._add(text)

    def _add(self, widget: QWidget) -> None:
        """Shown at once, so that it counts when the height is looked up."""
        self.body.addWidget(widget)
        widget.show()

    def _fit(self) -> None:
        """As high as all of it is in this width, and in the middle of the window that asks."""
        layout, parent = self.layout(), self.parentWidget()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))
        if parent is not None:
            frame = self.frameGeometry()
            frame.moveCenter(parent.window().frameGeometry().center())
            self.move(frame.topLeft())


def _cell(at: int, line: _Line) -> str:
    return line.row[at]


def _number(line: _Line) -> int:
    return line.number


def _named(items: list[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


def _clear(layout: QVBoxLayout) -> None:
    while layout.count():
        item = layout.takeAt(0)
        if item and (widget := item.widget()):
            widget.deleteLater()


def _polish(widget: QWidget) -> None:
    """Has the style sheet look at its properties again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
