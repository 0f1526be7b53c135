"""The topics of a cluster: names at once, offsets, rates and configuration as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Protocol

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
)

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.topics import ClusterMetadata, Topic
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import topic_sizes
from kexplorer.services.topic_readers import count_readers
from kexplorer.ui.icons import icon
from kexplorer.ui.models.topic_columns import COLUMNS, TopicRow
from kexplorer.ui.models.topics import TopicsModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import topics_key
from kexplorer.ui.panels.topic_actions import OpenSession, TopicActions
from kexplorer.ui.panels.topic_views import TopicViews
from kexplorer.ui.topic_filter import SYNTAX, topic_filter
from kexplorer.ui.widgets.action_button import action_button
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import rows_in_sight
from kexplorer.ui.widgets.topic_table import TopicTable

_LOOK_EVERY = 3.0  # seconds between two looks at the rows that are seen
_WHOLE_ROW = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
_SWEEP_EVERY = 60.0  # seconds: every broker looks through all of its logs, or tells of all of its groups
_PIECE = 500  # topics whose details are asked for at a time, after the rows that are seen


class Favourites(Protocol):
    """The topics of a cluster that a person marked; both return all of them."""

    async def load(self) -> frozenset[str]: ...

    async def mark(self, topics: Sequence[str], on: bool) -> frozenset[str]: ...


class TopicsPanel(Panel):
    """`open_session` connects when that is needed; `open_topics` shows the messages of one or more in one view,
    `open_details` the partitions and configuration of one. `clusters` are all that topics can be compared with, by
    profile name; `copy` has the records of one topic copied into another."""

    def __init__(
        self,
        profile: Profile,
        open_session: Callable[[], Awaitable[Session]],
        open_topics: Callable[[Sequence[str]], None],
        open_details: Callable[[str], None],
        favourites: Favourites,
        clusters: Callable[[], Mapping[str, OpenSession]],
        copy: Callable[[Session, str, str], None],
    ) -> None:
        super().__init__(topics_key(profile.name), "Topics", "topic", profile.name, profile.colour)
        self._open_session = open_session
        self._open_topics = open_topics
        self._open_details = open_details
        self._favourites = favourites
        self._starred: frozenset[str] = frozenset()
        self._unwatch: Callable[[], object] = lambda: None
        self._known = False  # which topics there are
        self._model = TopicsModel(self)
        self._place: tuple[list[str], str, int] = ([], "", 0)  # selected and current topics, and how far it is scrolled
        self.actions_on = TopicActions(self, profile, self.tasks, open_session, self._selected, clusters, copy)
        self.views = TopicViews(self, self._selected)
        self._build()
        self._offer()
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        self._model.modelAboutToBeReset.connect(self._remember_place)
        self._model.modelReset.connect(self._restore_place)  # behind the table's own: that one forgets the selection
        self.tasks.start("load", self._load())
        self.tasks.start("favourites", self._load_favourites())

    def _build(self) -> None:
        self._count = plain_label("", role="muted")
        self._filter = FilterBox("Filter topics: text, /regex/ or ~letters")
        self._filter.setToolTip(SYNTAX)
        self._filter.filter_changed.connect(self._filter_changed)
        self._filter.left.connect(self._enter_table)
        self._internal = QCheckBox("Internal")
        self._internal.setToolTip("Also show topics whose name begins with an underscore")
        self._internal.toggled.connect(self._internal_toggled)
        self._refresh = QAction(icon("refresh"), "Refresh topics", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self._refresh_now)
        self._find = QAction(icon("filter"), "Filter topics", self, shortcut=QKeySequence("Ctrl+F"))
        self._find.triggered.connect(self._filter.setFocus)
        self._star = QAction(icon("star"), "Mark or unmark as favourite", self, shortcut=QKeySequence("Ctrl+Alt+S"))
        self._star.triggered.connect(self._toggle_star)
        self._first = QCheckBox("Favourites first")
        self._first.toggled.connect(self._model.show_favourites_first)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 8, 12, 8)
        bar.setSpacing(8)
        bar.addWidget(self._filter, 1)
        bar.addWidget(self._count)
        bar.addWidget(self._first)
        bar.addWidget(self._internal)
        bar.addWidget(action_button(self.actions_on.create, "Create topic"))
        bar.addWidget(action_button(self._refresh, "Refresh"))
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self._refresh_now)
        self._table = TopicTable(self._model)
        self._table.activated.connect(self._activated)
        self._table.customContextMenuRequested.connect(self._menu)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._table)
        self._empty = EmptyState("topic", "")
        self._empty.action_requested.connect(lambda: self._clear_filter() if self._known else self._refresh_now())
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.strip)
        column.addWidget(self._pages, 1)
        self.setFocusProxy(self._table)
        self._show_page()

    def _offer(self) -> None:
        self.actions_on.look()
        self.views.look()

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        on = self.actions_on
        return (self._refresh, self._find, on.create, *on.on_topics, self._star, *self.views.all())

    def set_zone(self, zone: tzinfo) -> None:
        self.actions_on.zone = zone

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        self._show_page()

    def save_state(self) -> dict[str, object]:
        header = self._table.horizontalHeader()
        return {
            "internal": self._internal.isChecked(),
            "favourites first": self._first.isChecked(),
            "sort": [header.sortIndicatorSection(), header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder],
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        self._internal.setChecked(state.get("internal") is True)
        self._first.setChecked(state.get("favourites first") is True)
        match state.get("sort"):
            case [int(section), bool(descending)] if 0 <= section < len(COLUMNS):
                order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
                self._table.sortByColumn(section, order)

    async def close_panel(self) -> None:
        self._unwatch()
        self._unwatch = lambda: None
        await super().close_panel()

    @property
    def complete(self) -> bool:
        """All that is shown is known."""
        return self._known and not self._model.unknown()

    def rows(self) -> list[TopicRow]:
        """What is shown, in its order."""
        return [self._model.row(number) for number in range(self._model.rowCount())]

    def show_internal(self, on: bool) -> None:
        self._internal.setChecked(on)

    # work

    async def _load(self) -> None:
        session = await self._open_session()
        self._unwatch()
        self._unwatch = session.catalog.watch(self._take)
        if session.catalog.metadata:
            self._take(session.catalog.metadata)
        self.tasks.start("details", self._details(session))
        self.tasks.start("sizes", self._sizes(session))
        self.tasks.start("consumers", self._consumers(session))
        await session.catalog.refresh()

    async def _details(self, session: Session) -> None:
        """The rows that are seen first and again and again, the others once, a piece at a time."""
        while True:
            try:
                if self.isVisible():
                    await self._look(session, self._seen())
                rest = self._model.unknown()[:_PIECE]
                await self._look(session, rest)
            except Failure as failure:
                self.strip.show_failure(failure)
                rest = []
            if not rest:
                await asyncio.sleep(_LOOK_EVERY)

    async def _sizes(self, session: Session) -> None:
        async def sweep() -> None:
            brokers = session.catalog.metadata.brokers if session.catalog.metadata else ()
            self._model.set_sizes(await topic_sizes(session.cluster, [broker.id for broker in brokers]))

        await self._sweep(sweep, self._model.set_sizes)

    async def _consumers(self, session: Session) -> None:
        async def sweep() -> None:
            self._model.set_consumers(await count_readers(session.cluster))

        await self._sweep(sweep, self._model.set_consumers)

    async def _sweep(self, sweep: Callable[[], Awaitable[None]], refused: Callable[[Failure], None]) -> None:
        """Again and again. A cluster that doesn't tell is not asked again before the next refresh."""
        while True:
            if not self._known or not self.isVisible():
                await asyncio.sleep(_LOOK_EVERY)
                continue
            try:
                await sweep()
            except Failure as failure:
                refused(failure)
                if failure.kind in (FailureKind.UNSUPPORTED, FailureKind.AUTHORIZATION):
                    return
            await asyncio.sleep(_SWEEP_EVERY)

    async def _load_favourites(self) -> None:
        self._show_stars(await self._favourites.load())

    async def _look(self, session: Session, topics: Sequence[Topic]) -> None:
        await session.catalog.offsets(topics, self._model.set_offsets)
        if wanting := self._model.without_configs([topic.name for topic in topics]):
            self._model.set_configs(await session.catalog.configs(wanting))

    def _take(self, metadata: ClusterMetadata) -> None:
        self._known = True
        self._model.set_topics(metadata.topics)
        self.strip.clear()
        self._show_page()

    def _seen(self) -> list[Topic]:
        return [self._model.row(row).topic for row in rows_in_sight(self._table)]

    def _refresh_now(self) -> None:
        self.strip.clear()
        self._show_page()
        self.tasks.start("load", self._load())

    # what a person does

    def _filter_changed(self, text: str) -> None:
        try:
            self._model.set_filter(topic_filter(text))
        except Failure as failure:
            self.strip.show_failure(failure)
            return
        self.strip.clear_typed()
        self._show_page()

    def _toggle_star(self) -> None:
        """All that are selected: marked, unless all of them are."""
        names = self._selected()
        if names:
            self.tasks.start("favourites", self._mark(names, not self._starred.issuperset(names)))

    async def _mark(self, names: Sequence[str], on: bool) -> None:
        self._show_stars(await self._favourites.mark(names, on))

    def _show_stars(self, names: frozenset[str]) -> None:
        self._starred = names
        self._model.set_favourites(names)

    def _internal_toggled(self, on: bool) -> None:
        self._model.show_internal(on)
        self._show_page()

    def _clear_filter(self) -> None:
        self._filter.clear()
        if not self._model.total:
            self._internal.setChecked(True)

    def _enter_table(self) -> None:
        """From the filter to what it found."""
        if self._model.rowCount():
            if not self._table.currentIndex().isValid():
                self._table.selectRow(0)
            self._table.setFocus()

    def _activated(self, index: QModelIndex) -> None:
        """Enter opens all that are selected, a double click the one that it hit."""
        names = self._selected()
        clicked = self._model.row(index.row()).topic.name
        self._open_topics(names if clicked in names else [clicked])

    def _selected(self) -> list[str]:
        rows = sorted(index.row() for index in self._table.selectionModel().selectedRows())
        return [self._model.row(row).topic.name for row in rows]

    def _remember_place(self) -> None:
        index = self._table.currentIndex()
        chosen, current = self._place[:2]
        if index.isValid():
            chosen, current = self._selected(), self._model.row(index.row()).topic.name
        self._place = (chosen, current, self._table.verticalScrollBar().value())

    def _restore_place(self) -> None:
        chosen, current, scrolled = self._place
        if (row := self._model.row_of(current)) >= 0:
            self._table.selectRow(row)
        for name in chosen:
            if (row := self._model.row_of(name)) >= 0:
                self._table.selectionModel().select(self._model.index(row, 0), _WHOLE_ROW)
        self._table.verticalScrollBar().setValue(scrolled)

    def _menu(self, at: QPoint) -> None:
        index = self._table.indexAt(at)
        if not index.isValid():
            return
        names = self._selected()
        together = "Open messages" if len(names) == 1 else f"Open messages of {len(names)} topics together"
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("message"), together, lambda: self._open_topics(names))
        if len(names) == 1:
            menu.addAction(icon("partition"), "Partitions and configuration", lambda: self._open_details(names[0]))
        menu.addActions(self.views.all())
        menu.addSeparator()
        copy = "Copy name" if len(names) == 1 else "Copy names"
        menu.addAction(icon("copy"), copy, lambda: QGuiApplication.clipboard().setText("\n".join(names)))
        on = not self._starred.issuperset(names)
        menu.addAction(icon("star"), "Mark as favourite" if on else "No favourite any more", self._star.trigger)
        menu.addSeparator()
        menu.addActions(self.actions_on.on_topics)
        menu.popup(self._table.viewport().mapToGlobal(at))

    def _show_page(self) -> None:
        shown, total = self._model.rowCount(), self._model.total
        if not self._known:
            if self.strip.failure:
                self._empty.tell("unplug", f"{self.profile} is not connected.", "The reason stands above.", "Try again")
            else:
                self._empty.tell("topic", f"Connecting to {self.profile} …")
        elif not total:
            self._empty.tell("topic", "This cluster has no topics yet.", "Internal topics are hidden.", "Show internal")
        elif not shown:
            self._empty.tell("filter", "No topic answers to that filter.", f"{SYNTAX}.", "Clear the filter")
        self._pages.setCurrentIndex(0 if shown else 1)
        topics = "1 topic" if total == 1 else f"{count(total)} topics"
        self._count.setText(topics if shown == total else f"{count(shown)} of {topics}")
        self._count.setVisible(self._known)
        self.say(topics if self._known else "")
