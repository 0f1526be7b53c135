"""What Kafka's brokers keep in their own topics: as a real one wrote it, and as older ones do."""

import json
import struct
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from kexplorer.formats.decode import decode
from kexplorer.formats.decoded import Decoded
from kexplorer.formats.kafka_internal import TOPICS
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part
from tests.kafka import direct
from tests.rig.kafka import KafkaCluster

OFFSETS, TRANSACTIONS = TOPICS


def _short(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


KEY = b"\x00\x01" + _short("billing") + _short("orders") + struct.pack(">i", 3)


def test_a_commit_of_an_older_broker() -> None:
    """Version 1 has an expiry, version 3 an epoch; both were written by hand, after Kafka's definitions."""
    key = decode(KEY, topic=OFFSETS, part=Part.KEY)
    assert (key.kind, key.text) == (Kind.KAFKA, '{"group":"billing","topic":"orders","partition":3}')
    assert key.why == "Kafka's own record: OffsetCommitKey"
    at = 1_795_402_740_000
    first = b"\x00\x01" + struct.pack(">q", 41) + _short("") + struct.pack(">qq", at, -1)
    assert decode(first, topic=OFFSETS, key=KEY).text == (
        '{"offset":41,"metadata":"","commitTimestamp":"2026-11-23T02:59:00.000Z","expireTimestamp":-1}'
    )
    third = b"\x00\x03" + struct.pack(">qi", 42, 5) + _short("é") + struct.pack(">q", at)
    decoded = decode(third, topic=OFFSETS, key=KEY)
    assert decoded.text == '{"offset":42,"leaderEpoch":5,"metadata":"é","commitTimestamp":"2026-11-23T02:59:00.000Z"}'
    assert decoded.why == "Kafka's own record: OffsetCommitValue, version 3"


@pytest.mark.parametrize(
    ("value", "key", "why"),
    [
        (b"\x00\x09", KEY, "version 9 of OffsetCommitValue is not known; 0 to 4 are"),
        (b"\x00\x01\x00", KEY, "a length of 8 bytes at byte 2, where 1 are left"),
        (b"\x00\x01\x00", b"\x00\x63\x00", "record type 99 of __consumer_offsets is not known"),
        (b"\x00\x01\x00", None, "only the record's key says what the value is, and there is none"),
        (b"\x00\x00\x00\x05ab", b"\x00\x02\x00\x01g", "a length of 5 bytes at byte 4, where 2 are left"),
        (
            bytes(8) + b"\xff" * 4 + b"\x7f\xff\xff\xff",
            b"\x00\x02\x00\x01g",
            "2,147,483,647 items in the 0 bytes that are left",
        ),
    ],
)
def test_what_is_not_understood_is_shown_as_bytes_with_the_reason(value: bytes, key: bytes | None, why: str) -> None:
    decoded = decode(value, topic=OFFSETS, key=key)
    assert decoded.kind is Kind.BINARY
    assert decoded.rejected == (f"not Kafka's own record: {why}",)


def _records(bootstrap: str, topic: str) -> Iterator[tuple[Decoded, Decoded]]:
    """Key and value of every record of the topic."""
    config = {"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True}
    consumer = Consumer(config, logger=direct.QUIET)
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    left, deadline = len(partitions), time.monotonic() + 20
    while left and time.monotonic() < deadline:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            left -= 1
            continue
        yield (
            decode(message.key(), topic=topic, part=Part.KEY),
            decode(message.value(), topic=topic, key=message.key()),
        )
    consumer.close()


@pytest.mark.kafka
def test_groups_of_a_real_broker(kafka: KafkaCluster, topic_name: str) -> None:
    bootstrap = kafka.bootstrap()
    direct.create(bootstrap, topic_name, 2)
    for protocol in ("classic", "consumer"):
        group = f"{topic_name}-{protocol}"
        config = {"bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol, "client.id": "tester"}
        consumer = Consumer(config, logger=direct.QUIET)
        consumer.subscribe([topic_name])
        deadline = time.monotonic() + 20
        while not consumer.assignment() and time.monotonic() < deadline:
            consumer.poll(0.2)
        consumer.commit(offsets=[TopicPartition(topic_name, 1, 5, "note")], asynchronous=False)
        consumer.close()
    found: dict[str, list[tuple[dict[str, object], dict[str, object]]]] = {}
    for key, value in _records(bootstrap, OFFSETS):
        assert key.kind is Kind.KAFKA, (key, value)
        assert value.kind in (Kind.KAFKA, Kind.NULL), (key, value, bytes(value.payload))
        about = json.loads(key.text or "")
        if str(about.get("group", about.get("groupId"))).startswith(topic_name) and value.text:
            found.setdefault(key.why.rpartition(" ")[2], []).append((about, json.loads(value.text)))
    about, commit = found["OffsetCommitKey"][0]
    assert (about["topic"], about["partition"], commit["offset"]) == (topic_name, 1, 5)
    assert str(commit["metadata"]).rstrip("\0") == "note"  # the client sends a NUL behind it
    assert str(commit["commitTimestamp"]).startswith("20")
    members = [member for _, group in found["GroupMetadataKey"] for member in group["members"]]  # type: ignore[attr-defined]
    assert {member["clientId"] for member in members} == {"tester"}
    assert any(
        {"topic": topic_name, "partitions": [0, 1]} in member["assignment"]["assignedPartitions"] for member in members
    )
    assert any(member["subscription"]["topics"] == [topic_name] for member in members)
    for kind in ("Metadata", "MemberMetadata", "TargetAssignmentMember", "CurrentMemberAssignment"):
        assert f"ConsumerGroup{kind}Key" in found
    assert any(member["subscribedTopicNames"] == [topic_name] for _, member in found["ConsumerGroupMemberMetadataKey"])


@pytest.mark.kafka
def test_transactions_of_a_real_broker(kafka: KafkaCluster, topic_name: str) -> None:
    bootstrap = kafka.bootstrap()
    direct.create(bootstrap, topic_name)
    producer = direct.producer(bootstrap, transactional_id=topic_name)
    producer.init_transactions(20)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic_name, b"x")
        producer.flush(20)
        end(20)
    states = []
    for key, value in _records(bootstrap, TRANSACTIONS):
        assert (key.kind, value.kind) == (Kind.KAFKA, Kind.KAFKA), (key, value)
        if json.loads(key.text or "") == {"transactionalId": topic_name}:
            states.append(json.loads(value.text or ""))
    names = [state["transactionStatus"] for state in states]
    assert names[0] == "Empty"
    assert {"Ongoing", "PrepareCommit", "CompleteCommit", "PrepareAbort", "CompleteAbort"} <= set(names)
    ongoing = states[names.index("Ongoing")]
    assert ongoing["transactionPartitions"] == [{"topic": topic_name, "partitionIds": [0]}]
    assert str(ongoing["transactionStartTimestampMs"]).startswith("20")
