"""How many consumer groups read each topic: all groups of a cluster looked at in one sweep."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed, Group, GroupListing
from kexplorer.model.topics import TopicPartition

_AT_ONCE = 200  # groups a call

_Offsets = dict[TopicPartition, Committed | Failure | None] | Failure


@dataclass(frozen=True, slots=True)
class ReaderCounts:
    """Number of groups by topic: those that have committed offsets of it, or members that read it. A topic that nobody
    reads is not in it. `troubles`: of brokers and groups that did not tell, so that numbers are at least these."""

    groups: Mapping[str, int]
    troubles: tuple[Failure, ...] = ()


async def count_readers(cluster: Cluster) -> ReaderCounts:
    """Raises the `Failure` of listing the groups."""
    listing = await cluster.groups()
    troubles = list(listing.troubles)
    counts = Counter[str]()
    for at in range(0, len(listing.listed), _AT_ONCE):
        piece = listing.listed[at : at + _AT_ONCE]
        offsets, described = await asyncio.gather(_committed(cluster, piece), _members(cluster, piece))
        for each in piece:
            told, group = offsets.get(each.id, {}), described.get(each.id)
            answers = (told, group)
            troubles += [a for a in answers if isinstance(a, Failure) and a.kind is not FailureKind.NOT_FOUND]
            counts.update(_topics(told, group))
        await asyncio.sleep(0)
    return ReaderCounts(counts, tuple(troubles))


async def _committed(cluster: Cluster, piece: Iterable[GroupListing]) -> dict[str, _Offsets]:
    return await cluster.group_offsets(dict.fromkeys(each.id for each in piece if each.type.commits))


async def _members(cluster: Cluster, piece: Sequence[GroupListing]) -> dict[str, Group | Failure]:
    """Only of groups that may have some."""
    active = [each.id for each in piece if each.state.active]
    return await cluster.describe_groups(active) if active else {}


def _topics(offsets: _Offsets, group: Group | Failure | None) -> set[str]:
    found: set[str] = set()
    if not isinstance(offsets, Failure):
        found.update(source.topic for source, answer in offsets.items() if isinstance(answer, Committed))
    if isinstance(group, Group):
        found.update(source.topic for member in group.members for source in member.assigned)
    return found
