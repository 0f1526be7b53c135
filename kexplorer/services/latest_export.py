"""The table of latest states as a file: of records, as all exports are, with states for values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kexplorer.formats.csv_text import CsvWriter
from kexplorer.formats.jsonl import JsonlWriter
from kexplorer.model.latest import Entity
from kexplorer.model.records import Record, TimestampType
from kexplorer.store.latest import LatestTable
from kexplorer.store.part_file import PartFile


async def export_table(table: LatestTable, path: Path, *, replace: bool) -> int:
    """All rows of its view, in their order; how many. CSV where `path` ends in .csv, with a column for the number of
    events, else JSON lines, from which the states can be written to a topic. Raises `Failure`; then there is no
    file."""
    file = PartFile(path, replace=replace)
    events: dict[bytes, int] = {}  # of the entities that are being written
    counted = ("events", lambda record: str(events[record.key or b""]))
    is_csv = path.suffix.lower() == ".csv"

    def write(entities: Sequence[Entity]) -> None:
        events.update((each.key, each.events) for each in entities)
        with file.telling():
            writer.write(map(_record, entities))
        events.clear()

    try:
        with file.telling():
            writer = CsvWriter(file.file, columns=[counted]) if is_csv else JsonlWriter(file.file)
        rows = await table.export(write)
        file.close()
        file.take_name()
    except BaseException:
        file.discard()
        raise
    return rows


def _record(entity: Entity) -> Record:
    kind = TimestampType.NOT_AVAILABLE if entity.ms is None else TimestampType.CREATE_TIME
    return Record(entity.source, entity.offset, entity.ms, kind, entity.key, entity.state, ())
