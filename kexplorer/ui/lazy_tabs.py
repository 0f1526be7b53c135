"""Tabs inside a panel that are made when they are first seen: widgets are most of what it costs to open a panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Generic, NamedTuple, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from kexplorer.model.failure import Failure
from kexplorer.ui.tasks import Tasks
from kexplorer.ui.widgets.error_strip import ErrorStrip


class Tab(QWidget):
    """Owns the work that was started for it, and shows what failed of it."""

    said = Signal(str)  # a sentence for the status bar

    def __init__(self, *, can_retry: bool = True) -> None:
        super().__init__()
        self.tasks = Tasks(self.show_failure)
        self.strip = ErrorStrip(self, can_retry=can_retry)
        self.strip.retry_requested.connect(self.reload)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.strip)

    def reload(self) -> None:
        """Asks the cluster again; called once when the tab is made."""

    def set_zone(self, zone: tzinfo) -> None:
        """The time zone of all times that it shows or takes."""

    def show_failure(self, failure: Failure) -> None:
        self.strip.show_failure(failure)

    def save_state(self) -> dict[str, object]:
        return {}

    def restore_state(self, state: Mapping[str, object]) -> None:
        """Takes what `save_state` gave; what doesn't fit is ignored."""

    async def close_tab(self) -> None:
        """Ends its work."""
        await self.tasks.close()

    def add_bar(self, left: Sequence[QWidget], right: Sequence[QWidget] = ()) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        for widget in left:
            row.addWidget(widget)
        row.addStretch()
        for widget in right:
            row.addWidget(widget)
        self.column.addLayout(row)


T = TypeVar("T", bound=Tab)


class Entry(NamedTuple, Generic[T]):
    key: str  # in the saved layout
    title: str
    make: Callable[[], T]


class LazyTabs(QTabWidget, Generic[T]):
    """`prepare` is called with each tab that was made, before its work begins. Focus goes to the tab that is shown."""

    said = Signal(str)  # by one of its tabs

    def __init__(self, entries: Sequence[Entry[T]], prepare: Callable[[T], object] = lambda _: None) -> None:
        super().__init__()
        self.made: dict[str, T] = {}
        self._entries = entries
        self._prepare = prepare
        self._states: dict[str, object] = {}  # of tabs that are not made yet
        self._zone: tzinfo = UTC
        self.setDocumentMode(True)
        self._pages: list[QVBoxLayout] = []
        for entry in entries:
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[-1].setContentsMargins(0, 0, 0, 0)
            self.addTab(page, entry.title)
        self.currentChanged.connect(self._focus)

    @property
    def current(self) -> T:
        """The tab that is shown; made, and its work begun, when it is asked for first."""
        return self.tab(self._entries[self.currentIndex()].key)

    def tab(self, key: str) -> T:
        if key not in self.made:
            number = self._index(key)
            tab = self.made[key] = self._entries[number].make()
            tab.said.connect(self.said)
            tab.set_zone(self._zone)
            self._restore(key)
            self._pages[number].addWidget(tab)
            self._prepare(tab)
            tab.reload()
        return self.made[key]

    def show_tab(self, key: str) -> None:
        self.setCurrentIndex(self._index(key))

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        for tab in self.made.values():
            tab.set_zone(zone)

    def save_state(self) -> dict[str, object]:
        made = {key: tab.save_state() for key, tab in self.made.items()}
        return {"tab": self._entries[self.currentIndex()].key, "tabs": {**self._states, **made}}

    def restore_state(self, state: Mapping[str, object]) -> None:
        """As `Panel.restore_state`."""
        match state.get("tabs"):
            case dict(tabs):
                self._states = dict(tabs)
                for key in self.made:
                    self._restore(key)
        if state.get("tab") in [entry.key for entry in self._entries]:
            self.show_tab(str(state["tab"]))

    async def close_tabs(self) -> None:
        for tab in self.made.values():
            await tab.close_tab()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._focus()

    def _index(self, key: str) -> int:
        return [entry.key for entry in self._entries].index(key)

    def _restore(self, key: str) -> None:
        state = self._states.pop(key, None)
        self.made[key].restore_state(state if isinstance(state, Mapping) else {})

    def _focus(self) -> None:
        if self.isVisible():
            self.setFocusProxy(self.current)
