"""All replays of this computer: what they do, how far they are, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.replays import MOST, Stage
from kexplorer.ui.dialogs.confirm import confirm
from kexplorer.ui.icons import icon
from kexplorer.ui.models.replays import PROGRESS, ReplayRow, ReplaysModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import replays_key
from kexplorer.ui.panels.replay_pace import offer_pause
from kexplorer.ui.panels.replay_resume import resume
from kexplorer.ui.panels.replay_watch import Replays
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.progress_delegate import ProgressDelegate
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 1.0  # seconds


class ReplaysPanel(Panel):
    """`open_plan` shows a plan to be edited, None a new one; `open_run` how a replay goes."""

    def __init__(
        self,
        profile: Profile,
        replays: Replays,
        open_plan: Callable[[Path | None], None],
        open_run: Callable[[Path], None],
    ) -> None:
        super().__init__(replays_key(profile.name), "Replays", "replay", profile.name, profile.colour)
        self._replays, self._open_plan, self._open_run = replays, open_plan, open_run
        self.model = ReplaysModel(self)
        self._build()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self.model.layoutChanged.connect(self._offer)
        self._offer()
        self.reload()

    def _build(self) -> None:
        self.new = self._action("plus", "New replay…", "Ctrl+Alt+N", lambda: self._open_plan(None))
        self.open = self._action("external", "Progress and report", "Ctrl+I", self._open_chosen)
        self.edit = self._action("edit", "Edit the plan…", "F2", self._edit)
        self.start = self._action("play", "Start…", "Ctrl+Return", self._start)
        self.pause = self._action("pause", "Pause", "Ctrl+Alt+J", self._pause)
        self.stop = self._action("stop", "Stop", "Ctrl+Alt+F", self._stop)
        self.remove = self._action("trash", "Remove…", "Alt+Del", self._remove)
        self._count = plain_label("", "muted")
        self.bar = QWidget()
        self.bar.setVisible(False)  # until there is what it is for
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self._count, 1)
        self._start_button = action_button(self.start, "Start…")
        self._pause_button = action_button(self.pause, "Pause")
        for button in (self._start_button, self._pause_button, action_button(self.stop, "Stop")):
            bar.addWidget(button)
        for action, text in ((self.open, "Open"), (self.edit, "Edit…"), (self.remove, "Remove…"), (self.new, "New…")):
            bar.addWidget(action_button(action, text))
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.table = RowsTable(self.model, "Replays")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(RowsTable.SelectionMode.SingleSelection)
        self.table.restore_sort([len(self.model.columns) - 1, True])
        fraction = ProgressDelegate(lambda row: self.model.row(row).replay.fraction, self.table)
        self.table.setItemDelegateForColumn(PROGRESS, fraction)
        self.table.activated.connect(lambda _: (self.open if self.open.isEnabled() else self.edit).trigger())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        empty = EmptyState(
            "replay",
            "No replays yet",
            "A replay writes records once more: to another topic or cluster, changed or as they are. It begins with a "
            "plan: an empty one here, or that of a topic or of selected records by “Replay…” in their menu.",
            "New replay…",
        )
        empty.action_requested.connect(self.new.trigger)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.strip)
        column.addWidget(self.pages, 1)
        self.setFocusProxy(self.table)

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(work)
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self.new, self.open, self.edit, self.start, self.pause, self.stop, self.remove)

    def set_zone(self, zone: tzinfo) -> None:
        self.model.zone = zone
        self.table.viewport().update()

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("look", self._look())

    async def _look(self) -> None:
        """Once, and then again and again while it is seen."""
        await self._show()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self.isVisible():
                await self._show()

    async def _show(self) -> None:
        found = await self._replays.folder.all()
        ahead = {watch.seen.path: watch for watch in self._replays.running}
        rows = [
            ReplayRow(ahead[each.path].seen, ahead[each.path].stage)
            if each.path in ahead
            else ReplayRow(each, each.stage)
            for each in found
        ]
        self.model.set_rows(rows)
        self.pages.setCurrentIndex(0 if rows else 1)
        self.bar.setVisible(bool(rows))
        running = sum(row.stage.runs for row in rows)
        words = "1 replay" if len(rows) == 1 else f"{len(rows)} replays"
        words = f"The newest {words}" if len(rows) == MOST else words
        self._count.setText(f"{words} · {running} running" if running else words)
        self.say(self._count.text())
        self._offer()

    def _chosen(self) -> ReplayRow | None:
        rows = self.table.selectionModel().selectedRows()
        return self.model.row(rows[0].row()) if rows else None

    def _offer(self) -> None:
        row = self._chosen()
        stage = row.stage if row else Stage.NEW
        self.open.setEnabled(stage not in (Stage.NEW, Stage.UNREADABLE))
        self.edit.setEnabled(row is not None)
        self.start.setEnabled(row is not None and (stage is Stage.NEW or stage.can_start))
        self.stop.setEnabled(stage.can_stop)
        self.remove.setEnabled(row is not None and not stage.runs)
        self.start.setText("Start…" if stage is Stage.NEW else "Resume")
        self._start_button.setText(self.start.text())
        offer_pause(self.pause, self._pause_button, stage)

    # what a person does

    def _open_chosen(self) -> None:
        if row := self._chosen():
            self._open_run(row.replay.path)

    def _edit(self) -> None:
        if row := self._chosen():
            self._open_plan(row.replay.path)

    def _start(self) -> None:
        """What was never run is shown with its plan: a dry run comes before it."""
        row = self._chosen()
        if row and row.stage is Stage.NEW:
            self._open_plan(row.replay.path)
        elif row:
            self.tasks.start("resume", self._resume(row.replay.path))

    async def _resume(self, path: Path) -> None:
        await resume(self, self._replays, path)
        self.reload()

    def _pause(self) -> None:
        if row := self._chosen():
            watch = self._replays.watch(row.replay.path)
            (watch.resume if row.stage is Stage.PAUSED else watch.pause)()

    def _stop(self) -> None:
        if row := self._chosen():
            self._replays.stop(row.replay.path)

    def _remove(self) -> None:
        if row := self._chosen():
            self.tasks.start("remove", self._ask_and_remove(row))

    async def _ask_and_remove(self, row: ReplayRow) -> None:
        text = (
            f"The plan of {row.job}, its progress and its report are removed from this computer. What it has written "
            "stays where it is."
        )
        if row.stage.can_start:
            text += " It cannot be resumed any more."
        if await confirm(self, "Remove the replay", text, "Remove", danger=True):
            await self._replays.remove(row.replay.path)
            await self._show()

    def _menu(self, at: QPoint) -> None:
        if not self.table.indexAt(at).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.open, self.edit, self.start, self.pause, self.stop])
        menu.addSeparator()
        menu.addAction(self.remove)
        menu.popup(self.table.viewport().mapToGlobal(at))
