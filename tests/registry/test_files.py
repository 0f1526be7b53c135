"""Schemas in a person's files."""

from pathlib import Path

import pytest

from kexplorer.formats.decode import decode
from kexplorer.formats.schemas import Unavailable
from kexplorer.model.failure import Failure
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.registry.cache import SchemaCache, read_assigned
from kexplorer.registry.files import read_schema

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
