"""Consumer groups: which there are, who is in them, and what they have committed; looked up without joining one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from kexplorer.kafka import checks
from kexplorer.kafka.admin import REQUEST_TIMEOUT, Admin, check_source
from kexplorer.kafka.coordinators import Coordinators, Told
from kexplorer.kafka.failures import failure_of
from kexplorer.kafka.handle import HandleThread
from kexplorer.kafka.second_client import SecondClient, library
from kexplorer.model.failure import Failure, FailureKind
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


async def groups(second: SecondClient) -> Groups:
    """Of every kind and of every broker. Raises `Failure` where no broker told of any.

    WORKAROUND: not by librdkafka, which leaves out what is no consumer's (share, streams and Connect groups).
    https://github.com/confluentinc/librdkafka/blob/v2.16.0/src/rdkafka_admin.c#L7535
    """
    what = "Listing groups"

    async def of(broker: int) -> list[GroupListing] | Failure:
        where = f"{what}, broker {broker}"
        try:
            answer = await second.ask(where, lambda by: by.groups.listed(), broker)
            if answer.error_code:
                return failure_of(KafkaError(answer.error_code), where)
            return await second.work(lambda: list(library().groups.listings_of(answer)), where)
        except Failure as failure:
            return failure

    found = await asyncio.gather(*map(of, await second.brokers()))
    troubles = tuple(answer for answer in found if isinstance(answer, Failure))
    if troubles and len(troubles) == len(found):
        raise troubles[0]
    listed = {each.id: each for answer in found if not isinstance(answer, Failure) for each in answer}
    return Groups(tuple(listed[name] for name in sorted(listed)), troubles)


class Describer:
    """Classic groups are described by the second client, in one call a coordinator; librdkafka takes two calls a group,
    and knows consumer groups (KIP-848), too. What is of another kind is at least listed."""

    def __init__(self, admin: Admin, second: SecondClient, coordinators: Coordinators) -> None:
        self._admin = admin
        self._second = second
        self._coordinators = coordinators
        self._others: set[str] = set()  # groups that were not classic when last seen

    async def describe(self, names: Iterable[str]) -> dict[str, Group | Failure]:
        """See `Cluster.describe_groups`."""
        asked = [checks.group_id(name) for name in dict.fromkeys(names)]
        others = [name for name in asked if name in self._others]
        classic, found = await asyncio.gather(
            self._classic([name for name in asked if name not in self._others]), _describe(self._admin, others)
        )
        if unknown := [name for name, answer in classic.items() if answer is None]:
            found |= await _describe(self._admin, unknown)
        found |= {name: answer for name, answer in classic.items() if answer is not None}
        dead = [n for n, a in found.items() if isinstance(a, Failure) or a.state is GroupState.DEAD]
        if dead:
            found |= await self._listed(dead)
        for name, answer in found.items():
            known = isinstance(answer, Group) and answer.type not in (GroupType.CLASSIC, GroupType.UNKNOWN)
            (self._others.add if known else self._others.discard)(name)
        return {name: found[name] for name in asked}

    async def _classic(self, names: Sequence[str]) -> dict[str, Group | Failure | None]:
        """None: there is no such classic group."""
        what = "Describing groups"

        async def ask(broker: int, some: Sequence[str]) -> Mapping[str, Told[Group | None]]:
            answer = await self._second.ask(what, lambda by: by.groups.described(some), broker)
            return await self._second.work(lambda: {each.group_id: _told(each, broker) for each in answer.groups}, what)

        try:
            found = await self._coordinators.ask(names, what, ask)
        except Failure as failure:
            if failure.kind is not FailureKind.UNSUPPORTED:
                raise
            return dict.fromkeys(names)  # the profile has what the second client cannot honour
        return dict(found)

    async def _listed(self, names: Iterable[str]) -> dict[str, Group]:
        """Those of them that are listed as of a kind that neither client describes."""
        try:
            listed = {each.id: each for each in (await groups(self._second)).listed}
        except Failure:
            return {}
        found = (listed[name] for name in names if name in listed)
        return {each.id: Group(each.id, each.state, each.type, ()) for each in found if not each.type.commits}


def _told(each: Any, broker: int) -> Told[Group | None]:
    if each.error_code == KafkaError.GROUP_ID_NOT_FOUND or each.group_state == "Dead":
        return Told()
    return Told(each.error_code) if each.error_code else Told(answer=library().groups.group_of(each, broker))


async def _describe(admin: Admin, asked: Sequence[str]) -> dict[str, Group | Failure]:
    answers: dict[str, Group | Failure] = {}
    for at in range(0, len(asked), _A_CALL):
        chunk = asked[at : at + _A_CALL]

        def ask(client: AdminClient, chunk: Sequence[str] = chunk) -> Mapping[str, Future[Any]]:
            return client.describe_consumer_groups(list(chunk), request_timeout=REQUEST_TIMEOUT)

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
