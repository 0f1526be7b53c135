"""One value of a JSON text put in place of another: all the rest of the text stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from kexplorer.formats.json_text import tokens
from kexplorer.formats.json_tree import JsonTree, NodeKind

_STEP = "  "  # by which a nested line begins later


def found(tree: JsonTree, path: Iterable[str]) -> int | None:
    """The node that the names of fields lead to; the first of several of one name."""
    node: int | None = 1 if len(tree) else None
    for name in path:
        node = None if node is None else _child(tree, node, name)
    return node


def replaced(text: str, path: Sequence[str], value: str) -> str:
    """`text` is JSON, or nothing. `value` stands at `path` then; objects that are missing on the way are made."""
    tree = JsonTree(text)
    if not len(tree):
        return _object(path, value, "\n")
    node = 1
    for n, name in enumerate(path):
        inner = _child(tree, node, name)
        if inner is None:
            return _with_member(tree, node, path[n:], value)
        node = inner
    start, end = tree.span(node)
    return text[:start] + value + text[end:]


def removed(text: str, path: Sequence[str]) -> str:
    """Without the field at `path`, if it is there."""
    tree = JsonTree(text)
    node, around = found(tree, path), found(tree, path[:-1])
    if node is None or around is None:
        return text
    members = list(tree.children(around))
    row = members.index(node)
    if row:
        start, end = tree.span(members[row - 1])[1], tree.span(node)[1]
    elif len(members) > 1:
        start, end = tree.key_start(node), tree.key_start(members[1])
    else:
        start, end = tree.span(around)[0] + 1, tree.span(around)[1] - 1
    return text[:start] + text[end:]


def compact(text: str) -> str:
    """JSON in one line: only white space differs."""
    spaced = {",": ", ", ":": ": "}
    lexemes = (text[start:end] for start, end, _ in tokens(text))
    return "".join(spaced.get(lexeme, lexeme) for lexeme in lexemes)


def _child(tree: JsonTree, node: int, name: str) -> int | None:
    if tree.kind(node) is not NodeKind.OBJECT:
        return None
    return next((each for each in tree.children(node) if tree.name(each) == name), None)


def _with_member(tree: JsonTree, node: int, path: Sequence[str], value: str) -> str:
    """At the end of an object, laid out as what is before it; in place of what is no object."""
    text, (start, end) = tree.text, tree.span(node)
    line = text[text.rfind("\n", 0, start) + 1 : start]
    below = "\n" + line[: len(line) - len(line.lstrip(" \t"))]
    if tree.kind(node) is not NodeKind.OBJECT or not tree.count(node):
        return text[:start] + _object(path, value, below) + text[end:]
    last = tree.children(node)[-1]
    key = tree.key_start(last)
    space = text[len(text[:key].rstrip(" \t\n\r")) : key]
    behind = tree.span(last)[1]
    member = _member(path, value, space if "\n" in space else below)
    return f"{text[:behind]},{space or ' '}{member}{text[behind:]}"


def _object(path: Sequence[str], value: str, below: str) -> str:
    """`below`: what a line begins with that is as far in as this one."""
    return f"{{{below}{_STEP}{_member(path, value, below + _STEP)}{below}}}" if path else value


def _member(path: Sequence[str], value: str, below: str) -> str:
    return f"{json.dumps(path[0], ensure_ascii=False)}: {_object(path[1:], value, below)}"
