"""JSON values as Protobuf messages: the other way round than `protobuf.py`.

https://protobuf.dev/programming-guides/encoding/ . Values are taken as `protobuf.py` shows them, and as Protobuf's own
JSON has them: names in camel case, 64-bit integers as texts. What is typed is written, also where it is a default.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from kexplorer.formats import moments
from kexplorer.formats.cursor import MOST_LEVELS
from kexplorer.formats.proto_types import Enum, Field, Message
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.typed import BASE64, Misfit, expected, from_base64, is_integer, members, spoken, utf8

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_MOST_NAMED = 8  # of what is possible
_LONGEST_INTEGER = 20  # characters of one that may fit

Kind = str | Message | Enum


class ProtobufWriter:
    """Of the message that `schema` has chosen."""

    def __init__(self, schema: ProtobufSchema) -> None:
        self._kind = schema.chosen
        self.name = schema.name
        self._names: dict[str, dict[str, int]] = {}  # of a message's fields, as they may be written

    def write(self, value: Any) -> bytes:
        """Raises Misfit."""
        return self._message(self._kind, value, 0)

    def _message(self, kind: Message, value: Any, level: int) -> bytes:
        if level > MOST_LEVELS:
            raise Misfit(f"nested deeper than {MOST_LEVELS} levels")
        if special := _SPECIAL.get(kind.name):
            return special(value)
        made = bytearray()
        for number, (name, each) in sorted(self._given(kind, value).items()):
            try:
                made += self._field(kind.fields[number], number, each, level)
            except Misfit as wrong:
                raise wrong.inside(name) from None
        return bytes(made)

    def _given(self, kind: Message, value: Any) -> dict[int, tuple[str, Any]]:
        """By number. A null stands for a field that is not there."""
        found: dict[int, tuple[str, Any]] = {}
        oneofs: dict[str, str] = {}
        for name, each in members(value, f"an object with the fields of “{kind.name}”").items():
            number = self._fields(kind).get(name)
            if number is None:
                raise Misfit(f"“{kind.name}” has no such field", (name,))
            if number in found:
                raise Misfit(f"it is there as “{found[number][0]}”, too", (name,))
            if each is None:
                continue
            oneof = kind.fields[number].oneof
            if oneof and oneofs.setdefault(oneof, name) != name:
                raise Misfit(f"only one may be there of this and “{oneofs[oneof]}”", (name,))
            found[number] = name, each
        if missing := next((field for n, field in kind.fields.items() if field.required and n not in found), None):
            raise Misfit(f"“{json.loads(missing.head.removesuffix(':'))}” is missing, which is required")
        return found

    def _fields(self, kind: Message) -> dict[str, int]:
        if kind.name not in self._names:
            named = {json.loads(field.head.removesuffix(":")): number for number, field in kind.fields.items()}
            self._names[kind.name] = {camel(name): number for name, number in named.items()} | named
        return self._names[kind.name]

    def _field(self, field: Field, number: int, value: Any, level: int) -> bytes:
        kind = field.kind
        if kind is None:
            raise Misfit("neither the schema nor its references define its type")
        if isinstance(kind, Message) and kind.is_entry:
            return self._map(kind, number, value, level)
        if not field.repeated:
            return self._one(kind, number, value, level, group=field.group)
        if not isinstance(value, list):
            raise expected("an array", value)
        packs = _packing(kind)
        parts: list[bytes] = []
        for n, each in enumerate(value):
            try:
                parts.append(packs(each) if packs else self._one(kind, number, each, level, group=field.group))
            except Misfit as wrong:
                raise wrong.inside(n) from None
        content = b"".join(parts)
        return _sized(number, content) if packs and content else content

    def _map(self, kind: Message, number: int, value: Any, level: int) -> bytes:
        key_kind, value_kind = kind.fields[1].kind, kind.fields[2].kind
        if key_kind is None or value_kind is None:
            raise Misfit("neither the schema nor its references define its type")
        made = bytearray()
        for key, each in members(value, "an object").items():
            try:
                typed: Any = {"true": True, "false": False}.get(key, key) if key_kind == "bool" else key
                entry = self._one(key_kind, 1, typed, level) + self._one(value_kind, 2, each, level)
            except Misfit as wrong:
                raise wrong.inside(key) from None
            made += _sized(number, entry)
        return bytes(made)

    def _one(self, kind: Kind, number: int, value: Any, level: int, *, group: bool = False) -> bytes:
        if isinstance(kind, Message):
            content = self._message(kind, value, level + 1)
            return _tag(number, _GROUP) + content + _tag(number, _GROUP_END) if group else _sized(number, content)
        if kind == "string":
            if not isinstance(value, str):
                raise expected("a string", value)
            return _sized(number, utf8(value))
        if kind == "bytes":
            return _sized(number, _raw(value))
        if isinstance(kind, Enum):
            return _tag(number, _VARINT) + _enum(kind, value)
        return _tag(number, _WIRES.get(kind, _VARINT)) + _NUMBERS[kind](value)


def message_indexes(schema: ProtobufSchema) -> bytes:
    """What Confluent's framing has of the chosen message, before the payload: a count and as many indexes from the
    outermost message inwards, in zigzag; a single 0 for the first.

    https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
    """
    path = _path(schema.declared, schema.chosen) or [0]
    return b"\0" if path == [0] else b"".join(_varint(each << 1) for each in (len(path), *path))


def _path(level: Sequence[Message], wanted: Message) -> list[int] | None:
    for n, each in enumerate(level):
        if each is wanted:
            return [n]
        if (inside := _path(each.inner, wanted)) is not None:
            return [n, *inside]
    return None


def camel(name: str) -> str:
    """As Protobuf's own JSON has the name of a field."""
    first, *others = name.split("_")
    return first + "".join(each[:1].upper() + each[1:] for each in others)


# ---- single values


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _sized(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _raw(value: Any) -> bytes:
    if not isinstance(value, str):
        raise expected(f'bytes as "{BASE64}…"', value)
    if value.startswith(BASE64) or not {"-", "_"} & set(value):
        return from_base64(value)
    try:
        return urlsafe_b64decode(value)
    except ValueError:
        raise expected("Base64", value) from None


def _enum(kind: Enum, value: Any) -> bytes:
    """An unknown number is kept, as Protobuf keeps it."""
    if is_integer(value) and -(1 << 31) <= value < 1 << 31:
        return _varint(value & 0xFFFFFFFFFFFFFFFF)
    names = {json.loads(name): number for number, name in kind.names.items()}
    if not isinstance(value, str) or value not in names:
        some = ", ".join(list(names)[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
        raise expected(f"one of {some}", value)
    return _varint(names[value] & 0xFFFFFFFFFFFFFFFF)


def _whole(name: str, low: int, high: int, pack: Callable[[int], bytes]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if isinstance(value, str) and len(value) <= _LONGEST_INTEGER and value.removeprefix("-").isdecimal():
            value = int(value)
        if not is_integer(value):
            raise expected(f"{name}, an integer", value)
        if not low <= value <= high:
            raise Misfit(f"{spoken(value)} is no {name}: those are {low} to {high}")
        return pack(value)

    return write


def _real(name: str, form: struct.Struct) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if value in _NOT_FINITE:
            return form.pack(float(value))
        if not is_integer(value) and not isinstance(value, Decimal):
            raise expected(f"{name}, a number", value)
        try:
            packed = form.pack(float(value))
        except OverflowError:
            packed = b""
        if not packed or not math.isfinite(*form.unpack(packed)):
            raise Misfit(f"{spoken(value)} is beyond what {name} can hold")
        return packed

    return write


def _bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise expected("true or false", value)
    return b"\1" if value else b"\0"


def _packing(kind: Kind) -> Callable[[Any], bytes] | None:
    """None for what is never packed."""
    if isinstance(kind, Enum):
        return lambda value: _enum(kind, value)
    return _NUMBERS.get(kind) if isinstance(kind, str) else None


_I32, _I64 = (-(1 << 31), (1 << 31) - 1), (-(1 << 63), (1 << 63) - 1)
_U32, _U64 = (0, (1 << 32) - 1), (0, (1 << 64) - 1)
_NUMBERS: dict[str, Callable[[Any], bytes]] = {
    "int32": _whole("int32", *_I32, lambda n: _varint(n & 0xFFFFFFFFFFFFFFFF)),
    "int64": _whole("int64", *_I64, lambda n: _varint(n & 0xFFFFFFFFFFFFFFFF)),
    "uint32": _whole("uint32", *_U32, _varint),
    "uint64": _whole("uint64", *_U64, _varint),
    "sint32": _whole("sint32", *_I32, lambda n: _varint((n << 1) ^ (n >> 31))),
    "sint64": _whole("sint64", *_I64, lambda n: _varint((n << 1) ^ (n >> 63))),
    "fixed32": _whole("fixed32", *_U32, struct.Struct("<I").pack),
    "fixed64": _whole("fixed64", *_U64, struct.Struct("<Q").pack),
    "sfixed32": _whole("sfixed32", *_I32, struct.Struct("<i").pack),
    "sfixed64": _whole("sfixed64", *_I64, struct.Struct("<q").pack),
    "float": _real("float", struct.Struct("<f")),
    "double": _real("double", struct.Struct("<d")),
    "bool": _bool,
}
_WIRES = {
    **dict.fromkeys(("fixed32", "sfixed32", "float"), _FIXED32),
    **dict.fromkeys(("fixed64", "sfixed64", "double"), _FIXED64),
}


# ---- messages that stand for one value


def _pair(first: int, second: int) -> bytes:
    """Fields 1 and 2, as integers that are left out where they are zero."""
    numbers = ((1, first), (2, second))
    return b"".join(_tag(n, _VARINT) + _NUMBERS["int64"](value) for n, value in numbers if value)


def _timestamp(value: Any) -> bytes:
    if not isinstance(value, str):
        raise expected("a time such as “2026-11-23T03:59:00Z”", value)
    return _pair(*divmod(moments.moment(value, 9, zoned=True), 10**9))


def _duration(value: Any) -> bytes:
    if not isinstance(value, str):
        raise expected("a duration in seconds such as “3.5s”", value)
    return _pair(*moments.seconds(value))


def _decimal(value: Any) -> bytes:
    if isinstance(value, str) and value.startswith(BASE64):
        return _sized(1, from_base64(value))
    unscaled, scale = moments.exact(value)
    digits = len(str(abs(unscaled)))
    raw = unscaled.to_bytes(unscaled.bit_length() // 8 + 1, signed=True)
    behind = _tag(3, _VARINT) + _NUMBERS["int32"](scale) if scale else b""
    return _sized(1, raw) + _tag(2, _VARINT) + _varint(digits) + behind


def _wrapper(kind: str) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if kind in ("string", "bytes"):
            if kind == "string" and not isinstance(value, str):
                raise expected("a string", value)
            return _sized(1, utf8(value) if kind == "string" else _raw(value))
        return _tag(1, _WIRES.get(kind, _VARINT)) + _NUMBERS[kind](value)

    return write


_SPECIAL: dict[str, Callable[[Any], bytes]] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "confluent.type.Decimal": _decimal,
    **{
        f"google.protobuf.{name}Value": _wrapper(name.lower())
        for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
    },
}
