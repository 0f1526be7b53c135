"""Schemas that a person writes by, and payloads that are edited as JSON and written again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from kexplorer.formats.encoding import Encoder
from kexplorer.model.failure import Failure
from kexplorer.model.profile import Profile
from kexplorer.model.records import Header
from kexplorer.model.schemas import Part, SchemaAssignment, SchemaFormat
from kexplorer.services.schemas import Schemas, open_schemas
from tests.registry.server import FakeRegistry, Running
from tests.rig.loops import LoopRunner

ITEM = '{"type": "record", "name": "Item", "fields": [{"name": "n", "type": "long"}, {"name": "s", "type": "string"}]}'
SHAPES = 'syntax = "proto3"; message Dot { int32 x = 1; } message Line { message End { string s = 1; } End end = 1; }'
GUID = UUID("12345678-1234-1234-1234-123456789abc")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    made.add(7, ITEM)
    made.add(8, SHAPES, "PROTOBUF")
    made.add(9, '{"type": "object"}', "JSON")
    made.add(GUID, SHAPES, "PROTOBUF")
    for subject, number in (("b-value", 1), ("a-value", 1), ("a-value", 2)):
        made.subjects[subject, number] = {"id": 7, "schema": ITEM}
    with Running(made):
        yield made


def _opened(aio: LoopRunner, registry: FakeRegistry) -> Schemas:
    return aio.run(open_schemas(Profile("p", "localhost:9092", registry_url=registry.url), ""))


def test_what_a_registry_has(aio: LoopRunner, registry: FakeRegistry) -> None:
    schemas = _opened(aio, registry)
    assert aio.run(schemas.subjects()) == ["a-value", "b-value"]
    assert aio.run(schemas.schema(7)).text == ITEM
    with pytest.raises(Failure, match="answered 404"):
        aio.run(schemas.schema(999))
    registry.authorization = "Basic eDp5"
    with pytest.raises(Failure, match="401"):
        aio.run(schemas.subjects())
    with pytest.raises(Failure, match="401"):
        aio.run(schemas.schema(10))


def test_a_registry_that_is_gone(aio: LoopRunner) -> None:
    schemas = aio.run(open_schemas(Profile("p", "localhost:9092", registry_url="http://127.0.0.1:1"), ""))
    with pytest.raises(Failure, match=r"127\.0\.0\.1:1"):
        aio.run(schemas.subjects())
    with pytest.raises(Failure, match=r"127\.0\.0\.1:1"):
        aio.run(schemas.schema(7))
    with pytest.raises(Failure, match="no registry is configured"):
        aio.run(Schemas().subjects())


@pytest.mark.parametrize(
    ("payload", "headers", "text", "type_name", "prefix"),
    [
        (b"\0\0\0\0\x07\x0a\x02x", (), '{"n":5,"s":"x"}', "", b"\0\0\0\0\x07"),
        (b"\0\0\0\0\x08\0\x08\x05", (), '{"x":5}', "Dot", b"\0\0\0\0\x08\0"),
        (b"\0\0\0\0\x08\x02\0\x08\x05", (), '{"x":5}', "Dot", b"\0\0\0\0\x08\x02\0"),
        (b"\0\0\0\0\x08\x04\x02\0\x0a\x01y", (), '{"s":"y"}', "Line.End", b"\0\0\0\0\x08\x04\x02\0"),
        (b'\0\0\0\0\x09{"a": 1.10}', (), '{"a": 1.10}', "", b"\0\0\0\0\x09"),
        (b"\x0a\x01y", (("__value_schema_id", b"\1" + GUID.bytes + b"\x04\x02\0"),), '{"s":"y"}', "Line.End", b""),
        (b"\x08\x05", (("__value_schema_id", b"\1" + GUID.bytes + b"\0"),), '{"x":5}', "Dot", b""),
    ],
)
def test_a_payload_is_written_again_as_it_was(
    aio: LoopRunner,
    registry: FakeRegistry,
    payload: bytes,
    headers: tuple[Header, ...],
    text: str,
    type_name: str,
    prefix: bytes,
) -> None:
    found = aio.run(_opened(aio, registry).editable(payload, "orders", Part.VALUE, headers))
    assert found is not None
    assert (found.text, found.schema.schema.type_name, found.schema.prefix) == (text, type_name, prefix)
    assert Encoder(found.schema).encode(found.text) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b'{"plain": 1}',
        b"\0\0\0\0\x63\x0a",  # of a schema that the registry lacks
        b"\0\0\0\0\x07\x0a\x02\xff",  # a text that is not UTF-8
        b"\0\0\0\0\x07\x0a",  # what the schema does not fit
        b"\0\0\0\0\x07{}",
    ],
)
def test_what_json_does_not_tell_is_not_edited_as_json(aio: LoopRunner, registry: FakeRegistry, payload: bytes) -> None:
    assert aio.run(_opened(aio, registry).editable(payload, "orders", Part.VALUE, ())) is None


def test_the_file_that_is_assigned_comes_first(aio: LoopRunner, registry: FakeRegistry, tmp_path: Path) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(json.dumps("long"), "utf-8")
    schemas = _opened(aio, registry)
    assert schemas.assigned_schema("orders", Part.VALUE) is None
    aio.run(schemas.assign(SchemaAssignment("orders", Part.VALUE, SchemaFormat.AVRO, str(file))))
    assert schemas.assigned_schema("orders", Part.VALUE) is not None
    for payload, prefix in ((b"\x0a", b""), (b"\0\0\0\0\x07\x0a", b"\0\0\0\0\x07")):
        found = aio.run(schemas.editable(payload, "orders", Part.VALUE, ()))
        assert found is not None
        assert (found.text, found.schema.prefix) == ("5", prefix)
        assert Encoder(found.schema).encode("6") == prefix + b"\x0c"
