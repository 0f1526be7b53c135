"""Keys go where Kafka's own clients put them."""

import zlib

import pytest

from kexplorer.formats.partitioning import Partitioner, murmur2, partition_for, predicted

# What org.apache.kafka.common.utils.Utils.murmur2 gives; the first six are those of Kafka's own UtilsTest.
VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
    b"": 275646681,
    b"a": -1563381124,
    "ключ".encode(): 2122343024,
    bytes([0xFF, 0x80, 0, 1, 2]): -1813786316,
}


@pytest.mark.parametrize(("key", "signed"), VECTORS.items())
def test_murmur2_is_that_of_java(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@pytest.mark.parametrize(("key", "partition"), [(b"", 9), (b"a", 4), (b"21", 0), (b"foobar", 6), (b"order-4711", 7)])
def test_a_negative_hash_is_made_positive_as_java_does(key: bytes, partition: int) -> None:
    assert partition_for(key, 12) == partition


def test_librdkafka_takes_crc32() -> None:
    assert partition_for(b"123456789", 1000, Partitioner.CRC32) == 0xCBF43926 % 1000


@pytest.mark.parametrize(
    ("partitioner", "null", "empty", "key"),
    [
        ("random", None, None, None),
        ("consistent", 0, 0, zlib.crc32(b"key") % 12),
        ("consistent_random", None, None, zlib.crc32(b"key") % 12),
        ("murmur2", 9, 9, partition_for(b"key", 12)),
        ("murmur2_random", None, 9, partition_for(b"key", 12)),
        ("fnv1a", 3, 3, 4),
        ("fnv1a_random", None, 3, 4),
    ],
)
def test_each_partitioner_has_rules_for_keys_that_are_none(
    partitioner: str, null: int | None, empty: int | None, key: int | None
) -> None:
    assert [predicted(each, 12, partitioner) for each in (None, b"", b"key")] == [null, empty, key]
