"""What one follows across topics, and the records that it was met in, in the order of their time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kexplorer.model.records import Record


class Where(StrEnum):
    """The values are what a person chooses from. Of all but ANYWHERE the whole key, header or field is the text."""

    ANYWHERE = "Anywhere"
    KEY = "In the key"
    HEADER = "In the header"
    FIELD = "In the field"


@dataclass(frozen=True, slots=True)
class Trail:
    """`name` is that of the header, or the path of the field, such as value.order.id."""

    text: str
    where: Where = Where.ANYWHERE
    name: str = ""

    def holds(self, record: Record) -> bool:
        """Whether a record that was found is meant: headers are searched whatever their name."""
        if self.where is not Where.HEADER:
            return True
        sought = self.text.encode("utf-8", "surrogateescape")
        return any(name == self.name and value == sought for name, value in record.headers or ())


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a trail, counted from 0. `gap` is the number of milliseconds since the one before, None for the
    first and where one of the two has no timestamp."""

    number: int
    record: Record
    gap: int | None


def steps_of(records: Iterable[Record]) -> Sequence[Step]:
    """By timestamp; at the same time by topic, partition and offset. Those without one come first."""
    ordered = sorted(
        records, key=lambda each: (-1 if each.timestamp is None else each.timestamp, *each.source, each.offset)
    )
    steps: list[Step] = []
    before: int | None = None
    for number, record in enumerate(ordered):
        now = record.timestamp
        steps.append(Step(number, record, None if now is None or before is None else now - before))
        before = now
    return steps


def lanes_of(steps: Sequence[Step], topics: Sequence[str]) -> list[str]:
    """The topics in the order in which the trail reaches them; those that it never does at the end."""
    return list(dict.fromkeys([*(step.record.topic for step in steps), *topics]))
