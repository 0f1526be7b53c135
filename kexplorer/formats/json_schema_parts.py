"""What a JSON Schema is put together from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kexplorer.model.schemas import SchemaText


class JsonSchemaParts:
    """`schema` is known to be usable."""

    def __init__(self, schema: SchemaText) -> None:
        self.root: Any = json.loads(schema.text)
        self._others = {name: json.loads(text) for name, text in schema.references}

    def referred(self, reference: str) -> dict[str, Any]:
        """{} where that is not there."""
        file, _, pointer = reference.partition("#")
        found = self._others.get(file) if file else self.root
        for step in filter(None, pointer.split("/")):
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def all_of(self, schema: dict[str, Any]) -> dict[str, Any]:
        """With what its "allOf" says, as one schema."""
        rest = {name: each for name, each in schema.items() if name != "allOf"}
        inner = [
            self.referred(each["$ref"]) if isinstance(each, dict) and "$ref" in each else each
            for each in schema["allOf"]
        ]
        return merged([rest, *inner])


def merged(schemas: Iterable[Any]) -> dict[str, Any]:
    """One that says all of what `schemas` say, nearly."""
    made: dict[str, Any] = {}
    for each in schemas:
        if isinstance(each, dict):
            properties = made.get("properties", {}) | each.get("properties", {})
            required = [*made.get("required", ()), *each.get("required", ())]
            made |= each
            if properties:
                made |= {"properties": properties, "required": required}
    return made
