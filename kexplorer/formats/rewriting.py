"""What a replay makes of a record: expressions of the filter language over it, as bytes again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from kexplorer.formats.column import as_json
from kexplorer.formats.evaluate import compile_value
from kexplorer.formats.expression import Node, Path, parse
from kexplorer.formats.filters import compile_filter
from kexplorer.formats.functions import milliseconds
from kexplorer.formats.payloads import MISSING, document
from kexplorer.model.failure import Failure, FailureKind
from kexplorer.model.records import Header, Record
from kexplorer.model.replay import Rewrite
from kexplorer.model.search import FilterKind, FilterSpec

_LONGEST = 1 << 30  # characters of a value that was made
_INT64 = (1 << 63) - 1
_PARTITIONS = 1 << 31
Run = Callable[[Record], Any]


class Made(NamedTuple):
    """A record to write. `partition` None: as the plan maps partitions. `timestamp` None: when it is sent."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    partition: int | None
    timestamp: int | None


def named(wanted: Iterable[str], exactly: Iterable[str] = ()) -> re.Pattern[str] | None:
    """Matches the whole name of a header that is wanted: * at an end stands for anything. None: there are none."""
    parts = [re.escape(each.removesuffix("*")) + (".*" if each.endswith("*") else "") for each in wanted]
    parts += map(re.escape, exactly)
    return re.compile("|".join(parts), re.DOTALL) if parts else None


class Rewriter:
    """Compiled once for the records of one topic; `now` is what ago() counts from. Raises `Failure`(INVALID) that names
    the key of the plan."""

    def __init__(self, rewrite: Rewrite, topic: str, now: int) -> None:
        def compiled(name: str, text: str) -> Run | None:
            return _run(name, text, topic, now) if text else None

        self._key = compiled("change.key", rewrite.key)
        self._value = compiled("change.value", rewrite.value)
        self._partition = compiled("change.partition", rewrite.partition)
        self._timestamp = compiled("change.timestamp", rewrite.timestamp)
        self._fields = [
            (_steps(path), _run(f"change.fields.{path}", text, topic, now)) for path, text in rewrite.fields.items()
        ]
        self._headers = {
            name: _run(f"change.headers.{name}", text, topic, now) for name, text in rewrite.headers.items()
        }
        self._removed = named(rewrite.remove_headers, rewrite.headers)
        self._drop = _dropping(rewrite.drop, topic, now)

    def __call__(self, record: Record) -> Made | None:
        """None: dropped. Raises `Failure`(INVALID) for a record of which an expression makes nothing that can be
        written. `record` has its headers."""
        headers: tuple[Header, ...] = record.headers or ()
        if self._drop and self._drop(record):
            return None
        value = record.value
        if self._value:
            value = _bytes("change.value", self._value(record))
        elif self._fields and value is not None:
            value = self._edited(record, value)
        if self._removed:
            headers = tuple(each for each in headers if not self._removed.fullmatch(each[0]))
            made = [(name, _bytes(f"change.headers.{name}", run(record))) for name, run in self._headers.items()]
            headers += tuple(made)
        return Made(
            _bytes("change.key", self._key(record)) if self._key else record.key,
            value,
            headers,
            _partition(self._partition(record)) if self._partition else None,
            _time(self._timestamp(record)) if self._timestamp else record.timestamp,
        )

    def _edited(self, record: Record, value: bytes) -> bytes:
        """All expressions see the value as it was. A path that is not there stays away."""
        whole: Any = document(value)
        if whole.__class__ not in (dict, list):
            text = "The value is no JSON object or list, so change.fields cannot edit it."
            raise Failure(FailureKind.INVALID, text, "Filter for those that are.")
        for steps, run in self._fields:
            found: Any = whole
            for step in steps[:-1]:
                found = _inside(found, step)
            if _inside(found, steps[-1]) is not MISSING:
                made = run(record)
                found[steps[-1]] = None if made is MISSING else made
        return _bytes("change.fields", whole) or b""


def _dropping(text: str, topic: str, now: int) -> Run | None:
    if not text:
        return None
    try:
        found = compile_filter(FilterSpec(text, FilterKind.EXPRESSION), topic=topic, now=now).matches
    except Failure as failure:
        raise _named("change.drop", failure) from None
    return lambda r: found(r.key, r.value, r.headers, r.partition, r.offset, r.timestamp)


def _run(name: str, text: str, topic: str, now: int) -> Run:
    try:
        tree = parse(text)
        run, fields = compile_value(tree, topic, now)
    except Failure as failure:
        raise _named(name, failure) from None
    if verbatim := _verbatim(tree):
        return verbatim

    def evaluate(record: Record) -> Any:
        value = record.value
        found = fields.decode(value) if fields and value else None
        row = (found, value, record.key, record.headers, record.partition, record.offset, record.timestamp, value)
        return run(row)

    return evaluate


def _verbatim(tree: Node) -> Run | None:
    """A whole key, value or header by itself keeps its bytes, whatever they are."""
    match tree:
        case Path("value", _, ()):
            return lambda record: record.value
        case Path("key", _, ()):
            return lambda record: record.key
        case Path("headers", wanted, ()):
            return lambda record: next((value for name, value in record.headers or () if name == wanted), MISSING)
    return None


def _steps(path: str) -> tuple[str | int, ...]:
    try:
        tree = parse(path)
    except Failure as failure:
        raise _named(f"change.fields.{path}", failure) from None
    if isinstance(tree, Path) and tree.base == "value" and tree.steps and None not in tree.steps:
        return tree.steps  # type: ignore[return-value]
    text = f"The plan, key change.fields.{path}: this is no field of the value."
    raise Failure(FailureKind.INVALID, text, 'Write a path such as "value.customer.card".')


def _inside(found: Any, step: str | int) -> Any:
    if found.__class__ is dict and step.__class__ is str:
        return found.get(step, MISSING)
    if found.__class__ is list and isinstance(step, int) and -len(found) <= step < len(found):
        return found[step]
    return MISSING


def _named(name: str, failure: Failure) -> Failure:
    return Failure(failure.kind, failure.message.replace("The filter,", f"The plan, key {name},", 1), failure.hint)


def _bytes(name: str, made: Any) -> bytes | None:
    if made is None or made is MISSING:
        return None
    if made.__class__ is bytes:
        return bytes(made)
    try:
        return (made if made.__class__ is str else as_json(made, _LONGEST)).encode("utf-8")
    except UnicodeEncodeError:
        text = f"What {name} makes of the record has half a character, which cannot be written as UTF-8."
        raise Failure(FailureKind.INVALID, text, "Write another expression.") from None


def _partition(made: Any) -> int | None:
    if made is None or made is MISSING:
        return None
    if made.__class__ in (int, Decimal) and 0 <= made < _PARTITIONS and made % 1 == 0:
        return int(made)
    text = f"change.partition makes “{str(made)[:80]}” of the record, which is no partition."
    raise Failure(FailureKind.INVALID, text, "Write one that makes a whole number, such as value.customer % 3.")


def _time(made: Any) -> int | None:
    if made is None:
        return None
    ms = milliseconds(made) if made.__class__ is str else made
    if ms.__class__ in (int, Decimal) and 0 < ms <= _INT64:
        return int(ms)
    text = f"change.timestamp makes “{str(made)[:80]}” of the record, which is no time."
    raise Failure(FailureKind.INVALID, text, "Write milliseconds since 1970, a time of ISO 8601, or null for now.")
