"""The expression language of filters: from text to a tree. No part of the text ever becomes Python.

    value.status == "FAILED" and value.amount > 900.10
    key in ["a-1", "a-2"] or exists(headers["trace-id"])
    any(value.items[*].sku == "x" and value.items[*].qty > 5)
    timestamp >= ago("15m") && !matches(value.text, "time ?out")

It reads like Python, but Python's parser cannot read it: fields are called `from`, `in` or `class`, numbers keep every
digit, `[*]` stands for each element, and names are never normalised. What it means is in `evaluate.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from kexplorer.model.failure import Failure, FailureKind

LONGEST = 4_000  # characters
_DEEPEST = 24  # levels of brackets, signs and negations
_MOST_SUMS = 50  # arithmetic operators: each may be a level of the tree
_WIDEST_EXPONENT = 10_000

PAYLOADS = ("value", "key", "headers", "headers_all")
FIELDS = ("partition", "offset", "timestamp", "size", "topic")
_LITERALS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_WORDS = {"&&": "and", "||": "or", "!": "not"}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in", "not in")


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | Decimal | bool | None
    column: int


@dataclass(frozen=True, slots=True)
class Path:
    """Of `base` "headers" and "headers_all", `name` is the header's; a step None is `[*]`."""

    base: str
    name: str
    steps: tuple[str | int | None, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Operation:
    """`and` and `or` have two operands or more, `not` and `negative` one, all others two."""

    operator: str
    operands: tuple[Node, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    column: int


Node = Constant | Path | Field | Listing | Operation | Call


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Operation():
            return node.operands
        case Call():
            return node.arguments
        case Listing():
            return node.items
    return ()


def wrong(column: int, message: str, hint: str) -> NoReturn:
    """`column` counts characters from 1."""
    raise Failure(FailureKind.INVALID, f"The filter, column {column}: {message}.", hint)


def parse(text: str) -> Node:
    """Raises Failure (INVALID), which says the column and what to write instead."""
    if len(text) > LONGEST:
        wrong(LONGEST + 1, f"it is longer than {LONGEST:,} characters", "Split it into several searches.")
    return Parser(text).whole()


_TOKEN = re.compile(
    r"""\s*+(?:
    (?P<number>[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)
    | (?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
    | (?P<name>(?:[^\W\d]|[$@])[\w$@]*+)
    | (?P<sign>[=!<>]=|&&|\|\||[-+*/%<>()\[\],.!])
    | (?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_ODD_STARTS = {
    "=": ("= alone compares nothing", "Write == for “is equal to”."),
    "&": ("& is no operator", "Write and, or &&."),
    "|": ("| is no operator", "Write or, or ||."),
    '"': ("the text is not closed", 'Close it with ". Inside of it write \\" for the character.'),
    "'": ("the text is not closed", "Close it with '. Inside of it write \\' for the character."),
    "“": ("this quotation mark is typographic", 'Write texts in straight quotes: "FAILED".'),
    "”": ("this quotation mark is typographic", 'Write texts in straight quotes: "FAILED".'),
}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    column: int


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if not match or not match.lastgroup:
            at += len(text[at:]) - len(text[at:].lstrip())
            message, hint = _ODD_STARTS.get(text[at], (f"{text[at]!r} has no meaning here", "Put texts into quotes."))
            wrong(at + 1, message, hint)
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        at = match.end()
    return found


class Parser:
    """One method for each level of precedence, loosest first. `_at` is the next token."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._sums = 0

    def whole(self) -> Node:
        if self._next.kind == "end":
            wrong(1, "it is empty", 'Write for example value.status == "FAILED".')
        node = self._condition()
        if self._next.kind != "end":
            self._unexpected("and, or, or the end")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *texts: str) -> bool:
        return self._next.text in texts and self._next.kind in ("sign", "name")

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _expect(self, text: str) -> None:
        if not self._is(text):
            self._unexpected(text)
        self._take()

    def _unexpected(self, wanted: str) -> NoReturn:
        found = self._next.text or "the end"
        wrong(self._next.column, f"expected {wanted}, found {found}", "Check brackets, quotes and operators.")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            wrong(self._next.column, f"it is nested deeper than {_DEEPEST} levels", "Write it flatter.")

    def _condition(self) -> Node:
        self._deeper()
        node = self._joined("or", lambda: self._joined("and", self._negation))
        self._depth -= 1
        return node

    def _joined(self, word: str, operand: Callable[[], Node]) -> Node:
        column = self._next.column
        operands = [operand()]
        while self._next.kind != "string" and _WORDS.get(self._next.text, self._next.text) == word:
            self._take()
            operands.append(operand())
        return Operation(word, tuple(operands), column) if operands[1:] else operands[0]

    def _negation(self) -> Node:
        if not self._is("not", "!"):
            return self._comparison()
        self._deeper()
        column = self._take().column
        node = Operation("not", (self._negation(),), column)
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        left = self._sum()
        pairs: list[Node] = []
        while operator := self._comparing():
            column = self._tokens[self._at - 1].column
            right = self._sum()
            pairs.append(Operation(operator, (left, right), column))
            left = right
        if not pairs:
            return left
        return Operation("and", tuple(pairs), pairs[0].column) if pairs[1:] else pairs[0]

    def _comparing(self) -> str:
        if self._is("not") and self._tokens[self._at + 1].text == "in":
            self._at += 2
            return "not in"
        return self._take().text if self._is(*_COMPARISONS) else ""

    def _sum(self) -> Node:
        return self._calculated(("+", "-"), lambda: self._calculated(("*", "/", "%"), self._signed))

    def _calculated(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node = operand()
        while self._is(*operators):
            self._sums += 1
            if self._sums > _MOST_SUMS:
                wrong(self._next.column, f"it calculates more than {_MOST_SUMS} times", "Compare simpler numbers.")
            token = self._take()
            if token.text == "*" and self._is("*"):
                wrong(token.column, "there are no powers", "Write the number itself.")
            node = Operation(token.text, (node, operand()), token.column)
        return node

    def _signed(self) -> Node:
        if not self._is("-"):
            return self._atom()
        self._deeper()
        column = self._take().column
        node = Operation("negative", (self._signed(),), column)
        self._depth -= 1
        return node

    def _atom(self) -> Node:
        token = self._next
        if token.kind == "number":
            return Constant(_number(self._take()), token.column)
        if token.kind == "string":
            return Constant(_string(self._take()), token.column)
        if self._is("("):
            self._take()
            node = self._condition()
            if self._is(","):
                wrong(self._next.column, "a list stands in square brackets", 'Write ["a", "b"].')
            self._expect(")")
            return node
        if self._is("["):
            self._take()
            return Listing(self._items("]"), token.column)
        if token.kind != "name" or token.text in ("and", "or", "in", "not"):
            self._unexpected("a field, a number or a text")
        return self._named(self._take())

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._is(closing):
            items.append(self._condition())
            if not self._is(","):
                break
            self._take()
        self._expect(closing)
        return tuple(items)

    def _named(self, token: Token) -> Node:
        if self._is("("):
            self._take()
            return Call(token.text, self._items(")"), token.column)
        if token.text in _LITERALS:
            return Constant(_LITERALS[token.text], token.column)
        if token.text in FIELDS:
            return Field(token.text, token.column)
        if token.text not in PAYLOADS:
            hint = f'Write value.{token.text} for a field of the value, "{token.text}" for a text.'
            wrong(token.column, f"there is no {token.text}", hint)
        return self._path(token)

    def _path(self, token: Token) -> Path:
        base, steps = token.text, self._steps()
        if base in ("value", "key"):
            return Path(base, "", steps, token.column)
        if not steps or not isinstance(steps[0], str) or (base == "headers_all" and steps[1:]):
            wrong(token.column, f"{base} needs the name of one header", f'Write {base}.name or {base}["a name"].')
        return Path(base, steps[0], steps[1:], token.column)

    def _steps(self) -> tuple[str | int | None, ...]:
        steps: list[str | int | None] = []
        while self._is(".", "["):
            if self._take().text == "[":
                steps.append(self._subscript())
                self._expect("]")
                continue
            if self._next.kind != "name":
                self._unexpected("the name of a field")
            name = self._take()
            if self._is("("):
                wrong(name.column, "there are no methods", 'Write starts_with(value.name, "A"), not value.name.…("A").')
            steps.append(name.text)
        return tuple(steps)

    def _subscript(self) -> str | int | None:
        if self._next.kind == "string":
            return _string(self._take())
        if self._is("*"):
            self._take()
            return None
        sign = -1 if self._is("-") else 1
        if sign < 0:
            self._take()
        if self._next.kind != "number" or not self._next.text.isdigit() or len(self._next.text) > 9:
            self._unexpected('a number, "a name" or *')
        return sign * int(self._take().text)


def _number(token: Token) -> int | Decimal:
    if token.text.isdigit():
        return int(token.text)
    try:
        number = Decimal(token.text)
    except InvalidOperation:
        number = Decimal("Infinity")
    if not number.is_finite() or abs(number.adjusted()) > _WIDEST_EXPONENT:
        wrong(token.column, "the exponent is too large", f"At most {_WIDEST_EXPONENT:,} digits are compared.")
    return number


def _string(token: Token) -> str:
    """Escapes as in JSON; any other backslash stays, so that regular expressions need not double theirs."""

    def character(match: re.Match[str]) -> str:
        if match[2]:
            return _ESCAPED.get(match[2], match[0])
        code = int(match[1], 16)
        if 0xD800 <= code <= 0xDFFF:
            wrong(token.column, f"{match[0]} is half a character", "Write the character itself.")
        return chr(code)

    return _ESCAPE.sub(character, token.text[1:-1])
