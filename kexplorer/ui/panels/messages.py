"""The records of a topic: any place of it at once, or what arrives while one looks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from kexplorer.formats.numbers import count, rate
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Batch, Record, RecordRing, Trouble
from kexplorer.model.search import FilterKind, FilterSpec, SavedSearch, SearchQuery, Where
from kexplorer.model.topics import IsolationLevel, TopicPartition
from kexplorer.services import browser
from kexplorer.services.identity import changed, ids_of
from kexplorer.services.ranges import parse_place
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.services.sessions import Session
from kexplorer.services.window import WINDOW_BYTES, TopicWindow
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.exporter import Exporter
from kexplorer.ui.panels.keys import messages_key
from kexplorer.ui.panels.messages_bar import MessagesBar
from kexplorer.ui.panels.messages_search import SearchArea
from kexplorer.ui.panels.messages_time import TimeArea
from kexplorer.ui.panels.messages_transactions import mark_shown, tell_held
from kexplorer.ui.panels.record_actions import RecordActions
from kexplorer.ui.panels.topic_part import TopicPart
from kexplorer.ui.panels.topic_views import TopicViews
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.record_view import RecordView, RowSource

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas
    from kexplorer.ui.widgets.inspector import Compression, Inspector

RING_BYTES = 128 << 20  # what one tab keeps of what it follows
_FIRST = 100  # records of each partition that are read first
_REPAINT_EVERY = 100  # ms: what moves faster nobody reads, and a paint of new rows takes 10
_TELL_EVERY = 1000  # ms


class MessagesPanel(Panel):
    """Browses the topic (`browsed`), or fills a `ring`: with what arrives at its end, or with what a search finds. One
    of the two is what the table shows. Reads without joining a group and without committing. `open_session` connects
    when that is needed; `searches` makes those whose workers are this panel's until it closes them; `page_bytes` is how
    much it may keep of the pages that were looked at."""

    details_wanted = Signal(str)  # topic

    def __init__(
        self,
        profile: Profile,
        topics: Sequence[str],
        open_session: Callable[[], Awaitable[Session]],
        searches: Searches,
        exporter: Exporter,
        page_bytes: Callable[[], int] = lambda: WINDOW_BYTES,
        compression: Compression | None = None,
    ) -> None:
        title = topics[0] if len(topics) == 1 else f"{topics[0]} + {len(topics) - 1}"
        super().__init__(messages_key(profile.name, *topics), title, "message", profile.name, profile.colour)
        self.topics = tuple(topics)
        self._open_session = open_session
        self._searches = searches
        self._profile = profile
        self._exporter = exporter
        self._page_bytes = page_bytes
        self._compression = compression
        self._zone: tzinfo = UTC
        self._schemas: Schemas | None = None  # of the session that was read with last
        self.browsed: TopicWindow | None = None  # while one browses
        self.ring: RecordRing | None = None  # while one follows
        self.received = self._seen = 0
        self._rate = 0.0  # records a second
        self._told = (time.monotonic(), 0)  # when the rate was last worked out, and what had been received by then
        self._going = asyncio.Event()  # cleared while a follow is paused
        self._browsing = asyncio.Event()  # set while there is a topic to go to a place in
        self._loading = True
        self._unseen = False  # the selected record is not there yet
        self._repaint = QTimer(self, interval=_REPAINT_EVERY, singleShot=True)
        self._repaint.timeout.connect(self._show_rows)
        self._tell_timer = QTimer(self, interval=_TELL_EVERY)
        self._tell_timer.timeout.connect(self._tell)
        self._build()
        self.reload()
        self.tasks.start("offer", self.searching.look_for_interrupted())

    def _build(self) -> None:
        """Every widget is made inside its parent: one that comes in later has all that is in it styled once more."""
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        self._build_view()
        self._build_reading()
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._pages)
        self._unselected = EmptyState(
            "message", "No record is selected.", "Select one to see all of it.", parent=self._splitter
        )
        self._splitter.addWidget(self._unselected)
        self._splitter.setSizes([620, 380])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.bar, self.times, self.searching, self.strip, self.notice):
            column.addWidget(part)
        column.addWidget(self._splitter, 1)
        self.setFocusProxy(self.empty)

    def _build_view(self) -> None:
        self._pages = QStackedWidget(self._splitter)
        self.view = RecordView(self.tasks, self._pages)
        if len(self.topics) > 1:
            self.view.show_column("topic")
        self.view.set_newest_first(True)
        self.view.current_changed.connect(self._inspect)
        self.view.activated.connect(lambda _: self.inspector.setFocus())
        self.view.context_menu_requested.connect(self._menu)
        self.view.notice.connect(self.say)
        self.view.filter_requested.connect(self.narrow)
        self.view.following_changed.connect(self._watch_newest)
        self.records = RecordActions(self, self.view, self._profile, lambda: (self._schemas, self._zone))
        self.records.life_wanted.connect(self.show_life)
        self.views = TopicViews(self, lambda: self.topics)
        self.records.schemas_changed.connect(self._schemas_changed)
        self._ends = (
            _action(self, "jump-top", "Go to the newest", "Ctrl+Home", lambda: self.view.select(self.rows - 1)),
            _action(self, "jump-bottom", "Go to the oldest", "Ctrl+End", lambda: self.view.select(0)),
        )
        self.empty = EmptyState("message", "", parent=self._pages)
        self.empty.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.empty)

    def _build_reading(self) -> None:
        self._follow = _action(self, "play", "Follow", "Ctrl+E", self._toggle_follow)
        self._refresh = _action(self, "refresh", "Browse up to the newest", "Ctrl+R", self.reload)
        self._find = _action(self, "search", "Search", "Ctrl+F", self.show_query)
        self._details = _action(self, "partition", "Partitions and configuration", "Ctrl+I", self._want_details)
        self._export = _action(self, "download", "Export…", "Ctrl+S", self.export)
        self._histogram = _action(self, "histogram", "Histogram over time", "Ctrl+H", self._toggle_histogram)
        self._histogram.setCheckable(True)
        self.empty.action_requested.connect(self._follow.trigger)
        self.strip, self.notice = ErrorStrip(self), NoticeStrip(self)
        self.strip.retry_requested.connect(self.reload)
        self.bar = MessagesBar(self, self._follow, self._refresh, self._histogram)
        self.bar.changed.connect(self.reload)
        self.bar.range.failed.connect(self.strip.show_failure)
        self.bar.go_requested.connect(self.go_to)
        self.bar.newest_requested.connect(self.view.jump_to_newest)
        self._jump = _action(self, "jump-bottom", "Go to a place", "Ctrl+G", self.bar.focus_place)
        self._part = TopicPart(self.topics, self._connect, self.bar)
        self.times = TimeArea(self, self.bar.range)
        self.times.wanted.connect(lambda: self.tasks.start("histogram", self._count_times()))
        self.searching = SearchArea(self, self._searches, self.topics, self.tasks)
        self.searching.requested.connect(self.search)
        self.searching.closed.connect(self._leave_search)
        self.searching.stop_requested.connect(lambda: self.tasks.cancel("read"))
        self.searching.resume_requested.connect(lambda saved: self._start(self._resume(saved)))

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        reading = (self._follow, self._refresh, self._find, self._histogram, self._jump, *self._ends)
        others = (self.view.columns_action(), self._export, self._details, *self.views.all())
        return (*reading, *self.records.all(), *others)

    def show_failure(self, failure: Failure) -> None:
        self._loading = False
        self._stop_following()
        self.strip.show_failure(failure)
        self._tell()

    def save_state(self) -> dict[str, object]:
        return {
            **self.bar.save_state(),
            "following": self._going.is_set(),
            "filters": self.searching.save_state(),
            "histogram": self.times.shown,
            "splitter": self._splitter.sizes(),
            "columns": self.view.save_state(),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.bar.restore_state(state.get("committed"), state.get("range"))
        self.searching.restore_state(state.get("filters"))
        if state.get("histogram") is True:
            self._histogram.setChecked(True)
            self.times.set_shown(True)
        match state.get("splitter"):
            case [int(above), int(below)]:
                self._splitter.setSizes([above, below])
        if isinstance(columns := state.get("columns"), dict):
            self.view.restore_state(columns)
        if state.get("following") is True:
            self.follow()
        else:
            self.reload()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        self.view.set_zone(zone)
        self.bar.set_zone(zone)
        self.times.set_zone(zone)
        if "inspector" in vars(self):
            self.inspector.set_zone(zone)

    async def close_panel(self) -> None:
        self._tell_timer.stop()
        await self.searching.close_area()
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
        self.view.set_schemas(self._schemas)  # those that could not be had are asked for again
        self._start(self._browse())

    def show_isolation(self, isolation: IsolationLevel) -> None:
        """Browses the whole topic as readers of that level see it."""
        self.bar.range.reset()
        self.bar.show_isolation(isolation)
        self.reload()

    def follow(self) -> None:
        """Shows what arrives, behind the newest records there are; goes on where a pause began."""
        self._going.set()
        self.bar.show_following(True)
        if self.ring is not None and not self.searching.shown and self.tasks.running("read"):
            self._tell()
        else:
            self._start(self._live())

    def search(self, spec: FilterSpec) -> None:
        """Looks at every record of the part that is chosen; matches are shown as they are found."""
        self._stop_following()
        order = self.searching.query
        self._start(self._find_all(spec, newest_first=order.newest_first, limit=order.limit))

    def narrow(self, expression: str) -> None:
        """Searches for records of which `expression` holds as well as the one that was searched for before."""
        before = self.searching.query.spec() if self.searching.shown else FilterSpec("")
        if before.text and before.kind is FilterKind.EXPRESSION:
            expression = f"({before.text}) and {expression}"
        spec = FilterSpec(expression, FilterKind.EXPRESSION)
        self.show_query(spec)
        self.search(spec)

    def show_life(self, key: bytes) -> None:
        """Searches for every record of the topic that has this key, the oldest first."""
        self.bar.range.reset()
        spec = FilterSpec(key.decode("utf-8", "surrogateescape"), FilterKind.EQUALS, where=Where.KEY)
        self.show_query(spec)
        self.searching.query.order.newest_first = False
        self._stop_following()
        self._start(self._find_all(spec, newest_first=False))

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
        self.bar.show_following(False)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._loading = True
        self._browsing.clear()
        self._tell_timer.start()
        self.searching.clear()
        self.times.clear_matches()
        self.strip.clear()
        self.notice.show_text("")
        self._tell()
        self.tasks.cancel("held")
        self.tasks.cancel("marks")
        self.tasks.cancel("identity")
        self.tasks.start("read", work)

    async def _browse(self) -> None:
        session, part, isolation, _ = await self._part.chosen()
        window = TopicWindow(session.cluster, part.ranges, isolation, self._arrived, self._page_bytes())
        await window.fetch_newest(_FIRST)
        self.browsed, self.ring = window, None
        self._browsing.set()
        self.view.set_newest_first(True)
        self._show_source(part.troubles)
        self._watch_transactions(session.cluster, [each.source for each in part.ranges])
        if self.times.shown:
            self.times.wanted.emit()
        await window.run()

    async def _connect(self) -> Session:
        session = await self._open_session()
        if session.schemas is not self._schemas:
            self._schemas = session.schemas
            self.view.set_schemas(session.schemas)
        return session

    async def _find_all(self, spec: FilterSpec, *, newest_first: bool, limit: int | None = None) -> None:
        session, part, isolation, now = await self._part.chosen()
        ids = await ids_of(session.cluster, self.topics)
        query = SearchQuery(part.ranges, spec, now, isolation, newest_first, limit, ids)
        await self._show_search(session, await self._searches.begin(query, part.troubles), part.troubles)

    async def _resume(self, saved: SavedSearch) -> None:
        session = await self._connect()
        await self._show_search(session, await self._searches.resume(saved, session.cluster), ())

    async def _show_search(self, session: Session, search: Search, troubles: Sequence[Trouble]) -> None:
        self.browsed, self.ring = None, RecordRing(RING_BYTES)
        self.received = 0
        self.view.set_newest_first(False)
        self._show_source(troubles, stays=True)
        self._watch_transactions(session.cluster, [each.source for each in search.query.ranges])
        try:
            await self.searching.run(search, self._found)
            if len(search.query.ranges) > 1:  # matches came as the partitions were looked through
                self.view.sort_by_time(descending=search.query.newest_first)
        finally:
            self._show_rows()
            await self.searching.look_for_interrupted()

    def _found(self, batch: Batch) -> None:
        self._collect(batch)
        self.times.show_matches(ms for ms, *_ in batch.records.positions())

    def show_query(self, spec: FilterSpec | None = None) -> None:
        self.searching.show_query(spec)
        self.tasks.start("learn", self.searching.learn(self._source))

    def _leave_search(self) -> None:
        self.view.setFocus()
        if self.searching.shown:
            self.reload()

    def _want_details(self) -> None:
        """Of the current record's topic."""
        record = self.view.current_record
        self.details_wanted.emit(record.topic if record else self.topics[0])

    def export(self) -> None:
        """Asks what to write where."""
        self.tasks.start("export", self._ask_export())

    async def _ask_export(self) -> None:
        session, part, isolation, _ = await self._part.chosen()
        selected = self.view.selected_records()
        await self._exporter.ask(self, self.title, session.cluster, part, isolation, selected, self.ring)

    def go_to(self, place: str) -> None:
        """Selects the record at a place as `parse_place` takes it."""
        self.tasks.start("go", self._go_to(place))

    async def _go_to(self, text: str) -> None:
        """Selects the first record at the place, or the newest before it where there is none."""
        self.bar.mark_place(False)
        try:
            place = parse_place(text, self._zone)
        except Failure:
            self.bar.mark_place(True)
            raise
        if self.tasks.running("read") and self._loading:
            await self._browsing.wait()
        if self.browsed is None:
            raise Failure(FailureKind.REFUSED, "This is not the whole topic.", "Refresh browses all of it.")
        window, part = self.browsed, (await self._part.behind(place)).part
        self.view.select(min(window.row_from(part.ranges), len(window) - 1))
        self.view.setFocus()
        self._show_troubles(part.troubles)

    async def _live(self) -> None:
        isolation = self.bar.isolation
        session, sources = await self._part.sources()
        page = await browser.newest(session.cluster, sources, _FIRST, isolation)
        ring = RecordRing(RING_BYTES)
        ring.extend(page.records)
        self.browsed, self.ring = None, ring
        self.view.set_newest_first(True)
        self.received = len(page.records)
        self._told = (time.monotonic(), self.received)
        self._show_source(page.troubles)
        self._watch_transactions(session.cluster, sources)
        await self._going.wait()
        await browser.follow(session.cluster, page.ends, self._take, isolation)

    def _toggle_histogram(self) -> None:
        self.times.set_shown(self._histogram.isChecked())
        if not self.times.shown:
            self.tasks.cancel("histogram")
            self.setFocus()

    async def _count_times(self) -> None:
        session, part, isolation, now = await self._part.chosen()
        await self.times.count(session.cluster, part.ranges, isolation, now)

    def _watch_transactions(self, cluster: Cluster, sources: Sequence[TopicPartition]) -> None:
        self.tasks.start("held", tell_held(cluster, sources, lambda: self._zone, self.notice.show_text))
        if self.ring is not None and self.bar.isolation is IsolationLevel.READ_UNCOMMITTED:
            self.tasks.start("marks", mark_shown(cluster, self.ring, self.view))
        self.tasks.start("identity", self._watch_identity(cluster))

    async def _watch_identity(self, cluster: Cluster) -> None:
        """Reads no further once a topic is not the one any more whose records are shown; they stay."""
        change = await changed(cluster, self.topics)
        for work in ("read", "held", "marks", "go", "histogram"):
            self.tasks.cancel(work)
        self.notice.show_text("")
        self.show_failure(change.failure(self._zone))
        with contextlib.suppress(Failure):  # the new one may have other partitions
            await (await self._open_session()).catalog.refresh()

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
        self.view.marks_changed()
        if self._unseen and (record := self.view.current_record):  # selected before it was there
            self._inspect(record)
        if self.browsed is not None:
            self._show_troubles(self.browsed.troubles)

    # what is shown

    @cached_property
    def inspector(self) -> Inspector:
        """Made, and its module imported, when first wanted: opening a panel should cost little."""
        from kexplorer.ui.widgets.inspector import Inspector  # noqa: PLC0415

        made = Inspector(self.tasks, compression=self._compression)
        made.set_zone(self._zone)
        made.notice.connect(self.say)
        made.pin_requested.connect(self.view.add_column)
        made.filter_requested.connect(self.narrow)
        sizes = self._splitter.sizes()
        self._splitter.replaceWidget(1, made)
        self._unselected.deleteLater()
        self._splitter.setSizes(sizes)
        return made

    def _inspect(self, record: Record | None) -> None:
        self._unseen = record is None
        if record is not None or "inspector" in vars(self):
            self.inspector.show_record(record, self._schemas)

    def _schemas_changed(self) -> None:
        self.view.set_schemas(self._schemas)
        self._inspect(self.view.current_record)

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
        away = self._going.is_set() and not self.view.following
        self.bar.show_newer(self.received - self._seen if away else 0)
        self.searching.tell()
        text = "Reading …" if self._loading else self._told_of_window() if self.ring is None else self._told_of_ring()
        self.bar.show_summary(text)
        self.say(text)

    def _watch_newest(self, following: bool) -> None:
        """The newest rows went out of sight, or came back."""
        self._seen = self.received
        if following:
            self.bar.show_newer(0)

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
        if self.searching.shown:
            return f"{kept} found"
        return f"{kept} · {rate(self._rate)}" if self._going.is_set() else f"{kept} · paused"

    def _show_page(self) -> None:
        page: QWidget = self.view if self.rows else self.empty
        if page is not self._pages.currentWidget():
            focused = self._pages.isAncestorOf(QApplication.focusWidget() or self.window())
            self._pages.setCurrentWidget(page)
            self.setFocusProxy(page)
            if focused:
                page.setFocus()
        if self.rows:
            return
        if self._loading:
            self.empty.tell("message", f"Reading {self.title} …")
        elif self.strip.failure is not None:
            self.empty.tell("warning", "Nothing could be read.")
        elif self.searching.running:
            self.empty.tell("search", "Nothing found yet.", "The search goes on.")
        elif self.searching.shown:
            self.empty.tell("search", "Nothing was found.", self.searching.advice)
        elif self._going.is_set():
            self.empty.tell("clock", "Waiting for the first record …", "It is shown as soon as it arrives.")
        else:
            self.empty.tell("message", "No readable records here.", "Follow shows the ones that arrive.", "Follow")

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.records.update()
        menu.addActions(self.view.copy_actions())
        menu.addSeparator()
        menu.addActions(self.records.all())
        menu.addSeparator()
        menu.addActions(self.views.all())
        menu.addSeparator()
        menu.addActions([self._export, self._details, self._follow, self._refresh])
        menu.popup(at)


def _action(panel: Panel, icon_name: str, text: str, shortcut: str, run: Callable[[], None]) -> QAction:
    action = QAction(icon(icon_name), text, panel, shortcut=QKeySequence(shortcut))
    action.triggered.connect(lambda _: run())
    return action
