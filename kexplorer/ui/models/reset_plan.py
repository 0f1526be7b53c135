"""The partitions of a reset: what is committed, what would be, and the record that is read first then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from kexplorer.formats.numbers import count
from kexplorer.services.reset_plan import Move
from kexplorer.services.reset_rules import parse_cell
from kexplorer.ui.models.rows import Column, RowsModel


@dataclass(frozen=True, slots=True)
class MoveRow:
    """`first`: the record that is read first, in words. `result`: what became of it, once it was sent."""

    move: Move
    first: str = ""
    result: str = ""

    @property
    def outside(self) -> str:
        """What is to be said of an offset that is committed now and isn't in the log."""
        old, start, end = self.move.old, self.move.start, self.move.end
        if old is not None and end is not None and old > end:
            return f"It is {count(old - end)} beyond the end now."
        if old is not None and start is not None and old < start:
            return f"It is {count(start - old)} before the log start now."
        return ""

    @property
    def words(self) -> str:
        if self.result:
            return self.result
        if self.move.trouble:
            return str(self.move.trouble)
        return " ".join(filter(None, (self.move.note, self.outside)))


NEW, LOG, FIRST = 2, 4, 5


def _number(offset: int | None, nothing: str) -> str:
    return nothing if offset is None else count(offset)


def _old(row: MoveRow) -> str:
    return _number(row.move.old, "" if row.move.trouble else "nothing")


def _new(row: MoveRow) -> str:
    if row.move.trouble:
        return ""
    return "nothing" if row.move.forgets else _number(row.move.new, "stays")


def _change(row: MoveRow) -> str:
    change = row.move.change
    return "" if change is None else "0" if change == 0 else f"{change:+,}".replace("-", "−")


def _log(row: MoveRow) -> str:
    start, end = row.move.start, row.move.end
    return "not told" if start is None or end is None else f"log {count(start)} to {count(end)}"


def _order(offset: int | None) -> int:
    return -1 if offset is None else offset


_COLUMNS: tuple[Column[MoveRow], ...] = (
    Column("Partition", lambda r: f"{r.move.source.topic} {r.move.source.partition}", lambda r: r.move.source, 17),
    Column("Now", _old, lambda r: _order(r.move.old), 10, True, "What is committed now"),
    Column("Then", _new, lambda r: _order(r.move.new), 10, True, "A double click edits it: an offset, +10 or -10"),
    Column("Change", _change, lambda r: r.move.change or 0, 10, True, "Offsets that are skipped, or read again (−)"),
    Column("Log", _log, lambda r: (r.move.end or 0) - (r.move.start or 0), 16, tip="Drawn to scale, each its own"),
    Column("Reads first", lambda r: r.first, lambda r: r.first, 36, tip="Time, key and value of the record there"),
    Column("Note", lambda r: r.words, lambda r: r.words, 24),
)


def _tone(row: MoveRow, column: int) -> str:
    title, change = _COLUMNS[column].title, row.move.change or 0
    if title == "Note":
        return "good" if row.result.startswith("Done") else "bad" if row.result or row.move.trouble else "warn"
    if title == "Now":
        return "bad" if row.outside else "text"
    if title == "Change" and change:
        return "warn" if change > 0 else "link"
    return "text" if row.move.changes or title == "Partition" else "muted"


def _tip(row: MoveRow) -> str:
    return "\n".join(filter(None, (_log(row), row.words, row.first)))


class ResetPlanModel(RowsModel[MoveRow]):
    edited = Signal(object, object)  # TopicPartition, Rule

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, lambda r: r.move.source, _tip, _tone, parent)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsEditable if index.column() == NEW else usual

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.EditRole:
            new = self.row(index.row()).move.new
            return "" if new is None else str(new)
        return super().data(index, role)

    def setData(
        self, index: QModelIndex | QPersistentModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        rule = parse_cell(str(value))
        if role != Qt.ItemDataRole.EditRole or rule is None or str(value) == self.data(index, role):
            return False
        self.edited.emit(self.row(index.row()).move.source, rule)
        return True


def summary_words(moves: Sequence[Move]) -> str:
    changing = [move for move in moves if move.changes]
    partitions = "1 partition" if len(moves) == 1 else f"{count(len(moves))} partitions"
    told = [f"{count(len(changing))} of {partitions} {'changes' if len(changing) == 1 else 'change'}."]
    if again := sum(move.again for move in moves):
        told.append("1 offset is read again." if again == 1 else f"{count(again)} offsets are read again.")
    if skipped := sum(move.skipped for move in moves):
        told.append("1 offset is skipped." if skipped == 1 else f"{count(skipped)} offsets are skipped.")
    if troubled := sum(move.trouble is not None for move in moves):
        stays = "stays as it is" if troubled == 1 else "stay as they are"
        told.append(f"{count(troubled)} could not be looked up and {stays}.")
    return " ".join(told)
