"""What a dry run found, as tables: partitions, and records as they are and as they would become."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count, size
from kexplorer.formats.text import preview
from kexplorer.services.replay_plan import Part, Sample
from kexplorer.ui.models.rows import Column, RowsModel

_SHOWN = 80  # characters of a key


class PartsModel(RowsModel[Part]):
    """`about`: counts are estimates."""

    def __init__(self, parent: QObject | None = None) -> None:
        self.about = False
        columns: tuple[Column[Part], ...] = (
            Column("Topic", lambda p: p.range.source.topic, lambda p: p.range.source, 16),
            Column("Partition", lambda p: str(p.range.source.partition), lambda p: p.range.source, 9, numeric=True),
            Column("From", lambda p: count(p.range.start), lambda p: p.range.start, 10, numeric=True),
            Column("To", lambda p: count(p.range.end or 0), lambda p: p.range.end or 0, 10, numeric=True),
            Column("Records", self._records, lambda p: p.records, 10, numeric=True),
            Column("Bytes", self._bytes, lambda p: p.bytes, 9, numeric=True, tip="Of keys and values"),
        )
        super().__init__(columns, lambda p: p.range.source, lambda _: "", _part_tone, parent)

    def _records(self, part: Part) -> str:
        return f"{'~' if self.about and part.span else ''}{count(part.records)}"

    def _bytes(self, part: Part) -> str:
        return f"{'~' if self.about and part.span else ''}{size(part.bytes)}"


class SamplesModel(RowsModel[Sample]):
    """`targets` are the names of the target topics, by those of the source."""

    def __init__(self, parent: QObject | None = None) -> None:
        self.targets: Mapping[str, str] = {}
        columns: tuple[Column[Sample], ...] = (
            Column("Record", _place, lambda s: (s.record.source, s.record.offset), 16),
            Column("Goes to", self._goal, self._goal, 13, tip="Topic and partition"),
            Column("Changes", what_changes, what_changes, 18),
            Column("Key", _key, _key, 14),
        )
        super().__init__(columns, lambda s: (s.record.source, s.record.offset), lambda s: s.trouble, _tone, parent)

    def _goal(self, sample: Sample) -> str:
        if sample.made is None or sample.trouble:
            return "–"
        return f"{self.targets.get(sample.record.topic, '')}/{sample.partition}"


def what_changes(sample: Sample) -> str:
    """In a few words."""
    record, made = sample.record, sample.made
    if sample.trouble:
        return sample.trouble
    if made is None:
        return "left out"
    parts = {
        "key": made.key != record.key,
        "value": made.value != record.value,
        "headers": made.headers != (record.headers or ()),
        "timestamp": made.timestamp != record.timestamp,
    }
    return ", ".join(name for name, changed in parts.items() if changed) or "nothing"


def _place(sample: Sample) -> str:
    record = sample.record
    return f"{record.topic}/{record.partition}/{record.offset}"


def _key(sample: Sample) -> str:
    found = preview(sample.record.key, _SHOWN)
    return found.text or found.kind.value


def _tone(sample: Sample, column: int) -> str:
    if column == 2 and sample.trouble:
        return "bad"
    return "muted" if column == 2 and what_changes(sample) == "nothing" else "text"


def _part_tone(part: Part, _column: int) -> str:
    return "text" if part.span else "muted"
