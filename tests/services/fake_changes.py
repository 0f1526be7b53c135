"""What a change does to a `FakeCluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from kexplorer.model.cluster import ConfigEntry, ConfigSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.topics import Partition, TopicPartition

if TYPE_CHECKING:
    from tests.services.fake_cluster import FakeCluster


def carry_out(cluster: FakeCluster, change: Change) -> dict[str, Failure | None]:  # noqa: C901, PLR0912  (one case a kind)
    """The items that the cluster does not take, with the reason."""
    match change:
        case CreateTopic(name) if name in cluster.configs:
            return {name: Failure(FailureKind.INVALID, f"Topic {name} exists already.")}
        case CreateTopic():
            _create(cluster, change)
        case DeleteTopics(names):
            gone = [name for name in names if name not in cluster.configs]
            for name in names:
                if name not in gone:
                    cluster.remove_topic(name)
            return {name: Failure(FailureKind.NOT_FOUND, f"There is no topic {name}.") for name in gone}
        case AddPartitions(topic, total):
            for number in range(sum(source.topic == topic for source in cluster.logs), total):
                cluster.logs[TopicPartition(topic, number)] = []
                cluster.starts[TopicPartition(topic, number)] = 0
        case AlterConfig():
            _configure(cluster, change)
        case PurgeRecords(before):
            for source, offset in before.items():
                cluster.logs[source] = [record for record in cluster.logs[source] if record.offset >= offset]
                cluster.starts[source] = offset
        case ElectPreferred(partitions):
            for source in partitions:
                if now := cluster.placed.get(source):
                    cluster.placed[source] = Partition(now.id, now.replicas[0], now.replicas, now.isr)
        case Reassign(wanted):
            for source, replicas in wanted.items():
                cluster.moves.pop(source, None)
                if replicas is not None:
                    cluster.placed[source] = Partition(source.partition, replicas[0], replicas, replicas)
        case CreateAcls(acls):
            cluster.held_acls |= set(acls)
        case DeleteAcls(acls):
            cluster.held_acls -= set(acls)
        case SetScram(user, mechanism, _, iterations):
            cluster.held_users.setdefault(user, {})[mechanism] = iterations
        case DeleteScram(user, mechanism):
            cluster.held_users[user].pop(mechanism)
            if not cluster.held_users[user]:
                del cluster.held_users[user]
        case AlterQuota(entity, sets, resets):
            held = cluster.held_quotas.get(entity, {}) | dict(sets)
            left = {key: limit for key, limit in held.items() if key not in resets}
            cluster.held_quotas.pop(entity, None)
            if left:
                cluster.held_quotas[entity] = left
        case AlterOffsets() | DeleteOffsets() | DeleteGroups() | RemoveMembers():
            return _groups(cluster, change)
    return {}


def _groups(
    cluster: FakeCluster, change: AlterOffsets | DeleteOffsets | DeleteGroups | RemoveMembers
) -> dict[str, Failure | None]:
    busy = Failure(FailureKind.REFUSED, "The group has members.", "Stop its members first.")
    match change:
        case AlterOffsets(group) | DeleteOffsets(group) if cluster.members.get(group):
            return dict.fromkeys(items_of(change), busy)
        case AlterOffsets(group, offsets):
            cluster.commits.setdefault(group, {}).update(offsets)
        case DeleteOffsets(group, partitions):
            held = cluster.commits.get(group, {})
            cluster.commits[group] = {source: offset for source, offset in held.items() if source not in partitions}
        case DeleteGroups(groups):
            known = {*cluster.commits, *cluster.members}
            gone = Failure(FailureKind.NOT_FOUND, "There is no such group.", "Refresh.")
            refused: dict[str, Failure | None] = {name: gone for name in groups if name not in known}
            refused |= {name: busy for name in groups if cluster.members.get(name)}
            for name in groups:
                if name not in refused:
                    del cluster.commits[name]
            return refused
        case RemoveMembers(group, members, instances):
            there = cluster.members.get(group, ())
            left = tuple(each for each in there if each.id not in members and each.instance not in instances)
            cluster.members[group] = left
            known = {each.id for each in there} | {each.instance for each in there}
            missing = Failure(FailureKind.NOT_FOUND, "There is no such member.", "Refresh.")
            return {item: missing for item in items_of(change) if item not in known}
    return {}


def _create(cluster: FakeCluster, change: CreateTopic) -> None:
    placed = change.replicas or (tuple(each.id for each in cluster.brokers[: change.replication]),) * change.partitions
    cluster.add_topic(change.name, len(placed))
    for number, replicas in enumerate(placed):
        cluster.placed[TopicPartition(change.name, number)] = Partition(number, replicas[0], replicas, replicas)
    _configure(cluster, AlterConfig(ResourceKind.TOPIC, change.name, change.configs))


def _configure(cluster: FakeCluster, change: AlterConfig) -> None:
    if change.kind is ResourceKind.TOPIC:
        held, source = [cluster.configs[change.name]], ConfigSource.TOPIC
    elif change.name:
        held, source = [cluster.broker_settings.setdefault(int(change.name), {})], ConfigSource.DYNAMIC_BROKER
    else:
        held = [cluster.broker_settings.setdefault(each.id, {}) for each in cluster.brokers]
        source = ConfigSource.DYNAMIC_DEFAULT
    for entries in held:
        for key, value in change.sets.items():
            default = entries[key].default if key in entries else None
            entries[key] = ConfigEntry(key, value, False, False, False, source, default)
        for key in change.resets:
            entry = entries.pop(key, None)
            if entry and entry.default is not None:
                entries[key] = ConfigEntry(key, entry.default, True, False, False, ConfigSource.DEFAULT, entry.default)
