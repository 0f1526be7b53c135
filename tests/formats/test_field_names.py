"""What is learnt from records: names as filters accept them, values as filters write them, within bounds."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexplorer.formats.expression import Constant, Operation, Path, parse
from kexplorer.formats.field_names import FieldNames, Seen, literal, quoted, step
from kexplorer.formats.filters import compile_filter
from kexplorer.model.records import Header, Record, TimestampType
from kexplorer.model.search import FilterKind, FilterSpec
from kexplorer.model.topics import TopicPartition


def record(
    value: bytes | None, key: bytes | None = None, headers: tuple[Header, ...] | None = (), partition: int = 0
) -> Record:
    return Record(TopicPartition("orders", partition), 7, 1000, TimestampType.CREATE_TIME, key, value, headers)


def learnt(*values: Any) -> FieldNames:
    known = FieldNames()
    known.learn(record(json.dumps(value).encode()) for value in values)
    return known


def paths(seen: Seen | None) -> list[str]:
    assert seen is not None
    return [each.path for each in seen.below()]


def test_nested_names_and_elements_in_the_order_of_the_document() -> None:
    known = learnt({"id": 1, "customer": {"id": "c-1", "a b": True}, "items": [{"sku": "x"}, {"qty": 2}]})
    assert paths(known.bases["value"]) == [
        *("value.id", "value.customer", "value.items"),
        *("value.customer.id", 'value.customer["a b"]', "value.items[*]"),
        *("value.items[*].sku", "value.items[*].qty"),
    ]
    assert [list(each.kinds) for each in known.bases["value"].inside.values()] == [["number"], ["object"], ["list"]]
    for steps in (("value", "items", 3, "sku"), ("value", "items", None, "sku")):
        seen = known.find(steps)
        assert seen
        assert seen.values() == ['"x"']
    assert known.find(("value", "items", "sku")) is None
    assert known.find(("nothing", "items")) is None


def test_values_are_the_most_frequent_first_and_at_most_twenty() -> None:
    known = learnt(*({"s": "rare"}, *[{"s": "often"}] * 3, {"s": None}, {"s": 7}, {"s": False}))
    seen = known.find(("value", "s"))
    assert seen
    assert seen.values() == ['"often"', '"rare"', "null", "7", "false"]
    assert list(seen.kinds) == ["text", "number", "true or false"]
    many = learnt(*({"id": n} for n in range(400))).find(("value", "id"))
    assert many
    assert len(many.values()) == 20


def test_keys_headers_partitions_and_payloads_that_are_no_json() -> None:
    known = FieldNames()
    known.learn(
        [
            record(b"plain text", b"order-17", (("trace-id", b"12"), ("region", b"eu"), ("region", None)), 3),
            record(None, None, None, 4),
            record(b"\xff\xfe", b'"quoted"', (("flags", b'{"a": 1}'),)),
        ]
    )
    assert known.bases["value"].values() == ['"plain text"', "null"]  # bytes that are not UTF-8 cannot be typed
    assert known.bases["key"].values() == ['"order-17"', "null", '"quoted"']
    assert paths(known.bases["headers"]) == [
        'headers["trace-id"]',
        "headers.region",
        "headers.flags",
        "headers.flags.a",
    ]
    assert paths(known.bases["headers_all"]) == ['headers_all["trace-id"]', "headers_all.region", "headers_all.flags"]
    trace, region = known.find(("headers", "trace-id")), known.find(("headers", "region"))
    assert trace
    assert trace.values() == ["12"]
    assert region
    assert region.values() == ['"eu"', "null"]
    assert known.bases["partition"].values() == ["3", "4", "0"]
    assert known.bases["topic"].values() == ['"orders"']


def test_hostile_records_stay_within_bounds() -> None:
    known = FieldNames()
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    deep_array = b"[" * 5000 + b"]" * 5000
    wide = json.dumps({f"name{n}": n for n in range(5000)}).encode()
    maps = [record(json.dumps({f"m{i}": {f"k{i}-{n}": n for n in range(150)}}).encode()) for i in range(100)]
    odd = record(json.dumps({"x" * 101: 1, "half \ud800": 2, "value": "y" * 61, "big": 10**80}).encode())
    bomb = record(b'{"s":"' + b"x" * 100_000 + b'"}')
    started = time.perf_counter()
    known.learn([record(deep), record(deep_array), record(wide), odd, bomb, *maps])
    known.learn([record(wide, wide, (("h", wide), (" \ud800", b""), ("x" * 200, b"")))] * 300)
    assert time.perf_counter() - started < 10
    everything = [each for base in known.bases.values() for each in base.below()]
    assert len(everything) <= 2000
    assert all(each.path.count(".") <= 9 for each in everything)
    assert all(len(each.inside) <= 200 for each in everything)
    seen = known.find(("value", "big"))
    assert seen
    assert seen.values() == []
    assert known.find(("value", "s")) is None


def test_a_hundred_records_cost_little() -> None:
    value = {f"field{n}": {"id": n, "tags": ["a", "b"], "note": "x" * 20} for n in range(20)}
    records = [record(json.dumps({**value, "id": n}).encode(), b"k", (("trace", b"1"),)) for n in range(100)]
    known = FieldNames()
    started = time.process_time()
    known.learn(records)
    assert time.process_time() - started < 1
    assert known.find(("value", "field19", "tags", None))


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(_NAMES)
def test_every_name_is_a_step_that_the_parser_accepts(name: str) -> None:
    assert parse(f"value{step(name)}.z") == Path("value", "", (name, "z"), 1)


@pytest.mark.parametrize(
    "name", ["and", "in", "not", "class", "$id", "@type", "1st", "a-b", "", "é", "e\u0301", 'say "x"', "\\"]
)
def test_odd_names_are_quoted_only_where_they_must_be(name: str) -> None:
    assert parse(f"value{step(name)}") == Path("value", "", (name,), 1)
    assert step(name).startswith("[") is (name in ("1st", "a-b", "", "e\u0301", 'say "x"', "\\"))


@given(_NAMES | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.booleans() | st.none())
def test_a_written_value_matches_the_value(value: str | int | Decimal | bool | None) -> None:
    if (written := literal(value)) is None:
        return
    tree = parse(f"value.a == {written}")
    assert isinstance(tree, Operation)
    constant = tree.operands[1]
    if isinstance(constant, Operation):  # a sign
        (constant,) = constant.operands
        assert isinstance(constant, Constant)
        assert not isinstance(value, str | None)
        assert constant.value == Decimal(value).copy_negate()
    else:
        assert isinstance(constant, Constant)
        assert constant.value == value
    compile_filter(FilterSpec(f"value.a == {written}", FilterKind.EXPRESSION))


def test_what_cannot_be_seen_is_escaped() -> None:
    assert quoted('a"b\\c\n\u202e\u00a0é') == '"a\\"b\\\\c\\n\\u202e\\u00a0é"'
    assert literal("\ud800") is None
    assert literal(Decimal("Infinity")) is None
    assert literal(Decimal("1e5000")) is None
    assert literal(Decimal("901.10")) == "901.10"
