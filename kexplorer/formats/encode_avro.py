"""JSON values in Avro's binary encoding: the other way round than `avro.py`.

https://avro.apache.org/docs/1.12.0/specification/ . Values are taken as `avro.py` shows them, and as Avro's own JSON
encoding has them: a union's branch may be named, {"string": "x"}, and bytes may be a text of characters up to U+00FF.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from kexplorer.formats import moments
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import MOST_LEVELS, Unreadable
from kexplorer.formats.typed import (
    BASE64,
    MOST_DIGITS,
    Misfit,
    expected,
    from_base64,
    is_integer,
    members,
    spoken,
    utf8,
)

_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_TICKS = {"millis": 3, "micros": 6, "nanos": 9}  # digits of a second
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_BY_RANK = ("int", "long", "double", "float")  # which of several that fit a number is meant
_MOST_NAMED = 8  # of what is possible
_MOST_DEFAULTS = 100_000
_NO_DEFAULT = object()


class AvroWriter:
    """`schema` is a text as its author wrote it, `references` what it refers to. Raises Unreadable, as AvroSchema."""

    def __init__(self, schema: str | bytes, references: Iterable[str | bytes] = ()) -> None:
        references = tuple(references)
        read = AvroSchema(schema, references)  # which checks it
        self.name, self.is_bytes = read.name, read.is_bytes
        compiler = _Compiler()
        try:
            for reference in references:
                compiler.of(_loaded(reference), "")
            self._type = compiler.of(_loaded(schema), "")
        except (TypeError, AttributeError, KeyError, RecursionError) as error:
            raise Unreadable(f"the schema is not Avro's: {type(error).__name__} {error}") from None

    def write(self, value: Any) -> bytes:
        """Raises Misfit."""
        out = _Out()
        self._type.write(value, out)
        return bytes(out.data)

    @staticmethod
    def raw(value: Any) -> bytes:
        """Bytes without their length. Raises Misfit."""
        return _raw(value)


class _Out:
    """`known`: what became of a value in a union, by both of their ids: a value is tried with every branch, and what it
    holds would be tried again for each of them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.levels = 0
        self.defaults = 0  # that were written
        self.known: dict[tuple[int, int], bytes | Misfit] = {}

    def deeper(self) -> None:
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise Misfit(f"nested deeper than {MOST_LEVELS} levels")

    def one_more_default(self) -> None:
        """Defaults within defaults may double with each level."""
        self.defaults += 1
        if self.defaults > _MOST_DEFAULTS:
            raise Misfit("the defaults of the schema would be too many")

    def apart(self, write: _Write, value: Any) -> bytes:
        """What `write` makes of it, which is not written yet."""
        before, levels, self.data = self.data, self.levels, bytearray()
        try:
            write(value, self)
            return bytes(self.data)
        finally:
            self.data, self.levels = before, levels


_Write = Callable[[Any, _Out], None]


class _Type(NamedTuple):
    """`name` is what a union's branch is called by; `kind` is "record", "bytes", ..., "" for bytes with a meaning."""

    name: str
    kind: str
    write: _Write
    default: _Write  # of what a schema gives for a field that is left out


class _Compiler:
    def __init__(self) -> None:
        self._names: dict[str, _Type] = {}

    def of(self, schema: Any, space: str) -> _Type:  # noqa: PLR0911 - one for each shape of a schema
        if isinstance(schema, list):
            union = _Union([self.of(branch, space) for branch in schema])
            return _Type("union", "union", union.write, union.default)
        if isinstance(schema, str):
            return self._named(schema, space)
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.of(kind, space)
        if kind in ("record", "error", "enum", "fixed"):
            return self._declared(kind, schema, space)
        if kind == "array":
            return _type(kind, kind, _array(self.of(schema["items"], space).write))
        if kind == "map":
            return _type(kind, kind, _map(self.of(schema["values"], space).write))
        logical = _logical(kind, schema, None)
        if not logical:
            return self._named(kind, space)
        return _Type(kind, "", logical, _bytes if kind == "bytes" else logical)  # a default stands in bytes

    def _named(self, name: str, space: str) -> _Type:
        if primitive := _PRIMITIVES.get(name):
            return _type(name, name, primitive)
        found = self._names.get(f"{space}.{name}" if space else name) or self._names.get(name)
        if not found:
            raise KeyError(name)
        return found

    def _declared(self, kind: str, schema: dict[str, Any], space: str) -> _Type:
        name = schema["name"]
        if "." not in name and (inside := schema.get("namespace", space)):
            name = f"{inside}.{name}"
        if kind in ("record", "error"):
            fields: dict[str, tuple[_Type, object]] = {}
            found = self._names[name] = _type(name, "record", _record(name, fields))  # its fields may refer to it
            for field in schema["fields"]:
                inner = self.of(field["type"], name.rpartition(".")[0])
                fields[field["name"]] = inner, field.get("default", _NO_DEFAULT)
        elif kind == "enum":
            found = self._names[name] = _type(name, kind, _enum(schema["symbols"]))
        else:
            logical = _logical(kind, schema, schema["size"])
            fixed = _fixed(schema["size"])
            found = self._names[name] = _Type(name, "" if logical else "bytes", logical or fixed, fixed)
        return found


def _type(name: str, kind: str, write: _Write) -> _Type:
    return _Type(name, kind, write, write)


def _loaded(schema: str | bytes) -> Any:
    return json.loads(schema, parse_float=Decimal)


# ---- what consists of others


def _record(name: str, fields: dict[str, tuple[_Type, object]]) -> _Write:
    def write(value: Any, out: _Out) -> None:
        out.deeper()
        given = members(value, f"an object with the fields of “{name}”")
        if unknown := next((each for each in given if each not in fields), None):
            raise Misfit(f"“{name}” has no such field", (unknown,))
        for field, (kind, default) in fields.items():
            try:
                if field in given:
                    kind.write(given[field], out)
                elif default is _NO_DEFAULT:
                    raise Misfit(f"“{field}” is missing, which has no default")
                else:
                    out.one_more_default()
                    kind.default(default, out)
            except Misfit as wrong:
                raise wrong.inside(field) if field in given else wrong from None
        out.levels -= 1

    return write


def _array(item: _Write) -> _Write:
    def write(value: Any, out: _Out) -> None:
        out.deeper()
        if not isinstance(value, list):
            raise expected("an array", value)
        if value:
            out.data += _zigzag(len(value))
        for n, each in enumerate(value):
            try:
                item(each, out)
            except Misfit as wrong:
                raise wrong.inside(n) from None
        out.data += b"\0"
        out.levels -= 1

    return write


def _map(item: _Write) -> _Write:
    def write(value: Any, out: _Out) -> None:
        out.deeper()
        given = members(value, "an object")
        if given:
            out.data += _zigzag(len(given))
        for key, each in given.items():
            try:
                _string(key, out)
                item(each, out)
            except Misfit as wrong:
                raise wrong.inside(key) from None
        out.data += b"\0"
        out.levels -= 1

    return write


class _Union:
    def __init__(self, branches: list[_Type]) -> None:
        self._branches = branches

    def write(self, value: Any, out: _Out) -> None:
        place = id(self), id(value)
        if place not in out.known:
            try:
                out.known[place] = self._named(value, out) or self._plain(value, out)
            except Misfit as wrong:
                out.known[place] = wrong
        known = out.known[place]
        if isinstance(known, Misfit):
            raise known
        out.data += known

    def default(self, value: Any, out: _Out) -> None:
        """Of the first branch."""
        try:
            out.data += b"\0" + out.apart(self._branches[0].default, value)
        except Misfit:
            self.write(value, out)

    def _named(self, value: Any, out: _Out) -> bytes | None:
        """As {"long": 1}. None where that would be a plain value."""
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((tag, inner),) = value.items()
        for n, branch in enumerate(self._branches):
            if tag in (branch.name, branch.name.rpartition(".")[2]):
                try:
                    return _zigzag(n) + out.apart(branch.write, inner)
                except Misfit as wrong:
                    if any(each.kind in ("record", "map") for each in self._branches):
                        return None
                    raise wrong.inside(tag) from None
        return None

    def _plain(self, value: Any, out: _Out) -> bytes:
        fitting: list[tuple[str, bytes]] = []
        wrongs: list[tuple[str, Misfit]] = []
        for n, branch in enumerate(self._branches):
            if len(self._branches) > 2 and branch.kind == "bytes" and not str(value).startswith(BASE64):
                continue  # of plain texts only "string" is meant
            try:
                fitting.append((branch.name, _zigzag(n) + out.apart(branch.write, value)))
            except Misfit as wrong:
                wrongs.append((branch.name, wrong))
        if not fitting:
            raise _best_reason(self._branches, wrongs, value)
        return _meant(fitting)


def _meant(fitting: list[tuple[str, bytes]]) -> bytes:
    names = [name for name, _ in fitting]
    if len(fitting) == 1:
        return fitting[0][1]
    if all(name in _BY_RANK for name in names):
        return min(fitting, key=lambda each: _BY_RANK.index(each[0]))[1]
    raise Misfit(f'it may be {" or ".join(names[:_MOST_NAMED])}: write {{"{names[0]}": …}} to say which')


def _best_reason(branches: list[_Type], wrongs: list[tuple[str, Misfit]], value: Any) -> Misfit:
    told = [wrong for name, wrong in wrongs if name != "null"]
    deepest = max(told, key=lambda wrong: len(wrong.path), default=None)
    if deepest and (deepest.path or (len(told) == 1 and len(branches) <= 2)):
        return deepest
    return expected(" or ".join(branch.name for branch in branches[:_MOST_NAMED]), value)


# ---- single values


def _zigzag(number: int) -> bytes:
    left = (number << 1) ^ (number >> 63)
    made = bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)


def _null(value: Any, _out: _Out) -> None:
    if value is not None:
        raise expected("null", value)


def _boolean(value: Any, out: _Out) -> None:
    if not isinstance(value, bool):
        raise expected("true or false", value)
    out.data.append(value)


def _whole(name: str, bits: int) -> _Write:
    def write(value: Any, out: _Out) -> None:
        if not is_integer(value):
            raise expected(f"{name}, an integer", value)
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise Misfit(f"{spoken(value)} is no {name}: it has more than {bits} bits")
        out.data += _zigzag(value)

    return write


def _real(name: str, form: struct.Struct) -> _Write:
    def write(value: Any, out: _Out) -> None:
        if value in _NOT_FINITE:
            out.data += form.pack(float(value))
            return
        if not is_integer(value) and not isinstance(value, Decimal):
            raise expected(f"{name}, a number", value)
        try:
            packed = form.pack(float(value))
        except OverflowError:
            packed = b""
        if not packed or not math.isfinite(*form.unpack(packed)):
            raise Misfit(f"{spoken(value)} is beyond what {name} can hold")
        out.data += packed

    return write


def _string(value: Any, out: _Out) -> None:
    if not isinstance(value, str):
        raise expected("a string", value)
    raw = utf8(value)
    out.data += _zigzag(len(raw)) + raw


def _uuid_text(value: Any, out: _Out) -> None:
    _string(str(moments.uuid(value)) if isinstance(value, str) else value, out)


def _raw(value: Any) -> bytes:
    if not isinstance(value, str):
        raise expected(f'bytes as "{BASE64}…" or as text', value)
    if value.startswith(BASE64):
        return from_base64(value)
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        raise Misfit(f'{spoken(value)} has characters beyond U+00FF: write bytes as "{BASE64}…"') from None


def _bytes(value: Any, out: _Out) -> None:
    raw = _raw(value)
    out.data += _zigzag(len(raw)) + raw


def _fixed(size: int) -> _Write:
    def write(value: Any, out: _Out) -> None:
        raw = _raw(value)
        if len(raw) != size:
            raise Misfit(f"expected {size} bytes, found {len(raw)}")
        out.data += raw

    return write


def _enum(symbols: list[str]) -> _Write:
    places = {symbol: n for n, symbol in enumerate(symbols)}
    some = ", ".join(symbols[:_MOST_NAMED]) + (" …" if len(symbols) > _MOST_NAMED else "")

    def write(value: Any, out: _Out) -> None:
        if not isinstance(value, str) or value not in places:
            raise expected(f"one of {some}", value)
        out.data += _zigzag(places[value])

    return write


# ---- logical types


def _logical(kind: str, schema: dict[str, Any], size: int | None) -> _Write | None:  # noqa: PLR0911 - a table
    """None for a logical type that is unknown or does not suit the type: the type itself counts then."""
    logical = schema.get("logicalType")
    name, _, unit = logical.rpartition("-") if isinstance(logical, str) else ("", "", "")
    match kind, name, unit:
        case "long", "timestamp" | "local-timestamp", "millis" | "micros" | "nanos":
            zoned = name == "timestamp"
            return _ticks(_LONG, lambda text: moments.moment(text, _TICKS[unit], zoned=zoned))
        case ("int", "time", "millis") | ("long", "time", "micros"):
            whole = _INT if kind == "int" else _LONG
            return _ticks(whole, lambda text: moments.time_of_day(text, _TICKS[unit]))
        case "int", "", "date":
            return _ticks(_INT, moments.day)
        case "bytes" | "fixed", "", "decimal":
            return _decimal(schema.get("precision"), schema.get("scale", 0), size)
        case "bytes", "big", "decimal":
            return _big_decimal
        case "string", "", "uuid":
            return _uuid_text
        case "fixed", "", "uuid" if size == 16:
            return _packed(lambda text: moments.uuid(text).bytes, 16)
        case "fixed", "", "duration" if size == 12:
            return _packed(moments.avro_duration, 12)
    return None


def _ticks(whole: _Write, ticks: Callable[[str], int]) -> _Write:
    def write(value: Any, out: _Out) -> None:
        whole(ticks(value) if isinstance(value, str) else value, out)

    return write


def _packed(pack: Callable[[str], bytes], size: int) -> _Write:
    plain = _fixed(size)

    def write(value: Any, out: _Out) -> None:
        if isinstance(value, str) and not value.startswith(BASE64):
            out.data += pack(value)
        else:
            plain(value, out)

    return write


def _decimal(precision: object, scale: int, size: int | None) -> _Write:
    def write(value: Any, out: _Out) -> None:
        if isinstance(value, str) and value.startswith(BASE64):
            (_bytes if size is None else _fixed(size))(value, out)
            return
        unscaled = moments.unscaled(value, scale)
        if isinstance(precision, int) and abs(unscaled) >= 10 ** min(precision, MOST_DIGITS):
            raise Misfit(f"{spoken(value)} has more than the {precision} digits of this decimal")
        length = unscaled.bit_length() // 8 + 1 if size is None else size
        try:
            raw = unscaled.to_bytes(length, signed=True)
        except OverflowError:
            raise Misfit(f"{spoken(value)} does not fit into {size} bytes") from None
        out.data += raw if size is not None else _zigzag(length) + raw

    return write


def _big_decimal(value: Any, out: _Out) -> None:
    number, scale = moments.exact(value)
    raw = number.to_bytes(number.bit_length() // 8 + 1, signed=True)
    inner = _zigzag(len(raw)) + raw + _zigzag(scale)
    out.data += _zigzag(len(inner)) + inner


_INT, _LONG = _whole("int", 32), _whole("long", 64)
_PRIMITIVES: dict[str, _Write] = {
    "null": _null,
    "boolean": _boolean,
    "int": _INT,
    "long": _LONG,
    "float": _real("float", _FLOAT),
    "double": _real("double", _DOUBLE),
    "bytes": _bytes,
    "string": _string,
}
