"""Expressions on keys and values that have a schema: exact, no match lost to a short cut, and what cannot be read is
told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats.batches import batch_test
from kexplorer.formats.column import compile_column
from kexplorer.formats.filters import Filter, compile_filter
from kexplorer.formats.payloads import Undecodable
from kexplorer.formats.schemas import Schema, Unavailable, compiled
from kexplorer.model.records import Peek, Record, TimestampType
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat, SchemaKey, SchemaText
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.topics import TopicPartition
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, read_assigned

HERE = Path(__file__).parent / "schemas"
ORDER = """{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["PAID", "FAILED"]}},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
    {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
        {"name": "name", "type": "string"}, {"name": "age", "type": ["null", "int"]}]}},
    {"name": "note", "type": ["null", "string"]}]}"""
GUID = UUID("12345678-1234-5678-1234-567812345678")
BY_GUID = (("__value_schema_id", b"\x01" + GUID.bytes),)


def _long(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*out, rest))


def _text(data: str | bytes) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return _long(len(raw)) + raw


def order(number: int, state: int, cents: int, name: str, age: int | None = None, note: str | None = None) -> bytes:
    return b"".join(
        (
            _long(number),
            _long(state),
            _text(cents.to_bytes(12, signed=True)),
            _text(name),
            b"\x00" if age is None else b"\x02" + _long(age),
            b"\x00" if note is None else b"\x02" + _text(note),
        )
    )


def framed(key: int, payload: bytes) -> bytes:
    return b"\x00" + key.to_bytes(4) + payload


PAYLOAD = order(2**53 + 1, 1, 123_456_789_012_345_678_901, 'Zoë "Z"', 41)
VALUE = framed(7, PAYLOAD)


@pytest.fixture(scope="module")
def schemas() -> WaitingSchemas:
    proto = SchemaAssignment(
        "proto*", Part.VALUE, SchemaFormat.PROTOBUF, str(HERE / "order.proto"), "shop.orders.Order"
    )
    gone = SchemaAssignment("gone", Part.VALUE, SchemaFormat.AVRO, str(HERE / "no such file.avsc"))
    cache = SchemaCache(assigned=read_assigned([proto, gone]))
    texts: dict[SchemaKey, SchemaText] = {
        7: SchemaText(SchemaFormat.AVRO, ORDER),
        8: SchemaText(SchemaFormat.AVRO, '"string"'),
        9: SchemaText(SchemaFormat.JSON, "{}"),
        10: SchemaText(SchemaFormat.AVRO, '"bytes"'),
        11: SchemaText(SchemaFormat.AVRO, '["null", "string"]'),
        GUID: SchemaText(SchemaFormat.AVRO, ORDER),
    }
    for key, text in texts.items():
        cache.keep(key, compiled(text), text)
    return WaitingSchemas(cache)


def _filter(text: str, schemas: WaitingSchemas, topic: str = "orders", *, prefilter: bool = True) -> Filter:
    spec = FilterSpec(text, FilterKind.EXPRESSION)
    return compile_filter(spec, topic=topic, now=0, prefilter=prefilter, schemas=schemas)


def _answer(
    schemas: WaitingSchemas,
    text: str,
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: tuple[tuple[str, bytes | None], ...] = (),
    topic: str = "orders",
) -> bool | str:
    """As a search has it: whether it matches, or why that is not known. With and without short cuts."""
    fast = _filter(text, schemas, topic).matches(key, value, headers, 3, 5, 9)
    slow = _filter(text, schemas, topic, prefilter=False).matches(key, value, headers, 3, 5, 9)
    assert fast == slow
    test = batch_test(FilterSpec(text, FilterKind.EXPRESSION), schemas, topic)
    if test and not headers and (fast or isinstance(fast, Undecodable)):
        assert test(value or b"")
    return fast.why if isinstance(fast, Undecodable) else fast


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('value.state == "FAILED"', True),  # an enum: its bytes are a number
        ('value.state in ["LOST", "FAILED"]', True),
        ('"FAILED" == value.state', True),
        ('value.state == "PAID"', False),
        ('contains(value.state, "FAIL")', True),
        ("value.id == 9007199254740993", True),
        ("value.id == 9007199254740992", False),
        ("value.total == 1234567890123456789.01", True),
        ("value.total > 1234567890123456789.00 and value.total < 1234567890123456789.02", True),
        ("value.customer.age == 41", True),
        ('value.customer.name == "Zoë \\"Z\\""', True),
        ("value.note == null", True),
        ("value.note != null", False),
        ("exists(value.note)", True),
        ("exists(value.none)", False),
        ('value.customer == "x" or value.state == "FAILED"', True),
        (f"size == {len(VALUE)}", True),
        (f'size == {len(VALUE)} and value.state == "FAILED"', True),
        ("value != null and exists(value)", True),
        ('contains(text(value), "FAILED")', True),
        ('"state" in value', True),
        ("partition == 3 and offset == 5 and timestamp == 9 and value.id > 0", True),
    ],
)
def test_avro_as_if_it_were_json(schemas: WaitingSchemas, text: str, holds: bool) -> None:
    assert _answer(schemas, text, VALUE) is holds
    assert _answer(schemas, text.replace(f"size == {len(VALUE)}", "size > 9"), PAYLOAD, headers=BY_GUID) is holds


def test_protobuf_by_a_file_without_a_registry(schemas: WaitingSchemas) -> None:
    value = b"\x0a\x04A-12\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x70\x02"
    assert (
        _answer(schemas, 'value.level == "HIGH" and value.ledger == 9223372036854775807', value, topic="proto") is True
    )
    assert _answer(schemas, 'value.level == "LOW"', value, topic="proto") is False
    assert _answer(schemas, 'value.level == "HIGH"', b'{"level":"HIGH"}', topic="proto") is True  # JSON among it
    assert _answer(schemas, 'value.level == "HIGH"', value) is False  # nothing says what it is there


def test_keys_have_schemas_too(schemas: WaitingSchemas) -> None:
    key = framed(8, _text("order-17"))
    assert _answer(schemas, 'key == "order-17"', VALUE, key=key) is True
    assert _answer(schemas, 'key == "order-18"', VALUE, key=key) is False
    assert _answer(schemas, 'key == "order-17" and value.state == "FAILED"', VALUE, key=key) is True
    assert _answer(schemas, "key.id == 9007199254740993", b"x", key=VALUE) is True
    needs = _filter("key.id == 1", schemas)
    assert (needs.needs_key, needs.needs_value, needs.needs_headers) == (True, False, True)


def test_a_whole_value_is_its_json(schemas: WaitingSchemas) -> None:
    """A text by itself if that is what it says."""
    assert _answer(schemas, 'value == "paid"', framed(8, _text("paid"))) is True
    assert _answer(schemas, "value == null", framed(11, b"\x00")) is True
    assert _answer(schemas, "is_null(value)", framed(11, b"\x02" + _text("x"))) is False
    assert _answer(schemas, 'contains(value, "ab")', framed(10, b"\xffab")) is True  # Avro's "bytes" are no JSON
    assert _answer(schemas, 'value.a == "é"', framed(9, '{"a":"é"}'.encode())) is True
    assert _answer(schemas, 'value.a == "é"', framed(9, b'{"a":"\\u00e9"}')) is True


def test_json_and_text_mean_what_they_did(schemas: WaitingSchemas) -> None:
    for value in (b'{"state":"FAILED","id":5}', b"FAILED", b"\xff\xfe", b"", None, b"\x00\x01", b"[1]", b'"FAILED"'):
        for text in ('value.state == "FAILED"', 'value == "FAILED"', "not value.id == 5", "value == null", "size > 6"):
            plain = compile_filter(FilterSpec(text, FilterKind.EXPRESSION)).matches(None, value, (), 0, 0, None)
            assert _answer(schemas, text, value) is plain


def test_what_cannot_be_read_is_no_match_and_told(schemas: WaitingSchemas) -> None:
    for text in (
        'value.state == "FAILED"',
        "not value.id == 5",
        "value.none == null",
        'value == "x" or partition == 3',
    ):
        assert (
            _answer(schemas, text, framed(99, PAYLOAD))
            == "Schema Registry framing, schema id 99; no registry is configured"
        )
        assert "which does not fit: not Avro “Order”" in str(_answer(schemas, text, VALUE[:-1]))
        assert "no such file" in str(_answer(schemas, text, PAYLOAD, topic="gone"))
        assert "not Protobuf “shop.orders.Order”" in str(_answer(schemas, text, b"\xff", topic="proto"))
        broken_header = (("__value_schema_id", b"\x05"),)
        assert "no schema id" in str(_answer(schemas, text, PAYLOAD, headers=broken_header))
    assert "schema id 99" in str(_answer(schemas, 'key == "x" and value.id == 5', b"{}", key=framed(99, b"x")))


def test_nothing_is_told_where_it_would_change_nothing(schemas: WaitingSchemas) -> None:
    unknown = framed(99, PAYLOAD)
    for text in ("partition == 4 and value.id == 5", 'key == "x" and value.id == 5', "value == null", "is_null(value)"):
        assert _answer(schemas, text, unknown, key=b"y") is False
    for text in ("partition == 3", "exists(value)", "value != null", f"size == {len(unknown)}", 'key == "y"'):
        assert _answer(schemas, text, unknown, key=b"y") is True
    assert _answer(schemas, "value.a == 5", framed(99, b'{"a":5}')) is True  # what follows can be read all the same
    assert _answer(schemas, "value.a == 5", b'{"a":5}', topic="gone") is True
    assert _answer(schemas, "value.a == 5", b"\x00\x00\x00\x00\x00\x00\x00\x05") is False  # an integer


def test_kafkas_own_need_no_registry(schemas: WaitingSchemas) -> None:
    topic = "__consumer_offsets"
    key = b"\x00\x01\x00\x07billing\x00\x06orders\x00\x00\x00\x03"
    value = b"\x00\x01" + (41).to_bytes(8) + bytes(2) + bytes(8) + b"\xff" * 8
    assert _filter("value.offset == 41", schemas, topic).needs_key
    assert _answer(schemas, 'key.group == "billing" and value.offset == 41', value, key=key, topic=topic) is True
    assert _answer(schemas, "value.offset == 42", value, key=key, topic=topic) is False
    assert "not a record of __consumer_offsets" in str(
        _answer(schemas, "value.offset == 1", b"\x7f", key=key, topic=topic)
    )


def test_an_answer_too_long_to_write_is_told() -> None:
    """Items of no bytes: a few bytes can say that there are billions."""
    cache = SchemaCache()
    text = SchemaText(SchemaFormat.AVRO, '{"type": "array", "items": "null"}')
    cache.keep(7, compiled(text), text)
    value = framed(7, _long(10**9) + b"\x00")
    assert "characters of JSON" in str(_answer(WaitingSchemas(cache), "len(value) > 5", value))


def test_a_column_counts_the_bytes_that_were_sent(schemas: WaitingSchemas) -> None:
    record = Record(TopicPartition("orders", 0), 0, 0, TimestampType.CREATE_TIME, None, VALUE, ())
    column = compile_column("size + len(value.state)", 0, schemas)
    assert column.value_of(Peek(record, len(VALUE))) == len(VALUE) + len("FAILED")


class _Counting:
    def __init__(self) -> None:
        self.asked: list[SchemaKey] = []

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        self.asked.append(key)
        return Unavailable("the registry is down")

    def assigned(self, _topic: str, _part: Part) -> None:
        return None


def test_plain_json_asks_for_no_schema() -> None:
    """And a batch of it that lacks the text is not looked at record by record."""
    source = _Counting()
    spec = FilterSpec('value.state == "FAILED"', FilterKind.EXPRESSION)
    filtering = compile_filter(spec, schemas=source)
    headers = (("trace", b"\x00\x00\x00\x00\x07"),)
    assert filtering.matches(b"k", b'{"state":"FAILED"}', headers, 0, 0, 0) is True
    assert filtering.matches(b"k", b'{"state":"PAID"}', None, 0, 0, 0) is False
    assert not source.asked
    test = batch_test(spec, source, "t")
    assert test
    assert not test(b'{"state":"PAID"}' * 9)
    assert test(b'{"state":"PAID"}' * 9 + VALUE)


_PAIRS: list[tuple[str, Any]] = [
    ('value.state == "FAILED"', lambda n, state, cents, name, age: state == 1),
    ("value.id > 5", lambda n, state, cents, name, age: n > 5),
    ("value.total <= 0.01", lambda n, state, cents, name, age: Decimal(cents) / 100 <= Decimal("0.01")),
    ('value.customer.name == "a"', lambda n, state, cents, name, age: name == "a"),
    ('contains(value.customer.name, "é")', lambda n, state, cents, name, age: "é" in name),
    ("value.customer.age == null", lambda n, state, cents, name, age: age is None),
    (
        'value.customer.age < 5 or value.state == "PAID"',
        lambda n, state, cents, name, age: state == 0 or (age is not None and age < 5),
    ),
]


@settings(deadline=None, max_examples=200)
@given(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 1),
    st.integers(-(2**95), 2**95 - 1),
    st.text(alphabet='aé"\\\n\x00😀', max_size=4),
    st.none() | st.integers(-(2**31), 2**31 - 1),
)
def test_any_record(schemas: WaitingSchemas, n: int, state: int, cents: int, name: str, age: int | None) -> None:
    value = framed(7, order(n, state, cents, name, age))
    for text, holds in _PAIRS:
        assert _answer(schemas, text, value) is holds(n, state, cents, name, age), text
