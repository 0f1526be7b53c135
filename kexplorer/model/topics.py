"""A cluster's brokers, topics and partitions, as its metadata tells them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple

from kexplorer.model.failure import Failure


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Broker:
    id: int
    host: str
    port: int
    rack: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Partition:
    """`leader` is None while the partition has none; `trouble` is what the broker says of this partition alone."""

    id: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    trouble: Failure | None = None

    @property
    def under_replicated(self) -> bool:
        return len(self.isr) < len(self.replicas)


@dataclass(frozen=True, slots=True)
class Topic:
    """`trouble` is set when the broker names the topic but not its partitions."""

    name: str
    partitions: tuple[Partition, ...]
    trouble: Failure | None = None

    @property
    def internal(self) -> bool:
        """Kafka's own topics and those named so by convention (a leading underscore)."""
        return self.name.startswith("_")

    @property
    def replication(self) -> int:
        return max((len(p.replicas) for p in self.partitions), default=0)

    @property
    def under_replicated(self) -> int:
        """Number of partitions with fewer in-sync replicas than replicas."""
        return sum(p.under_replicated for p in self.partitions)

    @property
    def leaderless(self) -> int:
        return sum(p.leader is None for p in self.partitions)


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """One metadata answer: who is in the cluster and which topics it has. `cluster_id` is None on very old brokers,
    `controller` until `Cluster.log_dirs` was asked: the metadata of KRaft names any broker instead."""

    cluster_id: str | None
    brokers: tuple[Broker, ...]
    topics: tuple[Topic, ...]
    controller: int | None = None


class IsolationLevel(Enum):
    READ_UNCOMMITTED = "read_uncommitted"
    READ_COMMITTED = "read_committed"


class Edge(StrEnum):
    """A place in a partition that needs no number. END is the high watermark, or the last stable offset when
    only committed records are read."""

    START = "earliest"
    END = "latest"


@dataclass(frozen=True, slots=True)
class AtTime:
    """The first record whose timestamp is `ms` or later (milliseconds since 1970-01-01 UTC)."""

    ms: int


OffsetSpec = Edge | AtTime


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets `start <= offset < end` of one partition. `end` None means: never ends, follow what arrives."""

    source: TopicPartition
    start: int
    end: int | None
