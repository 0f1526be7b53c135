"""Which partition a key goes to: the hashes of Kafka's Java clients and of librdkafka's default partitioner."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from enum import StrEnum

_WORD = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995


class Partitioner(StrEnum):
    """By what a client calls it."""

    MURMUR2 = "murmur2"  # Java's default; `murmur2_random` in librdkafka
    CRC32 = "consistent"  # librdkafka's default, `consistent_random`


def murmur2(key: bytes) -> int:
    """As org.apache.kafka.common.utils.Utils.murmur2, read as an unsigned 32-bit number."""
    length = len(key)
    whole = length & ~3
    value = 0x9747B28C ^ length
    for word in struct.unpack_from(f"<{whole // 4}I", key):
        mixed = (word * _MULTIPLIER) & _WORD
        mixed = ((mixed ^ (mixed >> 24)) * _MULTIPLIER) & _WORD
        value = ((value * _MULTIPLIER) & _WORD) ^ mixed
    if rest := key[whole:]:
        value = ((value ^ int.from_bytes(rest, "little")) * _MULTIPLIER) & _WORD
    value = ((value ^ (value >> 13)) * _MULTIPLIER) & _WORD
    return value ^ (value >> 15)


def partition_for(key: bytes, count: int, by: Partitioner = Partitioner.MURMUR2) -> int:
    """The partition of `key` among `count`."""
    if by is Partitioner.CRC32:
        return zlib.crc32(key) % count
    return (murmur2(key) & 0x7FFFFFFF) % count


def predicted(key: bytes | None, count: int, partitioner: str = "murmur2_random") -> int | None:
    """The partition that a producer of librdkafka chooses among `count` for `key`, None where it leaves that to chance.
    `partitioner` is librdkafka's name; `murmur2_random` is what Java's clients do. Rules for null and empty keys:
    https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"""
    hashing, by_chance = _PARTITIONERS[partitioner]
    return None if by_chance(key) else hashing(key or b"") % count


def _fnv1a(key: bytes) -> int:
    """The absolute value of the signed number, as Sarama has it."""
    value = 0x811C9DC5
    for byte in key:
        value = ((value ^ byte) * 0x01000193) & _WORD
    return value if value < 1 << 31 else (1 << 32) - value


def _positive_murmur2(key: bytes) -> int:
    return murmur2(key) & 0x7FFFFFFF


_Rule = tuple[Callable[[bytes], int], Callable[[bytes | None], bool]]
_PARTITIONERS: dict[str, _Rule] = {
    "random": (zlib.crc32, lambda key: True),
    "consistent": (zlib.crc32, lambda key: False),
    "consistent_random": (zlib.crc32, lambda key: not key),
    "murmur2": (_positive_murmur2, lambda key: False),
    "murmur2_random": (_positive_murmur2, lambda key: key is None),
    "fnv1a": (_fnv1a, lambda key: False),
    "fnv1a_random": (_fnv1a, lambda key: key is None),
}
PARTITIONERS = tuple(_PARTITIONERS)
