"""Messages that a person gave a name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kexplorer.model.produce import MessageTemplate
from kexplorer.model.schemas import SchemaChoice
from kexplorer.store.named import NamedStore


class TemplateStore(NamedStore[MessageTemplate]):
    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path, "template", 8 << 20, asdict, _template)


def _template(entry: dict[str, Any]) -> MessageTemplate | None:
    texts = {
        name: entry.get(name, "text" if name.endswith("format") else "")
        for name in ("topic", "partition", "key_format", "value_format")
    }
    key, value, headers = entry.get("key"), entry.get("value"), entry.get("headers", [])
    whole = all(isinstance(text, str) for text in texts.values()) and isinstance(headers, list)
    if not whole or not all(text is None or isinstance(text, str) for text in (key, value)):
        return None
    pairs = [each for each in headers if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str)]
    if len(pairs) < len(headers) or not all(text is None or isinstance(text, str) for _, text in pairs):
        return None
    try:
        key_schema, value_schema = _choice(entry.get("key_schema")), _choice(entry.get("value_schema"))
    except ValueError:
        return None
    headers = tuple((name, text) for name, text in pairs)
    return MessageTemplate(
        key=key, value=value, headers=headers, key_schema=key_schema, value_schema=value_schema, **texts
    )


def _choice(entry: Any) -> SchemaChoice | None:
    """Raises ValueError."""
    match entry:
        case None:
            return None
        case {
            "subject": str(subject),
            "version": None | int() as version,
            "id": None | int() as number,
            "type_name": str(name),
        }:
            return SchemaChoice(subject, version, number, name)
    raise ValueError(entry)
