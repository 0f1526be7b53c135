"""Schemas ready for decoding, and where decoding gets them from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.model.schemas import Part, SchemaFormat, SchemaKey, SchemaText


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Its payload is JSON, whatever it says of it."""

    name: str = ""  # nobody reads the schema


Schema = AvroSchema | ProtobufSchema | JsonSchema


@dataclass(frozen=True, slots=True)
class Unavailable:
    """`why` is a clause without a full stop. `awaited`: nobody has asked the registry yet, or it has not answered."""

    why: str
    awaited: bool = False


class SchemaSource(Protocol):
    """What a decoder asks. In the window it answers at once with what is known; a worker's may wait for an answer."""

    def lookup(self, key: SchemaKey) -> Schema | Unavailable: ...

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        """What a person chose for it, if anything."""
        ...


def compiled(schema: SchemaText) -> Schema:
    """Raises Unreadable."""
    texts = [text for _, text in schema.references]
    match schema.format:
        case SchemaFormat.AVRO:
            return AvroSchema(schema.text, texts)
        case SchemaFormat.PROTOBUF:
            return ProtobufSchema.of(schema.text, texts, schema.type_name)
    return JsonSchema()
