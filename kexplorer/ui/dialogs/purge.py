"""Deletes the oldest records of topics: up to a place, or all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from kexplorer.formats.numbers import count
from kexplorer.model.changes import PurgeRecords
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Edge
from kexplorer.services.ranges import Ago, Place, parse_place
from kexplorer.services.sessions import Session
from kexplorer.services.topic_admin import PurgePart, purge_parts
from kexplorer.ui.dialogs.fields import Field
from kexplorer.ui.dialogs.form import ChangeForm, answered
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.widgets.labels import plain_label
from kexplorer.ui.widgets.range_box import PLACES
from kexplorer.ui.widgets.rows_table import RowsTable

_HOUR = 3_600_000  # ms
_USUAL: tuple[tuple[str, Place | None], ...] = (
    ("Nothing: delete every record", Edge.END),
    ("The last hour", Ago(_HOUR)),
    ("The last day", Ago(24 * _HOUR)),
    ("The last 7 days", Ago(7 * 24 * _HOUR)),
    ("From …", None),
)
_PAUSE = 0.3  # seconds without a key before a place is looked up
_NOTE = "Of each partition all records before the first one that is kept are deleted, for every reader and for ever."

_COLUMNS: tuple[Column[PurgePart], ...] = (
    Column("Partition", lambda p: f"{p.source.topic} {p.source.partition}", lambda p: p.source, 26),
    Column("Log start", lambda p: "" if p.failure else count(p.start), lambda p: p.start, 13, True),
    Column("Log end", lambda p: "" if p.failure else count(p.end), lambda p: p.end, 13, True),
    Column("New log start", lambda p: str(p.failure) if p.failure else count(p.before), lambda p: p.before, 15, True),
    Column("Offsets that go", lambda p: "" if p.failure else count(p.span), lambda p: p.span, 15, True),
)


class PurgeModel(RowsModel[PurgePart]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda p: p.source, lambda p: str(p.failure or ""), _tone, parent)


def _tone(part: PurgePart, column: int) -> str:
    if part.failure:
        return "bad"
    return "bad" if column == 4 and part.span else "text" if part.span else "muted"


async def purge(parent: QWidget | None, session: Session, topics: Sequence[str], zone: tzinfo = UTC) -> bool:
    """True once they are gone. Times that are typed without a zone are in `zone`."""
    return await answered(PurgeDialog(parent, session, topics, zone))


class PurgeDialog(ChangeForm):
    """What goes is looked up again after each change of the place."""

    def __init__(self, parent: QWidget | None, session: Session, topics: Sequence[str], zone: tzinfo = UTC) -> None:
        what = topics[0] if len(topics) == 1 else f"{len(topics)} topics"
        super().__init__(parent, session, f"Purge records of {what}", "Purge…", self._submit, _NOTE)
        self._topics, self._zone = topics, zone
        self.parts = PurgeModel(self)
        self.keep = QComboBox()
        for text, place in _USUAL:
            self.keep.addItem(text, place)
        self.place = QLineEdit()
        self.place.setPlaceholderText("2026-11-23T10:00, offset:123 or 0:10,1:20 (partition:offset)")
        self.place.setToolTip(PLACES)
        self.place.setAccessibleName("Keep from")
        self.place.hide()
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.keep, 1)
        line.addWidget(self.place, 2)
        row.setFocusProxy(self.keep)
        self.field = Field("&Keep", row)
        self.summary = plain_label(" ", wrap=True)
        self.body.addWidget(self.field)
        self.body.addWidget(RowsTable(self.parts, "What is purged"), 1)
        self.body.addWidget(self.summary)
        self.resize(820, 520)
        self.keep.currentIndexChanged.connect(lambda _: self._chosen())
        self.place.textChanged.connect(lambda _: self._begin_look(_PAUSE))
        self._chosen()

    def _chosen(self) -> None:
        self.place.setVisible(self.keep.currentData() is None)
        if self.place.isVisible():
            self.place.setFocus()
        self._begin_look(0)

    def _begin_look(self, pause: float) -> None:
        """What was looked up for another place can be purged no longer, from now on."""
        self.action.setEnabled(False)
        self.tasks.start("look", self._look(pause))

    async def _look(self, pause: float) -> None:
        self.field.show_problem(None)
        self.show_failure(None)
        await asyncio.sleep(pause)
        place: Place | None = self.keep.currentData()
        if place is None:
            if not self.place.text().strip():
                self.parts.set_rows([])
                self.summary.setText(" ")
                return
            try:
                place = parse_place(self.place.text(), self._zone)
            except Failure as failure:
                self.field.show_problem(failure)
                return
        self.summary.setText("Looking up offsets …")
        try:
            topics = await self._purgeable()
            parts = await purge_parts(self.session.cluster, topics, place, time.time_ns() // 1_000_000)
        except Failure:
            self.summary.setText(" ")
            raise
        self._show(parts, [topic for topic in self._topics if topic not in topics])

    def _show(self, parts: Sequence[PurgePart], compacted: Sequence[str]) -> None:
        self.parts.set_rows(parts)
        span, from_ = sum(part.span for part in parts), sum(part.span > 0 for part in parts)
        partitions = "1 partition" if from_ == 1 else f"{count(from_)} partitions"
        text = f"At most {count(span)} records of {partitions} are deleted." if span else "There is nothing to delete."
        if failed := sum(part.failure is not None for part in parts):
            text += f" {count(failed)} could not be looked up and {'stays' if failed == 1 else 'stay'} as they are."
        if compacted:
            named = f"{compacted[0]} is" if len(compacted) == 1 else f"{count(len(compacted))} topics are"
            text += f" {named} only compacted and left out."
        self.summary.setText(text)
        self.action.setEnabled(span > 0)

    async def _purgeable(self) -> list[str]:
        """Kafka deletes records before an offset only where cleanup.policy has "delete". Raises `Failure` where no
        topic has."""
        found = await self.session.cluster.topic_configs(self._topics)
        topics = [name for name in self._topics if not _only_compacted(found[name])]
        if not topics:
            only = f"{self._topics[0]} is" if len(self._topics) == 1 else "These topics are"
            hint = "Set cleanup.policy to compact,delete first, or send tombstones."
            raise Failure(FailureKind.REFUSED, f"{only} only compacted: Kafka purges no such topic.", hint)
        return topics

    async def _submit(self) -> None:
        rows = (self.parts.row(number) for number in range(self.parts.rowCount()))
        await self.make(PurgeRecords({part.source: part.before for part in rows if part.span}))


def _only_compacted(configs: Mapping[str, ConfigEntry] | Failure) -> bool:
    policy = None if isinstance(configs, Failure) else configs.get("cleanup.policy")
    return policy is not None and policy.value is not None and "delete" not in policy.value
