"""Cells say what the record's own view says, in one line, whatever the bytes are."""

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats import cell_text as module
from kexplorer.formats.cell_text import CellTexts
from kexplorer.formats.decode import decode
from kexplorer.formats.schemas import JsonSchema, Schema, Unavailable, compiled
from kexplorer.formats.text import Kind, visible
from kexplorer.model.records import Header, Peek, Record, RecordColumns, TimestampType
from kexplorer.model.schemas import Part, SchemaFormat, SchemaKey, SchemaText
from kexplorer.model.topics import TopicPartition

ORDER = """{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "item", "type": "string"},
    {"name": "note", "type": ["null", "string"]}]}"""
PROTO = 'syntax = "proto3"; message Outer { message Order { int64 id = 1; string item = 2; } }'
GUID = UUID("12345678-1234-5678-1234-567812345678")
TEA = b"\x54\x06tea\x00"
SHOWN = '{"id":42,"item":"tea","note":null}'


class Source:
    """Schemas 7 (Avro), 8 (Protobuf), 9 (JSON Schema), 10 (Avro's bytes); 11 is awaited, all others are unknown."""

    def __init__(self, assigned: Schema | Unavailable | None = None) -> None:
        avro = compiled(SchemaText(SchemaFormat.AVRO, ORDER))
        self.known: dict[SchemaKey, Schema | Unavailable] = {
            7: avro,
            GUID: avro,
            8: compiled(SchemaText(SchemaFormat.PROTOBUF, PROTO)),
            9: JsonSchema(),
            10: compiled(SchemaText(SchemaFormat.AVRO, '"bytes"')),
            11: Unavailable("it is being asked for", awaited=True),
        }
        self.asked: list[SchemaKey] = []
        self._assigned = assigned

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        self.asked.append(key)
        return self.known.get(key, Unavailable("it is unknown"))

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return self._assigned if (topic, part) == ("orders", Part.VALUE) else None


def peek(
    data: bytes | None, topic: str = "", part: Part = Part.VALUE, headers: tuple[Header, ...] = (), offset: int = 1
) -> Peek:
    key, value = (data, None) if part is Part.KEY else (None, data)
    place = TopicPartition(topic, 0)
    record = Record(place, offset, 1_795_400_000_000, TimestampType.CREATE_TIME, key, value, headers)
    return Peek(record, len(data or b""))


def cell_text(
    data: bytes | None,
    limit: int,
    schemas: Source,
    topic: str = "",
    part: Part = Part.VALUE,
    headers: tuple[Header, ...] = (),
) -> str | None:
    return module.cell_text(peek(data, topic, part, headers), part, limit, schemas)


def framed(key: int, payload: bytes) -> bytes:
    return b"\x00" + key.to_bytes(4) + payload


def order(item: str) -> bytes:
    """Of Avro's schema, with an item of up to 8,191 bytes."""
    raw = item.encode()
    twice = 2 * len(raw)
    return b"\x54" + (bytes([twice]) if twice < 128 else bytes([twice & 0x7F | 0x80, twice >> 7])) + raw + b"\x00"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (framed(7, TEA), SHOWN),
        (framed(8, b"\x04\x00\x00\x08\x2a\x12\x03tea"), '{"id":42,"item":"tea"}'),
        (framed(9, b'{"id": 42}'), '{"id": 42}'),
        (framed(999, b'{"id": 42}'), '{"id": 42}'),
        (framed(7, order("\u202e\x7f\n")), '{"id":42,"item":"‹U+202E›␡\\n","note":null}'),
        (framed(7, b"\x54\x04\xff\xfe\x00"), '{"id":42,"item":"‹FF›‹FE›","note":null}'),
        (framed(7, TEA + b"\x00"), None),  # one byte too many
        (framed(8, b"\x04\x00\x09\x08\x2a"), None),  # there is no such message
        (framed(10, b"\xff\xfe"), None),
        (framed(999, b"\x54"), None),
        (framed(0, TEA), None),
        (b"\xff\xff\xff\xff\xff" + TEA, None),
        (b"\x00\x00\x00", None),
        (b'{"id": 42}', None),
        (b"", None),
        (None, None),
    ],
)
def test_what_a_schema_of_the_registry_makes_of_it(data: bytes | None, text: str | None) -> None:
    assert cell_text(data, 200, Source()) == text


def test_by_a_header() -> None:
    headers = (("x", b"1"), ("__value_schema_id", b"\x01" + GUID.bytes))
    assert cell_text(TEA, 200, Source(), headers=headers) == SHOWN
    assert cell_text(TEA, 200, Source(), headers=headers, part=Part.KEY) is None
    assert cell_text(TEA, 200, Source(), headers=(("__value_schema_id", b"\x07"),)) is None


def test_by_the_schema_that_was_assigned() -> None:
    assigned = Source(compiled(SchemaText(SchemaFormat.AVRO, ORDER)))
    assert cell_text(TEA, 200, assigned, "orders") == SHOWN
    assert cell_text(framed(999, TEA), 200, assigned, "orders") == SHOWN
    assert cell_text(TEA, 200, assigned, "payments") is None
    assert cell_text(TEA, 200, assigned, "orders", Part.KEY) is None
    assert cell_text(b"plain text", 200, assigned, "orders") is None
    broken = Source(Unavailable("the file is gone"))
    assert cell_text(framed(7, TEA), 200, broken, "orders") == SHOWN


@pytest.mark.parametrize("limit", [2, 10, 33, 34, 35])
def test_a_line_is_as_long_as_the_cell(limit: int) -> None:
    text = cell_text(framed(7, TEA), limit, Source())
    assert text == (SHOWN if limit >= len(SHOWN) else SHOWN[: limit - 1] + "…")


def test_an_escape_is_not_cut_in_half() -> None:
    for limit in range(18, 30):
        text = cell_text(framed(7, order("\u202e" * 9)), limit, Source())
        assert text is not None
        assert len(text) <= limit
        assert text.endswith("…")
        assert text.count("‹") == text.count("›")


def test_characters_of_several_bytes_fill_the_cell_too() -> None:
    text = cell_text(framed(7, order("茶" * 300)), 100, Source())
    assert text == '{"id":42,"item":"' + "茶" * 82 + "…"


@pytest.mark.parametrize("size", [2000, 3_000_000])
@pytest.mark.parametrize("key", [None, b"k", b"k" * 5000])
def test_the_beginning_of_a_value_is_enough(size: int, key: bytes | None) -> None:
    """A table takes no more of a large value, be it one long string."""
    source = Source(compiled(SchemaText(SchemaFormat.AVRO, '{"type": "array", "items": "string"}')))
    raw = (b"tea " * (size // 4))[: size - 6]
    length = 2 * len(raw)
    varint = bytes(length >> shift & 0x7F | (0x80 if shift < 21 else 0) for shift in (0, 7, 14, 21))
    columns = RecordColumns([Record(TopicPartition("orders", 0), 1, 0, TimestampType.CREATE_TIME, key, b"", ())])
    value = b"\x02" + varint + raw + b"\x00"
    columns.append(TopicPartition("orders", 0), 2, 0, TimestampType.CREATE_TIME, key, value, ())
    for cut in (402, 1000):
        look = columns.peek(1, cut)
        assert module.cell_text(look, Part.VALUE, 20, source) == '["tea tea tea tea t…'
        if cut == 402:
            assert module.cell_text(look, Part.VALUE, 600, source) == '["' + "tea " * 99 + "t…"
    assert module.cell_text(columns.peek(1, 4 * size), Part.VALUE, 3 * size, source) == f'["{raw.decode()}"]'


def test_a_short_key_beside_a_large_value_is_whole() -> None:
    columns = RecordColumns()
    key = framed(7, TEA)
    columns.append(TopicPartition("orders", 0), 1, 0, TimestampType.CREATE_TIME, key, b"x" * 100_000, ())
    assert module.cell_text(columns.peek(0, 2049), Part.KEY, 200, Source()) == SHOWN


def test_kafkas_own_records() -> None:
    key = b"\x00\x01\x00\x07billing\x00\x06orders\x00\x00\x00\x03"
    value = b"\x00\x01" + (41).to_bytes(8) + bytes(2) + bytes(8) + b"\xff" * 8
    columns = RecordColumns()
    columns.append(TopicPartition("__consumer_offsets", 0), 1, 0, TimestampType.CREATE_TIME, key, value, ())
    columns.append(TopicPartition("__consumer_offsets", 0), 2, 0, TimestampType.CREATE_TIME, None, value, ())
    source = Source()
    look = columns.peek(0, 2049)
    assert module.cell_text(look, Part.KEY, 200, source) == '{"group":"billing","topic":"orders","partition":3}'
    assert (module.cell_text(look, Part.VALUE, 200, None) or "").startswith('{"offset":41,"metadata":""')
    assert module.cell_text(columns.peek(1, 2049), Part.VALUE, 200, source) is None
    assert source.asked == []  # their bytes look like a registry's framing


def test_cells_are_kept_and_what_is_awaited_is_named() -> None:
    source = Source()
    awaited: list[SchemaKey] = []
    cells = CellTexts(source, 200, awaited.append, most=3)
    waiting = peek(framed(11, TEA))
    assert cells.text(waiting, Part.VALUE) is None
    assert awaited == [11]
    source.known[11] = source.known[7]
    source.asked.clear()
    assert [cells.text(waiting, Part.VALUE) for _ in range(3)] == [SHOWN] * 3
    assert source.asked == [11]
    assert awaited == [11]
    source.known[11] = Unavailable("it is gone")
    for offset in (2, 3):
        cells.text(peek(framed(7, TEA), offset=offset), Part.VALUE)
    assert cells.text(waiting, Part.VALUE) == SHOWN
    assert cells.text(peek(framed(7, TEA), offset=4), Part.VALUE) == SHOWN
    assert cells.text(peek(framed(999, TEA), offset=3), Part.VALUE) == SHOWN  # its place says which record it is
    assert cells.text(peek(framed(999, TEA), offset=2), Part.VALUE) is None  # the one not drawn for longest went
    cells.clear()
    assert cells.text(waiting, Part.VALUE) is None


@given(st.binary(max_size=60), st.sampled_from([7, 8, 9, 10, 11, 999]), st.integers(2, 80))
def test_no_bytes_raise_or_say_more_than_the_record_does(payload: bytes, key: int, limit: int) -> None:
    source = Source()
    data = framed(key, payload)
    text = cell_text(data, limit, source)
    assert text is None or (len(text) <= limit and text.isprintable())
    decoded = decode(data, schemas=source)
    whole = cell_text(data, 10_000, source)
    if decoded.is_json and decoded.awaits is None:
        assert json.loads(whole or "") == json.loads(decoded.text or "")
    elif key != 9:  # a cell does not check the JSON of a JSON Schema
        assert whole is None


@pytest.mark.parametrize("pack", [msgpack.packb, cbor2.dumps])
def test_what_the_bytes_alone_tell(pack: Callable[[object], bytes]) -> None:
    short, long = pack({"id": 42, "item": "tea"}), pack({"item": "é" * 9_000, "id": 42})
    assert cell_text(short, 200, Source()) == '{"id":42,"item":"tea"}'
    assert cell_text(short, 10, Source()) == '{"id":42,…'
    assert cell_text(short, 200, Source(), part=Part.KEY) == '{"id":42,"item":"tea"}'
    assert cell_text(short + b"\xff", 200, Source()) is None
    beginning = replace(peek(long).record, value=long[:801])  # as a table is given it
    assert module.cell_text(Peek(beginning, len(long)), Part.VALUE, 200, None) == '{"item":"' + 190 * "é" + "…"


def test_what_is_text_or_has_a_schema_is_not_guessed() -> None:
    packed = msgpack.packb({"id": 42})
    named = (("__value_schema_id", b"\x00\x00\x00\x03\xe7"),)
    assert cell_text("ݐ text that begins with a byte of a map".encode(), 200, Source()) is None
    assert cell_text(packed, 200, Source(), headers=named) is None
    assert cell_text(packed, 200, Source(), "__consumer_offsets") is None


_VALUES = st.dictionaries(st.text(max_size=5), st.integers(0, 999) | st.text(max_size=40), min_size=1, max_size=5)


@given(st.binary(max_size=100) | _VALUES.map(msgpack.packb) | _VALUES.map(cbor2.dumps))
def test_what_is_guessed_is_what_the_records_own_view_says(data: bytes) -> None:
    seen, shown = decode(data), cell_text(data, 4_000, Source())
    assert shown == (visible(seen.text or "") if seen.kind in (Kind.MESSAGEPACK, Kind.CBOR) else None)
