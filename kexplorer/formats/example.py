"""Values that a schema allows, to begin with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kexplorer.formats.avro_names import AvroNames, Declared, full_name
from kexplorer.formats.cursor import Unreadable
from kexplorer.formats.json_schema_parts import JsonSchemaParts, merged
from kexplorer.formats.proto_types import Enum, Field, Message
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.typed import BASE64
from kexplorer.model.schemas import SchemaFormat, SchemaText

_MOST_VALUES = 20_000  # and characters of texts that have a length
_MOST_LEVELS = 8  # of a JSON Schema that refers to itself
_TEXT, _BYTES = "text", BASE64
_UUID = "00000000-0000-4000-8000-000000000000"
_DAY, _TIME = "2026-01-01", "12:00:00"
_MOMENT = f"{_DAY}T{_TIME}Z"
_ENDLESS = object()  # no value ends


def of(schema: SchemaText) -> str:
    """JSON text, laid out. The schema is known to be usable. Raises Unreadable where that would be too large: a few
    lines can ask for as many values as there are atoms."""
    texts, budget = [text for _, text in schema.references], _Budget()
    try:
        match schema.format:
            case SchemaFormat.AVRO:
                value = _Avro(texts, budget).of(json.loads(schema.text), "")
            case SchemaFormat.PROTOBUF:
                chosen = ProtobufSchema.of(schema.text, texts, schema.type_name).chosen
                value = _Protobuf(budget).message(chosen, ())
            case SchemaFormat.JSON:
                value = _JsonSchema(schema, budget).root()
    except RecursionError:
        raise Unreadable("the schema is nested too deeply") from None
    return json.dumps(None if value is _ENDLESS else value, indent=2, ensure_ascii=False)


class _Budget:
    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def spend(self, number: int = 1) -> None:
        self._left -= number
        if self._left < 0:
            raise Unreadable("it would be too large")


# ---- Avro


class _Avro:
    def __init__(self, references: Iterable[str | bytes], budget: _Budget) -> None:
        self._budget = budget
        self._names = AvroNames(references)
        self._inside: list[str] = []  # records that are being made

    def of(self, schema: Any, space: str) -> Any:
        """_ENDLESS within a record that only ends where this is left out."""
        self._budget.spend()
        self._names.declare(schema, space)
        match schema:
            case list():
                return self._union(schema, space)
            case str():
                return _AVRO[schema] if schema in _AVRO else self._named(self._names.find(schema, space))
            case {"type": "record" | "error" | "enum" | "fixed"}:
                name = full_name(schema, space)
                return self._named(Declared(name, schema, name.rpartition(".")[0]))
            case {"type": "array" | "map" as kind}:
                inner = self.of(schema["items" if kind == "array" else "values"], space)
                several: Any = [inner] if kind == "array" else {"key": inner}
                return type(several)() if inner is _ENDLESS else several
        logical = AVRO_LOGICAL.get(f"{schema['type']} {schema.get('logicalType')}")
        return self.of(schema["type"], space) if logical is None else logical

    def _named(self, declared: Declared) -> Any:
        name, schema, space = declared
        match schema["type"]:
            case "enum":
                return schema.get("default", schema["symbols"][0])
            case "fixed":
                logical = AVRO_LOGICAL.get(f"fixed {schema.get('logicalType')}")
                if logical is None:
                    self._budget.spend(schema["size"])
                return "\0" * schema["size"] if logical is None else logical
        if name in self._inside:
            return _ENDLESS
        self._inside.append(name)
        try:
            made = {field["name"]: self._field(field, space) for field in schema["fields"]}
        finally:
            self._inside.pop()
        return _ENDLESS if any(each is _ENDLESS for each in made.values()) else made

    def _field(self, field: Any, space: str) -> Any:
        kind, default = field["type"], field.get("default")
        if default is None:
            return self.of(kind, space)
        self._names.declare(kind, space)
        return _chosen(kind, kind[0], default, space) if isinstance(kind, list) else default

    def _union(self, branches: list[Any], space: str) -> Any:
        """The first branch that ends, but null."""
        for branch in branches:
            if branch != "null" and (value := self.of(branch, space)) is not _ENDLESS:
                return _chosen(branches, branch, value, space)
        return None if "null" in branches else _ENDLESS


def _chosen(branches: list[Any], branch: Any, value: Any, space: str) -> Any:
    """Named, where the value alone might be another branch's."""
    if value is None or len([each for each in branches if each != "null"]) == 1:
        return value
    kind = branch if isinstance(branch, str) else branch["type"]
    name = full_name(branch, space) if isinstance(branch, dict) and "name" in branch else kind
    return {name: value}


_AVRO: dict[str, Any] = {
    "null": None,
    "boolean": False,
    "int": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "bytes": _BYTES,
    "string": _TEXT,
}
AVRO_LOGICAL: dict[str, Any] = {
    "bytes decimal": 0,
    "fixed decimal": 0,
    "bytes big-decimal": 0,
    "string uuid": _UUID,
    "fixed uuid": _UUID,
    "fixed duration": "P0M0DT0S",
    "int date": _DAY,
    "int time-millis": _TIME,
    "long time-micros": _TIME,
    **{f"long timestamp-{unit}": _MOMENT for unit in ("millis", "micros", "nanos")},
    **{f"long local-timestamp-{unit}": _MOMENT.removesuffix("Z") for unit in ("millis", "micros", "nanos")},
}


# ---- Protobuf


class _Protobuf:
    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def message(self, kind: Message, within: tuple[Message, ...]) -> Any:
        """One field of each oneof; what would hold the message itself is left out."""
        self._budget.spend(1 + len(kind.fields))
        if kind.name in SPECIAL:
            return SPECIAL[kind.name]
        made: dict[str, Any] = {}
        oneofs: set[str] = set()
        for field in kind.fields.values():
            if (
                field.kind in (kind, *within)
                or field.kind is None
                or field.head.startswith('"[')
                or field.oneof in oneofs
            ):
                continue
            value = self._field(field, (*within, kind))
            if value is _ENDLESS:
                continue
            made[json.loads(field.head.removesuffix(":"))] = value
            oneofs |= {field.oneof} - {""}
        return made

    def _field(self, field: Field, within: tuple[Message, ...]) -> Any:
        kind = field.kind
        if isinstance(kind, Message) and kind.is_entry:
            value = self._one(kind.fields[2].kind, within)
            key = json.dumps(self._one(kind.fields[1].kind, within)).strip('"')
            return _ENDLESS if value is _ENDLESS else {key: value}
        value = self._one(kind, within)
        return [value] if field.repeated and value is not _ENDLESS else value

    def _one(self, kind: str | Message | Enum | None, within: tuple[Message, ...]) -> Any:
        if isinstance(kind, Message):
            return _ENDLESS if kind in within else self.message(kind, within)
        if isinstance(kind, Enum):
            names = [json.loads(name) for name in kind.names.values()]
            return next(iter(names[1:] or names), 0)  # the first one mostly says that nothing was said
        words = {"string": _TEXT, "bytes": _BYTES, "bool": False, "float": 0.0, "double": 0.0}
        return words.get(kind or "", 0)


SPECIAL: dict[str, Any] = {
    "google.protobuf.Timestamp": _MOMENT,
    "google.protobuf.Duration": "0s",
    "confluent.type.Decimal": 0,
    "google.protobuf.BoolValue": False,
    "google.protobuf.StringValue": _TEXT,
    "google.protobuf.BytesValue": _BYTES,
    **{f"google.protobuf.{name}Value": 0 for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32")},
}


# ---- JSON Schema


class _JsonSchema:
    def __init__(self, schema: SchemaText, budget: _Budget) -> None:
        self._budget = budget
        self._parts = JsonSchemaParts(schema)

    def root(self) -> Any:
        return self.of(self._parts.root, 0)

    def of(self, schema: Any, level: int) -> Any:  # noqa: PLR0911 - one for each way to say it
        self._budget.spend()
        if not isinstance(schema, dict) or level > _MOST_LEVELS:
            return None
        if "const" in schema:
            return schema["const"]
        for several in ("examples", "enum"):
            if schema.get(several):
                return schema[several][0]
        if "default" in schema:
            return schema["default"]
        if isinstance(schema.get("$ref"), str):
            return self.of(self._parts.referred(schema["$ref"]), level + 1)
        for several in ("oneOf", "anyOf"):
            if schema.get(several):
                rest = {name: each for name, each in schema.items() if name != several}
                return self.of(merged([rest, _but_null(schema[several])]), level + 1)
        if schema.get("allOf"):
            return self.of(self._parts.all_of(schema), level + 1)
        return self._typed(schema, level)

    def _typed(self, schema: Any, level: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, level)
            case "array":
                item = schema.get("items", {})
                number = min(max(schema.get("minItems", 0), 0 if level >= _MOST_LEVELS else 1), 10)
                return [self.of(item, level + 1) for _ in range(number)]
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return False
            case "string":
                text, least = _FORMATS.get(schema.get("format"), _TEXT), int(schema.get("minLength", 0))
                self._budget.spend(least)
                return text.ljust(least, "x")[: max(schema.get("maxLength", len(text)), 0) or None]
        return None

    def _object(self, schema: Any, level: int) -> dict[str, Any]:
        """Near the bottom only what is required."""
        required = schema.get("required", ())
        wanted = {
            name: inner
            for name, inner in schema.get("properties", {}).items()
            if name in required or level < _MOST_LEVELS // 2
        }
        return {name: self.of(inner, level + 1) for name, inner in wanted.items()} | {
            name: _TEXT for name in required if name not in wanted
        }


def _but_null(schemas: list[Any]) -> Any:
    return next((each for each in schemas if each != {"type": "null"}), schemas[0])


def _number(schema: Any) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if not all(isinstance(each, int | float) for each in (step, low)):
        return 0
    value = max(low, 0) if high is None or high >= 0 else high
    value = -(-value // step) * step
    beyond = value == schema.get("exclusiveMinimum") and not isinstance(value, bool)
    return value + step if beyond else value


_FORMATS = {
    "date-time": _MOMENT,
    "date": _DAY,
    "time": f"{_TIME}Z",
    "uuid": _UUID,
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
