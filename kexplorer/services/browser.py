"""The newest records of a topic, and what arrives after them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Batch, RecordColumns, RecordRing, Trouble
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition

PAGE_BYTES = 64 << 20  # what the records of one page may hold while it is put together


@dataclass(frozen=True, slots=True)
class NewestPage:
    """The newest records over all partitions, oldest first. `ends` is where each partition ended when the page was
    asked for: following starts there. `left_out` records were read but did not fit into `PAGE_BYTES`."""

    records: RecordColumns
    ends: dict[TopicPartition, int]
    troubles: tuple[Trouble, ...]
    left_out: int


@dataclass(slots=True)
class _Part:
    """What is known of one partition: everything in [`reached`, end) has been read."""

    source: TopicPartition
    low: int
    reached: int
    read: list[RecordRing] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(ring) + ring.dropped for ring in self.read)


async def newest(
    cluster: Cluster,
    sources: Sequence[TopicPartition],
    count: int,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> NewestPage:
    """The `count` newest records of these partitions, by timestamp. Compaction and transaction markers leave gaps, so a
    range of `count` offsets may hold fewer records: then it is read further back, twice as far each time."""
    ranges, troubles = await whole(cluster, sources, isolation)
    parts = [_Part(each.source, each.start, each.end or 0) for each in ranges]
    known_ends = {part.source: part.reached for part in parts}
    budget = PAGE_BYTES // max(len(parts), 1)
    span = count
    wanting = parts
    while wanting := [part for part in wanting if part.count < count and part.reached > part.low]:
        troubles += await _read_back(cluster, wanting, span, budget, isolation)
        span *= 2
    left_out = sum(ring.dropped for part in parts for ring in part.read)
    return NewestPage(_merge(parts, count), known_ends, tuple(troubles), left_out)


async def follow(
    cluster: Cluster,
    ends: dict[TopicPartition, int],
    take: Callable[[Batch], Awaitable[None]],
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> None:
    """Hands every batch that arrives behind `ends` to `take`, until it is cancelled. Nothing is fetched while `take`
    waits: that is how one pauses."""
    ranges = [OffsetRange(source, end, None) for source, end in ends.items()]
    async with cluster.open_reader(ranges, isolation) as reader:
        while (batch := await reader.next_batch()) is not None:
            await take(batch)


async def whole(
    cluster: Cluster, sources: Sequence[TopicPartition], isolation: IsolationLevel
) -> tuple[list[OffsetRange], list[Trouble]]:
    """All that can be read of each partition now, from its log start to its end, and those that cannot be asked."""
    starts, ends = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(sources, Edge.START), isolation),
        cluster.list_offsets(dict.fromkeys(sources, Edge.END), isolation),
    )
    ranges: list[OffsetRange] = []
    troubles: list[Trouble] = []
    for source in sources:
        start, end = starts[source], ends[source]
        if isinstance(start, int) and isinstance(end, int):
            ranges.append(OffsetRange(source, start, end))
        else:
            troubles.append(Trouble(source, next(f for f in (start, end) if isinstance(f, Failure))))
    return ranges, troubles


async def partitions_of(cluster: Cluster, topics: Iterable[str]) -> list[TopicPartition]:
    known = {topic.name: topic for topic in (await cluster.metadata()).topics}
    sources: list[TopicPartition] = []
    for name in topics:
        if name not in known:
            raise Failure(
                FailureKind.NOT_FOUND,
                f"There is no topic {name} in {cluster.profile.name}.",
                "It may have been deleted, or you may lack the permission to describe it.",
            )
        if (trouble := known[name].trouble) is not None:
            raise trouble
        sources += [TopicPartition(name, partition.id) for partition in known[name].partitions]
    return sources


async def _read_back(
    cluster: Cluster, parts: Sequence[_Part], span: int, budget: int, isolation: IsolationLevel
) -> list[Trouble]:
    """Reads the `span` offsets before what each part has reached."""
    ranges, rings = [], {}
    for part in parts:
        start = max(part.low, part.reached - span)
        ranges.append(OffsetRange(part.source, start, part.reached))
        rings[part.source] = RecordRing(budget)
        part.read.append(rings[part.source])
        part.reached = start
    troubles: list[Trouble] = []
    async with cluster.open_reader(ranges, isolation) as reader:
        while (batch := await reader.next_batch()) is not None:
            for source, records in batch.records.by_partition().items():
                rings[source].extend(records)
            troubles += batch.troubles
    for part in parts:
        if any(trouble.source == part.source for trouble in troubles):
            part.reached = part.low  # no use in reading it again
    return troubles


def _merge(parts: Sequence[_Part], count: int) -> RecordColumns:
    """By time over the partitions, by offset within each: a record counts as no older than those before it."""
    found: list[tuple[int, TopicPartition, int, RecordRing, int]] = []
    for part in parts:
        time = 0
        for ring in reversed(part.read):
            for row, (timestamp, source, offset) in enumerate(ring.positions()):
                time = max(time, timestamp)
                found.append((time, source, offset, ring, row))
    found.sort(key=lambda each: each[:3])
    return RecordColumns(ring[row] for *_, ring, row in found[-count:])
