"""The rig does what the other tests rely on."""

import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.rig.brokers import Broker
from tests.rig.kafka import KafkaCluster


def _round_trip(bootstrap: str, topic: str, **security: object) -> list[bytes | None]:
    """Values of a topic after one produce of "hello" through these settings."""
    common = {"bootstrap.servers": bootstrap, **security}
    producer = Producer(common)
    producer.produce(topic, b"hello", partition=0)
    assert producer.flush(15) == 0
    consumer = Consumer(common | {"group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = [message.value() for message in consumer.consume(1, 15)]
    consumer.close()
    return values


def test_broker_stores_and_returns(broker: Broker, topic_name: str) -> None:
    assert _round_trip(broker.bootstrap, topic_name) == [b"hello"]


def test_kafka_survives_kill(kafka: KafkaCluster, topic_name: str) -> None:
    assert _round_trip(kafka.bootstrap(), topic_name) == [b"hello"]
    kafka.node(1).kill()
    kafka.node(1).start()
    assert _round_trip(kafka.bootstrap(), topic_name) == [b"hello"]
