"""A Kafka of its own for a measurement, filled with topics to read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.kafka import direct
from tests.rig.kafka import KafkaCluster, prepare

PARTITIONS = 6


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Bootstrap address of one node of Apache Kafka, gone behind the block."""
    prepare()
    with KafkaCluster(listeners=("PLAINTEXT",)) as cluster:
        yield cluster.bootstrap()


def fill(bootstrap: str, topic: str, count: int, size: int) -> None:
    """`count` records of `size` bytes that compress like JSON does, lz4, over six partitions."""
    direct.create(bootstrap, topic, PARTITIONS)
    writer = direct.producer(bootstrap, compression_type="lz4", linger_ms=50, batch_size=200_000)
    for n in range(count):
        value = b'{"id":%d,"state":"open","sum":%d,"note":"%x"}' % (n, n * 7919 % 1_000_003, n * 2_654_435_761)
        value = (value * (size // len(value) + 1))[:size]
        while True:
            try:
                writer.produce(topic, value, None, n % PARTITIONS)
                break
            except BufferError:
                writer.poll(0.1)
    assert writer.flush(120) == 0
