"""Avro's binary encoding, read with the schema that wrote it: https://avro.apache.org/docs/1.12.0/specification/

A schema is compiled into functions that write JSON text. Not by fastavro 1.13.1, which the tests compare this with:
data that nests a recursive schema 100,000 deep ends the process in its C code, ten bytes make an array of 2 ** 60 nulls
in memory, decimals are rounded to the precision of the schema, and it cannot read the first 64 kB of a large value.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

from kexplorer.formats import scalars
from kexplorer.formats.cursor import Cursor, Reading, Unreadable, reading

_Read = Callable[[Cursor], None]
_FLOAT, _DOUBLE, _DURATION = struct.Struct("<f"), struct.Struct("<d"), struct.Struct("<III")
_TICKS = {"millis": 3, "micros": 6, "nanos": 9}  # digits of a second


class AvroSchema:
    """`name` is the full name of the record, or the type. Raises Unreadable for a schema that is none."""

    def __init__(self, text: str | bytes, references: Iterable[str | bytes] = ()) -> None:
        compiler = _Compiler()
        try:
            for reference in references:
                compiler.read(json.loads(reference), "")
            parsed = json.loads(text)
            self._read = compiler.read(parsed, "")
        except RecursionError:
            raise Unreadable("the schema is nested too deeply") from None
        except ValueError as error:
            raise error if isinstance(error, Unreadable) else Unreadable(f"the schema is not JSON: {error}") from None
        except (TypeError, AttributeError, KeyError) as error:
            raise Unreadable(f"the schema is not Avro's: {type(error).__name__} {error}") from None
        while isinstance(parsed, dict) and isinstance(parsed["type"], dict):
            parsed = parsed["type"]
        kind = parsed["type"] if isinstance(parsed, dict) else parsed
        self.name = "union" if isinstance(kind, list) else compiler.last if kind in _NAMED else str(kind)
        self.is_bytes = kind == "bytes"

    def reading(self, payload: memoryview, limit: int | None) -> Reading:
        """Raises Unreadable."""
        return reading(payload, limit, self._read)


class _Compiler:
    """`last` is the full name of the named type that was completed last."""

    def __init__(self) -> None:
        self._names: dict[str, _Read] = {}
        self.last = ""

    def read(self, schema: Any, space: str) -> _Read:  # noqa: PLR0911 - one for each shape of a schema
        if isinstance(schema, list):
            return _union([self.read(branch, space) for branch in schema])
        if isinstance(schema, str):
            return self._named(schema, space)
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.read(kind, space)
        if kind in _NAMED:
            return self._declared(kind, schema, space)
        if kind == "array":
            return _array(self.read(schema["items"], space))
        if kind == "map":
            return _map(self.read(schema["values"], space))
        return _logical(kind, schema, None) or self._named(kind, space)

    def _named(self, name: str, space: str) -> _Read:
        if primitive := _PRIMITIVES.get(name):
            return primitive
        found = self._names.get(f"{space}.{name}" if space else name) or self._names.get(name)
        if not found:
            raise Unreadable(f"the schema refers to “{name}”, which neither it nor its references define")
        return found

    def _declared(self, kind: str, schema: dict[str, Any], space: str) -> _Read:
        name = schema["name"]
        if "." not in name and (inside := schema.get("namespace", space)):
            name = f"{inside}.{name}"
        if kind in ("record", "error"):
            read = self._record(name, schema["fields"])
        elif kind == "enum":
            read = self._names[name] = _enum([scalars.quoted(symbol) for symbol in schema["symbols"]])
        else:
            length = _whole(schema["size"], "size")
            read = self._names[name] = _logical(kind, schema, length) or _fixed(length)
        self.last = name
        return read

    def _record(self, name: str, fields: list[Any]) -> _Read:
        inside = name.rpartition(".")[0]
        steps: list[tuple[str, _Read]] = []

        def read(cursor: Cursor) -> None:
            cursor.deeper()
            out = cursor.out
            for head, field in steps:
                out.append(head)
                field(cursor)
            out.append("}" if steps else "{}")
            cursor.levels -= 1
            cursor.check()

        self._names[name] = read  # before its fields, which may refer to it
        steps += [
            (f"{',' if n else '{'}{scalars.quoted(field['name'])}:", self.read(field["type"], inside))
            for n, field in enumerate(fields)
        ]
        return read


def _whole(number: object, name: str) -> int:
    if not isinstance(number, int) or number < 0:
        raise Unreadable(f"the schema's {name} is {number!r}")
    return number


def _long(cursor: Cursor) -> int:
    data, at = cursor.data, cursor.at
    value = shift = 0
    try:
        while (byte := data[at]) > 0x7F:
            value |= (byte & 0x7F) << shift
            shift += 7
            at += 1
            if shift > 63:
                raise Unreadable(f"an integer of more than 64 bits at byte {cursor.at}")
    except IndexError:
        raise cursor.end() from None
    value |= byte << shift
    if value >> 64:
        raise Unreadable(f"an integer of more than 64 bits at byte {cursor.at}")
    cursor.at = at + 1
    return (value >> 1) ^ -(value & 1)


def _int(cursor: Cursor) -> int:
    value = _long(cursor)
    if not -(1 << 31) <= value < 1 << 31:
        raise Unreadable(f"an int of more than 32 bits before byte {cursor.at}")
    return value


def _boolean(cursor: Cursor) -> None:
    byte = cursor.byte()
    if byte > 1:
        raise Unreadable(f"0x{byte:02X} for a boolean at byte {cursor.at - 1}")
    cursor.out.append("true" if byte else "false")


def _bytes(cursor: Cursor) -> bytes:
    return cursor.take(_long(cursor))


def _writes(read: Callable[[Cursor], Any], write: Callable[[Any], str]) -> _Read:
    return lambda cursor: cursor.out.append(write(read(cursor)))


def _fixed(length: int) -> _Read:
    return _writes(lambda cursor: cursor.take(length), scalars.opaque)


def _enum(symbols: list[str]) -> _Read:
    def read(cursor: Cursor) -> None:
        index = _int(cursor)
        if not 0 <= index < len(symbols):
            raise Unreadable(f"symbol {index} of an enum that has {len(symbols)}, before byte {cursor.at}")
        cursor.out.append(symbols[index])

    return read


def _union(branches: list[_Read]) -> _Read:
    def read(cursor: Cursor) -> None:
        index = _long(cursor)
        if not 0 <= index < len(branches):
            raise Unreadable(f"branch {index} of a union that has {len(branches)}, before byte {cursor.at}")
        branches[index](cursor)

    return read


def _array(item: _Read) -> _Read:
    return _blocks("[", item, "]")


def _map(value: _Read) -> _Read:
    def entry(cursor: Cursor) -> None:
        cursor.write_text(_long(cursor))
        cursor.out.append(":")
        value(cursor)

    return _blocks("{", entry, "}")


def _blocks(opening: str, item: _Read, closing: str) -> _Read:
    def read(cursor: Cursor) -> None:
        cursor.deeper()
        cursor.out.append(opening)
        separators = chain(("",), repeat(","))
        while number := _long(cursor):
            if number < 0:
                number = -number
                _long(cursor)  # the size of the block in bytes, for those who skip it
            for _, separator in zip(range(number), separators, strict=False):
                cursor.out.append(separator)
                item(cursor)
                cursor.check()
        cursor.out.append(closing)
        cursor.levels -= 1

    return read


def _logical(kind: str, schema: dict[str, Any], length: int | None) -> _Read | None:  # noqa: PLR0911 - a table
    """None for a logical type that is unknown or does not suit the type: the type itself counts then."""
    logical = schema.get("logicalType")
    name, _, unit = logical.rpartition("-") if isinstance(logical, str) else ("", "", "")
    match kind, name, unit:
        case "long", "timestamp" | "local-timestamp", "millis" | "micros" | "nanos":
            zone = "Z" if name == "timestamp" else ""
            return _writes(_long, lambda ticks: scalars.moment(ticks, _TICKS[unit], zone))
        case ("int", "time", "millis") | ("long", "time", "micros"):
            return _writes(_long, lambda ticks: scalars.time_of_day(ticks, _TICKS[unit]))
        case "int", "", "date":
            return _writes(_int, scalars.day)
        case "bytes" | "fixed", "", "decimal":
            scale = _whole(schema.get("scale", 0), "scale")
            read = _bytes if length is None else lambda cursor: cursor.take(length)
            return _writes(read, lambda raw: _decimal(raw, scale))
        case "bytes", "big", "decimal":
            return _big_decimal
        case "fixed", "", "uuid" if length == 16:
            return _writes(lambda cursor: cursor.take(16), scalars.uuid)
        case "fixed", "", "duration" if length == 12:
            return _writes(lambda cursor: _DURATION.unpack(cursor.take(12)), _duration)
    return None


def _decimal(raw: bytes, scale: int) -> str:
    unscaled = scalars.integer(raw)
    return scalars.opaque(raw) if unscaled is None else scalars.decimal(unscaled, scale)


def _big_decimal(cursor: Cursor) -> None:
    """Bytes that hold the unscaled number as bytes, and its scale as an int."""
    inner = Cursor(memoryview(_bytes(cursor)))
    raw = _bytes(inner)
    cursor.out.append(_decimal(raw, _int(inner)))


def _duration(parts: tuple[int, int, int]) -> str:
    months, days, milliseconds = parts
    seconds, rest = divmod(milliseconds, 1000)
    return f'"P{months}M{days}DT{seconds}.{rest:03d}S"'


_NAMED = ("record", "error", "enum", "fixed")
_PRIMITIVES: dict[str, _Read] = {
    "null": lambda cursor: cursor.out.append("null"),
    "boolean": _boolean,
    "int": _writes(_int, str),
    "long": _writes(_long, str),
    "float": _writes(lambda cursor: _FLOAT.unpack(cursor.take(4))[0], scalars.single),
    "double": _writes(lambda cursor: _DOUBLE.unpack(cursor.take(8))[0], scalars.double),
    "bytes": _writes(_bytes, scalars.opaque),
    "string": lambda cursor: cursor.write_text(_long(cursor)),
}
