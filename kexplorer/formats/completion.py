"""What can stand at the cursor of an expression while it is typed. The text may be unfinished or wrong in any way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from kexplorer.formats.expression import LONGEST, Path, parse
from kexplorer.formats.field_names import FieldNames, Seen
from kexplorer.model.failure import Failure

_MOST = 60  # items
_EXAMPLES = 2  # values in the hint of a field


class Kind(StrEnum):
    FIELD = "field"
    FUNCTION = "function"
    OPERATOR = "operator"
    VALUE = "value"


class Item(NamedTuple):
    """`text` stands in the place of what was typed, `hint` says in a few words what it is."""

    text: str
    kind: Kind
    hint: str


@dataclass(frozen=True, slots=True)
class Completions:
    """Each item can replace the characters from `start` to before `end`. `eager`: a name was begun and is not yet one
    by itself, so that the first item is likely what is meant."""

    start: int
    end: int
    items: tuple[Item, ...]
    eager: bool = False


FUNCTIONS = {
    "contains": "contains(text, part): the part stands in the text, or is in the list",
    "starts_with": "starts_with(text, start)",
    "ends_with": "ends_with(text, end)",
    "matches": 'matches(text, "expression"): a regular expression finds something',
    "exists": "exists(field): it is there, be it null",
    "is_null": "is_null(field): it is null or missing",
    "any": "any(condition): it holds for some element [*]",
    "all": "all(condition): it holds for every element [*]",
    "ago": 'ago("15m"): that long before now; ms, s, m, h, d, w',
    "time": 'time("2026-11-23T10:00Z"): as a timestamp',
    "lower": "lower(text): in lower case",
    "upper": "upper(text): in upper case",
    "text": "text(number): its digits",
    "number": "number(text): what its digits say",
    "len": "len(text, list or object): how much is in it",
    "abs": "abs(number): without its sign",
    "min": "min(number, number, …): the least",
    "max": "max(number, number, …): the greatest",
    "round": "round(number, digits)",
}
_CONDITIONS = ("contains", "starts_with", "ends_with", "matches", "exists", "is_null", "any", "all")
_BASES = {
    "value": "the record's value",
    "key": "the record's key",
    "headers.": "the first header of a name",
    "headers_all.": "all headers of a name, as a list",
    "partition": "its number",
    "offset": "in its partition",
    "timestamp": 'compare it with ago("15m") or time("2026-11-23T10:00Z")',
    "size": "bytes of the value",
    "topic": "its name",
}
_CONSTANTS = {"true": "", "false": "", "null": "also what is missing"}
_COMPARISONS = {
    "==": "is equal to",
    "!=": "is there and differs from",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
    "in": 'is one of ["a", "b"], or a part of a text',
    "not in": "is there and is none of",
}
_JOINTS = {"and": "both must hold", "or": "one of both must hold"}
_TIMES = {"15m": "15 minutes before now", "1h": "an hour before now", "1d": "a day before now"}
_KEYWORDS = ("and", "or", "not", "in")
_BEFORE_OPERAND = (*_COMPARISONS, "and", "or", "not", "&&", "||", "!", "(", "[", ",", "+", "-", "*", "/", "%")

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
    | (?P<open>["'].*+)
    | (?P<number>[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)
    | (?P<name>(?:[^\W\d]|[$@])[\w$@]*+)
    | (?P<sign>[=!<>]=|&&|\|\||\S)""",
    re.VERBOSE | re.DOTALL,
)
# What behind the cursor belongs to the word at the cursor; of a text only up to a quote that plainly closes it.
_REST_OF_NAME = re.compile(r"[\w$@]*")
_REST_OF_TEXT = re.compile(r"(?:[\w.:/-]*+[\"'])?")
_REST_OF_OPERATOR = re.compile("=?")
_REST_OF_SUBSCRIPT = re.compile(r"[\w.:/-]*+[\"']?\]?")
_NO_REST = re.compile("")


class _Token(NamedTuple):
    kind: str  # a group of _TOKEN, "step" for a name behind a point, "" for no word at the cursor
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        return self.kind in ("name", "sign") and self.text in words

    @property
    def ends_operand(self) -> bool:
        if self.kind == "name":
            return self.text not in _KEYWORDS
        return self.kind in ("step", "string", "number") or self.is_word(")", "]")


def complete(text: str, cursor: int, known: FieldNames) -> Completions:
    """Never raises. There is nothing to offer inside of a text, unless it is one that a field is compared with, or the
    name of a field in brackets."""
    nothing = Completions(cursor, cursor, ())
    if not 0 <= cursor <= len(text) <= LONGEST:
        return nothing
    tokens = _tokens(text[:cursor])
    word = _taken_word(tokens, cursor)
    if tokens and tokens[-1].end == cursor and tokens[-1].ends_operand and not word.text:
        return nothing
    place = _Place(text, tokens, word, known)
    found = place.items()
    rest = place.rest.match(text, cursor)
    end = rest.end() if rest else cursor
    typed = text[place.start : end]
    items = tuple(islice((item for item in found if item.text != typed), _MOST))
    return Completions(
        place.start, end, items, bool(word.text and items) and not any(item.text == typed for item in found)
    )


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        after_point = kind == "name" and tokens and tokens[-1].text == "."
        tokens.append(_Token("step" if after_point else kind, match[0], match.start()))
    return tokens


def _taken_word(tokens: list[_Token], cursor: int) -> _Token:
    """Takes what is being typed at the cursor from the end of `tokens`."""
    word = _Token("", "", cursor)
    if tokens and tokens[-1].end == cursor:
        behind = tokens[-2:-1]
        begins_operator = tokens[-1].is_word(*"=!<>&|", "==", "!=", "<=", ">=") and behind and behind[0].ends_operand
        if tokens[-1].kind in ("name", "step", "open") or begins_operator:
            word = tokens.pop()
    if len(tokens) > 1 and tokens[-1].is_word("not") and tokens[-2].ends_operand and word.kind in ("name", ""):
        word = _Token("name", f"not {word.text}", tokens.pop().start)
    return word


class _Place:
    """What stands before the cursor. `start` is where replacing begins: a path is replaced as a whole."""

    def __init__(self, text: str, tokens: list[_Token], word: _Token, known: FieldNames) -> None:
        self._text, self._tokens, self._word, self._known = text, tokens, word, known
        self.start = word.start
        self._typed = word.text.lower().strip("\"'")
        self._begins_word = re.compile(rf"(?<![^\W_]){re.escape(self._typed)}[^.\[]*\Z")
        self._clause, self._openers = _nesting(tokens)
        self._in_each = any(i and tokens[i - 1].is_word("any", "all") for i in self._openers)
        self._last = tokens[-1] if tokens else word
        self._in_subscript = len(tokens) > 1 and tokens[-1].is_word("[") and tokens[-2].ends_operand

    @property
    def rest(self) -> re.Pattern[str]:
        """What is replaced behind the cursor, too."""
        if self._in_subscript:
            return _REST_OF_SUBSCRIPT
        if self._word.kind in ("name", "step") or self._last.is_word("."):
            return _REST_OF_NAME
        return {"open": _REST_OF_TEXT, "sign": _REST_OF_OPERATOR}.get(self._word.kind, _NO_REST)

    def items(self) -> list[Item]:
        if self._in_subscript or self._last.is_word("."):
            return self._steps()
        if self._tokens and self._last.ends_operand:
            return self._operators()
        if self._tokens and not self._last.is_word(*_BEFORE_OPERAND):
            return []
        return [*self._values(), *(self._operands() if self._word.kind != "open" else ())]

    def _steps(self) -> list[Item]:
        """Fields inside of the path before the point or the bracket."""
        first = _path_start(self._tokens[:-1])
        if first is None:
            return []
        self.start = self._tokens[first].start
        path = self._text[self.start : self._tokens[-1].start].rstrip()
        seen = _seen(path, self._known)
        if seen is None:
            return []
        inside = seen.below() if self._typed else iter(list(seen.inside.values()))
        return self._fields(((path + each.path[len(seen.path) :], each) for each in inside), len(path))

    def _operands(self) -> list[Item]:
        bases = [Item(name, Kind.FIELD, hint) for name, hint in _BASES.items()]
        functions = [Item(f"{name}(", Kind.FUNCTION, hint) for name, hint in FUNCTIONS.items()]
        constants = [Item(word, Kind.VALUE, hint) for word, hint in _CONSTANTS.items()]
        negation = Item("not", Kind.OPERATOR, "the contrary")
        nested: list[Item] = []
        for name in ("value", "key", "headers"):
            seen = self._known.bases[name]
            inside = seen.below() if self._typed else iter(list(seen.inside.values()))
            nested += self._fields((each.path, each) for each in inside)
        ranked = [(rank, item) for item in bases if (rank := self._rank(item.text)) is not None]
        ranked += [(self._rank(item.text) or 0, item) for item in nested]
        for item in (*functions, negation, *constants):
            if (rank := self._rank(item.text)) is not None:
                ranked.append((rank, item))
        return [item for _, item in sorted(ranked, key=lambda found: found[0])]

    def _fields(self, paths: Iterable[tuple[str, Seen]], before: int = 0) -> list[Item]:
        """Those that answer to what was typed behind `before` characters of the path."""
        ranked = [(rank, path, seen) for path, seen in paths if (rank := self._rank(path[before:])) is not None]
        best = sorted(ranked, key=lambda found: found[0])[:_MOST]
        return [Item(self._through_elements(path, before), Kind.FIELD, _hint(seen)) for _, path, seen in best]

    def _through_elements(self, path: str, before: int) -> str:
        """`[*]` has a meaning inside of any() and all() only."""
        return path if self._in_each or "[*]" not in path[before:] or "[*]" in path[:before] else f"any({path}"

    def _rank(self, text: str) -> int | None:
        """0 for what begins as it was typed, 1 where a word of the last step does, 2 for any other place of three
        letters or more, None for nowhere."""
        lower = text.lower()
        if self._typed not in lower:
            return None
        if lower.lstrip('.["').startswith(self._typed):
            return 0
        if self._begins_word.search(lower):
            return 1
        return 2 if len(self._typed) > 2 else None

    def _operators(self) -> list[Item]:
        if self._openers and self._tokens[self._openers[-1]].text == "[":
            return []
        offered = _JOINTS if _is_condition(self._clause) else _COMPARISONS | _JOINTS
        return [Item(op, Kind.OPERATOR, hint) for op, hint in offered.items() if op.startswith(self._typed)]

    def _values(self) -> Iterator[Item]:
        """Those seen in the field on the left of the comparison, be it with a list."""
        at, listed = len(self._tokens) - 1, False
        if self._openers and self._tokens[self._openers[-1]].text == "[":
            at, listed = self._openers[-1] - 1, True
        if at < 1 or not self._tokens[at].is_word(*_COMPARISONS):
            return
        operator = self._tokens[at].text
        left = self._tokens[: at - 1 if self._tokens[at - 1].is_word("not") else at]
        first = _path_start(left)
        if first is None or (listed and operator != "in"):
            return
        path = self._text[left[first].start : left[-1].end]
        if path == "timestamp" and operator != "in":
            times = (Item(f'ago("{span}")', Kind.VALUE, hint) for span, hint in _TIMES.items())
            yield from (item for item in times if self._typed in item.text)
        seen = _seen(path, self._known)
        unwanted = {token.text for token in self._tokens[at + 2 :]} if listed else set()
        if operator in ("<", "<=", ">", ">="):
            unwanted = set(_CONSTANTS)
        for value in seen.values() if seen else ():
            if self._typed in value.lower() and value not in unwanted:
                yield Item(f"[{value}]" if operator == "in" and not listed else value, Kind.VALUE, f"seen in {path}")


def _nesting(tokens: Sequence[_Token]) -> tuple[list[_Token], list[int]]:
    """The tokens of the condition that is being typed, without what is in brackets in it; where the brackets around it
    were opened."""
    clause: list[_Token] = []
    around: list[tuple[int, list[_Token]]] = []
    for i, token in enumerate(tokens):
        if token.is_word("(", "["):
            around.append((i, clause))
            clause = []
        elif token.is_word(")", "]"):
            clause = [*(around.pop()[1] if around else clause), token]
        elif token.is_word("and", "or", "not", "&&", "||", "!", ","):
            clause = []
        else:
            clause.append(token)
    return clause, [i for i, _ in around]


def _is_condition(clause: Sequence[_Token]) -> bool:
    if any(token.is_word(*_COMPARISONS) for token in clause):
        return True
    return len(clause) > 1 and clause[-1].text == ")" and clause[-2].is_word(*_CONDITIONS)


def _path_start(tokens: Sequence[_Token]) -> int | None:
    """The number of the token that begins the path which `tokens` end with."""
    at = len(tokens) - 1
    while at > 0:
        if tokens[at].kind == "step":
            at -= 2
        elif tokens[at].is_word("]"):
            opener = next((i for i in range(at - 2, max(at - 4, 0), -1) if tokens[i].is_word("[")), -1)
            at = opener - 1
        else:
            break
    return at if at >= 0 and tokens[at].kind == "name" and tokens[at].text not in _KEYWORDS else None


def _seen(path: str, known: FieldNames) -> Seen | None:
    if path in known.bases:
        return known.bases[path]
    try:
        tree = parse(path)
    except Failure:
        return None
    if not isinstance(tree, Path):
        return None
    header = [tree.name] if tree.base.startswith("headers") else []
    return known.find([tree.base, *header, *tree.steps])


def _hint(seen: Seen) -> str:
    kinds = " or ".join(list(seen.kinds)) or "null"
    examples = [value for value in seen.values() if value != "null"][:_EXAMPLES]
    return f"{kinds}, such as {', '.join(examples)}" if examples else kinds
