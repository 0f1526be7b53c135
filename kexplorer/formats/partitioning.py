"""Which partition a key goes to: the hashes of Kafka's Java clients and of librdkafka's default partitioner."""

from __future__ import annotations

import struct
import zlib
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
