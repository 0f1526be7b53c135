"""Keys and values that are written as JSON and sent as a schema says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kexplorer.formats import example, form_fields
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import NOT_UTF8
from kexplorer.formats.decoded import Asked, Decoded
from kexplorer.formats.encode_avro import AvroWriter
from kexplorer.formats.encode_json import JsonChecker
from kexplorer.formats.encode_protobuf import ProtobufWriter, message_indexes
from kexplorer.formats.form_fields import FormField
from kexplorer.formats.proto_types import Message
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.registry_framing import header_indexes
from kexplorer.formats.schemas import JsonSchema, Schema
from kexplorer.formats.text import Kind
from kexplorer.formats.typed import HALF_A_CHARACTER, Misfit, NotFitting, not_fitting, parsed
from kexplorer.model.schemas import PayloadSchema, SchemaFormat, SchemaKey, SchemaText


class Encoder:
    """`name` is that of the record or message. Raises Unreadable for a schema that cannot be used."""

    def __init__(self, given: PayloadSchema) -> None:
        self.given = given
        schema = given.schema
        texts = [text for _, text in schema.references]
        self._write: Callable[[Any], bytes] | None = None
        self._check: Callable[[Any], None] | None = None
        match schema.format:
            case SchemaFormat.AVRO:
                avro = AvroWriter(schema.text, texts)
                self.name = avro.name
                # Confluent's serializer writes plain bytes without their length.
                self._write = avro.raw if avro.is_bytes and given.prefix else avro.write
            case SchemaFormat.PROTOBUF:
                protobuf = ProtobufWriter(ProtobufSchema.of(schema.text, texts, schema.type_name))
                self.name, self._write = protobuf.name, protobuf.write
            case SchemaFormat.JSON:
                checker = JsonChecker(schema.text, schema.references)
                self.name, self._check = checker.name, checker.check

    def encode(self, text: str) -> bytes:
        """`text` is JSON. What a JSON Schema allows is sent as it is typed. Raises NotFitting."""
        value = parsed(text)
        try:
            if self._write:
                return self.given.prefix + self._write(value)
            if self._check:
                self._check(value)
            return self.given.prefix + text.encode()
        except Misfit as wrong:
            raise not_fitting(text, wrong) from None
        except UnicodeEncodeError as error:
            raise NotFitting(HALF_A_CHARACTER, error.start) from None

    def example(self) -> str:
        """JSON that fits, laid out; for some JSON Schemas only nearly. Raises Unreadable where that is too large."""
        return example.of(self.given.schema)

    def fields(self) -> tuple[FormField, ...]:
        """For a form. Raises Unreadable where there are none, or too many."""
        return form_fields.of(self.given.schema)


@dataclass(frozen=True, slots=True)
class Editable:
    """A payload as JSON, and what makes the same of it again."""

    text: str
    schema: PayloadSchema
    schema_id: SchemaKey | None  # in a registry


def editable(asked: Asked, decoded: Decoded, text: SchemaText, schema: Schema) -> Editable | None:
    """Of a payload that was decoded by `schema`, which is `text`; None where it was not, or not all of it is told."""
    kinds: dict[type[Schema], Kind] = {AvroSchema: Kind.AVRO, ProtobufSchema: Kind.PROTOBUF, JsonSchema: Kind.JSON}
    if decoded.text is None or not decoded.complete or NOT_UTF8 in decoded.also or decoded.kind != kinds[type(schema)]:
        return None
    before = len(asked.payload) - len(decoded.payload)
    if isinstance(schema, ProtobufSchema) and decoded.schema_id is not None and not text.type_name:
        if before:
            schema, rest = schema.framed(decoded.payload)
            before = len(asked.payload) - len(rest)
        elif indexes := header_indexes(asked):
            schema, _ = schema.framed(indexes)
        text = replace(text, type_name=schema.name)
    return Editable(decoded.text, PayloadSchema(text, bytes(asked.payload[:before])), decoded.schema_id)


def message_names(schema: SchemaText) -> list[str]:
    """Full names of the messages that a Protobuf schema declares; the first is what `type_name` "" stands for. Raises
    Unreadable."""

    def names(messages: Sequence[Message]) -> Iterator[str]:
        for each in messages:
            yield each.name
            yield from names(each.inner)

    return list(names(ProtobufSchema.of(schema.text, [text for _, text in schema.references]).declared))


def framed(schema: SchemaText, schema_id: int) -> PayloadSchema:
    """As Confluent's serializers write it: a zero, the id, and for Protobuf which message it is. Raises Unreadable."""
    prefix = b"\0" + schema_id.to_bytes(4)
    if schema.format is SchemaFormat.PROTOBUF:
        texts = [text for _, text in schema.references]
        prefix += message_indexes(ProtobufSchema.of(schema.text, texts, schema.type_name))
    return PayloadSchema(schema, prefix)
