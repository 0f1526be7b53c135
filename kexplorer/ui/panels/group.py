"""One consumer group: what it is, how far it is in each partition, who is in it, and what can be done with it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QGuiApplication, QHideEvent, QIcon, QKeySequence, QShowEvent
from PySide6.QtWidgets import QComboBox, QMenu, QPushButton, QVBoxLayout

from kexplorer.model.failure import Failure
from kexplorer.model.lag import GroupLag, TimeLag
from kexplorer.model.offset_snapshots import OffsetSnapshots
from kexplorer.model.profile import Profile
from kexplorer.model.topics import TopicPartition
from kexplorer.services.group_lag import look, time_lag
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.services.resets import Resets
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.lazy_tabs import Entry, LazyTabs
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.group_actions import GroupActions
from kexplorer.ui.panels.group_lag import GroupLagTab
from kexplorer.ui.panels.group_members import GroupMembersTab
from kexplorer.ui.panels.group_partitions import GroupPartitionsTab
from kexplorer.ui.panels.group_rebalances import GroupRebalancesTab
from kexplorer.ui.panels.group_tab import GroupOf, GroupSeen, GroupTab
from kexplorer.ui.panels.keys import group_key
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.group_header import GroupHeader
from kexplorer.ui.widgets.notice_strip import NoticeStrip

_INTERVALS = {"Every second": 1.0, "Every 5 seconds": 5.0, "Every 15 seconds": 15.0, "Every minute": 60.0}
_PAUSED = "Paused"
_CLOSER_EVERY, _REST = 10.0, 5  # seconds between two closer looks, and times as long as one took, at least
_WARN_EVERY = 60.0  # seconds: configurations, the brokers' time index and their log directories


class GroupPanel(Panel):
    """Watches the group while it is seen. Its tabs are made when they are first seen. `open_session` connects when that
    is needed."""

    doctor_wanted = Signal()
    consumer_wanted = Signal()  # a test consumer

    def __init__(
        self,
        profile: Profile,
        group: str,
        open_session: Callable[[], Awaitable[Session]],
        snapshots: OffsetSnapshots,
    ) -> None:
        super().__init__(group_key(profile.name, group), f"{group} (group)", "group", profile.name, profile.colour)
        self.group = GroupOf(group, profile, open_session)
        self._snapshots = snapshots
        self.seen: GroupSeen | None = None
        self._zone: tzinfo = UTC
        self._warn_again = 0.0
        self._trouble: Failure | None = None  # of the last look
        self._unwatch: Callable[[], object] = lambda: None
        self._newest: tuple[GroupLag, LagWatch] | None = None
        self._times: Mapping[TopicPartition, TimeLag] = {}
        self._stable: Mapping[TopicPartition, int] = {}  # where a transaction is open
        self.actions_on = GroupActions(
            self, profile, self.tasks, open_session, lambda: [group], self._look_now, snapshots
        )
        self._build()
        self.actions_on.look()

    def _build(self) -> None:
        allowed = not self.group.profile.read_only
        self._refresh = self._action("refresh", "Refresh this group", "Ctrl+R", self._reload)
        self._copy = self._action("copy", "Copy table as text", "Ctrl+Shift+C", self._copy_table)
        self._forget = self._action("close", "Delete a topic's offsets…", "Ctrl+Alt+U", self._delete_offsets)
        self._forget.setEnabled(allowed)
        self._doctor = self._action("shield", "Examine this group", "Ctrl+Alt+H", self.doctor_wanted.emit)
        self._join = self._action("plug", "Test consumer…", "Ctrl+Shift+G", self.consumer_wanted.emit)
        self._join.setEnabled(allowed)
        self.interval = QComboBox()
        self.interval.addItems([*_INTERVALS, _PAUSED])
        self.interval.setCurrentText("Every 5 seconds")
        self.interval.setAccessibleName("How often it is looked at")
        self.interval.setToolTip("How often this connection's groups are looked at while a panel shows them")
        self.interval.textActivated.connect(lambda chosen: self.tasks.start("interval", self._choose(chosen)))
        reset = action_button(self.actions_on.reset, "Reset offsets…")
        reset.setProperty("kind", "primary")
        reset.setIcon(QIcon())
        more = QPushButton("More")
        menu = QMenu(more)
        menu.addActions([self.actions_on.undo, self.actions_on.clone, self.actions_on.create, self._copy])
        menu.addAction(self._join)
        menu.addSeparator()
        menu.addActions([self._forget, self.actions_on.delete])
        more.setMenu(menu)
        self.strip, self.notice = ErrorStrip(), NoticeStrip()
        self.strip.retry_requested.connect(self._reload)
        self.header = GroupHeader(self.group.name, [self.interval, action_button(self._doctor, "Doctor"), more, reset])
        entries: tuple[Entry[GroupTab], ...] = (
            Entry("partitions", "Partitions", lambda: GroupPartitionsTab(self.group)),
            Entry("members", "Members", lambda: GroupMembersTab(self.group)),
            Entry("lag", "Lag", lambda: GroupLagTab(self.group)),
            Entry("rebalances", "Rebalances", lambda: GroupRebalancesTab(self.group)),
        )
        self.tabs = LazyTabs(entries)
        self.tabs.said.connect(self.say)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.setFocusProxy(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.notice)
        column.addWidget(self.header)
        column.addWidget(self.tabs, 1)

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(work)
        return action

    @property
    def current(self) -> GroupTab:
        """The tab that is shown."""
        return self.tabs.current

    def show_tab(self, key: str) -> None:
        """ "partitions", "members", ..."""
        self.tabs.show_tab(key)

    # Panel

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.tasks.start("watch", self._watch())
        self._tab_changed()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.tasks.cancel("watch")
        self._stop_watching()

    def panel_actions(self) -> Sequence[QAction]:
        on = self.actions_on
        return (
            self._refresh,
            self._doctor,
            on.reset,
            on.undo,
            on.clone,
            on.create,
            self._join,
            self._copy,
            self._forget,
            on.delete,
        )

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = self.actions_on.zone = zone
        self.tabs.set_zone(zone)
        self._show()

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        if self._newest is None:
            self.header.facts.setText("Nothing is known yet.")
            self.current.show_unknown()

    def save_state(self) -> dict[str, object]:
        return self.tabs.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.tabs.restore_state(state)

    async def close_panel(self) -> None:
        await self.tabs.close_tabs()
        await super().close_panel()
        self._stop_watching()

    # work

    async def _watch(self) -> None:
        """While the panel is seen. Begins anew with another interval."""
        self._stop_watching()
        session = await self.group.open_session()
        if self.interval.currentText() == _PAUSED:
            found = (await look(session.cluster, [self.group.name]))[self.group.name]
            if isinstance(found, Failure):
                raise found
            self._newest = found, session.lag
            self._show()
            return
        self._show_interval(session.lag.every)
        self._unwatch = session.lag.subscribe([self.group.name], lambda sampled: self._take(session, sampled))
        while True:
            began = time.monotonic()
            if self.seen:
                await self._look_closer(session, {each.source: each.end for each in self.seen.lag.readings})
                self._show()
                await self._warn(session.lag)
            await asyncio.sleep(max(_CLOSER_EVERY, _REST * (time.monotonic() - began)) if self.seen else 0.1)

    async def _look_closer(self, session: Session, before: Mapping[TopicPartition, int | None]) -> None:
        """What is not looked at each time: the age of what it reads next, and open transactions. One is open for sure
        where the last stable offset still is before what was the end `before`."""
        try:
            found = (await look(session.cluster, [self.group.name], stable=True))[self.group.name]
        except Failure:
            return  # the watch tells of it
        if isinstance(found, Failure):
            return
        stable = {each.source: each.stable for each in found.readings if each.stable is not None}
        self._stable = {source: offset for source, offset in stable.items() if offset < (before.get(source) or 0)}
        self._times = await time_lag(session.cluster, found.readings)

    async def _warn(self, watch: LagWatch) -> None:
        """Where retention will delete what the group has not read yet."""
        if time.monotonic() < self._warn_again or self.group.name not in watch.latest:
            return
        self._warn_again = time.monotonic() + _WARN_EVERY
        with contextlib.suppress(Failure):  # who may not read configurations is not warned
            self.notice.show_text((await watch.retention(self.group.name)).warning)

    def _take(self, session: Session, sampled: Sampled) -> None:
        failure = sampled.trouble or sampled.failed.get(self.group.name)
        if failure:
            self.show_failure(failure)
        elif self.strip.failure and self.strip.failure is self._trouble:
            self.strip.clear()
        self._trouble = failure
        if found := sampled.groups.get(self.group.name):
            self._newest = found, session.lag
            self._show()

    def _show(self) -> None:
        if self._newest is None:
            return
        found, watch = self._newest
        readings = tuple(each._replace(stable=self._stable.get(each.source)) for each in found.readings)
        self.seen = GroupSeen(replace(found, readings=readings), watch, self._times)
        self.header.show_seen(self.seen.lag, watch, self._times, self._zone)
        if self.isVisible():
            self.current.show_seen(self.seen)

    def _show_interval(self, seconds: float) -> None:
        name = next((name for name, each in _INTERVALS.items() if each == seconds), "")
        self.interval.setCurrentIndex(self.interval.findText(name))

    async def _choose(self, interval: str) -> None:
        session = await self.group.open_session()
        session.lag.every = _INTERVALS.get(interval, session.lag.every)
        self.tasks.start("watch", self._watch())

    def _stop_watching(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None

    def _reload(self) -> None:
        self.strip.clear()
        self.current.reload()
        self.tasks.start("watch", self._watch())

    def _look_now(self) -> None:
        if self.interval.currentText() == _PAUSED:
            self.tasks.start("watch", self._watch())
        elif self.seen:
            self.seen.watch.look_now()

    def _tab_changed(self) -> None:
        if self.isVisible():
            self._show()
            if self._newest is None and self.strip.failure:
                self.current.show_unknown()

    # what a person does

    def _copy_table(self) -> None:
        if text := self.current.text():
            QGuiApplication.clipboard().setText(text)

    def _delete_offsets(self) -> None:
        self.tasks.start("action", self._delete_offsets_of_a_topic())

    async def _delete_offsets_of_a_topic(self) -> None:
        from kexplorer.ui.dialogs.delete_offsets import delete_offsets  # noqa: PLC0415  (a panel needs no dialog)

        session = await self.group.open_session()
        readings = self.seen.lag.readings if self.seen else ()
        committed = [each.source for each in readings if each.committed is not None]
        tab = self.tabs.made.get("partitions")
        topic = tab.topic if isinstance(tab, GroupPartitionsTab) else ""
        resets = Resets(session.cluster, self._snapshots, self.group.name)
        if await delete_offsets(self, session, resets, committed, topic):
            self._look_now()
