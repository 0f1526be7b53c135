"""Comparisons of two parts of an expression, as functions of a record made for what is known of the parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Final

from kexplorer.formats.expression import wrong
from kexplorer.formats.functions import NUMBERS, Kind, is_absent, ordered, same
from kexplorer.formats.rows import Run

UNKNOWN: Final = object()
ORDERS = {"<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled node. `text` is there for what is a text by itself, and its JSON if asked for anything else."""

    kind: Kind
    run: Run
    column: int
    constant: Any = UNKNOWN
    text: Run | None = None


def constant(value: Any, column: int) -> Part:
    kind = Kind.NULL if value is None else _KIND_OF.get(value.__class__, Kind.NUMBER)
    return Part(kind, lambda _row: value, column, value)


_KIND_OF = {str: Kind.TEXT, bool: Kind.CONDITION}


def resolved(part: Part, other: Part) -> Run:
    """How `part` is to be seen beside `other`."""
    run, as_text, beside = part.run, part.text, other.run
    if not as_text:
        return run
    if other.kind is Kind.TEXT or other.text:
        return as_text
    if other.kind is not Kind.ANY:
        return run
    return lambda row: as_text(row) if beside(row).__class__ is str else run(row)


def _comparable(left: Part, right: Part) -> None:
    if Kind.ANY not in (left.kind, right.kind) and left.kind is not right.kind:
        hint = 'Texts stand in quotes, numbers do not, a time is time("2026-11-23T10:00Z").'
        wrong(right.column, f"{left.kind} is compared with {right.kind}, which is never true", hint)


def absence(part: Part) -> Run:
    run = part.run
    return lambda row: is_absent(run(row))


def equality(left: Part, right: Part, operator: str) -> Run:
    if left.constant is not UNKNOWN:
        left, right = right, left
    if right.constant is None:
        absent = absence(left)
        return absent if operator == "==" else lambda row: not absent(row)
    _comparable(left, right)
    a, b, constant = resolved(left, right), resolved(right, left), right.constant
    if operator == "!=":
        return lambda row: not (is_absent(x := a(row)) or is_absent(y := b(row)) or same(x, y))
    if constant.__class__ is str:
        return lambda row: a(row) == constant
    if constant.__class__ is bool:
        return lambda row: a(row) is constant
    if constant.__class__ in NUMBERS:
        return lambda row: (x := a(row)) == constant and x.__class__ in NUMBERS
    return lambda row: not is_absent(x := a(row)) and same(x, b(row))


def listed(x: Part, items: Sequence[Part], wanted: bool) -> Run:
    """In a list that is written out: texts alone or numbers alone are looked up, however many they are."""
    kinds = {each.kind for each in items}
    classes = NUMBERS if kinds == {Kind.NUMBER} else frozenset((str,))
    if kinds in ({Kind.TEXT}, {Kind.NUMBER}) and all(each.constant is not UNKNOWN for each in items):
        _comparable(x, items[0])
        run, some = resolved(x, items[0]), frozenset(each.constant for each in items)
        if wanted:
            return lambda row: (found := run(row)).__class__ in classes and found in some
        return lambda row: not (is_absent(found := run(row)) or (found.__class__ in classes and found in some))
    one_of = [equality(x, each, "==") for each in items]
    if wanted:
        return lambda row: any(each(row) for each in one_of)
    return lambda row: not (is_absent(x.run(row)) or any(each(row) for each in one_of))


def order(left: Part, right: Part, operator: str) -> Run:
    _comparable(left, right)
    if Kind.NULL in (left.kind, right.kind):
        wrong(left.column, "null has no order", "Use == null or != null.")
    a, b, holds, constant = resolved(left, right), resolved(right, left), ORDERS[operator], right.constant
    if constant.__class__ in NUMBERS:
        return lambda row: (x := a(row)).__class__ in NUMBERS and holds(x, constant)
    return lambda row: ordered(holds, a(row), b(row))
