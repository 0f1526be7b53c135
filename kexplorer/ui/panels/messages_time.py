"""The histogram of a messages panel: what is brushed in it becomes the part of the topic that is read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.topics import IsolationLevel, OffsetRange
from kexplorer.services.histogram import histograms
from kexplorer.ui.widgets.histogram import HistogramStrip
from kexplorer.ui.widgets.range_box import RangeBox

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeArea(QWidget):
    """Hidden until it is asked for. `wanted` when there is nothing to show yet."""

    wanted = Signal()

    def __init__(self, parent: QWidget, part: RangeBox) -> None:
        super().__init__(parent)
        self._range = part
        self._range.changed.connect(self._range_changed)
        self._before: object = None  # the range that was brushed in
        self._brushing = False
        self._zone: tzinfo = UTC
        self._early = array("q")  # matches of before the strip was made
        self.complete = False  # all that was to be counted is
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    @cached_property
    def strip(self) -> HistogramStrip:
        """Made when first wanted."""
        made = HistogramStrip()
        made.set_zone(self._zone)
        made.add_matches(self._early)
        del self._early[:]
        made.range_chosen.connect(self._brush)
        made.cleared.connect(self._unbrush)
        self._column.addWidget(made)
        return made

    @property
    def shown(self) -> bool:
        return not self.isHidden()

    def set_shown(self, on: bool) -> None:
        self.setVisible(on)
        if on:
            self.strip.setFocus()
            self.wanted.emit()

    def set_zone(self, zone: tzinfo) -> None:
        self._zone = zone
        if "strip" in vars(self):
            self.strip.set_zone(zone)
            self.wanted.emit()  # bins begin where clocks show a round time

    async def count(self, cluster: Cluster, ranges: Sequence[OffsetRange], isolation: IsolationLevel, now: int) -> None:
        """Shows how many offsets each time has, unless a part of that was brushed: then it stays as it is."""
        if self._before is not None:
            return
        self.complete = False
        self.strip.show_loading()
        try:
            async for found in histograms(cluster, ranges, isolation, self._zone, now):
                self.strip.show_histogram(found)
                self.complete = found.complete
        except Failure as failure:
            self.strip.show_note(str(failure))

    def show_matches(self, times: Iterable[int]) -> None:
        """Marks what a search found (milliseconds since 1970)."""
        if "strip" in vars(self):
            self.strip.add_matches(times)
        else:
            self._early.extend(times)

    def clear_matches(self) -> None:
        if "strip" in vars(self):
            self.strip.clear_matches()
        del self._early[:]

    def _brush(self, start: int, end: int) -> None:
        if self._before is None:
            self._before = self._range.save_state()
        self._brushing = True
        self._range.show_places(self._written(start), self._written(end))
        self._brushing = False

    def _unbrush(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._range.restore_state(before)
            self._range.changed.emit()

    def _range_changed(self) -> None:
        if not self._brushing and self._before is not None:
            self._before = None
            self.strip.clear_brush()

    def _written(self, ms: int) -> str:
        when = (_EPOCH + timedelta(milliseconds=ms)).astimezone(self._zone)
        return when.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
