"""Dead letters are told by their headers, byte for byte as the frameworks write them."""

from __future__ import annotations

import pytest

from kexplorer.formats.dead_letters import LetterReader, named_like_dead_letters, stack_trace, way_of
from kexplorer.formats.rewriting import named
from kexplorer.model.dead_letters import DeadLetterRule, Origin, Way
from kexplorer.model.failure import Failure
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.topics import TopicPartition

TRACE = "org.springframework.kafka.listener.ListenerExecutionFailedException: no\n\tat shop.Orders.on(Orders.java:84)\n"
SPRING: tuple[Header, ...] = (
    ("trace-id", b"4711"),
    ("kafka_dlt-original-topic", b"orders"),
    ("kafka_dlt-original-partition", b"\x00\x00\x00\x02"),
    ("kafka_dlt-original-offset", b"\x00\x00\x00\x01\x00\x00\x00\x05"),
    ("kafka_dlt-original-timestamp", b"\x00\x00\x01\x8b\xcf\xe5h\x00"),
    ("kafka_dlt-original-timestamp-type", b"CreateTime"),
    ("kafka_dlt-original-consumer-group", b"billing"),
    ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.listener.ListenerExecutionFailedException"),
    ("kafka_dlt-exception-cause-fqcn", b"java.lang.IllegalStateException"),
    ("kafka_dlt-exception-message", "Listener failed; gesperrt: Käufer".encode()),
    ("kafka_dlt-exception-stacktrace", TRACE.encode()),
)
CONNECT: tuple[Header, ...] = (
    ("__connect.errors.topic", b"payments"),
    ("__connect.errors.partition", b"7"),
    ("__connect.errors.offset", b"123456789012"),
    ("__connect.errors.connector.name", b"to-warehouse"),
    ("__connect.errors.task.id", b"0"),
    ("__connect.errors.stage", b"VALUE_CONVERTER"),
    ("__connect.errors.class.name", b"org.apache.kafka.connect.json.JsonConverter"),
    ("__connect.errors.exception.class.name", b"org.apache.kafka.connect.errors.DataException"),
    ("__connect.errors.exception.message", b"Converting byte[] to Kafka Connect data failed"),
    ("__connect.errors.exception.stacktrace", b"org.apache.kafka.connect.errors.DataException: no\n"),
)
QUARANTINED: tuple[Header, ...] = (
    ("kx-replay-job", b"copy-1"),
    ("kx-source", b"here/orders/1/42"),
    ("kx-replay-count", b"3"),
    ("kx-replay-error", b"It was replayed 3 times already."),
)


def record(headers: tuple[Header, ...] | None, value: bytes = b"{}") -> Record:
    return Record(
        TopicPartition("orders.dlq", 1), 9, 1_700_000_000_000, TimestampType.CREATE_TIME, b"k", value, headers
    )


def test_a_letter_of_spring_says_where_it_failed_and_why() -> None:
    letter = LetterReader(None, "here", 0)(record(SPRING))
    assert letter.way is way_of(SPRING) is Way.SPRING
    assert letter.origin == Origin("orders", 2, (1 << 32) + 5)
    assert letter.error == "java.lang.IllegalStateException"  # what failed, not the listener around it
    assert letter.message == "Listener failed; gesperrt: Käufer"
    assert letter.attempts == 0
    assert stack_trace(SPRING) == TRACE


def test_a_letter_of_connect_says_where_it_failed_and_why() -> None:
    letter = LetterReader(None, "here", 0)(record(CONNECT))
    assert letter.way is way_of(CONNECT) is Way.CONNECT
    assert letter.origin == Origin("payments", 7, 123456789012)
    assert letter.error == "org.apache.kafka.connect.errors.DataException"
    assert letter.message == "Converting byte[] to Kafka Connect data failed"


def test_what_a_replay_put_aside_knows_its_source_and_its_attempts() -> None:
    read = LetterReader(None, "here", 0)
    letter = read(record(QUARANTINED))
    assert letter.way is way_of(QUARANTINED) is Way.REPLAY
    assert (letter.origin, letter.attempts) == (Origin("orders", 1, 42), 3)
    assert letter.message == "It was replayed 3 times already."
    assert LetterReader(None, "other", 0)(record(QUARANTINED)).origin.cluster == "here"
    failed_again = read(record((*SPRING, *QUARANTINED)))  # its source is the topic of dead letters
    assert failed_again.way is Way.REPLAY
    assert failed_again.origin == Origin("orders", 2, (1 << 32) + 5)


def test_of_two_failures_the_first_tells_the_origin_and_the_last_the_cause() -> None:
    later = (
        ("kafka_dlt-original-topic", b"orders-retry"),
        ("kafka_dlt-exception-cause-fqcn", b"java.net.SocketTimeoutException"),
    )
    letter = LetterReader(None, "here", 0)(record((*SPRING, *later)))
    assert letter.cause == ("java.net.SocketTimeoutException", "orders")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        None,
        (("kafka_dlt-original-partition", b"\x00\x00\x00\x02"),),
        (("kx-source", b"here/orders/1/42"), ("kx-replay-count", b"1")),  # was replayed, and arrived
    ],
)
def test_a_record_without_such_headers_is_no_letter(headers: tuple[Header, ...] | None) -> None:
    letter = LetterReader(None, "here", 0)(record(headers))
    assert letter.way is way_of(headers or ()) is None
    assert letter.origin == Origin()


def test_strange_bytes_harm_nothing() -> None:
    odd = (
        ("kafka_dlt-original-topic", b"\xff\x00"),
        ("kafka_dlt-original-partition", b"2"),
        ("kafka_dlt-original-offset", None),
        ("kafka_dlt-exception-message", b"\xfe" * 5000),
    )
    letter = LetterReader(None, "here", 0)(record(odd))
    assert letter.origin == Origin("�\x00", None, None)
    assert len(letter.message) == 200
    many = (("__connect.errors.topic", b"t"), ("__connect.errors.offset", b"9" * 40))
    assert LetterReader(None, "here", 0)(record(many)).origin == Origin("t", None, None)
    broken = (("kx-replay-error", b"no"), ("kx-source", b"here/a/b/1/2"), ("kx-replay-count", b"x"))
    assert LetterReader(None, "here", 0)(record(broken)).origin == Origin()


def test_a_rule_tells_letters_of_ones_own() -> None:
    rule = DeadLetterRule('headers["x-topic"]', "value.where.partition", 'headers["x-at"]', "value.why", "value.text")
    read = LetterReader(rule, "here", 0)
    value = b'{"where": {"partition": 3}, "why": "Late", "text": {"a": [1]}}'
    letter = read(record((("x-topic", b"orders"), ("x-at", b"17"), ("keep", b"1")), value))
    assert letter.way is Way.RULE
    assert (letter.origin, letter.error, letter.message) == (Origin("orders", 3, 17), "Late", '{"a":[1]}')
    assert read(record(SPRING)).way is Way.SPRING  # the rule finds nothing
    assert LetterReader(DeadLetterRule('"orders"'), "here", 0)(record(())).origin == Origin("orders")
    with pytest.raises(Failure, match="column 7"):
        LetterReader(DeadLetterRule("value ="), "here", 0)


def test_all_that_was_added_is_known_and_nothing_else() -> None:
    added = named(LetterReader(DeadLetterRule(error='headers["x-why"]'), "here", 0).added)
    assert added is not None
    headers = (*SPRING, *CONNECT, ("retry_topic-attempts", b"\x00\x00\x00\x02"), ("x-why", b""), ("x-who", b""))
    assert [name for name, _ in headers if not added.fullmatch(name)] == ["trace-id", "x-who"]


@pytest.mark.parametrize(
    "name",
    ["orders.DLQ", "orders-dlt", "orders_dlq_2", "dlq-lcc-4711", "ordersDlq", "orders-dead-letters",
     "dead-letter-queue", "orders-errors", "errors", "orders.DLT.0", "payments-quarantine", "deadLetters"],
)  # fmt: skip
def test_names_of_topics_with_dead_letters(name: str) -> None:
    assert named_like_dead_letters(name)


@pytest.mark.parametrize(
    "name", ["orders", "orders-retry-0", "terrors", "error-free-orders", "adlt", "dlqueue", "mirror"]
)
def test_names_of_other_topics(name: str) -> None:
    assert not named_like_dead_letters(name)
