"""Readings that need no schema: text, and binary formats that can be told by their bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from kexplorer.formats import cbor, msgpack, numbers
from kexplorer.formats.cursor import NOT_UTF8, Reading, Unreadable
from kexplorer.formats.decoded import FIRST_LINES, Asked, Decoded
from kexplorer.formats.json_text import NotJson, looks_like_json
from kexplorer.formats.json_text import pretty_lines as json_lines
from kexplorer.formats.text import Kind, mostly_odd, text_of
from kexplorer.formats.xml_text import NotXml, looks_like_xml
from kexplorer.formats.xml_text import pretty_lines as xml_lines

_MAGIC = {  # first bytes of what is not decoded here but often sent
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "LZ4 frames",
    b"\xff\x06\x00\x00sNaPpY": "snappy frames",
    b"\x82SNAPPY\x00": "snappy of Java",
    b"PK\x03\x04": "a ZIP file",
    b"Obj\x01": "an Avro file with its own schema",
    b"\xc3\x01": "an Avro object with the fingerprint of its schema",
    b"PAR1": "a Parquet file",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF-": "a PDF file",
    b"\xac\xed\x00\x05": "a Java object",
    b"\x80\x04\x95": "a Python pickle",
}
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}){4,}+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?+|[A-Za-z0-9_-]{24,}+={0,2}")


def json(asked: Asked) -> Decoded | str | None:
    return _laid_out(asked, Kind.JSON, looks_like_json, json_lines, NotJson)


def xml(asked: Asked) -> Decoded | str | None:
    return _laid_out(asked, Kind.XML, looks_like_xml, xml_lines, NotXml)


def _laid_out(
    asked: Asked,
    kind: Kind,
    looks_like: Callable[[bytes], bool],
    lines_of: Callable[..., Iterator[str]],
    mistake: type[NotJson | NotXml],
) -> Decoded | str | None:
    payload, limit = asked.payload, asked.limit
    head = bytes(payload[:limit])
    if not looks_like(head):
        return None
    complete = len(head) == len(payload)
    most = None if limit is None else FIRST_LINES
    try:
        text = text_of(head, complete=complete)
        lines = sum(1 for _ in islice(lines_of(text, partial=not complete), most))  # the printer is the check
    except UnicodeDecodeError:
        return None  # what is wrong with it is said about text
    except mistake as wrong:
        return f"not {kind.value}: {wrong}"
    why = kind.value
    if lines == most:
        why += f" as far as its first {numbers.count(lines)} lines tell"
    elif not complete:
        why += f" as far as its first {numbers.size(len(head))} tell"
    return Decoded(kind, why, payload, text, complete)


def text(asked: Asked) -> Decoded | str | None:
    payload = asked.payload
    head = bytes(payload[: asked.limit])
    complete = len(head) == len(payload)
    try:
        found = text_of(head, complete=complete)
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{head[error.start]:02X} at {numbers.count(error.start)}"
    if mostly_odd(found):
        return "not text: valid UTF-8, but much of it are control characters"
    why = "UTF-8 text" if complete else f"UTF-8 text as far as its first {numbers.size(len(head))} tell"
    also: tuple[str, ...] = ()
    if complete and _BASE64.fullmatch(found):
        also = (f"could also be Base64 of {numbers.size(len(found.rstrip('=')) * 3 // 4)}",)
    return Decoded(Kind.TEXT, why, payload, found, complete, also=also)


def message_pack(asked: Asked) -> Decoded | str | None:
    return _guessed(asked, Kind.MESSAGEPACK, msgpack.could_be, msgpack.msgpack)


def cbor_map(asked: Asked) -> Decoded | str | None:
    return _guessed(asked, Kind.CBOR, cbor.could_be, cbor.cbor)


def _guessed(
    asked: Asked, kind: Kind, could_be: Callable[[memoryview], bool], read: Callable[[memoryview, int | None], Reading]
) -> Decoded | str | None:
    """Nothing in the bytes says what they are, but few others are a map or an array from the first to the last."""
    if not could_be(asked.payload):
        return None
    try:
        reading = read(asked.payload, asked.limit)
    except Unreadable as why:
        return f"not {kind.value}: {why}"
    if NOT_UTF8 in reading.notes:
        return f"not {kind.value}: its text would not be UTF-8"
    return rendered(asked, kind, f"{kind.value}, a guess from its bytes", reading)


def rendered(asked: Asked, kind: Kind, why: str, reading: Reading) -> Decoded:
    if not reading.complete:
        why += f", as far as its first {numbers.size(len(asked.payload[: asked.limit]))} tell"
    return Decoded(kind, why, asked.payload, reading.text, reading.complete, also=reading.notes)


def magic(payload: memoryview) -> tuple[str, ...]:
    """What the first bytes are the sign of."""
    head = bytes(payload[:10])
    return tuple(f"begins like {name}" for sign, name in _MAGIC.items() if head.startswith(sign))
