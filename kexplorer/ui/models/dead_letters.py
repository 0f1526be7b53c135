"""Dead letters and what caused them, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from PySide6.QtCore import QModelIndex, QObject

from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import visible
from kexplorer.model.dead_letters import DeadLetter, Place
from kexplorer.services.dead_letters import Group
from kexplorer.ui.models.rows import Column, RowsModel

NO_ERROR, NO_TOPIC = "no error told", "not told"
_NEVER = -(1 << 63)
_ERROR, _DONE = 1, 6  # columns of letters


class CausesModel(RowsModel[Group]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[Group], ...] = (
            Column("Letters", lambda g: count(g.count), lambda g: g.count, 10, numeric=True),
            Column("Error", lambda g: short(g.cause.error), lambda g: short(g.cause.error).lower(), 20),
            Column("Came from", lambda g: visible(g.cause.topic) or NO_TOPIC, lambda g: g.cause.topic, 11),
            Column("Done", lambda g: count(g.done) if g.done else "", lambda g: g.done, 9, numeric=True),
            Column("First", lambda g: self._time(g.first), lambda g: _or_never(g.first), 20),
            Column("Last", lambda g: self._time(g.last), lambda g: _or_never(g.last), 20),
        )
        super().__init__(columns, lambda g: g.cause, _tip, _tone, parent)

    def _time(self, ms: int | None) -> str:
        return timestamp(ms, self.zone)[:19]


class LettersModel(RowsModel[DeadLetter]):
    """`done` are greyed. Rows that are appended come last until somebody sorts."""

    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        self.done: set[Place] = set()
        columns: tuple[Column[DeadLetter], ...] = (
            Column("Time", lambda r: timestamp(r.timestamp, self.zone)[:19], _by_time, 21),
            Column("Error", lambda r: short(r.error), lambda r: short(r.error).lower(), 20),
            Column("Came from", lambda r: visible(r.origin.topic) or NO_TOPIC, lambda r: r.origin.topic, 11),
            Column("Partition", lambda r: _number(r.origin.partition), lambda r: _order(r.origin.partition), 9, True),
            Column("Offset", lambda r: _number(r.origin.offset), lambda r: _order(r.origin.offset), 8, True),
            Column(
                "Replayed", lambda r: _times(r.attempts), lambda r: r.attempts, 10, True, "How often it was already"
            ),
            Column("Done", lambda r: "done" if self.is_done(r) else "", self.is_done, 6),
            Column("Message", lambda r: visible(r.message), lambda r: r.message, 50),
        )
        super().__init__(columns, place_of, lambda r: r.error, self._tone, parent)

    def is_done(self, letter: DeadLetter) -> bool:
        return place_of(letter) in self.done

    def append(self, letters: Sequence[DeadLetter]) -> None:
        self._all += letters
        if shown := [each for each in letters if self._passes(each)]:
            before = len(self._shown)
            self.beginInsertRows(QModelIndex(), before, before + len(shown) - 1)
            self._shown += shown
            self.endInsertRows()

    def all(self) -> Sequence[DeadLetter]:
        return self._all

    def shown(self) -> Sequence[DeadLetter]:
        return self._shown

    def _tone(self, letter: DeadLetter, column: int) -> str:
        if self.is_done(letter):
            return "good" if column == _DONE else "disabled"
        return "bad" if column == _ERROR and letter.error else "text"


def place_of(letter: DeadLetter) -> Place:
    return letter.source.partition, letter.offset


def short(error: str) -> str:
    """A class without its package."""
    return visible(error.rpartition(".")[2] or error) or NO_ERROR


def _by_time(letter: DeadLetter) -> int:
    return _or_never(letter.timestamp)


def _or_never(ms: int | None) -> int:
    return _NEVER if ms is None else ms


def _number(value: int | None) -> str:
    return "" if value is None else count(value)


def _order(value: int | None) -> int:
    return -1 if value is None else value


def _times(attempts: int) -> str:
    return f"{count(attempts)}×" if attempts else ""


def _tip(group: Group) -> str:
    return f"{group.cause.error or NO_ERROR}, from {group.cause.topic or 'a topic that is not told'}"


def _tone(group: Group, _column: int) -> str:
    return "disabled" if group.done == group.count else "text"
