"""Names and values of fields that were seen in records, as filters write them: what a person may want to type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from kexplorer.formats.payloads import MISSING, document, text
from kexplorer.model.records import Record

_MOST_RECORDS = 500  # of one call
_LARGEST = 1 << 16  # bytes of a payload that is decoded
_MOST_STEPS = 1_000  # fields and elements of one record
_MOST_NAMES = 2_000  # of all records
_MOST_INSIDE = 200  # names of one object: beyond that they are data
_MOST_ELEMENTS = 5  # of an array, which are mostly alike
_MOST_VALUES = 50  # kept of a field
_OFFERED = 20  # values
_DEEPEST = 8
_LONGEST_NAME, _LONGEST_VALUE = 100, 60  # characters

_NAME = re.compile(r"(?:[^\W\d]|[$@])[\w$@]*")
_HALF = re.compile("[\ud800-\udfff]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"'}
_KINDS = {dict: "object", list: "list", str: "text", bool: "true or false", int: "number", Decimal: "number"}


class Seen:
    """A field. `path` is how a filter names it, `[*]` for each element of an array; `kinds` are those of its values but
    null, the first seen first; `inside` are an object's fields by name, and under None what an array's elements are."""

    __slots__ = ("_values", "inside", "kinds", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: dict[str, None] = {}
        self.inside: dict[str | None, Seen] = {}
        self._values: Counter[str] = Counter()

    def values(self) -> list[str]:
        """Up to 20, the most frequent first, each as it stands in a filter: texts in quotes."""
        return [value for value, _ in sorted(self._values.items(), key=lambda found: -found[1])[:_OFFERED]]

    def below(self) -> Iterator[Seen]:
        """All fields inside of it, those of one level before the next."""
        level = [self]
        while level:
            level = [inner for each in level for inner in list(each.inside.values())]
            yield from level

    def see(self, value: Any) -> None:
        if value is not None:
            self.kinds[_KINDS[value.__class__]] = None
        written = literal(value)
        if written is not None and (written in self._values or len(self._values) < _MOST_VALUES):
            self._values[written] += 1


class FieldNames:
    """What `learn` found, within bounds. It may be called in one thread while others look."""

    def __init__(self) -> None:
        self.bases = {name: Seen(name) for name in ("value", "key", "headers", "headers_all", "partition", "topic")}
        self._names = 0
        self._steps = 0

    def learn(self, records: Iterable[Record]) -> None:
        """Takes up to 500 records. Payloads larger than 64 kB are passed over; JSON of which only a part is there
        counts as text."""
        for record in islice(records, _MOST_RECORDS):
            self._steps = 0
            self.bases["partition"].see(record.partition)
            self.bases["topic"].see(record.topic)
            self._payload(self.bases["key"], record.key)
            self._payload(self.bases["value"], record.value)
            for name, data in record.headers or ():
                if one := self._inside(self.bases["headers"], name):
                    self._payload(one, data)
                if every := self._inside(self.bases["headers_all"], name):
                    every.see([])

    def find(self, steps: Iterable[str | int | None]) -> Seen | None:
        """A base, such as "value", and what leads on from there; every number and None stand for an element."""
        base, *others = steps
        seen = self.bases.get(str(base))
        for step in others:
            seen = seen.inside.get(step if isinstance(step, str) else None) if seen else None
        return seen

    def _payload(self, seen: Seen, data: bytes | None) -> None:
        if data is None or len(data) <= _LARGEST:
            found = None if data is None else document(data)
            self._walk(seen, text(data) if found is MISSING and data is not None else found, 0)

    def _walk(self, seen: Seen, found: Any, depth: int) -> None:
        self._steps += 1
        seen.see(found)
        if depth == _DEEPEST or self._steps > _MOST_STEPS:
            return
        if found.__class__ is dict:
            for name, value in islice(found.items(), _MOST_INSIDE):
                if inner := self._inside(seen, name):
                    self._walk(inner, value, depth + 1)
        elif found.__class__ is list and found and (inner := self._inside(seen, None)):
            for value in found[:_MOST_ELEMENTS]:
                self._walk(inner, value, depth + 1)

    def _inside(self, seen: Seen, name: str | None) -> Seen | None:
        found = seen.inside.get(name)
        if found or self._names >= _MOST_NAMES or len(seen.inside) >= _MOST_INSIDE:
            return found
        if name is not None and (len(name) > _LONGEST_NAME or _HALF.search(name)):
            return None
        self._names += 1
        made = seen.inside[name] = Seen(seen.path + step(name))
        return made


def step(name: str | None) -> str:
    """How a filter goes on to the field of that name, or with None to each element."""
    if name is None:
        return "[*]"
    return f".{name}" if _NAME.fullmatch(name) else f"[{quoted(name)}]"


def quoted(characters: str) -> str:
    """A text as a filter writes it; what cannot be seen is escaped. Half a character has no way to be written."""
    return '"' + "".join(map(_escaped, characters)) + '"'


def literal(value: Any) -> str | None:
    """A value as a filter writes it; None for one that is too long to be offered, or no text, number or constant."""
    if value is None or value.__class__ is bool:
        return "null" if value is None else "true" if value else "false"
    if value.__class__ is str:
        return quoted(value) if len(value) <= _LONGEST_VALUE and not _HALF.search(value) else None
    if value.__class__ is int:
        return str(value) if value.bit_length() < 3 * _LONGEST_VALUE else None
    if value.__class__ is Decimal and value.is_finite() and abs(value.adjusted()) < _LONGEST_VALUE:
        written = str(value)
        return written if len(written) <= _LONGEST_VALUE else None
    return None


def _escaped(character: str) -> str:
    if character.isprintable() and character not in '"\\':
        return character
    return _ESCAPES.get(character) or (f"\\u{ord(character):04x}" if character <= "\uffff" else character)
