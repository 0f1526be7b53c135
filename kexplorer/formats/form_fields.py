"""The fields of a record by its schema, whatever kind of schema that is, for a form to be made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from kexplorer.formats import proto_types
from kexplorer.formats.avro_names import AvroNames, Declared, full_name
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.encode_protobuf import camel
from kexplorer.formats.example import AVRO_LOGICAL, SPECIAL
from kexplorer.formats.json_schema_parts import JsonSchemaParts, merged
from kexplorer.formats.proto_types import Message
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.model.schemas import SchemaFormat, SchemaText

MOST_FIELDS = 200  # of a form, with those of nested records
_MOST_LEVELS = 8
_MOST_STEPS = 20  # from a JSON Schema to another one that it refers to


class FieldKind(Enum):
    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()
    GROUP = auto()  # a record
    JSON = auto()  # arrays, maps, unions, and whatever else has no simple form


_BEGINS = {
    FieldKind.TEXT: '""',
    FieldKind.INTEGER: "0",
    FieldKind.NUMBER: "0",
    FieldKind.BOOLEAN: "false",
    FieldKind.GROUP: "{}",
    FieldKind.JSON: "{}",
}


@dataclass(frozen=True, slots=True)
class FormField:
    """`names`: what it may be called in JSON, the first is what to write. `type` as the schema has it. `default`: the
    JSON that stands for it where it is left out, None for nothing. `choices` are JSON; `fields` those of a GROUP."""

    kind: FieldKind
    type: str
    names: tuple[str, ...] = ()
    doc: str = ""
    required: bool = False
    nullable: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    fields: tuple[FormField, ...] = ()

    @property
    def begins(self) -> str:
        """JSON to begin with."""
        if self.kind is FieldKind.JSON and self.type.startswith(("array", "repeated")):
            return "[]"
        return self.choices[0] if self.choices else _BEGINS[self.kind]


def of(schema: SchemaText) -> tuple[FormField, ...]:
    """The schema is known to be usable. Raises Unreadable where it has no fields, or more than a form has room for."""
    texts = [text for _, text in schema.references]
    try:
        match schema.format:
            case SchemaFormat.AVRO:
                top = _Avro(texts).shape(json.loads(schema.text), "", ())
            case SchemaFormat.PROTOBUF:
                top = _Protobuf().shape(ProtobufSchema.of(schema.text, texts, schema.type_name).chosen, ())
            case SchemaFormat.JSON:
                top = _Json(schema).top()
    except RecursionError:
        raise Unreadable("the schema is nested too deeply") from None
    if top.kind is not FieldKind.GROUP:
        raise Unreadable(f"{top.type} has no fields")
    return top.fields


class _Room:
    """For fields of a form: what is nested beyond it is JSON."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def group(self, type_name: str, fields: Iterable[FormField], number: int, level: int) -> FormField:
        """`fields` are made only where there is room for their `number`."""
        if not number or number > self._left or level >= _MOST_LEVELS:
            if number and not level:
                raise Unreadable(f"{type_name} has {number} fields, more than a form has room for")
            return FormField(FieldKind.JSON, type_name)
        self._left -= number
        return FormField(FieldKind.GROUP, type_name, fields=tuple(fields))


# ---- Avro

_AVRO_KINDS = {
    "boolean": FieldKind.BOOLEAN,
    **dict.fromkeys(("int", "long"), FieldKind.INTEGER),
    **dict.fromkeys(("float", "double"), FieldKind.NUMBER),
    **dict.fromkeys(("string", "bytes", "fixed"), FieldKind.TEXT),
}


class _Avro:
    def __init__(self, references: Iterable[str | bytes]) -> None:
        self._names = AvroNames(references)
        self._room = _Room()

    def shape(self, schema: Any, space: str, within: tuple[str, ...]) -> FormField:
        self._names.declare(schema, space)
        match schema:
            case list():
                return self._union(schema, space, within)
            case str():
                kind = _AVRO_KINDS.get(schema)
                if kind or schema == "null":
                    return FormField(kind or FieldKind.JSON, schema)
                return self._named(self._names.find(schema, space), within)
            case {"type": "record" | "error" | "enum" | "fixed"}:
                name = full_name(schema, space)
                return self._named(Declared(name, schema, name.rpartition(".")[0]), within)
            case {"type": "array" | "map"}:
                return FormField(FieldKind.JSON, _avro_type(schema))
        return _avro_logical(schema) or self.shape(schema["type"], space, within)

    def _named(self, declared: Declared, within: tuple[str, ...]) -> FormField:
        name, schema, space = declared
        match schema["type"]:
            case "enum":
                return FormField(FieldKind.CHOICE, name, choices=tuple(map(_json, schema["symbols"])))
            case "fixed":
                return _avro_logical(schema) or FormField(FieldKind.TEXT, name)
        if name in within:
            return FormField(FieldKind.JSON, name)
        inside = (*within, name)
        fields = (self._field(field, space, inside) for field in schema["fields"])
        return self._room.group(name, fields, len(schema["fields"]), len(within))

    def _field(self, field: Any, space: str, within: tuple[str, ...]) -> FormField:
        return replace(
            self.shape(field["type"], space, within),
            names=(field["name"],),
            doc=str(field.get("doc") or ""),
            required="default" not in field,
            default=_json(field["default"]) if "default" in field else None,
        )

    def _union(self, branches: list[Any], space: str, within: tuple[str, ...]) -> FormField:
        others = [branch for branch in branches if branch != "null"]
        nullable = len(others) < len(branches)
        if len(others) == 1:
            return replace(self.shape(others[0], space, within), nullable=nullable)
        return FormField(FieldKind.JSON, _avro_type(others), nullable=nullable)


def _avro_logical(schema: dict[str, Any]) -> FormField | None:
    logical = schema.get("logicalType")
    sample = AVRO_LOGICAL.get(f"{schema['type']} {logical}")
    return None if sample is None else FormField(_kind_of(sample), str(logical))


def _avro_type(schema: Any) -> str:
    match schema:
        case list():
            return " or ".join(map(_avro_type, schema))
        case {"type": "array", "items": inner}:
            return f"array of {_avro_type(inner)}"
        case {"type": "map", "values": inner}:
            return f"map of {_avro_type(inner)}"
        case dict():
            return str(schema.get("name") or schema.get("logicalType") or _avro_type(schema["type"]))
    return str(schema)


# ---- Protobuf

_PROTOBUF_KINDS = {
    **dict.fromkeys(("string", "bytes"), FieldKind.TEXT),
    "bool": FieldKind.BOOLEAN,
    **dict.fromkeys(("float", "double"), FieldKind.NUMBER),
}


class _Protobuf:
    def __init__(self) -> None:
        self._room = _Room()

    def shape(self, kind: str | Message | proto_types.Enum | None, within: tuple[Message, ...]) -> FormField:
        match kind:
            case None:
                return FormField(FieldKind.JSON, "a type that is not known")
            case str():
                return FormField(_PROTOBUF_KINDS.get(kind, FieldKind.INTEGER), kind)
            case proto_types.Enum():
                return FormField(FieldKind.CHOICE, "enum", choices=tuple(kind.names.values()))
        if kind.name in SPECIAL:
            return FormField(_kind_of(SPECIAL[kind.name]), kind.name.rpartition(".")[2])
        if kind in within:
            return FormField(FieldKind.JSON, kind.name)
        fields = (self._field(field, (*within, kind)) for field in kind.fields.values())
        return self._room.group(kind.name, fields, len(kind.fields), len(within))

    def _field(self, field: proto_types.Field, within: tuple[Message, ...]) -> FormField:
        name = json.loads(field.head.removesuffix(":"))
        names = dict.fromkeys((name, camel(name)))
        doc = f"Only one of oneof {field.oneof}" if field.oneof.isidentifier() else ""
        return replace(self._shape_of(field, within), names=tuple(names), doc=doc, required=field.required)

    def _shape_of(self, field: proto_types.Field, within: tuple[Message, ...]) -> FormField:
        kind = field.kind
        if isinstance(kind, Message) and kind.is_entry:
            return FormField(FieldKind.JSON, f"map of {_protobuf_type(kind.fields[2].kind)}")
        if field.repeated:
            return FormField(FieldKind.JSON, f"repeated {_protobuf_type(kind)}")
        return self.shape(kind, within)


def _protobuf_type(kind: str | Message | proto_types.Enum | None) -> str:
    return kind.name if isinstance(kind, Message) else kind if isinstance(kind, str) else "enum"


# ---- JSON Schema

_JSON_KINDS = {
    "string": FieldKind.TEXT,
    "integer": FieldKind.INTEGER,
    "number": FieldKind.NUMBER,
    "boolean": FieldKind.BOOLEAN,
}


class _Json:
    def __init__(self, schema: SchemaText) -> None:
        self._parts = JsonSchemaParts(schema)
        self._room = _Room()

    def top(self) -> FormField:
        return self._shape(self._parts.root, 0)

    def _shape(self, schema: Any, level: int) -> FormField:
        found, nullable = self._resolved(schema)
        kinds = found.get("type", "object" if "properties" in found else None)
        if isinstance(kinds, list):
            others = [each for each in kinds if each != "null"]
            nullable = nullable or len(others) < len(kinds)
            kinds = others[0] if len(others) == 1 else " or ".join(map(str, others))
        made = self._typed(found, kinds, level)
        choices = [found["const"]] if "const" in found else found.get("enum")
        if isinstance(choices, list) and choices:
            nullable = nullable or None in choices
            choices = [_json(each) for each in choices if each is not None]
            made = FormField(FieldKind.CHOICE, "one of", choices=tuple(choices))
        doc = str(found.get("description") or found.get("title") or "")
        return replace(
            made, nullable=nullable, doc=doc, default=_json(found["default"]) if "default" in found else None
        )

    def _typed(self, found: dict[str, Any], kind: Any, level: int) -> FormField:
        properties = found.get("properties")
        if kind == "object" and isinstance(properties, dict) and properties:
            required = found.get("required")
            fields = self._fields(properties, required if isinstance(required, list) else [], level + 1)
            return self._room.group(str(found.get("title", "object")), fields, len(properties), level)
        simple = _JSON_KINDS.get(str(kind))
        return FormField(simple or FieldKind.JSON, str(found.get("format") or kind or "anything"))

    def _fields(self, properties: dict[str, Any], required: list[Any], level: int) -> Iterator[FormField]:
        for name, inner in properties.items():
            yield replace(self._shape(inner, level), names=(name,), required=name in required)

    def _resolved(self, schema: Any) -> tuple[dict[str, Any], bool]:
        """Without references and what is only put together of others; and whether null is allowed beside."""
        nullable = False
        for _ in range(_MOST_STEPS):
            if not isinstance(schema, dict):
                break
            several = next((name for name in ("oneOf", "anyOf") if schema.get(name)), "")
            if isinstance(schema.get("$ref"), str):
                rest = {name: each for name, each in schema.items() if name != "$ref"}
                schema = merged([self._parts.referred(schema["$ref"]), rest])
            elif schema.get("allOf"):
                schema = self._parts.all_of(schema)
            elif several:
                others = [each for each in schema[several] if each != {"type": "null"}]
                nullable = nullable or len(others) < len(schema[several])
                rest = {name: each for name, each in schema.items() if name != several}
                schema = merged([rest, others[0]]) if len(others) == 1 else rest | {"type": "one of several"}
            else:
                return schema, nullable
        return {}, nullable


def _kind_of(sample: object) -> FieldKind:
    """Of what is written like `sample`."""
    if isinstance(sample, bool):
        return FieldKind.BOOLEAN
    return FieldKind.TEXT if isinstance(sample, str) else FieldKind.NUMBER


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
