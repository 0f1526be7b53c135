"""Changes of a JSON document that are JSON themselves: merge patches (RFC 7396) and patches (RFC 6902).

Documents are those of `payloads`, with exact numbers. Nothing is changed in place: a document that was patched shares
with the one before what is the same in both. An own one, because the library `jsonpatch` copies the whole document for
each patch and holds 1 and true for the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kexplorer.formats.functions import same
from kexplorer.formats.payloads import MISSING, Document

_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_ESCAPED = re.compile("~(.?)", re.DOTALL)
_MOST_COPIED = 100_000  # values: each "copy" of the whole into itself doubles it


class NotApplicable(ValueError):  # noqa: N818  (it is an answer rather than an error)
    """Why a patch does not fit, in a clause without a full stop."""


def merged(target: Document, patch: Document) -> Document:
    """RFC 7396. `target` MISSING: there is nothing yet."""
    if patch.__class__ is not dict:
        return patch
    made = dict(target) if target.__class__ is dict else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), value)
    return made


def patched(target: Document, patch: Document) -> Document:
    """RFC 6902: all operations or none. MISSING is left where the whole was removed. Raises NotApplicable."""
    if patch.__class__ is not list:
        raise NotApplicable("it is no list of operations")
    for number, operation in enumerate(patch, 1):
        try:
            target = _applied(target, operation)
        except NotApplicable as why:
            raise NotApplicable(f"operation {number}, {_named(operation)}: {why}") from None
    return target


def _applied(whole: Document, operation: Any) -> Document:
    if operation.__class__ is not dict:
        raise NotApplicable("it is no object")
    path = _pointer(operation, "path")
    match operation.get("op"):
        case "add":
            return _added(whole, path, _member(operation, "value"))
        case "replace":
            _at(whole, path)
            return _changed(whole, path, _replacing(_member(operation, "value")))
        case "remove":
            _at(whole, path)
            return _changed(whole, path, _removing)
        case "copy":
            return _added(whole, path, _bounded(_at(whole, _pointer(operation, "from"))))
        case "move":
            return _moved(whole, _pointer(operation, "from"), path)
        case "test":
            if not same(_at(whole, path), _member(operation, "value")):
                raise NotApplicable("the value there is another one")
            return whole
    raise NotApplicable("there is no such operation")


def _named(operation: Any) -> str:
    if operation.__class__ is not dict:
        return "which cannot be read"
    return f"{str(operation.get('op'))[:20]} “{str(operation.get('path'))[:200]}”"


def _member(operation: dict[str, Any], name: str) -> Any:
    if name not in operation:
        raise NotApplicable(f"it has no “{name}”")
    return operation[name]


def _pointer(operation: dict[str, Any], name: str) -> tuple[str, ...]:
    """The steps of a JSON Pointer (RFC 6901)."""
    text = _member(operation, name)
    if text.__class__ is not str or (text and text[0] != "/"):
        raise NotApplicable(f"“{name}” is no JSON Pointer: one begins with /")
    return tuple(_ESCAPED.sub(_character, step) for step in text.split("/")[1:])


def _character(escape: re.Match[str]) -> str:
    if escape[1] not in ("0", "1"):
        raise NotApplicable("in a JSON Pointer, ~ is written ~0 and / is written ~1")
    return "/" if escape[1] == "1" else "~"


def _at(whole: Document, path: tuple[str, ...]) -> Document:
    for step in path:
        whole = whole[_existing(whole, step)]
    if whole is MISSING:
        raise NotApplicable("there is no document")
    return whole


def _existing(container: Document, step: str) -> Any:
    """What `step` is called in Python."""
    if container.__class__ is dict and step in container:
        return step
    if container.__class__ is list and _INDEX.fullmatch(step) and int(step) < len(container):
        return int(step)
    raise NotApplicable(f"there is no “{step[:200]}”")


_Change = Callable[[Any, str], Any]  # changes a container at a step


def _changed(whole: Document, path: tuple[str, ...], change: _Change) -> Document:
    """With copies of the containers on the way. The document itself is changed as if it were a field."""
    if not path:
        return change({"": whole}, "").get("", MISSING)
    if whole.__class__ not in (dict, list):
        raise NotApplicable(f"there is no “{path[0][:200]}”")
    made = whole.copy()
    if path[1:]:
        step = _existing(made, path[0])
        made[step] = _changed(made[step], path[1:], change)
        return made
    return change(made, path[0])


def _added(whole: Document, path: tuple[str, ...], value: Any) -> Document:
    def add(container: Any, step: str) -> Any:
        if container.__class__ is dict:
            container[step] = value
        elif step == "-":
            container.append(value)
        elif _INDEX.fullmatch(step) and int(step) <= len(container):
            container.insert(int(step), value)
        else:
            raise NotApplicable(f"the list has {len(container):,} elements, so there is no place “{step[:200]}”")
        return container

    return _changed(whole, path, add)


def _replacing(value: Any) -> _Change:
    def replace(container: Any, step: str) -> Any:
        container[_existing(container, step)] = value
        return container

    return replace


def _removing(container: Any, step: str) -> Any:
    del container[_existing(container, step)]
    return container


def _moved(whole: Document, start: tuple[str, ...], end: tuple[str, ...]) -> Document:
    value = _at(whole, start)
    if start == end:
        return whole
    if end[: len(start)] == start:
        raise NotApplicable("nothing can be moved into itself")
    return _added(_changed(whole, start, _removing), end, value)


def _bounded(value: Document) -> Document:
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if each.__class__ in (dict, list):
            waiting += each.values() if each.__class__ is dict else each
        count += 1
        if count + len(waiting) > _MOST_COPIED:
            raise NotApplicable(f"more than {_MOST_COPIED:,} values would be copied")
    return value
