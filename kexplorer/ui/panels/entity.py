"""The state of one entity at any time: its events are found, folded, and looked at one by one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout

from kexplorer.formats.folding import make_fold
from kexplorer.formats.numbers import count, duration, size
from kexplorer.formats.text import visible
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import RecordColumns
from kexplorer.services.entity import (
    MOST_BYTES,
    MOST_EVENTS,
    EntityKey,
    History,
    Scope,
    collect,
    reader,
    save_history,
    scope_of,
)
from kexplorer.services.search import Report, Search
from kexplorer.services.searches import OpenSearch
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.entity_bar import EntityBar
from kexplorer.ui.panels.entity_life import LifeView
from kexplorer.ui.panels.keys import entity_key
from kexplorer.ui.widgets.coverage_strip import CoverageStrip
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.notice_strip import NoticeStrip

_TELL_EVERY = 0.2  # seconds
_WHAT = (
    "Name an entity, and how its events make its state. Then you can go back to any of them, and see what each one "
    "changed. Reading joins no group and changes nothing."
)


class EntityPanel(Panel):
    """`open_search` makes searches that nobody takes up again."""

    message_wanted = Signal(str, int, object)  # topic, partition, offset (a signal's own int has 32 bits)

    def __init__(
        self,
        profile: Profile,
        topics: Sequence[str],
        open_session: Callable[[], Awaitable[Session]],
        open_search: OpenSearch,
    ) -> None:
        names = ", ".join(map(visible, topics))
        super().__init__(entity_key(profile.name, *topics), f"State: {names}", "replay", profile.name, profile.colour)
        self.topics = tuple(topics)
        self._heading = f"The state of one entity in {names}, at any time"
        self._open_session = open_session
        self._open_search = open_search
        self._zone: tzinfo = UTC
        self._session: Session | None = None
        self._records: RecordColumns | None = None  # in order, of the entity that was looked for last
        self._search: Search | None = None
        self._report: Report | None = None  # of the last search
        self._build()

    def _build(self) -> None:
        self._again = self._action("refresh", "Rebuild the state", "Ctrl+R", self.rebuild)
        self._before = self._action("chevron-left", "Event before", "Alt+Left", lambda: self.life.step(-1))
        self._after = self._action("chevron-right", "Event after", "Alt+Right", lambda: self.life.step(1))
        self._pin = self._action("pin", "Compare from this event", "Ctrl+D", self._pin_here)
        self._copy = self._action("copy", "Copy the state as JSON", "Ctrl+Shift+C", self._copy_state)
        self._save = self._action("download", "Save the history…", "Ctrl+S", self._ask_where)
        self._show = self._action("message", "Show the record in Messages", "Ctrl+G", self._show_record)
        self.bar = EntityBar()
        self.bar.wanted.connect(self.rebuild)
        self.bar.fold_changed.connect(self.fold_again)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.rebuild)
        self.notice = NoticeStrip()
        self.empty = EmptyState("replay", self._heading, _WHAT)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        for widget in (self.strip, self.bar, self.notice):
            self._column.addWidget(widget)
        self._column.addWidget(self.pages, 1)
        self.setFocusProxy(self.bar)
        self._enable()

    def _action(self, icon_name: str, text: str, keys: str, run: Callable[[], None]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda _: run())
        return action

    @cached_property
    def coverage(self) -> CoverageStrip:
        made = CoverageStrip()
        made.pause_requested.connect(self._pause_or_resume)
        made.stop_requested.connect(self._stop)
        self._column.insertWidget(self._column.indexOf(self.notice), made)
        return made

    @cached_property
    def life(self) -> LifeView:
        made = LifeView(self.tasks)
        made.set_zone(self._zone)
        made.notice.connect(self.say)
        self.pages.addWidget(made)
        return made

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._again, self._before, self._after, self._pin, self._copy, self._save, self._show)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        if "life" in vars(self):
            self.life.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        if self.pages.currentWidget() is self.empty:
            self._show_empty("replay", self._heading, _WHAT)

    def save_state(self) -> dict[str, object]:
        return self.bar.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.bar.restore_state(state)

    # work

    def open(self, key: bytes) -> None:
        """The state of the records with this key."""
        self.bar.show_key(key)
        self.rebuild()

    def rebuild(self) -> None:
        """Looks for the events of the entity, and folds them."""
        self.strip.clear()
        self.notice.show_text("")
        self.bar.show_scope("")
        try:
            entity = self.bar.entity()
            entity.filter()
            make_fold(self.bar.fold())
        except Failure as failure:
            self.show_failure(failure)
            return
        self.tasks.cancel("fold")
        self.tasks.start("rebuild", self._rebuild(entity))

    def fold_again(self) -> None:
        """The events are the same, what they make of each other is not."""
        if self._records is not None and not self.tasks.running("rebuild"):
            self.strip.clear()
            self.tasks.start("fold", self._fold(self._records))

    async def _rebuild(self, entity: EntityKey) -> None:
        self._show_empty("search", "Looking for the events …")
        self._records = None
        self._session = session = await self._open_session()
        everywhere, begun = self.bar.everywhere.isChecked(), time.monotonic()
        scope = await scope_of(session.cluster, self.topics, entity, _now(), everywhere=everywhere)
        records, enough = await self._find(scope)
        if not len(records) and scope.left_out and self._report and self._report.complete:
            scope = await scope_of(session.cluster, self.topics, entity, _now(), everywhere=True)
            records, enough = await self._find(scope)
        self._tell_scope(scope, enough)
        self._records = records
        await self._fold(records)
        if len(records):
            found = f"{count(len(records))} event{'' if len(records) == 1 else 's'}"
            self.say(f"{found} found and folded in {duration(time.monotonic() - begun)}.")
            if self.bar.isAncestorOf(self.focusWidget() or self):
                self.life.setFocus()  # so that Left and Right go through the events

    async def _find(self, scope: Scope) -> tuple[RecordColumns, bool]:
        search = await self._open_search(scope.query, scope.troubles, None)
        self._search, told = search, 0.0

        def tell(_found: int) -> None:
            nonlocal told
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                self.coverage.show_progress(search.progress(), search.coverage(), search.paused)

        self.coverage.show()
        tell(0)
        try:
            return await collect(search, tell)
        finally:
            self._search = None
            self._report = search.report()
            self.coverage.show_report(self._report)
            self.coverage.setVisible(not self._report.complete)

    def _tell_scope(self, scope: Scope, enough: bool) -> None:
        """What the states may lack."""
        told = []
        if enough:
            most = f"{count(MOST_EVENTS)} events or {size(MOST_BYTES)}"
            told.append(f"There are more than {most}: these are not all, and the states may be wrong.")
        elif not self._report or not self._report.complete:
            told.append("Not everything was looked at: events may be missing, and the states may be wrong.")
        self.notice.show_text(" ".join(told))
        looked = ", ".join(f"{visible(each.source.topic)} {each.source.partition}" for each in scope.query.ranges)
        rest = "Tick “All partitions” for other producers, or if partitions were added."
        self.bar.show_scope(f"Looked where Java's producers put this key: {looked}. {rest}" if scope.left_out else "")

    async def _fold(self, records: RecordColumns) -> None:
        if not len(records):
            hint = "Keys are compared byte by byte. A number or a text inside a key or a value is a field."
            self._show_empty("empty", "There is no event of this entity", hint)
            return
        schemas = self._session.schemas if self._session else None
        history = History(records, make_fold(self.bar.fold(), _now()), reader(schemas))
        told = time.monotonic()

        def tell(done: int) -> None:
            nonlocal told
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                self._show_empty("replay", f"Folding: {count(done)} of {count(len(records))} events …")

        await history.build(tell)
        self.life.show_history(history, schemas)
        self.pages.setCurrentWidget(self.life)
        self._enable()

    def _show_empty(self, icon_name: str, sentence: str, cause: str = "") -> None:
        self.empty.tell(icon_name, sentence, cause)
        self.pages.setCurrentWidget(self.empty)
        self._enable()

    def _enable(self) -> None:
        there = self.pages.currentWidget() is not self.empty
        for action in (self._before, self._after, self._pin, self._copy, self._save, self._show):
            action.setEnabled(there)

    def _pause_or_resume(self) -> None:
        if self._search is not None:
            (self._search.resume if self._search.paused else self._search.pause)()
            self.coverage.show_progress(self._search.progress(), self._search.coverage(), self._search.paused)

    def _stop(self) -> None:
        """What was found by then is folded."""
        if self._search is not None:
            self.tasks.start("stop", self._search.close())

    def _pin_here(self) -> None:
        self.life.pin_here()

    # what a person takes along

    def _copy_state(self) -> None:
        if text := self.life.state_json():
            QGuiApplication.clipboard().setText(text)
            self.say(f"Copied the state, {size(len(text.encode('utf-8', 'surrogatepass')))} of JSON.")
        else:
            self.say("There is no state after this event.")

    def _show_record(self) -> None:
        if self.life.look:
            record = self.life.look.step.record
            self.message_wanted.emit(record.topic, record.partition, record.offset)

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, "Save the history", f"{self.topics[0]}-history.jsonl", "JSON lines (*.jsonl)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)  # and asks before a file is replaced
        dialog.fileSelected.connect(lambda path: self.tasks.start("save", self.save_history(Path(path))))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    async def save_history(self, path: Path) -> None:
        """A line of JSON for each event, with the state after it. Raises `Failure`."""
        if (history := self.life.history) is not None:
            nbytes = await save_history(history, path, replace=True)
            self.say(f"Saved {count(len(history))} events with their states, {size(nbytes)}, to {path}.")


def _now() -> int:
    return time.time_ns() // 1_000_000
