"""Forms of records: which fields they have by each kind of schema, and JSON in which only one value changes."""

from __future__ import annotations

import json

import pytest

from kexplorer.formats import form_fields, json_edit, json_text
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encoding import Encoder
from kexplorer.formats.form_fields import MOST_FIELDS, FieldKind, FormField
from kexplorer.formats.json_tree import JsonTree
from kexplorer.model.schemas import PayloadSchema, SchemaFormat, SchemaText

AVRO = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "long", "doc": "Counts from 1"},
  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
  {"name": "note", "type": ["null", "string"], "default": null},
  {"name": "paid", "type": "boolean", "default": true},
  {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "SENT"]}},
  {"name": "to", "type": {"type": "record", "name": "Place", "fields": [
     {"name": "zip", "type": "string"}, {"name": "state", "type": "State"}]}},
  {"name": "from", "type": ["null", "Place"], "default": null},
  {"name": "lines", "type": {"type": "array", "items": "double"}},
  {"name": "next", "type": ["null", "Order"], "default": null},
  {"name": "either", "type": ["null", "string", "Place"]}]}"""
PROTOBUF = """syntax = "proto3"; package shop;
  import "google/protobuf/timestamp.proto";
  message Order { int64 order_id = 1; google.protobuf.Timestamp at = 2; State state = 3; Place to = 4;
    repeated Place stops = 5; map<string, int32> counts = 6; Order next = 7;
    oneof by { string card = 8; bool cash = 9; } }
  enum State { NEW = 0; SENT = 1; } message Place { string zip = 1; float lat = 2; }"""
JSON = """{"type": "object", "required": ["id"], "properties": {
  "id": {"type": "integer", "minimum": 0, "description": "Counts from 1"},
  "state": {"enum": ["NEW", 2, null], "default": "NEW"}, "note": {"type": ["string", "null"]},
  "to": {"anyOf": [{"$ref": "#/definitions/Place"}, {"type": "null"}]},
  "tags": {"type": "array", "items": {"type": "string"}}, "what": {"oneOf": [{"type": "string"}, {"type": "array"}]}},
  "definitions": {"Place": {"allOf": [{"type": "object", "properties": {"zip": {"type": "string"}}},
    {"properties": {"home": {"type": "boolean"}}, "required": ["zip"]}]}}}"""
SCHEMAS = [SchemaText(kind, text) for kind, text in zip(SchemaFormat, (AVRO, PROTOBUF, JSON), strict=True)]


def _by_name(schema: SchemaText) -> dict[str, FormField]:
    return {field.names[0]: field for field in form_fields.of(schema)}


def test_fields_of_an_avro_record() -> None:
    found = _by_name(SCHEMAS[0])
    assert [(field.kind.name, field.type) for field in found.values()] == [
        ("INTEGER", "long"),
        ("TEXT", "timestamp-millis"),
        ("NUMBER", "decimal"),
        ("TEXT", "string"),
        ("BOOLEAN", "boolean"),
        ("CHOICE", "shop.State"),
        ("GROUP", "shop.Place"),
        ("GROUP", "shop.Place"),
        ("JSON", "array of double"),
        ("JSON", "shop.Order"),
        ("JSON", "string or Place"),
    ]
    assert found["id"].doc == "Counts from 1"
    assert found["id"].required
    assert not found["id"].nullable
    assert (found["note"].required, found["note"].nullable, found["note"].default) == (False, True, "null")
    assert found["paid"].default == "true"
    assert found["state"].choices == ('"NEW"', '"SENT"')
    assert [field.names for field in found["to"].fields] == [("zip",), ("state",)]
    assert found["from"].nullable
    assert found["from"].fields == found["to"].fields
    assert found["either"].nullable


def test_fields_of_a_protobuf_message() -> None:
    found = _by_name(SCHEMAS[1])
    assert found["order_id"].names == ("order_id", "orderId")
    assert {name: field.kind.name for name, field in found.items()} == {
        "order_id": "INTEGER",
        "at": "TEXT",
        "state": "CHOICE",
        "to": "GROUP",
        "stops": "JSON",
        "counts": "JSON",
        "next": "JSON",
        "card": "TEXT",
        "cash": "BOOLEAN",
    }
    assert found["stops"].type == "repeated shop.Place"
    assert found["counts"].type == "map of int32"
    assert found["card"].doc == "Only one of oneof by"


def test_fields_of_a_json_schema() -> None:
    found = _by_name(SCHEMAS[2])
    assert (found["id"].kind, found["id"].required, found["id"].doc) == (FieldKind.INTEGER, True, "Counts from 1")
    assert (found["state"].choices, found["state"].nullable, found["state"].default) == (('"NEW"', "2"), True, '"NEW"')
    assert (found["note"].kind, found["note"].nullable) == (FieldKind.TEXT, True)
    assert (found["to"].kind, found["to"].nullable) == (FieldKind.GROUP, True)
    assert [(field.names[0], field.required) for field in found["to"].fields] == [("zip", True), ("home", False)]
    assert (found["tags"].kind, found["what"].kind) == (FieldKind.JSON, FieldKind.JSON)


def test_what_has_no_fields_or_too_many_has_no_form() -> None:
    with pytest.raises(Unreadable, match="long has no fields"):
        form_fields.of(SchemaText(SchemaFormat.AVRO, '"long"'))
    with pytest.raises(Unreadable, match="array has no fields"):
        form_fields.of(SchemaText(SchemaFormat.JSON, '{"type": "array"}'))
    many = {f"f{n}": {"type": "string"} for n in range(MOST_FIELDS + 1)}
    with pytest.raises(Unreadable, match=f"{MOST_FIELDS + 1} fields, more than a form has room for"):
        form_fields.of(SchemaText(SchemaFormat.JSON, json.dumps({"type": "object", "properties": many})))
    nested = {"type": "object", "properties": {"a": {"type": "object", "properties": many}}}
    (only,) = form_fields.of(SchemaText(SchemaFormat.JSON, json.dumps(nested)))
    assert only.kind is FieldKind.JSON


@pytest.mark.parametrize("schema", SCHEMAS[::2], ids=["Avro", "JSON Schema"])
def test_a_value_begun_from_its_fields_fits(schema: SchemaText) -> None:
    text = ""
    for field in form_fields.of(schema):
        if field.required and field.kind is not FieldKind.GROUP:
            text = json_edit.replaced(text, field.names[:1], "null" if field.nullable else field.begins)
        for inner in field.fields if field.required else ():
            text = json_edit.replaced(text, (field.names[0], inner.names[0]), inner.begins)
    if schema.format is SchemaFormat.AVRO:
        text = json_edit.replaced(text, ("at",), '"2026-01-01T12:00:00Z"')
    assert Encoder(PayloadSchema(schema)).encode(text)
    assert text == json_text.pretty(text)  # laid out as any other


def test_a_record_without_fields_is_json() -> None:
    empty = '{"type": "record", "name": "E", "fields": []}'
    nested = f'{{"type": "record", "name": "R", "fields": [{{"name": "e", "type": {empty}}}]}}'
    (only,) = form_fields.of(SchemaText(SchemaFormat.AVRO, nested))
    assert (only.kind, only.begins) == (FieldKind.JSON, "{}")
    with pytest.raises(Unreadable, match="E has no fields"):
        form_fields.of(SchemaText(SchemaFormat.AVRO, empty))
    with pytest.raises(Unreadable, match="E has no fields"):
        form_fields.of(SchemaText(SchemaFormat.PROTOBUF, 'syntax = "proto3"; message E {}'))


def test_only_the_value_that_is_replaced_changes() -> None:
    text = '{ "a":1.10,\n\t"b" : {"c": [1 , 2], "c":"\\u0041"},"z":1e400 }\n'
    assert json_edit.replaced(text, ("a",), "2") == text.replace("1.10", "2")
    assert json_edit.replaced(text, ("b", "c"), "null") == text.replace("[1 , 2]", "null")
    for path in (("a",), ("b",), ("b", "c"), ("z",)):
        tree = JsonTree(text)
        node = json_edit.found(tree, path)
        assert node is not None
        assert json_edit.replaced(text, path, tree.written(node)) == text
    assert json_edit.removed(text, ("b",)) == '{ "a":1.10,"z":1e400 }\n'
    assert json_edit.removed(text, ("a",)) == text.replace('"a":1.10,\n\t', "")
    assert json_edit.removed(text, ("none", "c")) == text


def test_what_is_missing_is_made() -> None:
    made = json_edit.replaced("", ("a", "b"), "1")
    assert made == '{\n  "a": {\n    "b": 1\n  }\n}'
    made = json_edit.replaced(made, ("a", "c"), '"x"')
    made = json_edit.replaced(made, ("d",), "null")
    assert made == '{\n  "a": {\n    "b": 1,\n    "c": "x"\n  },\n  "d": null\n}'
    assert json_edit.replaced('{"a": null}', ("a", "b"), "1") == '{"a": {\n  "b": 1\n}}'
    assert json_edit.replaced('{"a": 1}', ("b",), "2") == '{"a": 1, "b": 2}'
    assert json_edit.removed('{"a": 1}', ("a",)) == "{}"
    assert json_edit.compact('{\n "a b": [1,\n 2.0] }') == '{"a b": [1, 2.0]}'
