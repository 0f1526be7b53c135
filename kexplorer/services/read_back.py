"""Whether a change that the broker took is what the cluster has now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kexplorer.model.changes import (
    AddPartitions,
    AlterConfig,
    AlterOffsets,
    AlterQuota,
    Change,
    CreateAcls,
    CreateTopic,
    DeleteAcls,
    DeleteGroups,
    DeleteOffsets,
    DeleteScram,
    DeleteTopics,
    ElectPreferred,
    PurgeRecords,
    Reassign,
    RemoveMembers,
    ResourceKind,
    SetScram,
    items_of,
)
from kexplorer.model.cluster import Cluster, ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure
from kexplorer.model.topics import Edge, Partition
from kexplorer.services.present import commits_of, config_entries, name_of, partitions_of, topics_of

_PATIENCE = 8.0  # seconds until every broker has heard of a change from the controller
_OWN = (ConfigSource.TOPIC, ConfigSource.DYNAMIC_BROKER)


async def differences(cluster: Cluster, change: Change, taken: set[str]) -> tuple[str, ...]:
    """A sentence for each difference between what `change` asked of its items in `taken` and what the cluster has,
    which gets some seconds to follow. What can't be read is such a sentence, too."""
    ends = asyncio.get_running_loop().time() + _PATIENCE
    pause = 0.05
    while True:
        try:
            found = tuple(await _COMPARISONS[type(change)](cluster, change, taken))
        except Failure as failure:
            return (f"Whether the change is in force could not be read. {failure}",)
        if not found or asyncio.get_running_loop().time() > ends:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, 1.0)


async def _created(cluster: Cluster, change: CreateTopic, _: set[str]) -> list[str]:
    partitions = await partitions_of(cluster, topics=[change.name])
    if not partitions:
        return [f"There is no topic {change.name}."]
    found = _counted(change.name, change.partitions, len(partitions)) if change.partitions > 0 else []
    for source, part in partitions.items():
        if change.replication > 0 and len(part.replicas) != change.replication and not change.replicas:
            found.append(f"{name_of(source)} has {len(part.replicas)} replicas, not {change.replication}.")
        if change.replicas and part.replicas != change.replicas[source.partition]:
            found.append(f"{name_of(source)} has other replicas than asked for: {_brokers(part)}.")
    entries = (await cluster.topic_configs([change.name]))[change.name]
    return found + _valued(change.configs, entries)


async def _deleted(cluster: Cluster, change: DeleteTopics, taken: set[str]) -> list[str]:
    left = {topic.name for topic in (await topics_of(cluster, change.names)).topics}
    there = [name for name in change.names if name in taken and name in left]
    return [f"{name} is there still, or again: a program may have had it made anew." for name in there]


async def _added(cluster: Cluster, change: AddPartitions, _: set[str]) -> list[str]:
    return _counted(change.topic, change.total, len(await partitions_of(cluster, topics=[change.topic])))


def _counted(topic: str, wanted: int, there: int) -> list[str]:
    return [] if there == wanted else [f"{topic} has {there} partitions, not {wanted}."]


async def _configured(cluster: Cluster, change: AlterConfig, _: set[str]) -> list[str]:
    """What holds for all brokers is not compared where the broker that was asked has a value of its own."""
    entries = await config_entries(cluster, change)
    if change.kind is ResourceKind.BROKER and not change.name:
        entries = {name: each for name, each in entries.items() if each.source is not ConfigSource.DYNAMIC_BROKER}
    sets = {name: value for name, value in change.sets.items() if name in entries or change.name}
    left = [name for name in change.resets if change.name and name in entries and entries[name].source in _OWN]
    return _valued(sets, entries) + [f"{name} is set still, to {entries[name].value}." for name in left]


def _valued(wanted: Mapping[str, str], entries: Mapping[str, ConfigEntry] | Failure) -> list[str]:
    """Values that the broker keeps to itself can't be compared."""
    if isinstance(entries, Failure):
        raise entries
    found = []
    for name, value in wanted.items():
        entry = entries.get(name)
        if entry is None or (not entry.is_sensitive and _plain(entry.value) != _plain(value)):
            found.append(f"{name} is {entry.value if entry else 'not there'}, not {value}.")
    return found


def _plain(value: str | None) -> str:
    return (value or "").replace(" ", "").lower()


async def _purged(cluster: Cluster, change: PurgeRecords, taken: set[str]) -> list[str]:
    asked = {source: before for source, before in change.before.items() if name_of(source) in taken and before >= 0}
    starts = await cluster.list_offsets(dict.fromkeys(asked, Edge.START))
    found = []
    for source, before in asked.items():
        start = starts.get(source)
        if not isinstance(start, int):
            found.append(f"The first offset of {name_of(source)} could not be read. {start or ''}".strip())
        elif start < before:
            found.append(f"{name_of(source)} begins at {start}, not {before}.")
    return found


async def _elected(cluster: Cluster, change: ElectPreferred, taken: set[str]) -> list[str]:
    found = await partitions_of(cluster, [source for source in change.partitions if name_of(source) in taken])
    wrong = ((name_of(source), part) for source, part in found.items() if part.leader != part.replicas[0])
    return [f"{name} is led by broker {part.leader}, not {part.replicas[0]}." for name, part in wrong]


async def _reassigned(cluster: Cluster, change: Reassign, taken: set[str]) -> list[str]:
    """A move is under way for long: that it is under way to where it should go is enough."""
    moves = await cluster.reassignments()
    partitions = await partitions_of(cluster, change.replicas)
    found = []
    for source, wanted in change.replicas.items():
        if name_of(source) not in taken:
            continue
        move, part = moves.get(source), partitions.get(source)
        if wanted is None and move is not None:
            found.append(f"{name_of(source)} is being moved still.")
        elif wanted is not None and move is not None:
            goal = set(move.replicas) - set(move.removing)
            found += [] if goal == set(wanted) else [f"{name_of(source)} is being moved to {sorted(goal)}."]
        elif wanted is not None and (part is None or part.replicas != wanted):
            found.append(f"{name_of(source)} has the replicas {_brokers(part) if part else 'of no known partition'}.")
    return found


async def _acls(cluster: Cluster, change: CreateAcls | DeleteAcls, taken: set[str]) -> list[str]:
    there = set(await cluster.acls())
    asked = [acl for acl in change.acls if str(acl) in taken]
    if isinstance(change, CreateAcls):
        return [f"There is no ACL {acl}." for acl in asked if acl not in there]
    return [f"The ACL {acl} is there still." for acl in asked if acl in there]


async def _scram(cluster: Cluster, change: SetScram | DeleteScram, _: set[str]) -> list[str]:
    users = {user.name: dict(user.iterations) for user in await cluster.scram_users()}
    has = users.get(change.user, {}).get(change.mechanism)
    if isinstance(change, DeleteScram):
        return [] if has is None else [f"{change.user} has credentials for {change.mechanism} still."]
    right = has == change.iterations
    return [] if right else [f"{change.user} has {has or 'no'} iterations for {change.mechanism}."]


async def _limited(cluster: Cluster, change: AlterQuota, _: set[str]) -> list[str]:
    limits = next((dict(quota.limits) for quota in await cluster.quotas() if quota.entity == change.entity), {})
    wrong = [name for name, limit in change.sets.items() if limits.get(name) != limit]
    found = [f"{name} is {limits.get(name, 'not set')}, not {change.sets[name]:.15g}." for name in wrong]
    return found + [f"{name} is set still, to {limits[name]:.15g}." for name in change.resets if name in limits]


async def _offsets(cluster: Cluster, change: AlterOffsets | DeleteOffsets, taken: set[str]) -> list[str]:
    asked = change.offsets if isinstance(change, AlterOffsets) else dict.fromkeys(change.partitions)
    wanted = {source: offset for source, offset in asked.items() if name_of(source) in taken}
    committed = await commits_of(cluster, change.group, wanted)
    wrong = ((source, committed[source]) for source, offset in wanted.items() if committed[source] != offset)
    return [f"{name_of(source)} is committed at {'nothing' if has is None else has} now." for source, has in wrong]


async def _gone(cluster: Cluster, change: DeleteGroups, taken: set[str]) -> list[str]:
    there = {group.id for group in (await cluster.groups()).listed}
    return [f"The group {name} is there still, or again." for name in change.groups if name in taken & there]


async def _left(cluster: Cluster, change: RemoveMembers, taken: set[str]) -> list[str]:
    """Who comes back has another member id. Only a static member is known again."""
    group = (await cluster.describe_groups([change.group]))[change.group]
    if isinstance(group, Failure):
        raise group
    there = {member.id for member in group.members} | {member.instance for member in group.members}
    return [f"{each} is a member still, or again." for each in items_of(change) if each in taken & there]


def _brokers(part: Partition) -> str:
    return ", ".join(map(str, part.replicas))


_COMPARISONS: dict[type[Change], Callable[[Cluster, Any, set[str]], Awaitable[list[str]]]] = {
    CreateTopic: _created,
    DeleteTopics: _deleted,
    AddPartitions: _added,
    AlterConfig: _configured,
    PurgeRecords: _purged,
    ElectPreferred: _elected,
    Reassign: _reassigned,
    CreateAcls: _acls,
    DeleteAcls: _acls,
    SetScram: _scram,
    DeleteScram: _scram,
    AlterQuota: _limited,
    AlterOffsets: _offsets,
    DeleteOffsets: _offsets,
    DeleteGroups: _gone,
    RemoveMembers: _left,
}
