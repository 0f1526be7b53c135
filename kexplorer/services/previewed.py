"""What is told of a change before it is sent, as values and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kexplorer.formats.numbers import count
from kexplorer.model.changes import Change

NOTHING = "–"
HIDDEN = "(hidden)"


class Row(NamedTuple):
    """One thing that changes: what it is now, and what it will be."""

    what: str
    old: str
    new: str


@dataclass(slots=True)
class Preview:
    """`destroys`: records or rights are lost by it. `typed` is what must be typed on a production profile then: the one
    name that is destroyed, or how many and where. `command` does the same with Kafka's own tools."""

    change: Change
    command: str
    typed: str = ""
    destroys: bool = False
    sentences: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def destroy(self, names: Iterable[str], cluster: str) -> None:
        found = list(names)
        self.destroys = True
        self.typed = found[0] if len(found) == 1 else f"{len(found)} {cluster}"


def named(names: Iterable[str], what: str, article: str = "the") -> str:
    found = list(names)
    return f"{article} {what} {found[0]}" if len(found) == 1 else f"{count(len(found))} {what}s"


def verb(number: int) -> str:
    return "is" if number == 1 else "are"


def many(number: int, what: str, plural: str = "") -> str:
    return f"{count(number)} {what if number == 1 else plural or what + 's'}"
