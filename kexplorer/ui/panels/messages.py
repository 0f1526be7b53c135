"""The newest records of a topic, and what arrives while one looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.numbers import count, rate, size
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import Batch, Record, RecordRing, Trouble
from kexplorer.model.topics import IsolationLevel
from kexplorer.services import browser
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.record_view import RecordView

if TYPE_CHECKING:
    from kexplorer.ui.widgets.inspector import Inspector

RING_BYTES = 128 << 20  # what one tab keeps
_COUNTS = (100, 500, 1000, 5000)
_REPAINT_EVERY = 50  # ms
_TELL_EVERY = 1000  # ms
_ISOLATION = {
    "All records": IsolationLevel.READ_UNCOMMITTED,
    "Committed only": IsolationLevel.READ_COMMITTED,
}


def messages_key(profile: str, topic: str) -> str:
    return f"messages/{quote(profile, safe='')}/{quote(topic, safe='')}"


class MessagesPanel(Panel):
    """Reads without joining a group and without committing. `open_session` connects when that is needed."""

    def __init__(self, profile: Profile, topic: str, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__(messages_key(profile.name, topic), topic, "message", profile.name, profile.colour)
        self.topic = topic
        self._open_session = open_session
        self.ring = RecordRing(RING_BYTES)
        self.received = 0
        self._rate = 0.0  # records a second
        self._told = (time.monotonic(), 0)  # when the rate was last worked out, and what had been received by then
        self._going = asyncio.Event()  # cleared while a follow is paused
        self._loading = True
        self._repaint = QTimer(self, interval=_REPAINT_EVERY, singleShot=True)
        self._repaint.timeout.connect(self._show_rows)
        self._tell_timer = QTimer(self, interval=_TELL_EVERY)
        self._tell_timer.timeout.connect(self._tell)
        self._build()
        self.reload()

    def _build(self) -> None:
        self._summary = plain_label("", role="muted")
        self._follow = _action(self, "play", "Follow", "Ctrl+E", self._toggle_follow)
        self._refresh = _action(self, "refresh", "Read the newest again", "Ctrl+R", self.reload)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.view = RecordView()
        self.view.set_source(self.ring)
        self.view.set_newest_first(True)
        self.view.current_changed.connect(self._inspect)
        self.view.activated.connect(lambda _: self.inspector.setFocus())
        self.view.context_menu_requested.connect(self._menu)
        self.view.notice.connect(self.say)
        self.empty = EmptyState("message", "")
        self.empty.action_requested.connect(self._follow.trigger)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.empty)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._pages)
        self._unselected = EmptyState("message", "No record is selected.", "Select one to see all of it.")
        self._splitter.addWidget(self._unselected)
        self._splitter.setSizes([620, 380])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._build_bar())
        column.addWidget(self.strip)
        column.addWidget(self._splitter, 1)
        self.setFocusProxy(self.view)

    def _build_bar(self) -> QHBoxLayout:
        self._newest, self._partition, self._isolation = QComboBox(), QComboBox(), QComboBox()
        self._newest.setToolTip("How many of the newest records are read first")
        self._isolation.setToolTip("Committed only: records of open and aborted transactions are left out")
        for number in _COUNTS:
            self._newest.addItem(f"Newest {count(number)}", number)
        self._partition.addItem("All partitions", None)
        for text, level in _ISOLATION.items():
            self._isolation.addItem(text, level)
        refresh = QPushButton(icon("refresh"), "Refresh")
        refresh.setToolTip("Read the newest records again (Ctrl+R)")
        refresh.clicked.connect(self._refresh.trigger)
        self._follow_button = QPushButton(icon("play", "on_accent"), "Follow")
        self._follow_button.setProperty("kind", "primary")
        self._follow_button.setToolTip("Show records as they arrive (Ctrl+E)")
        self._follow_button.clicked.connect(self._follow.trigger)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        for box in (self._newest, self._partition, self._isolation):
            box.activated.connect(lambda _: self.reload())
            bar.addWidget(box)
        bar.addWidget(self._summary, 1, Qt.AlignmentFlag.AlignRight)
        bar.addWidget(refresh)
        bar.addWidget(self._follow_button)
        return bar

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._follow, self._refresh)

    def show_failure(self, failure: Failure) -> None:
        self._loading = False
        self._stop_following()
        self.strip.show_failure(failure)
        self._tell()

    def save_state(self) -> dict[str, object]:
        return {
            "newest": self._newest.currentData(),
            "committed": self._isolation.currentData() is IsolationLevel.READ_COMMITTED,
            "following": self._going.is_set(),
            "splitter": self._splitter.sizes(),
            "columns": self.view.save_state(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        self._newest.setCurrentIndex(max(self._newest.findData(state.get("newest")), 0))
        self._isolation.setCurrentIndex(int(state.get("committed") is True))
        match state.get("splitter"):
            case [int(above), int(below)]:
                self._splitter.setSizes([above, below])
        if isinstance(columns := state.get("columns"), dict):
            self.view.restore_state(columns)
        if state.get("following") is True:
            self.follow()
        self.reload()

    async def close_panel(self) -> None:
        self._tell_timer.stop()
        await super().close_panel()

    @property
    def rows(self) -> int:
        """Records that are kept."""
        return len(self.ring)

    def select_newest(self) -> None:
        self.view.select(len(self.ring) - 1)

    # work

    def follow(self) -> None:
        """Shows what arrives, after the newest records are there; goes on where a pause began."""
        self._going.set()
        self._follow.setText("Pause")
        self._follow_button.setText("Pause")
        self._follow_button.setIcon(icon("pause", "on_accent"))
        self._tell_timer.start()
        self._tell()

    def pause(self) -> None:
        self._stop_following()
        self._tell()

    def _stop_following(self) -> None:
        self._going.clear()
        self._follow.setText("Follow")
        self._follow_button.setText("Follow")
        self._follow_button.setIcon(icon("play", "on_accent"))
        self._tell_timer.stop()

    def _toggle_follow(self) -> None:
        if self._going.is_set():
            self.pause()
            return
        self.follow()
        if not self.tasks.running("read"):
            self.reload()

    def reload(self) -> None:
        self._loading = True
        self.strip.clear()
        self._tell()
        self.tasks.start("read", self._read())

    async def _read(self) -> None:
        session = await self._open_session()
        isolation: IsolationLevel = self._isolation.currentData()
        page = await browser.newest(
            session.cluster, self.topic, self._newest.currentData(), isolation, self._partition.currentData()
        )
        self.ring = RecordRing(RING_BYTES)
        self.ring.extend(page.records)
        self.view.set_source(self.ring)
        self.received = len(page.records)
        self._told = (time.monotonic(), self.received)
        self._loading = False
        self._offer_partitions(session)
        self._show_troubles(page.troubles)
        self._tell()
        await self._going.wait()
        await browser.follow(session.cluster, page.ends, self._take, isolation)

    async def _take(self, batch: Batch) -> None:
        if batch.records:
            self.ring.extend(batch.records)
            self.received += len(batch.records)
            if not self._repaint.isActive():
                self._repaint.start()
        self._show_troubles(batch.troubles)
        await self._going.wait()

    # what is shown

    @cached_property
    def inspector(self) -> Inspector:
        """Imported and made when the first record is selected: it is most of what opening a panel would cost."""
        from kexplorer.ui.widgets.inspector import Inspector  # noqa: PLC0415

        made = Inspector()
        made.notice.connect(self.say)
        sizes = self._splitter.sizes()
        self._splitter.replaceWidget(1, made)
        self._unselected.deleteLater()
        self._splitter.setSizes(sizes)
        return made

    def _inspect(self, record: Record | None) -> None:
        if record is not None or "inspector" in vars(self):
            self.inspector.show_record(record)

    def _show_rows(self) -> None:
        self.view.rows_changed()
        self._tell()

    def _show_troubles(self, troubles: Sequence[Trouble]) -> None:
        if not troubles:
            return
        first = troubles[0].failure
        also = f" The same or worse in {len(troubles) - 1} more partitions." if len(troubles) > 1 else ""
        self.strip.show_failure(Failure(first.kind, first.message + also, first.hint))

    def _offer_partitions(self, session: Session) -> None:
        metadata = session.catalog.metadata
        topic = next((t for t in metadata.topics if t.name == self.topic), None) if metadata else None
        known = [self._partition.itemData(i) for i in range(1, self._partition.count())]
        for partition in topic.partitions if topic else ():
            if partition.id not in known:
                self._partition.addItem(f"Partition {partition.id}", partition.id)

    def _tell(self) -> None:
        following = self._going.is_set()
        self._show_page(following)
        now = time.monotonic()
        since, before = self._told
        if now - since >= _TELL_EVERY / 1000:
            self._rate = (self.received - before) / (now - since)
            self._told = (now, self.received)
        if self._loading:
            text = "Reading …"
        else:
            kept = f"{count(len(self.ring))} records"
            if self.ring.dropped:
                kept = f"newest {count(len(self.ring))} of {count(self.received)} records"
            text = " · ".join([kept, size(self.ring.nbytes), *([f"{rate(self._rate)} live"] if following else [])])
        self._summary.setText(text)
        self.say(text)

    def _show_page(self, following: bool) -> None:
        page: QWidget = self.view if self.ring else self.empty
        if page is not self._pages.currentWidget():
            focused = self.isAncestorOf(QApplication.focusWidget() or self.window())
            self._pages.setCurrentWidget(page)
            if focused:
                page.setFocus()
        if self.ring:
            return
        if self._loading:
            self.empty.tell("message", f"Reading {self.topic} …")
        elif self.strip.failure is not None:
            self.empty.tell("warning", "Nothing could be read.")
        elif following:
            self.empty.tell("clock", "Waiting for the first record …", "It is shown as soon as it arrives.")
        else:
            self.empty.tell("message", "No readable records here.", "Follow shows the ones that arrive.", "Follow")

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.view.copy_actions())
        menu.addSeparator()
        menu.addActions([self._follow, self._refresh])
        menu.popup(at)


def _action(panel: Panel, icon_name: str, text: str, shortcut: str, run: Callable[[], None]) -> QAction:
    action = QAction(icon(icon_name), text, panel, shortcut=QKeySequence(shortcut))
    action.triggered.connect(lambda _: run())
    return action
