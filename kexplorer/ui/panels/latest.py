"""The latest state of every entity of some topics, as a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout

from kexplorer.formats.numbers import count, duration
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.latest import View
from kexplorer.model.profile import Profile
from kexplorer.model.topics import IsolationLevel
from kexplorer.services import browser
from kexplorer.services.jobs import Job, Jobs
from kexplorer.services.latest import Gathering, LatestQuery, LatestTable, OpenGathering
from kexplorer.services.ranges import Resolved, resolve
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.save_file import ask_where
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import latest_key
from kexplorer.ui.panels.latest_bar import LatestBar
from kexplorer.ui.panels.latest_table import LatestTableView
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.notice_strip import NoticeStrip

_FILTERS = "JSON lines (*.jsonl);;CSV (*.csv)"
_QUESTION = "What is the latest state of each key?"
_WHAT = "Building the table reads all committed records, and keeps the states in a private file until this is closed."


class LatestPanel(Panel):
    """Nothing is read until a person asks. Owns the table that was built last, and its file. `open_session` connects
    when that is needed; `open_gathering` starts workers."""

    entity_wanted = Signal(str, object)  # topic, bytes: the history of this key
    message_wanted = Signal(str, int, object)  # topic, partition, offset (a signal's own int has 32 bits)

    def __init__(
        self,
        profile: Profile,
        topics: Sequence[str],
        open_session: Callable[[], Awaitable[Session]],
        open_gathering: OpenGathering,
        jobs: Jobs,
    ) -> None:
        title = topics[0] if len(topics) == 1 else f"{topics[0]} + {len(topics) - 1}"
        super().__init__(latest_key(profile.name, *topics), f"{title} · latest", "key", profile.name, profile.colour)
        self.topics = tuple(topics)
        self._open_session, self._open_gathering, self._jobs = open_session, open_gathering, jobs
        self._table: LatestTable | None = None
        self._built = ""  # what is told of the table
        self._by_key = True  # the record's key names the entities of the table
        self._build_actions()
        self._build_widgets()
        self._show_running(False)

    def _build_actions(self) -> None:
        self._build = self._action("play", "Build the table", "Ctrl+R", self.build)
        self._stop = self._action("stop", "Stop building the table", "Ctrl+Shift+R", lambda: self.tasks.cancel("build"))
        self._find = self._action("search", "Search keys and states", "Ctrl+F", self._focus_filter)
        self._history = self._action("clock", "Show the history of this key", "Ctrl+I", self._show_history)
        self._record = self._action("message", "Show the last record of this key", "Ctrl+G", self._show_record)
        self._save = self._action("download", "Export the table…", "Ctrl+S", self.ask_where)

    def _build_widgets(self) -> None:
        self.bar = LatestBar(self._build, self._stop)
        self.strip, self.notice = ErrorStrip(), NoticeStrip()
        self.strip.retry_requested.connect(self.build)
        self.bar.changed.connect(self.strip.clear_typed)
        self.filter = FilterBox("Search keys and states")
        self.filter.setToolTip("A part of a key or a state, exactly as it is written")
        self.filter.filter_changed.connect(lambda _: self._show_view())
        self.deleted = QCheckBox("Deleted, too")
        self.deleted.toggled.connect(lambda _: self._show_view())
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.view = LatestTableView(self.tasks, several=len(self.topics) > 1)
        self.filter.left.connect(self.view.setFocus)
        self.view.said.connect(self.say)
        self.view.shown.connect(self._tell)
        self.view.current_changed.connect(self._offer)
        self.view.rows.activated.connect(lambda _: self._history.trigger())
        self.view.rows.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.rows.customContextMenuRequested.connect(self._menu)
        self.empty = EmptyState("key", _QUESTION, _WHAT, "Build the table")
        self.empty.action_requested.connect(self._build.trigger)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.view)
        tools = QHBoxLayout()
        tools.setContentsMargins(12, 0, 12, 8)
        tools.setSpacing(8)
        for widget, stretch in ((self.filter, 1), (self.deleted, 0), (self.told, 2)):
            tools.addWidget(widget, stretch)
        for action, text in ((self._history, "History"), (self._record, "Record"), (self._save, "Export")):
            tools.addWidget(action_button(action, text))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.strip, self.notice, self.bar):
            column.addWidget(part)
        column.addLayout(tools)
        column.addWidget(self._pages, 1)
        self.setFocusProxy(self.bar.key)

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(lambda _: work())
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._build, self._stop, self._find, self._history, self._record, self._save)

    def set_zone(self, zone: tzinfo) -> None:
        self.bar.set_zone(zone)
        self.view.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {"of": self.bar.save_state(), "deleted": self.deleted.isChecked()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        if isinstance(of := state.get("of"), dict):
            self.bar.restore_state(of)
        self.deleted.setChecked(state.get("deleted") is True)

    async def close_panel(self) -> None:
        await super().close_panel()
        await self._forget()

    # building

    def build(self) -> None:
        """Reads all that is asked for, anew, unless it is being read."""
        self.strip.clear()
        if not self.tasks.running("build"):
            self.notice.show_text("")
            self.tasks.start("build", self._work())

    async def _work(self) -> None:
        self._show_running(True)
        try:
            key, fold, end = self.bar.entity(), self.bar.fold(), self.bar.end()
            await self._forget()
            session = await self._open_session()
            sources = await browser.partitions_of(session.cluster, self.topics)
            isolation, now = IsolationLevel.READ_COMMITTED, time.time_ns() // 1_000_000
            part = await resolve(session.cluster, sources, None, end, isolation, now)
            await self._gather(session, LatestQuery(part.ranges, key, fold, isolation), part)
        finally:
            self._show_running(False)

    async def _gather(self, session: Session, query: LatestQuery, part: Resolved) -> None:
        gathering = await self._open_gathering(query, part.troubles)
        try:
            await self._follow(gathering)
        except BaseException:
            await gathering.close()
            await gathering.table.close()
            self.empty.tell("key", "The table was not built.", "Building it reads the topic again.", "Build the table")
            raise
        self._table, self._by_key = gathering.table, not query.key
        done = gathering.progress()
        there, gone = await gathering.table.counts()
        keyless = f", {count(done.keyless)} without a key" if done.keyless else ""
        self._built = f"{count(there)} entities, {count(gone)} deleted, of {count(done.records)} records"
        self._built += f"{keyless}, in {duration(done.seconds)}"
        self._tell_missing(gathering)
        self.view.set_table(gathering.table, session.schemas if query.fold is None else None)
        self._pages.setCurrentWidget(self.view)

    async def _follow(self, gathering: Gathering) -> None:
        job = self._jobs.add(Job(f"Latest states of {self.title}", "percent", lambda: self.tasks.cancel("build")))
        try:
            while await gathering.step():
                done = gathering.progress()
                job.advance(round(80 * done.fraction + 20 * done.folded), 100)
                work = f"Reading, {done.fraction:.0%}" if done.fraction < 1 else f"Folding, {done.folded:.0%}"
                self.empty.tell("clock", f"{work} …", f"{count(done.records)} records so far.")
                self.say(f"{work}: {count(done.records)} records.")
        except asyncio.CancelledError:
            job.cancel()
            raise
        except BaseException as error:
            job.fail(str(error))
            raise
        job.finish(f"{count(gathering.progress().records)} records")

    def _tell_missing(self, gathering: Gathering) -> None:
        if gathering.troubles:
            words = " ".join(dict.fromkeys(trouble.failure.message for trouble in gathering.troubles[:3]))
            complete = gathering.progress().fraction >= 1
            self.notice.show_text(words if complete else f"Not all could be read: states may be older. {words}")

    async def _forget(self) -> None:
        self.view.set_table(None, None)
        self._pages.setCurrentWidget(self.empty)
        if self._table is not None:
            table, self._table = self._table, None
            await table.close()

    # what is shown

    def _show_running(self, on: bool) -> None:
        self.bar.show_running(on)
        self._build.setEnabled(not on)
        self._stop.setEnabled(on)
        if on:
            self.empty.tell("clock", f"Reading {self.title} …")
        elif self._table is None and self.strip.failure is None and not self._built:
            self.empty.tell("key", _QUESTION, _WHAT, "Build the table")
        self._offer()

    def _show_view(self) -> None:
        view = self.view.view
        self.view.show_view(View(self.filter.text(), self.deleted.isChecked(), view.order, view.descending))

    def _tell(self, rows: int) -> None:
        found = f"{count(rows)} found of " if self.filter.text() else ""
        self.told.show_text(f"{found}{self._built}.")
        self.say(f"{found}{self._built}.")
        self._offer()

    def _offer(self) -> None:
        entity = self.view.current if self._table is not None else None
        self._record.setEnabled(entity is not None)
        self._history.setEnabled(entity is not None and self._by_key)
        by_path = "" if self._by_key else " (the record's key must name it)"
        self._history.setToolTip(f"Show the history of this key{by_path}")
        self._save.setEnabled(self._table is not None)

    def _focus_filter(self) -> None:
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self._history, self._record, self._save])
        menu.popup(self.view.rows.viewport().mapToGlobal(at))

    def _show_history(self) -> None:
        if (entity := self.view.current) is not None:
            self.entity_wanted.emit(entity.source.topic, entity.key)

    def _show_record(self) -> None:
        if (entity := self.view.current) is not None:
            self.message_wanted.emit(entity.source.topic, entity.source.partition, entity.offset)

    # files

    def ask_where(self) -> None:
        ask_where(self, "Export the table", f"{self.topics[0]}-latest.jsonl", _FILTERS, self.export)

    def export(self, path: Path) -> None:
        """All rows that are shown, as JSON lines or CSV; a file of that name is replaced."""
        if self._table is None:
            raise Failure(FailureKind.REFUSED, "There is no table yet.", "Build it first.")
        self.tasks.start("export", self._write(self._table, path))

    async def _write(self, table: LatestTable, path: Path) -> None:
        from kexplorer.services.latest_export import export_table  # noqa: PLC0415  (few export)

        rows = await export_table(table, path, replace=True)
        self.say(f"{count(rows)} entities were written to {path}.")
