"""What is written as JSON is sent as its schema says, and every schema has an example that fits it."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.demo.catalogue import PLACES
from kexplorer.demo.payloads import PAYMENT_SCHEMA, payment
from kexplorer.formats.composing import Composer
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.decode import decode
from kexplorer.formats.encoding import Encoder, framed
from kexplorer.formats.schemas import Schema, Unavailable, compiled
from kexplorer.formats.template import Filling
from kexplorer.formats.text import Kind
from kexplorer.formats.typed import NotFitting
from kexplorer.model.failure import Failure
from kexplorer.model.produce import MessageTemplate, Outgoing
from kexplorer.model.schemas import Part, PayloadSchema, SchemaFormat, SchemaKey, SchemaText
from tests.formats.test_encode_avro import _pairs

HERE = Path(__file__).parent / "schemas"
ORDER = SchemaText(
    SchemaFormat.PROTOBUF,
    (HERE / "order.proto").read_text("utf-8"),
    (("common.proto", (HERE / "common.proto").read_text("utf-8")),),
    "shop.orders.Order",
)
PAYMENT = SchemaText(SchemaFormat.AVRO, json.dumps(PAYMENT_SCHEMA))
NOTE = """{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "title": "Note",
    "required": ["id", "state"], "additionalProperties": false, "patternProperties": {"^x-": {"type": "string"}},
    "properties": {
        "id": {"type": "integer", "minimum": 10, "multipleOf": 4}, "state": {"enum": ["NEW", "PAID"]},
        "who": {"$ref": "person.json"}, "mail": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]*$"}, "minItems": 2},
        "code": {"type": ["null", "string"], "minLength": 6, "maxLength": 8}, "kind": {"const": 5},
        "inner": {"$ref": "#/definitions/inner"}, "price": {"type": "number", "exclusiveMinimum": 0}},
    "definitions": {"inner": {"type": "object", "properties": {"next": {"$ref": "#/definitions/inner"}}}}}"""
PERSON = '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}'
NOTES = SchemaText(SchemaFormat.JSON, NOTE, (("person.json", PERSON),))


class Known:
    """A registry that has one schema, whatever it is asked for."""

    def __init__(self, schema: SchemaText) -> None:
        self._schema = compiled(schema)

    def lookup(self, key: SchemaKey) -> Schema | Unavailable:
        return self._schema

    def assigned(self, topic: str, part: Part) -> Schema | Unavailable | None:
        return None


def _refused(schema: SchemaText, text: str) -> str:
    with pytest.raises(NotFitting) as refused:
        Encoder(PayloadSchema(schema)).encode(text)
    return refused.value.reason


@pytest.mark.parametrize("schema", [PAYMENT, ORDER, NOTES], ids=["Avro", "Protobuf", "JSON Schema"])
def test_an_example_is_sent_and_read_again(schema: SchemaText) -> None:
    encoder = Encoder(framed(schema, 7))
    text = encoder.example()
    decoded = decode(encoder.encode(text), schemas=Known(schema))
    assert decoded.schema_id == 7
    assert decoded.kind.value.startswith(schema.format.value.split()[0])
    # Decimals get their zeros, times their milliseconds; all else is as it was.
    assert json.loads(decoded.text or "").keys() == json.loads(text).keys()


def test_a_record_that_is_decoded_is_encoded_to_the_same_bytes() -> None:
    data = payment(random.Random(5), 1234, PLACES[0], 129_950, 1_795_402_740.125)
    schema_id = int.from_bytes(data[1:5])
    decoded = decode(data, None, Known(PAYMENT))
    assert decoded.kind is Kind.AVRO
    assert Encoder(framed(PAYMENT, schema_id)).encode("\n".join(decoded.pretty() or ())) == data


def test_the_bytes_of_a_framed_schema_bytes_have_no_length() -> None:
    schema = SchemaText(SchemaFormat.AVRO, '"bytes"')
    assert Encoder(framed(schema, 1)).encode('"base64:AP8="') == b"\0\0\0\0\1\0\xff"
    assert Encoder(PayloadSchema(schema)).encode('"base64:AP8="') == b"\x04\0\xff"


def test_what_a_json_schema_allows_is_sent_as_it_is_typed() -> None:
    text = '{ "id": 12,\n  "state": "NEW", "x-y": "é", "price": 1.10 }'
    encoder = Encoder(framed(NOTES, 3))
    assert encoder.name == "Note"
    assert encoder.encode(text) == b"\0\0\0\0\3" + text.encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"id": "x", "state": "NEW"}', "line 1, column 8, id: expected integer, found “x”"),
        ('{"id": 11, "state": "NEW"}', "line 1, column 8, id: 11 is not a multiple of 4"),
        ('{"id": 12}', "line 1, column 1: “state” is missing, which is required"),
        ('{"id": 12,\n "state": "OLD"}', "line 2, column 11, state: expected one of “NEW”, “PAID”, found “OLD”"),
        ('{"id": 12, "state": "NEW", "stat": 1}', "column 36, stat: the schema has no such property"),
        ('{"id": 12, "state": "NEW", "x-1": 1}', 'column 35, ["x-1"]: expected string, found 1'),
        ('{"id": 12, "state": "NEW", "who": {}}', "column 35, who: “name” is missing"),
        ('{"id": 12, "state": "NEW", "tags": ["a", "B"]}', "tags[1]: “B” does not match the pattern ^[a-z]*$"),
        ('{"id": 12, "state": "NEW", "kind": 4}', "kind: expected 5, found 4"),
        ('{"id": 12, "state": NaN}', "line 1, column 21: expected a value, found NaN"),
        (f'{{"id": 1{"0" * 5000}1, "state": "NEW"}}', "id: "),
        ('{"id": 1e400, "state": "NEW"}', "id: "),
    ],
)
def test_what_a_json_schema_refuses_is_told_with_its_place(text: str, told: str) -> None:
    assert told in _refused(NOTES, text)


def test_a_reference_that_is_not_there_is_not_fetched() -> None:
    schema = SchemaText(SchemaFormat.JSON, '{"$ref": "https://192.0.2.1/other.json"}')
    assert (
        _refused(schema, "{}")
        == "line 1, column 1: the schema refers to “https://192.0.2.1/other.json”, which is not there"
    )


def test_a_pattern_takes_linear_time() -> None:
    schema = SchemaText(SchemaFormat.JSON, '{"type": "string", "pattern": "^(a+)+$"}')
    assert "does not match" in _refused(schema, json.dumps("a" * 5000 + "!"))


def test_a_template_is_filled_and_then_written() -> None:
    order = SchemaText(SchemaFormat.AVRO, '{"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]}')
    template = MessageTemplate("t", "${seq}", '{"n": ${random.int(5,5)}}', (), "", "json", "avro")
    composer = Composer(template, "t", {Part.VALUE: framed(order, 7)})
    assert composer.compose(Filling()) == Outgoing("t", b"1", b"\0\0\0\0\x07\x0a", [])
    wrong = replace(template, value='{"n": "${seq}"}')
    with pytest.raises(Failure, match="value does not fit its Avro schema: line 1, column 7, n: expected int"):
        Composer(wrong, "t", {Part.VALUE: framed(order, 7)}).compose(Filling())
    with pytest.raises(Failure, match="value has no schema"):
        Composer(template).compose(Filling())


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (SchemaText(SchemaFormat.JSON, '{"type": "strnig"}'), "no JSON Schema: 'strnig' is not valid"),
        (SchemaText(SchemaFormat.JSON, "{"), "no JSON Schema"),
        (SchemaText(SchemaFormat.AVRO, '{"type": "strnig"}'), "refers to “strnig”"),
        (SchemaText(SchemaFormat.PROTOBUF, "message"), "not understood: line 1"),
    ],
)
def test_a_schema_that_cannot_be_used_says_why(schema: SchemaText, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Encoder(PayloadSchema(schema))


@settings(max_examples=80, deadline=None)
@given(_pairs())
def test_any_avro_schema_has_an_example(pair: tuple[object, object]) -> None:
    encoder = Encoder(PayloadSchema(SchemaText(SchemaFormat.AVRO, json.dumps(pair[0]))))
    encoder.encode(encoder.example())


def test_examples_end_and_take_what_the_schema_gives() -> None:
    node = """{"type": "record", "name": "a.Node", "fields": [
        {"name": "next", "type": ["null", "Node"]}, {"name": "all", "type": {"type": "array", "items": "a.Node"}},
        {"name": "what", "type": ["null", "int", {"type": "fixed", "name": "F", "size": 2}], "default": null},
        {"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A", "B"]}, "default": "B"},
        {"name": "either", "type": ["string", "F"], "default": "x"},
        {"name": "fee", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}"""
    encoder = Encoder(PayloadSchema(SchemaText(SchemaFormat.AVRO, node)))
    assert json.loads(encoder.example()) == {
        "next": None,
        "all": [],
        "what": {"int": 0},
        "state": "B",
        "either": {"string": "x"},
        "fee": 0,
        "at": "2026-01-01T12:00:00Z",
    }
    encoder.encode(encoder.example())
    order = json.loads(Encoder(PayloadSchema(ORDER)).example())
    assert ("card" in order, "cash" in order, "parent" in order, order["level"]) == (True, False, False, "LOW")
    note = json.loads(Encoder(PayloadSchema(NOTES)).example())
    assert (note["id"], note["state"], note["kind"], note["who"]) == (12, "NEW", 5, {"name": "text"})


def _doubling(levels: int, one: str) -> str:
    """Each level holds two of the next: a few lines that stand for two to the power of `levels` values."""
    return "".join(one.replace("@", str(n)).replace("#", str(n + 1)) for n in range(levels))


_FIELDS = '"fields": [{"name": "a", "type": %s}, {"name": "b", "type": "%s"}]'
NESTED = '"int"'
for _level in range(40):
    NESTED = f'{{"type": "record", "name": "R{_level}", {_FIELDS % (NESTED, f"R{_level - 1}" if _level else "int")}}}'
NAMES = "abcdefghijklmnopqrst"
ENDLESS = [
    SchemaText(SchemaFormat.AVRO, NESTED),
    SchemaText(SchemaFormat.AVRO, '{"type": "fixed", "name": "F", "size": 2000000000}'),
    SchemaText(SchemaFormat.PROTOBUF, _doubling(40, "message M@ { M# a = 1; M# b = 2; }") + "message M40 {}"),
    SchemaText(SchemaFormat.JSON, '{"type": "string", "minLength": 2000000000}'),
    SchemaText(
        SchemaFormat.JSON,
        f'{{"required": {json.dumps(list(NAMES))}, "properties": {{'
        + ", ".join(f'"{name}": {{"$ref": "#"}}' for name in NAMES)
        + "}}",
    ),
]


@pytest.mark.parametrize("schema", ENDLESS)
def test_an_example_that_would_be_too_large_is_none(schema: SchemaText) -> None:
    with pytest.raises(Unreadable, match="too large"):
        Encoder(PayloadSchema(schema)).example()


def test_a_json_schema_that_refers_to_itself_again_and_again_ends() -> None:
    twice = ",".join(f'"d{n}": {{"allOf": [{{"$ref": "#/d{n + 1}"}}, {{"$ref": "#/d{n + 1}"}}]}}' for n in range(40))
    schema = SchemaText(SchemaFormat.JSON, f'{{{twice}, "d40": {{}}, "$ref": "#/d0"}}')
    assert "refers to itself too often" in _refused(schema, "1")


_JSON_SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string", "minLength": 3},
            {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 3},
            {"type": "number", "maximum": -2},
            {"enum": [1, "x"]},
            {"type": ["null", "boolean"]},
            {"type": "string", "format": "date"},
        ]
    ),
    lambda inner: (
        st.dictionaries(st.text(), inner, max_size=3).map(
            lambda found: {"type": "object", "properties": found, "required": list(found)}
        )
        | inner.map(lambda item: {"type": "array", "items": item, "minItems": 2})
        | inner.map(lambda one: {"oneOf": [one, {"type": "null"}]})
        | inner.map(lambda one: {"allOf": [one]})
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(_JSON_SCHEMAS)
def test_any_json_schema_has_an_example(schema: object) -> None:
    encoder = Encoder(PayloadSchema(SchemaText(SchemaFormat.JSON, json.dumps(schema))))
    encoder.encode(encoder.example())


def test_decimal_numbers_are_multiples_of_decimal_steps() -> None:
    price = SchemaText(SchemaFormat.JSON, '{"type": "object", "properties": {"price": {"multipleOf": 0.01}}}')
    encoder = Encoder(PayloadSchema(price))
    assert json.loads(encoder.encode('{"price": 19.99}')) == {"price": 19.99}
    assert "not a multiple of 0.01" in _refused(price, '{"price": 19.995}')
