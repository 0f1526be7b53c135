"""Protobuf messages as JSON text, by a schema given as .proto text or as compiled descriptors.

The wire format: https://protobuf.dev/programming-guides/encoding/ . Written here rather than with the official runtime,
which the tests compare this with: its JSON has 64-bit integers as strings and lacks fields that the schema does not
know, it needs all of a message, and .proto text needs `protoc`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence

from kexplorer.formats import scalars
from kexplorer.formats.cursor import Cursor, CutOff, Reading, Unreadable, reading
from kexplorer.formats.numbers import count
from kexplorer.formats.proto_text import FileText, parse
from kexplorer.formats.proto_types import DESCRIPTORS, Enum, Field, Message, linked, of_descriptor
from kexplorer.formats.text import mostly_odd

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_Range = tuple[int, int]
_Value = tuple[int, int | _Range]  # wire type; a number as it is on the wire, or where bytes start and end


class ProtobufSchema:
    """`chosen` is the message that `reading` takes the payload for, `name` its full name. `declared`: the outermost
    messages, in the order that Confluent's framing counts by."""

    def __init__(self, declared: Sequence[Message], chosen: Message) -> None:
        self.declared = declared
        self.chosen = chosen
        self.name = chosen.name

    @classmethod
    def of(cls, text: str | bytes, references: Iterable[str | bytes] = (), type_name: str = "") -> ProtobufSchema:
        """`text` and `references`, which come before what refers to them: .proto texts, or descriptors as bytes.
        Raises Unreadable."""
        files = [file for each in (*references, text) for file in _files(each)]
        known, declared = linked(files)
        chosen = known.get(f".{type_name.removeprefix('.')}") if type_name else next(iter(declared), None)
        if not isinstance(chosen, Message):
            raise Unreadable(f"the schema declares no message {f'“{type_name}”' if type_name else ''}".rstrip())
        return cls(declared, chosen)

    def reading(self, payload: memoryview, limit: int | None) -> Reading:
        """Raises Unreadable."""
        return reading(payload, limit, self._read)

    def _read(self, cursor: Cursor) -> None:
        _message(cursor, self.chosen, [(0, cursor.size)])
        cursor.at = cursor.size

    def framed(self, payload: memoryview) -> tuple[ProtobufSchema, memoryview]:
        """The schema of the message that Confluent's framing points to, and what follows the pointer.

        A count, and as many indexes from the outermost message inwards, in zigzag; a single 0 stands for the first.
        https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
        """
        cursor = Cursor(payload[:1000])
        number = _zigzag(_varint(cursor))
        path = [_zigzag(_varint(cursor)) for _ in range(min(number, 100))] or [0]
        level, chosen = self.declared, None
        for index in path:
            if not 0 <= index < len(level):
                raise Unreadable(f"the framing points to message {'.'.join(map(str, path))}, which the schema lacks")
            chosen = level[index]
            level = chosen.inner
        return ProtobufSchema(self.declared, chosen or self.chosen), payload[cursor.at :]


def _files(schema: str | bytes) -> list[FileText]:
    if isinstance(schema, str):
        return [parse(schema)]
    payload = memoryview(schema)
    _, (as_set, as_file, *_) = linked([parse(DESCRIPTORS)])
    for kind in (as_set, as_file):
        try:
            found = json.loads(ProtobufSchema((), kind).reading(payload, None).text)
            files = found["file"] if kind is as_set else [found]
            if files := [of_descriptor(each) for each in files]:
                return files
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            continue
    raise Unreadable("the file is neither a FileDescriptorSet nor a FileDescriptorProto")


# ---- messages


def _message(cursor: Cursor, kind: Message, ranges: list[_Range]) -> None:
    """`ranges`: where it is; several if it came in pieces, which count as one behind the other."""
    cursor.deeper()
    found, whole = _fields(cursor, ranges)
    if (special := _SPECIAL.get(kind.name)) and whole:
        special(cursor, found)
    else:
        cursor.out.append("{")
        for n, (number, values) in enumerate(found.items()):
            if n:
                cursor.out.append(",")
            _field(cursor, kind.fields.get(number), number, values)
        if not whole:
            raise CutOff
        cursor.out.append("}")
    cursor.levels -= 1
    cursor.check()


def _fields(cursor: Cursor, ranges: list[_Range]) -> tuple[dict[int, list[_Value]], bool]:
    """The values of each field, in the order that the fields come; False if the data ends before the message."""
    found: dict[int, list[_Value]] = {}
    for start, end in ranges:
        cursor.at = start
        try:
            while cursor.at < end:
                tag = _varint(cursor)
                if tag < 8:
                    raise Unreadable(f"field number 0 at byte {count(cursor.at - 1)}")
                value = _value(cursor, tag, end)
                found.setdefault(tag >> 3, []).append(value)
                if cursor.at > len(cursor.data):
                    return found, False
        except CutOff:
            return found, False
        if cursor.at > end:
            raise Unreadable(f"a value runs beyond its message, which ends at byte {count(end)}")
    return found, True


def _value(cursor: Cursor, tag: int, end: int) -> _Value:
    wire = tag & 7
    if wire == _VARINT:
        return wire, _varint(cursor)
    if wire in (_FIXED32, _FIXED64):
        return wire, int.from_bytes(cursor.take(4 if wire == _FIXED32 else 8), "little")
    if wire == _BYTES:
        length = _varint(cursor)
        start = cursor.at
        cursor.at += length
        if cursor.at > end:
            raise Unreadable(f"a length of {count(length)} bytes where {count(end - start)} are left")
        return wire, (start, cursor.at)
    if wire == _GROUP:
        start = cursor.at
        return wire, (start, _group_end(cursor, tag >> 3, end))
    raise Unreadable(f"wire type {wire} at byte {count(cursor.at - 1)}")


def _group_end(cursor: Cursor, number: int, end: int) -> int:
    cursor.deeper()
    while True:
        before = cursor.at
        tag = _varint(cursor)
        if tag & 7 == _GROUP_END:
            if tag >> 3 != number:
                raise Unreadable(f"the end of a group that did not begin, at byte {count(before)}")
            cursor.levels -= 1
            return before
        _value(cursor, tag, end)


def _field(cursor: Cursor, field: Field | None, number: int, values: list[_Value]) -> None:
    out = cursor.out
    if field is None or field.kind is None:
        out.append(field.head if field else f'"{number}":')
        cursor.notes["fields that the schema does not know are guesses, by their number"] = None
        _list(cursor, values, lambda value: _unknown(cursor, value), "[]" if len(values) > 1 else "")
        return
    kind = field.kind
    out.append(field.head)
    if isinstance(kind, Message) and kind.is_entry:
        _list(cursor, values, lambda value: _entry(cursor, kind, value), "{}")
    elif field.repeated:
        _list(cursor, _unpacked(cursor, kind, values), lambda value: _one(cursor, kind, value), "[]")
    elif isinstance(kind, Message) and all(wire in (_BYTES, _GROUP) for wire, _ in values):
        _message(cursor, kind, [_range(value) for value in values])
    else:
        _one(cursor, kind, values[-1])  # the last one counts


def _list(cursor: Cursor, values: Iterable[_Value], write: Callable[[_Value], None], brackets: str) -> None:
    cursor.out.append(brackets[:1])
    for n, value in enumerate(values):
        if n:
            cursor.out.append(",")
        write(value)
        cursor.check()
    cursor.out.append(brackets[1:])


def _one(cursor: Cursor, kind: str | Message | Enum, value: _Value) -> None:
    wire, content = value
    if isinstance(kind, Message) and wire in (_BYTES, _GROUP):
        _message(cursor, kind, [_range(value)])
    elif kind in ("string", "bytes") and wire == _BYTES:
        start, end = _range(value)
        cursor.at = start
        if kind == "string":
            cursor.write_text(end - start)
        else:
            cursor.out.append(scalars.opaque(cursor.take(end - start)))
    elif isinstance(content, int) and isinstance(kind, Enum) and wire == _VARINT:
        number = _signed(content & 0xFFFFFFFF, 32)
        cursor.out.append(kind.names.get(number) or str(number))
    elif isinstance(content, int) and isinstance(kind, str) and _WIRES.get(kind) == wire:
        cursor.out.append(_NUMBERS[kind](content))
    else:
        cursor.notes["fields whose type on the wire is not the schema's are guesses"] = None
        _unknown(cursor, value)


def _unpacked(cursor: Cursor, kind: str | Message | Enum, values: list[_Value]) -> Iterator[_Value]:
    """Repeated numbers may come one by one, or many in a run of bytes."""
    packed = _VARINT if isinstance(kind, Enum) else _WIRES.get(kind) if isinstance(kind, str) else None
    for value in values:
        if value[0] != _BYTES or packed is None:
            yield value
            continue
        at, end = _range(value)
        while at < end:
            cursor.at = at
            yield (
                packed,
                (
                    _varint(cursor)
                    if packed == _VARINT
                    else int.from_bytes(cursor.take(4 if packed == _FIXED32 else 8), "little")
                ),
            )
            at = cursor.at


def _entry(cursor: Cursor, kind: Message, value: _Value) -> None:
    found, whole = _fields(cursor, [_range(value)])
    key, out = len(cursor.out), cursor.out
    for number in (1, 2):
        field = kind.fields[number]
        if field.kind is None:
            raise Unreadable("the schema lacks the type of a map")
        if number in found:
            _one(cursor, field.kind, found[number][-1])
        else:
            out.append(_default(field.kind))
        if number == 1:
            name = "".join(out[key:])
            del out[key:]
            out.append(f"{name if name.startswith(chr(34)) else scalars.quoted(name)}:")
    if not whole:
        raise CutOff


def _unknown(cursor: Cursor, value: _Value) -> None:
    wire, content = value
    if isinstance(content, int):
        cursor.out.append(str(content))
        return
    start, end = content
    cursor.at = start
    raw = cursor.take(end - start)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = ""
    readable = wire == _BYTES and (text or not raw) and not mostly_odd(text)
    cursor.out.append(scalars.quoted(text) if readable else scalars.opaque(raw))


# ---- numbers


def _range(value: _Value) -> _Range:
    content = value[1]
    if isinstance(content, int):
        raise Unreadable("a number where the schema has a message")
    return content


def _varint(cursor: Cursor) -> int:
    data, at = cursor.data, cursor.at
    value = shift = 0
    try:
        while (byte := data[at]) > 0x7F:
            value |= (byte & 0x7F) << shift
            shift += 7
            at += 1
            if shift > 63:
                raise Unreadable(f"an integer of more than 64 bits at byte {count(cursor.at)}")
    except IndexError:
        raise cursor.end() from None
    cursor.at = at + 1
    return (value | byte << shift) & 0xFFFFFFFFFFFFFFFF


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


_NUMBERS: dict[str, Callable[[int], str]] = {
    "int32": lambda n: str(_signed(n & 0xFFFFFFFF, 32)),
    "int64": lambda n: str(_signed(n, 64)),
    "uint32": lambda n: str(n & 0xFFFFFFFF),
    "uint64": str,
    "sint32": lambda n: str(_zigzag(n & 0xFFFFFFFF)),
    "sint64": lambda n: str(_zigzag(n)),
    "bool": lambda n: "true" if n else "false",
    "fixed32": str,
    "fixed64": str,
    "sfixed32": lambda n: str(_signed(n, 32)),
    "sfixed64": lambda n: str(_signed(n, 64)),
    "float": lambda n: scalars.single(struct.unpack("<f", n.to_bytes(4, "little"))[0]),
    "double": lambda n: scalars.double(struct.unpack("<d", n.to_bytes(8, "little"))[0]),
}
_WIRES = dict.fromkeys(_NUMBERS, _VARINT) | {
    **dict.fromkeys(("fixed32", "sfixed32", "float"), _FIXED32),
    **dict.fromkeys(("fixed64", "sfixed64", "double"), _FIXED64),
}


def _default(kind: str | Message | Enum) -> str:
    """What is not on the wire of a map's entry."""
    if isinstance(kind, Message):
        return "{}"
    if isinstance(kind, Enum):
        return kind.names.get(0, "0")
    words = {"string": '""', "bytes": scalars.opaque(b""), "bool": "false", "float": "0.0", "double": "0.0"}
    return words.get(kind, "0")


# ---- messages that stand for one value

_Special = Callable[[Cursor, dict[int, list[_Value]]], None]


def _last(found: dict[int, list[_Value]], number: int, bits: int) -> int:
    content = found[number][-1][1] if number in found else 0
    return _signed(content & (1 << bits) - 1, bits) if isinstance(content, int) else 0


def _timestamp(cursor: Cursor, found: dict[int, list[_Value]]) -> None:
    seconds, nanos = _last(found, 1, 64), _last(found, 2, 32)
    digits = next(digits for digits in (0, 3, 6, 9) if not nanos % 10 ** (9 - digits))
    cursor.out.append(scalars.moment((seconds * 10**9 + nanos) // 10 ** (9 - digits), digits))


def _duration(cursor: Cursor, found: dict[int, list[_Value]]) -> None:
    total = _last(found, 1, 64) * 10**9 + _last(found, 2, 32)
    seconds, nanos = divmod(abs(total), 10**9)
    rest = f".{nanos:09d}".rstrip("0") if nanos else ""
    cursor.out.append(f'"{"-" if total < 0 else ""}{seconds}{rest}s"')


def _decimal(cursor: Cursor, found: dict[int, list[_Value]]) -> None:
    cursor.at, end = _range(found[1][-1]) if 1 in found else (0, 0)
    number = scalars.integer(raw := cursor.take(end - cursor.at))
    cursor.out.append(scalars.opaque(raw) if number is None else scalars.decimal(number, _last(found, 3, 32)))


def _wrapper(kind: str) -> _Special:
    def write(cursor: Cursor, found: dict[int, list[_Value]]) -> None:
        if 1 in found:
            _one(cursor, kind, found[1][-1])
        else:
            cursor.out.append(_default(kind))

    return write


_SPECIAL: dict[str, _Special] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "confluent.type.Decimal": _decimal,
    **{
        f"google.protobuf.{name}Value": _wrapper(kind)
        for name, kind in {
            "Double": "double",
            "Float": "float",
            "Int64": "int64",
            "UInt64": "uint64",
            "Int32": "int32",
            "UInt32": "uint32",
            "Bool": "bool",
            "String": "string",
            "Bytes": "bytes",
        }.items()
    },
}
