"""What differs between two states of an entity: by path, with the values before and after, and by lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from kexplorer.formats import json_text
from kexplorer.formats.column import as_json
from kexplorer.formats.difference import Difference, Mark, difference, without_comma
from kexplorer.formats.functions import same
from kexplorer.formats.json_tree import step
from kexplorer.formats.payloads import MISSING, Document

_MOST_CHARACTERS = 2_000_000
_MOST_LINES = 100_000
_LONGEST_LINE = 1_000  # characters; a longer one goes on in the next


@dataclass(frozen=True, slots=True)
class Changed:
    """`path` is one of the filter language below `state`, such as items[0].qty; "" is the whole state. `before` is
    MISSING where something was added, `after` where it was removed."""

    path: str
    before: Document
    after: Document

    @property
    def mark(self) -> Mark:
        if self.before is MISSING:
            return Mark.ADDED
        return Mark.REMOVED if self.after is MISSING else Mark.CHANGED


def changes(before: Document, after: Document, most: int) -> list[Changed]:
    """In the order of the fields as they are after; `most` of them at most. What both have in common at the beginning
    and at the end of a list counts as the same elements."""
    try:
        return list(islice(_between(before, after, ""), most))
    except RecursionError:
        return [Changed("", before, after)]


def _between(before: Document, after: Document, path: str) -> Iterator[Changed]:
    if before is after:
        return
    kind = after.__class__
    if kind is before.__class__ and kind is dict:
        yield from _of_objects(before, after, path)
    elif kind is before.__class__ and kind is list:
        yield from _of_lists(before, after, path)
    elif not same(before, after):
        yield Changed(path, before, after)


def _of_objects(before: dict[str, Document], after: dict[str, Document], path: str) -> Iterator[Changed]:
    for name in (*after, *(each for each in before if each not in after)):
        way = step(name) or f"[{json.dumps(name)}]"
        yield from _between(before.get(name, MISSING), after.get(name, MISSING), (path + way).removeprefix("."))


def _of_lists(before: list[Document], after: list[Document], path: str) -> Iterator[Changed]:
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if not same(before[n], after[n])), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if not same(before[-1 - n], after[-1 - n])), rest)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    for n in range(max(len(old), len(new))):
        one, other = (each[n] if n < len(each) else MISSING for each in (old, new))
        yield from _between(one, other, f"{path}[{head + n}]")


@dataclass(frozen=True, slots=True)
class StateLines:
    """Two states as lines of JSON, none for MISSING. `cut`: there are more than these."""

    before: list[str]
    after: list[str]
    found: Difference
    cut: bool


def state_lines(before: Document, after: Document) -> StateLines:
    """Their beginnings where they are large."""
    one, other = _lines(before), _lines(after)
    cut = any(len(lines) == _MOST_LINES or sum(map(len, lines)) >= _MOST_CHARACTERS for lines in (one, other))
    return StateLines(one, other, difference(one, other, without_comma), cut)


def _lines(state: Document) -> list[str]:
    if state is MISSING:
        return []
    text = as_json(state, _MOST_CHARACTERS)
    lines = json_text.pretty_lines(text, partial=len(text) == _MOST_CHARACTERS)
    pieces = (line[at : at + _LONGEST_LINE] for line in lines for at in range(0, len(line), _LONGEST_LINE))
    return list(islice(pieces, _MOST_LINES))
