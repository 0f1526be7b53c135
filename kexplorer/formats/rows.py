"""Where a condition finds things in a record: its payloads, and fields, elements and arrays in them."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from kexplorer.formats.functions import is_absent
from kexplorer.formats.payloads import MISSING, document, text

# A record as conditions get it. DOCUMENT is what FewFields.decode made of the value. VALUE and KEY are JSON where their
# schema is known, SENT is the value as it was sent; inside any() and all() the element stands behind all.
DOCUMENT, VALUE, KEY, HEADERS, PARTITION, OFFSET, TIMESTAMP, SENT = range(8)
Row = tuple[Any, ...]
Run = Callable[[Row], Any]
Steps = tuple[str | int | None, ...]  # None is `[*]`


def payload(base: str, header: str) -> Run:
    """The bytes of a key, a value or the first header of that name; None for null, MISSING for no such header."""
    if base != "headers":
        return itemgetter(VALUE if base == "value" else KEY)
    return lambda row: next((value for name, value in row[HEADERS] or () if name == header), MISSING)


def all_headers(header: str) -> Run:
    """The texts of all headers of that name."""

    def texts(row: Row) -> Any:
        found = [None if value is None else text(value) for name, value in row[HEADERS] or () if name == header]
        return found or MISSING

    return texts


def text_of(data: Run) -> Run:
    return lambda row: found if is_absent(found := data(row)) else text(found)


def document_of(data: Run) -> Run:
    """JSON, or the text where it is none."""

    def read(row: Row) -> Any:
        found = data(row)
        if is_absent(found):
            return found
        inside = document(found)
        return text(found) if inside is MISSING else inside

    return read


def walker(start: Run, steps: Steps) -> Run:
    return (lambda row: _walked(start(row), steps)) if steps else start


def _walked(found: Any, steps: Steps) -> Any:
    for step in steps:
        if found.__class__ is dict and step.__class__ is str:
            found = found.get(step, MISSING)
        elif found.__class__ is list and isinstance(step, int) and -len(found) <= step < len(found):
            found = found[step]
        else:
            return MISSING
    return found


def array_steps(steps: Steps) -> Steps:
    """Up to the last `[*]`, which stands for the elements."""
    return steps[: len(steps) - 1 - steps[::-1].index(None)]


def elements(start: Run, steps: Steps) -> Run:
    """A list of the array's elements, or of those of all arrays behind each other `[*]`; None where there is no array.

    `steps` are those that lead from `start` to the array."""

    def found(row: Row) -> list[Any] | None:
        level = [start(row)]
        for step in steps:
            level = _spread(level) if step is None else [_walked(each, (step,)) for each in level]
        return _spread(level) if any(each.__class__ is list for each in level) else None

    return found


def _spread(arrays: list[Any]) -> list[Any]:
    return [each for array in arrays if array.__class__ is list for each in array]
