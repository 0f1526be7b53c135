"""Messages that were written and not sent yet, as the saved layout has them. Of a large one only what fits is kept."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

from kexplorer.model.produce import Outgoing
from kexplorer.model.schemas import SchemaChoice
from kexplorer.ui.models.headers import Draft, HeaderKind
from kexplorer.ui.widgets.bytes_editor import BytesEditor
from kexplorer.ui.widgets.headers_editor import HeadersEditor

MOST = 128_000  # bytes of JSON for one draft: the layout has the drafts of all panels, and room for a few large ones


def save_draft(key: BytesEditor, value: BytesEditor, headers: HeadersEditor) -> dict[str, object]:
    """ "left" names the parts that were too large."""
    lines = [[each.name, each.kind.value, each.text, _encoded(each.kept)] for each in headers.model.drafts]
    parts = {"key": _payload(key), "headers": lines, "value": _payload(value)}
    kept: dict[str, object] = {}
    room = MOST
    for name, part in parts.items():
        size = len(json.dumps(part)) if part is not None else MOST + 1
        if size <= room:
            kept[name] = part
            room -= size
    return {**kept, "left": [name for name in parts if name not in kept]}


def restore_draft(state: Mapping[str, object], key: BytesEditor, value: BytesEditor, headers: HeadersEditor) -> None:
    """What `save_draft` gave; what doesn't fit is ignored."""
    for editor, part in ((key, state.get("key")), (value, state.get("value"))):
        match part:
            case {"data": str(encoded), "source": str(source)} if (data := _decoded(encoded)) is not None:
                editor.set_data(data, source=source)
            case {"text": None | str() as text, "form": str(form), "schema": schema}:
                editor.set_template(text, form, _choice(schema))
    match state.get("headers"):
        case [*lines]:
            headers.set_headers(())
            for line in lines:
                match line:
                    case [str(name), str(kind), str(text), None | str() as kept] if kind in list(HeaderKind):
                        draft = Draft(name, HeaderKind(kind), text, _decoded(kept))
                        headers.model.add(headers.model.rowCount(), draft)


def was_by_schema(state: Mapping[str, object]) -> bool:
    """Bytes of it were shown as JSON by a schema."""
    parts = (state.get("key"), state.get("value"))
    return any(isinstance(part, Mapping) and part.get("by_schema") is True for part in parts)


def save_messages(messages: Sequence[Outgoing]) -> dict[str, object]:
    """The first of them, in their order, that fit; "left" is how many do not."""
    kept: list[object] = []
    room = MOST
    for each in messages:
        fields = _fields(each)
        room -= len(json.dumps(fields)) if fields else room + 1
        if room < 0:
            break
        kept.append(fields)
    return {"messages": kept, "left": len(messages) - len(kept)}


def restore_messages(state: Mapping[str, object]) -> Iterator[Outgoing]:
    """What `save_messages` gave; what is no message is left out."""
    match state.get("messages"):
        case [*found]:
            for each in found:
                match each:
                    case {
                        "topic": str(topic),
                        "key": None | str() as key,
                        "value": None | str() as value,
                        "headers": [*headers],
                        "partition": None | int() as partition,
                        "time": None | int() as time,
                    }:
                        yield Outgoing(topic, _decoded(key), _decoded(value), tuple(_headers(headers)), partition, time)


def _headers(lines: Iterable[object]) -> Iterator[tuple[str, bytes | None]]:
    for line in lines:
        match line:
            case [str(name), None | str() as value]:
                yield name, _decoded(value)


def _fields(message: Outgoing) -> dict[str, object] | None:
    """None for one that is too large."""
    if len(message.key or b"") + len(message.value or b"") > MOST:
        return None
    return {
        "topic": message.topic,
        "key": _encoded(message.key),
        "value": _encoded(message.value),
        "headers": [[name, _encoded(value)] for name, value in message.headers],
        "partition": message.partition,
        "time": message.timestamp,
    }


def _payload(editor: BytesEditor) -> dict[str, object] | None:
    """None for one that is too large."""
    if (data := editor.kept) is not None:
        if len(data) > MOST:
            return None
        return {"data": _encoded(data), "source": editor.source, "by_schema": editor.by_schema}
    null = editor.null.isChecked()
    text = None if null else editor.text()
    choice = editor.schema_choice
    form = editor.chosen.name.lower()
    return {"text": text, "form": form, "schema": asdict(choice) if choice else None}


def _choice(fields: object) -> SchemaChoice | None:
    match fields:
        case {
            "subject": str(subject),
            "version": None | int() as version,
            "id": None | int() as number,
            "type_name": str(name),
        }:
            return SchemaChoice(subject, version, number, name)
    return None


def _encoded(data: bytes | str | None) -> str | None:
    given = data.encode() if isinstance(data, str) else data
    return None if given is None else base64.b64encode(given).decode()


def _decoded(text: str | None) -> bytes | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
