"""How far consumer groups are behind: in offsets, and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed, Group, Member
from kexplorer.model.lag import GroupLag, Reading, TimeLag
from kexplorer.model.topics import Edge, IsolationLevel, OffsetRange, TopicPartition

_AT_ONCE = 100  # partitions of one reader: each may bring a quarter of a megabyte
_READING = 15.0  # seconds for records to be read in
_BACK = (1, 16, 256, 4096)  # offsets before the end among which the newest record is looked for

Answer = int | Failure | None
_Offsets = Mapping[TopicPartition, Committed | Failure | None]


class Edges(NamedTuple):
    """Of one partition: None where it is not known, with the reason."""

    start: int | None
    end: int | None
    stable: int | None = None
    trouble: Failure | None = None


async def look(cluster: Cluster, names: Iterable[str], *, stable: bool = False) -> dict[str, GroupLag | Failure]:
    """Each group with every partition that it committed for, or that its members read. What was committed is read
    before the ends of the log are, else a lag could seem negative. With `stable` the last stable offsets are read, too.
    Raises `Failure` where nothing could be told of any group."""
    asked = list(dict.fromkeys(names))
    if not asked:
        return {}
    described, offsets = await asyncio.gather(
        cluster.describe_groups(asked), cluster.group_offsets(dict.fromkeys(asked))
    )
    sources = {name: _sources(described[name], offsets[name]) for name in asked}
    edges = await edges_of(cluster, set().union(*sources.values()), stable)
    at = time.time()

    def lags() -> dict[str, GroupLag | Failure]:
        return {name: _lag(described[name], offsets[name], sources[name], edges, at) for name in asked}

    return await asyncio.to_thread(lags)  # ten thousand partitions take longer than a window may be held up


async def edges_of(
    cluster: Cluster, sources: Iterable[TopicPartition], stable: bool = False
) -> dict[TopicPartition, Edges]:
    """All at once: a group may read thousands of partitions."""
    wanted = list(sources)
    if not wanted:
        return {}
    starts, ends, stables = await asyncio.gather(
        cluster.list_offsets(dict.fromkeys(wanted, Edge.START)),
        cluster.list_offsets(dict.fromkeys(wanted, Edge.END)),
        cluster.list_offsets(dict.fromkeys(wanted if stable else [], Edge.END), IsolationLevel.READ_COMMITTED),
    )
    return {source: _edges(starts[source], ends[source], stables.get(source)) for source in wanted}


def _edges(*told: Answer) -> Edges:
    trouble = next((each for each in told if isinstance(each, Failure)), None)
    start, end, stable = (None if isinstance(each, Failure) else each for each in told)
    return Edges(start, end, stable, trouble)


def reading(source: TopicPartition, committed: Committed | Failure | None, edges: Edges, by: Member | None) -> Reading:
    start, end, stable, trouble = edges
    if isinstance(committed, Failure):
        return Reading(source, None, start, end, stable, by, committed)
    return Reading(source, None if committed is None else committed.offset, start, end, stable, by, trouble)


def readers_in(group: Group) -> dict[TopicPartition, Member]:
    return {source: member for member in group.members for source in member.assigned}


def _sources(group: Group | Failure, offsets: _Offsets | Failure) -> set[TopicPartition]:
    if isinstance(group, Failure):
        return set()
    committed = {} if isinstance(offsets, Failure) else offsets
    return {source for source, answer in committed.items() if answer is not None} | readers_in(group).keys()


def _lag(
    group: Group | Failure,
    offsets: _Offsets | Failure,
    sources: Iterable[TopicPartition],
    edges: Mapping[TopicPartition, Edges],
    at: float,
) -> GroupLag | Failure:
    if isinstance(group, Failure):
        return group
    by = readers_in(group)
    committed = {} if isinstance(offsets, Failure) else offsets
    readings = tuple(
        [reading(source, committed.get(source), edges[source], by.get(source)) for source in sorted(sources)]
    )
    return GroupLag(group, readings, at, offsets if isinstance(offsets, Failure) else None)


async def time_lag(cluster: Cluster, readings: Iterable[Reading], *, most: int = 500) -> dict[TopicPartition, TimeLag]:
    """Of the partitions whose lag is known; of those that are behind, the `most` that are so by most offsets, since one
    or two records are read of each. Every record counts, aborted ones and tombstones, too."""
    at = int(time.time() * 1000)
    known = [each for each in readings if each.lag is not None]
    behind = sorted((each for each in known if (each.lag or 0) > 0), key=lambda each: -(each.lag or 0))[:most]
    spans = {each.source: (max(each.committed or 0, each.start or 0), each.end or 0) for each in behind}
    first, last = await asyncio.gather(_first(cluster, spans), _last(cluster, spans))
    found = {each.source: TimeLag(at) for each in known if (each.lag or 0) <= 0}
    return found | {source: _time_lag(at, span, first.get(source), last.get(source)) for source, span in spans.items()}


_Found = int | Failure | None  # a timestamp; None: no record is there


def _time_lag(at: int, span: tuple[int, int], first: _Found, last: _Found) -> TimeLag:
    if isinstance(first, Failure):
        return TimeLag(at, trouble=first)
    if first is None:
        return TimeLag(at, unreadable=span[1] - span[0])
    return TimeLag(at, first, None if isinstance(last, Failure) else last)


_Spans = Mapping[TopicPartition, tuple[int, int]]


async def _first(cluster: Cluster, spans: _Spans) -> dict[TopicPartition, _Found]:
    """The timestamp of the first record of each span. It mostly is at the very start."""
    found = await _timestamps(cluster, {source: (start, start + 1) for source, (start, _) in spans.items()})
    left = {s: (start + 1, end) for s, (start, end) in spans.items() if s not in found and start + 1 < end}
    return found | await _timestamps(cluster, left, only_first=True)


async def _last(cluster: Cluster, spans: _Spans) -> dict[TopicPartition, _Found]:
    """The timestamp of the last record of each span, as far as it is near its end."""
    found: dict[TopicPartition, _Found] = {}
    done = 0
    for back in _BACK:
        left = {s: (max(end - back, start), end - done) for s, (start, end) in spans.items() if s not in found}
        found |= await _timestamps(cluster, {s: (start, end) for s, (start, end) in left.items() if start < end})
        done = back
    return found


async def _timestamps(cluster: Cluster, spans: _Spans, *, only_first: bool = False) -> dict[TopicPartition, _Found]:
    """Of the first or last record of each span that has one, or why it could not be read."""
    found: dict[TopicPartition, _Found] = {}
    wanted = list(spans)
    for piece in (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)):
        left = set(piece)
        try:
            async with (
                asyncio.timeout(_READING),
                cluster.open_reader([OffsetRange(source, *spans[source]) for source in piece]) as reader,
            ):
                while (left or not only_first) and (batch := await reader.next_batch()) is not None:
                    for timestamp, source, _ in batch.records.positions():
                        if source in left or not only_first:
                            found[source] = timestamp
                        left.discard(source)
                    found |= {trouble.source: trouble.failure for trouble in batch.troubles}
        except TimeoutError:
            late = Failure(FailureKind.TIMEOUT, f"No record was read within {_READING:g} s.", "Try again.")
            found |= dict.fromkeys(left, late)
        except Failure as failure:
            found |= dict.fromkeys(left, failure)
    return found
