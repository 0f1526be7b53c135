"""The groups that read a topic as a table, and how far one of them is in each partition."""

from __future__ import annotations

from PySide6.QtCore import QObject

from kexplorer.formats.numbers import count
from kexplorer.model.lag import Reading
from kexplorer.services.topic_consumers import TopicReader
from kexplorer.ui.models.rows import Column, RowsModel


def _lag(lag: int | None) -> str:
    return "" if lag is None else count(lag)


def _order(number: int | None) -> int:
    return -1 if number is None else number


def _committed(row: TopicReader) -> str:
    known = sum(reading.committed is not None for reading in row.readings)
    return f"{count(known)} of {count(len(row.readings))}"


def _worst(row: TopicReader) -> Reading | None:
    known = [reading for reading in row.readings if reading.lag]
    return max(known, key=lambda reading: _order(reading.lag), default=None)


def _worst_text(row: TopicReader) -> str:
    worst = _worst(row)
    return f"partition {worst.source.partition}: {_lag(worst.lag)}" if worst else ""


def _note(row: TopicReader) -> str:
    if row.trouble:
        return f"not all is known: {row.trouble.kind}"
    beyond = sum((reading.lag or 0) < 0 for reading in row.readings)
    lost = sum(reading.lost for reading in row.readings)
    unread = sum(reading.member is None for reading in row.readings)
    if beyond:
        return f"committed beyond the end in {count(beyond)}"
    if lost:
        return f"{count(lost)} deleted before it read them"
    return f"{count(unread)} without a member" if unread and row.members else ""


GROUP_COLUMNS: tuple[Column[TopicReader], ...] = (
    Column("Group", lambda r: r.group.id, lambda r: r.group.id, 25),
    Column("State", lambda r: r.group.state.value, lambda r: r.group.state.value, 14),
    Column("Type", lambda r: r.group.type.value, lambda r: r.group.type.value, 10),
    Column("Members", lambda r: count(r.members), lambda r: r.members, 11, True, "That read this topic"),
    Column("Lag", lambda r: _lag(r.lag), lambda r: _order(r.lag), 11, True, "Offsets still to read, all partitions"),
    Column("Largest lag", _worst_text, lambda r: _order(worst.lag if (worst := _worst(r)) else None), 20),
    Column("Committed", _committed, _committed, 12, tip="Partitions with a committed offset"),
    Column("Remarks", _note, _note, 18),
)


def _group_tone(row: TopicReader, column: int) -> str:
    match GROUP_COLUMNS[column].title:
        case "State":
            return "muted" if not row.group.state.active else "good" if row.group.state.value == "stable" else "warn"
        case "Type" | "Committed" | "Largest lag":
            return "muted"
        case "Remarks":
            return "warn"
    return "text"


class ConsumersModel(RowsModel[TopicReader]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(GROUP_COLUMNS, lambda r: r.group.id, lambda r: str(r.trouble or ""), _group_tone, parent)


def _member(row: Reading) -> str:
    if row.member is None:
        return "no member"
    static = f" · {row.member.instance}" if row.member.instance else ""
    return f"{row.member.client} · {row.member.host}{static}"


def _offset(offset: int | None) -> str:
    return "" if offset is None else count(offset)


def _remark(row: Reading) -> str:
    if row.trouble:
        return str(row.trouble)
    if row.committed is None:
        return "no committed offset: never, or expired"
    if (row.lag or 0) < 0:
        return "committed beyond the end"
    return f"{count(row.lost)} deleted before they were read" if row.lost else ""


PARTITION_COLUMNS: tuple[Column[Reading], ...] = (
    Column("Partition", lambda r: str(r.source.partition), lambda r: r.source.partition, 11),
    Column("Lag", lambda r: _lag(r.lag), lambda r: _order(r.lag), 12, True, "Transaction markers count as well"),
    Column("Committed", lambda r: _offset(r.committed), lambda r: _order(r.committed), 13, True, "Is read next"),
    Column("Log end", lambda r: _offset(r.end), lambda r: _order(r.end), 12, True),
    Column("Log start", lambda r: _offset(r.start), lambda r: _order(r.start), 12, True),
    Column("Read by", _member, _member, 28, tip="Client id and host of the member"),
    Column("Remarks", _remark, _remark, 36),
)


def _partition_tone(row: Reading, column: int) -> str:
    match PARTITION_COLUMNS[column].title:
        case "Read by":
            return "text" if row.member else "muted"
        case "Remarks":
            return "warn"
        case "Log start" | "Log end":
            return "muted"
    return "text"


class ReadingsModel(RowsModel[Reading]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(PARTITION_COLUMNS, lambda r: r.source.partition, _member, _partition_tone, parent)
