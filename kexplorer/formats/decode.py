"""What the bytes of a key, a value or a header are: the first reading that fits, and why the nearer guesses did not."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from kexplorer.formats import numbers
from kexplorer.formats.json_text import NotJson, looks_like_json, pretty_lines
from kexplorer.formats.text import Kind, mostly_odd, text_of

# What is read before a person asks for more. A hostile 64 kB of JSON would make a line of each byte.
FIRST_LOOK = 64 * 1024  # bytes
FIRST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """How to show the bytes. `why` is a sentence without a full stop; `rejected` has one such for each near miss.

    `text` is there for JSON and TEXT: the payload exactly as it is, or its beginning when not `complete`. Lay JSON out
    with `pretty_lines(text, partial=not complete)`, which may still raise NotJson beyond what `why` says was checked.
    For FRAMED and BINARY show the rows of `payload` (all of it, never copied). `schema_id` is that of Schema Registry's
    framing, whose five bytes are not part of `payload`.
    """

    kind: Kind
    why: str
    payload: memoryview
    text: str | None = None
    complete: bool = True
    schema_id: int | None = None
    rejected: tuple[str, ...] = ()


# A reading that fits; or, in words, why not; or None where nobody would have guessed it.
Decoder = Callable[[memoryview, int | None], Decoded | str | None]


def decode(data: bytes | None, limit: int | None = FIRST_LOOK) -> Decoded:
    """The reading of `data`, decided on its first `limit` bytes in a few milliseconds. Never raises.

    `limit` None reads and checks all of it: for a large value call that off the window's thread.
    """
    if data is None:
        return Decoded(Kind.NULL, "null: there are no bytes, not even zero of them", memoryview(b""))
    if not data:
        return Decoded(Kind.EMPTY, "empty: zero bytes, which is not null", memoryview(data))
    payload = memoryview(data)
    rejected: list[str] = []
    for decoder in DECODERS:
        result = decoder(payload, limit)
        if isinstance(result, Decoded):
            return replace(result, rejected=(*rejected, *result.rejected))
        if result:
            rejected.append(result)
    return Decoded(Kind.BINARY, "no reading fits, so these are the bytes", payload, rejected=tuple(rejected))


def _framed(payload: memoryview, limit: int | None) -> Decoded | str | None:
    """The wire format of Confluent's serializers: a zero, the schema's id in four bytes, the payload."""
    if len(payload) < 5 or payload[0]:
        return None
    (schema_id,) = struct.unpack_from(">i", payload, 1)
    if schema_id <= 0:  # the registry counts from 1; small numbers in 8 bytes look like this
        return f"not Schema Registry framing: the schema id would be {schema_id}"
    why = f"Schema Registry framing, schema id {schema_id}; no registry is configured"
    if len(payload) == 8:
        why += f" (or the 8-byte integer {numbers.count(int.from_bytes(payload))})"
    inner = _json(payload[5:], limit)  # JSON Schema's serializer leaves the payload readable
    if isinstance(inner, Decoded):
        return replace(inner, why=f"{why}, but the payload is {inner.why}", schema_id=schema_id)
    return Decoded(Kind.FRAMED, why, payload[5:], schema_id=schema_id, rejected=(inner,) if inner else ())


def _json(payload: memoryview, limit: int | None) -> Decoded | str | None:
    head = bytes(payload[:limit])
    if not looks_like_json(head):
        return None
    complete = len(head) == len(payload)
    most = None if limit is None else FIRST_LINES
    try:
        text = text_of(head, complete=complete)
        lines = sum(1 for _ in islice(pretty_lines(text, partial=not complete), most))  # the printer is the check
    except UnicodeDecodeError:
        return None  # what is wrong with it is said about text
    except NotJson as mistake:
        return f"not JSON: {mistake}"
    why = "JSON"
    if lines == most:
        why = f"JSON as far as its first {numbers.count(lines)} lines tell"
    elif not complete:
        why = f"JSON as far as its first {numbers.size(len(head))} tell"
    return Decoded(Kind.JSON, why, payload, text, complete)


def _text(payload: memoryview, limit: int | None) -> Decoded | str | None:
    head = bytes(payload[:limit])
    complete = len(head) == len(payload)
    try:
        text = text_of(head, complete=complete)
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{head[error.start]:02X} at {numbers.count(error.start)}"
    if mostly_odd(text):
        return "not text: valid UTF-8, but much of it are control characters"
    why = "UTF-8 text" if complete else f"UTF-8 text as far as its first {numbers.size(len(head))} tell"
    return Decoded(Kind.TEXT, why, payload, text, complete)


DECODERS: tuple[Decoder, ...] = (_framed, _json, _text)  # the most particular first
