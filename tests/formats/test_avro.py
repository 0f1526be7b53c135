"""Avro against fastavro, which writes what is read here."""

import io
import json
import random
import struct
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.demo.catalogue import PLACES
from kexplorer.demo.payloads import PAYMENT_SCHEMA, avro_long, payment
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.json_text import pretty_lines


def _written(schema: Any, value: object) -> bytes:
    into = io.BytesIO()
    fastavro.schemaless_writer(into, fastavro.parse_schema(schema), value)
    return into.getvalue()


def _read(schema: Any, data: bytes, limit: int | None = None) -> str:
    return AvroSchema(json.dumps(schema)).reading(memoryview(data), limit).text


def test_the_payments_of_the_demo() -> None:
    data = payment(random.Random(5), 1234, PLACES[0], 129_950, 1_795_402_740.125)
    schema = AvroSchema(json.dumps(PAYMENT_SCHEMA))
    text = schema.reading(memoryview(data)[5:], None).text
    assert schema.name == "shop.payments.Payment"
    assert '"orderId":"A-1234","amount":1299.50,"currency":"EUR","method":' in text
    assert '"capturedAt":"2026-11-23T02:59:00.125Z"' in text
    expected: Any = fastavro.schemaless_reader(io.BytesIO(data[5:]), fastavro.parse_schema(PAYMENT_SCHEMA))
    found = json.loads(text)
    assert list(found) == [field["name"] for field in PAYMENT_SCHEMA["fields"]]  # type: ignore[index]
    assert [found[name] for name in ("paymentId", "method", "fee", "tags")] == [
        expected[name] for name in ("paymentId", "method", "fee", "tags")
    ]


_BEFORE = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)


def _logical(kind: str, logical: str, **more: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical, **more}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ("long", 2**63 - 1, "9223372036854775807"),
        ("long", -(2**63), "-9223372036854775808"),
        ("int", -1, "-1"),
        ("null", None, "null"),
        ("boolean", True, "true"),
        ("double", 1 / 3, "0.3333333333333333"),
        ("double", float("nan"), '"NaN"'),
        ("double", float("-inf"), '"-Infinity"'),
        ("float", 0.1, "0.1"),
        ("float", 3.4028234663852886e38, "3.4028234663852886e+38"),
        ("float", 100381568.0, "100381568.0"),
        ("bytes", b"\x00\xff", '"base64:AP8="'),
        ("bytes", b"", '"base64:"'),
        ("string", "", '""'),
        ("string", 'a"\\\n\u2028é', '"a\\"\\\\\\n\u2028é"'),
        (["null", "long", "string"], None, "null"),
        (["null", "long", "string"], 7, "7"),
        (["null", "long", "string"], "7", '"7"'),
        ({"type": "array", "items": "int"}, [], "[]"),
        ({"type": "array", "items": "int"}, [1, 2], "[1,2]"),
        ({"type": "map", "values": ["null", "int"]}, {"b": 1, "a": None}, '{"b":1,"a":null}'),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", '"B"'),
        ({"type": "fixed", "name": "F", "size": 2}, b"\x01\x02", '"base64:AQI="'),
        ({"type": "record", "name": "R", "fields": []}, {}, "{}"),
        (_logical("bytes", "decimal", precision=6, scale=2), Decimal("12.50"), "12.50"),
        (_logical("bytes", "decimal", precision=6, scale=2), Decimal("-0.05"), "-0.05"),
        (_logical("bytes", "decimal", precision=30, scale=0), Decimal(10**25 + 1), "10000000000000000000000001"),
        (_logical("fixed", "decimal", name="D", size=9, precision=9, scale=6), Decimal("1.5"), "1.500000"),
        (_logical("int", "date"), date(2026, 11, 23), '"2026-11-23"'),
        (_logical("int", "time-millis"), time(3, 59, 0, 7000), '"03:59:00.007"'),
        (_logical("long", "time-micros"), time(3, 59, 0, 7), '"03:59:00.000007"'),
        (_logical("long", "timestamp-millis"), _BEFORE, '"1969-12-31T23:59:59.000Z"'),
        (_logical("long", "timestamp-micros"), _BEFORE + timedelta(microseconds=1), '"1969-12-31T23:59:59.000001Z"'),
        (_logical("long", "timestamp-nanos"), 1_000_000_001, '"1970-01-01T00:00:01.000000001Z"'),
        (_logical("long", "local-timestamp-millis"), datetime(2026, 1, 1), '"2026-01-01T00:00:00.000"'),  # noqa: DTZ001
        (_logical("long", "timestamp-millis"), 2**62, "4611686018427387904"),
        (_logical("string", "uuid"), uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (_logical("fixed", "uuid", name="U", size=16), bytes(16), '"00000000-0000-0000-0000-000000000000"'),
        (_logical("fixed", "duration", name="P", size=12), struct.pack("<III", 1, 2, 3004), '"P1M2DT3.004S"'),
        (_logical("string", "no-such-type"), "x", '"x"'),
    ],
)  # fmt: skip
def test_each_type(schema: object, value: object, text: str) -> None:
    raw = (
        {**schema, "logicalType": None}
        if isinstance(schema, dict) and not isinstance(value, date | time | Decimal)
        else schema
    )
    data = _written(raw if isinstance(value, int | bytes) else schema, value)
    assert _read(schema, data) == text


def test_a_decimal_is_not_rounded_to_the_precision_that_was_promised() -> None:
    schema = _logical("bytes", "decimal", precision=4, scale=2)
    assert _read(schema, b"\x06\x12\xd6\x87") == "12345.67"


def test_names_spaces_and_references() -> None:
    money = '{"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]}'
    order = {
        "type": "record",
        "name": "shop.orders.Order",
        "fields": [
            {"name": "total", "type": "shop.Money"},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW"]}},
            {"name": "before", "type": ["null", "State", "shop.orders.Order"]},
        ],
    }
    schema = AvroSchema(json.dumps(order), [money])
    assert schema.reading(memoryview(b"\x02\x00\x04\x04\x00\x02\x00"), None).text == (
        '{"total":{"cents":1},"state":"NEW","before":{"total":{"cents":2},"state":"NEW","before":"NEW"}}'
    )
    with pytest.raises(Unreadable, match=r"refers to “shop\.Money”, which neither it nor its references define"):
        AvroSchema(json.dumps(order))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("{", "not JSON"),
        ('{"type": "record", "name": "R"}', "not Avro's: KeyError 'fields'"),
        ("7", "not Avro's"),
        ('{"type": "fixed", "name": "F", "size": -1}', "size is -1"),
        ("[" * 100_000, "nested too deeply"),
        ('{"type":' * 50_000 + '"int"' + "}" * 50_000, "nested too deeply"),
    ],
)
def test_a_broken_schema_says_so(schema: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        AvroSchema(schema)


_NODE = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
_ITSELF = {"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}, {"name": "b", "type": "A"}]}


@pytest.mark.parametrize(
    ("schema", "data", "why"),
    [
        (_NODE, b"\x02" * 100_000 + b"\x00", "nested deeper than 100 levels"),
        (_ITSELF, b"\x00", "nested deeper than 100 levels"),
        ("string", avro_long(-5) + b"abc", "a length of -5 bytes"),
        ("string", avro_long(2**40) + b"abc", "a length of 1,099,511,627,776 bytes at byte 6, where 3 are left"),
        ("string", b"\x06ab", "a length of 3 bytes at byte 1, where 2 are left"),
        ("string", b"\x02ab", "1 bytes are left over after byte 2"),
        ("long", b"\xff" * 20, "an integer of more than 64 bits"),
        ("int", avro_long(2**31), "an int of more than 32 bits"),
        ("boolean", b"\x02", "0x02 for a boolean"),
        (["null", "int"], b"\x04", "branch 2 of a union that has 2"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02", "symbol 1 of an enum that has 1"),
        ("long", b"\x80", "the data ends within a value, after 1 bytes"),
    ],
)
def test_bytes_that_do_not_fit_say_why(schema: object, data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        _read(schema, data)


def test_ten_bytes_do_not_fill_the_memory() -> None:
    items = AvroSchema('{"type": "array", "items": "null"}').reading(memoryview(avro_long(2**60) + b"\x00"), None)
    assert not items.complete
    assert len(items.text) < 300_000


def test_a_schema_that_doubles_forty_times_does_not_fill_the_memory() -> None:
    doubling: Any = {"type": "record", "name": "R0", "fields": []}
    for n in range(1, 41):
        fields = [{"name": "a", "type": doubling}, {"name": "b", "type": f"R{n - 1}"}]
        doubling = {"type": "record", "name": f"R{n}", "fields": fields}
    found = AvroSchema(json.dumps(doubling)).reading(memoryview(b"\x00"), None)
    assert not found.complete
    assert len(found.text) < 300_000


def test_the_beginning_of_a_large_value_is_enough() -> None:
    fields = [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]
    schema = {"type": "record", "name": "R", "fields": fields}
    data = _written(schema, {"id": 2**53 + 1, "text": "Zoë " * 1_000_000})
    found = AvroSchema(json.dumps(schema)).reading(memoryview(data), 1000)
    assert not found.complete
    assert found.text.startswith('{"id":9007199254740993,"text":"Zoë Zoë ')
    assert len(list(pretty_lines(found.text, partial=True))) == 3


_LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("double", st.floats(allow_nan=False, allow_infinity=False)),
    ("float", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    ("string", st.text()),
]


@st.composite
def _pairs(draw: st.DrawFn, depth: int = 3) -> tuple[Any, Any]:
    """A schema and a value of it."""
    shape = draw(st.sampled_from(("leaf", "array", "map", "record") if depth else ("leaf",)))
    if shape == "leaf":
        schema, values = draw(st.sampled_from(_LEAVES))
        return schema, draw(values)
    inner, value = draw(_pairs(depth - 1))
    number = draw(st.integers(0, 3))
    if shape == "array":
        return {"type": "array", "items": inner}, [value] * number
    if shape == "map":
        return {"type": "map", "values": inner}, {draw(st.text()): value for _ in range(number)}
    name = f"R{draw(st.uuids()).hex}"
    fields = [{"name": "first", "type": inner}, {"name": "second", "type": "long"}]
    return {"type": "record", "name": name, "fields": fields}, {"first": value, "second": draw(st.integers(-9, 9))}


def _same(found: Any, value: Any) -> bool:
    """Fewer digits may name a number of 32 bits."""
    if isinstance(value, dict):
        return list(found) == list(value) and all(_same(found[key], each) for key, each in value.items())
    if isinstance(value, list):
        return len(found) == len(value) and all(map(_same, found, value))
    return bool(found == value) or struct.pack("<f", found) == struct.pack("<f", value)


@settings(max_examples=150, deadline=None)
@given(_pairs(), st.data())
def test_what_fastavro_writes_is_read_back(pair: tuple[Any, Any], data: st.DataObject) -> None:
    schema, value = pair
    written = _written(schema, value)
    assert _same(json.loads(_read(schema, written)), value)
    limit = data.draw(st.integers(0, len(written)))
    part = AvroSchema(json.dumps(schema)).reading(memoryview(written), limit)
    assert part.complete == (limit == len(written))
    assert not part.text or list(pretty_lines(part.text, partial=True)) or not part.text.strip('"')


@settings(deadline=None)
@given(_pairs(), st.binary())
def test_other_bytes_are_a_value_or_a_reason(pair: tuple[Any, Any], data: bytes) -> None:
    try:
        found = AvroSchema(json.dumps(pair[0])).reading(memoryview(data), None)
    except Unreadable:
        return
    if found.complete:
        json.loads(found.text)
