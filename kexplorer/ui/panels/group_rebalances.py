"""How a group rebalances: its members over time, and what happened to them in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter

from kexplorer.formats.numbers import timestamp
from kexplorer.model.rebalances import Timeline
from kexplorer.services.rebalances import EVERY, observe
from kexplorer.ui.models.group import as_text
from kexplorer.ui.models.rebalances import HappenedModel
from kexplorer.ui.panels.group_tab import GroupOf, GroupSeen, GroupTab
from kexplorer.ui.widgets.elided_label import ElidedLabel
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.lanes import Lanes
from kexplorer.ui.widgets.notice_strip import NoticeStrip
from kexplorer.ui.widgets.rows_table import RowsTable

_ZOOM = 2.0
_A_LOOK = 1.0  # seconds that a look of the panel takes, at most: its time is that of its end


class GroupRebalancesTab(GroupTab):
    """Looks while it is seen, and keeps what it saw as long as the panel lives."""

    def __init__(self, group: GroupOf) -> None:
        super().__init__(group)
        self.timeline = Timeline()
        self._zone: tzinfo = UTC
        self.lanes = Lanes(self.timeline)
        self.model = HappenedModel(self)
        self.table = RowsTable(self.model, "What happened to the members")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.told = ElidedLabel()
        self.told.setProperty("role", "muted")
        self.storm = NoticeStrip()
        self.follow = QPushButton("Follow")
        self.follow.setCheckable(True)
        self.follow.setToolTip("Shows the newest look, and goes on with it (End)")
        closer, wider = QPushButton("+"), QPushButton("−")
        closer.setAccessibleName("Show less time")
        closer.setToolTip("Show less time (+, or Ctrl with the wheel)")
        wider.setAccessibleName("Show more time")
        wider.setToolTip("Show more time (−, or Ctrl with the wheel)")
        closer.clicked.connect(lambda: self.lanes.zoom(_ZOOM))
        wider.clicked.connect(lambda: self.lanes.zoom(1 / _ZOOM))
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self.told, 1)
        row.addWidget(plain_label("▶ joined   × left   ○ started again", "muted"))
        for button in (wider, closer, self.follow):
            row.addWidget(button)
        self.column.addLayout(row)
        self.column.addWidget(self.storm)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.lanes)
        split.addWidget(self.table)
        split.setSizes([3, 2])
        self.column.addWidget(split, 1)
        self.follow.clicked.connect(self._toggle)
        self.lanes.moved.connect(lambda: self.follow.setChecked(self.lanes.following))
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_event())
        self.setFocusProxy(self.lanes)
        self._show()

    # GroupTab

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.tasks.start("observe", self._observe())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.tasks.cancel("observe")

    def show_seen(self, seen: GroupSeen) -> None:
        """A look of the panel counts as well, unless it may be older than the newest of its own."""
        if seen.lag.at - self.timeline.until > _A_LOOK and self.timeline.take(seen.lag.group, seen.lag.at):
            self._show()

    def reload(self) -> None:
        self.strip.clear()
        if self.isVisible():
            self.tasks.start("observe", self._observe())

    def text(self) -> str:
        return as_text(self.model)

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = self.lanes.zone = self.model.zone = zone
        self._show()

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    # work

    async def _observe(self) -> None:
        session = await self.group.open_session()
        await observe(session.cluster, self.group.name, self.timeline, self._show)

    def _show(self) -> None:
        """What the newest look brought."""
        timeline = self.timeline
        self.follow.setChecked(self.lanes.following)
        if not timeline.until:
            self.told.show_text("Looking …")
            return
        since = timestamp(round(1000 * timeline.began), self._zone)[11:19]
        looks = f"As observed every {EVERY:g} s since {since}"
        self.told.show_text(f"{looks}. What happens in between, or while this is hidden, is not seen.")
        storm = timeline.storm()
        self.storm.show_text(" ".join([storm.words, *storm.causes]) if storm else "")
        self.lanes.refresh()
        self.model.set_rows(timeline.events)

    def _toggle(self) -> None:
        if self.follow.isChecked():
            self.lanes.follow()
        else:
            self.lanes.following = False

    def _show_event(self) -> None:
        index = self.table.currentIndex()
        if index.isValid() and index.row() < self.model.rowCount():
            self.lanes.show_time(self.model.row(index.row()).at)
