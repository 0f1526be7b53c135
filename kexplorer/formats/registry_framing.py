"""Records whose schema is known: by Schema Registry's framing, by a header, or because a person assigned one.

The wire format is that of Confluent's serializers: a zero, the schema's id in four bytes, for Protobuf the place of the
message in the schema, the payload. Newer ones leave the payload alone and put a 1 and the schema's GUID into a header.
https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

import struct
from dataclasses import replace
from uuid import UUID

from kexplorer.formats import numbers, plain
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.decoded import Asked, Decoded
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import Schema, Unavailable
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part, SchemaKey

HEADERS = {Part.KEY: "__key_schema_id", Part.VALUE: "__value_schema_id"}


def assigned(asked: Asked) -> Decoded | str | None:
    schema = asked.schemas.assigned(asked.topic, asked.part) if asked.schemas else None
    if schema is None:
        return None
    if isinstance(schema, Unavailable):
        return f"not by the schema that was assigned: {schema.why}"
    why = "by the schema that was assigned to the topic"
    found = _by_schema(asked, schema, why)
    if isinstance(found, str) and len(asked.payload) > 5 and not asked.payload[0]:
        behind = _by_schema(replace(asked, payload=asked.payload[5:]), schema, f"{why}, behind a registry's framing")
        if isinstance(behind, Decoded):
            return replace(behind, schema_id=int.from_bytes(asked.payload[1:5], signed=True))
    return found


def header_indexes(asked: Asked) -> memoryview:
    """Which message of a Protobuf schema the header names; nothing for the first."""
    sign = _sign(asked) or b""
    return memoryview(sign[17 if sign[:1] == b"\x01" else 5 :])


def _sign(asked: Asked) -> bytes | None:
    wanted = HEADERS[asked.part]
    return next((value for name, value in reversed(asked.headers) if name == wanted and value), None)


def by_header(asked: Asked) -> Decoded | str | None:
    wanted, sign = HEADERS[asked.part], _sign(asked)
    if sign is None:
        return None
    if len(sign) >= 17 and sign[0] == 1:
        key: SchemaKey = UUID(bytes=sign[1:17])
        indexes = sign[17:]
    elif len(sign) >= 5 and sign[0] == 0:
        key, indexes = int.from_bytes(sign[1:5], signed=True), sign[5:]
    else:
        return f"not by its header {wanted}: {len(sign)} bytes that begin with 0x{sign[0]:02X} are no schema id"
    return _by_key(asked, key, f"the header {wanted} names schema {_spoken(key)}", memoryview(indexes))


def framed(asked: Asked) -> Decoded | str | None:
    payload = asked.payload
    if len(payload) < 5 or payload[0]:
        return None
    (schema_id,) = struct.unpack_from(">i", payload, 1)
    if schema_id <= 0:  # the registry counts from 1; small numbers in 8 bytes look like this
        return f"not Schema Registry framing: the schema id would be {schema_id}"
    sign = f"Schema Registry framing, schema id {schema_id}"
    also: tuple[str, ...] = ()
    if len(payload) == 8:
        also = (f"could also be the 8-byte integer {numbers.count(int.from_bytes(payload))}",)
    found = _by_key(replace(asked, payload=payload[5:]), schema_id, sign, None)
    return replace(found, schema_id=schema_id, also=(*found.also, *also))


def _by_key(asked: Asked, key: SchemaKey, sign: str, indexes: memoryview | None) -> Decoded:
    """`indexes`: which message of a Protobuf schema, where the payload does not begin with that."""
    schema = asked.schemas.lookup(key) if asked.schemas else Unavailable("no registry is configured")
    awaits = key if isinstance(schema, Unavailable) and schema.awaited else None
    rejected: tuple[str, ...] = ()
    if isinstance(schema, Unavailable):
        why = f"{sign}; {schema.why}"
    else:
        found = _by_schema(asked, schema, f"by Schema Registry {_spoken(key)}", indexes, framed=True)
        if isinstance(found, Decoded):
            return replace(found, schema_id=key)
        why, rejected = f"{sign}, which does not fit", (found,)
    plainly = plain.json(asked)  # JSON Schema's serializer leaves the payload readable
    if isinstance(plainly, Decoded):
        why = f"{why}, but the payload is {plainly.why}"
        return replace(plainly, why=why, schema_id=key, rejected=rejected, awaits=awaits)
    rejected = (*rejected, plainly) if plainly else rejected
    return Decoded(Kind.FRAMED, why, asked.payload, schema_id=key, rejected=rejected, awaits=awaits)


def _by_schema(
    asked: Asked, schema: Schema, why: str, indexes: memoryview | None = None, *, framed: bool = False
) -> Decoded | str:
    """`framed`: the payload is what a serializer of Confluent's leaves behind its framing or header."""
    payload = asked.payload
    if isinstance(schema, AvroSchema):
        return _avro(asked, schema, why, framed=framed)
    if not isinstance(schema, ProtobufSchema):
        found = plain.json(asked)
        if isinstance(found, Decoded):
            return replace(found, why=f"{found.why}, JSON Schema {why}")
        return found or f"not JSON, though {why} it is: it begins with no {{ or ["
    try:
        if framed and indexes:
            schema, _ = schema.framed(indexes)
        elif framed and indexes is None:
            schema, payload = schema.framed(payload)
        reading = schema.reading(payload, asked.limit)
    except Unreadable as wrong:
        return f"not Protobuf “{schema.name}” {why}: {wrong}"
    return plain.rendered(asked, Kind.PROTOBUF, f"Protobuf {why}: “{schema.name}”", reading)


def _avro(asked: Asked, schema: AvroSchema, why: str, *, framed: bool) -> Decoded | str:
    if framed and schema.is_bytes:  # Confluent's serializer writes these without their length
        return Decoded(Kind.BINARY, f"Avro {why}: “bytes”, as they are", asked.payload)
    try:
        reading = schema.reading(asked.payload, asked.limit)
    except Unreadable as wrong:
        return f"not Avro “{schema.name}” {why}: {wrong}"
    return plain.rendered(asked, Kind.AVRO, f"Avro {why}: “{schema.name}”", reading)


def _spoken(key: SchemaKey) -> str:
    return f"id {key}" if isinstance(key, int) else f"GUID {key}"
