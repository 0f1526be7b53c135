"""Looks up what retention will delete of what a group has still to read: by time and by size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from kexplorer.model.cluster import Cluster, ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.retention import HORIZONS, Log, Outlook, losses
from kexplorer.model.topics import AtTime, TopicPartition
from kexplorer.model.verdicts import Rates

_Answers = Mapping[TopicPartition, int | Failure | None]


async def outlook(cluster: Cluster, lag: GroupLag, rates: Callable[[TopicPartition], Rates]) -> Outlook:
    """By the configuration of its topics, the brokers' time index and, where they tell, the sizes of logs. Raises
    `Failure` where nothing can be said."""
    behind = [reading for reading in lag.readings if (reading.lag or 0) > 0]
    if not behind:
        return Outlook(lag.group.id, {})
    configs = await cluster.topic_configs(sorted({reading.source.topic for reading in behind}))
    troubles = [each for each in configs.values() if isinstance(each, Failure)]
    settings = {name: each for name, each in configs.items() if not isinstance(each, Failure) and _deletes(each)}
    behind = [reading for reading in behind if reading.source.topic in settings]
    times = {name: _limit(each, "retention.ms") for name, each in settings.items()}
    most = {name: _limit(each, "retention.bytes") for name, each in settings.items()}
    due = await _due(cluster, behind, times)
    sizes = await _sizes(cluster, [each for each in behind if most[each.source.topic] is not None], troubles)
    found = {}
    for reading in behind:
        source, rate = reading.source, rates(reading.source)
        positions = (reading.start or 0, reading.end or 0, reading.committed or 0)
        speed = (rate.produced or 0.0, rate.committed or 0.0)
        expiring = _expiring(reading, due) if times[source.topic] is not None else ()
        found[source] = losses(Log(*positions, *speed, expiring, sizes.get(source), most[source.topic]))
    return Outlook(lag.group.id, found, tuple(troubles))


async def _due(cluster: Cluster, behind: Iterable[Reading], times: Mapping[str, int | None]) -> list[_Answers]:
    """For each horizon, the first offset of each partition that is young enough then."""
    now = int(time.time() * 1000)
    kept = {reading.source: limit for reading in behind if (limit := times[reading.source.topic]) is not None}
    if not kept:
        return [{} for _ in HORIZONS]
    asked = [
        {source: AtTime(max(now + seconds * 1000 - limit, 0)) for source, limit in kept.items()} for seconds in HORIZONS
    ]
    return list(await asyncio.gather(*map(cluster.list_offsets, asked)))


def _expiring(reading: Reading, due: Sequence[_Answers]) -> tuple[int, ...]:
    found = []
    for answers in due:
        answer = answers.get(reading.source)
        if isinstance(answer, Failure):
            return ()
        found.append(answer if answer is not None else reading.end or 0)
    return tuple(found)


async def _sizes(cluster: Cluster, wanted: Sequence[Reading], troubles: list[Failure]) -> dict[TopicPartition, int]:
    """Bytes of the largest replica of each: a new one is still being filled."""
    if not wanted:
        return {}
    try:
        brokers = [broker.id for broker in (await cluster.metadata()).brokers]
        told = await cluster.log_dirs(brokers)
    except Failure as failure:  # needs more rights than the rest
        troubles.append(failure)
        return {}
    troubles += [each for each in told.values() if isinstance(each, Failure)]
    sources = {reading.source for reading in wanted}
    found: dict[TopicPartition, int] = {}
    for directory in (each for dirs in told.values() if not isinstance(dirs, Failure) for each in dirs):
        for source in sources & directory.replicas.keys():
            found[source] = max(found.get(source, 0), directory.replicas[source].size)
    return found


def _deletes(settings: Mapping[str, ConfigEntry]) -> bool:
    policy = settings.get("cleanup.policy")
    return policy is None or "delete" in (policy.value or "")


def _limit(settings: Mapping[str, ConfigEntry], name: str) -> int | None:
    entry = settings.get(name)
    number = int(entry.value) if entry and entry.value else -1
    return number if number >= 0 else None
