"""Protobuf against the official runtime and protoc: `schemas/*.desc` is what protoc 34 made of the .proto files."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.json_text import pretty_lines
from kexplorer.formats.proto_text import parse
from kexplorer.formats.protobuf import ProtobufSchema

HERE = Path(__file__).parent / "schemas"
COMMON, ORDER, OLD = ((HERE / f"{name}.proto").read_text("utf-8") for name in ("common", "order", "old"))
ORDER_DESC, OLD_DESC = ((HERE / f"{name}.desc").read_bytes() for name in ("order", "old"))


def _pool(compiled: bytes) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file:
        pool.Add(file)
    return pool


ORDERS, OLDS = _pool(ORDER_DESC), _pool(OLD_DESC)
Order: Any = message_factory.GetMessageClass(ORDERS.FindMessageTypeByName("shop.orders.Order"))
Old: Any = message_factory.GetMessageClass(OLDS.FindMessageTypeByName("Old"))
BY_TEXT = ProtobufSchema.of(ORDER, [COMMON], "shop.orders.Order")
BY_DESCRIPTOR = ProtobufSchema.of(ORDER_DESC, type_name="shop.orders.Order")


def _everything() -> Any:
    order = Order(
        id="é", ledger=2**63 - 1, big=2**64 - 1, delta=-(2**63), f32=2**32 - 1, f64=2**64 - 1, sf32=-5, sf64=-6
    )
    more = Order(ratio=0.1, exact=1 / 3, gift=True, blob=b"\xff\0", state=-5, level=2, codes=[1, -1, 300], loose=[4, 5])
    last = Order(states=[0, 1, 7], small=-3, note="", card="x", points=[1.5, float("nan")], option=4)
    order.MergeFrom(more)
    order.MergeFrom(last)
    order.lines.add(sku="s", quantity=2, price={"currency": "EUR", "units": -4}).taxes.add(basis_points=-7)
    order.lines.add()
    order.by_name["k"].sku = "z"
    order.by_number[-4] = "v"
    order.by_flag[False] = 1
    order.placed.FromJsonString("2026-11-23T03:59:00.5Z")
    order.took.FromJsonString("-3.25s")
    order.maybe.value = 0
    order.label.value = "hi"
    order.parent.parent.small = 1
    return order


@pytest.mark.parametrize("schema", [BY_TEXT, BY_DESCRIPTOR], ids=["text", "descriptor"])
def test_one_of_everything(schema: ProtobufSchema) -> None:
    data = _everything().SerializeToString(deterministic=True)
    found = schema.reading(memoryview(data), None)
    assert (found.complete, found.notes) == (True, ())
    assert list(pretty_lines(found.text))
    assert found.text == (
        '{"id":"é","ledger":9223372036854775807,"big":18446744073709551615,"delta":-9223372036854775808,'
        '"f32":4294967295,"f64":18446744073709551615,"sf32":-5,"sf64":-6,"ratio":0.1,"exact":0.3333333333333333,'
        '"gift":true,"blob":"base64:/wA=","state":"LOST","level":"HIGH",'
        '"lines":[{"sku":"s","quantity":2,"price":{"currency":"EUR","units":-4},"taxes":[{"basis_points":-7}]},{}],'
        '"codes":[1,-1,300],"loose":[4,5],"states":["NEW","PAID",7],"by_name":{"k":{"sku":"z"}},'
        '"by_number":{"-4":"v"},"by_flag":{"false":"PAID"},"card":"x","note":"","placed":"2026-11-23T03:59:00.500Z",'
        '"took":"-3.25s","maybe":0,"label":"hi","parent":{"parent":{"small":1}},"small":-3,"points":[1.5,"NaN"],'
        '"option":4}'
    )


_MONEY = st.fixed_dictionaries(
    {}, optional={"currency": st.text(min_size=1, max_size=5), "units": st.integers(1, 2**63 - 1)}
)
_ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(min_size=1),
        "ledger": st.integers(-(2**63), 2**63 - 1).filter(bool),
        "big": st.integers(1, 2**64 - 1),
        "delta": st.integers(-(2**63), -1),
        "small": st.integers(-(2**31), -1),
        "exact": st.floats(allow_nan=False, allow_infinity=False).filter(bool),
        "codes": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=6),
        "loose": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=6),
        "level": st.sampled_from(["LOW", "HIGH"]),
        "cash": _MONEY,
        "by_number": st.dictionaries(st.integers(-(2**31), 2**31 - 1).map(str), st.text(), min_size=1, max_size=4),
        "lines": st.lists(
            st.fixed_dictionaries({}, optional={"sku": st.text(min_size=1), "price": _MONEY}), min_size=1
        ),
        "note": st.text(),
    },
)


@settings(max_examples=100, deadline=None)
@given(_ORDERS, st.data())
def test_what_the_official_runtime_writes_is_read_back(value: dict[str, Any], data: st.DataObject) -> None:
    written = json_format.ParseDict(value, Order()).SerializeToString()
    assert json.loads(BY_TEXT.reading(memoryview(written), None).text) == value
    part = BY_TEXT.reading(memoryview(written), data.draw(st.integers(0, len(written))))
    assert part.complete or not part.text or list(pretty_lines(part.text, partial=True))


@settings(deadline=None)
@given(st.binary(), st.integers(0, 50))
def test_other_bytes_are_a_message_or_a_reason(data: bytes, limit: int) -> None:
    try:
        found = BY_TEXT.reading(memoryview(data), None)
    except Unreadable:
        return
    json.loads(found.text)
    BY_TEXT.reading(memoryview(data), limit)


@pytest.mark.parametrize("schema", [ProtobufSchema.of(OLD), ProtobufSchema.of(OLD_DESC)], ids=["text", "descriptor"])
def test_groups_and_extensions_of_proto2(schema: ProtobufSchema) -> None:
    old = Old(a=-1, kind=16)
    old.inner.b = "q"
    old.inner.deep.add(c=3)
    old.inner.deep.add(c=4)
    old.next.a = 3
    old.Extensions[OLDS.FindExtensionByName("tags")].append("t")
    old.Extensions[OLDS.FindExtensionByName("Old.inside")] = 1
    assert schema.reading(memoryview(old.SerializeToString()), None).text == (
        '{"a":-1,"inner":{"b":"q","deep":[{"c":3},{"c":4}]},"kind":"B","next":{"a":3},"[tags]":["t"],"[Old.inside]":"A"}'
    )


def test_fields_that_the_schema_lacks_are_there_by_number() -> None:
    narrow = ProtobufSchema.of('syntax = "proto3"; message Narrow { string id = 1; }')
    data = Order(id="x", ledger=5, note="hello", blob=b"\xff", loose=[1, 2], f32=9).SerializeToString()
    found = narrow.reading(memoryview(data), None)
    assert found.text == '{"id":"x","2":5,"5":9,"12":"base64:/w==","17":[1,2],"24":"hello"}'
    assert found.notes == ("fields that the schema does not know are guesses, by their number",)


def test_a_field_whose_type_differs_is_shown_as_it_came() -> None:
    other = ProtobufSchema.of('syntax = "proto3"; message Other { int32 id = 1; string ledger = 2; }')
    found = other.reading(memoryview(Order(id="x", ledger=5).SerializeToString()), None)
    assert found.text == '{"id":"x","ledger":5}'
    assert found.notes == ("fields whose type on the wire is not the schema's are guesses",)


def test_a_message_that_came_in_two_pieces_is_one() -> None:
    first, second = Order(parent=Order(id="a", small=1)), Order(parent=Order(id="b"))
    data = first.SerializeToString() + second.SerializeToString()
    assert BY_TEXT.reading(memoryview(data), None).text == '{"parent":{"id":"b","small":1}}'


@pytest.mark.parametrize(
    ("pointer", "name"),
    [  # counts and indexes are zigzag numbers
        (b"\x00", "shop.orders.Meta"),
        (b"\x02\x00", "shop.orders.Meta"),
        (b"\x02\x02", "shop.orders.Order"),
        (b"\x04\x00\x00", "shop.orders.Meta.Source"),
        (b"\x04\x02\x00", "shop.orders.Order.Line"),  # what map fields make is not counted
        (b"\x06\x02\x00\x00", "shop.orders.Order.Line.Tax"),
    ],
)
def test_the_framing_points_to_a_message(pointer: bytes, name: str) -> None:
    chosen, rest = ProtobufSchema.of(ORDER, [COMMON]).framed(memoryview(pointer + b"rest"))
    assert (chosen.name, bytes(rest)) == (name, b"rest")


def test_a_pointer_to_nowhere() -> None:
    with pytest.raises(Unreadable, match=r"points to message 1\.7, which the schema lacks"):
        BY_TEXT.framed(memoryview(b"\x04\x02\x0e"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a\x05abc", "a length of 5 bytes where 3 are left"),
        (b"\x0f", "wire type 7 at byte 0"),
        (b"\x00\x01", "field number 0 at byte 0"),
        (b"\x10" + b"\xff" * 11, "an integer of more than 64 bits"),
        (b"\x10\x80", "the data ends within a value"),
        (b"\x29\x01", "a length of 8 bytes"),
        (b"\x0c", "wire type 4"),
        (b"\x0b" * 5000, "nested deeper than 100 levels"),
    ],
)
def test_bytes_that_are_no_message_say_why(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        BY_TEXT.reading(memoryview(data), None)


def test_a_message_nested_in_itself_too_deep_is_a_reason() -> None:
    data = b""
    for _ in range(150):
        data = b"\xf2\x01" + _varint(len(data)) + data
    with pytest.raises(Unreadable, match="nested deeper than 100 levels"):
        BY_TEXT.reading(memoryview(data), None)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("message A { string a = ; }", "line 1, expected a number, found “;”"),
        ("message A {\n string a = 1;", "line 2, expected more, found the end"),
        ("mesage A {}", "line 1, “mesage” begins nothing that is known"),
        ('{"type": "record"}', "line 1, “{” begins nothing that is known"),
        ("message A " + "{ message B " * 500, "nested too deeply"),
        ('syntax = "proto3";', "the schema declares no message"),
    ],
)
def test_a_broken_schema_says_where(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        ProtobufSchema.of(text)


def test_a_missing_message_and_a_file_of_something_else() -> None:
    with pytest.raises(Unreadable, match=r"declares no message “shop\.Nothing”"):
        ProtobufSchema.of(ORDER, [COMMON], "shop.Nothing")
    with pytest.raises(Unreadable, match="neither a FileDescriptorSet nor a FileDescriptorProto"):
        ProtobufSchema.of(b"\x89PNG\r\n")


def test_a_file_descriptor_alone_as_registries_give_it() -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(ORDER_DESC).file
    texts = {file.name: base64.b64decode(base64.b64encode(file.SerializeToString())) for file in files}
    schema = ProtobufSchema.of(texts["order.proto"], [texts["common.proto"]])
    assert schema.name == "shop.orders.Meta"
    assert schema.framed(memoryview(b"\x02\x02"))[0].name == "shop.orders.Order"


def test_every_official_schema_is_understood() -> None:
    """The texts say the same as the descriptors that protoc made."""
    for name, texts, compiled in (("shop.orders.Order", [COMMON, ORDER], ORDER_DESC), ("Old", [OLD], OLD_DESC)):
        assert [file.package for file in map(parse, texts)] == [
            file.package
            for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file
            if not file.name.startswith("google/")
        ]
        assert ProtobufSchema.of(compiled, type_name=name).name == name


def test_the_beginning_of_a_large_message() -> None:
    order = Order(id="x", lines=[{"sku": f"sku-{n}", "quantity": n} for n in range(1, 20_000)])
    found = BY_TEXT.reading(memoryview(order.SerializeToString()), 10_000)
    assert not found.complete
    assert found.text.startswith('{"id":"x","lines":[{"sku":"sku-1","quantity":1},')
    assert len(list(pretty_lines(found.text, partial=True))) > 1000
