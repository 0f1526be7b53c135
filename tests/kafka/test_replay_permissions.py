"""What a login lacks for a replay is told before the run, with the operation and the resource named."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from kexplorer.kafka.replay_permissions import lacking
from kexplorer.kafka.replaying import Side
from kexplorer.model.access import Acl, AclOperation, AclResource
from kexplorer.model.changes import CreateAcls, DeleteAcls
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.profile import Credentials, Profile, SaslMechanism, SecurityProtocol
from kexplorer.model.replay import ReplayRun, TargetTopic
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.replay_permissions import needed, refuse_lacking
from tests.kafka import direct
from tests.kafka.replays import plan_of
from tests.rig.kafka import KafkaCluster
from tests.rig.loops import LoopRunner

pytestmark = pytest.mark.kafka

READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE


@pytest.fixture
def alice(kafka: KafkaCluster) -> Side:
    sasl, plain = SecurityProtocol.SASL_PLAINTEXT, SaslMechanism.PLAIN
    profile = Profile("alice", kafka.bootstrap("SASL_PLAINTEXT"), sasl, plain, "alice")
    return Side(profile, Credentials("alice-secret"))


@pytest.fixture
def run(kafka: KafkaCluster, topic_name: str) -> ReplayRun:
    for name in (topic_name, f"{topic_name}-to"):
        direct.create(kafka.bootstrap(), name)
    source = OffsetRange(TopicPartition(topic_name, 0), 0, 1)
    plan, to = plan_of(kafka.bootstrap(), topic_name, f"{topic_name}-to"), TargetTopic(f"{topic_name}-to", 1)
    return ReplayRun(plan, (source,), {topic_name: 1}, {topic_name: to}, {}, direct.NOW, "one", "one")


@pytest.fixture
def only_looked_at(aio: LoopRunner, kafka: KafkaCluster, run: ReplayRun, topic_name: str) -> Iterator[None]:
    """Alice may see both topics and no more; group and transactional id are somebody else's."""
    acls = (
        Acl("User:alice", AclResource.TOPIC, topic_name, DESCRIBE),
        Acl("User:alice", AclResource.TOPIC, f"{topic_name}-to", DESCRIBE),
        Acl("User:bob", AclResource.GROUP, run.plan.group, READ),
        Acl("User:bob", AclResource.TRANSACTIONAL_ID, run.plan.transactional_id, WRITE),
    )

    async def apply(change: CreateAcls | DeleteAcls) -> None:
        async with direct.connected(kafka.bootstrap()) as cluster:
            assert not any((await cluster.apply(change)).values())

    aio.run(apply(CreateAcls(acls)))
    yield
    aio.run(apply(DeleteAcls(acls)))


def test_nothing_is_lacking_where_all_is_allowed(alice: Side, run: ReplayRun) -> None:
    for wanted in needed(run):
        assert wanted
        assert lacking(alice, wanted) == []


@pytest.mark.usefixtures("only_looked_at")
def test_each_permission_that_is_lacking_is_named(alice: Side, run: ReplayRun, topic_name: str) -> None:
    source, target = (lacking(alice, wanted) for wanted in needed(run))
    with pytest.raises(Failure) as refused:
        refuse_lacking(source, target)
    assert refused.value.kind is FailureKind.AUTHORIZATION
    told = refused.value.message
    assert f"source lacks Read on Topic {topic_name};" in told
    for permission in (
        f"Write on Topic {topic_name}-to",
        f"Read on Group {run.plan.group}",
        f"Write on TransactionalId {run.plan.transactional_id}",
    ):
        assert re.search(f"target lacks .*{re.escape(permission)}", told), told


def test_a_group_of_engines_needs_the_checkpoints_as_well(run: ReplayRun) -> None:
    _, target = needed(run, "share")
    told = [str(each) for each in target]
    assert "Read on Group share" in told
    assert "Write on Topic __kx-replay-checkpoints" in told
