"""From events to the state of an entity: what a record says, and what each way of folding makes of it.

A state is a document of `payloads`, or MISSING: before the first event, and after a tombstone. It is never changed in
place, so that all states of a history can be kept: they share what did not change.

Expressions are those of filters, with `event` (the value, which is also called `value`) and `state`, and functions that
build values:

    balance = coalesce(state.balance, 0) + event.amount
    status = if(event.type == "Closed", "closed", state.status)
    items = append(state.items, object("sku", event.sku, "qty", event.qty))

All lines see the state as it was before the event. A field whose expression finds nothing is removed.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from kexplorer.formats import evaluate
from kexplorer.formats.comparing import Part as Compiled
from kexplorer.formats.decode import decode
from kexplorer.formats.decoded_fields import PartReader
from kexplorer.formats.expression import LONGEST, Call, Field, Node, Parser, Path, Token, wrong
from kexplorer.formats.functions import Function, Kind, is_absent, same
from kexplorer.formats.json_patch import NotApplicable, merged, patched
from kexplorer.formats.payloads import MISSING, Document, Undecodable, document
from kexplorer.formats.rows import Row, Run, text_of, walker
from kexplorer.formats.rows import payload as payload_of
from kexplorer.formats.schemas import SchemaSource
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.folding import FoldKind, FoldSpec
from kexplorer.model.records import Record
from kexplorer.model.schemas import Part

State = Document


@dataclass(frozen=True, slots=True)
class Event:
    """A record and its value as a document. `is_json` False: the value is the text, or "base64:" and the bytes, of what
    is no JSON and has no schema. `key` and `payload` are JSON where there is a schema, as they were sent elsewhere."""

    record: Record
    value: Document
    is_json: bool
    key: bytes | None
    payload: bytes | None

    @property
    def is_tombstone(self) -> bool:
        return self.record.value is None


class EventReader:
    """Reads records of any topics as Messages shows them; with `schemas` that may wait, it may wait, too."""

    def __init__(self, schemas: SchemaSource) -> None:
        self._schemas = schemas
        self._readers: dict[str, PartReader] = {}

    def read(self, record: Record) -> Event:
        """Raises `Failure`(UNREADABLE) for a value that has a schema but cannot be read with it."""
        reader = self._readers.get(record.topic)
        if reader is None:
            reader = self._readers[record.topic] = PartReader(self._schemas, record.topic)
        key, value = record.key, record.value
        if key:
            known = reader.as_json(key, Part.KEY, record.headers, key)
            key = key if isinstance(known, Undecodable) else known
        if value is None:
            return Event(record, None, True, key, None)
        found = reader.as_json(value, Part.VALUE, record.headers, record.key)
        if isinstance(found, Undecodable):
            raise Failure(FailureKind.UNREADABLE, f"The value cannot be decoded: {found.why}.")
        whole = document(found)
        if whole is not MISSING:
            return Event(record, whole, True, key, found)
        return self._guessed(record, value, key)

    def _guessed(self, record: Record, value: bytes, key: bytes | None) -> Event:
        guess = decode(value, None, self._schemas, record.topic, headers=record.headers or (), key=record.key)
        if guess.is_json and guess.text is not None:
            found = guess.text.encode(errors="replace")
            whole = document(found)
            if whole is not MISSING:  # deeper than can be parsed
                return Event(record, whole, True, key, found)
        text = guess.text if guess.text is not None else "base64:" + b64encode(value).decode() if value else ""
        return Event(record, text, False, key, value)


@dataclass(frozen=True, slots=True)
class Fold:
    """`apply` makes the state after an event of the one before, which it leaves as it is; a tombstone makes MISSING.
    Raises `Failure`(INVALID) for an event that cannot be folded."""

    apply: Callable[[State, Event], State]


def make_fold(spec: FoldSpec, now: int = 0) -> Fold:
    """`now` is what ago() counts from, in milliseconds since 1970. Raises `Failure`(INVALID), which says the line, the
    column and what to write instead."""
    step = _assigning(spec.text, now) if spec.kind is FoldKind.EXPRESSION else _part_wise(spec, now)

    def apply(state: State, event: Event) -> State:
        if event.is_tombstone:
            return MISSING
        try:
            return step(state, event)
        except RecursionError:
            raise Failure(FailureKind.INVALID, "The event or the state is nested too deeply.") from None

    return Fold(apply)


_Step = Callable[[State, Event], State]


def _part_wise(spec: FoldSpec, now: int) -> _Step:
    part, text = _compiled(spec.text, now).run if spec.text.strip() else None, spec.text.strip()

    def counted(state: State, event: Event) -> Document:
        if part is None:
            if not event.is_json and spec.kind is not FoldKind.LAST:
                raise Failure(FailureKind.INVALID, f"The value is no JSON, so it is no {_PATCHES[spec.kind]}.")
            return event.value
        found = part(_row(state, event))
        if found is MISSING:
            raise Failure(FailureKind.INVALID, f"The event has no {text}.")
        return found

    if spec.kind is FoldKind.LAST:
        return counted
    if spec.kind is FoldKind.MERGE:
        return lambda state, event: merged(state, counted(state, event))

    def patch(state: State, event: Event) -> State:
        operations = counted(state, event)
        try:
            return patched({} if state is MISSING else state, operations)
        except NotApplicable as why:
            raise Failure(FailureKind.INVALID, f"The JSON patch does not fit the state: {why}.") from None

    return patch


_PATCHES = {FoldKind.MERGE: "JSON merge patch", FoldKind.PATCH: "JSON patch"}

# ---- expressions

_LINE = re.compile(r'((?:[^="]|"(?:[^"\\]|\\.)*")*?)=(?!=)(.*)', re.DOTALL)
_STATE, _EVENT, _TOPIC = 8, 9, 10  # of a row, behind what conditions on records know; an element of any() is behind all


def _assigning(text: str, now: int) -> _Step:
    lines = [
        (number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip() and line.strip()[0] != "#"
    ]
    if not lines:
        hint = "Write for example: balance = coalesce(state.balance, 0) + event.amount"
        raise Failure(FailureKind.INVALID, "There is no expression.", hint)
    fields = [_assignment(line, number, now) for number, line in lines]

    def assign(state: State, event: Event) -> State:
        row, made = _row(state, event), state
        for steps, run in fields:
            made = _set(made, steps, run(row))
        return made

    return assign


def _assignment(line: str, number: int, now: int) -> tuple[tuple[str | int, ...], Run]:
    found = _LINE.fullmatch(line)
    if not found:
        hint = "Write a field of the state, = and an expression: status = event.status"
        raise Failure(FailureKind.INVALID, f"Line {number}: there is no = in it.", hint)
    where = f"Line {number}"
    target = found[1].strip()
    whole = re.fullmatch(r"state(?![\w$@]).*", target, re.DOTALL)
    tree = _parsed(target if whole else f"state.{target}", where)
    if not isinstance(tree, Path) or tree.base != "state" or None in tree.steps:
        hint = "Write for example status, customer.name or items[0], or state for all of it."
        raise Failure(FailureKind.INVALID, f"{where}: “{target[:80]}” is no field of the state.", hint)
    made = _compiled(" " * found.start(2) + found[2], now, where)
    run = _calculated(made.run, f"{where}: {target}") if made.kind is Kind.NUMBER else made.run
    return tree.steps, run  # type: ignore[return-value]


def _calculated(run: Run, what: str) -> Run:
    """A sum that is wrong once stays wrong: an event that has no number is told, and counts for nothing."""

    def checked(row: Row) -> Any:
        found = run(row)
        if found is None or found is MISSING:
            hint = "coalesce(event.amount, 0) stands for a number that may be missing."
            text = f"{what} has no result: a number is missing, or one is divided by 0."
            raise Failure(FailureKind.INVALID, text, hint)
        return found

    return checked


def _set(found: State, steps: tuple[str | int, ...], value: Any) -> State:
    """With copies of the containers on the way; objects that are not there are made."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        made: Any = dict(found) if found.__class__ is dict else {}
        inner = _set(made.get(step, MISSING), rest, value)
        if inner is MISSING:
            made.pop(step, None)
        else:
            made[step] = inner
        return made
    if found.__class__ is not list or not -len(found) <= step < len(found):
        raise Failure(FailureKind.INVALID, f"The state has no element [{step}] there.", "append() makes a list longer.")
    made = list(found)
    inner = _set(made[step], rest, value)
    made[step : (step + 1) or None] = [] if inner is MISSING else [inner]
    return made


def _row(state: State, event: Event) -> Row:
    record = event.record
    places = (record.source.partition, record.offset, record.timestamp, record.value)
    return (None, event.payload, event.key, record.headers, *places, state, event.value, record.source.topic)


def _compiled(text: str, now: int, where: str = "The expression") -> Compiled:
    tree = _parsed(text, where)
    try:
        return _Compiler(None, "", now)._part(tree)
    except Failure as failure:
        raise _placed(failure, where) from None


def _parsed(text: str, where: str) -> Node:
    try:
        if len(text) > LONGEST:
            wrong(LONGEST + 1, f"it is longer than {LONGEST:,} characters", "Write it shorter.")
        return _FoldParser(text).whole()
    except Failure as failure:
        raise _placed(failure, where) from None


def _placed(failure: Failure, where: str) -> Failure:
    return Failure(failure.kind, failure.message.replace("The filter", where, 1), failure.hint)


class _FoldParser(Parser):
    def _named(self, token: Token) -> Node:
        if token.text in ("state", "event"):
            return Path(token.text, "", self._steps(), token.column)
        return super()._named(token)


class _Compiler(evaluate.Compiler):
    """Knows two documents, `state` and `event`, and more functions."""

    def _part(self, node: Node) -> Compiled:
        if isinstance(node, Field) and node.name == "topic":
            return Compiled(Kind.TEXT, itemgetter(_TOPIC), node.column)
        return super()._part(node)

    def _path(self, path: Path) -> Compiled:
        if path.base not in ("state", "event", "value") or None in path.steps:
            return super()._path(path)
        start = itemgetter(_STATE if path.base == "state" else _EVENT)
        text = None if path.steps or path.base == "state" else text_of(payload_of("value", ""))
        return Compiled(Kind.ANY, walker(start, path.steps), path.column, text=text)

    def _call(self, node: Call) -> Compiled:
        if node.name == "if":
            return self._choice(node)
        function = _BUILDERS.get(node.name)
        if function is None:
            return super()._call(node)
        if not function.least <= len(node.arguments) <= function.most or len(node.arguments) % _EVEN.get(node.name, 1):
            wrong(node.column, f"{node.name}() is not used like this", f"Write {_USES[node.name]}.")
        return self._applied(function, node.arguments, node.column)

    def _choice(self, node: Call) -> Compiled:
        if len(node.arguments) != 3:
            wrong(node.column, "if() takes a condition and two values", f"Write {_USES['if']}.")
        holds, (yes, no) = self.condition(node.arguments[0]), map(self.value, node.arguments[1:])
        return Compiled(Kind.ANY, lambda row: yes(row) if holds(row) else no(row), node.column)


def _first(*values: Any) -> Any:
    return next((each for each in values if not is_absent(each)), values[-1])


def _appended(found: Any, value: Any) -> Any:
    if not is_absent(found) and found.__class__ is not list:
        raise Failure(FailureKind.INVALID, "append() was given something other than a list.")
    return [*(() if is_absent(found) else found), *(() if value is MISSING else (value,))]


def _without(found: Any, name: Any) -> Any:
    """An object without a field, a list without an element."""
    if found.__class__ is dict:
        return {each: value for each, value in found.items() if each != name}
    return [each for each in found if not same(each, name)] if found.__class__ is list else found


def _object(*parts: Any) -> dict[str, Any]:
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if any(name.__class__ is not str for name, _ in pairs):
        raise Failure(
            FailureKind.INVALID, "object() was given a name that is no text.", "text() makes one of a number."
        )
    return {name: value for name, value in pairs if value is not MISSING}


def _merged(*values: Any) -> Any:
    found: Any = MISSING
    for each in values:
        found = found if each is MISSING else merged(found, each)
    return found


def _building(run: Callable[..., Any], least: int, most: int) -> Function:
    return Function(run, Kind.ANY, Kind.ANY, least, most)


_EVEN = {"object": 2}
_BUILDERS = {
    "coalesce": _building(_first, 2, 20),
    "append": _building(_appended, 2, 2),
    "without": _building(_without, 2, 2),
    "object": _building(_object, 2, 40),
    "merge": _building(_merged, 2, 20),
}
_USES = {
    "if": 'if(event.type == "Closed", "closed", state.status)',
    "coalesce": "coalesce(state.balance, 0)",
    "append": "append(state.items, event.item)",
    "without": "without(state.items, event.item)",
    "object": 'object("sku", event.sku, "qty", event.qty)',
    "merge": "merge(state.items, object(event.sku, event.qty))",
}
