"""Consumer groups: which there are, who is in them, and what they have committed; looked up without joining one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from kexplorer.kafka import checks
from kexplorer.kafka.admin import REQUEST_TIMEOUT, Admin, check_source
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.model.failure import Failure
from kexplorer.model.groups import Group, GroupListing, Groups, GroupState, GroupType, Member
from kexplorer.model.topics import TopicPartition

_GRACE = 2.0  # seconds more for the client to come and go
_PAUSE = 0.2  # seconds before the coordinator is asked again
_MOVING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
_A_CALL = 100  # groups
_STATES = {
    ConsumerGroupState.PREPARING_REBALANCING: GroupState.PREPARING,
    ConsumerGroupState.COMPLETING_REBALANCING: GroupState.COMPLETING,
    ConsumerGroupState.STABLE: GroupState.STABLE,
    ConsumerGroupState.DEAD: GroupState.DEAD,
    ConsumerGroupState.EMPTY: GroupState.EMPTY,
}
_TYPES = {ConsumerGroupType.CLASSIC: GroupType.CLASSIC, ConsumerGroupType.CONSUMER: GroupType.CONSUMER}


async def groups(admin: Admin) -> Groups:
    """Raises `Failure` where no broker told of any: the client library's answer is an empty list then."""
    what = "Listing consumer groups"

    def ask(client: AdminClient) -> Mapping[str, Future[Any]]:
        return {"": client.list_consumer_groups(request_timeout=REQUEST_TIMEOUT)}

    found = (await admin.collect(ask, lambda answer: answer, what))[""]
    if isinstance(found, Failure):
        raise found
    troubles = tuple(failure_of(error, what) for error in found.errors)
    if troubles and not found.valid:
        raise troubles[0]
    listed = {each.group_id: _listing(each) for each in found.valid}  # older versions tell some twice
    return Groups(tuple(listed[name] for name in sorted(listed)), troubles)


async def describe(admin: Admin, names: Iterable[str]) -> dict[str, Group | Failure]:
    asked = [checks.group_id(name) for name in dict.fromkeys(names)]
    answers: dict[str, Group | Failure] = {}
    for at in range(0, len(asked), _A_CALL):
        chunk = asked[at : at + _A_CALL]

        def ask(client: AdminClient, chunk: list[str] = chunk) -> Mapping[str, Future[Any]]:
            return client.describe_consumer_groups(chunk, request_timeout=REQUEST_TIMEOUT)

        answers |= await admin.collect(ask, _group, "Describing consumer groups")
    return answers


async def committed(
    config: dict[str, Any], group: str, sources: Sequence[TopicPartition]
) -> dict[TopicPartition, int | Failure | None]:
    """`config` is that of a reader. None: nothing was committed, or it expired.

    WORKAROUND: a consumer of the group that never subscribes, and so is no member, rather than the AdminClient: its
    list_consumer_group_offsets() ends the process when the coordinator has moved, or is not there yet.
    https://github.com/confluentinc/librdkafka/issues/5040
    """
    checks.group_id(group)
    if group[0].isspace():
        raise checks.invalid("The group id starts with a blank, which the Kafka client cuts off.")
    for source in sources:
        check_source(source)
    if not sources:
        return {}
    what = f"Looking up what the group {group} has committed"
    thread = HandleThread("kafka-group")
    try:
        found = await thread.call(
            lambda: _ask({**config, "group.id": group}, sources), what=what, within=REQUEST_TIMEOUT + _GRACE
        )
    except (KafkaException, ValueError, TypeError) as error:
        raise failure_of(error, what) from error
    finally:
        thread.finish()
    return {TopicPartition(each.topic, each.partition): _offset(each, what) for each in found}


def _ask(config: dict[str, Any], sources: Sequence[TopicPartition]) -> list[Any]:
    consumer = Consumer(config)
    until = time.monotonic() + REQUEST_TIMEOUT
    try:
        while True:
            try:
                asked = [confluent_kafka.TopicPartition(*source) for source in sources]
                return list(consumer.committed(asked, timeout=max(until - time.monotonic(), 0.1)))
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() + _PAUSE > until:
                    raise
            time.sleep(_PAUSE)
    finally:
        consumer.close()


def _offset(found: Any, what: str) -> int | Failure | None:
    if found.error:
        return failure_of(found.error, what)
    return int(found.offset) if found.offset >= 0 else None


def _listing(found: Any) -> GroupListing:
    simple = bool(found.is_simple_consumer_group)
    return GroupListing(found.group_id, _state(found), _type(found), simple)


def _group(found: Any) -> Group:
    members = tuple(
        Member(
            each.member_id,
            each.client_id or "",
            (each.host or "").removeprefix("/"),
            tuple(TopicPartition(part.topic, part.partition) for part in each.assignment.topic_partitions),
            each.group_instance_id or "",
        )
        for each in found.members
    )
    coordinator = found.coordinator.id if found.coordinator and found.coordinator.id >= 0 else None
    return Group(found.group_id, _state(found), _type(found), members, found.partition_assignor or "", coordinator)


def _state(found: Any) -> GroupState:
    return _STATES.get(getattr(found, "state", ConsumerGroupState.UNKNOWN), GroupState.MOVING)


def _type(found: Any) -> GroupType:
    return _TYPES.get(getattr(found, "type", ConsumerGroupType.UNKNOWN), GroupType.UNKNOWN)
