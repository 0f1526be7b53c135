"""Reading the dead letters of a topic: recognised one by one, counted by their cause, sent again by a replay."""

from __future__ import annotations

import asyncio
import contextlib
import re
from bisect import bisect_left
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path

from kexplorer.formats.dead_letters import LetterReader
from kexplorer.formats.rewriting import named
from kexplorer.model.cluster import Cluster
from kexplorer.model.dead_letters import Cause, DeadLetter, DeadLetterStore, Place
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Profile
from kexplorer.model.records import Record, Trouble
from kexplorer.model.replay import (
    COUNT_HEADER,
    Guarantee,
    Plan,
    Policy,
    ReplayRun,
    ReplaySource,
    ReplayState,
    ReplayTarget,
    Rewrite,
    attempts_of,
)
from kexplorer.model.topics import IsolationLevel, OffsetRange, TopicPartition
from kexplorer.services import ranges
from kexplorer.services.browser import partitions_of
from kexplorer.services.coverage import length
from kexplorer.services.histogram import BINS, Histogram, round_borders
from kexplorer.services.replay_plan import place_of
from kexplorer.store.daemon import in_daemon
from kexplorer.store.replay_runs import RunFolder

MOST = 200_000  # letters that are kept: 100 MB
_WITHIN = 10.0  # seconds, for one letter
_COUNTED_WITHIN = 60.0  # seconds, for what only works
_DISK = 10.0  # seconds
_MOST_RUNS = 200  # that are looked at, the newest
_ISOLATION = IsolationLevel.READ_COMMITTED  # as a replay reads
_MOST_TRIES = 3

Found = tuple[list[DeadLetter], Sequence[Trouble]]


@dataclass(frozen=True, slots=True)
class Part:
    """Which letters are read: no more than `MOST` offsets. `left_out`: how many older ones are not. `cluster` and
    `topic_id` are what marks are kept by."""

    ranges: tuple[OffsetRange, ...]
    troubles: tuple[Trouble, ...]
    left_out: int
    cluster: str
    topic_id: str


async def part_of(cluster: Cluster, topic: str, start: ranges.Place | None, end: ranges.Place | None, now: int) -> Part:
    """Raises `Failure`, also for a topic that is not there. `now` is milliseconds since 1970."""
    sources = await partitions_of(cluster, [topic])
    seen, ids = await asyncio.gather(cluster.metadata(), cluster.topic_ids([topic]))
    if isinstance(topic_id := ids[topic], Failure):
        raise topic_id
    found = await ranges.resolve(cluster, sources, start, end, _ISOLATION, now)
    whole = sum(map(length, found.ranges))
    kept = tuple(_newest(each, whole) for each in found.ranges)
    left_out = whole - sum(map(length, kept))
    return Part(kept, found.troubles, left_out, seen.cluster_id or cluster.profile.bootstrap, topic_id or topic)


def _newest(each: OffsetRange, whole: int) -> OffsetRange:
    """Of each partition its share of what is kept."""
    if whole <= MOST:
        return each
    return replace(each, start=(each.end or 0) - length(each) * MOST // whole)


async def letters(cluster: Cluster, part: Part, read: LetterReader) -> AsyncGenerator[Found, None]:
    """As they come. They are told beside the window's thread. Who stops listening stops the reading. Raises
    `Failure`."""
    async with cluster.open_reader(part.ranges, _ISOLATION) as reader:
        while (batch := await reader.next_batch()) is not None:
            records = batch.records
            found = await in_daemon("letters", lambda: [read(each) for each in records], _COUNTED_WITHIN)  # noqa: B023
            yield found, batch.troubles


async def record_at(cluster: Cluster, source: TopicPartition, offset: int) -> Record:
    """All of one letter. Raises `Failure`(NOT_FOUND) where it is gone."""
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(_WITHIN),
            cluster.open_reader([OffsetRange(source, offset, offset + 1)], _ISOLATION) as reader,
        ):
            while (batch := await reader.next_batch()) is not None:
                for record in batch.records:
                    return record
                if batch.troubles:
                    raise batch.troubles[0].failure
    text = f"Offset {offset} of partition {source.partition} could not be read again."
    raise Failure(FailureKind.NOT_FOUND, text, "Retention or a purge may have deleted it. Refresh.")


@dataclass(slots=True)
class Group:
    """Letters of one cause; `first` and `last` are the times of the oldest and the newest, milliseconds since 1970."""

    cause: Cause
    count: int = 0
    done: int = 0
    first: int | None = None
    last: int | None = None


def count_in(groups: dict[Cause, Group], found: Iterable[DeadLetter], done: Collection[Place]) -> None:
    """Adds letters to `groups`."""
    for each in found:
        cause, ms = each.cause, each.timestamp
        group = groups.get(cause)
        if group is None:
            group = groups[cause] = Group(cause)
        group.count += 1
        group.done += (each.source.partition, each.offset) in done
        if ms is not None:
            group.first = ms if group.first is None or ms < group.first else group.first
            group.last = ms if group.last is None or ms > group.last else group.last


async def over_time(found: Iterable[DeadLetter], zone: tzinfo) -> Histogram:
    """How many letters each span of time has. Many of them are counted beside the window's thread."""
    return await in_daemon("letters", lambda: _over_time(found, zone), _COUNTED_WITHIN)


def _over_time(found: Iterable[DeadLetter], zone: tzinfo) -> Histogram:
    times: list[int] = []
    timeless = 0
    for each in found:
        if each.timestamp is None:
            timeless += 1
        else:
            times.append(each.timestamp)
    if not times:
        return Histogram((), (), timeless, 0, complete=True, troubles=())
    times.sort()
    beside = max(1000 - (times[-1] - times[0]), 0) // 2  # one letter is no bar as wide as the window
    borders = round_borders(times[0] - beside, times[-1] + beside, zone, BINS)
    counts = tuple(bisect_left(times, b) - bisect_left(times, a) for a, b in pairwise(borders))
    return Histogram(borders, counts, timeless, 0, complete=True, troubles=())


def redrive_plan(profile: Profile, chosen: Collection[DeadLetter], target: str, added: Iterable[str], now: int) -> Plan:
    """Sends letters of one topic to `target` of the same cluster, exactly once and without the headers that were
    `added` to them. A letter that was replayed too often stays where it is, and the report lists it. `now`
    (milliseconds since 1970) makes the job one of its own."""
    places: dict[TopicPartition, list[int]] = {}
    for each in chosen:
        places.setdefault(each.source, []).append(each.offset)
    topic = next(iter(places)).topic
    place = place_of(profile)
    selected = {source: tuple(sorted(offsets)) for source, offsets in sorted(places.items())}
    return Plan(
        f"redrive-{re.sub(r'[^a-zA-Z0-9._-]', '-', topic)[:120]}-{now}",
        ReplaySource(place, (topic,), selected=selected),
        ReplayTarget(place, {topic: target}),
        Rewrite(remove_headers=tuple(added)),
        guarantee=Guarantee.EXACTLY_ONCE,
        policy=Policy.SKIP,
        markers=True,
        most_attempts=_MOST_TRIES,
    )


def to_resend(record: Record, target: str, added: Iterable[str]) -> Record:
    """The letter as it was before it failed, to be edited and sent to `target`; counted as one attempt more."""
    pattern, headers = named([*added, COUNT_HEADER]), record.headers or ()
    kept = tuple(each for each in headers if not (pattern and pattern.fullmatch(each[0])))
    counted = (COUNT_HEADER, str(attempts_of(headers) + 1).encode())
    return replace(record, source=TopicPartition(target, record.partition), headers=(*kept, counted))


async def mark_replayed(folder: Path, store: DeadLetterStore, part: Part, topic: str) -> None:
    """Marks as done what replays of this machine have sent again, each replay's letters once: what a person unmarks
    stays unmarked. `folder` has the plans. Raises `Failure`."""
    try:
        found = await in_daemon("replays", lambda: _replayed(folder, part, topic), _DISK)
    except (OSError, TimeoutError) as error:
        text = f"The replays in {folder} could not be looked through: {error or 'the disk did not answer'}."
        raise Failure(FailureKind.REFUSED, text, "Mark letters by hand, or check the folder.") from None
    for job, places in found:
        await store.mark(part.cluster, part.topic_id, places, job)


def _replayed(folder: Path, part: Part, topic: str) -> list[tuple[str, set[Place]]]:
    """Of replays that came to their end: job, and the selected letters that were written as planned."""
    found = []
    reports = sorted(folder.glob("*.run/report.json"), key=lambda path: -path.stat().st_mtime)
    for report in reports[:_MOST_RUNS]:
        with contextlib.suppress(Failure, KeyError, TypeError):  # another program's, or half of one
            kept = RunFolder(report.parent)
            told, run = kept.report(), kept.run()
            if told and run and told["state"] == ReplayState.DONE and _is_redrive(run, part, topic):
                left = {(each["partition"], each["offset"]) for each in told["exceptional"]}
                selected = run.plan.source.selected.items()
                places = {(source.partition, offset) for source, offsets in selected for offset in offsets}
                found.append((run.plan.job, places - left))
    return found


def _is_redrive(run: ReplayRun, part: Part, topic: str) -> bool:
    """A filter, or a record that is dropped, leaves no trace of which letters were written."""
    same = run.source_cluster == part.cluster and run.topic_ids.get(topic, topic) == part.topic_id
    plan = run.plan
    chosen = plan.source.topics == (topic,) and plan.source.selected
    return bool(same and chosen) and not (plan.source.filter or plan.rewrite.drop)
