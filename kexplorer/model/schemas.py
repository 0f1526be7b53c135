"""Schemas of keys and values: where they come from and what they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

SchemaKey = int | UUID  # a registry's id, or the GUID that newer serializers put into a header


class Part(StrEnum):
    KEY = "key"
    VALUE = "value"


class SchemaFormat(StrEnum):
    AVRO = "Avro"
    PROTOBUF = "Protobuf"
    JSON = "JSON Schema"


@dataclass(frozen=True, slots=True)
class SchemaAssignment:
    """A person's word that a part of some topics' records has the schema in `file` (an absolute path).

    `topics` is a topic name in which * stands for any characters. `type_name` picks the message of a Protobuf file by
    its full name; "" takes its first.
    """

    topics: str
    part: Part
    format: SchemaFormat
    file: str
    type_name: str = ""

    def fits(self, topic: str, part: Part) -> bool:
        return part is self.part and _matches(self.topics, topic)

    def replaces(self, other: SchemaAssignment) -> bool:
        """It is for the same topics and part."""
        return (self.topics, self.part) == (other.topics, other.part)


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A schema as its author wrote it, or, for Protobuf, as `protoc` compiled it: a FileDescriptorProto or -Set.

    `references`: name (Protobuf: the path that imports it) and text of what it refers to, each behind its own
    references.
    """

    format: SchemaFormat
    text: str | bytes
    references: tuple[tuple[str, str | bytes], ...] = ()
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class PayloadSchema:
    """What a key or value is written by: `prefix` is a registry's framing before it, or nothing."""

    schema: SchemaText
    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class SchemaChoice:
    """Which schema a person writes by: that of an `id`, or of a `subject` and its `version` (None: the newest), or,
    without either, of the file that is assigned to the topic. `type_name` picks a Protobuf message; "" the first."""

    subject: str = ""
    version: int | None = None
    id: int | None = None
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class SubjectVersion:
    """One version of a subject in a registry. `references`: the subject and version of each schema that it needs."""

    subject: str
    version: int
    id: int
    format: SchemaFormat
    text: str
    references: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """How to reach a Schema Registry. `password` goes with `username`, or is a bearer token if there is none."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


def _matches(pattern: str, name: str) -> bool:
    """Takes the leftmost place for each piece between the stars: linear, whatever the pattern is."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    *middle, last = rest
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
