"""Messages for several topics in one transaction, and what readers see of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QSplitter, QStackedWidget, QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.formats.text import preview
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.produce import Outgoing, ProducerSettings
from kexplorer.model.producer_presets import PRESETS
from kexplorer.model.topics import IsolationLevel
from kexplorer.services.sending import TransactionOutcome, send_transaction
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.panels.produce_draft import restore_messages, save_messages
from kexplorer.ui.panels.produce_tab import ProduceOf, ProduceTab, bar
from kexplorer.ui.widgets.delivery_list import DeliveryList
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import IconLabel, icon_button, plain_label
from kexplorer.ui.widgets.producer_settings import ProducerSettingsBox
from kexplorer.ui.widgets.rows_table import RowsTable

_TRANSACTIONAL = tuple(preset for preset in PRESETS if preset.transactional)
_SHOWN = 80  # characters of a key or value


@dataclass(frozen=True, slots=True)
class _Line:
    number: int  # in the order of sending, from 1
    outgoing: Outgoing


class BasketTab(ProduceTab):
    """`edit_wanted` with a message that was taken out to be changed; `counted` how many there are now."""

    edit_wanted = Signal(object)  # Outgoing
    counted = Signal(int)

    def __init__(self, of: ProduceOf) -> None:
        super().__init__(of)
        self.messages: list[Outgoing] = []
        self._sending = False
        self.model: RowsModel[_Line] = RowsModel(_COLUMNS, lambda r: r.number, lambda r: "", lambda r, c: "text", self)
        self.table = RowsTable(self.model, "Messages of the transaction")
        self.settings = ProducerSettingsBox(_TRANSACTIONAL)
        self.settings.preset.hide()  # there is one
        self.id = QLineEdit(f"kexplorer-{uuid.uuid4().hex[:8]}")
        self.id.setAccessibleName("Transactional id")
        self.id.setToolTip("A producer that begins with the same id fences this one: it can commit nothing any more")
        self.id.setMinimumWidth(self.fontMetrics().averageCharWidth() * 24)
        self.abort = QPushButton("Send and abort")
        self.abort.setToolTip("Send all messages and abort: readers of committed records never get them")
        self.commit = QPushButton("Send and commit")
        self.commit.setProperty("kind", "primary")
        self.edit = icon_button("edit", "Take this message out and edit it")
        self.remove = icon_button("trash", "Remove this message (Delete)")
        self.up = icon_button("chevron-up", "Send this message earlier")
        self.down = icon_button("chevron-down", "Send this message later")
        self.empty = EmptyState(
            "message", "No message is in the transaction.", "Write one, and choose “Add to transaction” there."
        )
        self.outcome = _Outcome()
        self.deliveries = DeliveryList()
        self._lay_out()
        self._connect()
        self._changed()

    def _lay_out(self) -> None:
        name = plain_label("Transactional id")
        name.setBuddy(self.id)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._pages)
        splitter.addWidget(self.deliveries)
        splitter.setSizes([320, 220])
        order = [self.up, self.down, self.edit, self.remove]
        self.column.addLayout(bar([name, self.id, self.settings], stretched=self.settings))
        self.column.addWidget(splitter, 1)
        self.column.insertWidget(2, self.outcome)
        self.column.addLayout(bar(order, [self.abort, self.commit]))

    def _connect(self) -> None:
        self.edit.clicked.connect(self._edit)
        self.remove.clicked.connect(lambda: self._take(self._current()))
        self.up.clicked.connect(lambda: self._move(-1))
        self.down.clicked.connect(lambda: self._move(1))
        self.table.selectionModel().currentChanged.connect(lambda *_: self._update())
        self.table.doubleClicked.connect(lambda _: self._edit())
        self.commit.clicked.connect(lambda: self.send(commit=True))
        self.abort.clicked.connect(lambda: self.send(commit=False))
        self.deliveries.show_requested.connect(self.of.open_message)
        self.outcome.look_wanted.connect(
            lambda level: self.of.open_messages(self.outcome.topics, IsolationLevel(level))
        )

    # what a person does

    def add(self, outgoing: Outgoing) -> None:
        self.messages.append(outgoing)
        self._changed(len(self.messages) - 1)

    def send(self, *, commit: bool) -> None:
        """Once: nothing happens while a transaction is open."""
        if self._sending or not self.messages or self.of.refused:
            return
        self.strip.clear()
        self.outcome.hide()
        self._sending = True
        self._update()
        self.tasks.start("send", self._send(commit=commit))

    async def _send(self, *, commit: bool) -> None:
        messages = list(self.messages)
        rows = []
        try:
            settings = self._settings()
            session = await self.of.open_session()
            now = time.time_ns() // 1_000_000
            rows = [self.deliveries.model.begin(each.topic, now) for each in messages]
            outcome = await send_transaction(session.cluster, messages, settings, commit=commit)
            note = "committed" if outcome.committed else "but not committed"
            for row, delivery in zip(rows, outcome.deliveries, strict=True):
                self.deliveries.model.settle(row, delivery, note, void=not outcome.committed)
            rows = []
            self.outcome.show_outcome(outcome, [each.topic for each in messages], wanted=commit)
            if outcome.committed:
                self.messages.clear()
                self._changed()
        finally:
            self.deliveries.model.forget(rows)
            self._sending = False
            self._update()

    def _settings(self) -> ProducerSettings:
        name = self.id.text().strip()
        if not name:
            raise Failure(FailureKind.INVALID, "The transaction has no transactional id.", "Give it one.")
        return ProducerSettings(self.settings.settings().properties, name)

    def _current(self) -> int:
        """-1 for none."""
        index = self.table.currentIndex()
        return self.model.row(index.row()).number - 1 if index.isValid() else -1

    def _take(self, number: int) -> Outgoing | None:
        if not 0 <= number < len(self.messages) or self._sending:
            return None
        taken = self.messages.pop(number)
        self._changed(min(number, len(self.messages) - 1))
        return taken

    def _edit(self) -> None:
        if (taken := self._take(self._current())) is not None:
            self.edit_wanted.emit(taken)

    def _move(self, by: int) -> None:
        number = self._current()
        target = number + by
        if 0 <= number < len(self.messages) and 0 <= target < len(self.messages) and not self._sending:
            self.messages.insert(target, self.messages.pop(number))
            self._changed(target)

    def _changed(self, select: int = -1) -> None:
        self.model.set_rows(_Line(number, each) for number, each in enumerate(self.messages, 1))
        self._pages.setCurrentIndex(int(bool(self.messages)))
        if select >= 0:
            row = next(n for n in range(self.model.rowCount()) if self.model.row(n).number == select + 1)
            self.table.setCurrentIndex(self.model.index(row, 0))
        self._update()
        self.counted.emit(len(self.messages))

    def _update(self) -> None:
        number, refused = self._current(), self.of.refused
        for button in (self.commit, self.abort):
            button.setEnabled(bool(self.messages) and not self._sending and not refused)
        for small in (self.edit, self.remove):
            small.setEnabled(number >= 0 and not self._sending)
        self.up.setEnabled(number > 0 and not self._sending)
        self.down.setEnabled(0 <= number < len(self.messages) - 1 and not self._sending)
        self.commit.setToolTip(str(refused) if refused else "Send all messages in one transaction and commit it")

    # ProduceTab

    def session_opened(self, session: Session) -> None:
        self.settings.check = session.cluster.check_settings
        self.settings.recheck()

    @property
    def busy(self) -> bool:
        return self._sending

    @property
    def undelivered(self) -> int:
        return self.deliveries.model.under_way

    def set_zone(self, zone: tzinfo) -> None:
        self.deliveries.model.zone = zone

    def save_state(self) -> dict[str, object]:
        return {"settings": self.settings.save_state(), **save_messages(self.messages)}

    @staticmethod
    def count_in(state: Mapping[str, object]) -> int:
        """How many messages `restore_state` would bring."""
        return sum(1 for _ in restore_messages(state))

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.settings.restore_state(state.get("settings"))
        self.messages[:] = restore_messages(state)
        self._changed()
        if isinstance(left := state.get("left"), int) and left:
            were = "1 message was" if left == 1 else f"{count(left)} messages were"
            text = f"{were} too large to keep, and {'is' if left == 1 else 'are'} no longer in the transaction."
            self.show_failure(Failure(FailureKind.REFUSED, text, "Add what is missing before you send."))


class _Outcome(QFrame):
    """What became of the transaction, and two ways to look at it."""

    look_wanted = Signal(str)  # the value of an IsolationLevel

    def __init__(self) -> None:
        super().__init__()
        self.topics: tuple[str, ...] = ()
        self.setProperty("strip", "notice")
        self._mark = IconLabel("success", "good", 18)
        self.title = plain_label("", "heading", selectable=True)
        self.text = plain_label("", wrap=True, selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.title)
        texts.addWidget(self.text)
        self.all = QPushButton(icon("external"), "All records")
        self.all.setToolTip("Look at these topics as readers of all records do")
        self.committed = QPushButton(icon("external"), "Committed only")
        self.committed.setToolTip("Look at these topics as readers of committed records do")
        self.all.clicked.connect(lambda: self.look_wanted.emit(IsolationLevel.READ_UNCOMMITTED.value))
        self.committed.clicked.connect(lambda: self.look_wanted.emit(IsolationLevel.READ_COMMITTED.value))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addLayout(texts, 1)
        row.addWidget(self.all)
        row.addWidget(self.committed)
        self.hide()

    def show_outcome(self, outcome: TransactionOutcome, topics: list[str], *, wanted: bool) -> None:
        self.topics = tuple(dict.fromkeys(topics))
        number = f"{count(len(topics))} message{'' if len(topics) == 1 else 's'}"
        if outcome.committed:
            title, text = "Committed", f"All readers get the {number}, all of them or none."
        elif outcome.failure:
            title, text = "Not committed", str(outcome.failure)
        else:
            title = "Aborted"
            text = f"Readers of committed records never get the {number}. They are in the log, marked as aborted."
        good = outcome.committed is wanted and not outcome.failure
        self._mark.show_icon(*(("success", "good") if good else ("warning", "warn")))
        self.title.setText(title)
        self.text.setText(text)
        self.setAccessibleName(f"{title}. {text}")
        self.show()


def _payload(data: bytes | str | None) -> str:
    found = preview(data.encode() if isinstance(data, str) else data, _SHOWN)
    return found.text or found.kind.value


def _partition(outgoing: Outgoing) -> str:
    return "by key" if outgoing.partition is None else str(outgoing.partition)


_COLUMNS: tuple[Column[_Line], ...] = (
    Column("#", lambda r: count(r.number), lambda r: r.number, 6, numeric=True),
    Column("Topic", lambda r: r.outgoing.topic, lambda r: r.outgoing.topic, 24),
    Column("Partition", lambda r: _partition(r.outgoing), lambda r: r.outgoing.partition or -1, 10),
    Column("Key", lambda r: _payload(r.outgoing.key), lambda r: _payload(r.outgoing.key), 22),
    Column("Value", lambda r: _payload(r.outgoing.value), lambda r: _payload(r.outgoing.value), 48),
    Column("Headers", lambda r: str(len(list(r.outgoing.headers))), lambda r: len(list(r.outgoing.headers)), 10),
)
