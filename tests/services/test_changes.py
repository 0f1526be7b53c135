"""Changes are previewed with what is there now, noted, carried out, and compared with what is there then."""

from __future__ import annotations

import asyncio
import json
import typing
from dataclasses import replace

import pytest

from kexplorer.model.access import Acl, AclOperation, AclResource, QuotaEntity, ScramMechanism
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
from kexplorer.model.cluster import ConfigEntry, ConfigSource, Reassignment
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.groups import GroupType, Member
from kexplorer.model.topics import Broker, Partition, TopicPartition
from kexplorer.services import read_back
from kexplorer.services.changes import Changes, Outcome
from kexplorer.services.previews import NOTHING, Preview, Row
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster
from tests.services.memory_audit import MemoryAudit

A, B = TopicPartition("orders", 0), TopicPartition("orders", 1)
ACL = Acl("User:alice", AclResource.TOPIC, "orders", AclOperation.READ)
SECRET = "s3cret"
SHA = ScramMechanism.SHA_512

LOWERS = AlterConfig(ResourceKind.TOPIC, "orders", {"retention.ms": "1000"}, ("cleanup.policy",))
CHANGES: list[Change] = [
    CreateTopic("new", 3, 1, {"cleanup.policy": "compact"}),
    DeleteTopics(("orders", "payments")),
    AddPartitions("orders", 5),
    LOWERS,
    AlterConfig(ResourceKind.BROKER, "1", {"log.cleaner.threads": "2"}),
    PurgeRecords({A: 2, B: 1}),
    ElectPreferred((A,)),
    Reassign({A: (2, 1), B: None}),
    CreateAcls((replace(ACL, operation=AclOperation.WRITE),)),
    DeleteAcls((ACL,)),
    SetScram("bob", SHA, SECRET),
    DeleteScram("alice", SHA),
    AlterQuota(QuotaEntity(user="alice"), {"producer_byte_rate": 1024.0}, ("consumer_byte_rate",)),
    AlterOffsets("billing", {A: 1, B: 1}),
    DeleteOffsets("billing", (A,)),
    DeleteGroups(("billing",)),
    RemoveMembers("mail", ("m-1",), ("host-2",)),
]
MAILERS = (
    Member("m-1", "mailer", "10.0.0.1", (A,)),
    Member("m-2", "mailer", "10.0.0.2", (B,), "host-2"),
)


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster("shop")
    found.brokers = tuple(Broker(number, "127.0.0.1", 9090 + number) for number in (1, 2))
    found.add_topic("orders", 2, retention_ms="604800000", cleanup_policy="delete")
    found.add_topic("payments", 1, cleanup_policy="compact")
    for partition in (0, 0, 0, 1):
        found.add("orders", b"value", partition=partition)
    found.placed[A] = Partition(0, 2, (1, 2), (1, 2))
    found.placed[B] = Partition(1, 1, (1,), (1,))
    found.moves[B] = Reassignment((1, 2), (2,), ())
    found.broker_settings[1] = {"log.cleaner.threads": ConfigEntry("log.cleaner.threads", "1", True, False, False)}
    found.held_acls = {ACL}
    found.held_users = {"alice": {SHA: 4096}}
    found.held_quotas = {QuotaEntity(user="alice"): {"consumer_byte_rate": 1.0}}
    found.commits = {"billing": {A: 3}, "mail": {A: 2}}
    found.members = {"mail": MAILERS}
    return found


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def changes(cluster: FakeCluster, audit: MemoryAudit, monkeypatch: pytest.MonkeyPatch) -> Changes:
    monkeypatch.setattr(read_back, "_PATIENCE", 0.0)
    return Changes(cluster, audit)


def _preview(aio: LoopRunner, changes: Changes, change: Change) -> Preview:
    return aio.run(changes.preview(change))


def test_every_kind_of_change_is_looked_at_here() -> None:
    assert {type(change) for change in CHANGES} == set(typing.get_args(Change))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_what_was_previewed_is_sent_noted_and_found_in_force(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit, change: Change
) -> None:
    preview = _preview(aio, changes, change)
    assert preview.sentences
    assert preview.rows
    assert cluster.applied == [], "a preview changes nothing"
    assert aio.run(changes.carry_out(change, preview)) == Outcome({}, ())
    assert cluster.applied == [change]
    (sent,) = audit.sent
    assert (sent.profile, sent.cluster, sent.verb) == ("shop", "127.0.0.1:9092, id fake-cluster", change.verb)
    assert sent.before == tuple(preview.rows)
    assert audit.answers[1][0] == "done"
    assert SECRET not in json.dumps(sent.parameters) + str(sent) + preview.command


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_a_read_only_profile_gets_as_far_as_nothing(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit, change: Change
) -> None:
    cluster.profile = replace(cluster.profile, read_only=True)
    with pytest.raises(Failure, match="read-only"):
        aio.run(changes.carry_out(change))
    assert cluster.calls == []
    assert audit.sent == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_what_the_cluster_does_not_do_is_told(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit, change: Change
) -> None:
    """It says yes, and stays as it was."""

    async def only_say_yes(change: Change, *, only_check: bool = False) -> dict[str, Failure | None]:
        return dict.fromkeys(items_of(change))

    cluster.apply = only_say_yes  # type: ignore[method-assign]
    outcome = aio.run(changes.carry_out(change))
    assert outcome.failures == {}
    assert outcome.differs
    assert not outcome.done
    assert audit.answers[1][0] == "differs"
    assert audit.answers[1][2] == outcome.differs


def test_without_a_line_in_the_log_nothing_is_sent(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit
) -> None:
    audit.failure = Failure(FailureKind.REFUSED, "The disk is full.")
    with pytest.raises(Failure, match="disk is full"):
        aio.run(changes.carry_out(DeleteTopics(("orders",))))
    assert cluster.calls == []


def test_an_answer_that_cannot_be_noted_is_told(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit
) -> None:
    async def fail(*_: object) -> None:
        raise Failure(FailureKind.REFUSED, "The disk is full.")

    audit.finish = fail  # type: ignore[method-assign, assignment]
    outcome = aio.run(changes.carry_out(DeleteTopics(("orders",))))
    assert outcome.failures == {}
    assert outcome.differs == ("The disk is full.",)
    assert cluster.applied


def test_what_fails_for_one_item_is_noted_for_it(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit
) -> None:
    outcome = aio.run(changes.carry_out(DeleteTopics(("orders", "nowhere"))))
    assert list(outcome.failures) == ["nowhere"]
    assert outcome.differs == ()
    said, results, _ = audit.answers[1]
    assert said == "in part"
    assert results["orders"] == ""
    assert "nowhere" in results["nowhere"]


@pytest.mark.parametrize(("kind", "may_be"), [(FailureKind.TIMEOUT, True), (FailureKind.AUTHORIZATION, False)])
def test_what_fails_as_a_whole_says_whether_it_may_have_happened(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit, kind: FailureKind, may_be: bool
) -> None:
    cluster.failures["apply"] = Failure(kind, "No.")
    outcome = aio.run(changes.carry_out(DeleteTopics(("orders", "payments"))))
    assert set(outcome.failures) == {"orders", "payments"}
    assert bool(outcome.differs) == may_be
    assert audit.answers[1][0] == "failed"


def test_passwords_in_a_brokers_configuration_are_hidden(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, audit: MemoryAudit
) -> None:
    name = "listener.name.internal.ssl.key.password"
    change = AlterConfig(ResourceKind.BROKER, "1", {name: SECRET})
    cluster.broker_settings[1] = {name: ConfigEntry(name, None, False, False, True)}
    preview = _preview(aio, changes, change)
    aio.run(changes.carry_out(change, preview))
    assert SECRET not in f"{preview.rows} {preview.command} {audit.sent} {audit.answers}"


# what a preview says


def test_deleting_counts_what_is_lost_and_names_what_is_not_there(aio: LoopRunner, changes: Changes) -> None:
    preview = _preview(aio, changes, DeleteTopics(("orders", "payments", "nowhere")))
    assert preview.destroys
    assert preview.typed == "3 shop"
    assert Row("orders", "2 partitions, up to 4 records", "deleted") in preview.rows
    assert "Up to 4 records" in " ".join(preview.sentences)
    assert any("nowhere" in warning for warning in preview.warnings)


def test_partitions_that_cannot_be_read_are_counted_apart(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.broken[B] = Failure(FailureKind.UNREACHABLE, "No leader.")
    cluster.placed.pop(B)
    preview = _preview(aio, changes, DeleteTopics(("orders",)))
    assert preview.rows == [Row("orders", "2 partitions, up to 3 records, 1 partition could not be read", "deleted")]
    assert preview.typed == "orders"


@pytest.mark.parametrize(("name", "warned"), [("__consumer_offsets", "Kafka's own"), ("_schemas", "internal")])
def test_deleting_an_internal_topic_is_warned_of(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, name: str, warned: str
) -> None:
    cluster.add_topic(name)
    assert any(warned in warning for warning in _preview(aio, changes, DeleteTopics((name,))).warnings)


def test_purging_counts_by_partition_and_knows_what_brokers_refuse(aio: LoopRunner, changes: Changes) -> None:
    preview = _preview(aio, changes, PurgeRecords({A: 2, B: 9, TopicPartition("payments", 0): 0}))
    assert preview.destroys
    assert preview.typed == "2 shop"
    assert preview.rows[0] == Row("orders-0", "offsets 0 to 3", "from 2, 2 offsets deleted")
    assert "Up to 3 records" in preview.sentences[0]
    assert any("orders-1 ends at 1" in warning for warning in preview.warnings)
    assert any("payments is only compacted" in warning for warning in preview.warnings)


def test_more_partitions_warn_of_the_order_of_keys(aio: LoopRunner, changes: Changes) -> None:
    preview = _preview(aio, changes, AddPartitions("payments", 4))
    assert preview.rows == [Row("Partitions", "1", "4")]
    assert not preview.destroys
    told = " ".join(preview.warnings)
    assert "order" in told
    assert "compacted" in told


@pytest.mark.parametrize(
    ("sets", "destroys"),
    [
        ({"retention.ms": "1000"}, True),
        ({"retention.ms": "-1"}, False),
        ({"retention.ms": "900000000"}, False),
        ({"retention.bytes": "1000"}, True),
        ({"cleanup.policy": "compact"}, True),
        ({"cleanup.policy": "delete"}, False),
        ({"max.message.bytes": "1"}, False),
    ],
)
def test_settings_by_which_brokers_delete_records_count_as_destroying(
    aio: LoopRunner, changes: Changes, sets: dict[str, str], destroys: bool
) -> None:
    preview = _preview(aio, changes, AlterConfig(ResourceKind.TOPIC, "orders", sets))
    assert preview.destroys == destroys
    assert preview.typed == ("orders" if destroys else "")
    assert bool(preview.warnings) == destroys


def test_a_reset_says_what_will_be_in_force(aio: LoopRunner, cluster: FakeCluster, changes: Changes) -> None:
    entry = ConfigEntry("retention.ms", "1000", False, False, False, ConfigSource.TOPIC, "604800000")
    cluster.configs["orders"]["retention.ms"] = entry
    preview = _preview(aio, changes, AlterConfig(ResourceKind.TOPIC, "orders", {}, ("retention.ms",)))
    assert preview.rows == [Row("retention.ms", "1000", "604800000 (default)")]


def test_settings_that_are_read_only_or_unclean_are_warned_of(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.broker_settings[1] = {"log.dirs": ConfigEntry("log.dirs", "/data", True, True, False)}
    change = AlterConfig(ResourceKind.BROKER, "1", {"log.dirs": "/x", "unclean.leader.election.enable": "true"})
    told = " ".join(_preview(aio, changes, change).warnings)
    assert "log.dirs is read-only" in told
    assert "can be lost" in told


def test_reassigning_says_what_is_copied_and_warns_of_brokers_that_are_not_there(
    aio: LoopRunner, changes: Changes
) -> None:
    preview = _preview(aio, changes, Reassign({A: (2, 9), B: (1, 2)}))
    assert preview.rows == [Row("orders-0", "1, 2", "2, 9"), Row("orders-1", "1", "1, 2")]
    assert "2 new replicas" in preview.sentences[0]
    assert preview.warnings == ["orders-0: there is no broker 9 now."]
    fewer = _preview(aio, changes, Reassign({A: (2,)}))
    assert fewer.warnings == ["orders-0: 1 replica fewer than now."]


def test_a_preferred_leader_that_is_not_in_sync_is_warned_of(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.placed[A] = Partition(0, 2, (1, 2), (2,))
    preview = _preview(aio, changes, ElectPreferred((A,)))
    assert preview.rows == [Row("orders-0", "broker 2", "broker 1")]
    assert preview.warnings == ["orders-0: broker 1 is not in sync and can't be elected."]


def test_the_first_acl_of_a_resource_is_warned_of(aio: LoopRunner, changes: Changes) -> None:
    first, second = replace(ACL, name="payments"), replace(ACL, operation=AclOperation.WRITE)
    assert "first ACL" in " ".join(_preview(aio, changes, CreateAcls((first,))).warnings)
    assert _preview(aio, changes, CreateAcls((second,))).warnings == []


def test_setting_offsets_counts_what_is_read_again_and_skipped(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.commits["billing"] = {A: 3, B: 0}
    preview = _preview(aio, changes, AlterOffsets("billing", {A: 1, B: 1}))
    assert preview.rows == [
        Row("orders-0", "offset 3, 0 before the end", "offset 1, 2 before the end"),
        Row("orders-1", "offset 0, 1 before the end", "offset 1, 0 before the end"),
    ]
    assert "It reads 2 offsets again." in preview.sentences
    assert any("skips 1 offset" in sentence for sentence in preview.sentences)
    assert preview.warnings == []
    assert not preview.destroys


def test_offsets_outside_the_log_and_groups_in_use_are_warned_of(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.starts[A] = 2
    outside = " ".join(_preview(aio, changes, AlterOffsets("billing", {A: 1, B: 9})).warnings)
    assert "orders-0 starts at 2, behind offset 1" in outside
    assert "orders-1 ends at 1, before offset 9" in outside
    assert "auto.offset.reset" in outside
    in_use = " ".join(_preview(aio, changes, AlterOffsets("mail", {A: 2})).warnings)
    assert "refuse while the group mail has members: mailer at 10.0.0.1, host-2 at 10.0.0.2" in in_use
    assert "is made by this" in " ".join(_preview(aio, changes, AlterOffsets("new", {A: 2})).warnings)


def test_a_group_with_members_is_neither_reset_nor_deleted(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    for change in (AlterOffsets("mail", {A: 1}), DeleteOffsets("mail", (A,)), DeleteGroups(("mail",))):
        assert any("refuse" in warning for warning in _preview(aio, changes, change).warnings), change
        outcome = aio.run(changes.carry_out(change))
        assert [failure.kind for failure in outcome.failures.values()] == [FailureKind.REFUSED]
    assert cluster.commits["mail"] == {A: 2}


def test_removing_members_says_what_they_read_and_who_is_no_member(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    preview = _preview(aio, changes, RemoveMembers("mail", ("m-1", "m-9"), ("host-2",)))
    assert preview.rows == [
        Row("m-1", "mailer at 10.0.0.1, 1 partition", "removed"),
        Row("m-9", NOTHING, "removed"),
        Row("host-2", "mailer at 10.0.0.2, 1 partition", "removed"),
    ]
    assert "No member now: m-9." in preview.warnings
    cluster.group_types["mail"] = GroupType.CONSUMER
    told = _preview(aio, changes, RemoveMembers("mail", ("m-1",))).warnings
    assert any("protocol “consumer”" in warning for warning in told)


def test_what_cannot_be_read_does_not_keep_the_change_from_being_offered(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes
) -> None:
    cluster.failures["topic_configs"] = Failure(FailureKind.AUTHORIZATION, "You may not read it.")
    change = AlterConfig(ResourceKind.TOPIC, "orders", {"retention.ms": "1"})
    preview = _preview(aio, changes, change)
    assert "You may not read it." in " ".join(preview.warnings)
    assert "retention.ms=1" in preview.command
    outcome = aio.run(changes.carry_out(change, preview))
    assert outcome.failures == {}
    assert "You may not read it." in " ".join(outcome.differs)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_what_destroys_is_known_for_it_even_if_nothing_can_be_read(
    aio: LoopRunner, cluster: FakeCluster, changes: Changes, change: Change
) -> None:
    calls = ("metadata", "topic", "list_offsets", "topic_configs", "broker_configs", "acls", "scram_users", "quotas")
    calls_of_groups = ("group_offsets", "describe_groups")
    cluster.failures = {call: Failure(FailureKind.TIMEOUT, "No answer.") for call in (*calls, *calls_of_groups)}
    preview = _preview(aio, changes, change)
    assert any("No answer." in warning for warning in preview.warnings)
    destroying = (DeleteTopics, PurgeRecords, DeleteAcls, DeleteScram, DeleteOffsets, DeleteGroups)
    assert preview.destroys == (isinstance(change, destroying) or change == LOWERS)
    assert bool(preview.typed) == preview.destroys


def test_a_change_that_takes_its_time_is_waited_for(aio: LoopRunner, cluster: FakeCluster, audit: MemoryAudit) -> None:
    """Brokers hear of it from the controller a little later."""
    looks: list[str] = []
    metadata = cluster.topic

    async def topic(name: str) -> object:
        looks.append(name)
        found = await metadata(name)
        return found if len(looks) > 2 else replace(found, topics=())

    cluster.topic = topic  # type: ignore[assignment, method-assign]
    outcome = aio.run(Changes(cluster, audit).carry_out(CreateTopic("new", 1, 1)))
    assert outcome.done
    assert len(looks) == 3


@pytest.mark.filterwarnings("ignore:read_text is deprecated:DeprecationWarning")  # as kafka-python is imported
def test_on_real_kafka_each_change_is_found_in_force(
    aio: LoopRunner, own_kafka: KafkaCluster, topic_name: str, audit: MemoryAudit
) -> None:
    """One after the other, on a topic of their own, and undone."""
    source, user, group = TopicPartition(topic_name, 0), f"user-{topic_name}", f"group-{topic_name}"
    acl = Acl(f"User:{user}", AclResource.TOPIC, topic_name, AclOperation.READ)
    sequence: list[Change] = [
        CreateTopic(topic_name, 2, 1, {"retention.ms": "1000000"}),
        AddPartitions(topic_name, 3),
        AlterConfig(ResourceKind.TOPIC, topic_name, {"cleanup.policy": "compact,delete"}, ("retention.ms",)),
        AlterConfig(ResourceKind.BROKER, "1", {"message.max.bytes": "2000000"}),
        AlterConfig(ResourceKind.BROKER, "1", {}, ("message.max.bytes",)),
        AlterConfig(ResourceKind.BROKER, "", {"message.max.bytes": "2000001"}),
        AlterConfig(ResourceKind.BROKER, "", {}, ("message.max.bytes",)),
        PurgeRecords({source: 3, TopicPartition(topic_name, 1): 0}),
        ElectPreferred((source,)),
        Reassign({source: (1,)}),
        CreateAcls((acl,)),
        DeleteAcls((acl,)),
        SetScram(user, SHA, SECRET, 4096),
        DeleteScram(user, SHA),
        AlterQuota(QuotaEntity(user=user), {"producer_byte_rate": 1024.0}),
        AlterQuota(QuotaEntity(user=user), {}, ("producer_byte_rate",)),
        AlterOffsets(group, {source: 4, TopicPartition(topic_name, 1): 0}),
        DeleteOffsets(group, (source,)),
        DeleteGroups((group,)),
        DeleteTopics((topic_name,)),
    ]

    async def run() -> None:
        async with direct.connected(own_kafka.bootstrap()) as cluster:
            changes = Changes(cluster, audit)
            for change in sequence:
                if isinstance(change, PurgeRecords):
                    direct.produce(own_kafka.bootstrap(), topic_name, direct.rows(15, 3))
                preview = await changes.preview(change)
                outcome = await changes.carry_out(change, preview)
                assert outcome == Outcome({}), change
                told[type(change)] = preview

    told: dict[type[Change], Preview] = {}
    aio.run(run())
    assert {*told, RemoveMembers} == set(typing.get_args(Change))
    assert told[DeleteOffsets].rows == [Row(f"{topic_name}-0", "offset 4, 1 before the end", NOTHING)]
    assert told[PurgeRecords].rows[0] == Row(f"{topic_name}-0", "offsets 0 to 5", "from 3, 3 offsets deleted")
    assert told[DeleteTopics].rows == [Row(topic_name, "3 partitions, up to 12 records", "deleted")]
    assert {outcome for outcome, _, _ in audit.answers.values()} == {"done"}


@pytest.mark.filterwarnings("ignore:read_text is deprecated:DeprecationWarning")  # as kafka-python is imported
def test_on_three_nodes_a_move_that_is_under_way_counts_as_in_force(
    aio: LoopRunner, kafka3: KafkaCluster, topic_name: str, audit: MemoryAudit
) -> None:
    source = TopicPartition(topic_name, 0)
    direct.create(kafka3.bootstrap(), topic_name, replication=2)

    async def run() -> None:
        async with direct.connected(kafka3.bootstrap()) as cluster:
            changes = Changes(cluster, audit)
            (part,) = (await cluster.topic(topic_name)).topics[0].partitions
            (other,) = {1, 2, 3} - set(part.replicas)
            wanted = (other, *part.replicas)
            preview = await changes.preview(Reassign({source: wanted}))
            assert "1 new replica to be filled" in preview.sentences[0]
            assert await changes.carry_out(preview.change, preview) == Outcome({})
            while set((await cluster.topic(topic_name)).topics[0].partitions[0].isr) != set(wanted):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            assert await changes.carry_out(ElectPreferred((source,))) == Outcome({})
            while (await cluster.topic(topic_name)).topics[0].partitions[0].leader != other:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    aio.run(run())
