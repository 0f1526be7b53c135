"""The table of a group's partitions, with the log of each drawn to scale."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent

from kexplorer.ui.models.group import LOG, PARTITION_COLUMNS, GroupPartitionsModel
from kexplorer.ui.widgets.offset_track import TrackDelegate, track_of
from kexplorer.ui.widgets.rows_table import RowsTable

_WIDEST = 90  # characters of a track


class TrackTable(RowsTable):
    """The tracks have what the other columns leave."""

    def __init__(self, model: GroupPartitionsModel) -> None:
        super().__init__(model, "Partitions of the group")
        self.setItemDelegateForColumn(LOG, TrackDelegate(lambda row: track_of(model.row(row).reading), self))
        header = self.horizontalHeader()
        header.setStretchLastSection(False)
        header.sectionResized.connect(lambda section: None if section == LOG else self.stretch())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.stretch()

    def stretch(self) -> None:
        header, unit = self.horizontalHeader(), self.fontMetrics().averageCharWidth()
        left = self.viewport().width() - (header.length() - header.sectionSize(LOG))
        self.setColumnWidth(LOG, min(max(left, unit * PARTITION_COLUMNS[LOG].width), unit * _WIDEST))
