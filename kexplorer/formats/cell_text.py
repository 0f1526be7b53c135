"""A line for a table's cell, of a key or a value whose schema is known: what `decode` says of it, at a fraction of the
cost."""

from __future__ import annotations

import mmap
import re
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from kexplorer.formats import registry_framing
from kexplorer.formats.avro import AvroSchema
from kexplorer.formats.cursor import Reading, Unreadable
from kexplorer.formats.decoded import Asked, Decoded
from kexplorer.formats.protobuf import ProtobufSchema
from kexplorer.formats.schemas import SchemaSource
from kexplorer.formats.text import visible
from kexplorer.model.schemas import Part, SchemaKey

_HALF_AN_ESCAPE = re.compile(r"‹[^›]{0,8}\Z")
_WIDEST = 4  # bytes of a character

Headers = Sequence[tuple[str, bytes | None]]


def cell_text(
    data: bytes | None,
    limit: int,
    schemas: SchemaSource,
    topic: str = "",
    part: Part = Part.VALUE,
    headers: Headers = (),
    size: int | None = None,
) -> str | None:
    """At most `limit` characters of JSON, none of them invisible, with "…" where there is more. None where there is no
    schema yet, or none that fits: then the bytes themselves are to be shown. Never raises.

    `data` may be the beginning of what has `size` bytes. What lies behind the cell's end is not looked at: a mistake
    there is for the record's own view to tell.
    """
    found = _text_or_awaited(data, limit, schemas, topic, part, headers, size)
    return found if isinstance(found, str) else None


class CellTexts:
    """The texts of the cells that were drawn last, by an identity such as (partition, offset, part). Of what awaits a
    schema nothing is kept but the schema's key: have `awaited` fetched, clear it and ask again."""

    def __init__(self, schemas: SchemaSource, limit: int, most: int = 2000) -> None:
        self.awaited: set[SchemaKey] = set()
        self._schemas = schemas
        self._limit = limit
        self._most = most
        self._texts: OrderedDict[Hashable, str | None] = OrderedDict()

    def text(
        self,
        identity: Hashable,
        data: bytes | None,
        topic: str = "",
        part: Part = Part.VALUE,
        headers: Headers = (),
        size: int | None = None,
    ) -> str | None:
        """As `cell_text`."""
        if identity in self._texts:
            self._texts.move_to_end(identity)
            return self._texts[identity]
        found = _text_or_awaited(data, self._limit, self._schemas, topic, part, headers, size)
        if found is not None and not isinstance(found, str):
            self.awaited.add(found)
            return None
        self._texts[identity] = found
        if len(self._texts) > self._most:
            self._texts.popitem(last=False)
        return found

    def clear(self) -> None:
        """Another schema counts now."""
        self._texts.clear()


def _text_or_awaited(
    data: bytes | None, limit: int, schemas: SchemaSource, topic: str, part: Part, headers: Headers, size: int | None
) -> str | SchemaKey | None:
    if not data:
        return None
    payload = memoryview(data) if size is None or size <= len(data) else _as_long_as(size, data)
    look = min(len(data), limit)  # a byte makes more than a character, but for text that is not ASCII
    asked = Asked(payload, look if look < len(payload) else None, schemas, topic, part, headers)
    found = _read(asked)
    if isinstance(found, Reading) and not found.complete and len(found.text) < limit and look < len(data):
        found = _read(replace(asked, limit=min(len(data), _WIDEST * limit)))
    return _line(found, limit) if isinstance(found, Reading) else found


def _as_long_as(size: int, data: bytes) -> memoryview:
    """`data` with zeros behind it, which nobody reads and which take no memory."""
    pages = mmap.mmap(-1, size)
    pages[: len(data)] = data
    return memoryview(pages)


def _read(asked: Asked) -> Reading | SchemaKey | None:
    """In the order in which `decode` tries."""
    for decoder in (registry_framing.assigned, registry_framing.by_header):
        found = decoder(asked)
        if isinstance(found, Decoded):
            return _reading(found)
    return _framed(asked)


def _framed(asked: Asked) -> Reading | SchemaKey | None:
    """`registry_framing.framed` without its explanations, which take as long as the reading."""
    payload = asked.payload
    if len(payload) < 5 or payload[0] or (key := int.from_bytes(payload[1:5], signed=True)) <= 0 or not asked.schemas:
        return None
    schema = asked.schemas.lookup(key)
    try:
        if isinstance(schema, AvroSchema) and not schema.is_bytes:
            return schema.reading(payload[5:], asked.limit)
        if isinstance(schema, ProtobufSchema):
            chosen, behind = schema.framed(payload[5:])
            return chosen.reading(behind, asked.limit)
    except Unreadable:
        return None
    found = registry_framing.framed(asked)
    return _reading(found) if isinstance(found, Decoded) else None


def _reading(found: Decoded) -> Reading | SchemaKey | None:
    if found.awaits is not None:
        return found.awaits
    return None if found.text is None else Reading(found.text, found.complete, ())


def _line(found: Reading, limit: int) -> str:
    shown = visible(found.text[:limit])
    if found.complete and len(found.text) <= limit and len(shown) <= limit:
        return shown
    return _HALF_AN_ESCAPE.sub("", shown[: limit - 1]) + "…"
