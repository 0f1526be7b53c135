"""What became of the messages that were sent, as a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, duration, timestamp
from kexplorer.model.failure import Failure
from kexplorer.model.produce import Delivery
from kexplorer.ui.models.rows import Column, RowsModel

_MOST = 1000  # the newest that are kept


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message of this tab. `sent` is milliseconds since 1970; `delivery` None while it is on its way; `note` says
    what became of its transaction; with `void` readers of committed records do not get it."""

    number: int
    sent: int
    topic: str
    delivery: Delivery | None = None
    note: str = ""
    void: bool = False

    @property
    def failure(self) -> Failure | None:
        return self.delivery.failure if self.delivery else None

    @property
    def result(self) -> str:
        if self.delivery is None:
            return "On its way"
        if self.failure:
            return f"Not delivered: {self.failure}"
        return f"Delivered{f', {self.note}' if self.note else ''}"


class DeliveriesModel(RowsModel[SentMessage]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[SentMessage], ...] = (
            Column("#", lambda row: count(row.number), lambda row: row.number, 6, numeric=True),
            Column("Sent", lambda row: timestamp(row.sent, self.zone)[11:], lambda row: row.sent, 14),
            Column("Topic", lambda row: row.topic, lambda row: row.topic, 24),
            Column("Partition", _partition, lambda row: _place(row)[0], 10, numeric=True),
            Column("Offset", _offset, lambda row: _place(row)[1], 14, numeric=True),
            Column(
                "Latency", _latency, _milliseconds, 10, numeric=True, tip="From sending to the broker's acknowledgement"
            ),
            Column("Result", lambda row: row.result, lambda row: row.result, 40),
        )
        super().__init__(columns, lambda row: row.number, lambda row: row.result, _tone, parent)
        self._rows: deque[SentMessage] = deque(maxlen=_MOST)
        self._sent = 0

    def begin(self, topic: str, sent: int) -> SentMessage:
        """A message goes on its way."""
        self._sent += 1
        row = SentMessage(self._sent, sent, topic)
        self._rows.append(row)
        self.set_rows(self._rows)
        return row

    def settle(self, row: SentMessage, delivery: Delivery, note: str = "", *, void: bool = False) -> None:
        """What became of it."""
        for place, each in enumerate(self._rows):
            if each.number == row.number:
                self._rows[place] = replace(each, delivery=delivery, note=note, void=void)
        self.set_rows(self._rows)

    def forget(self, rows: Iterable[SentMessage]) -> None:
        """Of messages that were not sent after all."""
        numbers = {row.number for row in rows}
        if numbers:
            self._rows = deque((each for each in self._rows if each.number not in numbers), maxlen=_MOST)
            self.set_rows(self._rows)

    @property
    def under_way(self) -> int:
        return sum(row.delivery is None for row in self._rows)


def _tone(row: SentMessage, column: int) -> str:
    if column < 6:
        return "muted" if row.delivery is None or column < 2 else "text"
    return "bad" if row.failure else "muted" if row.delivery is None else "warn" if row.void else "good"


def _place(row: SentMessage) -> tuple[int, int]:
    """Partition and offset, -1 where there is none."""
    found = row.delivery
    if found is None or found.partition is None:
        return -1, -1
    return found.partition, -1 if found.offset is None else found.offset


def _partition(row: SentMessage) -> str:
    return str(_place(row)[0]) if _place(row)[0] >= 0 else ""


def _offset(row: SentMessage) -> str:
    return count(_place(row)[1]) if _place(row)[1] >= 0 else ""


def _milliseconds(row: SentMessage) -> float:
    return row.delivery.latency if row.delivery and not row.failure else -1.0


def _latency(row: SentMessage) -> str:
    return duration(_milliseconds(row) / 1000) if _milliseconds(row) >= 0 else ""
