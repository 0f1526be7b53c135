"""The commands that are shown: those of Kafka's own tools, for a shell, without a secret."""

from __future__ import annotations

import os
import shlex
import subprocess
import typing
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType

from kexplorer.formats.commands import command, is_secret
from kexplorer.model.access import (
    Acl,
    AclOperation,
    AclResource,
    PatternType,
    Permission,
    QuotaEntity,
    ScramMechanism,
)
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
)
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.rig import jars
from tests.rig.kafka import KafkaCluster

A, B = TopicPartition("a.b", 0), TopicPartition("c", 1)
ACL = Acl("User:alice smith", AclResource.TOPIC, "a.b", AclOperation.READ, host="10.0.0.1")
SHA = ScramMechanism.SHA_512
SECRET = "hunter2"

# After "kafka-", ".sh --bootstrap-server x:1,y:2" left out.
SHOWN: list[tuple[Change, str]] = [
    (
        CreateTopic("a.b", 3, 2, {"cleanup.policy": "compact,delete", "retention.ms": "1"}),
        "topics --create --topic a.b --partitions 3 --replication-factor 2 --config cleanup.policy=compact,delete "
        "--config retention.ms=1",
    ),
    (CreateTopic("a", 2, 2, {}, ((1, 2), (2, 1))), "topics --create --topic a --replica-assignment 1:2,2:1"),
    (CreateTopic("a", -1, -1), "topics --create --topic a"),
    (DeleteTopics(("a.b", "c")), r"topics --delete --topic 'a\.b,c'"),
    (AddPartitions("a.b", 5), r"topics --alter --topic 'a\.b' --partitions 5"),
    (
        AlterConfig(ResourceKind.TOPIC, "a.b", {"cleanup.policy": "compact,delete", "segment.ms": "9"}, ("x", "y")),
        "configs --alter --entity-type topics --entity-name a.b "
        "--add-config 'cleanup.policy=[compact,delete],segment.ms=9' --delete-config x,y",
    ),
    (
        AlterConfig(ResourceKind.BROKER, "", {}, ("x",)),
        "configs --alter --entity-type brokers --entity-default --delete-config x",
    ),
    (
        AlterConfig(ResourceKind.BROKER, "1", {"listener.name.in.ssl.key.password": SECRET}),
        "configs --alter --entity-type brokers --entity-name 1 "
        """--add-config 'listener.name.in.ssl.key.password=['"$NEW_SECRET"']'""",
    ),
    (
        PurgeRecords({A: 5, B: -1}),
        "delete-records --offset-json-file /dev/stdin <<'END'\n"
        '{"version": 1, "partitions": [{"topic": "a.b", "partition": 0, "offset": 5}, '
        '{"topic": "c", "partition": 1, "offset": -1}]}\nEND',
    ),
    (
        ElectPreferred((A,)),
        "leader-election --path-to-json-file /dev/stdin --election-type preferred <<'END'\n"
        '{"partitions": [{"topic": "a.b", "partition": 0}]}\nEND',
    ),
    (
        Reassign({A: (2, 1)}),
        "reassign-partitions --reassignment-json-file /dev/stdin --execute <<'END'\n"
        '{"version": 1, "partitions": [{"topic": "a.b", "partition": 0, "replicas": [2, 1]}]}\nEND',
    ),
    (
        Reassign({A: None}),
        "reassign-partitions --reassignment-json-file /dev/stdin --cancel <<'END'\n"
        '{"version": 1, "partitions": [{"topic": "a.b", "partition": 0, "replicas": []}]}\nEND',
    ),
    (
        CreateAcls((ACL,)),
        "acls --add --allow-principal 'User:alice smith' --allow-host 10.0.0.1 --operation Read --topic a.b "
        "--resource-pattern-type literal",
    ),
    (
        DeleteAcls((Acl("User:*", AclResource.CLUSTER, "kafka-cluster", AclOperation.ALTER, Permission.DENY),)),
        "acls --remove --force --deny-principal 'User:*' --deny-host '*' --operation Alter --cluster",
    ),
    (
        DeleteAcls((replace(ACL, resource=AclResource.GROUP, pattern=PatternType.PREFIXED, host="*"),)),
        "acls --remove --force --allow-principal 'User:alice smith' --allow-host '*' --operation Read --group a.b "
        "--resource-pattern-type prefixed",
    ),
    (
        SetScram("bob", SHA, SECRET, 4096),
        "configs --alter --entity-type users --entity-name bob "
        """--add-config 'SCRAM-SHA-512=[iterations=4096,password='"$NEW_SECRET"']'""",
    ),
    (
        DeleteScram("bob", SHA),
        "configs --alter --entity-type users --entity-name bob --delete-config SCRAM-SHA-512",
    ),
    (
        AlterQuota(QuotaEntity("alice", ""), {"producer_byte_rate": 1024.0, "request_percentage": 12.5}, ("x",)),
        "configs --alter --entity-type users --entity-name alice --entity-type clients --entity-default "
        "--add-config producer_byte_rate=1024,request_percentage=12.5 --delete-config x",
    ),
    (
        DeleteOffsets("shop", (A, B, TopicPartition("a.b", 2))),
        "consumer-groups --delete-offsets --group shop --topic a.b:0,2 --topic c:1",
    ),
    (DeleteGroups(("shop", "mail")), "consumer-groups --delete --group shop --group mail"),
]


def test_every_kind_of_change_has_its_command_here() -> None:
    assert {type(change) for change, _ in SHOWN} | {AlterOffsets, RemoveMembers} == set(typing.get_args(Change))


def test_offsets_come_from_a_file() -> None:
    assert command(AlterOffsets("the shop", {A: 5, B: 0}), "x:1") == (
        "cat > offsets.csv <<'END'\na.b,0,5\nc,1,0\nEND\n"
        "kafka-consumer-groups.sh --bootstrap-server x:1 --reset-offsets --group 'the shop' --from-file offsets.csv "
        "--execute"
    )


def test_what_no_tool_does_is_said() -> None:
    assert command(RemoveMembers("shop", ("m-1",)), "x:1").startswith("# Kafka's tools have no command for it")


@pytest.mark.parametrize(("change", "shown"), SHOWN)
def test_is_what_kafkas_tool_takes(change: Change, shown: str) -> None:
    tool, arguments = shown.split(" ", 1)
    assert command(change, "x:1, y:2") == f"kafka-{tool}.sh --bootstrap-server x:1,y:2 {arguments}"


@pytest.mark.parametrize(("change", "_"), SHOWN)
def test_who_must_log_in_is_pointed_to_a_file_and_no_secret_is_shown(change: Change, _: str) -> None:
    shown = command(change, "x:1", "client.properties")
    assert SECRET not in shown
    login = "--admin.config" if "leader-election" in shown else "--command-config"
    for line in shown.splitlines():
        assert not line.startswith("kafka-") or f"{login} client.properties" in line


def test_several_acls_take_several_commands() -> None:
    lines = command(CreateAcls((ACL, replace(ACL, operation=AclOperation.WRITE))), "x:1").splitlines()
    assert [shlex.split(line)[shlex.split(line).index("--operation") + 1] for line in lines] == ["Read", "Write"]


def test_moves_and_the_end_of_moves_are_two_commands() -> None:
    shown = command(Reassign({A: (1,), B: None}), "x:1")
    assert shown.count("kafka-reassign-partitions.sh") == 2
    assert shown.index("--execute") < shown.index('"a.b"') < shown.index("--cancel") < shown.index('"c"')


@pytest.mark.parametrize("name", ["$(reboot)", "a'b", 'a"b', "a b", "`x`", "a\nb", "ü"])
def test_what_a_shell_would_act_on_stays_text(name: str) -> None:
    shown = command(DeleteScram(name, SHA), "x:1")
    assert shlex.split(shown)[shlex.split(shown).index("--entity-name") + 1] == name


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ("ssl.key.password", True),
        ("listener.name.a.plain.sasl.jaas.config", True),
        ("ssl.keystore.key", True),
        ("ssl.keystore.certificate.chain", True),
        ("delegation.token.secret.key", True),
        ("retention.ms", False),
        ("ssl.keystore.location", False),
    ],
)
def test_settings_that_hold_a_secret_are_known_by_name(setting: str, secret: bool) -> None:
    assert is_secret(setting) == secret


@pytest.mark.slow
def test_kafka_itself_takes_them(kafka: KafkaCluster, topic_name: str, tmp_path: Path) -> None:
    """Those with something special: a regular expression, commas in a value, a file that is none."""
    tools = {
        "topics": "org.apache.kafka.tools.TopicCommand",
        "configs": "kafka.admin.ConfigCommand",
        "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
        "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    }
    for tool, main in tools.items():
        script = tmp_path / f"kafka-{tool}.sh"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(jars.java(main))} "$@"\n')
        script.chmod(0o755)
    bootstrap = kafka.bootstrap()
    dotted, alike, kept = f"{topic_name}.b", f"{topic_name}xb", f"{topic_name}-kept"
    for name in (dotted, alike, kept):
        direct.create(bootstrap, name)
    direct.produce(bootstrap, kept, direct.rows(5))
    changes: list[Change] = [
        DeleteTopics((dotted,)),
        AlterConfig(ResourceKind.TOPIC, kept, {"cleanup.policy": "compact,delete"}),
        PurgeRecords({TopicPartition(kept, 0): 3}),
        AlterOffsets(topic_name, {TopicPartition(kept, 0): 4}),
        AlterOffsets(dotted, {TopicPartition(kept, 0): 4}),
        DeleteGroups((dotted,)),
    ]
    for change in changes:
        subprocess.run(
            ["sh", "-c", command(change, bootstrap)],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=60,
        )
    admin = direct.admin(bootstrap)
    found = set(admin.list_topics(timeout=10).topics)
    assert {dotted, alike, kept} & found == {alike, kept}
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, kept)]).values()
    assert future.result(10)["cleanup.policy"].value == "compact,delete"
    assert direct.ends(bootstrap, kept, 1) == {0: (3, 5)}
    committed = direct.snapshot(bootstrap).committed
    assert committed[topic_name] == [(kept, 0, 4)]
    assert dotted not in committed
