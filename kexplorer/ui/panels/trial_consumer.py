"""Test consumers: they join a group on purpose, so that one can see how it rebalances, commits and recovers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QIcon, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QStackedWidget, QVBoxLayout

from kexplorer.formats.numbers import count
from kexplorer.formats.text import visible
from kexplorer.model.audit import AuditLog
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Group
from kexplorer.model.profile import Profile
from kexplorer.model.trial_consumer import Commits, Phase, Trial, refuse_joining
from kexplorer.services.sessions import Session
from kexplorer.services.trial_consumer import Join, Trials, new_group
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.icons import icon
from kexplorer.ui.models.trial_consumers import PositionRow, PositionsModel, ToldModel, ToldRow, TrialRow, TrialsModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import consumer_key
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.trial_form import TrialForm, seconds

_LOOK_EVERY = 250  # ms
_MOST_TOLD = 2000


class TrialConsumerPanel(Panel):
    """`subject` is what it was opened for: "group:NAME" offers that group, too, "topic:NAME" reads that topic. `join`
    starts a consumer, which is noted in `audit`. All of them leave when the panel is closed or disconnected."""

    group_wanted = Signal(str)

    def __init__(
        self,
        profile: Profile,
        subject: str,
        open_session: Callable[[], Awaitable[Session]],
        join: Join,
        audit: AuditLog,
    ) -> None:
        kind, _, name = subject.partition(":")
        title = f"Test consumer: {name or profile.name}"
        super().__init__(consumer_key(profile.name, subject), title, "plug", profile.name, profile.colour)
        self._of = profile
        self._open_session = open_session
        self._join, self._audit = join, audit
        self._group = name if kind == "group" else ""
        self._trials: Trials | None = None  # while connected
        self._rows: list[TrialRow] = []
        self._told: deque[ToldRow] = deque(maxlen=_MOST_TOLD)
        self._heard: dict[int, int] = {}  # how much each consumer had told
        self.form = TrialForm([new_group(), *([self._group] if self._group else [])], [name] if kind == "topic" else [])
        self.consumers, self.positions, self.events = TrialsModel(self), PositionsModel(self), ToldModel(self)
        self._look = QTimer(self, interval=_LOOK_EVERY)
        self._look.timeout.connect(self._show)
        self._make_actions()
        self._lay_out()
        self._offer()
        self.tasks.start("begin", self._begin())

    def _make_actions(self) -> None:
        self.start = self._action("play", "Start a test consumer", "Ctrl+Return", self._start)
        self.pause = self._action("pause", "Pause the consumer", "Ctrl+Shift+P", self._pause)
        self.leave = self._action("stop", "Let the consumer leave", "Ctrl+Shift+X", lambda: self._end(crash=False))
        self.crash = self._action("warning", "Let the consumer crash", "Ctrl+Shift+Z", lambda: self._end(crash=True))
        self.show_group = QAction(icon("group"), "Show its group", self)
        self.show_group.triggered.connect(lambda: self.group_wanted.emit(self._chosen_group()))

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], Coroutine[Any, Any, None]]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda: self._do(text, work))
        return action

    def _do(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Once at a time: who joins or leaves is not to be interrupted."""
        if not self.tasks.running(name):
            self.tasks.start(name, work())

    def _lay_out(self) -> None:
        self.strip = ErrorStrip(can_retry=False)
        start = action_button(self.start, "Start")
        start.setProperty("kind", "primary")
        start.setIcon(QIcon())
        self.form.foot.addWidget(start)
        self.table = RowsTable(self.consumers, "Test consumers")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(RowsTable.SelectionMode.SingleSelection)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._choose())
        self.log = RowsTable(self.events, "What the consumers tell")
        self.log.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        above = QSplitter(Qt.Orientation.Horizontal)
        above.addWidget(self.table)
        above.addWidget(RowsTable(self.positions, "Partitions of the consumer"))
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(above)
        split.addWidget(self.log)
        split.setSizes([2, 3])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.form)
        column.addLayout(self._bar())
        own = "Start one, and it reads in a group of its own. Start a second one, and the group rebalances."
        if self._group:
            own += f" To join {visible(self._group)}, choose it as the group: you are asked before it loses partitions."
        self.pages = QStackedWidget()
        self.pages.addWidget(EmptyState("plug", "No test consumer runs yet.", own))
        self.pages.addWidget(split)
        column.addWidget(self.pages, 1)
        self.setFocusProxy(self.form.topics)
        self.form.changed.connect(self._offer)

    def _bar(self) -> QHBoxLayout:
        self.delay = seconds(0.01, least=0.0, decimals=3)
        self.delay.setAccessibleName("Its work on each record")
        self.delay.setToolTip("From the next record on")
        self.delay.valueChanged.connect(self._work)
        self.summary = ElidedLabel()
        self.summary.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 12, 8)
        row.setSpacing(8)
        row.addWidget(self.summary, 1)
        row.addWidget(plain_label("Its work on each record", "muted"))
        row.addWidget(self.delay)
        self.pause_button = action_button(self.pause, "Pause")
        buttons: list[QPushButton] = [self.pause_button, action_button(self.leave, "Leave")]
        for button in [*buttons, action_button(self.crash, "Crash"), action_button(self.show_group, "Group")]:
            row.addWidget(button)
        return row

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self.start, self.pause, self.leave, self.crash, self.show_group)

    def set_zone(self, zone: tzinfo) -> None:
        self.events.zone = zone
        self.events.set_rows(self._told)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def why_stay(self) -> str:
        number = len(self._trials.running) if self._trials else 0
        return f"{_many(number, 'test consumer')} would leave the group." if number else ""

    # work

    async def _begin(self) -> None:
        """Offers the topics that there are, and those that the group reads."""
        session = await self._open_session()
        known = session.catalog.metadata or await session.catalog.refresh()
        self.form.set_topics(topic.name for topic in known.topics)
        if self._group:
            found = (await session.cluster.group_offsets({self._group: None}))[self._group]
            group = (await session.cluster.describe_groups([self._group]))[self._group]
            committed = [] if isinstance(found, Failure) else list(found)
            read = [s for m in group.members for s in m.assigned] if isinstance(group, Group) else []
            self.form.offer_topics({source.topic for source in [*committed, *read]})

    async def _start(self) -> None:
        self.strip.clear()
        refuse_joining(self._of)
        trial = self.form.trial()
        session = await self._open_session()
        known = session.catalog.metadata or await session.catalog.refresh()
        missing = sorted(set(trial.topics) - {topic.name for topic in known.topics})
        if missing:
            text = f"There is no topic {missing[0]}, and reading makes none."
            raise Failure(FailureKind.NOT_FOUND, text, "Choose topics that are there.")
        if self._trials is None:
            self._trials = Trials(session.cluster, session.changes, self._audit, self._join)
            self.tasks.start("running", self._keep(self._trials))
        others = await self._trials.others(trial.group)
        if others and not await self._confirmed(others, trial):
            return
        number = len(self._rows) + 1
        named = replace(trial, client=f"{trial.client}-{number}")
        consumer = await self._trials.start(named, into_existing=others is not None)
        self._rows.append(TrialRow(number, consumer, consumer.state))
        self._look.start()
        self._show()
        self.table.selectRow(self.consumers.rowCount() - 1)

    async def _confirmed(self, group: Group, trial: Trial) -> bool:
        held = sum(len(each.assigned) for each in group.members)
        there = f"{_many(len(group.members), 'member')}, {_many(held, 'partition')}"
        text = (
            f"{group.id} is there already: {there}. It rebalances now, and again when the consumer ends: "
            "a test consumer takes partitions from its members."
        )
        if trial.commits is not Commits.NONE:
            text += " What it commits, they never read."
        typed = group.id if self._of.production else None
        return await confirm(self, "Join an existing group?", text, "Join the group", danger=True, type_name=typed)

    async def _keep(self, trials: Trials) -> None:
        """Until the panel is closed or disconnected: then all leave."""
        try:
            await asyncio.Event().wait()
        finally:
            self._trials = None
            await trials.close(delete=self.form.delete.isChecked())
            self._show()

    async def _pause(self) -> None:
        if row := self._chosen():
            row.consumer.pause(row.state.phase is not Phase.PAUSED)

    async def _end(self, *, crash: bool) -> None:
        row = self._chosen()
        if row and self._trials:
            await self._trials.end(row.consumer, crash=crash, delete=self.form.delete.isChecked())
            self._show()

    def _work(self, delay: float) -> None:
        if row := self._chosen():
            row.consumer.work(delay)

    # what is shown

    def _chosen(self) -> TrialRow | None:
        index = self.table.currentIndex()
        return self.consumers.row(index.row()) if index.isValid() and index.row() < self.consumers.rowCount() else None

    def _chosen_group(self) -> str:
        row = self._chosen()
        return row.consumer.trial.group if row else self.form.group.currentText()

    def _show(self) -> None:
        self._rows = [replace(row, state=row.consumer.state) for row in self._rows]
        self.consumers.set_rows(self._rows)
        self.pages.setCurrentIndex(1 if self._rows else 0)
        news = False
        for row in self._rows:
            for told in row.consumer.told(self._heard.get(row.number, 0)):
                self._heard[row.number], news = told.number, True
                self._told.append(ToldRow(row.number, row.consumer.trial.client, told))
        if news:
            self.events.set_rows(self._told)
        running = [row for row in self._rows if not row.state.phase.ended]
        if not running:
            self._look.stop()
        records = sum(row.state.records for row in self._rows)
        words = f"{count(len(running))} of {count(len(self._rows))} running, {_many(records, 'record')} read."
        self.summary.show_text(words)
        self.say(words)
        self._show_chosen()

    def _choose(self) -> None:
        if row := self._chosen():
            self.delay.blockSignals(True)
            self.delay.setValue(row.consumer.delay)
            self.delay.blockSignals(False)
        self._show_chosen()

    def _show_chosen(self) -> None:
        row = self._chosen()
        positions = row.state.positions if row else {}
        self.positions.set_rows(PositionRow(source, position) for source, position in positions.items())
        self.pause_button.setText("Resume" if row and row.state.phase is Phase.PAUSED else "Pause")
        self._offer()

    def _offer(self) -> None:
        row, allowed = self._chosen(), not self._of.read_only
        running = row is not None and not row.state.phase.ended
        for action in (self.pause, self.leave, self.crash):
            action.setEnabled(running)
        self.delay.setEnabled(running)
        trial = self.form.trial()
        self.start.setEnabled(allowed and bool(trial.group and trial.topics))
        tip = "" if allowed else "This connection is read-only."
        self.start.setToolTip(tip or "It joins the group at once. A group of others is asked for first.")


def _many(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
