"""What a record's own schema makes of its bytes, as JSON alone: for cells and filters, which look at many records and
need no explanations."""

from __future__ import annotations

from collections.abc import Sequence

from kexplorer.formats import kafka_internal, registry_framing
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import Reading, Unreadable
from kexplorer.formats.decoded import Asked, Decoded
from kexplorer.formats.json_text import looks_like_json
from kexplorer.formats.payloads import MISSING, Document, Undecodable, document
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import JsonSchema, SchemaSource
from kexplorer.formats.text import Kind, text_of
from kexplorer.model.schemas import Part, SchemaKey


def decoded_document(
    data: bytes,
    schemas: SchemaSource,
    topic: str,
    part: Part = Part.VALUE,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = None,
) -> Document:
    """As `payloads.document`, but what has a schema is decoded by it: 64-bit integers and decimals are exact, times are
    ISO 8601 texts, bytes are texts that begin with "base64:". `key` is the record's. Never raises."""
    found = json_of(data, schemas, topic, part, headers, key)
    return document(data if found is None else found)


def json_of(
    data: bytes,
    schemas: SchemaSource,
    topic: str,
    part: Part = Part.VALUE,
    headers: Sequence[tuple[str, bytes | None]] = (),
    key: bytes | None = None,
) -> bytes | None:
    """All of `data` as JSON in UTF-8, for `payloads.FewFields` or `document`. None where no schema is known that fits;
    it may be JSON itself then. Never raises. The payload of a JSON Schema is handed on as it is."""
    if not data:
        return None
    found = read_by_schema(Asked(memoryview(data), None, schemas, topic, part, headers, key))
    return found.text.encode(errors="replace") if isinstance(found, Reading) else None


def read_by_schema(asked: Asked) -> Reading | SchemaKey | None:
    """In the order in which `decode` tries. None where no schema is known that fits; the key of one that is awaited.
    Never raises."""
    if asked.topic in kafka_internal.TOPICS:
        return _kafkas_own(asked)
    for decoder in (registry_framing.assigned, registry_framing.by_header):
        found = decoder(asked)
        if isinstance(found, Decoded):
            return _reading(found)
    return _framed(asked)


_SCHEMA_HEADERS = frozenset(registry_framing.HEADERS.values())


class PartReader:
    """Keys and values of one topic for conditions that are asked of many records. Those parts that are not in `always`
    only have a schema where `names_schema` holds for their bytes or headers. An assignment counts from the next reader
    on."""

    def __init__(self, schemas: SchemaSource, topic: str) -> None:
        self._schemas = schemas
        self._topic = topic
        self.is_kafkas_own = topic in kafka_internal.TOPICS  # whose values are read with the help of their keys
        self.always = {each for each in Part if self.is_kafkas_own or schemas.assigned(topic, each) is not None}

    def as_json(
        self, data: bytes, part: Part, headers: Sequence[tuple[str, bytes | None]] | None, key: bytes | None
    ) -> bytes | Undecodable:
        """As `json_of`, but `data` itself where it has no schema, and the reason where it cannot be read with the one
        that it has. JSON behind an unknown schema, or beside an assigned one, can be read. Never raises."""
        if part not in self.always and not names_schema(data, headers):
            return data
        asked = Asked(memoryview(data), None, self._schemas, self._topic, part, headers or (), key)
        found = read_by_schema(asked)
        if not isinstance(found, Reading):
            why = _why_not(asked)
            return data if why is None else why
        if not found.complete:
            return Undecodable(f"its {len(data):,} bytes would be more than {len(found.text):,} characters of JSON")
        return found.text.encode(errors="replace")


def names_schema(data: bytes | None, headers: Sequence[tuple[str, bytes | None]] | None) -> bool:
    """Whether there may be one, of the key or the value."""
    if data and not data[0]:
        return True
    return bool(headers) and any(name in _SCHEMA_HEADERS for name, _ in headers or ())


def _why_not(asked: Asked) -> Undecodable | None:
    """None where there is no schema, or the payload is readable all the same."""
    if asked.topic in kafka_internal.TOPICS:
        return _why_not_kafkas_own(asked)
    why = ""
    for decoder in (registry_framing.assigned, registry_framing.by_header, registry_framing.framed):
        found = decoder(asked)
        if isinstance(found, Decoded):
            if found.kind is not Kind.FRAMED:
                return None  # Avro's "bytes", as they are
            why = why or ": ".join((found.why, *found.rejected[:1]))
        elif found and decoder is not registry_framing.framed:  # a number in 8 bytes may look like a frame
            why = why or found
    return Undecodable(why) if why and document(bytes(asked.payload)) is MISSING else None


def _why_not_kafkas_own(asked: Asked) -> Undecodable | None:
    try:
        _own(asked)
    except Unreadable as wrong:
        return Undecodable(f"not a record of {asked.topic} that is known: {wrong}")
    return None


def _kafkas_own(asked: Asked) -> Reading | None:
    try:
        return _own(asked)
    except Unreadable:
        return None


def _own(asked: Asked) -> Reading:
    if asked.part is Part.KEY:
        return kafka_internal.key(asked.topic, asked.payload, asked.limit)[1]
    return kafka_internal.value(asked.topic, asked.key, asked.payload, asked.limit)[1]


def _framed(asked: Asked) -> Reading | SchemaKey | None:
    """`registry_framing.framed` without its explanations, which take as long as the reading."""
    payload = asked.payload
    if len(payload) < 5 or payload[0] or (key := int.from_bytes(payload[1:5], signed=True)) <= 0 or not asked.schemas:
        return None
    schema, behind = asked.schemas.lookup(key), payload[5:]
    try:
        if isinstance(schema, AvroSchema) and not schema.is_bytes:
            return schema.reading(behind, asked.limit)
        if isinstance(schema, ProtobufSchema):
            schema, behind = schema.framed(behind)
            return schema.reading(behind, asked.limit)
        if isinstance(schema, JsonSchema):
            return _json(behind, asked.limit)
    except (Unreadable, UnicodeDecodeError):
        return None
    found = registry_framing.framed(asked)
    return _reading(found) if isinstance(found, Decoded) else None


def _json(payload: memoryview, limit: int | None) -> Reading | None:
    head = bytes(payload[:limit])
    complete = len(head) == len(payload)
    return Reading(text_of(head, complete=complete), complete, ()) if looks_like_json(head) else None


def _reading(found: Decoded) -> Reading | SchemaKey | None:
    if found.awaits is not None:
        return found.awaits
    return None if found.text is None else Reading(found.text, found.complete, ())
