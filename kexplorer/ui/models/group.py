"""One group as tables: how far it is in each partition, its topics, its members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from PySide6.QtCore import QObject, Qt

from kexplorer.formats.numbers import count, duration, rate
from kexplorer.model.groups import Member
from kexplorer.model.lag import GroupLag, Reading, TimeLag, total_lag
from kexplorer.model.topics import TopicPartition
from kexplorer.model.verdicts import Rates, Verdict
from kexplorer.ui.models.groups import verdict_tone, verdict_words
from kexplorer.ui.models.rows import Column, RowsModel

_UNKNOWN = Rates()


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """`active`: the group has members. `idle`: seconds since the committed offset was seen to change, None while it was
    not."""

    reading: Reading
    active: bool
    rates: Rates = _UNKNOWN
    verdict: Verdict | None = None
    time: TimeLag | None = None
    idle: float | None = None

    @property
    def eta(self) -> float | None:
        return self.rates.eta(self.reading.lag)

    @property
    def held(self) -> int:
        """Offsets that readers of committed records don't get, since a transaction is open."""
        stable, end = self.reading.stable, self.reading.end
        return 0 if stable is None or end is None else max(end - stable, 0)

    @property
    def words(self) -> list[tuple[str, str]]:
        """What is to be said of it, the worst first, each with its colour token."""
        reading = self.reading
        found = [(str(reading.trouble), "bad")] if reading.trouble else []
        if reading.committed is None and not reading.trouble:
            found.append(("never committed, or expired", "warn"))
        if (reading.lag or 0) < 0:
            found.append((f"committed {count(-(reading.lag or 0))} beyond the end", "bad"))
        if reading.lost:
            found.append((f"behind the log start: {count(reading.lost)} lost", "bad"))
        if self.active and reading.member is None:
            found.append(("no active member on this partition", "warn"))
        if self.time and self.time.unreadable and reading.lag:
            found.append(("nothing to read: markers only, or compacted", "muted"))
        if self.held:
            found.append((f"an open transaction holds back {count(self.held)}", "warn"))
        if self.verdict and self.verdict.state.severity:
            found.append((verdict_words(self.verdict), verdict_tone(self.verdict)))
        if not found:
            found.append(("caught up", "muted") if reading.lag == 0 else ("reading", "muted"))
        return found


def _number(number: int | None) -> str:
    return "" if number is None else count(number)


def _order(number: float | None) -> float:
    return -1 if number is None else number


def _place(row: PartitionRow) -> tuple[str, int]:
    return row.reading.source.topic, row.reading.source.partition


def _log(row: PartitionRow) -> str:
    reading = row.reading
    if reading.start is None or reading.end is None:
        return "not told"
    committed = "nothing" if reading.committed is None else count(reading.committed)
    return f"log {count(reading.start)} to {count(reading.end)}, committed {committed}"


def _member(row: PartitionRow) -> str:
    member = row.reading.member
    return f"{member.client} · {member.host}" if member else "no member"


def _eta(row: PartitionRow) -> str:
    if row.eta is not None:
        return "now" if row.eta == 0 else duration(row.eta)
    return row.rates.outlook(row.reading.lag)


def _idle(row: PartitionRow) -> str:
    return "" if row.idle is None else f"{duration(row.idle)} ago"


def _time(row: PartitionRow) -> str:
    return "" if row.time is None or row.time.seconds is None else duration(max(row.time.seconds, 0))


PARTITION_COLUMNS: tuple[Column[PartitionRow], ...] = (
    Column("Topic", lambda r: r.reading.source.topic, _place, 14),
    Column("Partition", lambda r: str(r.reading.source.partition), lambda r: _place(r)[::-1], 10, True),
    Column(
        "Log", _log, lambda r: (r.reading.end or 0) - (r.reading.start or 0), 22, tip="Drawn to scale, each its own"
    ),
    Column("Lag", lambda r: _number(r.reading.lag), lambda r: _order(r.reading.lag), 10, True, "Offsets still to read"),
    Column(
        "Time lag", _time, lambda r: _order(r.time.seconds if r.time else None), 12, True, "Age of what it reads next"
    ),
    Column("State", lambda r: " · ".join(words for words, _ in r.words), lambda r: [words for words, _ in r.words], 22),
    Column("Read by", _member, _member, 20, tip="Client id and host of the member"),
    Column(
        "Commits",
        lambda r: "" if r.rates.committed is None else rate(r.rates.committed),
        lambda r: _order(r.rates.committed),
        11,
        True,
        "Offsets a second that it committed in the last minute",
    ),
    Column("Caught up in", _eta, lambda r: _order(r.eta), 14, True, "If both sides go on as in the last minute"),
    Column("Last commit", _idle, lambda r: _order(r.idle), 15, True, "When the committed offset was seen to change"),
    Column("Committed", lambda r: _number(r.reading.committed), lambda r: _order(r.reading.committed), 12, True),
    Column("Log end", lambda r: _number(r.reading.end), lambda r: _order(r.reading.end), 12, True),
    Column("Log start", lambda r: _number(r.reading.start), lambda r: _order(r.reading.start), 12, True),
)
TOPIC, LOG = 0, 2


def _partition_tone(row: PartitionRow, column: int) -> str:
    match PARTITION_COLUMNS[column].title:
        case "State":
            return row.words[0][1]
        case "Read by":
            return "text" if row.reading.member else "muted"
        case "Log end" | "Log start":
            return "muted"
        case "Caught up in":
            late = row.eta is None and not row.rates.keeps_up(row.reading.lag)
            return "warn" if late else "text"
    return "text"


def _partition_tip(row: PartitionRow) -> str:
    member = row.reading.member
    by = f"\nRead by {member.id}" if member else ""
    by += f"\nIts age is not known: {row.time.trouble}" if row.time and row.time.trouble else ""
    return f"{row.reading.source.topic} {row.reading.source.partition}: {_log(row)}{by}\n" + "\n".join(
        words for words, _ in row.words
    )


class GroupPartitionsModel(RowsModel[PartitionRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(PARTITION_COLUMNS, lambda r: r.reading.source, _partition_tip, _partition_tone, parent)


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic that the group reads or has read, "" for all of them together."""

    topic: str
    partitions: int
    lag: int | None


def topics_of(readings: Iterable[Reading]) -> list[TopicRow]:
    """All of them first, unless there is only one."""
    ordered = sorted(readings, key=lambda each: each.source)
    found = [(topic, tuple(own)) for topic, own in groupby(ordered, lambda each: each.source.topic)]
    rows = [TopicRow(topic, len(own), total_lag(own)) for topic, own in found]
    return [TopicRow("", len(ordered), total_lag(tuple(ordered))), *rows] if len(rows) > 1 else rows


TOPIC_COLUMNS: tuple[Column[TopicRow], ...] = (
    Column("Topic", lambda r: r.topic or "All topics", lambda r: r.topic, 13),
    Column(
        "Lag", lambda r: _number(r.lag), lambda r: (r.topic != "", _order(r.lag)), 12, True, "Offsets still to read"
    ),
)


class GroupTopicsModel(RowsModel[TopicRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(TOPIC_COLUMNS, lambda r: r.topic, _topic_tip, lambda *_: "text", parent)


def _topic_tip(row: TopicRow) -> str:
    return f"{count(row.partitions)} partition{'' if row.partitions == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """`lag`: of the partitions that are assigned to it, where it is known."""

    member: Member
    lag: int | None


def members_of(seen: GroupLag) -> list[MemberRow]:
    return [
        MemberRow(each, total_lag(tuple(reading for reading in seen.readings if reading.member == each)))
        for each in seen.group.members
    ]


def assigned_words(assigned: Iterable[TopicPartition]) -> str:
    """As in "orders 0–3, 7; payments 1"."""
    return "; ".join(
        f"{topic} {_numbers([each.partition for each in own])}"
        for topic, own in groupby(sorted(assigned), lambda each: each.topic)
    )


def _numbers(ordered: list[int]) -> str:
    """As in "0–3, 7"; `ordered` rises."""
    by_gap = groupby(enumerate(ordered), lambda each: each[1] - each[0])
    runs = [[number for _, number in run] for _, run in by_gap]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


MEMBER_COLUMNS: tuple[Column[MemberRow], ...] = (
    Column("Client id", lambda r: r.member.client, lambda r: r.member.client, 22),
    Column("Host", lambda r: r.member.host, lambda r: r.member.host, 18),
    Column(
        "Instance id", lambda r: r.member.instance or "–", lambda r: r.member.instance, 16, tip="Of a static member"
    ),
    Column("Partitions", lambda r: count(len(r.member.assigned)), lambda r: len(r.member.assigned), 11, True),
    Column("Lag", lambda r: _number(r.lag), lambda r: _order(r.lag), 12, True, "Of the partitions that it reads"),
    Column("Assigned", lambda r: assigned_words(r.member.assigned), lambda r: r.member.assigned, 40),
    Column("Member id", lambda r: r.member.id, lambda r: r.member.id, 40),
)


def _member_tone(row: MemberRow, column: int) -> str:
    if MEMBER_COLUMNS[column].title == "Member id":
        return "muted"
    return "text" if row.member.assigned else "muted"


class MembersModel(RowsModel[MemberRow]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(MEMBER_COLUMNS, lambda r: r.member.id, lambda r: r.member.id, _member_tone, parent)


def as_text(model: RowsModel[Any]) -> str:
    """What a table shows, with its titles, tabs between columns."""
    rows = range(model.rowCount())
    lines = [[str(model.index(row, column).data()) for column in range(model.columnCount())] for row in rows]
    titles = [str(model.headerData(n, Qt.Orientation.Horizontal)) for n in range(model.columnCount())]
    return "\n".join("\t".join(line) for line in [titles, *lines])
