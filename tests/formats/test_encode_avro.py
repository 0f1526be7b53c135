"""Avro that is written: read back by ours and by fastavro, and what is refused says what is wrong where."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.encode_avro import AvroWriter
from kexplorer.formats.typed import Misfit, NotFitting, not_fitting, parsed

ORDER = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "item", "type": ["null", "string"], "default": None},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
        {"name": "parent", "type": ["null", "Order"], "default": None},
        {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "int"}}, "default": {}},
    ],
}


def _written(schema: Any, text: str) -> bytes:
    return AvroWriter(json.dumps(schema)).write(parsed(text))


def _back(schema: Any, data: bytes) -> str:
    return AvroSchema(json.dumps(schema)).reading(memoryview(data), None).text


def _logical(kind: str, logical: str, **more: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical, **more}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("null", "null"),
        ("boolean", "true"),
        ("int", "-2147483648"),
        ("long", "9223372036854775807"),
        ("long", "-9223372036854775808"),
        ("float", "0.1"),
        ("float", "3.4028234663852886e+38"),
        ("double", "0.3333333333333333"),
        ("double", '"NaN"'),
        ("double", '"-Infinity"'),
        ("string", '"é😀\\n\\u0000"'),
        ("bytes", '"base64:AP8="'),
        ({"type": "fixed", "name": "F", "size": 2}, '"base64:AQI="'),
        ({"type": "map", "values": ["null", "int"]}, '{"b":1,"a":null}'),
        ({"type": "array", "items": "double"}, "[]"),
        ({"type": "record", "name": "R", "fields": []}, "{}"),
        (["null", "string", "bytes"], '"x"'),
        (["null", "bytes"], '"base64:AP8="'),
        (["int", "long"], "2147483648"),
        (["int", "double"], "1.5"),
        (_logical("bytes", "decimal", precision=6, scale=2), "-0.05"),
        (_logical("bytes", "decimal", precision=30, scale=0), "10000000000000000000000001"),
        (_logical("fixed", "decimal", name="D", size=9, precision=9, scale=6), "1.500000"),
        (_logical("bytes", "big-decimal"), "12.3450"),
        (_logical("int", "date"), '"1969-12-31"'),
        (_logical("int", "time-millis"), '"03:59:00.007"'),
        (_logical("long", "time-micros"), '"23:59:59.000007"'),
        (_logical("long", "timestamp-millis"), '"1969-12-31T23:59:59.000Z"'),
        (_logical("long", "timestamp-micros"), '"2026-11-23T03:59:00.000001Z"'),
        (_logical("long", "timestamp-nanos"), '"1970-01-01T00:00:01.000000001Z"'),
        (_logical("long", "local-timestamp-millis"), '"2026-01-01T00:00:00.000"'),
        (_logical("long", "timestamp-millis"), "4611686018427387904"),
        (_logical("string", "uuid"), '"00000000-0000-0000-0000-000000000001"'),
        (_logical("fixed", "uuid", name="U", size=16), '"00000000-0000-0000-0000-000000000007"'),
        (_logical("fixed", "duration", name="P", size=12), '"P1M2DT3.004S"'),
    ],
)
def test_what_is_shown_is_written_again(schema: object, text: str) -> None:
    assert json.loads(_back(schema, _written(schema, text))) == json.loads(text)


@pytest.mark.parametrize(
    ("schema", "text", "shown"),
    [
        (["null", "string", "bytes"], '{"bytes": "\\u00ff"}', '"base64:/w=="'),
        (["null", "string", "bytes"], '{"string": "base64:AA=="}', '"base64:AA=="'),
        (["null", "long", _logical("int", "date")], '{"int": "1970-01-02"}', '"1970-01-02"'),
        ("bytes", '"\\u00ff"', '"base64:/w=="'),
        (_logical("bytes", "decimal", precision=6, scale=2), '"12.5"', "12.50"),
        (_logical("bytes", "decimal", precision=6, scale=2), "1e2", "100.00"),
        (_logical("long", "timestamp-millis"), '"2026-11-23T05:59:00+02:00"', '"2026-11-23T03:59:00.000Z"'),
        (_logical("long", "timestamp-millis"), '"2026-11-23 03:59:00.1000Z"', '"2026-11-23T03:59:00.100Z"'),
    ],
)
def test_other_ways_to_write_it(schema: object, text: str, shown: str) -> None:
    assert _back(schema, _written(schema, text)) == shown


def test_a_field_with_a_default_may_be_left_out() -> None:
    data = _written(ORDER, '{"id": 7, "price": 1, "parent": {"shop.Order": {"id": 8, "price": 2.50, "item": "x"}}}')
    assert _back(ORDER, data) == (
        '{"id":7,"item":null,"price":1.00,"state":"NEW","parent":'
        '{"id":8,"item":"x","price":2.50,"state":"NEW","parent":null,"tags":{}},"tags":{}}'
    )


def test_the_default_of_a_decimal_stands_in_bytes() -> None:
    price = {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 4,
        "scale": 2,
    }
    schema = {"type": "record", "name": "R", "fields": [{"name": "p", "type": price, "default": "\u0001"}]}
    assert _back(schema, _written(schema, "{}")) == '{"p":0.01}'


def test_references_and_short_names() -> None:
    money = '{"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]}'
    writer = AvroWriter('["null", "shop.Money", {"type": "map", "values": "long"}]', [money])
    assert writer.write(parsed('{"Money": {"cents": 1}}')) == b"\x02\x02"
    with pytest.raises(Misfit, match=r"may be shop\.Money or map"):
        writer.write(parsed('{"cents": 1}'))


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('{"id": "7", "price": 1}', "line 1, column 8, id", "expected long, an integer, found “7”"),
        ('{"id": 1.5, "price": 1}', "line 1, column 8, id", "expected long, an integer, found 1.5"),
        ('{"id": true, "price": 1}', "line 1, column 8, id", "expected long, an integer, found true"),
        ('{"id": 9223372036854775808, "price": 1}', "line 1, column 8, id", "more than 64 bits"),
        (f'{{"id": {"9" * 5000}, "price": 1}}', "line 1, column 8, id", "expected long, an integer, found 999"),
        ('{"id": 1}', "line 1, column 1", "“price” is missing, which has no default"),
        ('{"id": 1,\n "price": 1.005}', "line 2, column 11, price", "more than 2 digits behind the point"),
        ('{"id": 1,\n "price": 12345.00}', "line 2, column 11, price", "more than the 6 digits"),
        ('{"id": 1,\n "price": 1e999999999}', "line 2, column 11, price", "too many digits"),
        ('{"id": 1, "price": 1, "state": "LOST"}', "column 32, state", "one of NEW, PAID, found “LOST”"),
        ('{"id": 1, "price": 1, "item": 4}', "column 31, item", "expected a string, found 4"),
        ('{"id": 1, "price": 1, "itme": "x"}', "column 31, itme", "“shop.Order” has no such field"),
        ('{"id": 1, "price": 1, "id": 2}', "line 1, column 1", "“id” is there twice"),
        ('{"id": 1, "price": 1, "tags": {"a b": [1, "x"]}}', 'column 43, tags["a b"][1]', "expected int"),
        ('{"id": 1, "price": 1, "parent": {"price": 1}}', "column 33, parent", "“id” is missing"),
        ('{"id": 1, "price": 1, "item": "\\ud800"}', "column 31, item", "half of a character"),
        ("[]", "line 1, column 1", "expected an object with the fields of “shop.Order”, found an array"),
        ('{"id": NaN}', "line 1, column 8", "expected a value"),
        ('{"id": 1,\n "price" 1}', "line 2, column 10", 'expected ":"'),
        ("[" * 100_000, "", ""),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, place: str, why: str) -> None:
    with pytest.raises(NotFitting) as refused:  # noqa: PT012 - either of them may
        value = parsed(text)
        try:
            AvroWriter(json.dumps(ORDER)).write(value)
        except Misfit as wrong:
            raise not_fitting(text, wrong) from None
    assert place in refused.value.reason
    assert why in refused.value.reason
    assert len(refused.value.reason) < 300


def test_a_value_that_nests_without_end_is_refused() -> None:
    depth = 300
    text = '{"id":1,"price":1,"parent":' * depth + "null" + "}" * depth
    with pytest.raises(Misfit, match="nested deeper than 100 levels"):
        _written(ORDER, text)


def test_branches_that_look_alike_are_tried_once_each() -> None:
    """Two to the power of 90 times otherwise."""
    second = {"type": "record", "name": "B", "fields": [{"name": "next", "type": ["null", "A", "B"]}]}
    first = {"type": "record", "name": "A", "fields": [{"name": "next", "type": ["null", "A", second]}]}
    with pytest.raises(Misfit, match="may be A or B"):
        _written(["null", first, "B"], '{"next":' * 90 + "null" + "}" * 90)


def test_defaults_that_double_with_each_level_end() -> None:
    schema: Any = {"type": "record", "name": "R30", "fields": []}
    for level in range(29, -1, -1):
        fields = [
            {"name": "a", "type": schema, "default": {}},
            {"name": "b", "type": f"R{level + 1}", "default": {}},
        ]
        schema = {"type": "record", "name": f"R{level}", "fields": fields}
    with pytest.raises(Misfit, match="defaults of the schema would be too many"):
        _written(schema, "{}")


# ---- any schema, and any value of it

_SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", st.integers(-(2**31), 2**31 - 1)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("double", st.floats(allow_nan=False, allow_infinity=False)),
    ("float", st.floats(width=32, allow_nan=False, allow_infinity=False)),
    ("string", st.text()),
]


@st.composite
def _pairs(draw: st.DrawFn, depth: int = 0) -> tuple[Any, Any]:
    """A schema, and a value as fastavro has it."""
    kind = draw(st.sampled_from(["scalar", "optional", "array", "map", "record", "enum"])) if depth < 3 else "scalar"
    name = f"N{draw(st.uuids()).hex}"
    if kind == "scalar":
        schema, values = draw(st.sampled_from(_SCALARS))
        return schema, draw(values)
    if kind == "enum":
        symbols = ["RED", "GREEN", "BLUE"]
        return {"type": "enum", "name": name, "symbols": symbols}, draw(st.sampled_from(symbols))
    if kind == "record":
        fields = draw(st.lists(_pairs(depth + 1), max_size=3))
        typed = [{"name": f"f{n}", "type": inner} for n, (inner, _) in enumerate(fields)]
        value = {f"f{n}": each for n, (_, each) in enumerate(fields)}
        return {"type": "record", "name": name, "fields": typed}, value
    inner, value = draw(_pairs(depth + 1))
    match kind:
        case "optional":
            nests = isinstance(inner, list) or inner == "null"
            return (inner, value) if nests else (["null", inner], draw(st.sampled_from([None, value])))
        case "array":
            return {"type": "array", "items": inner}, [value] * draw(st.integers(0, 3))
    return {"type": "map", "values": inner}, dict.fromkeys(draw(st.sets(st.text(), max_size=3)), value)


@settings(max_examples=150, deadline=None)
@given(_pairs())
def test_any_value_is_read_back_by_both(pair: tuple[Any, Any]) -> None:
    schema, value = pair
    data = _written(schema, json.dumps(value))
    assert _written(schema, _back(schema, data)) == data
    assert fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(schema)) == value
    into = io.BytesIO()
    fastavro.schemaless_writer(into, fastavro.parse_schema(schema), value)
    assert data == into.getvalue()


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["id", "item"]), inner),
)


@settings(max_examples=150, deadline=None)
@given(_pairs(), _ANY)
def test_any_other_value_is_refused_with_a_place_or_written(pair: tuple[Any, Any], value: object) -> None:
    text = json.dumps(value)
    try:
        data = _written(pair[0], text)
    except Misfit as wrong:
        offset = not_fitting(text, wrong).offset
    else:
        json.loads(_back(pair[0], data))
        offset = 0
    assert 0 <= offset < len(text)
