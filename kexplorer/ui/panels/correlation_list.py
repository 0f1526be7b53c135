"""The steps of a trail as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo

from kexplorer.formats.decoded_fields import json_of
from kexplorer.formats.numbers import count, timestamp
from kexplorer.formats.schemas import SchemaSource
from kexplorer.formats.text import preview, visible
from kexplorer.model.correlation import Step
from kexplorer.model.records import Record
from kexplorer.model.schemas import Part
from kexplorer.ui.models.rows import Column, RowsModel
from kexplorer.ui.panels.correlation_lanes import gap_words

_LONGEST = 300  # characters of a cell
_LARGE = 64_000  # bytes: what is longer is shown as it is

Known = Callable[[], tuple[SchemaSource | None, tzinfo]]
"""The schemas and the time zone, as they are by then."""


class StepsModel(RowsModel[Step]):
    """A trail of one day shows no date: the picture above has it, and so has the tip of each row."""

    def __init__(self, known: Known) -> None:
        self._known, self._one_day = known, False
        super().__init__(
            _columns(known, self._time), lambda step: (step.record.source, step.record.offset), self._tell, _tone
        )

    def set_rows(self, rows: Iterable[Step]) -> None:
        steps, zone = list(rows), self._known()[1]
        times = (timestamp(step.record.timestamp, zone) for step in steps)
        self._one_day = len({time.partition(" ")[0] for time in times if time}) == 1
        super().set_rows(steps)

    def _time(self, step: Step) -> str:
        whole = timestamp(step.record.timestamp, self._known()[1])
        return whole.partition(" ")[2] or whole if self._one_day else whole

    def _tell(self, step: Step) -> str:
        record = step.record
        place = f"{visible(record.topic)}, partition {record.partition}, offset {count(record.offset)}"
        return f"{timestamp(record.timestamp, self._known()[1])} {place}".strip()


def _columns(known: Known, time: Callable[[Step], str]) -> list[Column[Step]]:
    def value(step: Step) -> str:
        record = step.record
        return "tombstone" if record.value is None else _text(record, record.value, Part.VALUE, known()[0])

    def key(step: Step) -> str:
        record = step.record
        return "null" if record.key is None else _text(record, record.key, Part.KEY, known()[0])

    return [
        Column("#", lambda step: str(step.number + 1), lambda step: step.number, 6, numeric=True),
        Column("Time", time, lambda step: step.number, 26),
        Column("Gap", lambda step: gap_words(step.gap), lambda step: step.gap or 0, 16, numeric=True),
        Column("Topic", lambda step: visible(step.record.topic), lambda step: step.record.topic, 22),
        Column("Partition", lambda step: str(step.record.partition), lambda step: step.record.partition, 11, True),
        Column("Offset", lambda step: count(step.record.offset), lambda step: step.record.offset, 12, numeric=True),
        Column("Key", key, lambda step: step.record.key or b"", 22),
        Column("Value", value, lambda step: step.record.value or b"", 60),
    ]


def _text(record: Record, data: bytes, part: Part, schemas: SchemaSource | None) -> str:
    if schemas and len(data) <= _LARGE:
        data = json_of(data, schemas, record.topic, part, record.headers or (), record.key) or data
    return preview(data, _LONGEST).text if data else "(empty)"


def _tone(step: Step, column: int) -> str:
    muted = (column == 7 and step.record.value is None) or (column == 6 and step.record.key is None) or column == 2
    return "muted" if muted else "text"
