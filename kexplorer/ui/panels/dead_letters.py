"""The dead letters of a topic: what failed, why, how often, and on their way back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout

from kexplorer.formats.dead_letters import LetterReader
from kexplorer.formats.numbers import count
from kexplorer.model.dead_letters import DeadLetter, DeadLetterRule, DeadLetterStore
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import Trouble
from kexplorer.services.dead_letters import (
    Found,
    Part,
    letters,
    mark_replayed,
    part_of,
    record_at,
)
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.dead_letters_actions import LetterActions
from kexplorer.ui.panels.dead_letters_view import LettersView
from kexplorer.ui.panels.keys import dead_letters_key
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.range_box import RangeBox

if TYPE_CHECKING:
    from kexplorer.ui.panels.dead_letters_details import LetterDetails

_SHOW_EVERY = 0.5  # seconds
_REST = 0.1  # seconds on one letter before it is read


class DeadLettersPanel(Panel):
    """`store` keeps what is done; `replays` is the folder with the plans of replays, whose finished ones mark their
    letters as done."""

    plan_wanted = Signal(object)  # Plan, to be shown, tried and started
    resend_wanted = Signal(object, str)  # Record as it was before it failed, and the topic that it came from
    message_wanted = Signal(str, int, object)  # topic, partition, offset (a signal's own int has 32 bits)

    def __init__(
        self,
        profile: Profile,
        topic: str,
        open_session: Callable[[], Awaitable[Session]],
        store: DeadLetterStore,
        replays: Path,
    ) -> None:
        key = dead_letters_key(profile.name, topic)
        super().__init__(key, f"{topic}: dead letters", "warning", profile.name, profile.colour)
        self.topic = topic
        self._open_session, self._store, self._replays = open_session, store, replays
        self._zone: tzinfo = UTC
        self._part: Part | None = None  # that was read last
        self._rule: DeadLetterRule | None = None
        self._reading: object = None  # while letters are read, what tells this reading from others
        self.strip = ErrorStrip(self)
        self.strip.retry_requested.connect(self.reload)
        self.view = LettersView(self.tasks)
        self.view.current_changed.connect(self._show_current)
        self.can = LetterActions(self, self.view, profile, open_session, store)
        self.can.plan_wanted.connect(self.plan_wanted)
        self.can.resend_wanted.connect(self.resend_wanted)
        self.can.message_wanted.connect(self.message_wanted)
        self.can.marked.connect(self._tell)
        self._make_actions()
        self._lay_out()
        self.reload()

    def _make_actions(self) -> None:
        self._refresh = self._action("refresh", "Read the dead letters again", "Ctrl+R")
        self._refresh.triggered.connect(self.reload)
        self.edit_rule = self._action("settings", "Rule…", "Ctrl+Alt+I")
        self.edit_rule.triggered.connect(lambda: self.tasks.start("change", self._change_rule()))
        self.hide_done = self._action("eye-off", "Hide what is done", "Ctrl+Alt+T")
        self.hide_done.setCheckable(True)
        self.hide_done.toggled.connect(self.view.hide_done)

    def _action(self, icon_name: str, text: str, keys: str) -> QAction:
        return QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))

    def _lay_out(self) -> None:
        self.range = RangeBox(self)
        self.range.changed.connect(self.reload)
        self.range.failed.connect(self.strip.show_failure)
        self.summary = ElidedLabel(self)
        hide = QCheckBox("Hide done")
        hide.toggled.connect(self.hide_done.setChecked)
        self.hide_done.toggled.connect(hide.setChecked)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self.range)
        bar.addWidget(self.summary, 1)
        bar.addWidget(hide)
        for action, text in ((self.edit_rule, "Rule…"), (self.can.redrive, "Send again…")):
            bar.addWidget(action_button(action, text))
        every = action_button(self.can.redrive_all, "Send all again…")
        every.setIcon(icon("replay", "on_accent"))
        every.setProperty("kind", "primary")
        bar.addWidget(every)
        self.empty = EmptyState("warning", "")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.view)
        self.split = QSplitter(Qt.Orientation.Vertical, self)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.pages)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addLayout(bar)
        column.addWidget(self.split, 1)
        self.setFocusProxy(self.view)

    @cached_property
    def details(self) -> LetterDetails:
        """Made when the first letter is looked at."""
        from kexplorer.ui.panels.dead_letters_details import LetterDetails  # noqa: PLC0415

        made = LetterDetails(self.tasks, self.can.original, self.can.resend, self.can.mark)
        made.set_zone(self._zone)
        made.inspector.notice.connect(self.say)
        self.split.addWidget(made)
        self.split.setSizes([600, 400])
        return made

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh, *self.can.all(), self.hide_done, self.edit_rule)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.range.set_zone(zone)
        self.view.set_zone(zone)
        if "details" in vars(self):
            self.details.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        self._tell()

    def save_state(self) -> dict[str, object]:
        return {"range": self.range.save_state(), "hide_done": self.hide_done.isChecked()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.range.restore_state(state.get("range"))
        if state.get("hide_done") is True:
            self.hide_done.setChecked(True)
        self.reload()

    # reading

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        reading = self._reading = object()
        self._part = None
        self.view.begin(())
        self._tell()
        try:
            if self.range.failure:
                raise self.range.failure
            cluster, now = (await self._open_session()).cluster, time.time_ns() // 1_000_000
            part = await part_of(cluster, self.topic, self.range.start, self.range.end, now)
            self._part = part  # a rule that is wrong can be changed
            self._rule = await self._store.rule(part.cluster, self.topic)
            await mark_replayed(self._replays, self._store, part, self.topic)
            self.view.begin(await self._store.done(part.cluster, part.topic_id))
            read = LetterReader(self._rule, part.cluster, now)
            self.can.use(part, read.added)
            await self._take(letters(cluster, part, read))
        finally:
            if self._reading is reading:  # else another one has begun
                self._reading = None
                self.view.finish()
                self._tell()

    async def _take(self, found: AsyncGenerator[Found, None]) -> None:
        """Shows them now and then: a table that gets rows is painted anew."""
        shown, waiting, troubles = 0.0, list[DeadLetter](), list(self._part.troubles) if self._part else []
        async with aclosing(found) as batches:
            async for some, wrong in batches:
                waiting += some
                troubles += wrong
                if time.monotonic() - shown > _SHOW_EVERY:
                    self.view.add(waiting)
                    self._tell()
                    shown, waiting = time.monotonic(), []
        self.view.add(waiting)
        if troubles:
            self.show_failure(_together(troubles))

    def _tell(self) -> None:
        total = self.view.letters.total
        self.pages.setCurrentWidget(self.view if total else self.empty)
        if self._reading is not None:
            self.empty.tell("warning", f"Reading {self.topic} …")
        elif self.strip.failure is not None:
            self.empty.tell("warning", "Nothing could be read.")
        else:
            self.empty.tell("success", "There are no letters in this part of the topic.", "Nothing has failed here.")
        words = f"{count(total)} letter{'' if total == 1 else 's'}"
        if self._part and self._part.left_out:
            words += f", the newest; {count(self._part.left_out)} older ones are not read"
        if done := self.view.done:
            words += f", {count(done)} done"
        words = f"Reading … {words}" if self._reading is not None else words
        self.summary.show_text(words)
        self.say(words)

    # one letter

    def _show_current(self, letter: DeadLetter | None) -> None:
        if letter is not None:
            self.tasks.start("letter", self._show_letter(letter))

    async def _show_letter(self, letter: DeadLetter) -> None:
        await asyncio.sleep(_REST)
        session = await self._open_session()
        record = await record_at(session.cluster, letter.source, letter.offset)
        self.details.show_letter(letter, record, session.schemas)

    async def _change_rule(self) -> None:
        from kexplorer.ui.panels.dead_letters_rule import edit_rule  # noqa: PLC0415  (few make one)

        part = self._part
        wanted = await edit_rule(self, self.topic, self._rule) if part else None
        if part and wanted is not None:
            await self._store.keep_rule(part.cluster, self.topic, wanted if wanted != DeadLetterRule() else None)
            self.reload()


def _together(troubles: Sequence[Trouble]) -> Failure:
    first = troubles[0].failure
    also = f" The same or worse in {len(troubles) - 1} more partitions." if len(troubles) > 1 else ""
    return Failure(first.kind, first.message + also, first.hint)
