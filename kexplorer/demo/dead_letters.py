"""Headers of a dead letter as the two frameworks write them that users meet most."""

import struct
from random import Random

from kexplorer.demo.payloads import Headers

GROUP = "billing"
ERRORS = [
    ("java.lang.IllegalStateException", "Customer account is locked"),
    ("com.fasterxml.jackson.databind.exc.InvalidFormatException", 'Cannot deserialize "NaN": not a valid amount'),
    ("java.net.SocketTimeoutException", "Read timed out after 5000 ms: tax-service"),
    ("org.springframework.dao.DuplicateKeyException", "Unique index violation: ORDERS_PK"),
]  # fmt: skip


def dead_letter_headers(random: Random, topic: str, partition: int, offset: int, timestamp: int) -> Headers:
    """`timestamp` in ms; all four say where the failed record is, so a person can be taken there."""
    kind, message = random.choice(ERRORS)
    if random.random() < 0.6:
        return spring(kind, message, topic, partition, offset, timestamp)
    return connect(kind, message, topic, partition, offset)


def spring(kind: str, message: str, topic: str, partition: int, offset: int, timestamp: int) -> Headers:
    """Of DeadLetterPublishingRecoverer; numbers are big-endian int and long.

    https://docs.spring.io/spring-kafka/reference/kafka/annotation-error-handling.html#dead-letters
    """
    wrapper = "org.springframework.kafka.listener.ListenerExecutionFailedException"
    return [
        ("kafka_dlt-original-topic", topic.encode()),
        ("kafka_dlt-original-partition", struct.pack(">i", partition)),
        ("kafka_dlt-original-offset", struct.pack(">q", offset)),
        ("kafka_dlt-original-timestamp", struct.pack(">q", timestamp)),
        ("kafka_dlt-original-timestamp-type", b"CreateTime"),
        ("kafka_dlt-original-consumer-group", GROUP.encode()),
        ("kafka_dlt-exception-fqcn", wrapper.encode()),
        ("kafka_dlt-exception-cause-fqcn", kind.encode()),
        ("kafka_dlt-exception-message", f"Listener failed; {message}".encode()),
        ("kafka_dlt-exception-stacktrace", _stack(wrapper, kind, message).encode()),
    ]


def connect(kind: str, message: str, topic: str, partition: int, offset: int) -> Headers:
    """Of a sink connector with errors.deadletterqueue.context.headers.enable (KIP-298); numbers are text."""
    fields = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "connector.name": "orders-to-warehouse",
        "task.id": "0",
        "stage": "TASK_PUT",
        "class.name": "io.example.warehouse.WarehouseSinkTask",
        "exception.class.name": kind,
        "exception.message": message,
        "exception.stacktrace": _stack("org.apache.kafka.connect.errors.ConnectException", kind, message),
    }
    return [(f"__connect.errors.{name}", text.encode()) for name, text in fields.items()]


def _stack(wrapper: str, kind: str, message: str) -> str:
    calls = (
        "shop.billing.OrderListener.onOrder(OrderListener.java:84)",
        "java.base/java.lang.Thread.run(Thread.java:840)",
    )
    return "\n\tat ".join((f"{wrapper}: Listener failed", *calls)) + f"\nCaused by: {kind}: {message}\n\t... 12 more\n"
