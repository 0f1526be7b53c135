"""Which consumer groups read a topic, how far each has come, and who in it reads what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Committed, Group
from kexplorer.model.lag import Reading, total_lag
from kexplorer.model.topics import TopicPartition
from kexplorer.services import browser
from kexplorer.services.group_lag import Edges, edges_of, readers_in, reading

_A_LOOK = 50  # groups before the ends of the log are looked up, behind what was committed


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
        return total_lag(self.readings)

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
    names = [each.id for each in listed.listed if each.type.commits]
    troubles = list(listed.troubles)
    found([], Looked(0, len(names), tuple(troubles)))
    for at in range(0, len(names), _A_LOOK):
        piece = names[at : at + _A_LOOK]
        groups, offsets = await asyncio.gather(
            cluster.describe_groups(piece), cluster.group_offsets(dict.fromkeys(piece, sources))
        )
        edges = await edges_of(cluster, sources)  # behind the commits: else a lag could seem negative
        readers: list[TopicReader] = []
        for name in piece:
            group, committed = groups[name], offsets[name]
            if isinstance(group, Failure):
                troubles.append(group)
                continue
            if isinstance(committed, Failure):
                troubles.append(committed)
                committed = dict.fromkeys(sources, committed)
            if reader := _reader(group, sources, committed, edges):
                readers.append(reader)
        found(readers, Looked(at + len(piece), len(names), tuple(troubles)))


def _reader(
    group: Group,
    sources: Sequence[TopicPartition],
    answers: Mapping[TopicPartition, Committed | Failure | None],
    edges: Mapping[TopicPartition, Edges],
) -> TopicReader | None:
    by = readers_in(group)
    if not any(source in by or isinstance(answers[source], Committed) for source in sources):
        return None
    return TopicReader(group, tuple(reading(s, answers[s], edges[s], by.get(s)) for s in sources))
