"""Batches of records written byte by byte, for what no producer writes."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import cramjam
import google_crc32c

from kexplorer.kafka import wire
from kexplorer.kafka.checks import bootstrap as addresses
from kexplorer.kafka.wire import Connection, text
from kexplorer.model.profile import Credentials, Profile
from tests.kafka.direct import NOW

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
RawHeaders = Sequence[tuple[bytes, bytes | None]]


@dataclass(frozen=True)
class Raw:
    """One record: how many offsets and milliseconds behind those of its batch, and what is in it."""

    offset: int
    ms: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders = ()


@dataclass(frozen=True)
class Made:
    records: Sequence[Raw]
    codec: int = NONE
    start: int = 0
    last: int | None = None  # offset behind `start`; None: of the last record
    attributes: int = 0  # beside the codec
    first_ms: int = 1_700_000_000_000
    producer: int = -1
    epoch: int = 0

    @classmethod
    def by_chance(cls, chance: random.Random) -> Made:
        """As brokers take it from a producer: no gaps."""

        def some() -> bytes | None:
            sizes = [0, 1, 63, 64, 200, 8191, 9000]
            data = chance.choice([None, b"", b"needle", chance.randbytes(chance.choice(sizes)), b"z" * 99])
            return data + b" needle" if data and chance.random() < 0.05 else data

        def headers() -> RawHeaders:
            names = [b"", b"a", b"needle", "ключ".encode(), b"\xff\xfe"]
            return [(chance.choice(names), some()) for _ in range(chance.choice([0, 0, 0, 1, 3]))]

        count = chance.choice([1, 2, 15, 16, 17, 64, 200])
        records = [Raw(n, chance.randint(-70_000, 70_000), some(), some(), headers()) for n in range(count)]
        return cls(records, chance.randrange(5), first_ms=NOW - chance.randint(0, 10**8))


def varint(number: int) -> bytes:
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    coded = bytearray()
    while rest > 0x7F:
        coded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*coded, rest])


def _cell(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def _record(of: Raw) -> bytes:
    headers = b"".join(_cell(name) + _cell(value) for name, value in of.headers)
    body = b"\0" + varint(of.ms) + varint(of.offset) + _cell(of.key) + _cell(of.value)
    body += varint(len(of.headers)) + headers
    return varint(len(body)) + body


def compressed(data: bytes, codec: int) -> bytes:
    """Snappy and lz4 as Java does it, in blocks that do not depend on each other."""
    if codec == SNAPPY:
        blocks = [bytes(cramjam.snappy.compress_raw(data[at : at + 999])) for at in range(0, len(data), 999)]
        head = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
        return head + b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    if codec == LZ4:
        parts = [
            bytes(cramjam.lz4.compress_block(data[at : at + 65536], store_size=False))
            for at in range(0, len(data), 65536)
        ]
        return (
            b"\x04\x22\x4d\x18\x60\x40\x82" + b"".join(struct.pack("<I", len(part)) + part for part in parts) + bytes(4)
        )
    make = {GZIP: cramjam.gzip.compress, ZSTD: cramjam.zstd.compress}
    return bytes(make[codec](data)) if codec else data


def packed(of: Made, data: bytes | None = None) -> bytes:
    """`data`: instead of the records, as they stand in the batch."""
    if data is None:
        data = compressed(b"".join(map(_record, of.records)), of.codec)
    last = of.last if of.last is not None else max((each.offset for each in of.records), default=0)
    latest = of.first_ms + max((each.ms for each in of.records), default=0)
    summed = struct.pack(
        ">hiqqqhii", of.codec | of.attributes, last, of.first_ms, latest, of.producer, 0, -1, len(of.records)
    )
    summed += data
    return struct.pack(">qiibI", of.start, 9 + len(summed), of.epoch, 2, google_crc32c.value(summed)) + summed


def write(bootstrap: str, topic: str, batches: Sequence[bytes]) -> None:
    """To partition 0, whose leader is at `bootstrap`."""
    connection = Connection(addresses(bootstrap)[0], Profile("test", bootstrap), Credentials(), None)
    wire.VERSIONS.setdefault(0, 7)
    for batch in batches:
        whole = struct.pack(">hhii", -1, -1, 10_000, 1) + text(topic) + struct.pack(">iii", 1, 0, len(batch))
        connection.ask(0, whole + batch)
        answer = connection.answer()
        assert len(answer.count()) == 1
        assert answer.text() == topic
        assert (len(answer.count()), answer.number("i"), answer.number("h")) == (1, 0, 0)
    connection.close()
