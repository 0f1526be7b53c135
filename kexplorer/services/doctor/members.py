"""Checks of who reads for a group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from kexplorer.model.findings import Finding, Severity, Where
from kexplorer.model.groups import GroupState, Member
from kexplorer.model.lag import GroupLag, total_lag
from kexplorer.model.rebalances import OFTEN
from kexplorer.model.topics import TopicPartition
from kexplorer.services.doctor.patient import ENOUGH, Patient
from kexplorer.services.doctor.readings import partitions, seconds
from kexplorer.services.group_lag import look

_MOST_GROUPS = 500  # without members, that are looked at
_MANY_IDS = 3  # of one static member: a restart makes one more


async def no_members(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    now = looks[-1]
    if any(seen.group.members for seen in looks) or all(each.committed is None for each in now.readings):
        return []
    lag = total_lag(now.readings) or 0
    return [
        Finding(
            "no-members",
            Severity.PROBLEM if lag else Severity.RISK,
            f"Nobody reads for {patient.group}",
            {"members": 0, "lag": lag, "seconds watched": seconds(looks), "state": str(now.group.state)},
            "No consumer is in the group. Its offsets stay, until they expire; what is written waits. A consumer that "
            "assigns itself partitions is no member and cannot be seen here.",
            "Start its consumers. If they run, check their group.id, bootstrap.servers and log.",
            Where("group", patient.group),
        )
    ]


async def abandoned(patient: Patient) -> list[Finding]:
    """Of all groups of the cluster."""
    listed = (await patient.cluster.groups()).listed
    empty = [each.id for each in listed if each.type.commits and not each.state.active][:_MOST_GROUPS]
    answers = await look(patient.cluster, empty)
    lags = {name: each.lag or 0 for name, each in answers.items() if isinstance(each, GroupLag)}
    late = sorted((name for name, lag in lags.items() if lag), key=lambda name: -lags[name])
    if not late:
        return []
    number = len(late)
    return [
        Finding(
            "abandoned",
            Severity.NOTE,
            f"{number:,} group{' has' if number == 1 else 's have'} unread messages and no members",
            {"groups": len(listed), "such as": ", ".join(late[:3]), "most lag": lags[late[0]]},
            "Nobody reads for them. Some may be of programs that ended for good: brokers forget their offsets after "
            "offsets.retention.minutes.",
            "Start the consumers of those that are still in use. Delete the others, so that they trouble nobody.",
            Where("group", late[0]),
        )
    ]


async def idle_members(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    idle = _idle(looks[-1])
    for seen in looks[-ENOUGH:]:
        idle = [each for each in idle if each.id in {member.id for member in _idle(seen)}]
    if not idle:
        return []
    now = looks[-1].group
    held = sum(len(each.assigned) for each in now.members)
    names = ", ".join(sorted({each.client for each in idle})[:3])
    return [
        Finding(
            "idle-members",
            Severity.RISK,
            f"{len(idle):,} of {len(now.members):,} members of {patient.group} have nothing to read",
            {"members": len(now.members), "partitions": held, "idle": names},
            "A partition is read by one member of a group alone: members beyond the number of partitions wait.",
            "Add partitions to the topic, or stop the members that wait. They do no harm as a reserve.",
            _topic_of(looks[-1]) or Where("group", patient.group),
        )
    ]


def _idle(seen: GroupLag) -> list[Member]:
    stable = seen.group.state is GroupState.STABLE
    return [each for each in seen.group.members if stable and not each.assigned]


async def unread_partitions(patient: Patient) -> list[Finding]:
    """Of topics that its members read."""
    looks, topics, edges = await patient.looks(), await patient.topics(), await patient.edges()
    if any(seen.group.state is not GroupState.STABLE for seen in looks[-ENOUGH:]):
        return []
    read = {source for seen in looks[-ENOUGH:] for member in seen.group.members for source in member.assigned}
    names = {source.topic for source in read}
    unread = [
        source
        for topic in topics
        if topic.name in names
        for source in (TopicPartition(topic.name, each.id) for each in topic.partitions)
        if source not in read
    ]
    if not unread:
        return []
    committed = {each.source: each.lag or 0 for each in looks[-1].readings if each.committed is not None}
    spans = {source: (edges[source].end or 0) - (edges[source].start or 0) for source in unread}
    waiting = sum(committed.get(source, spans[source]) for source in unread)
    return [
        Finding(
            "unread-partitions",
            Severity.PROBLEM if waiting else Severity.RISK,
            f"{partitions(len(unread))} of {unread[0].topic} {'is' if len(unread) == 1 else 'are'} read by no member",
            {"such as": f"{unread[0].topic} {unread[0].partition}", "messages there": waiting},
            f"The members of {patient.group} read the topic's other partitions. New partitions are noticed after "
            "metadata.max.age.ms (5 min); else a member assigns itself, or the assignment is wrong.",
            "Wait for the next rebalance, or restart a member. Check the members' subscriptions and assignor.",
            Where("group", patient.group),
        )
    ]


async def flapping(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    changes = changes_of(looks)
    if changes < OFTEN:
        return []
    moving = sum(seen.group.state not in (GroupState.STABLE, GroupState.EMPTY) for seen in looks)
    ids = {member.id for seen in looks for member in seen.group.members}
    return [
        Finding(
            "flapping",
            Severity.PROBLEM,
            f"The members of {patient.group} changed {changes} times in {seconds(looks):g} s",
            {"looks": len(looks), "rebalancing in": moving, "different members": len(ids)},
            "The group rebalances again and again. Nobody reads while it does, and what was not committed is read "
            "twice. Members that crash, are restarted, or miss max.poll.interval.ms or session.timeout.ms cause it.",
            "See the members' log. Raise max.poll.interval.ms or fetch less at once, give members a group.instance.id, "
            "and use the cooperative or the new consumer protocol.",
            Where("group", patient.group),
        )
    ]


def changes_of(looks: Sequence[GroupLag]) -> int:
    """How often the members were others than at the look before."""
    members = [frozenset(member.id for member in seen.group.members) for seen in looks]
    return sum(before != after for before, after in pairwise(members))


async def static_clash(patient: Patient) -> list[Finding]:
    looks = await patient.looks()
    holders_of: dict[str, dict[str, Member]] = defaultdict(dict)
    for seen in looks:
        for member in seen.group.members:
            if member.instance:
                holders_of[member.instance][member.id] = member
    found = []
    for instance, members in sorted(holders_of.items()):
        holders = sorted({f"{each.client} {each.host}" for each in members.values()})
        if len(holders) > 1 or len(members) >= _MANY_IDS:
            found.append(
                Finding(
                    "static-clash",
                    Severity.PROBLEM,
                    f"The holder of group.instance.id {instance} changed again and again",
                    {"member ids": len(members), "holders": ", ".join(holders[:3]), "seconds watched": seconds(looks)},
                    "More than one consumer uses this instance id, or one is restarted over and over. Each that joins "
                    "with it fences the one before (FENCED_INSTANCE_ID), which ends that one's work.",
                    "Give each running consumer a group.instance.id of its own, such as its host or pod name.",
                    Where("group", patient.group),
                )
            )
    return found


def _topic_of(seen: GroupLag) -> Where | None:
    return Where("topic", seen.readings[0].source.topic) if seen.readings else None
