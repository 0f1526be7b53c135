"""The consumer groups that read a topic, and how far each is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from kexplorer.formats.numbers import count
from kexplorer.services.topic_consumers import Looked, TopicReader, readers_of
from kexplorer.ui.models.consumers import ConsumersModel, ReadingsModel
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.empty_state import EmptyState
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 10.0  # seconds between two looks
_REST = 5  # times as long as a look took, at least: each asks for the offsets of every group


class ConsumersTab(TopicTab):
    """Looks again while it is seen. A row stays until a whole look has not found it any more."""

    consumer_wanted = Signal()  # a test consumer

    def __init__(self, topic: TopicOf) -> None:
        super().__init__(topic)
        self.model, self.readings = ConsumersModel(self), ReadingsModel(self)
        self._readers: dict[str, TopicReader] = {}
        self._seen: dict[str, TopicReader] = {}  # by this look
        self._looked = Looked(0, 0, ())
        self._summary = plain_label("Looking for groups …", role="muted")
        self.table = RowsTable(self.model, "Consumer groups")
        self.table.setSelectionBehavior(RowsTable.SelectionBehavior.SelectRows)
        self.details = RowsTable(self.readings, "Partitions of the group")
        self._of = plain_label("", role="heading")
        self.join = QPushButton("Test consumer…")
        self.join.clicked.connect(self.consumer_wanted)
        self.add_bar([self._summary], [self.join])
        self._pages = QStackedWidget()
        self._empty = EmptyState("group", "Looking for groups …")
        self._empty.action_requested.connect(self.reload)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._build())
        self.column.addWidget(self._pages, 1)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_details())
        self.setFocusProxy(self.table)

    def _build(self) -> QWidget:
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._of.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self._of)
        column.addWidget(self.details, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(below)
        split.setSizes([3, 4])
        return split

    @property
    def told(self) -> str:
        """What is said in place of the tables; "" where there are some."""
        return "" if self._pages.currentIndex() else self._empty.text

    def save_state(self) -> dict[str, object]:
        return {"sorts": [self.table.save_sort(), self.details.save_sort()]}

    def restore_state(self, state: Mapping[str, object]) -> None:
        match state.get("sorts"):
            case [groups, partitions]:
                self.table.restore_sort(groups)
                self.details.restore_sort(partitions)

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("look", self._watch())

    async def _watch(self) -> None:
        session = await self.topic.open_session()
        while True:
            began = time.monotonic()
            if self.isVisible():
                self._seen = {}
                await readers_of(session.cluster, self.topic.name, self._take)
                self._readers = self._seen
                self._show()
            await asyncio.sleep(max(_LOOK_EVERY, _REST * (time.monotonic() - began)))

    def _take(self, readers: Sequence[TopicReader], looked: Looked) -> None:
        self._seen |= {reader.group.id: reader for reader in readers}
        self._readers = {**self._readers, **self._seen}
        self._looked = looked
        self._show()
        if looked.troubles:
            self.show_failure(looked.troubles[0])

    def _show(self) -> None:
        seen, looked = len(self._readers), self._looked
        words = f"{count(seen)} group{'' if seen == 1 else 's'} read{'s' if seen == 1 else ''} it"
        if looked.done < looked.groups:
            words += f", {count(looked.done)} of {count(looked.groups)} were looked at"
        self._summary.setText(words)
        self.said.emit(f"{words}.")
        self.model.set_rows(self._readers.values())
        if self._readers:
            self._pages.setCurrentIndex(1)
            if not self.table.currentIndex().isValid():
                self.table.selectRow(0)
            self._show_details()
        elif looked.done == looked.groups:
            self._pages.setCurrentIndex(0)
            cause = "No group has committed an offset of it or has a member that reads it. Share groups are not listed."
            self._empty.tell("group", f"No consumer group reads {self.topic.name}.", cause, "Look again")

    def _show_details(self) -> None:
        index = self.table.currentIndex()
        if not index.isValid() or index.row() >= self.model.rowCount():
            return
        reader = self.model.row(index.row())
        group = reader.group
        facts = [group.id, group.state.value]
        facts += [f"assigned by {group.assignor}"] if group.assignor else []
        facts += [f"coordinator {group.coordinator}"] if group.coordinator is not None else []
        self._of.setText(" · ".join(facts))
        self.readings.set_rows(reader.readings)
