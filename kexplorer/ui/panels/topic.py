"""One topic: where its partitions are and what is in them, and how it is configured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.services.sessions import Session
from kexplorer.services.topic_details import TopicDetails
from kexplorer.ui.icons import icon
from kexplorer.ui.models.configuration import ConfigurationModel, differs
from kexplorer.ui.models.partitions import PartitionsModel
from kexplorer.ui.panel import Panel
from kexplorer.ui.panels.keys import topic_key
from kexplorer.ui.widgets.error_strip import ErrorStrip
from kexplorer.ui.widgets.filter_box import FilterBox
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 3.0  # seconds


class TopicPanel(Panel):
    """Looks again every few seconds while it is seen. `open_session` connects when that is needed."""

    def __init__(self, profile: Profile, topic: str, open_session: Callable[[], Awaitable[Session]]) -> None:
        super().__init__(topic_key(profile.name, topic), f"{topic}: details", "partition", profile.name, profile.colour)
        self._topic = topic
        self._open_session = open_session
        self.partitions, self.configuration = PartitionsModel(self), ConfigurationModel(self)
        self.strip = ErrorStrip()
        self.strip.retry_requested.connect(self.reload)
        self._refresh = QAction(icon("refresh"), "Refresh this topic", self, shortcut=QKeySequence("Ctrl+R"))
        self._refresh.triggered.connect(self.reload)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self._build_partitions(), "Partitions")
        self.tabs.addTab(self._build_configuration(), "Configuration")
        self.tabs.currentChanged.connect(lambda _: self.setFocusProxy(self.tabs.currentWidget()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.tabs, 1)
        self.setFocusProxy(self._places)
        self.reload()

    def _build_partitions(self) -> QWidget:
        self._summary = plain_label(f"Reading {self._topic} …", role="muted")
        self._places = RowsTable(self.partitions, "Partitions")
        return _page([self._summary], self._places)

    def _build_configuration(self) -> QWidget:
        self._filter = FilterBox("Filter settings")
        self._changed = QCheckBox("Only what is not the default")
        self._count = plain_label("", role="muted")
        self._settings = RowsTable(self.configuration, "Configuration")
        self._filter.filter_changed.connect(lambda _: self._show_settings())
        self._changed.toggled.connect(lambda _: self._show_settings())
        self._filter.left.connect(self._settings.setFocus)
        return _page([self._filter, self._changed, self._count], self._settings)

    # Panel

    def panel_actions(self) -> Sequence[QAction]:
        return (self._refresh,)

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {
            "tab": self.tabs.currentIndex(),
            "changed": self._changed.isChecked(),
            "sorts": [self._places.save_sort(), self._settings.save_sort()],
        }

    def restore_state(self, state: Mapping[str, object]) -> None:
        tab = state.get("tab")
        self.tabs.setCurrentIndex(tab if isinstance(tab, int) else 0)
        self._changed.setChecked(state.get("changed") is True)
        match state.get("sorts"):
            case [places, settings]:
                self._places.restore_sort(places)
                self._settings.restore_sort(settings)

    # work

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("partitions", self._watch())
        self.tasks.start("configuration", self._configure())

    async def _watch(self) -> None:
        session = await self._open_session()
        details = TopicDetails(session.cluster, self._topic)
        while True:
            if self.isVisible():
                places = await details.places()
                self.partitions.set_places(places)
                self._summary.setText(self.partitions.summary)
                self.say(self.partitions.summary)
                if not self.tasks.running("offsets"):  # a leader that is frozen must not hold up this look
                    self.tasks.start("offsets", details.offsets(places, self.partitions.set_offsets))
            await asyncio.sleep(_LOOK_EVERY)

    async def _configure(self) -> None:
        session = await self._open_session()
        found = (await session.cluster.topic_configs([self._topic]))[self._topic]
        if isinstance(found, Failure):
            raise found
        self.configuration.set_rows(found.values())
        self._show_settings()

    def _show_settings(self) -> None:
        sought, only = self._filter.text().lower(), self._changed.isChecked()
        self.configuration.set_filter(lambda entry: sought in entry.name.lower() and (not only or differs(entry)))
        shown, total = self.configuration.rowCount(), self.configuration.total
        self._count.setText(f"{count(shown)} of {count(total)} settings")


def _page(bar: Sequence[QWidget], table: RowsTable) -> QWidget:
    page = QWidget()
    row = QHBoxLayout()
    row.setContentsMargins(12, 8, 12, 8)
    row.setSpacing(8)
    for widget in bar:
        row.addWidget(widget)
    row.addStretch()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addLayout(row)
    column.addWidget(table, 1)
    page.setFocusProxy(table)
    return page
