"""How far a group is in each partition that it reads or has read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget

from kexplorer.formats.numbers import count
from kexplorer.model.lag import Reading
from kexplorer.model.lag_series import UNKNOWN, Series
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates
from kexplorer.ui.models.group import (
    TOPIC,
    GroupPartitionsModel,
    GroupTopicsModel,
    PartitionRow,
    as_text,
    topics_of,
)
from kexplorer.ui.panels.group_tab import GroupOf, GroupSeen, GroupTab
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.offset_track import Part, TrackLegend, track_of
from kexplorer.ui.widgets.rows_table import RowsTable
from kexplorer.ui.widgets.track_table import TrackTable


class GroupPartitionsTab(GroupTab):
    """One topic's partitions at a time, or those of all."""

    def __init__(self, group: GroupOf) -> None:
        super().__init__(group)
        self.topics, self.model = GroupTopicsModel(self), GroupPartitionsModel(self)
        self._moved: dict[TopicPartition, tuple[float, float | None]] = {}  # looked at until, last change before
        self._summary = plain_label("Looking …", role="muted")
        self._legend = TrackLegend()
        self.add_bar([self._summary], [self._legend])
        self.list = RowsTable(self.topics, "Topics of the group")
        self.list.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.list.setSelectionMode(RowsTable.SelectionMode.SingleSelection)
        self.list.setMinimumWidth(self.fontMetrics().averageCharWidth() * 25)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._choose())
        self.table = TrackTable(self.model)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(self.list)
        self._split.addWidget(self.table)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([self.list.minimumWidth(), 4 * self.list.minimumWidth()])
        self._pages = QStackedWidget()
        self._pages.addWidget(self._split)
        self._empty = EmptyState("partition", "Looking …")
        self._pages.addWidget(self._empty)
        self._pages.setCurrentIndex(1)
        self.column.addWidget(self._pages, 1)
        self.list.hide()
        self.setFocusProxy(self.table)

    @property
    def topic(self) -> str:
        """The one that is chosen, that of the selected partitions, or the only one; "" for several."""
        rows = {index.row() for index in self.table.selectionModel().selectedIndexes()}
        found = {self.model.row(row).reading.source.topic for row in rows}
        if len(found) == 1:
            return found.pop()
        return self._chosen if self.topics.total > 1 else self._only

    def show_seen(self, seen: GroupSeen) -> None:
        readings = seen.lag.readings
        self.topics.set_rows(topics_of(readings))
        self.list.setVisible(self.topics.total > 1)
        if self.topics.total > 1 and not self.list.currentIndex().isValid():
            self.list.selectRow(0)
        self.model.set_rows(self._row(seen, reading) for reading in readings)
        self._choose()
        self._pages.setCurrentIndex(0 if readings else 1)
        if not readings:
            why = "It has committed nothing that is still kept, and none of its members has a partition."
            self._empty.tell("partition", f"{self.group.name} reads no partition.", why)
        self._legend.show_parts({part for reading in readings for part in _parts(reading)})
        self._summary.setText(_summary(readings))
        self.said.emit(f"{self.group.name}: {_summary(readings)}")

    def show_unknown(self) -> None:
        self._pages.setCurrentIndex(1)
        self._summary.setText("Nothing is known yet.")
        self._empty.tell("unplug", f"{self.group.name} could not be looked at.", "The reason stands above.")

    def text(self) -> str:
        return as_text(self.model)

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    @property
    def _chosen(self) -> str:
        index = self.list.currentIndex()
        return self.topics.row(index.row()).topic if index.isValid() else ""

    @property
    def _only(self) -> str:
        return self.topics.row(0).topic if self.topics.total == 1 else ""

    def _choose(self) -> None:
        topic = self._chosen if self.topics.total > 1 else ""
        self.model.set_filter(lambda row: topic in ("", row.reading.source.topic))
        self.table.setColumnHidden(TOPIC, bool(topic) or self.topics.total < 2)
        self.table.stretch()

    def _row(self, seen: GroupSeen, reading: Reading) -> PartitionRow:
        source, watch, name = reading.source, seen.watch, seen.lag.group.id
        series = watch.series(name).get(source)
        checked, moved = self._moved.get(source, (0.0, None))
        if series:
            moved = _changed(series, checked) or moved
            self._moved[source] = (series.at[-1], moved)
        return PartitionRow(
            reading,
            bool(seen.lag.group.members),
            series.rates() if series else Rates(),
            watch.verdicts_of(name).get(source),
            seen.times.get(source),
            None if moved is None else max(time.time() - moved, 0),
        )


def _changed(series: Series, checked: float) -> float | None:
    """When the committed offset was last seen to change, behind `checked`."""
    for n in range(len(series) - 1, 0, -1):
        if series.at[n] <= checked:
            return None
        if UNKNOWN not in series.committed[n - 1 : n + 1] and series.committed[n] != series.committed[n - 1]:
            return series.at[n]
    return None


def _parts(reading: Reading) -> list[Part]:
    track = track_of(reading)
    return [part for part, _, _ in track.parts] if track else []


def _summary(readings: Sequence[Reading]) -> str:
    """As in "12 partitions · 2 never committed · 3 without a member"."""
    never = sum(reading.committed is None for reading in readings)
    alone = sum(reading.member is None for reading in readings)
    parts = ["1 partition" if len(readings) == 1 else f"{count(len(readings))} partitions"]
    parts += [f"{count(never)} without a committed offset"] if never else []
    parts += [f"{count(alone)} without a member"] if alone else []
    return " · ".join(parts)
