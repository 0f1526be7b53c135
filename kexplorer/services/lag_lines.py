"""What the lines of a chart of lag are about, and what they tell."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from kexplorer.model.topics import TopicPartition


class Metric(StrEnum):
    LAG = "Lag"  # offsets
    TIME = "Time lag"  # seconds
    PRODUCED = "Produce rate"  # offsets a second
    COMMITTED = "Commit rate"


class Level(StrEnum):
    """What one line stands for."""

    GROUP = "Groups"
    TOPIC = "Topics"
    PARTITION = "Partitions"


class RowKey(NamedTuple):
    """`life` tells apart topics of one name that came after each other; "" is the one that is there now."""

    group: str
    source: TopicPartition
    life: str = ""

    @classmethod
    def of(cls, group: str, topic: str, partition: int) -> RowKey:
        return cls(group, TopicPartition(topic, partition))

    def line(self, level: Level) -> LineKey:
        """Where it counts."""
        match level:
            case Level.GROUP:
                return LineKey(self.group)
            case Level.TOPIC:
                return LineKey("", self.source.topic)
            case Level.PARTITION:
                return LineKey(self.group, *self.source, self.life)


class LineKey(NamedTuple):
    """Of a group, a topic or a partition: what it is not about is "" or -1."""

    group: str
    topic: str = ""
    partition: int = -1
    life: str = ""

    @property
    def name(self) -> str:
        place = f"{self.topic} {self.partition}" if self.partition >= 0 else self.topic
        words = " · ".join(part for part in (self.group, place) if part)
        return f"{words} (before it was made anew)" if self.life else words
