"""What a change would do, told before it is sent: read from the cluster, in sentences and as old and new values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from kexplorer.formats.commands import command, is_secret
from kexplorer.formats.numbers import count
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
    SetScram,
)
from kexplorer.model.cluster import Cluster, ConfigEntry
from kexplorer.model.failure import Failure
from kexplorer.model.profile import SecurityProtocol
from kexplorer.model.topics import Topic, TopicPartition
from kexplorer.services import group_previews
from kexplorer.services.losses import loses
from kexplorer.services.present import config_entries, name_of, partitions_of, spans_of, topics_of
from kexplorer.services.previewed import HIDDEN, NOTHING, Preview, Row, many, named, verb

_LOGIN_FILE = "client.properties"
_KAFKAS_OWN = {"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}

__all__ = ["HIDDEN", "NOTHING", "Preview", "Row", "preview"]


async def preview(cluster: Cluster, change: Change) -> Preview:
    """What can't be read is told as a warning: whether the change can be sent is for the broker to say."""
    profile = cluster.profile
    secured = profile.security_protocol is not SecurityProtocol.PLAINTEXT
    found = Preview(change, command(change, profile.bootstrap, _LOGIN_FILE if secured else ""))
    try:
        await _LOOKS[type(change)](cluster, change, found)
    except Failure as failure:
        _warn_unread(failure, found)
    return found


async def _create(cluster: Cluster, change: CreateTopic, found: Preview) -> None:
    partitions = (
        many(change.partitions, "partition") if change.partitions > 0 else "as many partitions as the broker says"
    )
    copies = many(change.replication, "replica") if change.replication > 0 else "as many replicas as the broker says"
    found.sentences.append(f"The topic {change.name} is created with {partitions} and {copies} of each.")
    found.rows += [Row(name, NOTHING, value) for name, value in change.configs.items()]
    seen = await cluster.topic(change.name)
    if seen.topics:
        found.warnings.append(f"There is a topic {change.name} already: the broker will refuse.")
    if change.replication > len(seen.brokers):
        there = many(len(seen.brokers), "broker")
        found.warnings.append(f"{change.replication} replicas need as many brokers, and there are {there}.")
    if change.replication == 1 and len(seen.brokers) > 1:
        found.warnings.append("With one replica, what a broker holds is out of reach while it is down.")


async def _delete(cluster: Cluster, change: DeleteTopics, found: Preview) -> None:
    names = set(change.names)
    found.destroy(change.names, cluster.profile.name)
    found.sentences.append(f"{named(change.names, 'topic', 'The')} and all records in it are deleted for ever.")
    if len(names) > 1:
        found.sentences[-1] = f"{named(change.names, 'topic')} and all records in them are deleted for ever."
    metadata = await topics_of(cluster, change.names)
    topics = [topic for topic in metadata.topics if topic.name in names]
    _warn_internal(topics, found)
    if missing := sorted(names - {topic.name for topic in topics}):
        found.warnings.append(f"Not there: {', '.join(missing)}.")
    spans = await spans_of(cluster, topics)
    total = sum(end - start for start, end in spans.values())
    for topic in topics:
        inside = [
            spans[source] for part in topic.partitions if (source := TopicPartition(topic.name, part.id)) in spans
        ]
        size = many(sum(end - start for start, end in inside), "record")
        unread = len(topic.partitions) - len(inside)
        size += f", {many(unread, 'partition')} could not be read" if unread else ""
        found.rows.append(Row(topic.name, f"{many(len(topic.partitions), 'partition')}, up to {size}", "deleted"))
    lost = f"Up to {many(total, 'record')} {verb(total)} lost, by the offsets that they span."
    found.sentences.append(lost if total else "By their offsets, no records are in them now.")
    found.warnings.append("A program that still writes may have the topic made again, with the broker's defaults.")


async def _add(cluster: Cluster, change: AddPartitions, found: Preview) -> None:
    topics = (await cluster.topic(change.topic)).topics
    has = sum(len(topic.partitions) for topic in topics)
    found.sentences.append(f"The topic {change.topic} gets {many(change.total - has, 'partition')} more.")
    found.rows.append(Row("Partitions", count(has), count(change.total)))
    _warn_internal(topics, found)
    found.warnings.append(
        "Many keys go to another partition from now on, while their older records stay where they are: the order of "
        "records with the same key is lost across this change."
    )
    found.warnings.append("Partitions can't be taken away again.")
    configs = (await cluster.topic_configs([change.topic]))[change.topic]
    if not isinstance(configs, Failure) and "compact" in (_value(configs.get("cleanup.policy")) or ""):
        found.warnings.append(
            "The topic is compacted: for a key that moves, the value in its old partition stays, too."
        )


async def _alter(cluster: Cluster, change: AlterConfig, found: Preview) -> None:
    try:
        entries = await config_entries(cluster, change)
    except Failure as failure:
        _warn_unread(failure, found)
        entries = {}  # then a setting counts as losing the most that it may
    where = f"the {change.kind} {change.name}" if change.name else "all brokers"
    found.sentences.append(f"{many(len(change.sets) + len(change.resets), 'setting')} of {where} changes at once.")
    if len(change.sets) + len(change.resets) > 1:
        found.sentences[-1] = found.sentences[-1].replace("changes", "change")
    wanted: dict[str, str | None] = {**change.sets, **{name: _default(entries.get(name)) for name in change.resets}}
    for name, new in wanted.items():
        entry = entries.get(name)
        hidden = is_secret(name) or (entry is not None and entry.is_sensitive)
        old = NOTHING if entry is None else HIDDEN if hidden else entry.value or "(empty)"
        told = "its default" if new is None else HIDDEN if hidden else new or "(empty)"
        found.rows.append(Row(name, old, f"{told} (default)" if name in change.resets and new is not None else told))
        if entry is not None and entry.is_read_only:
            found.warnings.append(f"{name} is read-only while brokers run: the broker will refuse.")
        if lost := loses(name, _value(entry), new):
            found.warnings.append(lost)
            found.destroy([change.name or "all brokers"], cluster.profile.name)
        if name == "unclean.leader.election.enable" and new == "true":
            found.warnings.append("A replica that lags may become leader: records that were acknowledged can be lost.")
        if name == "min.insync.replicas":
            found.warnings.append("Producers with acks=all are refused while fewer replicas are in sync.")


async def _purge(cluster: Cluster, change: PurgeRecords, found: Preview) -> None:
    topics = sorted({source.topic for source in change.before})
    found.destroy(topics, cluster.profile.name)
    metadata = await topics_of(cluster, topics)
    known = [topic for topic in metadata.topics if topic.name in topics]
    _warn_internal(known, found)
    spans = await spans_of(cluster, known)
    total = 0
    for source, before in sorted(change.before.items()):
        if source not in spans:
            found.rows.append(Row(name_of(source), "could not be read", f"from offset {before}"))
            continue
        start, end = spans[source]
        to = end if before == -1 else before
        lost = max(0, min(to, end) - start)
        total += lost
        then = f"from {count(max(to, start))}, {count(lost)} offsets deleted"
        found.rows.append(Row(name_of(source), f"offsets {count(start)} to {count(end)}", then))
        if to > end:
            found.warnings.append(f"{name_of(source)} ends at {end}: the broker will refuse {before}.")
    found.sentences.append(f"Up to {many(total, 'record')} of {named(topics, 'topic')} {verb(total)} deleted for ever.")
    configs = await cluster.topic_configs(topics)
    for topic, entries in configs.items():
        if not isinstance(entries, Failure) and _value(entries.get("cleanup.policy")) == "compact":
            found.warnings.append(f"{topic} is only compacted: the broker refuses to purge it.")


async def _elect(cluster: Cluster, change: ElectPreferred, found: Preview) -> None:
    partitions = await partitions_of(cluster, change.partitions)
    found.sentences.append(f"The preferred replica becomes leader of {many(len(change.partitions), 'partition')}.")
    found.sentences.append("Clients notice and go to the new leader by themselves.")
    for source, part in partitions.items():
        name, preferred = name_of(source), part.replicas[0] if part.replicas else None
        found.rows.append(Row(name, _leader(part.leader), _leader(preferred)))
        if preferred not in part.isr:
            found.warnings.append(f"{name}: broker {preferred} is not in sync and can't be elected.")


async def _reassign(cluster: Cluster, change: Reassign, found: Preview) -> None:
    partitions = await partitions_of(cluster, change.replicas)
    known = {broker.id for broker in (await cluster.metadata()).brokers}
    copies = 0
    for source, wanted in change.replicas.items():
        name = name_of(source)
        now = partitions[source].replicas if source in partitions else ()
        if wanted is None:
            found.rows.append(Row(name, _brokers(now), "what it was before the move"))
            continue
        copies += len(set(wanted) - set(now))
        found.rows.append(Row(name, _brokers(now), _brokers(wanted)))
        if unknown := sorted(set(wanted) - known):
            found.warnings.append(f"{name}: there is no broker {_brokers(unknown)} now.")
        if now and len(wanted) < len(now):
            found.warnings.append(f"{name}: {many(len(now) - len(wanted), 'replica')} fewer than now.")
    stopped = sum(wanted is None for wanted in change.replicas.values())
    if stopped:
        found.sentences.append(f"The move of {many(stopped, 'partition')} is cancelled.")
    if len(change.replicas) > stopped:
        moved = many(len(change.replicas) - stopped, "partition")
        made = many(copies, "new replica")
        found.sentences.append(
            f"{moved} of other replicas: {made} to be filled over the network, then the old ones go."
        )
        found.sentences.append("It goes on when this program ends.")


async def _acls(cluster: Cluster, change: CreateAcls | DeleteAcls, found: Preview) -> None:
    creates = isinstance(change, CreateAcls)
    number = len(change.acls)
    found.sentences.append(f"{many(number, 'ACL')} {verb(number)} {'created' if creates else 'deleted'}.")
    if not creates:
        found.destroy([acl.principal for acl in change.acls], cluster.profile.name)
        found.sentences.append("What was allowed by it is refused from now on; what was denied may be allowed.")
    there = set(await cluster.acls())
    then = "there" if creates else NOTHING
    found.rows += [Row(str(acl), "there" if acl in there else NOTHING, then) for acl in change.acls]
    held = {(acl.resource, acl.name) for acl in there}
    if creates and any((acl.resource, acl.name) not in held for acl in change.acls):
        found.warnings.append(
            "It is the first ACL of its resource. Where brokers let everyone in if no ACL is found, from now on only "
            "those are let in whom ACLs name."
        )


async def _scram(cluster: Cluster, change: SetScram | DeleteScram, found: Preview) -> None:
    sets = isinstance(change, SetScram)
    if sets:
        found.sentences.append(f"The user {change.user} can log in with {change.mechanism} and the new password.")
    else:
        found.destroy([change.user], cluster.profile.name)
        found.sentences.append(f"The user {change.user} can't log in with {change.mechanism} any more.")
    users = {user.name: dict(user.iterations) for user in await cluster.scram_users()}
    has = users.get(change.user, {}).get(change.mechanism)
    old = NOTHING if has is None else f"{count(has)} iterations"
    new = f"{count(change.iterations)} iterations" if isinstance(change, SetScram) else "deleted"
    found.rows.append(Row(f"{change.user}, {change.mechanism}", old, new))
    if sets and has is not None:
        found.warnings.append("The old password is refused at the next login, running programs included.")


async def _quota(cluster: Cluster, change: AlterQuota, found: Preview) -> None:
    limits = next((dict(quota.limits) for quota in await cluster.quotas() if quota.entity == change.entity), {})
    found.sentences.append(f"The quotas of {change.entity} change at once, on every broker.")
    for name, limit in change.sets.items():
        found.rows.append(Row(name, _limit(limits.get(name)), _limit(limit)))
    found.rows += [Row(name, _limit(limits.get(name)), "no limit of its own") for name in change.resets]


_LOOKS: dict[type[Change], Callable[[Cluster, Any, Preview], Awaitable[None]]] = {
    CreateTopic: _create,
    DeleteTopics: _delete,
    AddPartitions: _add,
    AlterConfig: _alter,
    PurgeRecords: _purge,
    ElectPreferred: _elect,
    Reassign: _reassign,
    CreateAcls: _acls,
    DeleteAcls: _acls,
    SetScram: _scram,
    DeleteScram: _scram,
    AlterQuota: _quota,
    AlterOffsets: group_previews.set_offsets,
    DeleteOffsets: group_previews.delete_offsets,
    DeleteGroups: group_previews.delete_groups,
    RemoveMembers: group_previews.remove_members,
}


# as words


def _warn_unread(failure: Failure, found: Preview) -> None:
    found.warnings.append(f"What is there now could not be read. {failure}")


def _warn_internal(topics: Iterable[Topic], found: Preview) -> None:
    internal = [topic.name for topic in topics if topic.internal]
    own = [name for name in internal if name in _KAFKAS_OWN]
    if own:
        found.warnings.append(f"{', '.join(own)}: Kafka's own. The cluster may stop working as it should.")
    if others := [name for name in internal if name not in _KAFKAS_OWN]:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        found.warnings.append(
            f"{', '.join(others[:3])}{more}: named as internal topics are. Programs may depend on it."
        )


def _value(entry: ConfigEntry | None) -> str | None:
    return entry.value if entry else None


def _default(entry: ConfigEntry | None) -> str | None:
    return entry.default if entry else None


def _leader(broker: int | None) -> str:
    return "no leader" if broker is None else f"broker {broker}"


def _brokers(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or NOTHING


def _limit(limit: float | None) -> str:
    return NOTHING if limit is None else f"{limit:,.15g}"
