"""How the state of an entity follows from its events, as data. All of it can go to a process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FoldKind(StrEnum):
    """The values are what a person chooses from."""

    LAST = "Last value"
    MERGE = "JSON merge patch"  # RFC 7396
    PATCH = "JSON patch"  # RFC 6902
    EXPRESSION = "Expressions"


@dataclass(frozen=True, slots=True)
class FoldSpec:
    """Of EXPRESSION, `text` has a line `path = expression` for each field of the state that an event sets; of all other
    kinds it is the part of the event that counts, such as `event.after`, and "" for all of it. Only
    `formats.folding.make_fold` tells whether it can be run."""

    kind: FoldKind = FoldKind.LAST
    text: str = ""
