"""What groups have committed, and what is changed of them: as Kafka's own tool tells it, for groups of every kind."""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Consumer

from kexplorer.kafka import protocol
from kexplorer.kafka.cluster import KafkaCluster as Gateway
from kexplorer.kafka.second_config import client_config
from kexplorer.model.access import Acl, AclOperation, AclResource, Permission
from kexplorer.model.changes import (
    AlterOffsets,
    CreateAcls,
    DeleteAcls,
    DeleteGroups,
    DeleteOffsets,
    DeleteTopics,
    RemoveMembers,
)
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import Committed, Group, GroupListing, GroupState, GroupType
from kexplorer.model.lag import GroupLag, Reading
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.topics import TopicPartition
from kexplorer.services.group_lag import look
from tests.kafka import direct
from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.rig.waiting import wait

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


@contextlib.contextmanager
def _member(bootstrap: str, group: str, topics: Sequence[str], **config: str) -> Iterator[Consumer]:
    """Who reads `topics` for the group, and commits nothing by itself."""
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": "false"}
    consumer = Consumer(settings | {k.replace("_", "."): v for k, v in config.items()}, logger=direct.QUIET)
    consumer.subscribe(list(topics))
    try:
        wait(lambda: consumer.poll(0.1) is not None or consumer.assignment())
        yield consumer
    finally:
        consumer.close()


async def _committed(cluster: Gateway, group: str) -> dict[TopicPartition, Committed | Failure | None]:
    found = (await cluster.group_offsets({group: None}))[group]
    assert isinstance(found, dict), found
    return found


def _told_by_tool(kafka: KafkaCluster, groups: Sequence[str]) -> dict[tuple[str, str, int], tuple[str, ...]]:
    """(group, topic, partition) -> committed, end, lag, consumer id, host, client id."""
    told = kafka.tool(TOOL, "--describe", *(word for group in groups for word in ("--group", group)))
    rows = (re.split(r"\s+", line.strip()) for line in told.splitlines())
    return {(r[0], r[1], int(r[2])): tuple(r[-6:]) for r in rows if r[0] in groups and r[2].isdigit()}


def _as_tool(reading: Reading) -> tuple[str, ...]:
    """Its lag begins at the committed offset even where nothing is left of it."""
    member = reading.member
    who = (member.id, f"/{member.host}", member.client) if member else ("-", "-", "-")
    if reading.committed is None:
        return "-", str(reading.end), "-", *who
    assert reading.lag is not None
    return str(reading.committed), str(reading.end), str(reading.lag + reading.lost), *who


def test_numbers_agree_with_kafkas_own_tool(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    """Deleted offsets, below the log start, beyond the end, transaction markers, a recreated topic, a topic that is not
    consumed any more, members of either protocol, a static one, and partitions that were never committed."""
    at = kafka.bootstrap()
    plain, other, transactional, again = (f"{topic_name}-{n}" for n in ("plain", "other", "transactional", "again"))
    groups = [f"{topic_name}-{n}" for n in ("idle", "classic", "consumer", "static")]
    idle, classic, modern, static = groups
    direct.create(at, plain, 3)
    for topic in (other, transactional, again):
        direct.create(at, topic)
    direct.produce(at, plain, direct.rows(30, 3))
    direct.produce(at, other, direct.rows(5))
    direct.produce(at, again, direct.rows(20))
    direct.delete_records(at, plain, {1: 6})
    writer = direct.producer(at, transactional_id=topic_name)
    writer.init_transactions(30)
    writer.begin_transaction()
    direct.send(writer, transactional, direct.rows(3))
    writer.commit_transaction(30)
    p0, p1, p2 = (TopicPartition(plain, n) for n in range(3))

    async def seen() -> dict[str, GroupLag]:
        async with direct.connected(at) as cluster:
            found = await look(cluster, groups)
            return {name: each for name, each in found.items() if isinstance(each, GroupLag)}

    async def commit() -> None:
        async with direct.connected(at) as cluster:
            wanted = {p0: 4, p1: 2, p2: 40, TopicPartition(transactional, 0): 3, TopicPartition(again, 0): 15}
            assert not any((await cluster.apply(AlterOffsets(idle, wanted))).values())
            for group in (classic, modern, static):
                await cluster.apply(AlterOffsets(group, {p0: 7, TopicPartition(other, 0): 1}))
            assert await cluster.apply(DeleteOffsets(static, (p0,))) == {f"{plain}-0": None}
            await cluster.apply(DeleteTopics((again,)))
            while TopicPartition(again, 0) in await _committed(cluster, idle):  # noqa: ASYNC110  (nothing tells of it)
                await asyncio.sleep(0.05)
            direct.create(at, again)
            await cluster.apply(AlterOffsets(idle, {TopicPartition(again, 0): 15}))

    aio.run(commit())
    with (
        _member(at, classic, [plain]),
        _member(at, modern, [plain], group_protocol="consumer"),
        _member(at, static, [plain], group_instance_id="host-1"),
    ):
        found = aio.run(seen())
        told = _told_by_tool(kafka, groups)
    ours = {(name, *reading.source): _as_tool(reading) for name, each in found.items() for reading in each.readings}
    assert ours == told
    states = {name: (each.group.type, len(each.group.members)) for name, each in found.items()}
    assert states == {
        idle: (GroupType.CLASSIC, 0),
        classic: (GroupType.CLASSIC, 1),
        modern: (GroupType.CONSUMER, 1),
        static: (GroupType.CLASSIC, 1),
    }
    assert found[static].group.members[0].instance == "host-1"
    of_idle = {reading.source: (reading.lag, reading.lost) for reading in found[idle].readings}
    assert of_idle == {
        p0: (6, 0),
        p1: (4, 4),
        p2: (-30, 0),
        TopicPartition(transactional, 0): (1, 0),
        TopicPartition(again, 0): (-15, 0),
    }
    left = {reading.source: reading.member for reading in found[classic].readings}
    assert left[TopicPartition(other, 0)] is None
    assert left[p2] is not None


@pytest.mark.parametrize("many", [True, False], ids=["many a call", "one a call"])
def test_offsets_of_many_groups(aio: LoopRunner, broker: Broker, topic_name: str, many: bool) -> None:
    """One a call: as brokers before 3.0 want it."""
    direct.create(broker.bootstrap, topic_name, 2)
    first, second = TopicPartition(topic_name, 0), TopicPartition(topic_name, 1)
    one, other, nobody = (f"{topic_name}-{n}" for n in ("one", "other", "nobody"))

    async def ask() -> None:
        async with direct.connected(broker.bootstrap) as cluster:
            cluster._coordinators.many = many
            await cluster.apply(AlterOffsets(one, {first: 0, second: 3}))
            await cluster.apply(AlterOffsets(other, {second: 5}))
            found = await cluster.group_offsets(
                {one: None, "\ud800": None, other: [first, second], nobody: None, one * 2: []}
            )
            wrong = found.pop("\ud800")
            assert isinstance(wrong, Failure)
            assert (wrong.kind, "U+D800" in wrong.message) == (FailureKind.INVALID, True)
            assert found == {
                one: {first: Committed(0), second: Committed(3)},
                other: {first: None, second: Committed(5)},
                nobody: {},
                one * 2: {},
            }
            assert await cluster.group_offsets({}) == {}
            assert nobody not in [group.id for group in (await cluster.groups()).listed]

    aio.run(ask())


def test_what_may_not_be_seen_is_the_trouble_of_that_group(
    aio: LoopRunner, kafka: KafkaCluster, topic_name: str
) -> None:
    direct.create(kafka.bootstrap(), topic_name)
    source, hidden, shown = TopicPartition(topic_name, 0), f"{topic_name}-hidden", f"{topic_name}-shown"
    acl = Acl("User:alice", AclResource.GROUP, hidden, AclOperation.ALL, Permission.DENY)
    profile = Profile(
        "alice",
        kafka.bootstrap("SASL_PLAINTEXT"),
        SecurityProtocol.SASL_PLAINTEXT,
        sasl_mechanism=SaslMechanism.SCRAM_SHA_256,
        username="alice",
    )

    async def ask() -> None:
        alice = Gateway(profile, Credentials("alice-secret"))
        async with direct.connected(kafka.bootstrap()) as cluster:
            for name in (hidden, shown):
                await cluster.apply(AlterOffsets(name, {source: 0}))
            await cluster.apply(CreateAcls((acl,)))
            try:
                found = await alice.group_offsets({hidden: None, shown: None})
                assert found[shown] == {source: Committed(0)}
                refused = found[hidden]
                assert isinstance(refused, Failure)
                assert (refused.kind, hidden in refused.message) == (FailureKind.AUTHORIZATION, True)
                with pytest.raises(Failure) as raised:
                    await alice.apply(AlterOffsets(hidden, {source: 1}))
                assert raised.value.kind is FailureKind.AUTHORIZATION
            finally:
                await cluster.apply(DeleteAcls((acl,)))
                await alice.close()

    aio.run(ask())


@pytest.mark.parametrize("kind", ["classic", "consumer"])
def test_a_group_in_use_is_left_as_it_is(aio: LoopRunner, kafka: KafkaCluster, topic_name: str, kind: str) -> None:
    at, source = kafka.bootstrap(), TopicPartition(topic_name, 0)
    direct.create(at, topic_name)
    direct.produce(at, topic_name, direct.rows(5))

    async def ask() -> None:
        async with direct.connected(at) as cluster:
            await cluster.apply(AlterOffsets(topic_name, {source: 2}))
            with _member(at, topic_name, [topic_name], group_protocol=kind):
                for change in (
                    AlterOffsets(topic_name, {source: 4}),
                    DeleteOffsets(topic_name, (source,)),
                    DeleteGroups((topic_name,)),
                ):
                    (failure,) = (await cluster.apply(change)).values()
                    assert failure is not None
                    assert (failure.kind, "Stop" in failure.hint or "members" in failure.hint) == (
                        FailureKind.REFUSED,
                        True,
                    ), failure
            assert await cluster.group_offsets({topic_name: None}) == {topic_name: {source: Committed(2)}}

    aio.run(ask())


def test_members_are_removed(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    """A static member stays when its program ends; a member that lives comes back as another, with the protocol of
    KIP-848 perhaps under its old id."""
    at, modern = kafka.bootstrap(), f"{topic_name}-modern"
    direct.create(at, topic_name, 2)

    async def members(cluster: Gateway, group: str) -> list[str]:
        found = (await cluster.describe_groups([group]))[group]
        assert isinstance(found, Group), found
        return [member.id for member in found.members]

    async def ask() -> None:
        async with direct.connected(at) as cluster:
            with _member(at, topic_name, [topic_name], group_instance_id="host-1"):
                pass
            assert len(await members(cluster, topic_name)) == 1
            change = RemoveMembers(topic_name, ("nobody",), ("host-1",))
            answers = await cluster.apply(change)
            assert answers["host-1"] is None
            gone = answers["nobody"]
            assert isinstance(gone, Failure)
            assert gone.kind is FailureKind.NOT_FOUND
            assert await members(cluster, topic_name) == []
            with _member(at, topic_name, [topic_name]):
                (before,) = await members(cluster, topic_name)
                assert await cluster.apply(RemoveMembers(topic_name, (before,))) == {before: None}
                assert before not in await members(cluster, topic_name)
            with _member(at, modern, [topic_name], group_protocol="consumer"):
                (there,) = await members(cluster, modern)
                assert await cluster.apply(RemoveMembers(modern, (there,))) == {there: None}

    aio.run(ask())


@pytest.mark.slow
def test_groups_of_every_kind_are_listed(aio: LoopRunner, kafka: KafkaCluster, topic_name: str) -> None:
    """Those that librdkafka leaves out, too."""
    at = kafka.bootstrap()
    simple, share, connect, modern = (f"{topic_name}-{n}" for n in ("simple", "share", "connect", "modern"))
    direct.create(at, topic_name)
    kafka.tool(
        "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
        *("--topic", topic_name, "--group", share, "--timeout-ms", "3000"),
    )
    worker = protocol.Connection(client_config(Profile("worker", at), Credentials()))
    try:
        worker.bootstrap(10.0).result(20)
        _join_as_worker(worker, connect)

        async def ask() -> tuple[dict[str, GroupListing], dict[str, Group | Failure]]:
            async with direct.connected(at) as cluster:
                await cluster.apply(AlterOffsets(simple, {TopicPartition(topic_name, 0): 0}))
                with _member(at, modern, [topic_name], group_protocol="consumer"):
                    listed = await cluster.groups()
                    described = await cluster.describe_groups([simple, share, connect, modern])
                assert listed.troubles == ()
                return {each.id: each for each in listed.listed}, described

        listed, described = aio.run(ask())
    finally:
        worker.close()
    assert listed[simple] == GroupListing(simple, GroupState.EMPTY, GroupType.CLASSIC, True, "")
    assert (listed[share].type, listed[share].protocol) == (GroupType.SHARE, "share")
    assert (listed[connect].type, listed[connect].protocol) == (GroupType.CLASSIC, "connect")
    assert (listed[modern].type, listed[modern].state) == (GroupType.CONSUMER, GroupState.STABLE)
    assert not listed[share].type.commits
    types = {name: (each.type, len(each.members)) for name, each in described.items() if isinstance(each, Group)}
    assert types == {
        simple: (GroupType.CLASSIC, 0),
        share: (GroupType.SHARE, 0),
        connect: (GroupType.CLASSIC, 1),
        modern: (GroupType.CONSUMER, 1),
    }


def _join_as_worker(worker: protocol.Connection, group: str) -> None:
    """As a worker of Kafka Connect does; it never says what it wants."""
    from kafka.protocol.consumer import JoinGroupRequest  # noqa: PLC0415  (half a second)
    from kafka.protocol.metadata import FindCoordinatorRequest  # noqa: PLC0415

    wait(lambda: not worker.send(FindCoordinatorRequest(key=group, key_type=0, max_version=3)).result(10).error_code)
    name = ""
    for _ in range(2):  # the first answer is the name that it has to come with
        asked = JoinGroupRequest(
            group_id=group,
            session_timeout_ms=30_000,
            rebalance_timeout_ms=30_000,
            member_id=name,
            group_instance_id=None,
            protocol_type="connect",
            protocols=[JoinGroupRequest.JoinGroupRequestProtocol(name="sessioned", metadata=b"\0\1odd")],
            reason=None,
            max_version=7,
        )
        name = worker.send(asked, 1).result(20).member_id


@pytest.mark.slow
def test_a_coordinator_that_dies_is_looked_for_again(aio: LoopRunner, kafka3: KafkaCluster, topic_name: str) -> None:
    at = kafka3.bootstrap()
    direct.create(at, topic_name, replication=3)
    source = TopicPartition(topic_name, 0)
    names = [f"{topic_name}-{number}" for number in range(12)]
    expected = {name: {source: Committed(number)} for number, name in enumerate(names)}

    async def ask() -> None:
        async with direct.connected(at) as cluster:
            for number, name in enumerate(names):
                assert await cluster.apply(AlterOffsets(name, {source: number})) == {f"{topic_name}-0": None}
            assert await cluster.group_offsets(dict.fromkeys(names)) == expected
            described = await cluster.describe_groups(names)
            led = {each.coordinator for each in described.values() if isinstance(each, Group)}
            assert len(led) > 1
            kafka3.node(max(number for number in led if number)).kill()
            while (now := await cluster.group_offsets(dict.fromkeys(names))) != expected:
                # the new one tells what its followers have, too, and that is nothing for a moment
                assert {name: now[name] for name in names if now[name]}.items() <= expected.items(), now
            assert (await cluster.groups()).listed
            found = await cluster.describe_groups(names)
            assert all(isinstance(each, Group) for each in found.values()), found

    aio.run(ask())


@pytest.mark.slow
def test_a_frozen_broker_is_the_trouble_of_its_own_groups(
    aio: LoopRunner, kafka3: KafkaCluster, topic_name: str
) -> None:
    at = kafka3.bootstrap()
    direct.create(at, topic_name, replication=3)
    source = TopicPartition(topic_name, 0)
    names = [f"{topic_name}-{number}" for number in range(12)]

    async def ask() -> None:
        async with direct.connected(at) as cluster:
            for name in names:
                assert await cluster.apply(AlterOffsets(name, {source: 0})) == {f"{topic_name}-0": None}
            described = await cluster.describe_groups(names)
            by = {name: each.coordinator for name, each in described.items() if isinstance(each, Group)}
            assert len(set(by.values())) > 1
            frozen = by[names[0]]
            assert frozen is not None
            kafka3.node(frozen).freeze()
            listed, found = await asyncio.gather(cluster.groups(), cluster.group_offsets(dict.fromkeys(names)))
            assert [f"broker {frozen}" in trouble.message for trouble in listed.troubles] == [True]
            assert {each.id for each in listed.listed} >= {name for name in names if by[name] != frozen}
            for name, answer in found.items():
                if by[name] != frozen:
                    assert answer == {source: Committed(0)}
                elif isinstance(answer, Failure):  # else its groups have gone to another broker meanwhile
                    assert answer.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)

    aio.run(ask())
