"""A client's configuration as people keep it: a .properties or .conf file, JSON, or a dict out of a Python program."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_MOST = 1 << 20  # bytes of text
_DEEPEST = 50  # brackets inside each other: Python's parser has a limit of its own, and crashes in some versions
_PAIR = re.compile(r"\s*(?P<name>(?:\\.|[^=:\s\\])+)(?:\s*[=:]\s*|\s+|\s*$)(?P<value>.*)", re.DOTALL)
_PYTHON = re.compile(r"(?:[\w.]+\s*(?::[^=\n]*)?=\s*)?(?:[\w.]+\()?\s*(?:\{|dict\()")  # NAME = Producer({, a part of it
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Entry:
    """`line` counts from 1. A `value` that is no text is None: `code` has how it was written."""

    line: int
    name: str
    value: str | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A line without a setting, as it is."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    line: int
    why: str


Line = Entry | Comment | Unreadable


def read_config(text: str) -> list[Line]:
    """In the order of the text; never raises."""
    if len(text) > _MOST:
        return [Unreadable(1, f"The text is larger than {_MOST >> 20} MB. Give the configuration alone.")]
    if "\0" in text:
        return [Unreadable(text[: text.index("\0")].count("\n") + 1, "There is a NUL character: this is no text.")]
    bare = text.lstrip()
    if _PYTHON.match(bare):
        return _read_python(bare, text[: len(text) - len(bare)].count("\n"))
    return _read_properties(text)


def _read_python(text: str, above: int) -> list[Line]:
    if _depth(text) > _DEEPEST:
        return [Unreadable(above + 1, f"Brackets are nested more than {_DEEPEST} deep.")]
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return [Unreadable(above + line, f"This is neither a Python dict nor JSON: {getattr(error, 'msg', error)}.")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            return [_python_entry(text, above, *pair) for pair in zip(node.keys, node.values, strict=True)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            named = ((ast.Constant(each.arg, lineno=each.value.lineno), each.value) for each in node.keywords)
            return [_python_entry(text, above, *pair) for pair in named]
    return [Unreadable(above + 1, "There is no dict: put it from “{” to “}” here.")]


def _python_entry(text: str, above: int, key: ast.expr | None, value: ast.expr) -> Line:
    line = above + (value.lineno if key is None else key.lineno)
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
        return Unreadable(line, "The name of the setting is not a text in quotes.")
    code = ast.get_source_segment(text, value) or ""
    number = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub)
    if isinstance(value, ast.Constant) or number:
        try:
            return Entry(line, key.value, _shown(ast.literal_eval(value)), code)
        except ValueError:
            pass
    if isinstance(value, ast.Name) and value.id in ("true", "false", "null"):  # JSON
        return Entry(line, key.value, "" if value.id == "null" else value.id, code)
    return Entry(line, key.value, None, code)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _depth(text: str) -> int:
    depth = deepest = 0
    for each in text:
        if each in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif each in ")]}":
            depth -= 1
    return deepest


def _read_properties(text: str) -> list[Line]:
    """As java.util.Properties reads it: a line that ends in a backslash goes on in the next one."""
    found: list[Line] = []
    whole, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not whole:
            began = number
            if not line.strip() or line.lstrip().startswith(("#", "!", "//", ";")):
                found.append(Comment(number, line))
                continue
        whole += line.lstrip() if whole else line
        if (len(whole) - len(whole.rstrip("\\"))) % 2:
            whole = whole[:-1]
            continue
        found.append(_pair(began, whole))
        whole = ""
    if whole:
        found.append(_pair(began, whole))
    return found


def _pair(line: int, text: str) -> Line:
    found = _PAIR.fullmatch(text)
    if found is None:
        return Unreadable(line, "This is no setting: a line is NAME=VALUE.")
    return Entry(line, _unescaped(found["name"]), _unescaped(found["value"].strip()))


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(one, text)
