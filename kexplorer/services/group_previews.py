"""What a change of consumer groups would do, told before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kexplorer.formats.numbers import count
from kexplorer.model.changes import AlterOffsets, DeleteGroups, DeleteOffsets, RemoveMembers
from kexplorer.model.cluster import Cluster
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group, GroupState, GroupType, Member
from kexplorer.model.topics import TopicPartition
from kexplorer.services.group_lag import Edges, edges_of, look
from kexplorer.services.present import commits_of, name_of
from kexplorer.services.previewed import NOTHING, Preview, Row, many, named, verb

_NAMED = 3  # members, before it only says how many more
_BEGINS = "begins where its auto.offset.reset says: at the end, at the start, or fails"


async def set_offsets(cluster: Cluster, change: AlterOffsets, found: Preview) -> None:
    found.sentences.append(
        f"The group {change.group} goes on at other offsets in {many(len(change.offsets), 'partition')}."
    )
    committed = await commits_of(cluster, change.group, change.offsets)
    edges = await edges_of(cluster, change.offsets)
    again = skipped = 0
    for source, to in sorted(change.offsets.items()):
        was = committed[source]
        found.rows.append(Row(name_of(source), _place(was, edges[source]), _place(to, edges[source])))
        found.warnings += _outside(source, to, edges[source])
        again += max(was - to, 0) if was is not None else 0
        skipped += max(to - was, 0) if was is not None else 0
    if again:
        found.sentences.append(f"It reads {many(again, 'offset')} again.")
    if skipped:
        found.sentences.append(f"It skips {many(skipped, 'offset')}, which it then never reads.")
    group = await _group(cluster, change.group)
    if group.state is GroupState.DEAD or (group.state is GroupState.EMPTY and not await commits_of(cluster, group.id)):
        found.warnings.append(f"There is no group {change.group} now, or it has committed nothing: it is made by this.")
    _warn_active(group, found)


async def delete_offsets(cluster: Cluster, change: DeleteOffsets, found: Preview) -> None:
    found.destroy([change.group], cluster.profile.name)
    found.sentences += [
        f"What {change.group} has committed for {many(len(change.partitions), 'partition')} is forgotten.",
        f"Who reads them for the group then {_BEGINS}.",
    ]
    committed = await commits_of(cluster, change.group, change.partitions)
    edges = await edges_of(cluster, change.partitions)
    found.rows += [Row(name_of(each), _place(committed[each], edges[each]), NOTHING) for each in change.partitions]
    if nothing := [name_of(source) for source in change.partitions if committed[source] is None]:
        found.warnings.append(f"Nothing is committed for {_first(nothing)}.")
    group = await _group(cluster, change.group)
    topics = {source.topic for source in change.partitions}
    if reading := [m for m in group.members if topics & {source.topic for source in m.assigned}]:
        found.warnings.append(f"The broker will refuse while members read the topic: {_members(reading)}.")


async def delete_groups(cluster: Cluster, change: DeleteGroups, found: Preview) -> None:
    found.destroy(change.groups, cluster.profile.name)
    found.sentences += [
        f"{named(change.groups, 'group', 'The')} {verb(len(change.groups))} deleted, with all that was committed.",
        f"Who comes back under the name {_BEGINS}.",
    ]
    for name, seen in (await look(cluster, change.groups)).items():
        if isinstance(seen, Failure):
            found.rows.append(Row(name, "could not be read", "deleted"))
            found.warnings.append(f"{name}: {seen}")
            continue
        held = sum(each.committed is not None for each in seen.readings)
        found.rows.append(Row(name, f"{seen.group.state}, {many(held, 'partition')} committed", "deleted"))
        if seen.group.state is GroupState.DEAD:
            found.warnings.append(f"There is no group {name}.")
        _warn_active(seen.group, found)


async def remove_members(cluster: Cluster, change: RemoveMembers, found: Preview) -> None:
    number = len(change.members) + len(change.instances)
    found.sentences += [
        f"{many(number, 'member')} {verb(number)} removed from the group {change.group}.",
        "What they read goes to the other members at once; what they have not committed is read again.",
    ]
    group = await _group(cluster, change.group)
    known = {member.id: member for member in group.members} | {m.instance: m for m in group.members if m.instance}
    for each in (*change.members, *change.instances):
        member = known.get(each)
        reads = f"{member.client} at {member.host}, {many(len(member.assigned), 'partition')}" if member else NOTHING
        found.rows.append(Row(each, reads, "removed"))
    if missing := [each for each in (*change.members, *change.instances) if each not in known]:
        found.warnings.append(f"No member now: {_first(missing)}.")
    if group.type is GroupType.CONSUMER:
        found.warnings.append("Older brokers refuse to remove members that use the protocol “consumer”.")
    found.warnings.append("A program that still runs joins again at its next poll.")


def _place(offset: int | None, edges: Edges) -> str:
    if offset is None:
        return NOTHING
    if edges.end is None:
        return f"offset {count(offset)}"
    left = edges.end - offset
    return f"offset {count(offset)}, {count(abs(left))} {'before' if left >= 0 else 'beyond'} the end"


def _outside(source: TopicPartition, to: int, edges: Edges) -> list[str]:
    """Brokers take any offset; who reads there is sent elsewhere."""
    name = name_of(source)
    if edges.trouble:
        return [f"{name} could not be read. {edges.trouble}"]
    where = "its members begin where auto.offset.reset says."
    if edges.end is not None and to > edges.end:
        return [f"{name} ends at {count(edges.end)}, before offset {count(to)}: {where}"]
    if edges.start is not None and to < edges.start:
        return [f"{name} starts at {count(edges.start)}, behind offset {count(to)}: {where}"]
    return []


async def _group(cluster: Cluster, name: str) -> Group:
    found = (await cluster.describe_groups([name]))[name]
    if isinstance(found, Failure):
        raise found
    return found


def _warn_active(group: Group, found: Preview) -> None:
    if group.members:
        found.warnings.append(
            f"The broker will refuse while the group {group.id} has members: {_members(group.members)}."
        )
    elif group.state.active:
        found.warnings.append(f"The group {group.id} is {group.state}: the broker may refuse.")


def _members(members: Sequence[Member]) -> str:
    return _first([f"{member.instance or member.client} at {member.host}" for member in members])


def _first(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {count(len(found) - _NAMED)} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
