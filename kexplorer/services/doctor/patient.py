"""What checks look at. Each thing is asked for when the first check wants it, and once for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.lag import GroupLag
from kexplorer.model.topics import AtTime, ClusterMetadata, Topic, TopicPartition
from kexplorer.services.doctor.sample import Sample, read_sample
from kexplorer.services.group_lag import Edges, edges_of, look

MOST_TOPICS = 5  # of a group, whose records and partitions are looked at
_LOOKS = 10  # in the time of an examination
_SHORTEST = 0.2  # seconds between two looks
ENOUGH = 3  # looks to judge on: one alone may be of a moment at which a coordinator moves
NO_ANSWER = (FailureKind.UNREACHABLE, FailureKind.TIMEOUT)
_ASK_AGAIN = 5.0  # seconds
_HOUR = 3_600_000
_FEW = 1000  # records of the last hour that tell where records go

T = TypeVar("T")


class Patient:
    """A group, or a topic, or both (the group in that topic), or the cluster. `seconds` is for how long a group is
    watched. Every method raises `Failure`."""

    def __init__(self, cluster: Cluster, group: str = "", topic: str = "", seconds: float = 10.0) -> None:
        self.cluster = cluster
        self.group = group
        self.topic = topic
        self.seconds = seconds
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def metadata(self) -> ClusterMetadata:
        return await self._once("metadata", self._metadata)

    async def looks(self) -> Sequence[GroupLag]:
        """The group as it was seen several times, oldest first."""
        return await self._once("looks", self._watch)

    async def first(self) -> GroupLag:
        """The oldest of `looks`, which is there at once, and alone has the last stable offsets."""
        return await self._once("first", lambda: self._look(stable=True))

    async def topics(self) -> Sequence[Topic]:
        """The topic, or those of the group that are there; of many those that it is most behind in."""
        return await self._once("topics", self._topics)

    async def edges(self) -> Mapping[TopicPartition, Edges]:
        """Of all partitions of `topics`, the last stable offsets included."""
        return await self._once("edges", self._edges)

    async def written(self) -> Mapping[TopicPartition, int]:
        """Offsets that partitions of `topics` were given in the last hour, or ever where those are few."""
        return await self._once("written", self._written)

    async def sample(self, topic: str) -> Sample:
        """The newest records of one of `topics`, of each partition as many as its share of what was written."""

        async def read() -> Sample:
            edges, written = await asyncio.gather(self.edges(), self.written())
            mine = {source: number for source, number in written.items() if source.topic == topic}
            return await read_sample(self.cluster, {source: edges[source] for source in mine}, mine)

        return await self._once(f"sample {topic}", read)

    async def close(self) -> None:
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _once(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """A check that takes too long takes nothing from the others."""
        if name not in self._asked:
            self._asked[name] = asyncio.create_task(work(), name=f"doctor {name}")
        return await asyncio.shield(self._asked[name])

    async def _metadata(self) -> ClusterMetadata:
        """Asked again where that failed: the client may have asked a broker at an address that is no use, which its
        last question has told it of."""
        ends = time.monotonic() + _ASK_AGAIN
        while True:
            try:
                return await self.cluster.metadata()
            except Failure as failure:
                if failure.kind not in NO_ANSWER or time.monotonic() > ends:
                    raise
            await asyncio.sleep(_SHORTEST)

    async def _look(self, *, stable: bool = False) -> GroupLag:
        answer = (await look(self.cluster, [self.group], stable=stable))[self.group]
        if isinstance(answer, Failure):
            raise answer
        if answer.trouble:
            raise answer.trouble
        if not answer.group.type.commits:
            text = f"{self.group} is a {answer.group.type} group, which commits no offsets."
            raise Failure(FailureKind.UNSUPPORTED, text, "Examine a consumer group.")
        if not self.topic:
            return answer
        return replace(answer, readings=tuple(each for each in answer.readings if each.source.topic == self.topic))

    async def _watch(self) -> Sequence[GroupLag]:
        found = [await self.first()]
        trouble: Failure | None = None
        ends = time.monotonic() + self.seconds
        while time.monotonic() < ends or (len(found) < ENOUGH and trouble is None):
            await asyncio.sleep(max(self.seconds / _LOOKS, _SHORTEST))
            try:
                found.append(await self._look())
            except Failure as failure:
                trouble = failure
        if trouble and len(found) < ENOUGH:
            raise trouble
        return found

    async def _topics(self) -> Sequence[Topic]:
        if self.topic:
            return (await self.cluster.topic(self.topic)).topics
        seen, known = await asyncio.gather(self.first(), self.metadata())
        behind: dict[str, int] = {}
        for reading in seen.readings:
            behind[reading.source.topic] = behind.get(reading.source.topic, 0) + max(reading.lag or 0, 0)
        there = [topic for topic in known.topics if topic.name in behind]
        return sorted(there, key=lambda topic: -behind[topic.name])[:MOST_TOPICS]

    async def _edges(self) -> Mapping[TopicPartition, Edges]:
        topics = await self.topics()
        sources = [TopicPartition(topic.name, each.id) for topic in topics for each in topic.partitions]
        return await edges_of(self.cluster, sources, stable=True)

    async def _written(self) -> Mapping[TopicPartition, int]:
        edges = await self.edges()
        known = {s: (e.start, e.end) for s, e in edges.items() if e.start is not None and e.end is not None}
        if not known:
            return {}
        since = await self.cluster.list_offsets(dict.fromkeys(known, AtTime(time.time_ns() // 1_000_000 - _HOUR)))
        found: dict[TopicPartition, int] = {}
        for topic in {source.topic for source in known}:
            mine = {source: edge for source, edge in known.items() if source.topic == topic}
            lately = {s: end - at if isinstance(at := since[s], int) else 0 for s, (_, end) in mine.items()}
            ever = {s: end - start for s, (start, end) in mine.items()}
            found |= lately if sum(lately.values()) >= _FEW else ever
        return found
