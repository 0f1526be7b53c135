"""A topic's partitions: where they are, how far they reach and how large they are, looked at again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from PySide6.QtWidgets import QPushButton

from kexplorer.model.changes import ElectPreferred
from kexplorer.model.failure import Failure
from kexplorer.model.topics import TopicPartition
from kexplorer.services.sessions import Session
from kexplorer.services.topic_details import Place, TopicDetails
from kexplorer.ui.models.partitions import PartitionsModel
from kexplorer.ui.panels.topic_tab import TopicOf, TopicTab
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.rows_table import RowsTable

_LOOK_EVERY = 3.0  # seconds
_SIZES_EVERY = 10  # looks: each broker lists all that it has


class PartitionsTab(TopicTab):
    def __init__(self, topic: TopicOf) -> None:
        super().__init__(topic)
        self.model = PartitionsModel(self)
        self.table = RowsTable(self.model, "Partitions")
        self._summary = plain_label(f"Reading {topic.name} …", role="muted")
        self.elect = QPushButton("Elect preferred leader")
        self.elect.clicked.connect(lambda: self.tasks.start("elect", self._elect()))
        self.table.selectionModel().selectionChanged.connect(self._offer)
        self.model.dataChanged.connect(self._offer)
        self.model.layoutChanged.connect(self._offer)
        self.add_bar([self._summary], [self.elect])
        self.column.addWidget(self.table, 1)
        self.setFocusProxy(self.table)
        self._offer()

    def save_state(self) -> dict[str, object]:
        return {"sort": self.table.save_sort()}

    def restore_state(self, state: Mapping[str, object]) -> None:
        self.table.restore_sort(state.get("sort"))

    def reload(self) -> None:
        self.strip.clear()
        self.tasks.start("partitions", self._watch())

    async def _watch(self) -> None:
        session = await self.topic.open_session()
        details = TopicDetails(session.cluster, self.topic.name)
        looks = 0
        while True:
            if self.isVisible():
                places = await details.places()
                self.model.set_places(places)
                self._summary.setText(self.model.summary)
                self.said.emit(self.model.summary)
                if not self.tasks.running("offsets"):  # a leader that is frozen must not hold up this look
                    self.tasks.start("offsets", details.offsets(places, self.model.set_offsets))
                if looks % _SIZES_EVERY == 0 and not self.tasks.running("sizes"):
                    self.tasks.start("sizes", self._measure(session, places))
                looks += 1
            await asyncio.sleep(_LOOK_EVERY)

    async def _measure(self, session: Session, places: Sequence[Place]) -> None:
        """What a broker does not tell is told in the cells of the column, not as a failure of the tab."""
        brokers = {replica for place in places for replica in place.partition.replicas}
        try:
            found = await session.cluster.log_dirs(brokers)
        except Failure as failure:
            found = dict.fromkeys(brokers, failure)
        self.model.set_sizes(self.topic.name, found)

    def _movable(self) -> list[TopicPartition]:
        """Those of the selected rows whose leader is not the preferred one."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedIndexes()})
        selected = [self.model.row(row) for row in rows]
        return [
            TopicPartition(self.topic.name, row.place.partition.id)
            for row in selected
            if row.place.preferred is not True and row.place.partition.replicas
        ]

    def _offer(self) -> None:
        movable, read_only = bool(self._movable()), self.topic.profile.read_only
        self.elect.setEnabled(movable and not read_only)
        why = "Select partitions that another broker than the preferred one leads."
        tip = "This connection is read-only." if read_only else "" if movable else why
        self.elect.setToolTip(tip or "Gives the selected partitions back to the first of their replicas")

    async def _elect(self) -> None:
        from kexplorer.ui.dialogs.change_dialog import make_change  # noqa: PLC0415  (a panel needs no dialog)

        movable = self._movable()
        session = await self.topic.open_session()
        if movable and await make_change(self, session.changes, ElectPreferred(tuple(movable))):
            self.reload()
