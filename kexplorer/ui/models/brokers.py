"""The brokers of a cluster, the partitions that are not well, and a broker's settings, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Qt

from kexplorer.formats.numbers import count, duration, size
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure
from kexplorer.services.overview import Ailing, BrokerView, Disk
from kexplorer.ui.models.rows import Column, Index, RowsModel

BAR = Qt.ItemDataRole.UserRole + 1
_NEARLY_FULL, _FULL = 0.8, 0.9  # of a volume


class Bar(NamedTuple):
    """From `start` to `end` of the bar's width; `tone` is a colour token."""

    start: float
    end: float
    tone: str


def _skew(skew: float | None) -> str:
    return "" if skew is None else f"{skew:+.0f} %" if round(skew) else "even"


def _held(row: BrokerView) -> str:
    match row.disk:
        case Disk(held=held):
            return size(held)
        case Failure() as failure:
            return failure.kind.value
    return ""


def _volume(row: BrokerView) -> str:
    match row.disk:
        case Disk(used=int(used), total=int(total)) if total:
            return f"{100 * used / total:.0f} % of {size(total)}"
        case Disk():
            return "not told"
    return ""


def _share(row: BrokerView) -> float:
    """Of the volumes that is used; -1 where it is not known."""
    match row.disk:
        case Disk(used=int(used), total=int(total)) if total:
            return used / total
    return -1.0


def _state(row: BrokerView) -> str:
    if row.address is None:
        return "not there"
    if isinstance(row.disk, Disk) and row.disk.trouble:
        return "disk trouble"
    if _share(row) >= _FULL:
        return "disk is full"
    return "controller" if row.is_controller else "ok"


def _address(row: BrokerView) -> str:
    return str(row.address) if row.address else "unknown"


def _rack(row: BrokerView) -> str:
    return row.address.rack if row.address else ""


def _order(number: float | None) -> float:
    return float("-inf") if number is None else number


BROKERS: tuple[Column[BrokerView], ...] = (
    Column("Broker", lambda r: str(r.id), lambda r: r.id, 9),
    Column("State", _state, _state, 12),
    Column("Address", _address, _address, 17),
    Column("Rack", _rack, _rack, 7),
    Column("Leads", lambda r: count(r.led), lambda r: r.led, 8, True, "Partitions that it leads"),
    Column(
        "Leader skew",
        lambda r: _skew(r.leader_skew),
        lambda r: _order(r.leader_skew),
        15,
        True,
        "How many more or fewer partitions it leads than if every broker led as many",
    ),
    Column("Replicas", lambda r: count(r.replicas), lambda r: r.replicas, 10, True, "Partitions that it has"),
    Column(
        "Replica skew",
        lambda r: _skew(r.replica_skew),
        lambda r: _order(r.replica_skew),
        15,
        True,
        "How many more or fewer partitions it has than if every broker had as many",
    ),
    Column("Held", _held, lambda r: r.disk.held if isinstance(r.disk, Disk) else -1, 10, True, "Bytes of its replicas"),
    Column("Volume", _volume, _share, 24, True, "What is used of the volumes of its log directories, by anybody"),
)
_STATE, _LEADER_SKEW, _REPLICA_SKEW, _HELD, _VOLUME = 1, 5, 7, 8, 9
ADDRESS = 2
BAR_COLUMNS = (_LEADER_SKEW, _REPLICA_SKEW, _VOLUME)


def _broker_tone(row: BrokerView, column: int) -> str:
    if column == _STATE:
        return {"not there": "bad", "ok": "muted", "controller": "link"}.get(_state(row), "warn")
    quiet = row.address is None or (column in (_HELD, _VOLUME) and isinstance(row.disk, Failure))
    return "muted" if quiet or (column == _VOLUME and _share(row) < 0) else "text"


def _broker_tip(row: BrokerView) -> str:
    if row.address is None:
        return f"{count(row.replicas)} replicas are on broker {row.id}, which the cluster does not name any more."
    if isinstance(row.disk, Failure):
        return str(row.disk)
    return str(row.disk.trouble) if row.disk and row.disk.trouble else ""


class BrokersModel(RowsModel[BrokerView]):
    """`BAR` is a cell's small bar, where it has one."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(BROKERS, lambda r: r.id, _broker_tip, _broker_tone, parent)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        return _bar(self.row(index.row()), index.column()) if role == BAR else super().data(index, role)


def _bar(row: BrokerView, column: int) -> Bar | None:
    """A skew's is from the middle to either side, full at 100 %."""
    if column == _VOLUME:
        share = _share(row)
        tone = "bad" if share >= _FULL else "warn" if share >= _NEARLY_FULL else "accent_quiet"
        return Bar(0, share, tone) if share >= 0 else None
    skew = row.leader_skew if column == _LEADER_SKEW else row.replica_skew
    if skew is None:
        return None
    end = 0.5 + max(-1.0, min(skew / 100, 1.0)) / 2
    return Bar(min(0.5, end), max(0.5, end), "accent_quiet")


def _wrong(row: Ailing) -> str:
    """In words, the worst first."""
    partition = row.partition
    parts: list[str] = []
    if partition.leader is None:
        parts.append("no leader")
    elif row.min_isr is not None:
        parts.append(f"under min.insync.replicas: {len(partition.isr)} of {row.min_isr}")
    elif partition.under_replicated:
        parts.append(f"under-replicated: {len(partition.isr)} of {len(partition.replicas)} in sync")
    if row.offline:
        plural = "s" if len(row.offline) > 1 else ""
        parts.append(f"broker{plural} {_ids(row.offline)} not there")
    return ", ".join(parts)


def _ids(brokers: tuple[int, ...]) -> str:
    return ", ".join(map(str, brokers))


def _seconds(row: Ailing) -> float:
    return (datetime.now(UTC) - row.since).total_seconds()


def _leader(row: Ailing) -> str:
    return "none" if row.partition.leader is None else str(row.partition.leader)


AILING: tuple[Column[Ailing], ...] = (
    Column("Partition", lambda r: f"{r.source.topic}-{r.source.partition}", lambda r: r.source, 34),
    Column("What", _wrong, lambda r: (r.partition.leader is not None, r.min_isr is None, r.source), 47),
    Column("Leader", _leader, lambda r: _order(r.partition.leader), 9),
    Column("Replicas", lambda r: _ids(r.partition.replicas), lambda r: r.partition.replicas, 11),
    Column("In sync", lambda r: _ids(r.partition.isr) or "none", lambda r: r.partition.isr, 11),
    Column("Seen for", lambda r: duration(round(_seconds(r))), _seconds, 12, tip="How long this panel has seen it so"),
)
_WHAT = 1
_MEANS = {
    "no leader": "Nothing can be read from it or written to it until one of its in-sync brokers is back.",
    "min.insync": "Producers that ask for acks=all are refused until more replicas are in sync.",
}


def _ailing_tone(row: Ailing, column: int) -> str:
    if column == _WHAT:
        return "warn" if row.partition.leader is not None and row.min_isr is None else "bad"
    return "text"


def _ailing_tip(row: Ailing) -> str:
    wrong = _wrong(row)
    return next((meaning for part, meaning in _MEANS.items() if part in wrong), "It works, with fewer copies.")


class AilingModel(RowsModel[Ailing]):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(AILING, lambda r: r.source, _ailing_tip, _ailing_tone, parent)


def common_settings(found: Mapping[int, Mapping[str, ConfigEntry]]) -> list[ConfigEntry]:
    """One row a setting for all brokers: what is set for all where one tells it, else what the first broker has."""
    rows: dict[str, ConfigEntry] = {}
    for broker in sorted(found):
        for name, entry in found[broker].items():
            if name not in rows or entry.source is ConfigSource.DYNAMIC_DEFAULT:
                rows[name] = entry
    return list(rows.values())
