"""Fields of Avro, Protobuf and framed JSON as filters see those of JSON: exact, and never in the way of others."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.decode import decode
from kexplorer.formats.decoded_fields import decoded_document, json_of
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.payloads import MISSING, FewFields, document
from kexplorer.formats.schemas import compiled
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat, SchemaText
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.registry.cache import SchemaCache, WaitingSchemas, read_assigned

PROTO = Path(__file__).parent / "schemas" / "order.proto"
PAYMENT = """{"type": "record", "name": "Payment", "fields": [
    {"name": "id", "type": "long"},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
    {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["CARD", "CASH"]}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "rate", "type": "double"},
    {"name": "raw", "type": "bytes"},
    {"name": "tags", "type": {"type": "array", "items": "string"}}]}"""


def _long(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*out, rest))


def _bytes(data: bytes) -> bytes:
    return _long(len(data)) + data


def _framed(key: int, payload: bytes) -> bytes:
    return b"\x00" + key.to_bytes(4) + payload


PAID = b"".join(
    (
        _long(2**63 - 1),
        _bytes((123_456_789_012_345_678_901_234).to_bytes(11)),
        _long(1),
        _long(1_795_402_740_125),
        b"\x00\x00\x00\x00\x00\x00\xf8\x7f",  # NaN
        _bytes(b"\x00\xff"),
        _long(2) + _bytes(b"vip") + _bytes("été".encode()) + _long(0),
    )
)
FIELDS = {
    "id": 2**63 - 1,
    "amount": Decimal("1234567890123456789012.34"),
    "method": "CASH",
    "at": "2026-11-23T02:59:00.125Z",
    "rate": "NaN",
    "raw": "base64:AP8=",
    "tags": ["vip", "été"],
}


@pytest.fixture(scope="module")
def schemas() -> WaitingSchemas:
    order = SchemaAssignment("orders*", Part.VALUE, SchemaFormat.PROTOBUF, str(PROTO), "shop.orders.Order")
    cache = SchemaCache(assigned=read_assigned([order]))
    for key, text in {7: SchemaText(SchemaFormat.AVRO, PAYMENT), 9: SchemaText(SchemaFormat.JSON, "{}")}.items():
        cache.keep(key, compiled(text), text)
    return WaitingSchemas(cache)


def test_avro_keeps_every_digit(schemas: WaitingSchemas) -> None:
    found = decoded_document(_framed(7, PAID), schemas, "payments")
    assert found == FIELDS
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in FIELDS.items()}


def test_protobuf_by_an_assigned_file(schemas: WaitingSchemas) -> None:
    value = b"\x0a\x04A-12\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x70\x02"
    wanted = {"id": "A-12", "ledger": 2**63 - 1, "level": "HIGH"}
    assert decoded_document(value, schemas, "orders-eu") == wanted
    assert decoded_document(value, schemas, "payments") is MISSING
    assert decoded_document(value, schemas, "orders-eu", Part.KEY) is MISSING


def test_json_with_and_without_a_schema(schemas: WaitingSchemas) -> None:
    value = b'{"id": 12345678901234567890, "total": 1.10}'
    wanted = {"id": 12345678901234567890, "total": Decimal("1.10")}
    assert decoded_document(value, schemas, "x") == wanted
    assert decoded_document(_framed(9, value), schemas, "x") == wanted
    assert decoded_document(_framed(999, value), schemas, "x") == wanted  # its schema is unknown, but it can be read
    assert decoded_document(_framed(9, b"{no"), schemas, "x") is MISSING
    assert decoded_document(b"", schemas, "x") is MISSING
    assert json_of(value, schemas, "x") is None  # it is JSON already
    assert json_of(b"", schemas, "x") is None


def test_kafkas_own(schemas: WaitingSchemas) -> None:
    key = b"\x00\x01\x00\x07billing\x00\x06orders\x00\x00\x00\x03"
    value = b"\x00\x01" + (41).to_bytes(8) + bytes(2) + bytes(8) + b"\xff" * 8
    assert decoded_document(value, schemas, "__consumer_offsets", key=key)["offset"] == 41
    assert decoded_document(value, schemas, "__consumer_offsets") is MISSING
    assert decoded_document(key, schemas, "__consumer_offsets", Part.KEY)["group"] == "billing"


def test_a_filter_needs_no_other_code_for_it(schemas: WaitingSchemas) -> None:
    """What takes JSON takes this: a few fields, and whole expressions."""
    found = json_of(_framed(7, PAID), schemas, "payments")
    assert found is not None
    few = FewFields([("amount",), ("method",)])
    fields = few.decode(found)
    assert (getattr(fields, few.attribute(("amount",))), getattr(fields, few.attribute(("method",)))) == (
        FIELDS["amount"],
        "CASH",
    )
    text = 'value.amount > 1234567890123456789012.33 and value.id == 9223372036854775807 and value.tags[1] == "été"'
    matches = compile_filter(FilterSpec(text, FilterKind.EXPRESSION), prefilter=False).matches
    assert matches(None, found, (), 0, 0, None)
    assert not matches(None, _framed(7, PAID), (), 0, 0, None)


@given(st.binary(max_size=60), st.sampled_from([7, 9, 999]), st.sampled_from(["orders", "x", "__consumer_offsets"]))
def test_no_bytes_raise_or_mean_something_else(schemas: WaitingSchemas, payload: bytes, key: int, topic: str) -> None:
    for data in (payload, _framed(key, payload)):
        decoded = decode(data, None, schemas, topic)
        found = decoded_document(data, schemas, topic)
        if decoded.is_json and decoded.schema_id in (None, 7, 9) and decoded.kind.value not in ("MessagePack", "CBOR"):
            assert found == document((decoded.text or "").encode())
