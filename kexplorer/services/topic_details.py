"""A topic's partitions one by one: who leads them, who is in sync, and where their logs begin and end."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Broker, Edge, IsolationLevel, OffsetSpec, Partition, TopicPartition

_Answers = Mapping[TopicPartition, int | Failure | None]


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    """Log start, last stable and log end offset; `rate` is records a second since the last look. None: not known."""

    start: int | None = None
    stable: int | None = None
    end: int | None = None
    rate: float | None = None
    trouble: Failure | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A partition, its leader where the cluster knows that broker, and replicas on brokers that are not there."""

    partition: Partition
    leader: Broker | None
    offline: tuple[int, ...]

    @property
    def preferred(self) -> bool | None:
        """The leader is the first of the replicas; None without a leader."""
        return None if self.partition.leader is None else self.partition.leader == self.partition.replicas[0]


class TopicDetails:
    """Keeps the last end offsets, from which it derives rates."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._last: dict[int, tuple[float, int]] = {}

    async def places(self) -> list[Place]:
        """Raises `Failure`(NOT_FOUND) for a topic that is not there, and what the broker says of the topic as a
        whole."""
        seen = await self._cluster.topic(self._topic)
        topic = next(iter(seen.topics), None)
        if topic is None:
            why = f"There is no topic {self._topic} in {self._cluster.profile.name}."
            raise Failure(FailureKind.NOT_FOUND, why, "It may have been deleted.")
        if topic.trouble:
            raise topic.trouble
        brokers = {broker.id: broker for broker in seen.brokers}
        return [
            Place(
                p, None if p.leader is None else brokers.get(p.leader), tuple(r for r in p.replicas if r not in brokers)
            )
            for p in topic.partitions
        ]

    async def offsets(self, places: Sequence[Place], found: Callable[[dict[int, PartitionOffsets]], None]) -> None:
        """Asks every leader by itself, so that one that is slow delays its own partitions only. A partition without
        a leader is not asked about."""
        led: dict[int, list[TopicPartition]] = defaultdict(list)
        for place in places:
            if place.partition.leader is not None:
                led[place.partition.leader].append(TopicPartition(self._topic, place.partition.id))
        await asyncio.gather(*(self._ask(sources, found) for sources in led.values()))

    async def _ask(
        self, sources: Sequence[TopicPartition], found: Callable[[dict[int, PartitionOffsets]], None]
    ) -> None:
        starts, ends, stable = await asyncio.gather(
            self._edge(sources, Edge.START),
            self._edge(sources, Edge.END),
            self._edge(sources, Edge.END, IsolationLevel.READ_COMMITTED),
        )
        now = time.monotonic()
        found({s.partition: self._sum_up(s.partition, starts[s], stable[s], ends[s], now) for s in sources})

    async def _edge(
        self, sources: Sequence[TopicPartition], edge: Edge, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> _Answers:
        try:
            wanted = dict[TopicPartition, OffsetSpec].fromkeys(sources, edge)
            return await self._cluster.list_offsets(wanted, isolation)
        except Failure as failure:
            return dict.fromkeys(sources, failure)

    def _sum_up(
        self,
        partition: int,
        start: int | Failure | None,
        stable: int | Failure | None,
        end: int | Failure | None,
        now: float,
    ) -> PartitionOffsets:
        rate = None
        if isinstance(end, int):
            before = self._last.get(partition)
            if before and now > before[0] and end >= before[1]:
                rate = (end - before[1]) / (now - before[0])
            self._last[partition] = (now, end)
        trouble = next((each for each in (start, stable, end) if isinstance(each, Failure)), None)
        return PartitionOffsets(_known(start), _known(stable), _known(end), rate, trouble)


def _known(answer: int | Failure | None) -> int | None:
    return None if isinstance(answer, Failure) else answer
