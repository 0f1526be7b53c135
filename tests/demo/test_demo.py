"""What the window will find in the demo, read back from its broker."""

import json
import re
import struct
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient, ConfigResource, ConsumerGroupDescription, OffsetSpec, ResourceType
from confluent_kafka.cimpl import Message, TopicPartition

from kexplorer.demo.process import DemoProcess
from kexplorer.demo.shop import GROUPS, TOPICS
from tests.demo.reading import read
from tests.rig.waiting import wait

SEEDED_S = 60.0  # about 3 on a machine with nothing else to do


@pytest.fixture(scope="module")
def admin_and_bootstrap() -> Iterator[tuple[AdminClient, str]]:
    """The demo with its past written and its programs at work."""
    started = time.monotonic()
    with DemoProcess() as demo:
        assert time.monotonic() - started < 10  # 0.3 s alone
        admin = AdminClient({"bootstrap.servers": demo.bootstrap, "log_level": 0})
        admin.list_topics(timeout=2)
        while {group.group_id for group in admin.list_consumer_groups(request_timeout=5).result().valid} != set(GROUPS):
            assert time.monotonic() - started < SEEDED_S
            time.sleep(0.1)
        yield admin, demo.bootstrap


@pytest.fixture(scope="module")
def admin(admin_and_bootstrap: tuple[AdminClient, str]) -> AdminClient:
    return admin_and_bootstrap[0]


@pytest.fixture(scope="module")
def bootstrap(admin_and_bootstrap: tuple[AdminClient, str]) -> str:
    return admin_and_bootstrap[1]


def headers(message: Message) -> list[tuple[str, bytes | None]]:
    return message.headers() or []  # type: ignore[return-value]


def test_all_topics_are_there(admin: AdminClient) -> None:
    found = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=5).topics.items()}
    assert {name: count for name, count in found.items() if name in TOPICS} == {
        name: topic.partitions for name, topic in TOPICS.items()
    }
    config = admin.describe_configs([ConfigResource(ResourceType.TOPIC, "inventory")], request_timeout=5)
    assert next(iter(config.values())).result()["cleanup.policy"].value == "compact"


def test_the_shop_has_some_ten_thousand_records(admin: AdminClient) -> None:
    asked = {TopicPartition(name, i): OffsetSpec.latest() for name in TOPICS for i in range(TOPICS[name].partitions)}
    total = sum(future.result().offset for future in admin.list_offsets(asked, request_timeout=5).values())
    assert 20_000 < total < 60_000


def test_orders(bootstrap: str) -> None:
    orders = read(bootstrap, "orders")
    assert {message.partition() for message in orders} == set(range(6))
    for message in orders:
        value = json.loads(message.value() or b"")
        assert (message.key() or b"").decode() == value["orderId"]
        assert value["ledgerId"] > 2**53
    raw = b"".join(message.value() or b"" for message in orders)
    assert re.search(rb'"unitPrice":\d+\.\d0,', raw), "decimals keep their last zero"
    assert "東京".encode() in raw
    assert "🎁".encode() in raw
    times = [message.timestamp()[1] for message in orders]
    assert max(times) - min(times) > 3.5 * 3_600_000
    assert max(times) <= time.time() * 1000


def test_order_headers(bootstrap: str) -> None:
    found = [headers(message) for message in read(bootstrap, "orders")]
    assert all(name == "traceparent" and value for name, value in (first for first, *_ in found))
    assert any([name for name, _ in some].count("route") == 2 for some in found), "a key that occurs twice"
    assert any(("campaign", None) in some for some in found), "a null value"
    signatures = [value for some in found for name, value in some if name == "signature" and value]
    assert any(_is_binary(signature) for signature in signatures)


def _is_binary(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def test_order_events_are_versioned_without_gaps_within_their_partition(bootstrap: str) -> None:
    versions: dict[bytes | None, list[int]] = {}
    for message in read(bootstrap, "order-events"):
        event = json.loads(message.value() or b"")
        assert ("event-type", event["type"].encode()) in headers(message)
        versions.setdefault(message.key(), []).append(event["version"])
    assert len(versions) > 2000
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_inventory_has_tombstones(bootstrap: str) -> None:
    stock = read(bootstrap, "inventory")
    gone = {message.key() for message in stock if message.value() is None}
    assert len(gone) > 10
    assert all(
        json.loads(message.value() or b"")["sku"].encode() == message.key() for message in stock if message.value()
    )


def test_notifications_are_of_all_kinds(bootstrap: str) -> None:
    notifications = read(bootstrap, "notifications")
    values = [message.value() for message in notifications]
    assert None in values
    assert b"" in values
    for start in (b"<?xml", b"\x89PNG", b"\x1f\x8b", "ご注文".encode()):
        assert any(value and value.startswith(start) for value in values), start
    assert any(message.key() is None for message in notifications)


def test_dead_letters_lead_to_the_records_that_failed(bootstrap: str) -> None:
    letters = read(bootstrap, "orders-dlq")  # before the orders: both go on growing
    orders = {(message.partition(), message.offset()): message for message in read(bootstrap, "orders")}
    kinds = set()
    for letter in letters:
        found = dict(headers(letter))
        if topic := found.get("kafka_dlt-original-topic"):
            (partition,) = struct.unpack(">i", found["kafka_dlt-original-partition"] or b"")
            (offset,) = struct.unpack(">q", found["kafka_dlt-original-offset"] or b"")
            (timestamp,) = struct.unpack(">q", found["kafka_dlt-original-timestamp"] or b"")
            assert timestamp == orders[partition, offset].timestamp()[1]
            assert b"\n\tat " in (found["kafka_dlt-exception-stacktrace"] or b"")
            assert found["kafka_dlt-exception-fqcn"]
            assert found["kafka_dlt-exception-message"]
            kinds.add("spring")
        else:
            topic = found["__connect.errors.topic"]
            partition = int(found["__connect.errors.partition"] or b"")
            offset = int(found["__connect.errors.offset"] or b"")
            assert found["__connect.errors.exception.class.name"]
            assert found["__connect.errors.exception.stacktrace"]
            kinds.add("connect")
        assert topic == b"orders"
        failed = orders[partition, offset]
        assert (letter.key(), letter.value()) == (failed.key(), failed.value())
    assert kinds == {"spring", "connect"}


class _Avro:
    """Reads the few Avro types of a payment one after another."""

    def __init__(self, encoded: bytes) -> None:
        self.rest = encoded

    def take(self, length: int) -> bytes:
        taken, self.rest = self.rest[:length], self.rest[length:]
        assert len(taken) == length
        return taken

    def long(self) -> int:
        shift = zigzag = 0
        while (byte := self.take(1)[0]) & 0x80:
            zigzag |= (byte & 0x7F) << shift
            shift += 7
        zigzag |= byte << shift
        return (zigzag >> 1) ^ -(zigzag & 1)

    def bytes(self) -> bytes:
        return self.take(self.long())


def test_payments_are_avro_in_confluents_framing(bootstrap: str) -> None:
    payments = read(bootstrap, "payments")
    assert len(payments) > 1000
    for message in payments:
        value = message.value() or b""
        assert value[:5] == b"\x00\x00\x00\x00\x07"
        avro = _Avro(value[5:])
        assert avro.bytes().startswith(b"P-")
        assert avro.bytes() == message.key()
        assert int.from_bytes(avro.bytes(), "big", signed=True) > 0
        assert len(avro.bytes()) == 3  # currency
        assert avro.long() in (0, 1, 2)
        assert avro.long() == message.timestamp()[1]
        if avro.long() == 1:
            assert struct.unpack("<d", avro.take(8))[0] >= 0
        while count := avro.long():
            for _ in range(count):
                avro.bytes()
        assert not avro.rest


def test_aborted_transactions_are_hidden_from_read_committed_only(bootstrap: str) -> None:
    def transactions(isolation: str, share: float) -> set[int]:
        return {
            json.loads(message.value() or b"")["transaction"] for message in read(bootstrap, "audit", isolation, share)
        }

    for share in (0, 0.5):  # the embedded broker has a flaw that shows when one begins in the middle
        committed = transactions("read_committed", share)
        aborted = {number for number in transactions("read_uncommitted", share) - committed if number <= max(committed)}
        assert len(committed) > 50
        assert len(aborted) > 10
        assert all(number % 6 == 0 for number in aborted)
        assert all(number % 6 for number in committed)


def test_big_values(bootstrap: str) -> None:
    values = [message.value() or b"" for message in read(bootstrap, "big-values")]
    assert len(values) == 5
    assert all(200_000 < len(value) < 900_000 and json.loads(value)["items"] for value in values)
    assert sum(b"\n" not in value for value in values) == 1


def test_the_internal_topic_has_heartbeats(bootstrap: str) -> None:
    assert {message.key() for message in read(bootstrap, "_shop-internal")} >= {b"billing", b"checkout"}


def test_life_goes_on(admin: AdminClient) -> None:
    before = _ends(admin, "orders", "clicks", "payments", "order-events")
    wait(lambda: all(now > then for now, then in zip(_ends(admin, *before).values(), before.values(), strict=True)))


def _ends(admin: AdminClient, *topics: str) -> dict[str, int]:
    asked = {TopicPartition(name, i): OffsetSpec.latest() for name in topics for i in range(TOPICS[name].partitions)}
    ends = dict.fromkeys(topics, 0)
    for partition, future in admin.list_offsets(asked, request_timeout=5).items():
        ends[partition.topic] += future.result().offset
    return ends


def _committed(admin: AdminClient, group: str) -> dict[int, int]:
    topic = GROUPS[group].topic
    request = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, i) for i in range(TOPICS[topic].partitions)])
    future = admin.list_consumer_group_offsets([request], request_timeout=5)[group]
    return {partition.partition: partition.offset for partition in future.result().topic_partitions}


def _lag(admin: AdminClient, group: str) -> int:
    committed = sum(_committed(admin, group).values())
    topic = GROUPS[group].topic
    return _ends(admin, topic)[topic] - committed


def _describe(admin: AdminClient, group: str) -> ConsumerGroupDescription:
    description: ConsumerGroupDescription = admin.describe_consumer_groups([group], request_timeout=5)[group].result()
    return description


def _wait_for_members(admin: AdminClient, group: str, count: int) -> None:
    def there() -> bool:
        found = _describe(admin, group)
        return found.state is ConsumerGroupState.STABLE and len(found.members) == count

    wait(there)


def test_billing_keeps_up_with_two_members(admin: AdminClient) -> None:
    _wait_for_members(admin, "billing", 2)
    assert {len(member.assignment.topic_partitions) for member in _describe(admin, "billing").members} == {3}
    wait(lambda: _lag(admin, "billing") <= 60)


def test_the_search_indexer_lags(admin: AdminClient) -> None:
    _wait_for_members(admin, "search-indexer", 1)
    wait(lambda: _lag(admin, "search-indexer") >= 200)  # it just caught up, perhaps


def test_the_fraud_detector_stalls(admin: AdminClient) -> None:
    _wait_for_members(admin, "fraud-detector", 1)
    committed, lag = _committed(admin, "fraud-detector"), _lag(admin, "fraud-detector")
    time.sleep(2)
    assert _committed(admin, "fraud-detector") == committed
    assert _lag(admin, "fraud-detector") > lag > 500


def test_the_nightly_report_has_offsets_but_no_members(admin: AdminClient) -> None:
    assert _describe(admin, "nightly-report").state is ConsumerGroupState.EMPTY
    assert all(offset > 0 for offset in _committed(admin, "nightly-report").values())


def test_the_email_sender_is_behind_the_log_start_and_partly_uncommitted(admin: AdminClient) -> None:
    first, second, third = (_committed(admin, "email-sender").get(i, -1) for i in range(3))
    partition = TopicPartition("notifications", 0)
    start = admin.list_offsets({partition: OffsetSpec.earliest()}, request_timeout=5)[partition].result().offset
    assert 0 < first < start
    assert second > 0
    assert third < 0


@pytest.mark.slow
def test_shipping_rebalances(admin: AdminClient) -> None:
    _wait_for_members(admin, "shipping", 1)
    _wait_for_members(admin, "shipping", 2)
