"""The lag of a cluster's groups over time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import QVBoxLayout

from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.services.lag_past import LagHistory
from kexplorer.services.lag_watch import Sampled
from kexplorer.services.sessions import Session
from kexplorer.ui.dialogs.save_file import ask_where
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import lag_key
from kexplorer.ui.panels.lag_view import LagView
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.notice_strip import NoticeStrip

FILTERS = "PNG picture (*.png);;SVG picture (*.svg);;CSV (*.csv);;JSON (*.json)"


class LagPanel(Panel):
    """Watches all groups while it is seen. `open_session` connects when that is needed; what was recorded earlier is
    read from `history`."""

    def __init__(
        self, profile: Profile, open_session: Callable[[], Awaitable[Session]], history: LagHistory | None
    ) -> None:
        super().__init__(lag_key(profile.name), "Lag", "lag", profile.name, profile.colour)
        self._open_session = open_session
        self._history = history
        self._trouble: Failure | None = None  # of the last look
        self.strip, self.notice = ErrorStrip(), NoticeStrip()
        self.strip.retry_requested.connect(self._watch_now)
        self.view = LagView(self.tasks, self.show_failure)
        self.view.sampled.connect(self._take)
        self.view.said.connect(self.say)
        self.view.filtered.connect(self.strip.clear_typed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.notice)
        column.addWidget(self.view, 1)
        self._refresh = self._action("refresh", "Look at the lag now", "Ctrl+R", self._watch_now)
        self._find = self._action("filter", "Filter lines", "Ctrl+F", self.view.bar.filter.setFocus)
        self._save = self._action("download", "Export chart…", "Ctrl+S", self.ask_where)
        self.view.bar.end.addWidget(action_button(self._save, "Export"))
        self.setFocusProxy(self.view.table)

    def _action(self, icon_name: str, text: str, keys: str, work: Callable[[], object]) -> QAction:
        action = QAction(icon(icon_name), text, self, shortcut=QKeySequence(keys))
        action.triggered.connect(work)
        return action

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh, self._find, self._save)

    def set_zone(self, zone: tzinfo) -> None:
        self.view.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return self.view.bar.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.view.bar.restore_state(dict(state))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.tasks.start("watch", self._watch())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.tasks.cancel("watch")

    # work

    async def _watch(self) -> None:
        await self.view.run(await self._open_session(), self._history)

    def _watch_now(self) -> None:
        self.strip.clear()
        self.tasks.start("watch", self._watch())

    def _take(self, sampled: Sampled) -> None:
        """A look that went well takes back what the one before has told."""
        if sampled.trouble:
            self.strip.show_failure(sampled.trouble)
        elif self.strip.failure and self.strip.failure is self._trouble:
            self.strip.clear()
        self._trouble = sampled.trouble
        lost = len(sampled.failed)
        who = "1 group was not told: its lines" if lost == 1 else f"{lost:,} groups were not told: their lines"
        missing = f"{who} have a gap." if lost else ""
        self.notice.show_text(missing or (sampled.unrecorded.message if sampled.unrecorded else ""))

    # files

    def ask_where(self) -> None:
        ask_where(self, "Export chart", "lag.png", FILTERS, self.export)

    def export(self, path: Path) -> None:
        """A picture (.png, .svg) of what is shown, or its data (.csv, .json)."""
        self.tasks.start("export", self._write(path))

    async def _write(self, path: Path) -> None:
        contents = self.view.contents(path)
        try:
            await asyncio.to_thread(path.write_bytes, contents)
        except OSError as error:
            hint = "Choose another folder, or make room there."
            raise Failure(FailureKind.REFUSED, f"{path} could not be written: {error.strerror}.", hint) from error
        self.say(f"The chart was written to {path}.")
