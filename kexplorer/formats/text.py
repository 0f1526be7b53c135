"""Bytes and text as a person sees them: one-line previews, and nothing that hides, reorders or draws nothing."""

from __future__ import annotations

import re
from codecs import utf_8_decode
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a key, value or header turned out to be. The values are words for a person."""

    NULL = "null"
    EMPTY = "empty"
    JSON = "JSON"
    TEXT = "text"
    XML = "XML"
    AVRO = "Avro"
    PROTOBUF = "Protobuf"
    MESSAGEPACK = "MessagePack"
    CBOR = "CBOR"
    KAFKA = "Kafka's own"
    FRAMED = "Schema Registry"
    BINARY = "binary"


class Preview(NamedTuple):
    """One line of at most `limit` characters. `text` is "" for NULL and EMPTY, and ends in "…" when `truncated`."""

    text: str
    kind: Kind
    truncated: bool


# Controls, every space but U+0020 and U+3000, all that Unicode calls "default ignorable" (except U+FE00 to U+FE0F,
# which choose the look of an emoji and are in every second chat message), surrogates and non-characters of the BMP.
_HIDDEN_BUT_CONTROLS = (
    r"\x7f-\xa0\xad\u034f\u061c\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(rf"[\x00-\x1f{_HIDDEN_BUT_CONTROLS}]")
_HIDDEN_IN_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f{_HIDDEN_BUT_CONTROLS}]")
# What text rarely holds. U+DC80 to U+DCFF are bytes that are not UTF-8, as "surrogateescape" spells them.
_ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\udc80-\udcff]")
_ESCAPE_LENGTH = len("‹U+E0001›")

_NULL = Preview("", Kind.NULL, False)
_EMPTY = Preview("", Kind.EMPTY, False)


def visible(text: str) -> str:
    """`text` on one line, with a symbol or an escape such as ‹U+202E› for each character that one cannot see.

    For reading only: the text may have held the same symbols itself.
    """
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_symbol, text)


def visible_lines(text: str) -> str:
    """As `visible`, but line feeds and tabs stay what they are."""
    return _HIDDEN_IN_LINES.sub(_symbol, text)


def preview(data: bytes | None, limit: int = 200) -> Preview:
    """What a table cell shows of `data`; reads its first 4 * `limit` bytes at most, however large it is.

    Valid UTF-8 is TEXT. Anything else is BINARY: as hexadecimal bytes, or, where most of it is readable, as text with
    each byte that is not UTF-8 drawn as ‹FF›. `limit` is at least 1.
    """
    if data is None:
        return _NULL
    size = len(data)
    if not size:
        return _EMPTY
    head = data[:limit]
    if head.isascii():  # nearly every record; the rest of the function serves the others
        text = head.decode("ascii")
        if text.isprintable():
            return Preview(text, Kind.TEXT, False) if size <= limit else Preview(text[:-1] + "…", Kind.TEXT, True)
    else:
        head = data[: 4 * limit]
    complete = len(head) == size
    kind = Kind.TEXT if head[0] else Kind.BINARY  # no text starts with a NUL, many framings do
    try:
        text = text_of(head, complete=complete)
    except UnicodeDecodeError:
        head = head[:limit]
        complete = len(head) == size
        text, kind = utf_8_decode(head, "surrogateescape", complete)[0], Kind.BINARY
    if mostly_odd(text):
        shown = head[: limit // 3 + 1].hex(" ").upper()
        return _cut(shown, limit, Kind.BINARY, more=size > limit // 3 + 1)
    return _cut(visible(text), limit, kind, more=not complete)


def text_of(head: bytes, *, complete: bool) -> str:
    """`head` as UTF-8 text; a character that the end of an incomplete `head` splits is left out.

    Raises UnicodeDecodeError.
    """
    return utf_8_decode(head, "strict", complete)[0]


def mostly_odd(text: str) -> bool:
    """True if more than a quarter of `text` are control characters or escaped bytes: no text that a person wrote."""
    return 4 * len(_ODD.findall(text)) > len(text)


def _cut(shown: str, limit: int, kind: Kind, *, more: bool) -> Preview:
    if not more and len(shown) <= limit:
        return Preview(shown, kind, False)
    shown = shown[: limit - 1]
    split = shown.rfind("‹", max(0, len(shown) - _ESCAPE_LENGTH + 1))
    if split >= 0 and "›" not in shown[split:]:
        shown = shown[:split]  # half an escape says something else
    return Preview(shown + "…", kind, True)


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return {0x09: "⇥", 0x0A: "↵"}.get(code) or chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xDC80 <= code <= 0xDCFF:
        return f"‹{code - 0xDC00:02X}›"
    return f"‹U+{code:04X}›"
