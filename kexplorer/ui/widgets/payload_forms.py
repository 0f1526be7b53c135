"""How the bytes of a key, a value or a header are typed: as text, JSON, hexadecimal or Base64, and back."""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum

from kexplorer.formats import json_text
from kexplorer.formats.json_text import NotJson
from kexplorer.formats.numbers import count
from kexplorer.formats.text import mostly_odd, visible

LONGEST_EDITED = 200_000  # bytes; more of them are taken as they are: Qt would need 0.2 s and more to lay them out

_CHANGED_BY_QT = re.compile("[\0\r\u2029\ufdd0\ufdd1]")  # a text widget makes line ends of them, or nothing
_HEX_LINE = 32  # bytes
_BASE64_LINE = 76  # characters
_SPACE = re.compile(r"\s+")
_NO_HEX = re.compile(r"[^0-9a-fA-F\s]")
_NO_BASE64 = re.compile(r"[^0-9a-zA-Z+/=\s]")


class Form(StrEnum):
    """The values are words for a person."""

    TEXT = "Text"
    JSON = "JSON"
    HEX = "Hex"
    BASE64 = "Base64"
    AVRO = "Avro"  # this and the next ones: as JSON, by a schema
    PROTOBUF = "Protobuf"
    JSON_SCHEMA = "JSON Schema"
    FILE = "File…"  # bytes that are not edited


BY_SCHEMA = (Form.AVRO, Form.PROTOBUF, Form.JSON_SCHEMA)


class NotBytes(ValueError):  # noqa: N818  (it is an answer rather than an error)
    """The text stands for no bytes. `reason` names the place; `offset` is the character at which to look."""

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(reason)


def best_form(data: bytes) -> Form:
    """What to edit `data` in: the nearest to text that gives the same bytes again."""
    if len(data) > LONGEST_EDITED:
        return Form.FILE
    text = as_text(data, Form.TEXT)
    if text is None or mostly_odd(text):
        return Form.HEX
    if not json_text.looks_like_json(data):
        return Form.TEXT
    return Form.JSON if why_not_json(text) is None else Form.TEXT


def as_text(data: bytes, form: Form) -> str | None:
    """None where `form` cannot show these bytes so that they stay what they are."""
    if len(data) > LONGEST_EDITED:
        return None
    if form is Form.HEX:
        lines = (data[at : at + _HEX_LINE].hex(" ") for at in range(0, len(data), _HEX_LINE))
        return "\n".join(lines).upper()
    if form is Form.BASE64:
        encoded = base64.b64encode(data).decode()
        return "\n".join(encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CHANGED_BY_QT.search(text) else text


def as_bytes(text: str, form: Form) -> bytes:
    """Raises NotBytes."""
    if form is Form.HEX:
        return _from_hex(text)
    if form is Form.BASE64:
        return _from_base64(text)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotBytes(f"{_place(text, error.start)}: half a character", error.start) from error
    if form is Form.JSON and text and (wrong := why_not_json(text)):
        raise wrong
    return data


def why_not_json(text: str) -> NotBytes | None:
    try:
        for _ in json_text.pretty_lines(text):
            pass
    except NotJson as mistake:
        return NotBytes(str(mistake), mistake.offset)
    return None


def _from_hex(text: str) -> bytes:
    if wrong := _NO_HEX.search(text):
        raise NotBytes(f"{_place(text, wrong.start())}: {visible(wrong[0])} is no hexadecimal digit", wrong.start())
    digits = _SPACE.sub("", text)
    if len(digits) % 2:
        raise NotBytes(f"{count(len(digits))} hexadecimal digits: the last byte has only one", len(text))
    return bytes.fromhex(digits)


def _from_base64(text: str) -> bytes:
    if wrong := _NO_BASE64.search(text):
        raise NotBytes(f"{_place(text, wrong.start())}: {visible(wrong[0])} is no Base64", wrong.start())
    try:
        return base64.b64decode(_SPACE.sub("", text), validate=True)
    except binascii.Error as error:
        raise NotBytes("the Base64 is not complete: its length must be a multiple of four", len(text)) from error


def _place(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"
