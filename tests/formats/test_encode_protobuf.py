"""Protobuf that is written: read back by ours and by the official runtime, and what is refused says why."""

import json
from typing import Any

import pytest
from google.protobuf import json_format, unknown_fields
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats.encode_protobuf import ProtobufWriter, message_indexes
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.typed import Misfit, not_fitting, parsed
from tests.formats.test_encode_avro import _ANY
from tests.formats.test_protobuf import _ORDERS, BY_DESCRIPTOR, BY_TEXT, COMMON, OLD, OLD_DESC, ORDER, Old, Order

WRITERS = [ProtobufWriter(BY_TEXT), ProtobufWriter(BY_DESCRIPTOR)]
OLDS = ProtobufSchema.of(OLD)


def _written(value: object, schema: ProtobufSchema = BY_TEXT) -> bytes:
    return ProtobufWriter(schema).write(parsed(json.dumps(value)))


EVERYTHING = """{"id":"é","ledger":9223372036854775807,"big":18446744073709551615,"delta":-9223372036854775808,
    "f32":4294967295,"f64":18446744073709551615,"sf32":-5,"sf64":-6,"ratio":0.1,"exact":0.3333333333333333,
    "gift":true,"blob":"base64:/wA=","state":"LOST","level":"HIGH",
    "lines":[{"sku":"s","quantity":2,"price":{"currency":"EUR","units":-4},"taxes":[{"basis_points":-7}]},{}],
    "codes":[1,-1,300],"loose":[4,5],"states":["NEW","PAID",7],"by_name":{"k":{"sku":"z"}},
    "by_number":{"-4":"v"},"by_flag":{"false":"PAID"},"card":"x","note":"","placed":"2026-11-23T03:59:00.500Z",
    "took":"-3.25s","maybe":0,"label":"hi","parent":{"parent":{"small":1}},"small":-3,"points":[1.5,"NaN"],
    "extra":{"fields":{"a":{"number_value":1.5},"b":{"list_value":{"values":[{"bool_value":true}]}}}},
    "option":4}"""


@pytest.mark.parametrize("writer", WRITERS, ids=["text", "descriptor"])
def test_one_of_everything_is_what_the_official_runtime_reads(writer: ProtobufWriter) -> None:
    data = writer.write(parsed(EVERYTHING))
    assert json.loads(BY_TEXT.reading(memoryview(data), None).text) == json.loads(EVERYTHING)
    order = Order.FromString(data)
    assert len(unknown_fields.UnknownFieldSet(order)) == 0
    official = json_format.MessageToDict(order, preserving_proto_field_name=True)
    assert official["extra"] == {"a": 1.5, "b": [True]}
    assert (official["took"], official["placed"]) == ("-3.250s", "2026-11-23T03:59:00.500Z")
    assert (order.by_number[-4], order.by_flag[False], list(order.codes)) == ("v", 1, [1, -1, 300])


@settings(max_examples=100, deadline=None)
@given(_ORDERS)
def test_any_order_is_read_back_by_both(value: dict[str, Any]) -> None:
    data = _written(value)
    assert json.loads(BY_TEXT.reading(memoryview(data), None).text) == value
    assert Order.FromString(data) == json_format.ParseDict(value, Order())


def test_groups_extensions_and_what_is_required() -> None:
    value = {"a": 5, "inner": {"b": "x", "deep": [{"c": 1}, {"c": 2}]}, "kind": "B", "next": {"a": 1}, "[tags]": ["t"]}
    for schema in (OLDS, ProtobufSchema.of(OLD_DESC)):
        data = _written(value, schema)
        assert json.loads(OLDS.reading(memoryview(data), None).text) == value
        old = Old.FromString(data)
        assert (old.inner.b, [each.c for each in old.inner.deep], old.next.a) == ("x", [1, 2], 1)
        with pytest.raises(Misfit, match="“a” is missing, which is required"):
            _written({"kind": "A"}, schema)


def test_protobufs_own_json_is_taken_too() -> None:
    official = {"byName": {"k": {"sku": "z"}}, "ledger": "-7", "blob": "_-8=", "placed": "2026-11-23T03:59:00Z"}
    assert Order.FromString(_written(official)) == json_format.ParseDict(official, Order())
    assert _written({"id": None, "lines": []}) == b""


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('{"id": 7}', "line 1, column 8, id", "expected a string, found 7"),
        ('{"small": 2147483648}', "column 11, small", "is no int32: those are -2147483648 to 2147483647"),
        ('{"big": -1}', "column 9, big", "is no uint64"),
        (f'{{"big": {"9" * 5000}}}', "column 9, big", "expected uint64, an integer"),
        ('{"small": 1.0}', "column 11, small", "expected int32, an integer, found 1.0"),
        ('{"ratio": 1e39}', "column 11, ratio", "beyond what float can hold"),
        ('{"ratio": "x"}', "column 11, ratio", "expected float, a number, found “x”"),
        ('{"gift": 1}', "column 10, gift", "expected true or false"),
        ('{"blob": "!"}', "column 10, blob", "expected Base64, found “!”"),
        ('{"state": "GONE"}', "column 11, state", "expected one of NEW, PAID, LOST, found “GONE”"),
        ('{"lines": [{}, {"sku": 1}]}', "column 24, lines[1].sku", "expected a string"),
        ('{"lines": {}}', "column 11, lines", "expected an array, found an object"),
        ('{"by_number": {"x": "v"}}', "column 21, by_number.x", "expected int32, an integer, found “x”"),
        ('{"by_flag": {"maybe": 1}}', "column 23, by_flag.maybe", "expected true or false"),
        ('{"placed": "yesterday"}', "column 12, placed", "expected a time such as"),
        ('{"took": "3"}', "column 10, took", "expected a duration in seconds"),
        ('{"codes": [1, null]}', "column 15, codes[1]", "expected int32, an integer, found null"),
        ('{"card": "x",\n "cash": {}}', "line 2, column 10, cash", "only one may be there of this and “card”"),
        ('{"by_name": {}, "byName": {}}', "column 27, byName", "it is there as “by_name”, too"),
        ('{"nmae": 1}', "column 10, nmae", "“shop.orders.Order” has no such field"),
        ("[]", "line 1, column 1", "expected an object with the fields of “shop.orders.Order”"),
        ('{"parent":' * 150 + "{}" + "}" * 150, "parent.parent", "nested deeper than 100 levels"),
    ],
)
@pytest.mark.parametrize("writer", WRITERS, ids=["text", "descriptor"])
def test_what_does_not_fit_is_told_with_its_place(writer: ProtobufWriter, text: str, place: str, why: str) -> None:
    with pytest.raises(Misfit) as refused:
        writer.write(parsed(text))
    told = not_fitting(text, refused.value).reason
    assert place in told
    assert why in told


@pytest.mark.parametrize("name", ["Meta", "Meta.Source", "Order", "Order.Line", "Order.Line.Tax"])
def test_the_framing_leads_to_the_message(name: str) -> None:
    schema = ProtobufSchema.of(ORDER, [COMMON], f"shop.orders.{name}")
    indexes = message_indexes(schema)
    found, rest = ProtobufSchema.of(ORDER, [COMMON]).framed(memoryview(indexes + b"rest"))
    assert (found.name, bytes(rest)) == (f"shop.orders.{name}", b"rest")


_FIELDS = ["id", "ledger", "ratio", "blob", "state", "lines", "codes", "by_name", "by_flag", "placed", "took", "maybe"]


@settings(max_examples=150, deadline=None)
@given(_ANY | st.dictionaries(st.sampled_from(_FIELDS), _ANY, max_size=4))
def test_any_value_is_refused_with_a_place_or_written(value: object) -> None:
    text = json.dumps(value)
    try:
        data = ProtobufWriter(BY_TEXT).write(parsed(text))
    except Misfit as wrong:
        offset = not_fitting(text, wrong).offset
    else:
        Order.FromString(data)
        offset = 0
    assert 0 <= offset < len(text)


def test_decimals_of_confluent() -> None:
    schema = ProtobufSchema.of('import "confluent/type/decimal.proto"; message P { confluent.type.Decimal price = 1; }')
    data = ProtobufWriter(schema).write(parsed('{"price": -12.50}'))
    assert schema.reading(memoryview(data), None).text == '{"price":-12.50}'
