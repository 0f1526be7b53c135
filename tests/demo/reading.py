"""What the tests know of a broker: read back with a client of their own."""

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.cimpl import KafkaError, Message

LIMIT_S = 60.0


def read(bootstrap: str, topic: str, isolation: str = "read_uncommitted", share: float = 0) -> list[Message]:
    """All records that `topic` holds now; `share` of each partition (0 to 1) is skipped at its start."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "kexplorer-tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "log_level": 0,
        }
    )
    try:
        partitions = [TopicPartition(topic, i) for i in consumer.list_topics(topic, timeout=5).topics[topic].partitions]
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(partition, timeout=5)
            partition.offset = low + int((high - low) * share)
        consumer.assign(partitions)
        return _until_the_ends(consumer, len(partitions))
    finally:
        consumer.close()


def _until_the_ends(consumer: Consumer, partitions: int) -> list[Message]:
    messages: list[Message] = []
    ended: set[int | None] = set()
    limit = time.monotonic() + LIMIT_S
    while len(ended) < partitions:
        assert time.monotonic() < limit, f"only partitions {ended} were read to their ends"
        for message in consumer.consume(1000, 0.1):
            error = message.error()
            if error is None:
                if message.partition() not in ended:
                    messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise KafkaException(error)
    return messages
