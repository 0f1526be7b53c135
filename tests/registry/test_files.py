"""Schemas in a person's files."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from kexplorer.formats.decode import decode
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import Unavailable, compiled
from kexplorer.model.failure import Failure
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.registry.cache import SchemaCache, read_assigned
from kexplorer.registry.files import message_types, read_schema, usable_schema

HERE = Path(__file__).parent.parent / "formats" / "schemas"


def _assignment(file: Path | str, form: SchemaFormat = SchemaFormat.PROTOBUF, type_name: str = "") -> SchemaAssignment:
    return SchemaAssignment("orders*", Part.VALUE, form, str(file), type_name)


@pytest.mark.parametrize("name", ["order.proto", "order.desc"])
def test_protobuf_files(name: str) -> None:
    cache = SchemaCache(assigned=read_assigned([_assignment(HERE / name, type_name="shop.orders.Order")]))
    decoded = decode(b"\x70\x02", schemas=cache, topic="orders-eu")
    assert decoded.text == '{"level":"HIGH"}'
    assert decoded.why == "Protobuf by the schema that was assigned to the topic: “shop.orders.Order”"


def test_an_avro_file(tmp_path: Path) -> None:
    file = tmp_path / "count.avsc"
    file.write_text('{"type": "long", "logicalType": "timestamp-millis"}', "utf-8")
    cache = SchemaCache(assigned=read_assigned([_assignment(file, SchemaFormat.AVRO)]))
    assert decode(b"\x02", schemas=cache, topic="orders").text == '"1970-01-01T00:00:00.001Z"'


def test_a_json_schema_file(tmp_path: Path) -> None:
    file = tmp_path / "order.schema.json"
    file.write_text('{"title": "Order", "type": "object"}', "utf-8")
    assignment = _assignment(file, SchemaFormat.JSON)
    assert usable_schema(assignment).format is SchemaFormat.JSON
    cache = SchemaCache(assigned=read_assigned([assignment]))
    decoded = decode(b'{"id": 1}', schemas=cache, topic="orders")
    assert decoded.text == '{"id": 1}'
    assert "JSON Schema by the schema that was assigned" in decoded.why
    file.write_text('{"type": "record", "name": "Order", "fields": []}', "utf-8")  # one of Avro's
    with pytest.raises(Failure, match=r"order.schema.json: the schema is no JSON Schema: 'record' is not valid"):
        usable_schema(assignment)


def test_imports_are_found_above_but_not_outside(tmp_path: Path) -> None:
    inside = tmp_path / "shop" / "orders"
    inside.mkdir(parents=True)
    (tmp_path / "secret.proto").write_text("message Secret {}", "utf-8")
    (tmp_path / "shop" / "common.proto").write_text('import "shop/orders/a.proto"; message C {}', "utf-8")
    (inside / "a.proto").write_text(
        'import "shop/common.proto"; import "../../secret.proto"; import "/etc/hostname";'
        'import "google/protobuf/timestamp.proto"; import "lost.proto"; message A { C c = 1; lost.L l = 2; }',
        "utf-8",
    )
    schema = read_schema(_assignment(inside / "a.proto"))
    assert [name for name, _ in schema.references] == ["shop/orders/a.proto", "shop/common.proto"]
    cache = SchemaCache(assigned=read_assigned([_assignment(inside / "a.proto")]))
    decoded = decode(b"\x0a\x00\x12\x01x", schemas=cache, topic="orders")
    assert decoded.text == '{"c":{},"l":"x"}'
    assert decoded.also == ("fields that the schema does not know are guesses, by their number",)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.proto", b"message A {", "line 1, expected more, found the end"),
        ("a.proto", b"\xff\xfe", "is not UTF-8"),
        ("a.proto", b" " * 4_000_001, "is larger than 4 MB"),
        ("a.proto", None, "could not be read: No such file"),
        ("a.desc", b"\x00\x01", "neither a FileDescriptorSet nor a FileDescriptorProto"),
    ],
)
def test_a_file_that_cannot_be_used_says_so_on_each_record(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    cache = SchemaCache(assigned=read_assigned([_assignment(tmp_path / name)]))
    found = cache.assigned("orders", Part.VALUE)
    assert isinstance(found, Unavailable)
    assert why in found.why
    assert decode(b"text", schemas=cache, topic="orders").rejected[0].startswith("not by the schema that was assigned")


def test_no_directory_and_no_relative_path(tmp_path: Path) -> None:
    for file in (tmp_path, "order.proto"):
        with pytest.raises(Failure):
            read_schema(_assignment(file))


@pytest.mark.parametrize("name", ["order.proto", "order.desc"])
def test_the_messages_of_a_file(name: str) -> None:
    found = message_types(str(HERE / name))
    own = ["Meta", "Meta.Source", "Order", "Order.Line", "Order.Line.Tax"]
    assert found[:5] == [f"shop.orders.{each}" for each in own]  # and none of those that were made for its maps
    by_first = SchemaCache(assigned=read_assigned([_assignment(HERE / name)])).assigned("orders", Part.VALUE)
    assert isinstance(by_first, ProtobufSchema)
    assert by_first.name == found[0]
    for each in found:
        chosen = usable_schema(_assignment(HERE / name, type_name=each))
        assert chosen.type_name == each


def test_a_set_of_several_files_offers_the_messages_of_all(tmp_path: Path) -> None:
    both = (HERE / "old.desc").read_bytes() + (HERE / "order.desc").read_bytes()  # sets are joined by appending
    (tmp_path / "both.desc").write_bytes(both)
    found = message_types(str(tmp_path / "both.desc"))
    assert found[0] == "shop.orders.Meta"
    assert set(message_types(str(HERE / "old.desc"))) < set(found)
    assert isinstance(compiled(usable_schema(_assignment(tmp_path / "both.desc", type_name=found[-1]))), ProtobufSchema)


def test_a_single_file_descriptor(tmp_path: Path) -> None:
    of_set = descriptor_pb2.FileDescriptorSet.FromString((HERE / "old.desc").read_bytes())
    (tmp_path / "one.pb").write_bytes(of_set.file[0].SerializeToString())
    assert message_types(str(tmp_path / "one.pb")) == message_types(str(HERE / "old.proto"))


@pytest.mark.parametrize(
    ("name", "content", "form", "why"),
    [
        ("a.proto", 'syntax = "proto3";\nmessage A {\n  int32 = 1;\n}', SchemaFormat.PROTOBUF, "line 3, "),
        ("a.proto", 'syntax = "proto3";', SchemaFormat.PROTOBUF, "the schema declares no message"),
        ("a.avsc", '{"type":\n "long"', SchemaFormat.AVRO, "line 2 column "),
        ("a.avsc", '{"type": "record", "name": "R"}', SchemaFormat.AVRO, "not Avro's"),
        ("a.avsc", '{"type": "shop.Money"}', SchemaFormat.AVRO, "refers to “shop.Money”"),
        ("a.avsc", None, SchemaFormat.AVRO, "No such file"),
    ],
)
def test_what_is_wrong_with_a_file_names_the_file_and_the_line(
    tmp_path: Path, name: str, content: str | None, form: SchemaFormat, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(Failure) as failed:
        usable_schema(_assignment(tmp_path / name, form))
    assert str(tmp_path / name) in failed.value.message
    assert why in failed.value.message
