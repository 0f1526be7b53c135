"""What the table of topics shows of each: the row, and its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt

from kexplorer.formats.numbers import count, duration, rate, size
from kexplorer.model.cluster import ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Topic
from kexplorer.services.catalog import TopicOffsets

_NO_REST = re.compile(r" 00 \w+$")  # "7 d 00 h" is seven days


@dataclass(slots=True, eq=False)
class TopicRow:
    """What is known of a topic so far; None is not known yet."""

    topic: Topic
    offsets: TopicOffsets | None = None
    configs: Mapping[str, ConfigEntry] | Failure | None = None
    size: int | None = None  # bytes on disk, all replicas
    consumers: int | None = None  # groups
    favourite: bool = False

    def config(self, name: str) -> str | None:
        entry = self.configs.get(name) if isinstance(self.configs, Mapping) else None
        return entry.value if entry else None

    @property
    def retention_ms(self) -> int | None:
        text = self.config("retention.ms")
        return int(text) if text else None

    @property
    def health(self) -> str:
        topic = self.topic
        if topic.trouble:
            return topic.trouble.kind
        if topic.leaderless:
            return f"{topic.leaderless} without leader"
        if topic.under_replicated:
            return f"{topic.under_replicated} under-replicated"
        if self.offsets and self.offsets.failed:
            return f"{self.offsets.failed} unreadable"
        return "ok"

    @property
    def trouble(self) -> Failure | None:
        """Why something of this row is missing."""
        if self.topic.trouble:
            return self.topic.trouble
        if self.offsets and self.offsets.trouble:
            return self.offsets.trouble
        return self.configs if isinstance(self.configs, Failure) else None


@dataclass(frozen=True, slots=True)
class TopicColumn:
    title: str
    text: Callable[[TopicRow], str]
    order: Callable[[TopicRow], Any]
    numeric: bool = False
    tip: str = ""


def _retention(row: TopicRow) -> str:
    ms = row.retention_ms
    return "" if ms is None else "for ever" if ms < 0 else _NO_REST.sub("", duration(ms / 1000))


def _retention_order(row: TopicRow) -> float:
    ms = row.retention_ms
    return -1.0 if ms is None else float("inf") if ms < 0 else float(ms)


def _name(row: TopicRow) -> str:
    return f"★ {row.topic.name}" if row.favourite else row.topic.name


COLUMNS = (
    TopicColumn("Topic", _name, lambda row: row.topic.name.lower()),
    TopicColumn(
        "Partitions", lambda row: count(len(row.topic.partitions)), lambda row: len(row.topic.partitions), True
    ),
    TopicColumn(
        "Replication",
        lambda row: str(row.topic.replication),
        lambda row: row.topic.replication,
        True,
        "Replicas of each",
    ),
    TopicColumn(
        "Offset span",
        lambda row: count(row.offsets.span) if row.offsets else "",
        lambda row: row.offsets.span if row.offsets else -1,
        True,
        "End minus start over all partitions: at most so many records, fewer after compaction or transactions",
    ),
    TopicColumn(
        "Size",
        lambda row: "" if row.size is None else size(row.size),
        lambda row: -1 if row.size is None else row.size,
        True,
        "Bytes on disk, all replicas",
    ),
    TopicColumn(
        "Rate",
        lambda row: rate(row.offsets.rate) if row.offsets and row.offsets.rate is not None else "",
        lambda row: (row.offsets.rate or 0.0) if row.offsets else -1.0,
        True,
        "Records a second since the last look",
    ),
    TopicColumn("Retention", _retention, _retention_order, True, "retention.ms"),
    TopicColumn(
        "Cleanup",
        lambda row: row.config("cleanup.policy") or "",
        lambda row: row.config("cleanup.policy") or "",
        tip="cleanup.policy",
    ),
    TopicColumn(
        "Consumers",
        lambda row: "" if row.consumers is None else count(row.consumers),
        lambda row: -1 if row.consumers is None else row.consumers,
        True,
        "Groups that have committed offsets of it, or members that read it",
    ),
    TopicColumn(
        "Health",
        lambda row: row.health,
        lambda row: ((health := row.health) != "ok", health),
        tip="Partitions without a leader, or with fewer in-sync replicas than replicas",
    ),
)
SIZE, CONSUMERS, HEALTH = 4, len(COLUMNS) - 2, len(COLUMNS) - 1
NOT_TOLD = "not told"
ALIGNMENTS = tuple(
    (Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter
    for column in COLUMNS
)
