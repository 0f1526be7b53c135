"""The records of a topic: any place of it at once, or what arrives while one looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.numbers import count, rate
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Batch, Record, RecordRing, Trouble
from kexplorer.model.search import FilterSpec, SearchQuery
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.ranges import Resolved, parse_place, resolve
from kexplorer.services.search import Search
from kexplorer.services.sessions import Session
from kexplorer.services.window import TopicWindow
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.widgets.coverage_strip import CoverageStrip
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.query_bar import QueryBar
from kexplorer.ui.widgets.range_box import PLACES, RangeBox, mark_invalid
from kexplorer.ui.widgets.record_view import RecordView, RowSource

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.ui.widgets.inspector import Inspector

RING_BYTES = 128 << 20  # what one tab keeps of what it follows
_FIRST = 100  # records of each partition that are read first
_REPAINT_EVERY = 50  # ms
_BY_KEY = Qt.FocusReason.ShortcutFocusReason
_TELL_EVERY = 1000  # ms
_ISOLATION = {
    "All records": IsolationLevel.READ_UNCOMMITTED,
    "Committed only": IsolationLevel.READ_COMMITTED,
}


def messages_key(profile: str, topic: str) -> str:
    return f"messages/{quote(profile, safe='')}/{quote(topic, safe='')}"


class MessagesPanel(Panel):
    """Browses the topic (`browsed`), or fills a `ring`: with what arrives at its end, or with what a search finds. One
    of the two is what the table shows. Reads without joining a group and without committing. `open_session` connects
    when that is needed; `open_search` makes a search, whose workers are this panel's until it closes it."""

    def __init__(
        self,
        profile: Profile,
        topic: str,
        open_session: Callable[[], Awaitable[Session]],
        open_search: Callable[[SearchQuery, Sequence[Trouble]], Awaitable[Search]],
    ) -> None:
        super().__init__(messages_key(profile.name, topic), topic, "message", profile.name, profile.colour)
        self.topic = topic
        self._open_session = open_session
        self._open_search = open_search
        self._schemas: Schemas | None = None  # of the session that was read with last
        self._search: Search | None = None
        self._searched = False  # the table shows what a search found
        self._filters: object = None  # those searched for in earlier sessions
        self.browsed: TopicWindow | None = None  # while one browses
        self.ring: RecordRing | None = None  # while one follows
        self.received = self._seen = 0
        self._rate = 0.0  # records a second
        self._told = (time.monotonic(), 0)  # when the rate was last worked out, and what had been received by then
        self._going = asyncio.Event()  # cleared while a follow is paused
        self._loading = True
        self._unseen = False  # the selected record is not there yet
        self._repaint = QTimer(self, interval=_REPAINT_EVERY, singleShot=True)
        self._repaint.timeout.connect(self._show_rows)
        self._tell_timer = QTimer(self, interval=_TELL_EVERY)
        self._tell_timer.timeout.connect(self._tell)
        self._build()
        self.reload()

    def _build(self) -> None:
        self._summary = ElidedLabel()
        self._follow = _action(self, "play", "Follow", "Ctrl+E", self._toggle_follow)
        self._refresh = _action(self, "refresh", "Browse up to the newest", "Ctrl+R", self.reload)
        self._find = _action(self, "search", "Search", "Ctrl+F", self.show_query)
        self._jump = _action(self, "jump-bottom", "Go to a place", "Ctrl+G", lambda: self._place.setFocus(_BY_KEY))
        self._ends = (
            _action(self, "jump-top", "Go to the newest", "Ctrl+Home", lambda: self.view.select(self.rows - 1)),
            _action(self, "jump-bottom", "Go to the oldest", "Ctrl+End", lambda: self.view.select(0)),
        )
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self.view = RecordView()
        self.view.set_newest_first(True)
        self.view.current_changed.connect(self._inspect)
        self.view.activated.connect(lambda _: self.inspector.setFocus())
        self.view.context_menu_requested.connect(self._menu)
        self.view.notice.connect(self.say)
        self.view.following_changed.connect(self._watch_newest)
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
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._build_bar())
        column.addWidget(self.strip)
        column.addWidget(self._splitter, 1)
        self.empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocusProxy(self.empty)

    def _build_bar(self) -> QHBoxLayout:
        self._range, self._partition, self._isolation = RangeBox(), QComboBox(), QComboBox()
        self._range.changed.connect(self.reload)
        self._range.failed.connect(self.strip.show_failure)
        self._place = QLineEdit()
        self._place.setPlaceholderText("Go to: a time, offset:123 …")
        self._place.setToolTip(f"{PLACES}\n(Ctrl+G)")
        self._place.setMaximumWidth(self._place.fontMetrics().averageCharWidth() * 32)
        self._place.returnPressed.connect(lambda: self.go_to(self._place.text()))
        self._isolation.setToolTip("Committed only: records of open and aborted transactions are left out")
        self._partition.addItem("All partitions", None)
        for text, level in _ISOLATION.items():
            self._isolation.addItem(text, level)
        refresh = QPushButton(icon("refresh"), "Refresh")
        refresh.setToolTip("Browse the whole topic up to its newest record (Ctrl+R)")
        refresh.clicked.connect(self._refresh.trigger)
        self._newer = QPushButton(icon("jump-top"), "")
        self._newer.clicked.connect(self.view.jump_to_newest)
        self._newer.hide()
        self._follow_button = QPushButton(icon("play", "on_accent"), "Follow")
        self._follow_button.setProperty("kind", "primary")
        self._follow_button.setToolTip("Show records as they arrive (Ctrl+E)")
        self._follow_button.clicked.connect(self._follow.trigger)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self._range)
        for box in (self._partition, self._isolation):
            box.activated.connect(lambda _: self.reload())
            bar.addWidget(box)
        bar.addWidget(self._place, 1)
        bar.addWidget(self._summary, 1)
        bar.addWidget(self._newer)
        bar.addWidget(refresh)
        bar.addWidget(self._follow_button)
        return bar

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._follow, self._refresh, self._find, self._jump, *self._ends)

    def show_failure(self, failure: Failure) -> None:
        self._loading = False
        self._stop_following()
        self.strip.show_failure(failure)
        self._tell()

    def save_state(self) -> dict[str, object]:
        return {
            "committed": self._isolation.currentData() is IsolationLevel.READ_COMMITTED,
            "following": self._going.is_set(),
            "range": self._range.save_state(),
            "filters": self.query.save_state() if "query" in vars(self) else self._filters,
            "splitter": self._splitter.sizes(),
            "columns": self.view.save_state(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        self._isolation.setCurrentIndex(int(state.get("committed") is True))
        match state.get("splitter"):
            case [int(above), int(below)]:
                self._splitter.setSizes([above, below])
        if isinstance(columns := state.get("columns"), dict):
            self.view.restore_state(columns)
        self._range.restore_state(state.get("range"))
        self._filters = state.get("filters")
        if state.get("following") is True:
            self.follow()
        else:
            self.reload()

    async def close_panel(self) -> None:
        self._tell_timer.stop()
        await super().close_panel()

    @property
    def rows(self) -> int:
        """How many the table has."""
        return len(self._source)

    def select_newest(self) -> None:
        self.view.select(self.rows - 1)

    # work

    def reload(self) -> None:
        """Browses the topic as it is now, from its newest record."""
        self._stop_following()
        self._start(self._browse())

    def follow(self) -> None:
        """Shows what arrives, behind the newest records there are; goes on where a pause began."""
        self._going.set()
        self._name_follow("pause", "Pause")
        if self.ring is not None and self._search is None and self.tasks.running("read"):
            self._tell()
        else:
            self._start(self._live())

    def search(self, spec: FilterSpec) -> None:
        """Looks at every record of the part that is chosen; matches are shown as they are found."""
        self._stop_following()
        self._start(self._find_all(spec))

    def pause(self) -> None:
        self._stop_following()
        self._tell()

    def _toggle_follow(self) -> None:
        if self._going.is_set():
            self.pause()
        else:
            self.follow()

    def _stop_following(self) -> None:
        self._going.clear()
        self._name_follow("play", "Follow")

    def _name_follow(self, icon_name: str, text: str) -> None:
        self._follow.setText(text)
        self._follow.setIcon(icon(icon_name))
        self._follow_button.setText(text)
        self._follow_button.setIcon(icon(icon_name, "on_accent"))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._loading = True
        self._tell_timer.start()
        if self._searched:
            self._searched = False
            self.coverage.hide()
        self.strip.clear()
        self._tell()
        self.tasks.start("read", work)

    async def _browse(self) -> None:
        session, part, isolation = await self._part()
        window = TopicWindow(session.cluster, part.ranges, isolation, self._arrived)
        await window.fetch_newest(_FIRST)
        self.browsed, self.ring = window, None
        self.view.set_newest_first(True)
        self._show_source(part.troubles)
        await window.run()

    async def _connect(self) -> Session:
        session = await self._open_session()
        self._schemas = session.schemas
        return session

    async def _part(self) -> tuple[Session, Resolved, IsolationLevel]:
        """The part of the topic that is chosen, with its ends as they are now."""
        if self._range.failure:
            raise self._range.failure
        session = await self._connect()
        isolation: IsolationLevel = self._isolation.currentData()
        sources = await self._sources(session)
        part = await resolve(session.cluster, sources, self._range.start, self._range.end, isolation, _now())
        return session, part, isolation

    async def _find_all(self, spec: FilterSpec) -> None:
        _, part, isolation = await self._part()
        search = await self._open_search(SearchQuery(part.ranges, spec, _now(), isolation), part.troubles)
        self._search = search
        self.browsed, self.ring = None, RecordRing(RING_BYTES)
        self.received = 0
        self.view.set_newest_first(False)
        self._show_source(part.troubles, stays=True)
        self._searched = True
        self.coverage.show()
        try:
            while (batch := await search.next_batch()) is not None:
                self._collect(batch)
        finally:
            self._search = None
            await search.close()
            self.coverage.show_report(search.report())
            self._show_rows()

    def show_query(self, spec: FilterSpec | None = None) -> None:
        if spec is not None:
            self.query.show_spec(spec)
        self.query.show()
        self.query.setFocus(_BY_KEY)
        self.query.edit.selectAll()

    def _close_query(self) -> None:
        self.query.hide()
        self.view.setFocus()
        if self._searched:
            self.reload()

    def _pause_search(self) -> None:
        if self._search is not None:
            (self._search.resume if self._search.paused else self._search.pause)()
            self._tell()

    def go_to(self, place: str) -> None:
        """Selects the record at a place as `parse_place` takes it."""
        self.tasks.start("go", self._go_to(place))

    async def _go_to(self, text: str) -> None:
        """Selects the first record at the place, or the newest before it where there is none."""
        mark_invalid(self._place, False)
        try:
            place = parse_place(text)
        except Failure:
            mark_invalid(self._place, True)
            raise
        if self.browsed is None:
            raise Failure(FailureKind.REFUSED, "This is not the whole topic.", "Refresh browses all of it.")
        window, session = self.browsed, await self._connect()
        sources = await self._sources(session)
        isolation: IsolationLevel = self._isolation.currentData()
        part = await resolve(session.cluster, sources, place, None, isolation, _now())
        self.view.select(min(window.row_from(part.ranges), len(window) - 1))
        self.view.setFocus()
        self._show_troubles(part.troubles)

    async def _live(self) -> None:
        session = await self._connect()
        isolation: IsolationLevel = self._isolation.currentData()
        sources = await self._sources(session)
        page = await browser.newest(session.cluster, self.topic, _FIRST, isolation, known=sources)
        ring = RecordRing(RING_BYTES)
        ring.extend(page.records)
        self.browsed, self.ring = None, ring
        self.view.set_newest_first(True)
        self.received = len(page.records)
        self._told = (time.monotonic(), self.received)
        self._show_source(page.troubles)
        await self._going.wait()
        await browser.follow(session.cluster, page.ends, self._take, isolation)

    async def _sources(self, session: Session) -> list[TopicPartition]:
        """The partitions to read. They are asked for only when the catalog does not know the topic."""
        metadata = session.catalog.metadata
        topic = next((t for t in metadata.topics if t.name == self.topic), None) if metadata else None
        if topic is None or topic.trouble:
            found = await browser.partitions_of(session.cluster, self.topic)
        else:
            found = [TopicPartition(self.topic, partition.id) for partition in topic.partitions]
        known = [self._partition.itemData(i) for i in range(1, self._partition.count())]
        for source in found:
            if source.partition not in known:
                self._partition.addItem(f"Partition {source.partition}", source.partition)
        wanted = self._partition.currentData()
        return [source for source in found if wanted in (None, source.partition)]

    async def _take(self, batch: Batch) -> None:
        self._collect(batch)
        await self._going.wait()

    def _collect(self, batch: Batch) -> None:
        if len(batch.records) and self.ring is not None:
            self.ring.extend(batch.records)
            self.received += len(batch.records)
            if not self._repaint.isActive():
                self._repaint.start()
        self._show_troubles(batch.troubles)

    def _arrived(self) -> None:
        """Rows that the table had asked for."""
        self.view.rows_changed()
        if self._unseen and (record := self.view.current_record):  # selected before it was there
            self._inspect(record)
        if self.browsed is not None:
            self._show_troubles(self.browsed.troubles)

    # what is shown

    @cached_property
    def query(self) -> QueryBar:
        """Made when first wanted, as the next two are: opening a panel should cost little."""
        made = QueryBar()
        made.restore_state(self._filters)
        made.searched.connect(self.search)
        made.closed.connect(self._close_query)
        self._column.insertWidget(1, made)
        return made

    @cached_property
    def coverage(self) -> CoverageStrip:
        made = CoverageStrip()
        made.pause_requested.connect(self._pause_search)
        made.stop_requested.connect(lambda: self.tasks.cancel("read"))
        self._column.insertWidget(self._column.indexOf(self.strip), made)
        return made

    @cached_property
    def inspector(self) -> Inspector:
        """Imported only then, too."""
        from kexplorer.ui.widgets.inspector import Inspector  # noqa: PLC0415

        made = Inspector(self.tasks)
        made.notice.connect(self.say)
        sizes = self._splitter.sizes()
        self._splitter.replaceWidget(1, made)
        self._unselected.deleteLater()
        self._splitter.setSizes(sizes)
        return made

    def _inspect(self, record: Record | None) -> None:
        self._unseen = record is None
        if record is not None or "inspector" in vars(self):
            self.inspector.show_record(record, self._schemas)

    def _show_rows(self) -> None:
        self.view.rows_changed()
        self._tell()

    def _show_troubles(self, troubles: Sequence[Trouble]) -> None:
        if not troubles:
            return
        first = troubles[0].failure
        also = f" The same or worse in {len(troubles) - 1} more partitions." if len(troubles) > 1 else ""
        self.strip.show_failure(Failure(first.kind, first.message + also, first.hint))

    @property
    def _source(self) -> RowSource:
        if self.browsed is not None:
            return self.browsed
        return RecordRing(0) if self.ring is None else self.ring

    def _show_source(self, troubles: Sequence[Trouble], *, stays: bool = False) -> None:
        self._loading = False
        self.view.set_source(self._source, stays=stays)
        self._show_troubles(troubles)
        self._tell()

    def _tell(self) -> None:
        self._show_page()
        if self._going.is_set() and not self.view.following and self.received > self._seen:
            self._newer.setText(f"{count(self.received - self._seen)} new")
            self._newer.show()
        elif not self._going.is_set():
            self._newer.hide()
        if self._search is not None:
            self.coverage.show_progress(self._search.progress(), self._search.coverage(), self._search.paused)
        text = "Reading …" if self._loading else self._told_of_window() if self.ring is None else self._told_of_ring()
        self._summary.show_text(text)
        self.say(text)

    def _watch_newest(self, following: bool) -> None:
        """The newest rows went out of sight, or came back."""
        self._seen = self.received
        if following:
            self._newer.hide()

    def _told_of_window(self) -> str:
        return f"{count(self.rows)} offsets"

    def _told_of_ring(self) -> str:
        ring = self._source
        kept = f"{count(len(ring))} records"
        if ring.dropped:
            kept = f"newest {count(len(ring))} of {count(self.received)} records"
        now = time.monotonic()
        since, before = self._told
        if now - since >= _TELL_EVERY / 1000:
            self._rate = (self.received - before) / (now - since)
            self._told = (now, self.received)
        if self._searched:
            return f"{kept} found"
        return f"{kept} · {rate(self._rate)}" if self._going.is_set() else f"{kept} · paused"

    def _show_page(self) -> None:
        page: QWidget = self.view if self.rows else self.empty
        if page is not self._pages.currentWidget():
            focused = self.isAncestorOf(QApplication.focusWidget() or self.window())
            self._pages.setCurrentWidget(page)
            self.setFocusProxy(page)
            if focused:
                page.setFocus()
        if self.rows:
            return
        if self._loading:
            self.empty.tell("message", f"Reading {self.topic} …")
        elif self.strip.failure is not None:
            self.empty.tell("warning", "Nothing could be read.")
        elif self._search is not None:
            self.empty.tell("search", "Nothing found yet.", "The search goes on.")
        elif self._searched:
            self.empty.tell("search", "Nothing was found.", "Above stands what was scanned.")
        elif self._going.is_set():
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


def _now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _action(panel: Panel, icon_name: str, text: str, shortcut: str, run: Callable[[], None]) -> QAction:
    action = QAction(icon(icon_name), text, panel, shortcut=QKeySequence(shortcut))
    action.triggered.connect(lambda _: run())
    return action
