"""The first rows of an input, as they would be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count
from kexplorer.formats.text import preview
from kexplorer.model.failure import Failure
from kexplorer.model.produce import Outgoing, RowBatch
from kexplorer.ui.models.rows import Column, RowsModel

PROBLEM = 1
_SHOWN = 80  # characters of a key or value

# The partition as a person reads it, of a record; raises `Failure` for one that has none.
Predict = Callable[[Outgoing], str]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """`outgoing` None: the row cannot be sent, for `failure`, which is at `place`."""

    number: int
    outgoing: Outgoing | None
    partition: str = ""
    place: str = ""
    failure: Failure | None = None

    @property
    def problem(self) -> str:
        return f"{self.place}: {self.failure}" if self.failure and self.place else str(self.failure or "")


class PreviewModel(RowsModel[PreviewRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.wrong = 0  # rows that cannot be sent
        super().__init__(_COLUMNS, lambda r: r.number, lambda r: r.problem, _tone, parent)

    def show_batch(self, batch: RowBatch, predict: Predict) -> None:
        rows = [PreviewRow(row, None, "", place, failure) for row, place, failure in batch.troubles]
        for row, outgoing in zip(batch.rows, batch.outgoing, strict=True):
            try:
                rows.append(PreviewRow(row, outgoing, predict(outgoing)))
            except Failure as failure:
                rows.append(PreviewRow(row, outgoing, failure=failure))
        self.wrong = sum(row.failure is not None for row in rows)
        self.set_rows(sorted(rows, key=lambda row: row.number))


def _payload(data: bytes | str | None) -> str:
    found = preview(data.encode() if isinstance(data, str) else data, _SHOWN)
    return found.text or found.kind.value


def _key(row: PreviewRow) -> str:
    return _payload(row.outgoing.key) if row.outgoing else ""


def _value(row: PreviewRow) -> str:
    return _payload(row.outgoing.value) if row.outgoing else ""


def _topic(row: PreviewRow) -> str:
    return row.outgoing.topic if row.outgoing else ""


def _headers(row: PreviewRow) -> str:
    names = [name for name, _ in row.outgoing.headers] if row.outgoing else []
    return ", ".join(names)


def _tone(row: PreviewRow, column: int) -> str:
    return "bad" if row.failure and column in (0, PROBLEM) else "text"


_COLUMNS: tuple[Column[PreviewRow], ...] = (
    Column("#", lambda r: count(r.number), lambda r: r.number, 7, numeric=True),
    Column("Problem", lambda r: r.problem, lambda r: r.problem, 40),
    Column("Topic", _topic, _topic, 18),
    Column("Partition", lambda r: r.partition, lambda r: r.partition, 10, tip="Where the row would go"),
    Column("Key", _key, _key, 20),
    Column("Value", _value, _value, 44),
    Column("Headers", _headers, _headers, 16),
)
