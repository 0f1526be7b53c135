"""One topic: where its partitions are, how it is configured, who reads it, what is in it, and its schemas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import tzinfo

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.jobs import Jobs
from kexplorer.services.sessions import Session
from kexplorer.services.statistics import OpenCounting
from kexplorer.ui.icons import icon
from kexplorer.ui.lazy_tabs import Entry, LazyTabs
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import topic_key
from kexplorer.ui.panels.topic_configuration import ConfigurationTab
from kexplorer.ui.panels.topic_consumers import ConsumersTab
from kexplorer.ui.panels.topic_partitions import PartitionsTab
from kexplorer.ui.panels.topic_schema import SchemaTab
from kexplorer.ui.panels.topic_statistics import StatisticsTab
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.action_button import action_button


class TopicPanel(Panel):
    """Its tabs are made when they are first seen. `open_session` connects when that is needed; what `open_counting`
    opens is one of `jobs`."""

    doctor_wanted = Signal()
    consumer_wanted = Signal()  # a test consumer

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
        entries: tuple[Entry[TopicTab], ...] = (
            Entry("partitions", "Partitions", lambda: PartitionsTab(of)),
            Entry("configuration", "Configuration", lambda: ConfigurationTab(of)),
            Entry("consumers", "Consumers", lambda: self._consumers(of)),
            Entry("statistics", "Statistics", lambda: StatisticsTab(of, open_counting, jobs)),
            Entry("schema", "Schema", lambda: SchemaTab(of)),
        )
        self._refresh = QAction(icon("refresh"), "Refresh this topic", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self._reload)
        self._doctor = QAction(icon("shield"), "Examine this topic", self, shortcut=QKeySequence("Ctrl+Alt+H"))
        self._doctor.triggered.connect(self.doctor_wanted)
        self.tabs = LazyTabs(entries)
        self.tabs.said.connect(self.say)
        corner = QWidget()
        inset = QVBoxLayout(corner)
        inset.setContentsMargins(0, 0, 12, 0)
        inset.addWidget(action_button(self._doctor, "Doctor"))
        self.tabs.setCornerWidget(corner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        self.setFocusProxy(self.tabs)

    @property
    def current(self) -> TopicTab:
        """The tab that is shown."""
        return self.tabs.current

    def show_tab(self, key: str) -> None:
        """ "partitions", "configuration", ..."""
        self.tabs.show_tab(key)

    def _consumers(self, of: TopicOf) -> ConsumersTab:
        tab = ConsumersTab(of)
        tab.consumer_wanted.connect(self.consumer_wanted)
        return tab

    def _reload(self) -> None:
        self.current.reload()

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh, self._doctor)

    def set_zone(self, zone: tzinfo) -> None:
        self.tabs.set_zone(zone)

    def show_failure(self, failure: Failure) -> None:
        self.current.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return self.tabs.save_state()

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.tabs.restore_state(state)

    async def close_panel(self) -> None:
        await self.tabs.close_tabs()
        await super().close_panel()
