"""Which brokers have each partition now, and which shall have it, as a table in which the plan can be edited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from kexplorer.model.cluster import Reassignment
from kexplorer.model.topics import TopicPartition
from kexplorer.services.assignment_plan import moved
from kexplorer.ui.models.rows import Column, RowsModel

_REPLICAS = re.compile(r"\s*[0-9]{1,9}(\s*,\s*[0-9]{1,9})*\s*")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """`planned` equals `now` where nothing is to change. `under_way`: it is being moved already."""

    source: TopicPartition
    now: tuple[int, ...]
    planned: tuple[int, ...]
    under_way: Reassignment | None = None

    @property
    def changed(self) -> bool:
        return self.planned != self.now

    @property
    def state(self) -> str:
        if self.under_way:
            goes = f", leaves {brokers_text(self.under_way.removing)}" if self.under_way.removing else ""
            return f"moving to {brokers_text(self.under_way.adding)}{goes}"
        if not self.changed:
            return ""
        copies = moved(self.now, self.planned)
        if copies:
            return "1 copy" if copies == 1 else f"{copies} copies"
        return "fewer replicas" if len(self.planned) < len(self.now) else "another leader or order"


def brokers_text(brokers: Sequence[int]) -> str:
    return ", ".join(map(str, brokers))


def parse_brokers(text: str) -> tuple[int, ...] | None:
    """Numbers with commas between, each once; None for anything else."""
    if not _REPLICAS.fullmatch(text):
        return None
    found = tuple(int(each) for each in text.split(","))
    return found if len(set(found)) == len(found) else None


PLANNED = 2
_COLUMNS: tuple[Column[PlanRow], ...] = (
    Column("Partition", lambda r: f"{r.source.topic} {r.source.partition}", lambda r: r.source, 28),
    Column("Replicas now", lambda r: brokers_text(r.now), lambda r: r.now, 18, tip="The preferred leader first"),
    Column("Planned", lambda r: brokers_text(r.planned), lambda r: r.planned, 18, tip="A double click edits it"),
    Column("What that is", lambda r: r.state, lambda r: r.state, 24),
)


def _tone(row: PlanRow, column: int) -> str:
    if column == PLANNED and row.changed:
        return "link"
    return "text" if column < PLANNED or row.under_way else "muted"


class PlanModel(RowsModel[PlanRow]):
    edited = Signal(object, object)  # TopicPartition, the brokers that were typed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda r: r.source, lambda _: "", _tone, parent)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsEditable if index.column() == PLANNED else usual

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        role = Qt.ItemDataRole.DisplayRole if role == Qt.ItemDataRole.EditRole else role
        return super().data(index, role)

    def setData(
        self, index: QModelIndex | QPersistentModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        brokers = parse_brokers(str(value))
        if role != Qt.ItemDataRole.EditRole or brokers is None:
            return False
        self.edited.emit(self.row(index.row()).source, brokers)
        return True
