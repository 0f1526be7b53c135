"""JSON laid out for reading, token by token: no value is ever parsed, so nothing of it can change.

Integers of any length, `1.10`, `1e400`, escapes, the order of keys and duplicate keys come out as they went in. Only
white space differs. The patterns use possessive quantifiers and atomic groups: none can backtrack, and none recurses.

WORKAROUND: groups that may fail behind a match of a part of them are repeated in an atomic group. Before Python 3.11.5
a possessive one then forgets to go back: https://github.com/python/cpython/issues/106052. It does not affect those in
strings, alternatives of plain characters; repeated atomically they would take 160 bytes for every escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum

from kexplorer.formats.text import visible

_WS = r"[ \t\n\r]*+"
_ESCAPE = r'\\["\\/bfnrt]|\\u' + "[0-9a-fA-F]" * 4
_STRING = rf'"[^"\\\x00-\x1f]*+(?:{_ESCAPE}|[^"\\\x00-\x1f]++)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?>(?:\.[0-9]++)?)(?>(?:[eE][-+]?[0-9]++)?)"
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"

# What is taken at once, which is three times as fast as a scalar at a time: empty and short containers of scalars, and
# runs of scalars elsewhere. Without long strings: each of these patterns may look at a scalar that another then takes.
_SHORT_STRING = rf'"[^"\\\x00-\x1f]{{0,999}}+(?:{_ESCAPE}|[^"\\\x00-\x1f]{{1,99}}+){{0,199}}+"'
_SHORT = rf"(?:{_SHORT_STRING}|{_NUMBER}|true|false|null)"
_MEMBER = rf"{_SHORT_STRING}{_WS}:{_WS}{_SHORT}"
_FLAT_ARRAY = rf"\[{_WS}(?>(?:{_SHORT}(?>(?:{_WS},{_WS}{_SHORT}){{0,63}}))?){_WS}\]"
_FLAT_OBJECT = rf"\{{{_WS}(?>(?:{_MEMBER}(?>(?:{_WS},{_WS}{_MEMBER}){{0,63}}))?){_WS}\}}"
_RUN = {
    "": re.compile(""),
    "]": re.compile(rf"(?>(?:{_WS}{_SHORT}{_WS},){{0,64}})"),
    "}": re.compile(rf"(?>(?:{_WS}{_MEMBER}{_WS},){{0,64}})"),
}

_LEAF = rf"{_SCALAR}|{_FLAT_ARRAY}|{_FLAT_OBJECT}"
_FLAT_WIDTH = 72  # a flat array wider than this gets a line for each element
_INDENTED_DEPTH = 64  # deeper lines are indented no further: 100,000 levels would be 20 GB of blanks


def _item(before: str, end: str) -> re.Pattern[str]:
    """Groups: key, leaf, what follows the leaf; or key, None, None, opening bracket."""
    return re.compile(rf"{_WS}{before}(?:({_LEAF}){_WS}({end})|([\[{{]))")


# By the bracket that will close the container; "" is the top level.
_ITEM = {
    "": _item("()", r"\Z"),
    "]": _item("()", r"[,\]]"),
    "}": _item(rf"({_STRING}){_WS}:{_WS}", r"[,}]"),
}
_AFTER = {closer: re.compile(rf"{_WS}({end})") for closer, end in (("", r"\Z"), ("]", r"[,\]]"), ("}", r"[,}]"))}
_CLOSER = {"[": "]", "{": "}"}
_PARTS = re.compile(rf"({_STRING}){_WS}:{_WS}({_SCALAR})")  # of a flat object or a run of members
_SCALAR_TOKEN = re.compile(_SCALAR)

# What an item consists of, piece by piece: only for finding out which piece is wrong.
_Step = tuple[re.Pattern[str], str]
_VALUE_STEP = (re.compile(_LEAF), "a value")
_STEPS = {
    "": [_VALUE_STEP, (re.compile(r"\Z"), "the end")],
    "]": [_VALUE_STEP, (re.compile(r"[,\]]"), '"," or "]"')],
    "}": [
        (re.compile(_STRING), "a key in double quotes"),
        (re.compile(":"), '":"'),
        _VALUE_STEP,
        (re.compile("[,}]"), '"," or "}"'),
    ],
}
_SKIP = re.compile(_WS)
_STRING_BODY = re.compile(_STRING.removesuffix('"'))
_FOUND = re.compile(r"[\w.+-]{1,20}|.", re.DOTALL)
_LONGEST_PIECE = len(r"\uD83D")  # that the end of an incomplete text can split, strings and numbers apart


class NotJson(ValueError):  # noqa: N818 - it is an answer rather than an error
    """`reason` in words; `offset` in characters from 0, `line` and `column` from 1."""

    def __init__(self, reason: str, text: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - text.rfind("\n", 0, offset)
        super().__init__(f"line {self.line}, column {self.column}: {reason}")


class Token(IntEnum):
    """What to colour. The numbers are the groups of the pattern below."""

    STRING = 1
    KEY = 2
    NUMBER = 3
    LITERAL = 4
    PUNCTUATION = 5


_TOKEN = re.compile(
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))(?:(?=[ \t\n\r]*+(:)))?'
    rf"|({_NUMBER})|\b(true|false|null)\b|([\[\]{{}}:,])",
    re.DOTALL,
)
_KINDS = (Token.STRING, *Token)  # by the number of the group; there is always one


def looks_like_json(data: bytes) -> bool:
    """A guess from the first bytes: an object or an array begins. (A bare number or string is as readable as text.)"""
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def pretty(text: str, indent: int = 2) -> str:
    """The whole of `text` laid out. Raises NotJson."""
    return "\n".join(pretty_lines(text, indent))


def pretty_lines(text: str, indent: int = 2, *, partial: bool = False) -> Iterator[str]:
    """The lines of `pretty`, each made when it is asked for. Raises NotJson when it comes to the mistake.

    `partial`: `text` is the beginning of a longer one. Its end is no mistake then; the last line is what is left of
    the item that the end splits.
    """
    layout = _Layout(text, indent)
    try:
        yield from layout.lines()
    except NotJson as mistake:
        if not partial or mistake.offset <= len(text) - _LONGEST_PIECE:
            raise
        if rest := text[layout.at :].strip():
            yield layout.pad + rest


def tokens(text: str) -> Iterator[tuple[int, int, Token]]:
    """(start, end, kind) of the tokens of a line or a whole text, which need not be valid JSON. For colours."""
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        yield start, end, _KINDS[match.lastindex or 0]


class _Layout:
    """One pass over `text`. `at` is the start of the item that comes next, `pad` the blanks before it."""

    def __init__(self, text: str, indent: int) -> None:
        self.text = text
        self.at = 0
        self.pad = ""
        self._pads = [" " * (indent * depth) for depth in range(_INDENTED_DEPTH + 1)]
        self._closers = [""]  # of the containers around `at`

    def lines(self) -> Iterator[str]:
        while True:
            yield from self._run()
            closer = self._closers[-1]
            item = _ITEM[closer].match(self.text, self.at)
            if not item:
                raise _mistake(self.text, self.at, _STEPS[closer])
            key, leaf, end, opening = item.groups()
            self.at = item.end()
            head = f"{self.pad}{key}: " if key else self.pad
            if opening:
                yield head + opening
                self._closers.append(_CLOSER[opening])
                self._indent()
                continue
            yield from self._leaf(head, leaf, "," if end == "," else "")
            if end != ",":
                yield from self._closed()
                if not self._closers:
                    return

    def _closed(self) -> Iterator[str]:
        """Closing brackets, until a comma says that the container around them goes on."""
        while closed := self._closers.pop():
            self._indent()
            closer = self._closers[-1]
            after = _AFTER[closer].match(self.text, self.at)
            goes_on = after is not None and after[1] == ","
            yield f"{self.pad}{closed}{',' if goes_on else ''}"
            if not after:
                raise _mistake(self.text, self.at, _STEPS[closer][-1:])
            self.at = after.end()
            if goes_on:
                return

    def _run(self) -> list[str]:
        """Scalars that have others behind them."""
        closer, start, pad = self._closers[-1], self.at, self.pad
        match = _RUN[closer].match(self.text, start)
        if not match or match.end() == start:
            return []
        self.at = match.end()
        if closer == "]":
            return [f"{pad}{scalar}," for scalar in _SCALAR_TOKEN.findall(self.text, start, self.at)]
        return [f"{pad}{key}: {scalar}," for key, scalar in _PARTS.findall(self.text, start, self.at)]

    def _leaf(self, head: str, leaf: str, comma: str) -> Iterator[str]:
        """A scalar, or a flat container: on one line if it is empty or a short array."""
        parts: list[str] = []
        if leaf[0] == "[":
            parts = _SCALAR_TOKEN.findall(leaf)
            if sum(map(len, parts)) + 2 * len(parts) <= _FLAT_WIDTH:
                leaf = f"[{', '.join(parts)}]"
                parts = []
        elif leaf[0] == "{":
            parts = [f"{key}: {scalar}" for key, scalar in _PARTS.findall(leaf)]
            leaf = leaf if parts else "{}"
        if not parts:
            yield f"{head}{leaf}{comma}"
            return
        inner = self._pads[min(len(self._closers), _INDENTED_DEPTH)]
        yield head + leaf[0]
        last = parts.pop()
        for part in parts:
            yield f"{inner}{part},"
        yield inner + last
        yield f"{self.pad}{leaf[-1]}{comma}"

    def _indent(self) -> None:
        self.pad = self._pads[min(len(self._closers) - 1, _INDENTED_DEPTH)]


def _mistake(text: str, at: int, steps: list[_Step]) -> NotJson:
    """Which of `steps` fails first from `at` on, where, and on what."""
    for pattern, expected in steps:
        at = _SKIP.match(text, at).end()  # type: ignore[union-attr]  # it matches anywhere
        match = pattern.match(text, at)
        if not match:
            return _explained(text, at, expected)
        at = match.end()
    raise AssertionError("the steps accept what the item pattern refused")


def _explained(text: str, at: int, expected: str) -> NotJson:
    body = _STRING_BODY.match(text, at)
    if body and expected[0] == "a":  # a key or a value, and a string starts
        at = body.end()
        if at == len(text):
            return NotJson("the string is not closed", text, at)
        if text[at] == "\\":
            return NotJson(f"unknown escape {visible(text[at : at + 2])} in a string", text, at)
        return NotJson(f"{visible(text[at])} must be escaped in a string", text, at)
    found = _FOUND.match(text, at)
    return NotJson(f"expected {expected}, found {visible(found[0]) if found else 'the end'}", text, at)
