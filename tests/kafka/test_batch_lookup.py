"""The compression of the batch that a record came in."""

import pytest

from kexplorer.kafka.batch_lookup import compression_at
from kexplorer.model.profile import Credentials, Profile
from kexplorer.model.topics import TopicPartition
from tests.kafka import direct
from tests.kafka.direct import Sent
from tests.rig.brokers import Broker
from tests.rig.loops import LoopRunner

pytestmark = pytest.mark.kafka


def test_each_record_has_that_of_its_batch(aio: LoopRunner, broker: Broker, topic_name: str) -> None:
    source = TopicPartition(topic_name, 0)
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    direct.create(broker.bootstrap, topic_name, 2, compression_type="producer")
    for codec in codecs:
        sent = [Sent(0, b"k", b"x" * 5000), Sent(0, b"k", b"x" * 5000)]
        direct.produce(broker.bootstrap, topic_name, sent, compression_type=codec, linger_ms=50)

    async def ask() -> None:
        profile = Profile("test", broker.bootstrap)
        told = [await compression_at(profile, Credentials(), source, offset) for offset in range(10)]
        assert told == [codec for codec in codecs for _ in range(2)]
        assert await compression_at(profile, Credentials(), source, 10) is None
        assert await compression_at(profile, Credentials(), TopicPartition(topic_name, 7), 0) is None
        racks = Profile("test", broker.bootstrap, properties={"client.rack": "a"})  # which only the client can do
        assert await compression_at(racks, Credentials(), source, 0) is None

    aio.run(ask())


def test_nobody_answers(aio: LoopRunner) -> None:
    async def ask() -> str | None:
        return await compression_at(Profile("test", "127.0.0.1:1"), Credentials(), TopicPartition("orders", 0), 0)

    assert aio.run(ask()) is None
