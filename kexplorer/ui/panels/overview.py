"""A cluster at a glance: figures, brokers, what is not well, and the brokers' configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.overview import Overview, Picture
from kexplorer.services.sessions import Session
from kexplorer.ui.icons import icon
from kexplorer.ui.models.brokers import ADDRESS, BAR_COLUMNS, AilingModel, BrokersModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.broker_configuration import BrokerConfiguration
from kexplorer.ui.panels.keys import overview_key
from kexplorer.ui.widgets.bar_delegate import BarDelegate
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.figure_tile import FigureTile
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 3.0  # seconds
_DISKS_EVERY = 10  # looks: each broker lists all that it has
_MOST = 1000  # rows of what is not well
_TILES = (
    "Brokers",
    "Topics",
    "Partitions",
    "Without leader",
    "Under min ISR",
    "Under-replicated",
    "Offline replicas",
)


class OverviewPanel(Panel):
    """Looks again every few seconds while it is seen. `open_session` connects when that is needed, `open_details` shows
    one topic's partitions."""

    def __init__(
        self, profile: Profile, open_session: Callable[[], Awaitable[Session]], open_details: Callable[[str], None]
    ) -> None:
        super().__init__(overview_key(profile.name), "Overview", "cluster", profile.name, profile.colour)
        self._connection = profile
        self._open_session = open_session
        self._open_details = open_details
        self.brokers, self.ailing = BrokersModel(self), AilingModel(self)
        self.configuration: BrokerConfiguration | None = None
        self._configuration_state: Mapping[str, object] = {}
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self._refresh = QAction(icon("refresh"), "Refresh this cluster", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self.reload)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self._build_glance(), "At a glance")
        self._configuration_page = QWidget()
        QVBoxLayout(self._configuration_page).setContentsMargins(0, 0, 0, 0)
        self.tabs.addTab(self._configuration_page, "Broker configuration")
        self.tabs.currentChanged.connect(self._tab_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.tabs, 1)
        self.setFocusProxy(self._broker_table)
        self.reload()

    def _build_glance(self) -> QWidget:
        self._facts = plain_label(f"Looking at {self.profile} …", "muted", selectable=True)
        self._facts.setToolTip("The version is what all brokers have agreed to work as: they may be of a newer release")
        self.tiles = {name: FigureTile(name) for name in _TILES}
        tiles = QHBoxLayout()
        tiles.setSpacing(8)
        for tile in self.tiles.values():
            tiles.addWidget(tile)
        head = QVBoxLayout()
        head.setContentsMargins(12, 12, 12, 4)
        head.setSpacing(8)
        head.addLayout(tiles)
        head.addWidget(self._facts)
        self._broker_table = RowsTable(self.brokers, "Brokers")
        bars = BarDelegate(self.brokers, self._broker_table)
        for section in BAR_COLUMNS:
            self._broker_table.setItemDelegateForColumn(section, bars)
        header = self._broker_table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(ADDRESS, QHeaderView.ResizeMode.Stretch)
        self._broker_table.setToolTip("Enter or a double click shows a broker's configuration")
        self._broker_table.activated.connect(self._broker_activated)
        self._ailing_table = RowsTable(self.ailing, "What is not well")
        self._ailing_table.sortByColumn(1, Qt.SortOrder.AscendingOrder)  # the worst first
        self._ailing_table.activated.connect(self._ailing_activated)
        self._well = EmptyState("cluster", f"Looking at {self.profile} …")
        self._ailing_pages = QStackedWidget()
        self._ailing_pages.addWidget(self._well)
        self._ailing_pages.addWidget(self._ailing_table)
        self._ailing_heading = plain_label("What is not well", "heading")
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(_part(plain_label("Brokers", "heading"), self._broker_table))
        split.addWidget(_part(self._ailing_heading, self._ailing_pages))
        split.setSizes([200, 300])
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(split, 1)
        return page

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh,)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)
        if not self.brokers.total:
            self._well.tell("unplug", f"{self.profile} is not connected.", "The reason stands above.")
            self._facts.setText("Nothing is known yet.")

    def save_state(self) -> dict[str, object]:
        configuration = self.configuration.save_state() if self.configuration else self._configuration_state
        return {
            "tab": self.tabs.currentIndex(),
            "sorts": [self._broker_table.save_sort(), self._ailing_table.save_sort()],
            "configuration": dict(configuration),
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        match state.get("configuration"):
            case dict(found):
                self._configuration_state = found
        match state.get("sorts"):
            case [brokers, ailing]:
                self._broker_table.restore_sort(brokers)
                self._ailing_table.restore_sort(ailing)
        tab = state.get("tab")
        self.tabs.setCurrentIndex(1 if tab == 1 else 0)

    async def close_panel(self) -> None:
        if self.configuration:
            await self.configuration.tasks.close()
        await super().close_panel()

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("look", self._watch())
        if self.configuration:
            self.configuration.reload()

    async def _watch(self) -> None:
        session = await self._open_session()
        overview = Overview(session.cluster)
        looks = 0
        while True:
            if self.isVisible() and self.tabs.currentIndex() == 0:
                try:
                    self._show(await overview.look())
                except Failure as failure:  # what is shown stays, and what comes back is seen
                    self.show_failure(failure)
                if looks % _DISKS_EVERY == 0 and not self.tasks.running("disks"):
                    self.tasks.start("disks", self._measure(overview))
                looks += 1
            await asyncio.sleep(_LOOK_EVERY)

    async def _measure(self, overview: Overview) -> None:
        """A broker that is frozen must not hold up the looks."""
        await overview.measure()
        self._show(await overview.look())

    def _show(self, picture: Picture) -> None:
        self.strip.clear()
        self.brokers.set_rows(picture.brokers)
        self.ailing.set_rows(picture.ailing[:_MOST])
        self._show_tiles(picture)
        gone = [str(broker.id) for broker in picture.brokers if broker.address is None]
        self._facts.setText(
            f"Cluster {picture.cluster_id or 'id not told'}   ·   "
            f"Controller {_not_told(picture.controller, 'broker ')}   ·   Version {_not_told(picture.version)}"
        )
        number = len(picture.ailing)
        shown = f", the worst {count(_MOST)} are shown" if number > _MOST else ""
        self._ailing_heading.setText(f"What is not well: {_plural(number, 'partition')}{shown}" if number else "Health")
        self._ailing_pages.setCurrentIndex(1 if number else 0)
        if picture.unreadable:
            why = next(topic.trouble for topic in picture.unreadable)
            self._well.tell("warning", f"{_plural(len(picture.unreadable), 'topic')} could not be read.", str(why))
        else:
            self._well.tell(
                "success", "All is well.", "Every partition has its leader and all of its replicas in sync."
            )
        missing = f" · not there: {', '.join(gone)}" if gone else ""
        self.say(
            f"{_plural(len(picture.brokers) - len(gone), 'broker')}{missing} · {_plural(number, 'partition')} not well"
        )

    def _show_tiles(self, picture: Picture) -> None:
        totals, tiles = picture.totals, self.tiles
        gone = sum(broker.address is None for broker in picture.brokers)
        there = len(picture.brokers) - gone
        tiles["Brokers"].show_figure(
            count(there), f"{gone} not there" if gone else "all there", "bad" if gone else "text"
        )
        own = totals.topics - totals.internal_topics
        tiles["Topics"].show_figure(count(own), f"and {count(totals.internal_topics)} internal", "text")
        tiles["Partitions"].show_figure(count(totals.partitions), _plural(totals.replicas, "replica"), "text")
        for name, number, word, tone in (
            ("Without leader", totals.leaderless, "unavailable", "bad"),
            ("Under min ISR", totals.under_min_isr, "refuse acks=all", "bad"),
            ("Under-replicated", totals.under_replicated, "fewer copies", "warn"),
            ("Offline replicas", totals.offline, "broker not there", "warn"),
        ):
            tiles[name].show_figure(count(number), word if number else "none", tone if number else "muted")

    # what a person does

    def _tab_changed(self, tab: int) -> None:
        if tab == 1 and self.configuration is None:
            self.configuration = BrokerConfiguration(self._connection, self._open_session)
            self.configuration.restore_state(self._configuration_state)
            if layout := self._configuration_page.layout():
                layout.addWidget(self.configuration)
            self.configuration.reload()
        self.setFocusProxy(self.configuration if tab == 1 and self.configuration else self._broker_table)

    def _broker_activated(self, index: QModelIndex) -> None:
        row = self.brokers.row(index.row())
        if row.address is None:
            return
        self.tabs.setCurrentIndex(1)
        if self.configuration:
            self.configuration.choose(row.id)

    def _ailing_activated(self, index: QModelIndex) -> None:
        self._open_details(self.ailing.row(index.row()).source.topic)


def _part(heading: QWidget, content: QWidget) -> QWidget:
    part = QWidget()
    heading.setContentsMargins(12, 8, 12, 8)
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(heading)
    column.addWidget(content, 1)
    return part


def _plural(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{count(number)} {what}s"


def _not_told(what: object, before: str = "") -> str:
    return "not told" if what is None else f"{before}{what}"
