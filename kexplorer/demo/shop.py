"""What the sample shop has: its topics, its consumer groups, and one sentence each on what there is to see."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Topic:
    partitions: int
    shows: str
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    topic: str
    shows: str


def _at_most(mebibytes_per_partition: float) -> dict[str, str]:
    """Retention by size: the broker keeps everything in memory, and the shop may be open for days."""
    size = int(mebibytes_per_partition * 2**20)
    return {"retention.bytes": str(size), "segment.bytes": str(size // 4)}


TOPICS = {
    "orders": Topic(
        6,
        "JSON with nested lists, exact decimals and integers beyond 2^53; keys are order ids. "
        "Headers: a trace id, a key that occurs twice, binary and null values.",
        _at_most(1.5),
    ),
    "order-events": Topic(
        6,
        "Event sourcing: each order is the sum of its events OrderPlaced, OrderPaid, OrderPacked, OrderShipped, "
        "OrderDelivered or OrderCancelled, with versions 1, 2, 3, … under the order's key.",
        _at_most(1.5),
    ),
    # Default segment settings: with small segments noida-db 0.2.3 compacts, and loses the latest values of some keys.
    "inventory": Topic(
        3,
        "A compacted topic: the newest value of a key is the stock of that article, a tombstone (null) ends it.",
        {"cleanup.policy": "compact"},
    ),
    "notifications": Topic(
        3, "Values of all kinds: plain text in many languages, XML, binary, empty, null; some without key.", _at_most(1)
    ),
    "orders-dlq": Topic(
        3,
        "Dead letters: orders that a program could not digest, with the error in headers, "
        "some in the way of Spring for Apache Kafka, some in that of Kafka Connect.",
    ),
    "payments": Topic(3, "Avro in Confluent's framing: a zero byte, 4 bytes of schema id, the value.", _at_most(1)),
    "clicks": Topic(
        3, "Small and fast: hundreds of messages a second in bursts, kept for ten minutes.",
        {"retention.ms": "600000", "segment.ms": "60000"},
    ),
    "audit": Topic(
        1, "Written in transactions. Some were aborted: only read_uncommitted shows their records.",
        _at_most(2),
    ),
    "big-values": Topic(1, "JSON documents of 200 to 900 kB, one of them on a single line."),
    "_shop-internal": Topic(1, "Heartbeats of the shop's own programs; the underscore marks a topic as internal."),
}  # fmt: skip

GROUPS = {
    "billing": Group("orders", "Keeps up: two members, lag near zero."),
    "search-indexer": Group("order-events", "Slow, then hurried: its lag grows and shrinks within a minute or two."),
    "fraud-detector": Group(
        "payments", "Stalls: its member is there and reads, but never commits, so the lag only grows."
    ),
    "shipping": Group("order-events", "Rebalances: a second member comes and goes every 20 seconds."),
    "nightly-report": Group("orders", "Empty: no member now, its offsets wait for the next night."),
    "email-sender": Group(
        "notifications",
        "In trouble: on partition 0 its offset is older than the oldest record, on 2 it never committed.",
    ),
}
