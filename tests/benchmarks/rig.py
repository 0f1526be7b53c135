"""A Kafka of its own for a measurement, filled with topics to read."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterable, Iterator

from tests.kafka import direct
from tests.rig.kafka import KafkaCluster, prepare

PARTITIONS = 6
RARE = "REFUSED-4711"  # stands in one of the documents


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Bootstrap address of one node of Apache Kafka, gone behind the block; or of the broker KEXPLORER_TEST_BROKER,
    whose topics stay and are not written again."""
    given = os.environ.get("KEXPLORER_TEST_BROKER", "")
    if ":" in given:
        yield given
        return
    prepare()
    with KafkaCluster(listeners=("PLAINTEXT",)) as cluster:
        yield cluster.bootstrap()


def fill(bootstrap: str, topic: str, count: int, size: int) -> None:
    """`count` records of `size` bytes that compress like JSON does, lz4, over six partitions."""

    def value(n: int) -> bytes:
        text = b'{"id":%d,"state":"open","sum":%d,"note":"%x"}' % (n, n * 7919 % 1_000_003, n * 2_654_435_761)
        return (text * (size // len(text) + 1))[:size]

    _write(bootstrap, topic, count, map(value, range(count)), "lz4")


def fill_documents(bootstrap: str, topic: str, count: int, compression: str) -> None:
    """JSON of about 0.9 kB that compresses as that of a business does: to about a half by lz4, a third by zstd. One of
    them has the status `RARE` and an amount above 99,999; `"id"` counts them."""
    _write(bootstrap, topic, count, _documents(count), compression)


def fill_tiny(bootstrap: str, topic: str, count: int) -> None:
    """As many records as possible: by kcat, of a few bytes."""
    if _has(bootstrap, topic, count):
        return
    direct.create(bootstrap, topic, PARTITIONS)
    settings = {
        "linger.ms": 5,
        "batch.num.messages": 1000,  # as many as Java puts into its 16 kB
        "queue.buffering.max.messages": 1_000_000,
    }
    options = " ".join(f"-X {name}={value}" for name, value in settings.items())
    lines = f"yes '{{\"n\":1}}' | head -n {count}"
    subprocess.run(["sh", "-c", f"{lines} | kcat -P -q -b {bootstrap} -t {topic} -z lz4 {options}"], check=True)
    assert _has(bootstrap, topic, count)


def _documents(count: int) -> Iterator[bytes]:
    chance = random.Random(7)
    words = [f"{chance.getrandbits(40):x}"[: chance.randint(3, 9)] for _ in range(2000)]
    texts = [" ".join(chance.choices(words, k=110))[:690] for _ in range(500)]
    for n in range(count):
        bits = chance.getrandbits(512)
        rare = n == count * 2 // 3
        status = RARE if rare else ("NEW", "PAID", "SENT", "DONE")[bits >> 60 & 3]
        amount = "123456.75" if rare else f"{(bits >> 70) % 100_000 / 100:.2f}"
        yield (
            f'{{"id":{n},"order":"ord-{bits & 0xFFFFFFFFFF:010x}","customer":{bits >> 40 & 0xFFFFF},'
            f'"status":"{status}","amount":{amount},"token":"{bits >> 100:0100x}","note":"{texts[bits % 500]}"}}'
        ).encode()


def _has(bootstrap: str, topic: str, count: int) -> bool:
    if topic not in direct.admin(bootstrap).list_topics(timeout=10).topics:
        return False
    return sum(high - low for low, high in direct.ends(bootstrap, topic, PARTITIONS).values()) == count


def _write(bootstrap: str, topic: str, count: int, values: Iterable[bytes], compression: str) -> None:
    """A record a millisecond, as their timestamps have it."""
    if _has(bootstrap, topic, count):
        return
    direct.create(bootstrap, topic, PARTITIONS)
    writer = direct.producer(bootstrap, compression_type=compression, linger_ms=50, batch_size=200_000)
    for n, value in enumerate(values):
        while True:
            try:
                writer.produce(topic, value, None, n % PARTITIONS, timestamp=direct.NOW - count + n)
                break
            except BufferError:
                writer.poll(0.1)
    assert writer.flush(120) == 0
