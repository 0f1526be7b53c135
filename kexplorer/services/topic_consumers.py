"""Which consumer groups read a topic, how far each has come, and who in it reads what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group, Member
from kexplorer.model.topics import Edge, TopicPartition
from kexplorer.services import browser

_AT_ONCE = 4  # groups whose offsets are asked for at a time, each by a client of its own
_A_LOOK = 20  # groups before the ends of the log are looked up, behind what was committed

Answer = int | Failure | None


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a group is in one partition. `committed` is the offset that it reads next, None where it never committed
    or that expired. `member`: who reads the partition now."""

    partition: int
    committed: int | None
    start: int | None
    end: int | None
    member: Member | None = None
    trouble: Failure | None = None

    @property
    def lag(self) -> int | None:
        """Offsets that it has still to read: those below the log start can't be read any more. Negative: it committed
        an offset beyond the end, because the topic was truncated or recreated, or the offset was set so."""
        if self.committed is None or self.end is None:
            return None
        return self.end - max(self.committed, self.start or 0)

    @property
    def lost(self) -> int:
        """Offsets that were deleted before it read them."""
        return max((self.start or 0) - self.committed, 0) if self.committed is not None else 0


@dataclass(frozen=True, slots=True)
class TopicReader:
    """A group that has committed offsets of the topic, or members that read it."""

    group: Group
    readings: tuple[Reading, ...]

    @property
    def members(self) -> int:
        """That read this topic."""
        return len({reading.member.id for reading in self.readings if reading.member})

    @property
    def lag(self) -> int | None:
        """Of all partitions together where it is known; None where it is not for any."""
        known = [reading.lag for reading in self.readings if reading.lag is not None]
        return sum(max(lag, 0) for lag in known) if known else None

    @property
    def trouble(self) -> Failure | None:
        return next((reading.trouble for reading in self.readings if reading.trouble), None)


@dataclass(frozen=True, slots=True)
class Looked:
    """How many of all `groups` were looked at; `troubles`: of brokers and groups that did not tell."""

    done: int
    groups: int
    troubles: tuple[Failure, ...]


async def readers_of(cluster: Cluster, topic: str, found: Callable[[Sequence[TopicReader], Looked], None]) -> None:
    """Tells `found` the readers among the next groups, again and again until all were looked at."""
    sources = await browser.partitions_of(cluster, [topic])
    listed = await cluster.groups()
    names = [each.id for each in listed.listed]
    troubles = list(listed.troubles)
    found([], Looked(0, len(names), tuple(troubles)))
    turn = asyncio.Semaphore(_AT_ONCE)

    async def committed(name: str) -> dict[TopicPartition, Answer]:
        async with turn:
            try:
                return await cluster.committed(name, sources)
            except Failure as failure:
                return dict.fromkeys(sources, failure)

    for at in range(0, len(names), _A_LOOK):
        piece = names[at : at + _A_LOOK]
        groups, offsets = await asyncio.gather(cluster.describe_groups(piece), asyncio.gather(*map(committed, piece)))
        edges = await _edges(cluster, sources)  # behind the commits: else a lag could seem negative
        readers: list[TopicReader] = []
        for name, answers in zip(piece, offsets, strict=True):
            group = groups[name]
            if isinstance(group, Failure):
                troubles.append(group)
            elif reader := _reader(group, sources, answers, edges):
                readers.append(reader)
        found(readers, Looked(at + len(piece), len(names), tuple(troubles)))


_Edges = dict[TopicPartition, tuple[Answer, Answer]]


async def _edges(cluster: Cluster, sources: Sequence[TopicPartition]) -> _Edges:
    starts, ends = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(sources, Edge.START)), cluster.list_offsets(dict.fromkeys(sources, Edge.END))
    )
    return {source: (starts[source], ends[source]) for source in sources}


def _reader(
    group: Group, sources: Sequence[TopicPartition], answers: dict[TopicPartition, Answer], edges: _Edges
) -> TopicReader | None:
    by = {source: member for member in group.members for source in member.assigned}
    if not any(source in by or isinstance(answers[source], int) for source in sources):
        return None
    readings = []
    for source in sources:
        told = (answers[source], *edges[source])
        trouble = next((each for each in told if isinstance(each, Failure)), None)
        committed, start, end = (None if isinstance(each, Failure) else each for each in told)
        readings.append(Reading(source.partition, committed, start, end, by.get(source), trouble))
    return TopicReader(group, tuple(readings))
