"""What happened to the members of a group, as a table."""

from __future__ import annotations

from datetime import UTC, tzinfo

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import timestamp
from kexplorer.model.rebalances import Happened, What
from kexplorer.services.rebalances import EVERY
from kexplorer.ui.models.rows import Column, RowsModel

_TONES = {What.JOINED: "good", What.LEFT: "bad", What.RESTARTED: "warn", What.STATE: "muted", What.SEEN: "muted"}
_LONG = 3 * EVERY  # seconds between two looks, from which on an event says so


class HappenedModel(RowsModel[Happened]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[Happened], ...] = (
            Column("Seen", lambda row: self._clock(row.at), lambda row: row.at, 14),
            Column("What", lambda row: row.what.value, lambda row: row.what.value, 14),
            Column("Happened", self.words, lambda row: row.words, 50),
        )
        super().__init__(columns, id, self.words, _tone, parent)

    def words(self, row: Happened) -> str:
        if row.at - row.since <= _LONG:
            return row.words
        return f"{row.words} (Nobody looked since {self._clock(row.since)}.)"

    def _clock(self, at: float) -> str:
        return timestamp(round(1000 * at), self.zone)[11:19]


def _tone(row: Happened, column: int) -> str:
    return "muted" if not column else _TONES.get(row.what, "text") if column == 1 else "text"
