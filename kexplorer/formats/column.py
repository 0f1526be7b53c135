"""A column that an expression of the filter language fills: from a record to a value, and from a value to a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kexplorer.formats.evaluate import compile_value, nodes
from kexplorer.formats.expression import Field, Node, Path, parse
from kexplorer.formats.functions import NUMBERS
from kexplorer.formats.payloads import MISSING
from kexplorer.formats.text import visible
from kexplorer.model.failure import Failure
from kexplorer.model.records import Header, Peek, Record
from kexplorer.model.schemas import Part

if TYPE_CHECKING:
    from kexplorer.formats.schemas import SchemaSource

LONGEST_READ = 256 << 10  # bytes of a key, value or header that are decoded for a cell: 1 ms at the worst
_MOST_SHOWN = 512  # characters of a cell
_MOST_COMPARED = 4_000  # characters of an object's or a list's JSON by which it is sorted and counted


class _Unread:
    """What there is of a payload that is longer than LONGEST_READ."""

    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Final = _Unread()

# None is null, MISSING no such field; otherwise dict, list, str, bool, int or Decimal, as payloads.Document.
Value = Any


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column holds of a record. `value_of` never raises; it is to be given a peek of `limit` bytes at least.

    `expression` gives the same in a filter; "" where no expression does.
    """

    value_of: Callable[[Peek], Value]
    limit: int
    expression: str = ""


class Shown(NamedTuple):
    """One line of text, and in a word what the text alone cannot say: "null", "empty", "too large". A missing field has
    neither. `number`: to be aligned by its digits."""

    text: str
    mark: str = ""
    number: bool = False


def compile_column(expression: str, now: int, schemas: SchemaSource | None = None) -> Reading:
    """Any value of the filter language, such as value.customer.id, headers["x"] or len(value.items). `now` is what
    ago() counts from, in milliseconds since 1970. Keys and values that have a schema in `schemas` are read with it; one
    that is awaited counts as none.

    Where the expression needs a key, value or header of more than LONGEST_READ bytes, the column has UNREAD: the
    beginning of a JSON document is none. Raises Failure (INVALID), which says the column and what to write instead.
    """
    try:
        tree = parse(expression)
        runs = {"": _compiled(tree, "", now, schemas)}
    except Failure as failure:
        message = failure.message.replace("The filter,", "The expression,", 1)
        raise Failure(failure.kind, message, failure.hint) from None
    bases = {(node.base, node.name) for node in nodes(tree) if isinstance(node, Path)}
    bases |= {("value", "") for node in nodes(tree) if isinstance(node, Field) and node.name == "size"}

    def value_of(peek: Peek) -> Value:
        record = peek.record
        if any(_too_large(record, base, name) for base, name in bases):
            return UNREAD
        run = runs.get(record.topic)
        if run is None:
            run = runs[record.topic] = _compiled(tree, record.topic, now, schemas)
        return run(record)

    return Reading(value_of, LONGEST_READ + 1 if bases else 0, expression)


def _compiled(tree: Node, topic: str, now: int, schemas: SchemaSource | None) -> Callable[[Record], Value]:
    run, fields = compile_value(tree, topic, now)
    reads = {node.base for node in nodes(tree) if isinstance(node, Path)}
    plain = _reader(schemas) if schemas else None

    def value_of(record: Record) -> Value:
        key, value, source, sent = record.key, record.value, record.source, record.value
        if plain and "value" in reads:
            value = plain(record, value, Part.VALUE)
        if plain and "key" in reads:
            key = plain(record, key, Part.KEY)
        document = fields.decode(value) if fields and value else None
        return run((document, value, key, record.headers, source.partition, record.offset, record.timestamp, sent))

    return value_of


def _reader(schemas: SchemaSource) -> Callable[[Record, bytes | None, Part], bytes | None]:
    """A key or a value as JSON where its schema is known, as it is elsewhere."""
    from kexplorer.formats.decoded_fields import json_of  # noqa: PLC0415  (all decoders: a start without them is quicker)

    def plain(record: Record, data: bytes | None, part: Part) -> bytes | None:
        return (data and json_of(data, schemas, record.topic, part, record.headers or (), record.key)) or data

    return plain


def _too_large(record: Record, base: str, name: str) -> bool:
    if base == "value":
        return len(record.value or b"") > LONGEST_READ
    if base == "key":
        return len(record.key or b"") > LONGEST_READ
    headers: tuple[Header, ...] = record.headers or ()
    return any(len(value or b"") > LONGEST_READ for each, value in headers if each == name)


def shown(value: Value) -> Shown:
    """`value` as a table cell has it."""
    kind = value.__class__
    if kind is str:
        return Shown(_cut(visible(value[: _MOST_SHOWN + 1]))) if value else Shown("", "empty")
    if kind in NUMBERS:
        return Shown(_cut(_number(value)), number=True)
    if value is None:
        return Shown("", "null")
    if value is MISSING:
        return Shown("")
    if value is UNREAD:
        return Shown("…", "too large")
    return Shown(_cut(visible(as_json(value, _MOST_SHOWN + 1))))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def _number(value: int | Decimal) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return str(Decimal(value))


class _Sign(str):
    """Brackets, commas and names between the values that `as_json` has still to write."""

    __slots__ = ()


def as_json(value: Value, most: int) -> str:
    """The first `most` characters of the value as compact JSON, every number with all of its digits. The work grows
    with `most` only, and no depth is too deep."""
    text = ""
    waiting: list[Value] = [value]
    while waiting and len(text) < most:
        each = waiting.pop()
        kind = each.__class__
        if kind is _Sign:
            text += each
        elif kind is dict:
            parts: list[Value] = [_Sign("{")]
            for number, (name, inner) in enumerate(islice(each.items(), most)):
                parts += [_Sign(f"{',' if number else ''}{encode_basestring(name[:most])}:"), inner]
            waiting += reversed([*parts, _Sign("}")])
        elif kind is list:
            parts = [_Sign("[")]
            for number, inner in enumerate(islice(each, most)):
                parts += [_Sign(","), inner] if number else [inner]
            waiting += reversed([*parts, _Sign("]")])
        elif kind is str:
            text += encode_basestring(each[:most])
        else:
            text += {None: "null", True: "true", False: "false"}[each] if kind not in NUMBERS else _number(each)
    return text[:most]


def comparable(value: Value) -> tuple[int, Any]:
    """A rank and a key: values of one rank have keys that can be compared with each other, and equal values have equal
    keys. Numbers come first, by their exact value, then texts by their characters' codes, true and false, objects and
    lists; from rank ABSENT on there is no value: null, no such field, not read."""
    if value is None or value is MISSING or value is UNREAD:
        return ABSENT + (value is MISSING) + 2 * (value is UNREAD), 0
    rank = 0 if value.__class__ in NUMBERS else {str: 1, bool: 2}.get(value.__class__, 3)
    return rank, as_json(value, _MOST_COMPARED) if rank == 3 else value


ABSENT: Final = 4  # the rank of null


def equals(expression: str, value: Value) -> str:
    """A filter that lets through the records whose `expression` has this value; "" where there is none.

    Null and a missing field are told apart where `expression` is a field.
    """
    kind = value.__class__
    if not expression or (kind not in (str, bool, *NUMBERS) and value is not None and value is not MISSING):
        return ""
    tree = parse(expression)
    path = tree if isinstance(tree, Path) else None
    whole = expression if path or isinstance(tree, Field) else f"({expression})"
    if value is MISSING:
        return f"not exists({whole})" if path else f"{whole} == null"
    if value is None:
        # Of the value itself and the key, exists() says whether they are other than null.
        told_apart = path and (path.steps or path.base not in ("value", "key"))
        return f"exists({whole}) and {whole} == null" if told_apart else f"{whole} == null"
    literal = _literal(value) if kind is str else str(value).lower() if kind is bool else _number(value)
    found = f"{whole} == {literal}"
    try:
        parse(found)
        found.encode()
    except (Failure, UnicodeEncodeError):  # too long, an exponent beyond what filters know, half a surrogate
        return ""
    return found


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _literal(text: str) -> str:
    """As the filter language reads it."""
    return f'"{text.translate(_ESCAPES)}"'
