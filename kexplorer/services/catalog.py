"""What the topics list shows beside the names: offset spans, rates and configuration, asked for in pieces."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster, ConfigEntry
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import ClusterMetadata, Edge, OffsetSpec, Topic, TopicPartition

PARTITIONS_A_CALL = 2000


@dataclass(frozen=True, slots=True)
class TopicOffsets:
    """`span` is end minus start over all readable partitions: an upper bound of the number of records, since compaction
    and transactions leave gaps. `rate` is records a second since the last look, None at the first.
    `trouble` is the first of `failed` partitions' failures."""

    span: int
    end: int
    rate: float | None
    failed: int = 0
    trouble: Failure | None = None


class Catalog:
    """Reads a cluster's topics. Keeps the newest metadata, and the last end offsets, from which it derives rates."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.metadata: ClusterMetadata | None = None
        self._watchers: list[Callable[[ClusterMetadata], None]] = []
        self._last_ends: dict[TopicPartition, tuple[float, int]] = {}

    async def refresh(self) -> ClusterMetadata:
        """Asks the cluster for its brokers and topics, and tells who watches."""
        self.metadata = await self._cluster.metadata()
        for watcher in list(self._watchers):
            watcher(self.metadata)
        return self.metadata

    def watch(self, changed: Callable[[ClusterMetadata], None]) -> Callable[[], None]:
        """Calls `changed` after every refresh; returns how to stop that."""
        self._watchers.append(changed)
        return lambda: self._watchers.remove(changed)

    async def offsets(self, topics: Sequence[Topic], found: Callable[[dict[str, TopicOffsets]], None]) -> None:
        """Looks up the offsets of `topics` and hands them to `found` some thousand partitions at a time. A partition
        without a leader is not asked about: the request would only come back when its time is over."""
        piece: list[Topic] = []
        partitions = 0
        for topic in topics:
            piece.append(topic)
            partitions += len(topic.partitions)
            if partitions >= PARTITIONS_A_CALL:
                found(await self._offsets_of(piece))
                piece, partitions = [], 0
        if piece:
            found(await self._offsets_of(piece))

    async def configs(self, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry] | Failure]:
        return await self._cluster.topic_configs(names)

    async def _offsets_of(self, topics: Sequence[Topic]) -> dict[str, TopicOffsets]:
        readable = [TopicPartition(t.name, p.id) for t in topics for p in t.partitions if p.leader is not None]
        ends = await self._cluster.list_offsets(dict[TopicPartition, OffsetSpec].fromkeys(readable, Edge.END))
        now = time.monotonic()
        starts = await self._cluster.list_offsets(dict[TopicPartition, OffsetSpec].fromkeys(readable, Edge.START))
        return {topic.name: self._sum_up(topic, starts, ends, now) for topic in topics}

    def _sum_up(
        self,
        topic: Topic,
        starts: dict[TopicPartition, int | Failure | None],
        ends: dict[TopicPartition, int | Failure | None],
        now: float,
    ) -> TopicOffsets:
        span = total = failed = 0
        rate: float | None = None
        trouble: Failure | None = None
        for partition in topic.partitions:
            source = TopicPartition(topic.name, partition.id)
            start, end = starts.get(source), ends.get(source)
            if not isinstance(start, int) or not isinstance(end, int):
                failed += 1
                trouble = trouble or _why(source, start, end)
                continue
            span += max(end - start, 0)
            total += end
            before = self._last_ends.get(source)
            if before is not None and now > before[0] and end >= before[1]:
                rate = (rate or 0.0) + (end - before[1]) / (now - before[0])
            self._last_ends[source] = (now, end)
        return TopicOffsets(span, total, rate, failed, trouble)


def _why(source: TopicPartition, *answers: int | Failure | None) -> Failure:
    for answer in answers:
        if isinstance(answer, Failure):
            return answer
    return Failure(FailureKind.UNREACHABLE, f"Partition {source.partition} has no leader.", "Its brokers may be down.")
