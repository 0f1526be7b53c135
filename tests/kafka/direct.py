"""Kafka as Confluent's own client sees it, past the gateway: what tests write, and what they compare with."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from kexplorer.kafka.cluster import KafkaCluster
from kexplorer.model.profile import Credentials, Profile

QUIET = logging.Logger("direct")  # a broker that a test has hurt is no news
QUIET.addHandler(logging.NullHandler())

NOW = int(time.time() * 1000)  # of default timestamps; what is older than a week is soon deleted by retention
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Sent:
    """One record as it was given to the producer, and where the broker put it."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = NOW
    offset: int = -1


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "allow.auto.create.topics": False}, logger=QUIET)


def create(bootstrap: str, topic: str, partitions: int = 1, *, replication: int = -1, **config: object) -> None:
    """Makes a topic; `config` has underscores for the dots. Returns when every partition has a leader."""
    made = admin(bootstrap)
    new = NewTopic(topic, partitions, replication, config={k.replace("_", "."): str(v) for k, v in config.items()})
    for _ in range(10):  # a broker that an earlier test has hurt may still be coming back
        with contextlib.suppress(KafkaException):
            made.create_topics([new], request_timeout=3)[topic].result(10)
            break
    while True:
        seen = made.list_topics(topic, timeout=10).topics[topic]
        if len(seen.partitions) == partitions and all(p.leader >= 0 for p in seen.partitions.values()):
            return


def producer(bootstrap: str, **config: object) -> Producer:
    settings = {
        "bootstrap.servers": bootstrap,
        "message.max.bytes": 4_000_000,
        "linger.ms": 5,
        "max.in.flight": 1,  # else a batch that a new leader refuses at first comes behind the next one
    }
    return Producer(settings | {k.replace("_", "."): v for k, v in config.items()}, logger=QUIET)


def produce(bootstrap: str, topic: str, records: Iterable[Sent], **config: object) -> list[Sent]:
    """Writes `records`; they come back with their offsets, in the order given."""
    return send(producer(bootstrap, **config), topic, records)


def send(to: Producer, topic: str, records: Iterable[Sent]) -> list[Sent]:
    stored: dict[int, Sent] = {}

    def delivered(number: int, sent: Sent) -> Any:
        def report(error: KafkaError | None, message: Any) -> None:
            assert error is None, error
            fields = {**sent.__dict__, "offset": message.offset()}
            stored[number] = Sent(**fields)

        return report

    for number, each in enumerate(records):
        to.produce(
            topic,
            each.value,
            each.key,
            each.partition,
            headers=list(each.headers),
            timestamp=each.timestamp,
            on_delivery=delivered(number, each),
        )
        to.poll(0)
    assert to.flush(30) == 0
    return [stored[number] for number in sorted(stored)]


def rows(count: int, partitions: int = 1, size: int = 10, start: int = 0) -> list[Sent]:
    """Records whose value tells their number and whose timestamps rise."""
    return [
        Sent(n % partitions, f"k{n}".encode(), f"{n:0{size}d}".encode(), timestamp=NOW + n)
        for n in range(start, start + count)
    ]


def delete_records(bootstrap: str, topic: str, before: dict[int, int]) -> None:
    """Purges what lies before an offset, by partition."""
    asked = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    client = admin(bootstrap)  # dropped while a call is open, it would leave that unanswered
    for future in client.delete_records(asked).values():
        future.result(30)


def ends(bootstrap: str, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
    """Log start and high watermark by partition, from the broker."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex}, logger=QUIET)
    try:
        consumer.list_topics(topic, timeout=10)  # else it may know of fewer partitions than there are by now
        found = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in range(partitions)}
    finally:
        consumer.close()
    return {p: (int(low), int(high)) for p, (low, high) in found.items()}


@dataclass
class Snapshot:
    """Everything of a cluster that looking at it must not change."""

    topics: dict[str, int]
    configs: dict[str, dict[str, str | None]]
    spans: dict[tuple[str, int], tuple[int, int]]
    committed: dict[str, list[tuple[str, int, int]]]


def snapshot(bootstrap: str) -> Snapshot:
    client = admin(bootstrap)
    topics = client.list_topics(timeout=10).topics
    names = sorted(topics)
    configs = client.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    spans = {}
    offsets = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex}, logger=QUIET)
    for name in names:
        for partition in topics[name].partitions:
            if not name.startswith("__"):  # groups of other tests expire in there
                spans[name, partition] = offsets.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
    offsets.close()
    groups = groups_of(bootstrap)
    committed = {}
    for group in groups:
        asked = confluent_kafka.ConsumerGroupTopicPartitions(group)
        answer = client.list_consumer_group_offsets([asked])[group].result(10)
        committed[group] = sorted((p.topic, p.partition, p.offset) for p in answer.topic_partitions)
    return Snapshot(
        {name: len(topics[name].partitions) for name in names},
        {resource.name: {k: v.value for k, v in found.result(10).items()} for resource, found in configs.items()},
        spans,
        committed,
    )


def groups_of(bootstrap: str) -> list[str]:
    client = admin(bootstrap)
    answer = client.list_consumer_groups(request_timeout=10).result(10)
    assert not answer.errors
    return sorted(group.group_id for group in answer.valid)


@contextlib.asynccontextmanager
async def connected(bootstrap: str, name: str = "test", **properties: str) -> AsyncIterator[KafkaCluster]:
    """The gateway under test."""
    cluster = KafkaCluster(Profile(name, bootstrap, properties=properties), Credentials())
    try:
        yield cluster
    finally:
        await cluster.close()


class _VaryingArgument(ctypes.Structure):
    """rd_kafka_vu_t of rdkafka.h."""

    class _Value(ctypes.Union):
        class _Memory(ctypes.Structure):
            _fields_ = (("ptr", ctypes.c_char_p), ("size", ctypes.c_size_t))

        class _Header(ctypes.Structure):
            _fields_ = (("name", ctypes.c_char_p), ("val", ctypes.c_char_p), ("size", ctypes.c_ssize_t))

        _fields_ = (
            ("cstr", ctypes.c_char_p),
            ("i32", ctypes.c_int32),
            ("i64", ctypes.c_int64),
            ("mem", _Memory),
            ("header", _Header),
            ("_pad", ctypes.c_char * 64),
        )

    _fields_ = (("vtype", ctypes.c_int), ("u", _Value))


def produce_raw_header(bootstrap: str, topic: str, value: bytes, header: bytes) -> None:
    """Writes a record whose header key is any bytes, which the Python client refuses to write."""
    client = ctypes.CDLL(str(next(Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*"))))
    client.rd_kafka_conf_new.restype = ctypes.c_void_p
    client.rd_kafka_new.restype = ctypes.c_void_p
    client.rd_kafka_produceva.restype = ctypes.c_void_p
    conf = client.rd_kafka_conf_new()
    trouble = ctypes.create_string_buffer(512)
    setting = (ctypes.c_void_p(conf), b"bootstrap.servers", bootstrap.encode(), trouble, 512)
    assert client.rd_kafka_conf_set(*setting) == 0, trouble.value
    handle = ctypes.c_void_p(client.rd_kafka_new(0, ctypes.c_void_p(conf), trouble, 512))
    arguments = (_VaryingArgument * 5)()
    arguments[0].vtype, arguments[0].u.cstr = 1, topic.encode()  # RD_KAFKA_VTYPE_TOPIC
    arguments[1].vtype, arguments[1].u.i32 = 3, 0  # PARTITION
    arguments[2].vtype, arguments[2].u.mem.ptr, arguments[2].u.mem.size = 4, value, len(value)  # VALUE
    arguments[3].vtype, arguments[3].u.i32 = 7, 2  # MSGFLAGS: copy the value
    arguments[4].vtype = 9  # HEADER
    arguments[4].u.header.name, arguments[4].u.header.val, arguments[4].u.header.size = header, b"v", 1
    assert client.rd_kafka_produceva(handle, arguments, 5) is None
    assert client.rd_kafka_flush(handle, 15_000) == 0
    client.rd_kafka_destroy(handle)
