"""The nodes of a JSON text as spans of it: nothing is parsed into values, so digits, key order and duplicates stay.

Nodes are numbered in the order of the text; 0 is the document around the one value, 1 that value. A longer text that
begins the same gives its nodes the same numbers.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from enum import StrEnum

from kexplorer.formats.expression import LONGEST, parse
from kexplorer.model.failure import Failure

MOST_NODES = 500_000
_WS = r"[ \t\n\r]*+"
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LEAF = rf"{_STRING.pattern}|-?[0-9][0-9.eE+-]*+|true|false|null|\[{_WS}\]|\{{{_WS}\}}"
# Groups: key, leaf, what follows it; or key, None, None, opening bracket.
_ITEM = re.compile(rf"{_WS}(?:({_STRING.pattern}){_WS}:{_WS})?+(?:({_LEAF}){_WS}([,\]}}]|\Z)|([\[{{]))", re.DOTALL)
_AFTER = re.compile(rf"{_WS}([,\]}}]|\Z)")
_PAIRS = ("[]", "{}")
_NO_KEY = 0xFFFF_FFFF
_MANY = 5_000  # children
_DEEPEST_DECODED = 800  # levels; what filters decode with ends below 1,000
_LONGEST_NEGATIVE = 100  # digits to which expressions calculate, and a sign is a calculation
_LONGEST_PATH = LONGEST // 2  # characters
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"(?:[^\W\d]|[$@])[\w$@]*+")


class NodeKind(StrEnum):
    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


_KINDS = {"{": NodeKind.OBJECT, "[": NodeKind.ARRAY, '"': NodeKind.STRING, "n": NodeKind.NULL} | dict.fromkeys(
    "tf", NodeKind.BOOLEAN
)


class JsonTree:
    """`trouble` says why nodes are missing at the end, "" if none are. `partial`: `text` is the beginning of a longer
    one, whose end is no trouble. Some 0.2 s for 100,000 nodes."""

    def __init__(self, text: str, *, partial: bool = False) -> None:
        self.text = text
        self.trouble = ""
        self._starts, self._ends = array("I", [0]), array("I", [0])
        self._keys = array("I", [_NO_KEY])  # where the key stands
        self._parents, self._rows, self._counts = array("I", [0]), array("I", [0]), array("I", [0])
        self._afters = array("I", [0])  # the node that comes after all inside of this one; 0: it is not closed
        self._children: dict[int, array[int]] = {}
        self._depth = self.deepest = 0
        at = len(text) - len(text[self._read() :].lstrip(" \t\n\r"))
        if at < len(text) and not self.trouble and not partial:
            line = text.count("\n", 0, at) + 1
            self.trouble = f"Not read from line {line}, column {at - text.rfind(chr(10), 0, at)} on: this is no JSON."
        for node, number in enumerate(self._counts):
            if number > _MANY:
                self.children(node)  # not on the window's thread

    # ---- reading

    def _read(self) -> int:
        """Returns how far it came."""
        text, at, parent = self.text, 0, 0
        while True:
            item = _ITEM.match(text, at)
            if not item or (item[1] is None) is (text[self._starts[parent]] == "{" and parent > 0):
                return at
            _, leaf, end, opening = item.groups()
            if leaf and not end and parent:
                return at  # the text may end within it
            if len(self._starts) > MOST_NODES:
                self.trouble = f"Only the first {MOST_NODES:,} nodes are shown."
                return at
            start = item.start(2 if leaf else 4)
            node = self._add(parent, start, item.end(2) if leaf else 0, item.start(1) if item[1] else _NO_KEY)
            at = item.end()
            if opening:
                parent = node
                self._depth += 1
                self.deepest = max(self.deepest, self._depth)
                continue
            while end != ",":
                if not parent:
                    return at
                after = self._close(parent, at, end)
                if not after:
                    return at - 1
                parent, at, end = self._parents[parent], after.end(), after[1]

    def _add(self, parent: int, start: int, end: int, key: int) -> int:
        node = len(self._starts)
        self._starts.append(start)
        self._ends.append(end)
        self._keys.append(key)
        self._parents.append(parent)
        self._rows.append(self._counts[parent])
        self._counts[parent] += 1
        self._counts.append(0)
        self._afters.append(node + 1 if end else 0)
        return node

    def _close(self, node: int, at: int, bracket: str) -> re.Match[str] | None:
        """`at` is behind the bracket; None where it closes something else."""
        if self.text[self._starts[node]] + bracket not in _PAIRS:
            return None
        self._ends[node] = at
        self._afters[node] = len(self._starts)
        self._depth -= 1
        return _AFTER.match(self.text, at)

    # ---- nodes

    @property
    def top(self) -> int:
        """The node whose children are shown first: the value, or the document if the value has no children."""
        return 1 if self._counts[0] and self._counts[1] else 0

    def __len__(self) -> int:
        """Nodes below the document."""
        return len(self._starts) - 1

    def kind(self, node: int) -> NodeKind:
        return _KINDS.get(self.text[self._starts[node]], NodeKind.NUMBER)

    def count(self, node: int) -> int:
        """Children; those that were read if it is not `closed`."""
        return self._counts[node]

    def closed(self, node: int) -> bool:
        return self._ends[node] > 0

    def parent(self, node: int) -> int:
        return self._parents[node]

    def row(self, node: int) -> int:
        """Its place among the children of its parent."""
        return self._rows[node]

    def children(self, node: int) -> Sequence[int]:
        found = self._children.get(node)
        if found is None:
            found = self._children[node] = array("I")
            child = node + 1
            for _ in range(self._counts[node]):
                found.append(child)
                child = self._afters[child]
        return found

    def name(self, node: int) -> str | None:
        """The key without quotes and escapes; None for an element of an array."""
        key = self._keys[node]
        if key == _NO_KEY:
            return None
        match = _STRING.match(self.text, key)
        return _unescaped(match[0]) if match else ""

    def span(self, node: int) -> tuple[int, int]:
        """Where it begins in the text, and where it ends."""
        return self._starts[node], self._ends[node] or len(self.text)

    def key_start(self, node: int) -> int:
        """Where its key begins, or itself without one."""
        key = self._keys[node]
        return self._starts[node] if key == _NO_KEY else key

    def written(self, node: int, most: int | None = None) -> str:
        """As it stands in the text; its first `most` characters."""
        start, end = self.span(node)
        return self.text[start : end if most is None else min(end, start + most)]

    def content(self, node: int) -> str:
        """What to copy: of a string what it says, of all else what is written."""
        return _unescaped(self.written(node)) if self.kind(node) is NodeKind.STRING else self.written(node)

    # ---- in the language of filters

    def path(self, node: int, base: str = "value") -> str | None:
        """`value.items[0].sku`; None where no expression leads: to a key that a later one replaces, or too deep."""
        steps: list[str] = []
        size = 0
        while self._parents[node]:
            step = self._step(node)
            size += len(step or "")
            if step is None or size > _LONGEST_PATH or self.deepest > _DEEPEST_DECODED:
                return None
            steps.append(step)
            node = self._parents[node]
        return base + "".join(reversed(steps))

    def condition(self, node: int, base: str = "value") -> str | None:
        """An expression that holds for records with this value here; of an object or an array that there is one."""
        path = self.path(node, base)
        if path is None:
            return None
        kind = self.kind(node)
        if kind in (NodeKind.OBJECT, NodeKind.ARRAY):
            return f"exists({path})"
        if self._ends[node] - self._starts[node] > LONGEST:
            return None
        literal = quoted(self.content(node)) if kind is NodeKind.STRING else self.written(node)
        if literal is None or (literal[0] == "-" and len(literal) > _LONGEST_NEGATIVE):
            return None
        expression = f"{path} == {literal}"
        try:
            parse(expression)
        except Failure:
            return None
        return expression

    def _step(self, node: int) -> str | None:
        name = self.name(node)
        if name is None:
            return f"[{self._rows[node]}]"
        later, parent = self._afters[node], self._parents[node]
        while 0 < later < len(self._starts) and self._parents[later] == parent:
            if self.name(later) == name:
                return None  # of duplicate keys the last counts
            later = self._afters[later]
        return step(name)


def step(name: str) -> str | None:
    """How an expression goes on to a field: `.name` or `["a name"]`; None if it cannot."""
    if _PLAIN_NAME.fullmatch(name):
        return f".{name}"
    inside = quoted(name)
    return None if inside is None else f"[{inside}]"


def quoted(text: str) -> str | None:
    """A text as an expression has it, on one line; None for half surrogates, which no expression can say."""
    if _HALF.search(text):
        return None
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(map(_printable, escaped))}"'


def _printable(character: str) -> str:
    if character.isprintable() or character > "\uffff":
        return character
    return f"\\u{ord(character):04x}"


def _unescaped(lexeme: str) -> str:
    if "\\" not in lexeme:
        return lexeme[1:-1]
    try:
        return str(json.loads(lexeme, strict=False))
    except ValueError:  # an escape that JSON does not have
        return lexeme[1:-1]
