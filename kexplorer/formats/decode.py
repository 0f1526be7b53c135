"""What the bytes of a key, a value or a header are: the first reading that fits, and why the nearer guesses did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kexplorer.formats import kafka_internal, plain, registry_framing
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.decoded import FIRST_LINES, FIRST_LOOK, Asked, Decoded
from kexplorer.formats.schemas import SchemaSource
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part

__all__ = ["FIRST_LINES", "FIRST_LOOK", "Decoded", "decode"]

# A reading that fits; or, in words, why not; or None where nobody would have guessed it.
Decoder = Callable[[Asked], Decoded | str | None]


def decode(
    data: bytes | None,
    limit: int | None = FIRST_LOOK,
    schemas: SchemaSource | None = None,
    topic: str = "",
    part: Part = Part.VALUE,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = None,
) -> Decoded:
    """The reading of `data`, decided on its first `limit` bytes in a few milliseconds. Never raises.

    `limit` None reads and checks all of it: for a large value call that off the window's thread. `topic`, `part`,
    `headers` and `key` say which record it is from: some formats are told by them.
    """
    if data is None:
        return Decoded(Kind.NULL, "null: there are no bytes, not even zero of them", memoryview(b""))
    if not data:
        return Decoded(Kind.EMPTY, "empty: zero bytes, which is not null", memoryview(data))
    asked = Asked(memoryview(data), limit, schemas, topic, part, headers, key)
    rejected: list[str] = []
    for decoder in DECODERS if topic not in kafka_internal.TOPICS else (_kafkas_own,):
        result = decoder(asked)
        if isinstance(result, Decoded):
            return replace(result, rejected=(*rejected, *result.rejected))
        if result:
            rejected.append(result)
    why = "no reading fits, so these are the bytes"
    return Decoded(Kind.BINARY, why, asked.payload, rejected=tuple(rejected), also=plain.magic(asked.payload))


def _kafkas_own(asked: Asked) -> Decoded | str:
    try:
        if asked.part is Part.KEY:
            name, reading = kafka_internal.key(asked.topic, asked.payload, asked.limit)
        else:
            name, reading = kafka_internal.value(asked.topic, asked.key, asked.payload, asked.limit)
    except Unreadable as why:
        return f"not Kafka's own record: {why}"
    return plain.rendered(asked, Kind.KAFKA, f"Kafka's own record: {name}", reading)


DECODERS: tuple[Decoder, ...] = (  # the most particular first; guesses only for what is no text
    registry_framing.assigned,
    registry_framing.by_header,
    registry_framing.framed,
    plain.json,
    plain.xml,
    plain.text,
    plain.message_pack,
    plain.cbor_map,
)
