"""What is asked about groups, in Kafka's protocol as kafka-python speaks it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka.protocol.admin import DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest
from kafka.protocol.consumer import LeaveGroupRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest
from kafka.protocol.metadata import FindCoordinatorRequest

from kexplorer.kafka.protocol import fetched_offsets
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Committed, Group, GroupListing, GroupState, GroupType, Member
from kexplorer.model.topic_settings import check_topic_name
from kexplorer.model.topics import TopicPartition

_GROUP = 0  # what the key of a coordinator names
_BY_NAME = 9  # the last version of requests about offsets that takes topics by their names
_STATES = {
    "Stable": GroupState.STABLE,
    "PreparingRebalance": GroupState.PREPARING,
    "CompletingRebalance": GroupState.COMPLETING,
    "Empty": GroupState.EMPTY,
    "Dead": GroupState.DEAD,
}
_TYPES = {
    "classic": GroupType.CLASSIC,
    "consumer": GroupType.CONSUMER,
    "share": GroupType.SHARE,
    "streams": GroupType.STREAMS,
}


def listed() -> Any:
    return ListGroupsRequest(states_filter=[], types_filter=[])


def listings_of(answer: Any) -> list[GroupListing]:
    return [_listing(each) for each in answer.groups]


def _listing(each: Any) -> GroupListing:
    """Brokers before 2.6 tell no state, those before 3.8 no type."""
    kind = _TYPES.get((each.group_type or "").lower(), GroupType.UNKNOWN)
    simple = not each.protocol_type and kind in (GroupType.CLASSIC, GroupType.UNKNOWN)
    return GroupListing(
        each.group_id, _STATES.get(each.group_state, GroupState.MOVING), kind, simple, each.protocol_type or ""
    )


def described(names: Iterable[str]) -> Any:
    return DescribeGroupsRequest(groups=list(names), include_authorized_operations=False)


def group_of(each: Any, coordinator: int) -> Group:
    """A classic group; how members of others than consumers' share the work is for them to know."""
    reads = each.protocol_type == "consumer"
    members = tuple(
        Member(
            member.member_id,
            member.client_id or "",
            (member.client_host or "").removeprefix("/"),
            _assigned(bytes(member.member_assignment)) if reads else (),
            member.group_instance_id or "",
        )
        for member in each.members
    )
    state = _STATES.get(each.group_state, GroupState.MOVING)
    return Group(each.group_id, state, GroupType.CLASSIC, members, each.protocol_data or "", coordinator)


def _assigned(raw: bytes) -> tuple[TopicPartition, ...]:
    """ConsumerProtocolAssignment, of any version. Members may write what they like."""
    found: list[TopicPartition] = []
    try:
        _, topics = struct.unpack_from(">hi", raw)
        at = 6
        for _ in range(topics):
            (length,) = struct.unpack_from(">h", raw, at)
            if length <= 0:
                return ()
            name = raw[at + 2 : at + 2 + length].decode()
            (count,) = struct.unpack_from(">i", raw, at + 2 + length)
            numbers = struct.unpack_from(f">{count}i", raw, at + 6 + length)
            check_topic_name(name)
            if min(numbers, default=0) < 0:
                return ()
            found += [TopicPartition(name, number) for number in numbers]
            at += 6 + length + 4 * count
    except (struct.error, UnicodeDecodeError, Failure):
        return ()
    return tuple(found)


def coordinators(names: Iterable[str]) -> Any:
    return FindCoordinatorRequest(key_type=_GROUP, coordinator_keys=list(names), min_version=4)


def coordinator(name: str) -> Any:
    """For brokers that take one a request (before 3.0)."""
    return FindCoordinatorRequest(key=name, key_type=_GROUP, max_version=3)


def offsets(wanted: Mapping[str, Iterable[TopicPartition] | None]) -> Any:
    """What was committed, whether a transaction under way will change it or not. Answered by an `OffsetsAnswer`."""
    group = OffsetFetchRequest.OffsetFetchRequestGroup
    topic = group.OffsetFetchRequestTopics
    groups = []
    for name, sources in wanted.items():
        topics = None
        if sources is not None:
            topics = [topic(name=of, partition_indexes=numbers) for of, numbers in _by_topic(sources).items()]
        groups.append(group(group_id=name, topics=topics))
    first, last = fetched_offsets.FIRST, fetched_offsets.LAST
    return fetched_offsets.OffsetsRequest(groups=groups, require_stable=False, min_version=first, max_version=last)


def offsets_of(name: str, sources: Iterable[TopicPartition] | None) -> Any:
    """For brokers that take one group a request (before 3.0)."""
    topics = None
    if sources is not None:
        topic = OffsetFetchRequest.OffsetFetchRequestTopic
        topics = [topic(name=of, partition_indexes=numbers) for of, numbers in _by_topic(sources).items()]
    return OffsetFetchRequest(group_id=name, topics=topics, require_stable=False, min_version=2, max_version=7)


def committed(
    answer: Any, failure: Callable[[int, TopicPartition], Failure]
) -> dict[TopicPartition, Committed | Failure | None]:
    """Of an answer that is about one group."""
    found: dict[TopicPartition, Committed | Failure | None] = {}
    for topic in answer.topics:
        for part in topic.partitions:
            source = TopicPartition(topic.name, part.partition_index)
            if part.error_code:
                found[source] = failure(part.error_code, source)
            elif part.committed_offset >= 0:
                found[source] = Committed(part.committed_offset, part.metadata or "")
            else:
                found[source] = None
    return found


def commit(name: str, wanted: Mapping[TopicPartition, int]) -> Any:
    """As nobody who is a member."""
    topic = OffsetCommitRequest.OffsetCommitRequestTopic
    partition = topic.OffsetCommitRequestPartition
    topics = [
        topic(
            name=of,
            partitions=[
                partition(
                    partition_index=number, committed_offset=wanted[TopicPartition(of, number)], committed_metadata=""
                )
                for number in numbers
            ],
        )
        for of, numbers in _by_topic(wanted).items()
    ]
    return OffsetCommitRequest(group_id=name, member_id="", topics=topics, max_version=_BY_NAME)


def delete_offsets(name: str, unwanted: Iterable[TopicPartition]) -> Any:
    topic = OffsetDeleteRequest.OffsetDeleteRequestTopic
    partition = topic.OffsetDeleteRequestPartition
    topics = [
        topic(name=of, partitions=[partition(partition_index=number) for number in numbers])
        for of, numbers in _by_topic(unwanted).items()
    ]
    return OffsetDeleteRequest(group_id=name, topics=topics)


def codes(answer: Any) -> dict[TopicPartition, int]:
    """Of a commit or a deletion of offsets."""
    return {TopicPartition(t.name, p.partition_index): p.error_code for t in answer.topics for p in t.partitions}


def delete_groups(names: Iterable[str]) -> Any:
    return DeleteGroupsRequest(groups_names=list(names))


def remove_members(name: str, members: Iterable[str], instances: Iterable[str], reason: str) -> Any:
    """Before 2.4 brokers took a member only from itself."""
    identity = LeaveGroupRequest.MemberIdentity
    leaving = [
        *(identity(member_id=each, group_instance_id=None, reason=reason) for each in members),
        *(identity(member_id="", group_instance_id=each, reason=reason) for each in instances),
    ]
    return LeaveGroupRequest(group_id=name, members=leaving, min_version=3)


def _by_topic(sources: Iterable[TopicPartition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for source in sources:
        found.setdefault(source.topic, []).append(source.partition)
    return found
