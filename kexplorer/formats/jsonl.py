"""A record as a line of JSON from which it could be written again, byte for byte."""

from __future__ import annotations

import base64
import json

from kexplorer.model.records import Record, TimestampType

_TYPES = {TimestampType.CREATE_TIME: "CreateTime", TimestampType.LOG_APPEND_TIME: "LogAppendTime"}


def line_of(record: Record) -> str:
    """One line, without its end. Bytes are a text where they are UTF-8, else {"base64": ...}; null is null. `headers`
    is a list of [name, value] in their order, null where the client cannot read them."""
    line = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "timestamp_type": _TYPES.get(record.timestamp_type),
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": None if record.headers is None else [[name, _text(value)] for name, value in record.headers],
    }
    text = json.dumps(line, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _text(data: bytes | None) -> str | dict[str, str] | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data or b"").decode()}


def _escaped(character: str) -> str:
    """What a terminal would obey, what turns the direction of writing and what ends a line for some readers."""
    return character if character.isprintable() else json.dumps(character)[1:-1]
