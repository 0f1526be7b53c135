"""One topic: where its partitions are, how it is configured, who reads it, what is in it, and its schemas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from PySide6.QtGui import QAction, QKeySequence, QShowEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.services.statistics import OpenCounting
from kexplorer.ui.icons import icon
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import topic_key
from kexplorer.ui.panels.topic_configuration import ConfigurationTab
from kexplorer.ui.panels.topic_consumers import ConsumersTab
from kexplorer.ui.panels.topic_partitions import PartitionsTab
from kexplorer.ui.panels.topic_schema import SchemaTab
from kexplorer.ui.panels.topic_statistics import StatisticsTab
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab


class _Entry(NamedTuple):
    key: str  # in the saved layout
    title: str
    make: Callable[[], TopicTab]


class TopicPanel(Panel):
    """Its tabs are made when they are first seen. `open_session` connects when that is needed; what `open_counting`
    opens is one of `jobs`."""

    def __init__(
        self,
        profile: Profile,
        topic: str,
        open_session: Callable[[], Awaitable[Session]],
        open_counting: OpenCounting,
        jobs: Jobs,
    ) -> None:
        super().__init__(topic_key(profile.name, topic), f"{topic}: details", "partition", profile.name, profile.colour)
        of = TopicOf(topic, profile, open_session)
        self._zone: tzinfo = UTC
        self._entries = (
            _Entry("partitions", "Partitions", lambda: PartitionsTab(of)),
            _Entry("configuration", "Configuration", lambda: ConfigurationTab(of)),
            _Entry("consumers", "Consumers", lambda: ConsumersTab(of)),
            _Entry("statistics", "Statistics", lambda: StatisticsTab(of, open_counting, jobs)),
            _Entry("schema", "Schema", lambda: SchemaTab(of)),
        )
        self._made: dict[str, TopicTab] = {}
        self._states: dict[str, object] = {}  # of tabs that are not made yet
        self._refresh = QAction(icon("refresh"), "Refresh this topic", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self._reload)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for entry in self._entries:
            page = QWidget()
            QVBoxLayout(page).setContentsMargins(0, 0, 0, 0)
            self.tabs.addTab(page, entry.title)
        self.tabs.currentChanged.connect(self._tab_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setFocusProxy(self.current)

    @property
    def current(self) -> TopicTab:
        """The tab that is shown; made, and its work begun, when it is asked for first."""
        entry = self._entries[self.tabs.currentIndex()]
        if entry.key not in self._made:
            tab = self._made[entry.key] = entry.make()
            tab.said.connect(self.say)
            tab.set_zone(self._zone)
            state = self._states.pop(entry.key, None)
            tab.restore_state(state if isinstance(state, Mapping) else {})
            layout = self.tabs.currentWidget().layout()
            if layout is not None:
                layout.addWidget(tab)
            tab.reload()
        return self._made[entry.key]

    def show_tab(self, key: str) -> None:
        """ "partitions", "configuration", ..."""
        self.tabs.setCurrentIndex([entry.key for entry in self._entries].index(key))

    def _reload(self) -> None:
        self.current.reload()

    def _tab_changed(self) -> None:
        if self.isVisible():
            self.setFocusProxy(self.current)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh,)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        for tab in self._made.values():
            tab.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.current.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        made = {key: tab.save_state() for key, tab in self._made.items()}
        return {"tab": self._entries[self.tabs.currentIndex()].key, "tabs": {**self._states, **made}}

    def restore_state(self, state: Mapping[str, object]) -> None:
        match state.get("tabs"):
            case dict(tabs):
                self._states = dict(tabs)
                for key, tab in self._made.items():
                    found = self._states.pop(key, None)
                    tab.restore_state(found if isinstance(found, Mapping) else {})
        if state.get("tab") in [entry.key for entry in self._entries]:
            self.show_tab(str(state["tab"]))

    async def close_panel(self) -> None:
        for tab in self._made.values():
            await tab.tasks.close()
        await super().close_panel()
