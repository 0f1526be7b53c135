"""Test consumers, what each of them reads, and what they tell, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.text import preview
from kexplorer.model.topics import TopicPartition
from kexplorer.model.trial_consumer import Event, Phase, Position, Told, TrialConsumer, TrialState
from kexplorer.ui.models.rows import Column, RowsModel

_KEY = 60  # characters
_PHASES = {
    Phase.READING: "good",
    Phase.PAUSED: "warn",
    Phase.CRASHED: "bad",
    Phase.FAILED: "bad",
    Phase.LEFT: "muted",
}
_EVENTS = {
    Event.ASSIGNED: "good",
    Event.REVOKED: "warn",
    Event.LOST: "bad",
    Event.ERROR: "bad",
    Event.POLLED: "muted",
}


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A test consumer, and how it was when it was last looked at. `number` counts them, from 1."""

    number: int
    consumer: TrialConsumer
    state: TrialState


@dataclass(frozen=True, slots=True)
class PositionRow:
    source: TopicPartition
    position: Position


@dataclass(frozen=True, slots=True)
class ToldRow:
    """`number` of the consumer."""

    number: int
    client: str
    told: Told


class TrialsModel(RowsModel[TrialRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[TrialRow], ...] = (
            Column("Consumer", lambda r: r.consumer.trial.client, lambda r: r.number, 16),
            Column("State", lambda r: r.state.phase.value, lambda r: r.state.phase.value, 9),
            Column("Partitions", lambda r: count(len(r.state.positions)), lambda r: len(r.state.positions), 10, True),
            Column("Records", lambda r: count(r.state.records), lambda r: r.state.records, 9, True),
            Column("Polls", lambda r: count(r.state.polls), lambda r: r.state.polls, 7, True),
            Column("Group", lambda r: r.consumer.trial.group, lambda r: r.consumer.trial.group, 12),
        )
        super().__init__(columns, lambda row: row.number, lambda row: row.state.member, _phase_tone, parent)


class PositionsModel(RowsModel[PositionRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        columns: tuple[Column[PositionRow], ...] = (
            Column("Topic", lambda r: r.source.topic, lambda r: r.source, 12),
            Column("Partition", lambda r: str(r.source.partition), lambda r: r.source.partition, 10, True),
            Column("Position", lambda r: _offset(r.position.offset), lambda r: r.position.offset or 0, 9, True),
            Column("Committed", lambda r: _offset(r.position.committed), lambda r: r.position.committed or 0, 11, True),
            Column("Records", lambda r: count(r.position.records), lambda r: r.position.records, 9, True),
            Column("Last key", _key, _key, 12),
        )
        super().__init__(columns, lambda row: row.source, lambda _: "", lambda *_: "text", parent)


class ToldModel(RowsModel[ToldRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        self.zone: tzinfo = UTC
        columns: tuple[Column[ToldRow], ...] = (
            Column("Time", lambda r: timestamp(round(1000 * r.told.at), self.zone)[11:], lambda r: r.told.at, 14),
            Column("Consumer", lambda r: r.client, lambda r: r.number, 17),
            Column("What", lambda r: r.told.event.value, lambda r: r.told.event.value, 11),
            Column("Told", lambda r: r.told.words, lambda r: r.told.words, 50),
        )
        super().__init__(columns, lambda r: (r.number, r.told.number), lambda r: r.told.words, _event_tone, parent)


def _offset(offset: int | None) -> str:
    return "" if offset is None else count(offset)


def _key(row: PositionRow) -> str:
    return preview(row.position.key, _KEY).text if row.position.records else ""


def _phase_tone(row: TrialRow, column: int) -> str:
    return _PHASES.get(row.state.phase, "text") if column == 1 else "text"


def _event_tone(row: ToldRow, column: int) -> str:
    return "muted" if not column else _EVENTS.get(row.told.event, "text") if column == 2 else "text"
