"""A line for a table's cell, of a key or a value that is JSON once it is decoded, by a schema or as its bytes tell:
what `decode` says of it, at a fraction of the cost."""

from __future__ import annotations

import mmap
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from kexplorer.formats import kafka_internal, plain
from kexplorer.formats.cursor import Reading
from kexplorer.formats.decoded import Asked, Decoded
from kexplorer.formats.decoded_fields import names_schema, read_by_schema
from kexplorer.formats.schemas import SchemaSource
from kexplorer.formats.text import Kind, preview, visible
from kexplorer.model.records import Peek
from kexplorer.model.schemas import Part, SchemaKey
from kexplorer.model.topics import TopicPartition

_HALF_AN_ESCAPE = re.compile(r"‹[^›]{0,8}\Z")
_WIDEST = 4  # bytes of a character
_LOOK = 64  # characters that tell text from other bytes


def cell_text(peek: Peek, part: Part, limit: int, schemas: SchemaSource | None) -> str | None:
    """At most `limit` characters of JSON, none of them invisible, with "…" where there is more. None where there is no
    schema yet, or none that fits, and the bytes are neither MessagePack nor CBOR: then they are to be shown. Never
    raises.

    What lies behind the cell's end is not looked at: a mistake there is for the record's own view to tell.
    """
    found = _text_or_awaited(peek, part, limit, schemas)
    return found if isinstance(found, str) else None


class CellTexts:
    """The texts of the cells that were drawn last. Of what awaits a schema nothing is kept: `awaits` is told its key,
    each time; once that was fetched, ask again."""

    def __init__(
        self, schemas: SchemaSource | None, limit: int, awaits: Callable[[SchemaKey], object], most: int = 2000
    ) -> None:
        self._awaits = awaits
        self._schemas = schemas
        self._limit = limit
        self._most = most
        self._texts: OrderedDict[tuple[TopicPartition, int, Part], str | None] = OrderedDict()

    def text(self, peek: Peek, part: Part) -> str | None:
        """As `cell_text`."""
        place = (peek.record.source, peek.record.offset, part)
        if place in self._texts:
            self._texts.move_to_end(place)
            return self._texts[place]
        found = _text_or_awaited(peek, part, self._limit, self._schemas)
        if found is not None and not isinstance(found, str):
            self._awaits(found)
            return None
        self._texts[place] = found
        if len(self._texts) > self._most:
            self._texts.popitem(last=False)
        return found

    def clear(self) -> None:
        """Another schema counts now, or the offsets are those of other records."""
        self._texts.clear()


def _text_or_awaited(peek: Peek, part: Part, limit: int, schemas: SchemaSource | None) -> str | SchemaKey | None:
    record = peek.record
    data, beside = (record.key, record.value) if part is Part.KEY else (record.value, record.key)
    if not data:
        return None
    payload = _whole(data, len(beside or b""), peek.size)
    look = min(len(data), limit)  # a byte makes more than a character, but for text that is not ASCII
    asked = Asked(
        payload, look if look < len(payload) else None, schemas, record.topic, part, record.headers or (), record.key
    )
    read = read_by_schema
    found = read(asked)
    if found is None:
        read = _guessed
        found = read(asked)
    if isinstance(found, Reading) and not found.complete and len(found.text) < limit and look < len(data):
        found = read(replace(asked, limit=min(len(data), _WIDEST * limit)))
    return _line(found, limit) if isinstance(found, Reading) else found


def _guessed(asked: Asked) -> Reading | None:
    """Of bytes that are no text and name no schema, as `decode` guesses."""
    first = asked.payload[0]
    if first < 0x80 or asked.topic in kafka_internal.TOPICS or names_schema(None, asked.headers):
        return None  # most records are text, and no text begins with a byte of a map or an array but for four
    if preview(bytes(asked.payload[: asked.limit]), _LOOK).kind is not Kind.BINARY:
        return None
    for decoder in (plain.message_pack, plain.cbor_map):
        found = decoder(asked)
        if isinstance(found, Decoded) and found.text is not None and (found.complete or "\ufffd" not in found.text):
            return Reading(found.text, found.complete, ())
    return None


def _whole(data: bytes, beside: int, size: int) -> memoryview:
    """Of the beginning of a key or value, `data` with zeros behind it, which nobody reads and which take no memory.

    Key and value of a peek are cut at the same length, so the shorter one is not cut.
    """
    if len(data) < beside or len(data) + beside >= size:
        return memoryview(data)
    pages = mmap.mmap(-1, size - beside)
    pages[: len(data)] = data
    return memoryview(pages)


def _line(found: Reading, limit: int) -> str:
    shown = visible(found.text[:limit])
    if found.complete and len(found.text) <= limit and len(shown) <= limit:
        return shown
    return _HALF_AN_ESCAPE.sub("", shown[: limit - 1]) + "…"
