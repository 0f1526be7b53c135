"""Schema Registry's framing, headers and schemas that a person assigned, with a source of schemas made of a dict."""

import json
import random
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from kexplorer.demo.catalogue import PLACES
from kexplorer.demo.payloads import PAYMENT_SCHEMA, payment
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.decode import decode
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import JsonSchema, Schema, Unavailable
from kexplorer.formats.text import Kind
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat, SchemaKey

GUID = UUID("89791762-2336-4186-9674-299b90a802e2")
PROTO = ProtobufSchema.of(
    'syntax = "proto3"; package shop; message A { string a = 1; } message B { message C { string c = 1; } }'
)


@dataclass
class Source:
    known: dict[SchemaKey, Schema | Unavailable] = field(default_factory=dict)
    chosen: dict[tuple[str, Part], Schema | Unavailable] = field(default_factory=dict)

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        return self.known.get(key, Unavailable("the registry is being asked for it", awaited=True))

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return self.chosen.get((topic, part))


SOURCE = Source(
    {
        7: AvroSchema(json.dumps(PAYMENT_SCHEMA)),
        8: PROTO,
        9: JsonSchema(),
        10: Unavailable("the registry at http://127.0.0.1:1 answered 404"),
        12: AvroSchema('"bytes"'),
        GUID: PROTO,
    }
)
PAYMENT = payment(random.Random(1), 7, PLACES[0], 1250, 1_795_402_740.0)


def test_a_payment_of_the_demo() -> None:
    decoded = decode(PAYMENT, schemas=SOURCE)
    assert (decoded.kind, decoded.schema_id, decoded.is_json) == (Kind.AVRO, 7, True)
    assert decoded.why == "Avro by Schema Registry id 7: “shop.payments.Payment”"
    assert '  "amount": 12.50,' in list(decoded.pretty() or ())
    assert bytes(decoded.payload) == PAYMENT[5:]


def test_why_a_framed_record_is_not_decoded() -> None:
    unknown = decode(b"\x00\x00\x00\x00\x0aabc", schemas=SOURCE)
    assert (unknown.kind, unknown.awaits) == (Kind.FRAMED, None)
    assert unknown.why == "Schema Registry framing, schema id 10; the registry at http://127.0.0.1:1 answered 404"
    waiting = decode(b"\x00\x00\x00\x00\x0babc", schemas=SOURCE)
    assert (waiting.kind, waiting.awaits) == (Kind.FRAMED, 11)
    wrong = decode(b"\x00\x00\x00\x00\x07\x0aab", schemas=SOURCE)
    assert (wrong.kind, wrong.schema_id) == (Kind.FRAMED, 7)
    assert wrong.why == "Schema Registry framing, schema id 7, which does not fit"
    assert wrong.rejected == (
        "not Avro “shop.payments.Payment” by Schema Registry id 7: a length of 5 bytes at byte 1, where 2 are left",
    )


def test_protobuf_by_its_place_in_the_schema() -> None:
    decoded = decode(b"\x00\x00\x00\x00\x08\x04\x02\x00\x0a\x01x", schemas=SOURCE)
    assert (decoded.kind, decoded.text) == (Kind.PROTOBUF, '{"c":"x"}')
    assert decoded.why == "Protobuf by Schema Registry id 8: “shop.B.C”"
    assert decode(b"\x00\x00\x00\x00\x08\x00\x0a\x01x", schemas=SOURCE).text == '{"a":"x"}'
    nowhere = decode(b"\x00\x00\x00\x00\x08\x02\x0e", schemas=SOURCE)
    assert nowhere.rejected == (
        "not Protobuf “shop.A” by Schema Registry id 8: the framing points to message 7, which the schema lacks",
    )


def test_json_schema_and_bare_bytes() -> None:
    decoded = decode(b'\x00\x00\x00\x00\x09{"a": 1.10}', schemas=SOURCE)
    assert (decoded.kind, decoded.text) == (Kind.JSON, '{"a": 1.10}')
    assert decoded.why == "JSON, JSON Schema by Schema Registry id 9"
    broken = decode(b"\x00\x00\x00\x00\x09{", schemas=SOURCE)
    assert (broken.kind, broken.rejected[0][:9]) == (Kind.FRAMED, "not JSON:")
    raw = decode(b"\x00\x00\x00\x00\x0c\xff\xfe", schemas=SOURCE)
    assert (raw.kind, bytes(raw.payload)) == (Kind.BINARY, b"\xff\xfe")
    assert raw.why == "Avro by Schema Registry id 12: “bytes”, as they are"


@pytest.mark.parametrize(
    ("header", "kind", "why"),
    [
        (b"\x01" + GUID.bytes + b"\x00", Kind.PROTOBUF, f"Protobuf by Schema Registry GUID {GUID}: “shop.A”"),
        (b"\x00\x00\x00\x00\x08\x00", Kind.PROTOBUF, "Protobuf by Schema Registry id 8: “shop.A”"),
        (b"\x02", Kind.TEXT, "UTF-8 text"),
    ],
)
def test_the_id_in_a_header(header: bytes, kind: Kind, why: str) -> None:
    headers = [("trace", b"1"), ("__value_schema_id", header)]
    decoded = decode(b"\x0a\x05hello", schemas=SOURCE, headers=headers)
    assert (decoded.kind, decoded.why) == (kind, why)
    assert bytes(decoded.payload) == b"\x0a\x05hello"
    key = decode(b"\x0a\x05hello", schemas=SOURCE, headers=headers, part=Part.KEY)
    assert key.kind is Kind.TEXT  # that header speaks of the value


def test_a_header_that_is_no_id_is_named() -> None:
    decoded = decode(b"\x0a\x05hello", schemas=SOURCE, headers=[("__value_schema_id", b"\x02")])
    assert decoded.rejected == ("not by its header __value_schema_id: 1 bytes that begin with 0x02 are no schema id",)


def test_a_schema_that_a_person_assigned() -> None:
    source = Source(chosen={("orders", Part.VALUE): PROTO, ("orders", Part.KEY): Unavailable("the file is gone")})
    decoded = decode(b"\x0a\x05hello", schemas=source, topic="orders")
    assert (decoded.kind, decoded.text) == (Kind.PROTOBUF, '{"a":"hello"}')
    assert decoded.why == "Protobuf by the schema that was assigned to the topic: “shop.A”"
    assert decode(b"\x0a\x05hello", schemas=source, topic="other").kind is Kind.TEXT
    key = decode(b"k", schemas=source, topic="orders", part=Part.KEY)
    assert (key.kind, key.rejected) == (Kind.TEXT, ("not by the schema that was assigned: the file is gone",))
    text = decode(b"plain", schemas=source, topic="orders")
    assert text.kind is Kind.TEXT
    assert text.rejected[0].startswith("not Protobuf “shop.A” by the schema that was assigned to the topic: ")


def test_an_assigned_schema_reads_what_is_framed_too() -> None:
    source = Source(chosen={("payments", Part.VALUE): AvroSchema(json.dumps(PAYMENT_SCHEMA))})
    decoded = decode(PAYMENT, schemas=source, topic="payments")
    assert (decoded.kind, decoded.schema_id) == (Kind.AVRO, 7)
    assert "behind a registry's framing" in decoded.why


@pytest.mark.parametrize(
    ("topics", "topic", "fits"),
    [
        ("orders", "orders", True),
        ("orders", "orders-eu", False),
        ("orders*", "orders", True),
        ("*.orders.*", "shop.orders.eu", True),
        ("*.orders.*", "orders.eu", False),
        ("a*b*a", "aba", True),
        ("a*a", "a", False),
        ("*", "anything", True),
        ("shop.*", "shopX", False),
        ("*" + "a*" * 30 + "b", "a" * 249, False),
    ],
)
def test_which_topics_an_assignment_is_for(topics: str, topic: str, fits: bool) -> None:
    assignment = SchemaAssignment(topics, Part.VALUE, SchemaFormat.AVRO, "/x.avsc")
    assert assignment.fits(topic, Part.VALUE) is fits
    assert not assignment.fits(topic, Part.KEY)


def test_what_bytes_could_also_be() -> None:
    assert decode(b"\x1f\x8b\x08\x00" + bytes(range(128, 200))).also == ("begins like gzip",)
    assert decode(b"Obj\x01\xff\xfe").also == ("begins like an Avro file with its own schema",)
    assert decode(b"aGVsbG8gd29ybGQhIQ==").also == ("could also be Base64 of 13 B",)
    assert decode(b"hello world, it is text").also == ()
