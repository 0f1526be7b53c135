"""JSON as a person types it: values with all their digits, and the place of what does not fit a schema."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from decimal import Decimal
from typing import Any

from kexplorer.formats import json_text
from kexplorer.formats.json_text import NotJson
from kexplorer.formats.text import visible

BASE64 = "base64:"  # before bytes that are no text, as they are shown
MOST_DIGITS = 4000  # of a number; Python takes no more of them from a text
HALF_A_CHARACTER = "half of a character, which is no UTF-8"

Step = str | int  # a field's name, or an index

_SPACE = re.compile(r"[ \t\n\r]*+")
_SHOWN = 40  # characters
_NAME = re.compile(r"[A-Za-z_]\w*")


class Misfit(ValueError):  # noqa: N818 - it is an answer rather than an error
    """Why the schema does not allow a value: a clause. `path` leads to the value from the outermost one."""

    def __init__(self, reason: str, path: tuple[Step, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def inside(self, step: Step) -> Misfit:
        return Misfit(self.reason, (step, *self.path))


class NotFitting(ValueError):  # noqa: N818
    """The text is no JSON or not what the schema says. `reason` names the place; `offset` is the character there."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class Repeated(dict[str, Any]):
    """An object in which a name is there several times."""

    name = ""


def parsed(text: str) -> Any:
    """Integers are int, all other numbers Decimal; either with more than MOST_DIGITS digits is a Decimal. Raises
    NotFitting."""
    try:
        return json.loads(
            text, parse_int=_integer, parse_float=_decimal, parse_constant=_no_json, object_pairs_hook=_object
        )
    except RecursionError:
        raise NotFitting("it is nested too deeply", 0) from None
    except ValueError as error:
        raise _misplaced(text, error) from None


def _misplaced(text: str, error: ValueError) -> NotFitting:
    try:
        for _ in json_text.pretty_lines(text):
            pass
    except NotJson as wrong:
        return NotFitting(str(wrong), wrong.offset)
    return NotFitting(f"it is no JSON: {error}", 0)


def _no_json(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity, which Python would take


def not_fitting(text: str, wrong: Misfit) -> NotFitting:
    """`wrong` of a value in `text`, which is JSON."""
    offset = _offset(text, wrong.path)
    line = text.count("\n", 0, offset) + 1
    place = f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"
    return NotFitting(f"{place}{_spoken_path(wrong.path)}: {wrong.reason}", offset)


def expected(what: str, value: object) -> Misfit:
    return Misfit(f"expected {what}, found {spoken(value)}")


def spoken(value: object) -> str:
    match value:
        case None | True | False:
            return json.dumps(value)
        case str():
            return f"“{visible(value[:_SHOWN])}{'…' if len(value) > _SHOWN else ''}”"
        case dict():
            return "an object"
        case list():
            return "an array"
    return str(value)[:_SHOWN]


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def utf8(value: str) -> bytes:
    """Raises Misfit."""
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise Misfit(HALF_A_CHARACTER) from None


def from_base64(value: str) -> bytes:
    """With BASE64 before it or not. Raises Misfit."""
    try:
        return b64decode(value.removeprefix(BASE64), validate=True)
    except ValueError:
        raise expected("Base64", value) from None


def members(value: object, what: str) -> dict[str, Any]:
    """Raises Misfit for what is no object, or has a name twice."""
    if not isinstance(value, dict):
        raise expected(what, value)
    if isinstance(value, Repeated):
        raise Misfit(f"“{visible(value.name[:_SHOWN])}” is there twice")
    return value


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MOST_DIGITS else _decimal(digits)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent of more than 18 digits
        return Decimal("Infinity")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    repeated = Repeated(made)
    seen: set[str] = set()
    repeated.name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return repeated


_SCAN = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def _offset(text: str, path: tuple[Step, ...]) -> int:
    """Where the value at `path` begins; that of the innermost one there is."""
    at = _skip(text, 0)
    for step in path:
        inside = _member(text, at, step)
        if inside is None:
            break
        at = inside
    return at


def _member(text: str, start: int, step: Step) -> int | None:
    at, number = _skip(text, start + 1), 0
    while text[at] not in "]}":
        name: Step = number
        if text[start] == "{":
            name, at = _SCAN(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == step:
            return at
        at = _skip(text, _SCAN(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)
        number += 1
    return None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _spoken_path(path: tuple[Step, ...]) -> str:
    """As ", lines[2].sku"."""
    spelled = ""
    for step in path:
        if isinstance(step, int):
            spelled += f"[{step}]"
        elif _NAME.fullmatch(step):
            spelled += f".{step}"
        else:
            spelled += f"[{json.dumps(step[:_SHOWN], ensure_ascii=False)}]"
    return f", {visible(spelled.removeprefix('.'))}" if path else ""
