"""Protobuf's message types, linked from .proto texts or from descriptors that `protoc` compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from kexplorer.formats import scalars
from kexplorer.formats.proto_text import SCALARS, EnumText, FieldText, FileText, MessageText, parse


@dataclass(slots=True)
class Enum:
    names: dict[int, str]  # each as a JSON string


@dataclass(slots=True)
class Field:
    head: str  # the name as JSON, with the colon
    repeated: bool
    kind: str | Message | Enum | None  # a scalar's name; None if the schema and its references lack the type
    required: bool = False
    group: bool = False  # between tags of its own on the wire
    oneof: str = ""  # shared by fields of which at most one is there


@dataclass(slots=True, eq=False, repr=False)
class Message:
    """`inner` are the messages declared within, in the order that Confluent's framing counts by."""

    name: str
    fields: dict[int, Field] = field(default_factory=dict)
    inner: list[Message] = field(default_factory=list)
    is_entry: bool = False  # made for a map field


Types = dict[str, Message | Enum]  # by full name, with a dot before it


def linked(files: Iterable[FileText]) -> tuple[Types, list[Message]]:
    """All types of `files`, and the messages that the last one declares."""
    known: Types = {}
    scopes: list[tuple[str, MessageText]] = []
    own: list[Message] = []
    for file in (*_built_in(), *files):
        own = _declare(f".{file.package}" if file.package else "", file.content, known, scopes)
    for scope, text in scopes:
        message = known.get(scope)
        for each in text.fields:
            if isinstance(message, Message):
                message.fields[each.number] = _field(each, each.name, scope, known)
        for extended, each in text.extensions:
            target = _found(extended, scope, known)
            if isinstance(target, Message):
                name = f"[{scope.removeprefix('.')}.{each.name}]" if scope else f"[{each.name}]"
                target.fields[each.number] = _field(each, name, scope, known)
    return known, own


def _declare(scope: str, text: MessageText, known: Types, scopes: list[tuple[str, MessageText]]) -> list[Message]:
    scopes.append((scope, text))
    for enum in text.enums:
        known[f"{scope}.{enum.name}"] = Enum({number: scalars.quoted(name) for number, name in enum.values.items()})
    declared = []
    for each in text.messages:
        name = f"{scope}.{each.name}"
        message = known[name] = Message(name.removeprefix("."), is_entry=each.is_entry)
        message.inner = _declare(name, each, known, scopes)
        if not each.is_entry:
            declared.append(message)
    return declared


def _field(text: FieldText, name: str, scope: str, known: Types) -> Field:
    kind = text.type if text.type in SCALARS else _found(text.type, scope, known)
    return Field(f"{scalars.quoted(name)}:", text.repeated, kind, text.required, text.group, text.oneof)


def _found(name: str, scope: str, known: Types) -> Message | Enum | None:
    """The innermost scope that has it."""
    if name.startswith("."):
        return known.get(name)
    while True:
        if (found := known.get(f"{scope}.{name}")) or not scope:
            return found
        scope = scope.rpartition(".")[0]


# ---- descriptors: https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto

# What of them matters here; they are Protobuf messages themselves.
DESCRIPTORS = """
message Set { repeated File file = 1; }
message File {
  string package = 2; repeated string dependency = 3;
  repeated Message message_type = 4; repeated Enum enum_type = 5; repeated Field extension = 7;
}
message Message {
  string name = 1; repeated Field field = 2; repeated Message nested_type = 3; repeated Enum enum_type = 4;
  repeated Field extension = 6; Options options = 7;
}
message Options { bool map_entry = 7; }
message Field {
  string name = 1; string extendee = 2; int32 number = 3; int32 label = 4; int32 type = 5; string type_name = 6;
  int32 oneof_index = 9;
}
message Enum { string name = 1; repeated Value value = 2; }
message Value { string name = 1; int32 number = 2; }
"""
_KINDS = (
    *("", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "", "", "bytes"),
    *("uint32", "", "sfixed32", "sfixed64", "sint32", "sint64"),
)  # by the number of the type; "" where type_name counts
_REQUIRED, _REPEATED, _GROUP = 2, 3, 10


def of_descriptor(file: dict[str, object]) -> FileText:
    """From a FileDescriptorProto as JSON. KeyError, TypeError, ValueError and IndexError if it is none."""
    return FileText(str(file.get("package", "")), [str(each) for each in _all(file, "dependency")], _message(file))


def _message(found: dict[str, object]) -> MessageText:
    options = found.get("options")
    return MessageText(
        str(found.get("name", "")),
        [_of_field(each) for each in _dicts(found, "field")],
        [_message(each) for each in (*_dicts(found, "nested_type"), *_dicts(found, "message_type"))],
        [_of_enum(each) for each in _dicts(found, "enum_type")],
        [(str(each["extendee"]), _of_field(each)) for each in _dicts(found, "extension")],
        is_entry=isinstance(options, dict) and options.get("map_entry") is True,
    )


def _of_enum(found: dict[str, object]) -> EnumText:
    enum = EnumText(str(found["name"]))
    for each in _dicts(found, "value"):
        enum.values.setdefault(_int(each.get("number", 0)), str(each["name"]))
    return enum


def _of_field(found: dict[str, object]) -> FieldText:
    kind = _KINDS[_int(found.get("type", 0))]
    label, oneof = found.get("label"), str(found.get("oneof_index", ""))
    return FieldText(
        str(found["name"]),
        _int(found["number"]),
        kind or str(found["type_name"]),
        label == _REPEATED,
        label == _REQUIRED,
        found.get("type") == _GROUP,
        oneof,
    )


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _all(found: dict[str, object], name: str) -> list[object]:
    values = found.get(name, [])
    return values if isinstance(values, list) else []


def _dicts(found: dict[str, object], name: str) -> Iterator[dict[str, object]]:
    return (each for each in _all(found, name) if isinstance(each, dict))


# ---- types that schemas import without bringing them along

_BUILT_IN = (
    """package google.protobuf;
    message Timestamp { int64 seconds = 1; int32 nanos = 2; }
    message Duration { int64 seconds = 1; int32 nanos = 2; }
    message DoubleValue { double value = 1; }
    message FloatValue { float value = 1; }
    message Int64Value { int64 value = 1; }
    message UInt64Value { uint64 value = 1; }
    message Int32Value { int32 value = 1; }
    message UInt32Value { uint32 value = 1; }
    message BoolValue { bool value = 1; }
    message StringValue { string value = 1; }
    message BytesValue { bytes value = 1; }
    message Any { string type_url = 1; bytes value = 2; }
    message Empty {}
    message FieldMask { repeated string paths = 1; }
    message Struct { map<string, Value> fields = 1; }
    message ListValue { repeated Value values = 1; }
    enum NullValue { NULL_VALUE = 0; }
    message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
                                 bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }""",
    "package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
)


@cache
def _built_in() -> tuple[FileText, ...]:
    return tuple(parse(text) for text in _BUILT_IN)
