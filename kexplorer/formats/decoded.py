"""What decoding is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kexplorer.formats import json_text, xml_text
from kexplorer.formats.schemas import SchemaSource
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part, SchemaKey

# What is read before a person asks for more. A hostile 64 kB of JSON would make a line of each byte.
FIRST_LOOK = 64 * 1024  # bytes
FIRST_LINES = 10_000

RENDERED = frozenset({Kind.AVRO, Kind.PROTOBUF, Kind.MESSAGEPACK, Kind.CBOR, Kind.KAFKA})  # their text is ours, as JSON


@dataclass(frozen=True, slots=True)
class Decoded:
    """How to show the bytes. `why` is a sentence without a full stop; `rejected` has one such for each near miss, and
    `also` for each other thing that the bytes may be and for what one should know of the text.

    `text` is there for JSON, XML and TEXT: the payload exactly as it is, or its beginning when not `complete`. For the
    kinds of RENDERED it is JSON that says what they hold. `pretty` lays it out, and may still raise NotJson or NotXml
    beyond what `why` says was checked. For FRAMED and BINARY show the rows of `payload` (all of it, never copied).
    `schema_id` is that of Schema Registry's framing, whose five bytes are not part of `payload`; one from a header has
    no such bytes. `awaits`: decoding again may say more once the schema source was asked for that.
    """

    kind: Kind
    why: str
    payload: memoryview
    text: str | None = None
    complete: bool = True
    schema_id: SchemaKey | None = None
    rejected: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    awaits: SchemaKey | None = None

    @property
    def is_json(self) -> bool:
        """`text` is JSON: the payload's own, or what it was rendered to."""
        return self.kind is Kind.JSON or self.kind in RENDERED

    def pretty(self) -> Iterator[str] | None:
        """The lines of `text` laid out, each made when it is asked for; None where there is no layout."""
        if self.text is None:
            return None
        if self.is_json:
            return json_text.pretty_lines(self.text, partial=not self.complete)
        if self.kind is Kind.XML:
            return xml_text.pretty_lines(self.text, partial=not self.complete)
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """The bytes and all that is known of the record they are from. `limit` None: read and check all of them."""

    payload: memoryview
    limit: int | None
    schemas: SchemaSource | None = None
    topic: str = ""
    part: Part = Part.VALUE
    headers: Sequence[tuple[str, bytes | None]] = ()
    key: bytes | None = None
