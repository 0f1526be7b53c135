"""The named types of an Avro schema, by their full names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple


class Declared(NamedTuple):
    name: str  # full
    schema: Any
    space: str  # of the names within


class AvroNames:
    """`references` are the schemas that another one refers to. All are known to be usable."""

    def __init__(self, references: Iterable[str | bytes]) -> None:
        self._known: dict[str, Declared] = {}
        for reference in references:
            self.declare(json.loads(reference), "")

    def declare(self, schema: Any, space: str) -> None:
        """Notes the named types within."""
        if isinstance(schema, list):
            for branch in schema:
                self.declare(branch, space)
        elif isinstance(schema, dict):
            if "name" in schema and "type" in schema:
                name = full_name(schema, space)
                space = name.rpartition(".")[0]
                if name in self._known:
                    return
                self._known[name] = Declared(name, schema, space)
            for part in ("type", "items", "values"):
                self.declare(schema.get(part), space)
            for field in schema.get("fields", ()):
                self.declare(field["type"], space)

    def find(self, name: str, space: str) -> Declared:
        """Raises KeyError."""
        return self._known.get(f"{space}.{name}" if space else name) or self._known[name]


def full_name(schema: Any, space: str) -> str:
    """Of a named type that stands in the namespace `space`."""
    name = str(schema["name"])
    inside = schema.get("namespace", space)
    return f"{inside}.{name}" if "." not in name and inside else name
